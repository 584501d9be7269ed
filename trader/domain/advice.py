"""What the advisor works on and what it may say. No trading code imports this (`pyproject.toml`)."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trader.domain.types import Decision, Frozen, Instant, MarketType, Money, Price, Quantity, Side

MAX_EXPLANATION, MAX_REASON = 900, 300
"""Longest texts stored, in characters; the columns allow 2,000 and 500."""


class AnomalyKind(StrEnum):
    WIDE_SPREAD = "WIDE_SPREAD"
    LOW_LIQUIDITY = "LOW_LIQUIDITY"
    FORECAST_DISAGREEMENT = "FORECAST_DISAGREEMENT"


class AnomalyClass(StrEnum):
    NORMAL = "NORMAL"
    SUSPICIOUS = "SUSPICIOUS"
    ALERT = "ALERT"


class SignalFacts(Frozen):
    """The numbers behind one signal. ``price``, ``fee``, ``edge``: dollars per contract of ``side``."""

    signal_id: int
    decided_at: Instant
    ticker: str
    city: str
    market_type: MarketType
    climate_date: date
    label: str
    strategy_name: str
    p_yes: Annotated[Decimal, Field(strict=False)]
    decision: Decision
    side: Side
    price: Price
    fee: Money | None
    edge: Money | None
    qty: Quantity
    allowed_qty: Quantity | None
    yes_bid: Price | None
    yes_ask: Price | None
    mean_f: float | None
    sd_f: float | None
    lead_h: float | None
    observed_extreme_f: float | None


class MarketFacts(Frozen):
    """One contract in the newest cycle. ``top_size``: contracts at the best price of the thinner side, 0 when
    a side is empty, None without a book. ``mean_f`` has one forecast mean per strategy, degrees Fahrenheit.
    """

    ticker: str
    event_ticker: str
    city_code: str
    yes_bid: Price | None
    yes_ask: Price | None
    top_size: Quantity | None
    p_yes: Annotated[Decimal, Field(strict=False)] | None
    mean_f: tuple[float, ...] = ()


class Finding(Frozen):
    """What a rule says about one event. ``figures`` are the numbers it saw, as they may be repeated."""

    kind: AnomalyKind
    anomaly_class: AnomalyClass
    event_ticker: str
    city_code: str
    ticker: str
    reason: Annotated[str, Field(max_length=MAX_REASON)]
    figures: dict[str, str]
