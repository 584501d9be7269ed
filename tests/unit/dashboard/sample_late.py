"""More of the sample day: skill, reasons, profit by bucket, the path of a forecast, words from outside."""

from datetime import timedelta
from decimal import Decimal

from dashboard.bundles import Decisions, Figures, Performance, Skill
from dashboard.cities import PLACES
from dashboard.rows import (
    Anomaly,
    CalibrationBin,
    ClosingLine,
    ClusterExposure,
    DecisionReason,
    Explanation,
    ForecastScore,
    PathHour,
    PnlBucket,
)
from tests.unit.dashboard.sample import (
    LATE,
    TODAY,
    city_metrics,
    equity,
    funnel,
    strategy_metrics,
    trades,
)

LEADS = ("36 h and more", "24 to 36 h", "12 to 24 h", "6 to 12 h", "under 6 h")


def score(measure: str, value: str, **changes: object) -> ForecastScore:
    return ForecastScore(
        mode="DEMO", market_type="HIGH", city_code="ALL", lead_no=3, lead=LEADS[2],
        strategy_name="daily_high", strategy_version="1", measure=measure, value=Decimal(value), count=300,
        days=5, is_enough=False,
    ).model_copy(update=changes)  # fmt: skip


def scores(*, is_enough: bool = False) -> tuple[ForecastScore, ...]:
    """The market is a little closer; with ``is_enough`` over 40 days and with intervals."""
    enough = {"days": 40, "count": 2400, "is_enough": True} if is_enough else {}
    found: list[ForecastScore] = []
    for lead_no in (3, 4):
        for city in ("ALL", *(place.code for place in PLACES)):
            shift = Decimal(len(found) % 7) / 1000 if city != "ALL" else Decimal(0)
            for measure, value in (
                ("brier", "0.112"),
                ("market_brier", "0.104"),
                ("brier_minus_market", "0.008"),
            ):
                half = Decimal("0.006") if is_enough else None
                middle = Decimal(value) + (shift if measure == "brier" else 0)
                found.append(
                    score(
                        measure, str(middle), city_code=city, lead_no=lead_no, lead=LEADS[lead_no - 1],
                        value_lo=middle - half if half else None, value_hi=middle + half if half else None,
                        **{**enough, "count": (2400 if is_enough else 300) - lead_no},
                    )
                )  # fmt: skip
    return tuple(found)


def bins() -> tuple[CalibrationBin, ...]:
    """Ours too sure at the top, the market right."""
    return tuple(
        CalibrationBin(
            mode="DEMO", market_type="HIGH", lead_no=3, lead=LEADS[2], strategy_name="daily_high",
            strategy_version="1", forecaster="model" if is_ours else "market", bin_no=n,
            bin_from=Decimal(n) / 10, bin_to=Decimal(n + 1) / 10, contracts=(200, 60, 40, 20)[n % 4],
            won=int((200, 60, 40, 20)[n % 4] * (n + 0.5) / 10 * (0.8 if is_ours and n > 5 else 1)),
            mean_p=Decimal(n) / 10 + Decimal("0.05"), won_share=None, is_enough=n % 4 < 3,
        )
        for is_ours in (True, False)
        for n in range(10)
    )  # fmt: skip


def buckets() -> tuple[PnlBucket, ...]:
    rows = (
        ("edge", 1, "under 5¢", "-12.10", 6), ("edge", 2, "5 to 10¢", "8.40", 6),
        ("edge", 3, "10¢ and more", None, 0),
        ("lead", 2, "24 to 36 h", "-9.20", 5), ("lead", 3, "12 to 24 h", "5.50", 7),
    )  # fmt: skip
    return tuple(
        PnlBucket(
            date=TODAY - timedelta(days=1), mode="DEMO", dimension="edge" if dimension == "edge" else "lead",
            bucket_no=number, bucket=name, trades=max(settled, 4), expected_pnl=Decimal(3),
            pnl=Decimal(pnl) if pnl else None, settled_trades=settled, won_trades=settled // 3,
        )
        for dimension, number, name, pnl, settled in rows
    )  # fmt: skip


def closing() -> tuple[ClosingLine, ...]:
    return (
        ClosingLine(
            date=TODAY - timedelta(days=1), mode="DEMO", strategy_name="daily_high", close_qty=Decimal(120),
            closing_line_value=Decimal("-0.013"),
        ),
    )  # fmt: skip


def exposure() -> tuple[ClusterExposure, ...]:
    return tuple(
        ClusterExposure(
            mode="DEMO",
            cluster=name,
            markets=n,
            cost_usd=Decimal(10 * n),
            worst_case_usd=Decimal(9 * n),
            as_of=LATE,
        )
        for n, name in enumerate(("NE", "SE", "Midwest", "Mountain", "West"))
    )  # fmt: skip


def path() -> tuple[PathHour, ...]:
    """New York's day until 09:00, ours an hour shorter."""
    return tuple(
        PathHour(
            city_code="NYC", market_type="HIGH", climate_date=TODAY, hour_at=LATE - timedelta(hours=12 - i),
            p10_f=76 if i < 12 else None, p25_f=78 if i < 12 else None, p50_f=80 if i < 12 else None,
            p75_f=81 if i < 12 else None, p90_f=83 if i < 12 else None, market_median_f=Decimal("79.4"),
            extreme_so_far_f=Decimal(70 + i // 3) if i > 3 else None,
        )
        for i in range(14)
    )  # fmt: skip


def explanation(**changes: object) -> Explanation:
    return Explanation(
        date=TODAY, mode="DEMO", city_code="NYC", market_type="HIGH", bracket_label="79° to 80°",
        strategy_name="daily_high", decision="SELL", text="Our forecast is warmer than the price says.",
        author="rules", decided_at=LATE - timedelta(hours=11),
    ).model_copy(update=changes)  # fmt: skip


def anomaly(**changes: object) -> Anomaly:
    return Anomaly(
        **{"class": "SUSPICIOUS"}, date=TODAY, city_code="DEN", market_type="HIGH", bracket_label=None,
        kind="FORECAST_DISAGREEMENT", reason="Two forecasts differ by 9 degrees.", author="rules",
        occurred_at=LATE - timedelta(hours=2),
    ).model_copy(update=changes)  # fmt: skip


def reasons() -> tuple[DecisionReason, ...]:
    rows = (
        (1, "NO_FORECAST", 24), (2, "EDGE_TOO_SMALL", 414), (3, "SPREAD_TOO_WIDE", 260),
        (4, "CITY_EXPOSURE_EXCEEDED", 49), (8, "SETTLED", 9),
    )  # fmt: skip
    return tuple(
        DecisionReason(
            date=TODAY, mode="DEMO", city_code=city, market_type="HIGH", strategy_name="daily_high",
            step_no=step, reason=code, count=count // 2 + count % 2 * (city == "NYC"),
        )
        for step, code, count in rows
        for city in ("NYC", "SEA")
    )  # fmt: skip


def figures() -> Figures:
    return Figures(trades()[:14], equity(), city_metrics(), funnel(), scores())


def performance() -> Performance:
    return Performance(
        equity=equity(), cities=city_metrics(), strategies=strategy_metrics(), buckets=buckets(),
        closing=closing(), exposure=exposure(),
    )  # fmt: skip


def skill() -> Skill:
    return Skill(scores(), bins())


def decisions() -> Decisions:
    return Decisions(funnel(), reasons())
