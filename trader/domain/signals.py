"""Predictions, signals, risk decisions and order intents: what a plan consists of."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from trader.domain.types import (
    Action,
    Decision,
    Frozen,
    Instant,
    MarketType,
    Money,
    Price,
    Probability,
    Quantity,
    ReasonCode,
    Side,
    TimeInForce,
    TradingMode,
)

MILLION = 1_000_000


class Distribution(Frozen):
    """Probabilities of the settled whole value ``start``, ``start`` + 1, ... in millionths that sum to
    exactly one million.

    ``mean_f`` and ``sd_f`` describe the fitted location and spread in degrees Fahrenheit.
    """

    start: int
    ppm: tuple[int, ...]
    mean_f: float
    sd_f: float

    @model_validator(mode="after")
    def _sums_to_one(self) -> "Distribution":
        if sum(self.ppm) != MILLION or min(self.ppm) < 0:
            raise ValueError(f"expected millionths summing to {MILLION}, found {sum(self.ppm)}")
        return self

    def between(self, lo: int | None, hi: int | None) -> Decimal:
        """Probability that the value lies in [lo, hi]; None is an open end."""
        first = 0 if lo is None else max(0, lo - self.start)
        last = len(self.ppm) if hi is None else max(0, hi - self.start + 1)
        return Decimal(sum(self.ppm[first:last])) / MILLION

    def quantile(self, probability: float) -> int:
        """Smallest whole value whose cumulative probability reaches ``probability`` (0 to 1)."""
        reached = 0
        for offset, part in enumerate(self.ppm):
            reached += part
            if reached >= probability * MILLION:
                return self.start + offset
        return self.start + len(self.ppm) - 1


class Prediction(Frozen):
    """One strategy's distribution for one event in one cycle."""

    event_ticker: str
    city_code: str
    market_type: MarketType
    climate_date: date
    strategy_name: str
    strategy_version: str
    distribution: Distribution
    source: str
    issued_at: Instant
    lead_h: float
    observed_extreme_f: float | None
    features: dict[str, float | str | None]


class Signal(Frozen):
    """A strategy's word on one contract. ``edge`` is dollars per contract after fees on the better side.

    ``price`` and ``fee`` are per contract of ``side`` at the size considered; None when it could not be
    priced.
    """

    ticker: str
    event_ticker: str
    city_code: str
    market_type: MarketType
    climate_date: date
    strategy_name: str
    strategy_version: str
    p_yes: Probability | None
    uncertainty: float | None
    decision: Decision
    side: Side | None
    price: Price | None
    limit_price: Price | None
    fee: Money | None
    edge: Money | None
    qty: Quantity
    reasons: tuple[ReasonCode, ...]


class CapCheck(Frozen):
    """One cap as it stood: dollars at worst case before and with the trade, and the limit in force."""

    reason: ReasonCode
    before_usd: Money
    after_usd: Money
    limit_usd: Money


class RiskDecision(Frozen):
    """What the risk engine did with one wish: quantity asked for, quantity allowed, every cap with its
    values.
    """

    ticker: str
    side: Side
    asked_qty: Quantity
    allowed_qty: Quantity
    reasons: tuple[ReasonCode, ...]
    caps: tuple[CapCheck, ...]


class OrderIntent(Frozen):
    """An order we want, before anything is sent. ``limit_price`` is dollars of ``side``; ``worst_usd`` is
    cost plus fee. A post-only order is refused where it would take.
    """

    intent_key: str
    client_order_id: str
    mode: TradingMode
    ticker: str
    event_ticker: str
    city_code: str
    side: Side
    action: Action
    qty: Annotated[Decimal, Field(gt=0, strict=False)]
    limit_price: Price
    time_in_force: TimeInForce
    is_post_only: bool = False
    expires_at: Instant | None
    worst_usd: Money
    strategy_name: str
    strategy_version: str
    slot: str
    attempt: int
