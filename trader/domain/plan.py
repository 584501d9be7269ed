"""What goes into one decision and what comes out: the entrance and exit of the pure core."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from trader.domain.cities import CityConfig
from trader.domain.learned import Knowledge
from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.positions import Holding
from trader.domain.risk import GateLimits, LossState, RiskLimits, StateChange
from trader.domain.signals import OrderIntent, Prediction, RiskDecision, Signal
from trader.domain.types import Frozen, Instant, Money, OrderPolicy, ReasonCode, TradingMode
from trader.domain.weather import WeatherSnapshot


class RefusedMarket(Frozen):
    """A market whose payload could not be read: it exists, it is not traded, and this is why."""

    ticker: str
    event_ticker: str
    city_code: str
    reason: ReasonCode
    detail: str


class CycleInputs(Frozen):
    """Everything one plan depends on. Same inputs, same bytes out.

    ``now`` is the decision instant. ``slot`` names the scheduled instant (or the hand-started run).
    ``states`` are the halts in force. ``taken_intents`` are intent keys of this slot that exist already.
    Tuples are sorted by their natural key so that order of arrival cannot matter.
    """

    now: Instant
    mode: TradingMode
    account: str
    slot: str
    order_expiry_s: int
    order_policy: OrderPolicy = OrderPolicy.TAKE
    min_forecast_pairs: Annotated[int, Field(ge=0)]
    gates: GateLimits
    limits: RiskLimits
    losses: LossState
    cash_usd: Money
    states: tuple[StateChange, ...]
    cities: tuple[CityConfig, ...]
    contracts: tuple[Contract, ...]
    snapshots: tuple[MarketSnapshot, ...]
    refused: tuple[RefusedMarket, ...]
    weather: tuple[WeatherSnapshot, ...]
    knowledge: Knowledge
    holdings: tuple[Holding, ...]
    taken_intents: tuple[str, ...]


class CyclePlan(Frozen):
    """The outcome of one decision. ``intents`` are in the order in which they are to be sent."""

    inputs_hash: str
    predictions: tuple[Prediction, ...]
    signals: tuple[Signal, ...]
    risk_decisions: tuple[RiskDecision, ...]
    intents: tuple[OrderIntent, ...]
    new_states: tuple[StateChange, ...]


class CycleSummary(Frozen):
    """One line about a finished cycle."""

    cities: int
    snapshots: int
    signals: int
    orders: int
    fills: int
    duration_ms: int
    equity_usd: Decimal
    error: str | None = None
