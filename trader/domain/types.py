"""Enums and small value types shared by every layer. Enum values are the words stored in the database."""

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """Base of all domain models: immutable, strict about types, no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _aware_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"expected an aware instant, found {value.isoformat()} without a zone")
    return value.astimezone(UTC)


Instant = Annotated[datetime, Field(strict=False), AfterValidator(_aware_utc)]
"""An aware instant, normalised to UTC."""

Price = Annotated[Decimal, Field(ge=0, le=1, strict=False)]
"""Dollars per contract, 0 to 1."""

Money = Annotated[Decimal, Field(strict=False)]
"""US dollars, signed."""

Quantity = Annotated[Decimal, Field(ge=0, strict=False)]
"""Contracts, granularity 0.01."""

Probability = Annotated[Decimal, Field(ge=0, le=1, strict=False, max_digits=7, decimal_places=6)]
"""0 to 1, quantised to six decimals."""


class MarketType(StrEnum):
    HIGH = "HIGH"
    LOW = "LOW"
    RAIN = "RAIN"
    SNOW = "SNOW"


EXCLUSIVE_TYPES = frozenset({MarketType.HIGH, MarketType.LOW})
"""Types of whose event at most one market pays YES: their brackets exclude each other."""


class TradingMode(StrEnum):
    SHADOW = "SHADOW"
    DEMO = "DEMO"
    LIVE = "LIVE"


class Side(StrEnum):
    YES = "YES"
    NO = "NO"

    @property
    def other(self) -> "Side":
        return Side.NO if self is Side.YES else Side.YES


class Action(StrEnum):
    OPEN = "OPEN"
    REDUCE = "REDUCE"


class Decision(StrEnum):
    """Of the YES contract: BUY opens YES, SELL opens NO, HOLD does nothing."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"


class OrderStatus(StrEnum):
    CREATED = "CREATED"
    DENIED = "DENIED"
    SUBMITTING = "SUBMITTING"
    UNKNOWN = "UNKNOWN"
    RESTING = "RESTING"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"

    @property
    def is_closed(self) -> bool:
        """Whether nothing can still fill except a late report."""
        return self in CLOSED_STATUSES


CLOSED_STATUSES = frozenset(
    {
        OrderStatus.DENIED,
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
    }
)


class TimeInForce(StrEnum):
    IOC = "immediate_or_cancel"
    GTC = "good_till_canceled"


class OrderPolicy(StrEnum):
    """How an order meets the book: TAKE buys what is offered and rests nowhere; REST waits at its price until
    it expires and never takes.
    """

    TAKE = "take"
    REST = "rest"


class MarketStatus(StrEnum):
    """The exchange's own words (kalshi-api.md 5.4); an unknown word refuses the market."""

    INITIALIZED = "initialized"
    ACTIVE = "active"
    INACTIVE = "inactive"
    CLOSED = "closed"
    DETERMINED = "determined"
    DISPUTED = "disputed"
    AMENDED = "amended"
    FINALIZED = "finalized"


class TradingState(StrEnum):
    ACTIVE = "ACTIVE"
    REDUCE_ONLY = "REDUCE_ONLY"
    HALTED = "HALTED"


class Severity(StrEnum):
    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


class Component(StrEnum):
    TRADER = "trader"
    ANALYTICS = "analytics"
    DASHBOARD = "dashboard"
    KALSHI_API = "kalshi_api"
    NWS_API = "nws_api"
    DATABASE = "database"


