"""Builders of inputs for the core with fixed dates: a New York evening, tomorrow's high, six brackets."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from trader.core.strategies.extreme import shipped_parameters
from trader.domain.cities import load_cities
from trader.domain.learned import Knowledge
from trader.domain.markets import Contract, Level, MarketSnapshot, OrderBook
from trader.domain.orders import Fill, Order
from trader.domain.plan import CycleInputs
from trader.domain.positions import Holding
from trader.domain.risk import GateLimits, LossState, RiskLimits
from trader.domain.types import Action, MarketStatus, MarketType, OrderStatus, Side, TimeInForce, TradingMode
from trader.domain.weather import Forecast, Observation, WeatherSnapshot

NOW = datetime(2026, 7, 16, 1, 30, tzinfo=UTC)
"""20:30 local standard time in New York on July 15th."""
DAY = date(2026, 7, 16)
CITIES = load_cities()
LEARNT = Knowledge(current=shipped_parameters())
D = Decimal
BRACKETS: tuple[tuple[int | None, int | None], ...] = (
    (None, 81), (82, 83), (84, 85), (86, 87), (88, 89), (90, None),
)  # fmt: skip


def rules_text(
    lo: int | None, hi: int | None, city: str = "NYC", day: date = DAY, word: str = "highest"
) -> str:
    """The recorded wording of June 2026."""
    if lo is None:
        strike = f"less than {(hi or 0) + 1}°"
    else:
        strike = f"greater than {lo - 1}°" if hi is None else f"between {lo}-{hi}°"
    place = "Central Park, New York" if city == "NYC" else CITIES[city].station_name
    return (
        f"If the {word} temperature recorded in {place} for {day:%B} {day.day}, {day.year} as reported by "
        f"the National Weather Service's Climatological Report (Daily), is {strike}, "
        "then the market resolves to Yes."
    )


def contract(
    lo: int | None, hi: int | None, *, city: str = "NYC", day: date = DAY, kind: MarketType = MarketType.HIGH,
    **changes: Any,
) -> Contract:  # fmt: skip
    config = CITIES[city]
    series = config.series(kind)
    event = f"{series}-{day:%y%b%d}".upper()
    strike = (
        f"B{lo}.5" if lo is not None and hi is not None else f"T{hi + 1 if hi is not None else (lo or 0) - 1}"
    )
    word = {MarketType.HIGH: "highest", MarketType.LOW: "lowest"}.get(kind, "wettest")
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=config.std_utc_offset_hours)
    fields: dict[str, Any] = {
        "ticker": f"{event}-{strike}",
        "event_ticker": event,
        "series_ticker": series,
        "city_code": city,
        "market_type": kind,
        "climate_date": day,
        "label": f"{lo} to {hi}",
        "lo": lo,
        "hi": hi,
        "open_time": start - timedelta(hours=15),
        "close_time": start + timedelta(days=1),
        "rules_text": rules_text(lo, hi, city, day, word),
        "rules_url": "https://example.invalid/rules",
        "rules_hash": "0" * 64,
        "settlement_source": "National Weather Service",
        "station": config.settlement_station,
        "fee_type": "quadratic",
        "fee_multiplier": D(1),
        "tick": D("0.01"),
        "terms_hash": "a" * 64,
    }
    return Contract(**(fields | changes))


def event_contracts(**changes: Any) -> tuple[Contract, ...]:
    return tuple(contract(lo, hi, **changes) for lo, hi in BRACKETS)


def book(bid: str | None, ask: str | None, size: str = "200", *, at: datetime = NOW) -> OrderBook:
    """One level a side; ``bid`` and ``ask`` in dollars of YES."""
    return OrderBook(
        captured_at=at,
        yes_bids=(Level(price=D(bid), size=D(size)),) if bid else (),
        no_bids=(Level(price=1 - D(ask), size=D(size)),) if ask else (),
    )


def snapshot(terms: Contract, quotes: OrderBook | None, **changes: Any) -> MarketSnapshot:
    fields: dict[str, Any] = {
        "ticker": terms.ticker,
        "event_ticker": terms.event_ticker,
        "city_code": terms.city_code,
        "market_type": terms.market_type,
        "climate_date": terms.climate_date,
        "captured_at": quotes.captured_at if quotes else NOW,
        "status": MarketStatus.ACTIVE,
        "yes_bid": quotes.best_bid if quotes else None,
        "yes_ask": quotes.best_ask if quotes else None,
        "volume": D(1000),
        "open_interest": D(500),
        "close_time": terms.close_time,
        "rules_url": terms.rules_url,
        "terms_hash": terms.terms_hash,
        "book": quotes,
    }
    return MarketSnapshot(**(fields | changes))


def forecast(
    value: float = 85.0, *, day: date = DAY, members: Sequence[float] = (), **changes: Any
) -> Forecast:
    fields: dict[str, Any] = {
        "source": "openmeteo_gfs_ensemble",
        "variable": MarketType.HIGH,
        "climate_date": day,
        "issued_at": NOW - timedelta(hours=2),
        "value_f": value,
        "members_f": tuple(members),
    }
    return Forecast(**(fields | changes))


def weather(city: str = "NYC", *forecasts: Forecast, **changes: Any) -> WeatherSnapshot:
    fields: dict[str, Any] = {
        "city_code": city,
        "captured_at": NOW,
        "fetched_at": NOW,
        "climate_date": DAY - timedelta(days=1),
        "latest": Observation(station=CITIES[city].settlement_station, observed_at=NOW, temp_f=80.0),
        "high_so_far_f": 88.0,
        "high_so_far_at": NOW - timedelta(hours=6),
        "low_so_far_f": 70.0,
        "low_so_far_at": NOW - timedelta(hours=16),
        "forecasts": forecasts,
        "is_fetch_stale": False,
        "is_observation_stale": False,
        "is_forecast_stale": False,
    }
    return WeatherSnapshot(**(fields | changes))


def holding(terms: Contract, side: Side, qty: str, cost: str, *, is_pending: bool = False) -> Holding:
    return Holding(
        ticker=terms.ticker,
        event_ticker=terms.event_ticker,
        city_code=terms.city_code,
        side=side,
        qty=D(qty),
        cost_usd=D(cost),
        is_pending=is_pending,
    )


def inputs(
    contracts: Iterable[Contract], snapshots: Iterable[MarketSnapshot], reports: Iterable[WeatherSnapshot],
    **changes: Any,
) -> CycleInputs:  # fmt: skip
    fields: dict[str, Any] = {
        "now": NOW,
        "mode": TradingMode.DEMO,
        "account": "demo-1",
        "slot": "2026-07-16T01:30:00Z",
        "order_expiry_s": 240,
        "min_forecast_pairs": 0,
        "gates": GateLimits(),
        "limits": RiskLimits(),
        "losses": LossState(
            equity_usd=D(5000),
            booked_equity_usd=D(5000),
            peak_equity_usd=D(5000),
            day_start_equity_usd=D(5000),
            rejects_in_window=0,
        ),
        "cash_usd": D(5000),
        "states": (),
        "cities": tuple(CITIES.values()),
        "contracts": tuple(contracts),
        "snapshots": tuple(snapshots),
        "refused": (),
        "weather": tuple(reports),
        "knowledge": LEARNT,
        "holdings": (),
        "taken_intents": (),
    }
    return CycleInputs(**(fields | changes))


def quiet_event(**changes: Any) -> tuple[tuple[Contract, ...], tuple[MarketSnapshot, ...]]:
    """Six brackets quoted at 10 to 11 cents (the tails dearer), whatever the model thinks of them."""
    contracts = event_contracts(**changes)
    return contracts, tuple(snapshot(c, book("0.10", "0.11")) for c in contracts)


def order(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "order_id": 1,
        "client_order_id": "client-1",
        "intent_key": "k" * 64,
        "mode": TradingMode.DEMO,
        "ticker": "T",
        "event_ticker": "E",
        "city_code": "NYC",
        "side": Side.YES,
        "action": Action.OPEN,
        "status": OrderStatus.SUBMITTING,
        "qty": D(10),
        "limit_price": D("0.40"),
        "time_in_force": TimeInForce.IOC,
        "created_at": NOW,
        "updated_at": NOW,
        "sent_at": NOW,
    }
    return Order(**(fields | changes))


def fill(**changes: Any) -> Fill:
    fields: dict[str, Any] = {
        "fill_id": "f1",
        "kalshi_order_id": "v1",
        "ticker": "T",
        "side": Side.YES,
        "qty": D(10),
        "price": D("0.40"),
        "fee": D("0.168"),
        "is_taker": True,
        "filled_at": NOW,
        "mode": TradingMode.DEMO,
    }
    return Fill(**(fields | changes))
