"""Positions and capital as our books hold them."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from trader.domain.types import Frozen, Instant, Money, PositionStatus, Price, Quantity, Side, TradingMode


class Position(Frozen):
    """Net holding of one market. ``avg_entry`` and ``avg_exit`` are dollars per contract of ``side``, before
    fees.

    ``cost_usd`` is what the open quantity cost; ``realized_pnl_usd`` is after fees paid on closed and open
    parts (fees are charged when paid); ``fees_usd`` is all fees so far.
    """

    ticker: str
    event_ticker: str
    city_code: str
    mode: TradingMode
    side: Side
    qty: Quantity
    avg_entry: Price
    avg_exit: Price | None
    cost_usd: Money
    realized_pnl_usd: Money
    fees_usd: Money
    status: PositionStatus
    opened_at: Instant
    closed_at: Instant | None = None


class CapitalEvent(Frozen):
    """Cash that is not trading. ``kind`` START is the capital an account began with. ``ref`` is the
    exchange's own name of a transfer, which counts once.
    """

    kind: Literal["START", "DEPOSIT", "WITHDRAWAL", "INTEREST", "CREDIT"]
    amount_usd: Money
    occurred_at: Instant
    mode: TradingMode
    note: str = ""
    ref: str | None = None


class Holding(Frozen):
    """A quantity that may pay off: a position, or an order that may still fill (``is_pending``).

    ``cost_usd`` is price plus fee per contract, dollars, at the worst price it may fill. ``is_exclusive``: at
    most one market of its event can pay YES, so holdings of one event offset each other.
    """

    ticker: str
    event_ticker: str
    city_code: str
    side: Side
    qty: Quantity
    cost_usd: Annotated[Decimal, Field(ge=0, strict=False)]
    is_pending: bool
    is_exclusive: bool = False