class ComponentStatus(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


class PositionStatus(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    SETTLED = "SETTLED"


class ReasonCode(StrEnum):
    """Why a decision is what it is. ``MEANINGS`` has a sentence for each; a test keeps them complete."""

    # a market cannot be priced
    NO_FORECAST = "NO_FORECAST"
    FORECAST_STALE = "FORECAST_STALE"
    OBSERVATION_STALE = "OBSERVATION_STALE"
    WEATHER_STALE = "WEATHER_STALE"
    WEATHER_IMPLAUSIBLE = "WEATHER_IMPLAUSIBLE"
    WEATHER_FROM_FUTURE = "WEATHER_FROM_FUTURE"
    GRID_CELL_MISPLACED = "GRID_CELL_MISPLACED"
    FORECAST_PAIRS_TOO_FEW = "FORECAST_PAIRS_TOO_FEW"
    UNCERTAINTY_TOO_HIGH = "UNCERTAINTY_TOO_HIGH"
    DAY_TOO_ADVANCED = "DAY_TOO_ADVANCED"
    STRATEGY_MISSING = "STRATEGY_MISSING"
    BENCHMARK_ONLY = "BENCHMARK_ONLY"
    # a market cannot be traded
    RULES_NOT_PROVEN = "RULES_NOT_PROVEN"
    BRACKETS_NOT_PARTITION = "BRACKETS_NOT_PARTITION"
    MARKET_NOT_OPEN = "MARKET_NOT_OPEN"
    MARKET_CLOSING = "MARKET_CLOSING"
    PAYLOAD_MALFORMED = "PAYLOAD_MALFORMED"
    FEE_TYPE_UNKNOWN = "FEE_TYPE_UNKNOWN"
    BOOK_MISSING = "BOOK_MISSING"
    BOOK_STALE = "BOOK_STALE"
    BOOK_FROM_FUTURE = "BOOK_FROM_FUTURE"
    BOOK_CROSSED = "BOOK_CROSSED"
    SPREAD_TOO_WIDE = "SPREAD_TOO_WIDE"
    LIQUIDITY_TOO_LOW = "LIQUIDITY_TOO_LOW"
    EDGE_TOO_SMALL = "EDGE_TOO_SMALL"
    EDGE_IMPLAUSIBLE = "EDGE_IMPLAUSIBLE"
    EDGE_FOUND = "EDGE_FOUND"
    EDGE_REVERSED = "EDGE_REVERSED"
    # risk
    TRADE_RISK_EXCEEDED = "TRADE_RISK_EXCEEDED"
    CITY_EXPOSURE_EXCEEDED = "CITY_EXPOSURE_EXCEEDED"
    CLUSTER_EXPOSURE_EXCEEDED = "CLUSTER_EXPOSURE_EXCEEDED"
    OPEN_RISK_EXCEEDED = "OPEN_RISK_EXCEEDED"
    DAY_RISK_EXCEEDED = "DAY_RISK_EXCEEDED"
    NOTHING_TO_REDUCE = "NOTHING_TO_REDUCE"
    CASH_TOO_LOW = "CASH_TOO_LOW"
    SIZE_BELOW_MINIMUM = "SIZE_BELOW_MINIMUM"
    POSITION_AT_TARGET = "POSITION_AT_TARGET"
    OPPOSITE_POSITION_HELD = "OPPOSITE_POSITION_HELD"
    INTENT_EXISTS = "INTENT_EXISTS"
    DAILY_LOSS_REACHED = "DAILY_LOSS_REACHED"
    DRAWDOWN_REACHED = "DRAWDOWN_REACHED"
    ORDER_REJECTS_BURST = "ORDER_REJECTS_BURST"
    WRITE_FAILED = "WRITE_FAILED"
    CLOCK_SKEW_TOO_LARGE = "CLOCK_SKEW_TOO_LARGE"
    EXCHANGE_PAUSED = "EXCHANGE_PAUSED"
    RECONCILIATION_BREAK = "RECONCILIATION_BREAK"
    SETTLEMENT_MISMATCH = "SETTLEMENT_MISMATCH"
    SEND_IN_FLIGHT = "SEND_IN_FLIGHT"
    TERMS_CHANGED = "TERMS_CHANGED"
    OPERATOR_HALT = "OPERATOR_HALT"
    OPERATOR_FLATTEN = "OPERATOR_FLATTEN"
    HALT_FILE_PRESENT = "HALT_FILE_PRESENT"
    WITHIN_LIMITS = "WITHIN_LIMITS"


MEANINGS: dict[ReasonCode, str] = {
    ReasonCode.NO_FORECAST: "No forecast that could have been known was available for this event.",
    ReasonCode.FORECAST_STALE: "The newest forecast was issued longer ago than its limit.",
    ReasonCode.OBSERVATION_STALE: "The newest station report is older than its limit.",
    ReasonCode.WEATHER_STALE: "The last successful weather fetch is older than its limit.",
    ReasonCode.WEATHER_IMPLAUSIBLE: "A temperature lies outside the plausible band; the value was refused.",
    ReasonCode.WEATHER_FROM_FUTURE: "A weather time lies in the future; the value was refused.",
    ReasonCode.GRID_CELL_MISPLACED: "The forecast's grid cell is not at the station; it was not used.",
    ReasonCode.FORECAST_PAIRS_TOO_FEW: "Too few stored forecast-outcome pairs of this city, source, lead.",
    ReasonCode.UNCERTAINTY_TOO_HIGH: "The predictive spread is above the configured limit.",
    ReasonCode.DAY_TOO_ADVANCED: "The climate day is past the hour up to which forecast errors were fitted.",
    ReasonCode.STRATEGY_MISSING: "No strategy covers this market type yet.",
    ReasonCode.BENCHMARK_ONLY: "A benchmark that others are compared with; it is never traded.",
    ReasonCode.RULES_NOT_PROVEN: "The rules text does not prove station, variable, date and source.",
    ReasonCode.BRACKETS_NOT_PARTITION: "Its brackets neither partition the degrees nor form a ladder.",
    ReasonCode.MARKET_NOT_OPEN: "The exchange does not list the market as active.",
    ReasonCode.MARKET_CLOSING: "The market closes too soon.",
    ReasonCode.PAYLOAD_MALFORMED: "A field of the market was missing, renamed or of another type.",
    ReasonCode.FEE_TYPE_UNKNOWN: "The series' fee type or multiplier is not one we can compute.",
    ReasonCode.BOOK_MISSING: "There is no order book, or it has no price on the side needed.",
    ReasonCode.BOOK_STALE: "The order book is older than its limit.",
    ReasonCode.BOOK_FROM_FUTURE: "The order book's time lies in the future.",
    ReasonCode.BOOK_CROSSED: "Best bid is not below best ask.",
    ReasonCode.SPREAD_TOO_WIDE: "Ask minus bid is above the limit.",
    ReasonCode.LIQUIDITY_TOO_LOW: "Too few contracts stand within the limit price.",
    ReasonCode.EDGE_TOO_SMALL: "The edge after fees is below the minimum.",
    ReasonCode.EDGE_IMPLAUSIBLE: "The edge is larger than a sound forecast finds; ours is likelier wrong.",
    ReasonCode.EDGE_FOUND: "The edge after fees reaches the minimum.",
    ReasonCode.EDGE_REVERSED: "Selling what is held pays more than our chance of winning, after the fee.",
    ReasonCode.TRADE_RISK_EXCEEDED: "The trade's worst case is above the per-trade cap.",
    ReasonCode.CITY_EXPOSURE_EXCEEDED: "The city's worst case would be above its cap.",
    ReasonCode.CLUSTER_EXPOSURE_EXCEEDED: "The cluster's worst case would be above its cap.",
    ReasonCode.OPEN_RISK_EXCEEDED: "The book's worst case would be above the open-risk cap.",
    ReasonCode.DAY_RISK_EXCEEDED: "Today's loss with the worst case of what is open would pass its limit.",
    ReasonCode.NOTHING_TO_REDUCE: "Less is held than the order would sell.",
    ReasonCode.CASH_TOO_LOW: "The account's free cash does not cover the order.",
    ReasonCode.SIZE_BELOW_MINIMUM: "What the limits leave is below one contract.",
    ReasonCode.POSITION_AT_TARGET: "The position already has the size the edge asks for.",
    ReasonCode.OPPOSITE_POSITION_HELD: "The other side of this contract is held; it is not traded against.",
    ReasonCode.INTENT_EXISTS: "An order of this decision slot exists already; nothing is sent twice.",
    ReasonCode.DAILY_LOSS_REACHED: "Loss since midnight Eastern reached its limit; paused for 24 hours.",
    ReasonCode.DRAWDOWN_REACHED: "Equity fell from its peak by more than the limit.",
    ReasonCode.ORDER_REJECTS_BURST: "Too many orders were rejected within the window.",
    ReasonCode.WRITE_FAILED: "The database did not confirm a write; paused until a probe write commits.",
    ReasonCode.CLOCK_SKEW_TOO_LARGE: "Our clock differs from the exchange's by more than the limit.",
    ReasonCode.EXCHANGE_PAUSED: "The exchange says trading is paused.",
    ReasonCode.RECONCILIATION_BREAK: "Our books and the exchange's differ; the market is frozen.",
    ReasonCode.SETTLEMENT_MISMATCH: "The exchange's result differs from ours.",
    ReasonCode.SEND_IN_FLIGHT: "An order of an earlier run may still arrive; creates wait until it is stale.",
    ReasonCode.TERMS_CHANGED: "The market's rules, strikes, close, fee or tick changed while it was open.",
    ReasonCode.OPERATOR_HALT: "The operator halted trading.",
    ReasonCode.OPERATOR_FLATTEN: "The operator sells every position; nothing is bought meanwhile.",
    ReasonCode.HALT_FILE_PRESENT: "The halt file exists.",
    ReasonCode.WITHIN_LIMITS: "Every cap leaves room for the trade.",
}


class Verdict(Frozen):
    """Result of a check: truthy when allowed, always with its reasons."""

    allowed: bool
    reasons: tuple[ReasonCode, ...] = ()

    def __bool__(self) -> bool:
        return self.allowed
