"""Limits, risk events, health and trading states."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from trader.domain import constants as c
from trader.domain.types import (
    Component,
    ComponentStatus,
    Frozen,
    Instant,
    Money,
    ReasonCode,
    Severity,
    TradingState,
)

PositiveMoney = Annotated[Decimal, Field(gt=0, strict=False)]
Fraction = Annotated[Decimal, Field(gt=0, le=1, strict=False)]


class Cap(Frozen):
    """The smaller of ``usd`` dollars and ``fraction`` of current equity."""

    usd: PositiveMoney
    fraction: Fraction

    def limit(self, equity_usd: Decimal) -> Decimal:
        """Dollars in force at this equity, never below zero."""
        return max(Decimal(0), min(self.usd, self.fraction * equity_usd))


class RiskLimits(Frozen):
    """Caps at worst case and breakers. Defaults: specification, risk policy for a 5,000 dollar bankroll."""

    open_risk: Cap = Cap(usd=c.MAX_OPEN_RISK_USD, fraction=Decimal("0.10"))
    trade: Cap = Cap(usd=c.MAX_TRADE_RISK_USD, fraction=Decimal("0.02"))
    city: Cap = Cap(usd=c.MAX_CITY_EXPOSURE_USD, fraction=Decimal("0.03"))
    cluster: Cap = Cap(usd=c.MAX_CLUSTER_EXPOSURE_USD, fraction=Decimal("0.05"))
    daily_loss: Cap = Cap(usd=c.MAX_DAILY_LOSS_USD, fraction=Decimal("0.05"))
    drawdown_fraction: Fraction = Decimal("0.10")
    rejects_max: Annotated[int, Field(ge=1)] = 5
    rejects_window_min: Annotated[int, Field(ge=1)] = 10
    kelly_fraction: Fraction = Decimal("0.05")
    max_contracts: Annotated[int, Field(ge=1)] = 40


class GateLimits(Frozen):
    """Execution gates. Ages in seconds, money in dollars per contract, uncertainty in degrees Fahrenheit
    (sd).
    """

    max_spread_usd: PositiveMoney = c.MAX_SPREAD_USD
    min_edge_usd: PositiveMoney = Decimal("0.03")
    max_edge_usd: PositiveMoney = Decimal("0.25")
    min_exit_edge_usd: PositiveMoney = Decimal("0.02")
    min_depth: Annotated[Decimal, Field(gt=0, strict=False)] = Decimal(20)
    max_book_age_s: Annotated[int, Field(ge=1)] = 30
    max_fetch_age_s: Annotated[int, Field(ge=60)] = 15 * 60
    max_observation_age_s: Annotated[int, Field(ge=60)] = 75 * 60
    max_forecast_age_s: Annotated[int, Field(ge=60)] = 12 * 3600
    max_uncertainty_f: Annotated[float, Field(gt=0)] = 6.0
    min_time_to_close_s: Annotated[int, Field(ge=0)] = 600


class RiskEvent(Frozen):
    """Something the operator may have to know. ``payload`` holds plain JSON values."""

    event_type: str
    severity: Severity
    message: str
    occurred_at: Instant
    payload: dict[str, Any] = {}


class HealthStatus(Frozen):
    """One component as last seen. ``last_ok`` is the last instant it was seen working."""

    component: Component
    status: ComponentStatus
    last_ok: Instant | None
    message: str
    checked_at: Instant


class StateChange(Frozen):
    """A halt or its end. ``scope`` is ``book``, ``city:NYC`` or ``market:TICKER``.

    ``set_by`` is a person's name or ``rule:CODE``; ``until`` only for rules that lift themselves.
    """

    scope: Annotated[str, Field(pattern=r"^(book|city:[A-Z]{3}|market:.+)$")]
    state: TradingState
    reason: ReasonCode
    note: str
    set_by: str
    set_at: Instant
    until: Instant | None = None


class Break(Frozen):
    """A difference between our books and the exchange's, with both sides and the likely reason.

    It freezes the market ``ticker``, or the whole book where there is none.
    """

    kind: Literal["cash", "position", "order", "fill", "settlement", "writer"]
    key: str
    ticker: str | None = None
    ours: str
    theirs: str
    likely_reason: str
    found_at: Instant


class LossState(Frozen):
    """Money the breakers look at. Day is the Eastern calendar day; peak is the highest equity so far.

    Both are told as equity with today's capital, so that a deposit is no profit and a withdrawal no loss.
    ``booked_equity_usd`` is capital and realised profit: equity with every open position at its cost.
    """

    equity_usd: Money
    booked_equity_usd: Money
    peak_equity_usd: Money
    day_start_equity_usd: Money
    rejects_in_window: int
