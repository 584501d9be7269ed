"""Things to put into our books: one plausible New York day, every field changeable by name."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from trader.domain.canonical import content_hash
from trader.domain.cities import load_cities
from trader.domain.learned import (
    Correlation,
    Knowledge,
    Normal,
    ParameterSet,
    Residuals,
    Share,
    SourceFit,
    Spread,
)
from trader.domain.markets import Contract, Level, MarketSnapshot, OrderBook
from trader.domain.orders import Fill, Order, Settlement
from trader.domain.plan import CycleInputs, CyclePlan, CycleSummary, RefusedMarket
from trader.domain.positions import CapitalEvent, Holding, Position
from trader.domain.risk import (
    Break,
    GateLimits,
    HealthStatus,
    LossState,
    RiskEvent,
    RiskLimits,
    StateChange,
)
from trader.domain.signals import CapCheck, Distribution, OrderIntent, Prediction, RiskDecision, Signal
from trader.domain.types import (
    Action,
    Component,
    ComponentStatus,
    Decision,
    MarketStatus,
    MarketType,
    OrderStatus,
    PositionStatus,
    ReasonCode,
    Severity,
    Side,
    TimeInForce,
    TradingMode,
    TradingState,
)
from trader.domain.weather import Forecast, Observation, WeatherSnapshot
from trader.ports.exchange import RawPayload
from trader.ports.ops_store import EquityRow

AT = datetime(2026, 7, 10, 16, 0, tzinfo=UTC)
DAY = date(2026, 7, 10)
EVENT = "KXHIGHNY-26JUL10"
TICKER = f"{EVENT}-B89.5"
MODE = TradingMode.DEMO
MINUTE = timedelta(minutes=1)
D = Decimal


def contract(**changes: Any) -> Contract:
    fields: dict[str, Any] = {
        "ticker": TICKER,
        "event_ticker": EVENT,
        "series_ticker": "KXHIGHNY",
        "city_code": "NYC",
        "market_type": MarketType.HIGH,
        "climate_date": DAY,
        "label": "89° to 90°",
        "lo": 89,
        "hi": 90,
        "open_time": AT - timedelta(days=1),
        "close_time": AT + timedelta(hours=13),
        "rules_text": "If the highest temperature … is between 89-90°, then the market resolves to Yes.",
        "rules_url": "https://example.org/rules",
        "rules_hash": "b" * 64,
        "settlement_source": "National Weather Service",
        "station": "CLINYC",
        "fee_type": "quadratic",
        "fee_multiplier": D("1"),
        "tick": D("0.01"),
        "terms_hash": "a" * 64,
    }
    return Contract(**fields | changes)


def book(**changes: Any) -> OrderBook:
    fields: dict[str, Any] = {
        "captured_at": AT,
        "yes_bids": (Level(price=D("0.41"), size=D("250.25")), Level(price=D("0.4"), size=D("10"))),
        "no_bids": (Level(price=D("0.5725"), size=D("80")),),
    }
    return OrderBook(**fields | changes)


def snapshot(**changes: Any) -> MarketSnapshot:
    fields: dict[str, Any] = {
        "ticker": TICKER,
        "event_ticker": EVENT,
        "city_code": "NYC",
        "market_type": MarketType.HIGH,
        "climate_date": DAY,
        "captured_at": AT,
        "status": MarketStatus.ACTIVE,
        "yes_bid": D("0.41"),
        "yes_ask": D("0.4275"),
        "volume": D("1234.50"),
        "open_interest": D("1000"),
        "close_time": AT + timedelta(hours=13),
        "rules_url": "https://example.org/rules",
        "terms_hash": "a" * 64,
        "book": book(),
        "payload_hash": "c" * 64,
    }
    return MarketSnapshot(**fields | changes)


def forecast(**changes: Any) -> Forecast:
    fields: dict[str, Any] = {
        "source": "nws",
        "variable": MarketType.HIGH,
        "climate_date": DAY,
        "issued_at": AT - timedelta(hours=3),
        "value_f": 90.0,
        "members_f": (88.5, 91.25),
    }
    return Forecast(**fields | changes)


def weather(**changes: Any) -> WeatherSnapshot:
    fields: dict[str, Any] = {
        "city_code": "NYC",
        "captured_at": AT,
        "fetched_at": AT - MINUTE,
        "climate_date": DAY,
        "latest": Observation(station="KNYC", observed_at=AT - 9 * MINUTE, temp_f=84.2),
        "high_so_far_f": 84.2,
        "high_so_far_at": AT - 9 * MINUTE,
        "low_so_far_f": 71.06,
        "low_so_far_at": AT - timedelta(hours=6),
        "forecasts": (forecast(),),
        "is_fetch_stale": False,
        "is_observation_stale": False,
        "is_forecast_stale": False,
        "problems": (ReasonCode.WEATHER_IMPLAUSIBLE,),
        "payload_hashes": ("d" * 64,),
    }
    return WeatherSnapshot(**fields | changes)


def state(**changes: Any) -> StateChange:
    fields: dict[str, Any] = {
        "scope": "book",
        "state": TradingState.HALTED,
        "reason": ReasonCode.OPERATOR_HALT,
        "note": "looks wrong",
        "set_by": "ann",
        "set_at": AT,
    }
    return StateChange(**fields | changes)


def parameters(name: str = "plain") -> ParameterSet:
    spread = Spread(
        a=3.0, b=0.4, c=0.1, phase_day=60.5, df=7.3, bias_sd_f=2.1, max_lead_days=6.0,
        city_factor={"NYC": 1.02}, source_factor={"nws_grid": 0.7},
    )  # fmt: skip
    fit = SourceFit(
        city_code="NYC", source="nws", variable=MarketType.HIGH, lead_days=1, location=(0.25,) * 10,
        log_scale=(0.9, 0.0, 0.0, 0.1, 0.05), pairs=42,
    )  # fmt: skip
    normal = Normal(
        city_code="NYC", variable=MarketType.LOW, mean=(55.5, -20.0, -9.0, 0.5, 0.1),
        sd=(7.0, 2.0, 1.0, 0.0, 0.0),
    )  # fmt: skip
    return ParameterSet(
        name=name,
        spreads={MarketType.HIGH: spread, MarketType.LOW: spread},
        fits=(fit,),
        normals=(normal,),
        shares=(Share(variable=MarketType.HIGH, source="nws", share=0.75),),
        sharpening={MarketType.HIGH: 1.1},
        open_until_h={MarketType.HIGH: 10.0, MarketType.LOW: 2.0},
        provenance={"until": "2026-01-01", "counts": {"high": 3}},
    )


def residuals(**changes: Any) -> Residuals:
    fields: dict[str, Any] = {
        "parameters": "f" * 64, "city_code": "NYC", "source": "nws", "variable": MarketType.HIGH,
        "lead_days": 1, "count": 31, "weight": 20.25, "bias_f": -1.5, "square": 0.9,
    }  # fmt: skip
    return Residuals(**fields | changes)


def knowledge(**changes: Any) -> Knowledge:
    fields: dict[str, Any] = {
        "current": parameters(),
        "candidates": (parameters("new"),),
        "residuals": (residuals(),),
        "correlations": (Correlation(city_a="BOS", city_b="NYC", rho=0.5, days=0),),
    }
    return Knowledge(**fields | changes)


def inputs(**changes: Any) -> CycleInputs:
    fields: dict[str, Any] = {
        "now": AT,
        "mode": MODE,
        "account": "demo-account",
        "slot": AT.isoformat(),
        "order_expiry_s": 240,
        "min_forecast_pairs": 0,
        "gates": GateLimits(),
        "limits": RiskLimits(),
        "losses": LossState(
            equity_usd=D("5001.25"),
            booked_equity_usd=D("5001.25"),
            peak_equity_usd=D("5002"),
            day_start_equity_usd=D("5000"),
            rejects_in_window=1,
        ),
        "cash_usd": D("4990.123456"),
        "states": (state(scope="city:NYC", until=AT + timedelta(days=1)),),
        "cities": (load_cities()["NYC"],),
        "contracts": (contract(),),
        "snapshots": (snapshot(),),
        "refused": (
            RefusedMarket(
                ticker="KXHIGHNY-26JUL10-T97",
                event_ticker=EVENT,
                city_code="NYC",
                reason=ReasonCode.PAYLOAD_MALFORMED,
                detail="floor_strike: expected a number, found text",
            ),
        ),
        "weather": (weather(),),
        "knowledge": knowledge(),
        "holdings": (
            Holding(
                ticker=TICKER,
                event_ticker=EVENT,
                city_code="NYC",
                side=Side.YES,
                qty=D("10"),
                cost_usd=D("0.4275"),
                is_pending=False,
            ),
        ),
        "taken_intents": ("e" * 64,),
    }
    return CycleInputs(**fields | changes)


def prediction(**changes: Any) -> Prediction:
    fields: dict[str, Any] = {
        "event_ticker": EVENT,
        "city_code": "NYC",
        "market_type": MarketType.HIGH,
        "climate_date": DAY,
        "strategy_name": "daily_high",
        "strategy_version": "1",
        "distribution": Distribution(start=88, ppm=(100_000, 500_000, 400_000), mean_f=89.3, sd_f=0.64),
        "source": "nws",
        "issued_at": AT - timedelta(hours=3),
        "lead_h": 9.5,
        "observed_extreme_f": 84.2,
        "features": {"season": "summer", "bias_f": -0.25, "members": None},
    }
    return Prediction(**fields | changes)


def signal(**changes: Any) -> Signal:
    fields: dict[str, Any] = {
        "ticker": TICKER,
        "event_ticker": EVENT,
        "city_code": "NYC",
        "market_type": MarketType.HIGH,
        "climate_date": DAY,
        "strategy_name": "daily_high",
        "strategy_version": "1",
        "p_yes": D("0.500000"),
        "uncertainty": 0.64,
        "decision": Decision.BUY,
        "side": Side.YES,
        "price": D("0.4275"),
        "limit_price": D("0.43"),
        "fee": D("0.01713"),
        "edge": D("0.05537"),
        "qty": D("20"),
        "reasons": (ReasonCode.EDGE_FOUND, ReasonCode.WITHIN_LIMITS),
    }
    return Signal(**fields | changes)


def hold(**changes: Any) -> Signal:
    unpriced = dict.fromkeys(("p_yes", "uncertainty", "side", "price", "limit_price", "fee", "edge"))
    fields = {"decision": Decision.HOLD, "qty": D("0"), "reasons": (ReasonCode.NO_FORECAST,)}
    return signal(**unpriced | fields | changes)


def risk_decision(**changes: Any) -> RiskDecision:
    cap = CapCheck(
        reason=ReasonCode.CITY_EXPOSURE_EXCEEDED,
        before_usd=D("4.28"),
        after_usd=D("12.83"),
        limit_usd=D("150"),
    )
    fields: dict[str, Any] = {
        "ticker": TICKER,
        "side": Side.YES,
        "asked_qty": D("20"),
        "allowed_qty": D("12"),
        "reasons": (ReasonCode.WITHIN_LIMITS,),
        "caps": (cap,),
    }
    return RiskDecision(**fields | changes)


def intent(**changes: Any) -> OrderIntent:
    fields: dict[str, Any] = {
        "intent_key": "",
        "client_order_id": "",
        "mode": MODE,
        "ticker": TICKER,
        "event_ticker": EVENT,
        "city_code": "NYC",
        "side": Side.YES,
        "action": Action.OPEN,
        "qty": D("20"),
        "limit_price": D("0.43"),
        "time_in_force": TimeInForce.IOC,
        "expires_at": None,
        "worst_usd": D("8.95"),
        "strategy_name": "daily_high",
        "strategy_version": "1",
        "slot": AT.isoformat(),
        "attempt": 1,
    }
    return OrderIntent(**fields | changes)


def plan(of: CycleInputs, **changes: Any) -> CyclePlan:
    fields: dict[str, Any] = {
        "inputs_hash": content_hash(of),
        "predictions": (prediction(),),
        "signals": (signal(), hold(ticker="KXHIGHNY-26JUL10-T97")),
        "risk_decisions": (risk_decision(),),
        "intents": (intent(intent_key="f" * 64, client_order_id="c1"),),
        "new_states": (state(reason=ReasonCode.DAILY_LOSS_REACHED, set_by="rule:DAILY_LOSS_REACHED"),),
    }
    return CyclePlan(**fields | changes)


def summary(**changes: Any) -> CycleSummary:
    fields: dict[str, Any] = {
        "cities": 1,
        "snapshots": 1,
        "signals": 2,
        "orders": 1,
        "fills": 1,
        "duration_ms": 12,
        "equity_usd": D("5001.25"),
    }
    return CycleSummary(**fields | changes)


def equity(usd: str = "5001.25") -> EquityRow:
    return EquityRow(
        starting_capital_usd=D("5000"),
        cash_usd=D("4990.123456"),
        realized_pnl_usd=D("0"),
        unrealized_pnl_usd=D(usd) - 5000,
        equity_usd=D(usd),
    )


def foreign_order(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "client_order_id": "by-hand",
        "intent_key": "foreign:k9",
        "kalshi_order_id": "k9",
        "mode": MODE,
        "ticker": TICKER,
        "event_ticker": EVENT,
        "city_code": "NYC",
        "side": Side.NO,
        "action": Action.OPEN,
        "status": OrderStatus.RESTING,
        "qty": D("5"),
        "filled_qty": D("1.5"),
        "limit_price": D("0.2"),
        "time_in_force": TimeInForce.GTC,
        "created_at": AT - timedelta(hours=1),
        "updated_at": AT - timedelta(hours=1),
        "is_foreign": True,
    }
    return Order(**fields | changes)


def fill(**changes: Any) -> Fill:
    fields: dict[str, Any] = {
        "fill_id": "f1",
        "kalshi_order_id": "k1",
        "ticker": TICKER,
        "side": Side.YES,
        "qty": D("12.50"),
        "price": D("0.4275"),
        "fee": D("0.2142"),
        "is_taker": True,
        "filled_at": AT + MINUTE,
        "mode": MODE,
    }
    return Fill(**fields | changes)


def position(**changes: Any) -> Position:
    fields: dict[str, Any] = {
        "ticker": TICKER,
        "event_ticker": EVENT,
        "city_code": "NYC",
        "mode": MODE,
        "side": Side.YES,
        "qty": D("12.5"),
        "avg_entry": D("0.4275"),
        "avg_exit": None,
        "cost_usd": D("5.34375"),
        "realized_pnl_usd": D("-0.2142"),
        "fees_usd": D("0.2142"),
        "status": PositionStatus.OPEN,
        "opened_at": AT + MINUTE,
    }
    return Position(**fields | changes)


def settled(**changes: Any) -> Position:
    fields: dict[str, Any] = {
        "qty": D("0"),
        "avg_exit": D("1"),
        "cost_usd": D("0"),
        "realized_pnl_usd": D("6.94205"),
        "status": PositionStatus.SETTLED,
        "closed_at": AT + timedelta(days=1),
    }
    return position(**fields | changes)


def settlement(**changes: Any) -> Settlement:
    fields: dict[str, Any] = {
        "ticker": TICKER,
        "event_ticker": EVENT,
        "result": "yes",
        "yes_qty": D("12.5"),
        "no_qty": D("0"),
        "revenue_usd": D("12.5"),
        "settled_at": AT + timedelta(days=1),
        "mode": MODE,
    }
    return Settlement(**fields | changes)


def capital(**changes: Any) -> CapitalEvent:
    fields: dict[str, Any] = {
        "kind": "START",
        "amount_usd": D("5000"),
        "occurred_at": AT,
        "mode": MODE,
        "note": "first start",
    }
    return CapitalEvent(**fields | changes)


def risk_event(**changes: Any) -> RiskEvent:
    fields: dict[str, Any] = {
        "event_type": "DAILY_LOSS_REACHED",
        "severity": Severity.CRITICAL,
        "message": "lost 251 of 250 dollars",
        "occurred_at": AT,
        "payload": {"lost": "251", "cities": ["NYC"]},
    }
    return RiskEvent(**fields | changes)


def found_break(**changes: Any) -> Break:
    fields: dict[str, Any] = {
        "kind": "position",
        "key": TICKER,
        "ours": "12.5",
        "theirs": "13",
        "likely_reason": "a fill is missing",
        "found_at": AT,
    }
    return Break(**fields | changes)


def health(**changes: Any) -> HealthStatus:
    fields: dict[str, Any] = {
        "component": Component.TRADER,
        "status": ComponentStatus.OK,
        "last_ok": AT,
        "message": "cycle finished",
        "checked_at": AT,
    }
    return HealthStatus(**fields | changes)


def payload(body: str = '{"a": 1}', *, sha256: str = "d" * 64, **changes: Any) -> RawPayload:
    fields: dict[str, Any] = {"content_type": "application/json", "received_at": AT}
    return RawPayload(sha256=sha256, body=body, **fields | changes)
