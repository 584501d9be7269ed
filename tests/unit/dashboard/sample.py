"""One day of public rows, July 21, 2026 at 13:04:48 UTC: prices and station values as recorded, trades
made up."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from dashboard.bundles import Live
from dashboard.cities import PLACES
from dashboard.rows import (
    BoardRow,
    Bracket,
    CityMetric,
    EquityPoint,
    FunnelStep,
    Health,
    LostReason,
    PageState,
    PublicTrade,
    StrategyMetric,
)

AS_OF = datetime(2026, 7, 21, 13, 4, 48, tzinfo=UTC)
LATE = datetime(2026, 7, 21, 12, 0, tzinfo=UTC)
TODAY = date(2026, 7, 21)
# city: high so far, forecast, spread of it, middle 80 %, degrees where the first inner bracket starts, market
# mids and our chances in percent, spread in cents, depth
_DAY = {
    "NYC": (74, "79.9", "2.9", (77, 80, 83), 79,
        "36.0 38.0 22.5 4.5 0.5 0.5", "33.3 30.5 22.2 8.3 2.9 2.8", 2, 74_120),
    "CHI": (75, "85.0", "2.7", (82, 85, 88), 84,
        "7.5 25.5 45.5 15.5 3.5 0.5", "23.3 34.3 25.4 13.8 2.5 0.7", 1, 39_400),
    "LAX": (72, "83.4", "2.8", (80, 83, 87), 73,
        "0.5 0.5 0.5 5.0 29.5 68.5", "0.2 0.3 0.6 2.3 13.5 83.1", 1, 152_300),
    "MIA": (84, "92.2", "1.5", (90, 92, 94), 89,
        "0.5 2.5 41.5 56.5 3.0 0.5", "1.7 7.4 46.4 40.6 3.3 0.6", 1, 52_000),
    "AUS": (77, "101.8", "2.8", (99, 102, 105), 95,
        "0.5 1.5 7.0 26.5 52.5 7.5", "0.5 1.7 3.8 25.4 43.3 25.3", 1, 42_100),
    "DEN": (81, "95.6", "3.2", (92, 95, 100), 89,
        "0.5 1.5 9.5 37.5 40.0 8.5", "1.2 2.7 8.0 26.4 31.9 29.8", 2, 33_000),
    "PHL": (79, "87.5", "3.6", (83, 87, 92), 81,
        "0.5 1.5 6.5 29.5 45.5 23.5", "2.8 3.2 8.8 25.4 27.0 32.8", 1, 25_100),
    "BOS": (70, "81.1", "2.2", (78, 81, 84), 77,
        "3.5 7.0 31.0 46.5 15.5 1.5", "3.0 7.4 26.2 36.8 22.9 3.7", 3, 25_300),
    "SEA": (68, "92.3", "2.6", (89, 92, 96), 88,
        "2.5 10.5 26.5 43.0 21.5 2.5", "4.5 7.6 21.6 34.2 25.5 6.6", 4, 28_000),
    "SFO": (64, "80.7", "3.0", (77, 81, 85), 75,
        "1.5 3.5 6.0 11.5 18.0 65.5", "2.9 7.3 12.1 22.8 21.9 33.0", 1, 37_000),
}  # fmt: skip


def ladder(first: int, mids: str, ours: str | None) -> tuple[Bracket, ...]:
    """Six brackets: two ends and four of two degrees from ``first``; chances in percent."""
    middle = [Decimal(m) / 100 for m in mids.split()]
    model: list[Decimal | None] = [Decimal(p) / 100 for p in ours.split()] if ours else [None] * 6
    spans: list[tuple[int | None, int | None]] = [(None, first - 1)]
    spans += [(first + 2 * i, first + 2 * i + 1) for i in range(4)]
    spans.append((first + 8, None))
    names = [
        f"{hi}° or below" if lo is None else f"{lo}° or above" if hi is None else f"{lo}° to {hi}°"
        for lo, hi in spans
    ]
    half = Decimal("0.005")
    return tuple(
        Bracket(
            label=name, lo=lo, hi=hi, yes_bid=m - half, yes_ask=m + half, mid=m, bid_size=Decimal(120),
            ask_size=Decimal(80), model_p=p, is_leading=m == max(middle), is_winner=None,
        )
        for name, (lo, hi), m, p in zip(names, spans, middle, model, strict=True)
    )  # fmt: skip


def board_row(code: str, *, is_today: bool = True, market_type: str = "HIGH") -> BoardRow:
    position, place = next((i, p) for i, p in enumerate(PLACES) if p.code == code)
    high, forecast, sd, (p10, p50, p90), first, mids, ours, cents, depth = _DAY[code]
    shift = 0 if market_type == "HIGH" else -14
    brackets = ladder(first + shift, mids, ours if market_type == "HIGH" else None)
    leading = max(brackets, key=lambda b: b.mid or 0)
    day = TODAY if is_today else TODAY + timedelta(days=1)
    has_forecast = market_type == "HIGH"
    return BoardRow(
        city_position=position, city_code=code, city_name=place.name, timezone=place.timezone,
        market_type="HIGH" if market_type == "HIGH" else "LOW", climate_date=day, is_today=is_today,
        event_status="open", close_time=datetime(day.year, day.month, day.day + 1, 4, 59, tzinfo=UTC),
        temp_f=Decimal(high - 1), observed_at=AS_OF - timedelta(minutes=16),
        extreme_so_far_f=Decimal(high + shift) if is_today else None,
        extreme_so_far_at=AS_OF - timedelta(minutes=16) if is_today else None, official_value=None,
        forecast_f=Decimal(forecast) if has_forecast else None,
        forecast_sd_f=Decimal(sd) if has_forecast else None, p10_f=Decimal(p10) if has_forecast else None,
        p50_f=Decimal(p50) if has_forecast else None, p90_f=Decimal(p90) if has_forecast else None,
        forecast_as_of=LATE if has_forecast else None, ladder=brackets, leading_label=leading.label,
        leading_bid=leading.yes_bid, leading_ask=leading.yes_ask, spread=Decimal(cents) / 100, volume=None,
        depth=Decimal(depth), quotes_as_of=AS_OF, weather_as_of=AS_OF, is_quote_stale=False,
    )  # fmt: skip


def board() -> tuple[BoardRow, ...]:
    return tuple(
        board_row(place.code, is_today=is_today, market_type=kind)
        for kind in ("HIGH", "LOW")
        for is_today in (True, False)
        for place in PLACES
    )


def page(**changes: object) -> PageState:
    return PageState(
        as_of=AS_OF, world="july2026", mode="DEMO", last_cycle_at=AS_OF.replace(second=0), cities_ok=10
    ).model_copy(update=changes)


def health() -> tuple[Health, ...]:
    """All well but the weather."""
    late = AS_OF.replace(second=0) - timedelta(minutes=16)
    return tuple(
        Health(
            component=name, status="degraded" if name == "nws_api" else "ok",
            last_ok=late if name == "nws_api" else AS_OF.replace(second=0),
            message="working in part" if name == "nws_api" else "working", is_degraded=name == "nws_api",
            age_s=1008 if name == "nws_api" else 48,
        )
        for name in ("trader", "kalshi_api", "nws_api", "database", "analytics", "dashboard")
    )  # fmt: skip


def trade(**changes: object) -> PublicTrade:
    return PublicTrade(
        city="NYC", city_name="New York", market_type="HIGH", climate_date=TODAY, bracket_label="79° to 80°",
        side="NO", action="OPEN", qty=Decimal(40), price=Decimal("0.45"), fee=Decimal("0.70"),
        fill_time=LATE - timedelta(hours=11), mode="DEMO", strategy_name="daily_high", p_side=Decimal("0.66"),
        edge=Decimal("0.0568"), outcome=None, pnl=None,
    ).model_copy(update=changes)  # fmt: skip


def trades() -> tuple[PublicTrade, ...]:
    """Ten open ones of today and fifteen settled ones of the days before, newest first."""
    found = []
    for i in range(25):
        place, is_open = PLACES[i % 10], i < 10
        ended: dict[str, object] = {"outcome": None, "pnl": None}
        if not is_open:
            ended = (
                {"outcome": "won", "pnl": Decimal("14.54")}
                if i % 2
                else {"outcome": "lost", "pnl": Decimal("-17.62")}
            )
        if i == 24:
            ended = {"outcome": "fair price", "pnl": Decimal("0.40")}
        first = _DAY[place.code][4]
        labels = (f"{first}° to {first + 1}°", f"{first - 1}° or below", f"{first + 8}° or above")
        found.append(
            trade(
                city=place.code, city_name=place.name, climate_date=TODAY - timedelta(days=i // 10),
                bracket_label=labels[i % 3],
                side="YES" if i % 3 == 2 else "NO", price=Decimal(9 + 3 * i) / 100,
                qty=Decimal(40 - i % 4 * 5),
                fill_time=LATE - timedelta(hours=i), p_side=Decimal(min(20 + 3 * i, 95)) / 100, **ended,
            )
        )  # fmt: skip
    return tuple(found)


def equity() -> tuple[EquityPoint, ...]:
    """Five days of hourly points around the starting capital."""
    start, points, peak = Decimal(1000), [], Decimal(1000)
    for i in range(120):
        realized = Decimal(-46 if 30 <= i < 96 else 8 if i >= 96 else 0)
        unrealized = Decimal((i * 7) % 11 - 5) / 2 - (Decimal("9.36") if i == 119 else 0)
        total = start + realized + unrealized
        peak = max(peak, total)
        points.append(
            EquityPoint(
                timestamp=LATE - timedelta(hours=119 - i), mode="DEMO", starting_capital=start,
                realized_pnl=realized,
                unrealized_pnl=unrealized, total_equity=total, drawdown=round(1 - total / peak, 6),
            )
        )  # fmt: skip
    return tuple(points)


def city_metrics() -> tuple[CityMetric, ...]:
    """Ten trades today, fifteen settled before: what ``trades`` adds up to."""
    rows = []
    for place in PLACES:
        for day in sorted({t.climate_date for t in trades() if t.climate_date}, reverse=True):
            found = [t for t in trades() if t.city == place.code and t.climate_date == day]
            if not found:
                continue
            settled = [t for t in found if t.outcome]
            wins = sum(t.outcome == "won" for t in settled)
            rows.append(
                CityMetric(
                    city_code=place.code, date=day, mode="DEMO", trades=len(found), qty=sum((t.qty for t in
                    found), Decimal(0)),
                    volume_usd=sum((t.qty * t.price for t in found), Decimal(0)), fees=sum((t.fee for t in
                    found), Decimal(0)),
                    pnl=sum((t.pnl or Decimal(0) for t in settled), Decimal(0)) if settled else None,
                    wins=wins,
                    losses=len(settled) - wins, win_rate=Decimal(wins) / len(settled) if settled else None,
                    break_even_win_rate=Decimal("0.52") if settled else None,
                )
            )  # fmt: skip
    return tuple(rows)


def strategy_metrics() -> tuple[StrategyMetric, ...]:
    return (
        StrategyMetric(
            strategy_name="daily_high", strategy_version="1", date=TODAY, mode="DEMO", signals=756, trades=10,
            edge_realized=Decimal("0.0512"), avg_fill_price_minus_p_yes=Decimal("-0.031"), pnl=None,
        ),
    )  # fmt: skip


def funnel() -> tuple[FunnelStep, ...]:
    steps = (
        ("seen", 756, "NO_FORECAST"), ("priced", 732, "EDGE_TOO_SMALL"), ("edge", 318, "SPREAD_TOO_WIDE"),
        ("gates", 58, "CITY_EXPOSURE_EXCEEDED"), ("risk", 9, ""), ("sent", 9, ""),
        ("filled", 9, "NOT_SETTLED"), ("settled", 0, ""),
    )  # fmt: skip
    counts = [count for _, count, _ in steps]
    return tuple(
        FunnelStep(
            date=TODAY, mode="DEMO", step_no=i + 1, step=name, count=count, lost=count - after,
            top_reasons=(LostReason(reason=why, count=count - after),) if why else (),
        )
        for i, ((name, count, why), after) in enumerate(zip(steps, [*counts[1:], counts[-1]], strict=True))
    )  # fmt: skip


def live() -> Live:
    return Live(page(), board(), health())
