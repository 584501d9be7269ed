"""What goes into a reconciliation and what comes out: both sides' books, corrections, differences."""

from datetime import datetime
from decimal import Decimal

from trader.domain.orders import Balance, Fill, Order, Settlement, VenueOrder, VenuePosition
from trader.domain.positions import Position
from trader.domain.risk import Break
from trader.domain.types import Frozen, OrderStatus, TradingMode


class MoveOrder(Frozen):
    """Move one order. ``order`` is as it stands before this correction; None leaves a field alone."""

    order: Order
    to: OrderStatus
    evidence: str
    filled_qty: Decimal | None = None
    kalshi_order_id: str | None = None
    absent_at: datetime | None = None
    reject_code: str | None = None


class RecordFound(Frozen):
    """An order of the account that our books lack: recorded and counted.

    A foreign one was placed by somebody else and is never cancelled by us; another one bears our mark, so
    our books have forgotten it: they were restored from a backup.
    """

    order: Order


class BookFill(Frozen):
    """A fill not yet in our books, in its order's own side, with that order as it stands by then.

    ``order.order_id`` is None for an order recorded just before: look it up by intent key.
    """

    fill: Fill
    order: Order


class BookSettlement(Frozen):
    """A payout not yet in our books, or the difference by which the exchange corrected one."""

    settlement: Settlement
    is_correction: bool = False


Correction = MoveOrder | RecordFound | BookFill | BookSettlement


class OurBooks(Frozen):
    """Our side, one mode. ``orders``: all that are live and all that a venue order or fill may refer to.

    ``known_fills`` are ids of listed fills that are booked, ``settlements`` those booked of listed markets;
    ``positions`` are those held and those that a listed fill or payout may touch. ``realized_usd`` is over
    every position ever held.
    ``markets`` tells event ticker and city of a ticker. ``epoch_started_at`` is when this writer began,
    ``begun_at`` when these books did: the account was flat then, and what it did before is not ours.
    """

    mode: TradingMode
    capital_usd: Decimal
    realized_usd: Decimal
    orders: tuple[Order, ...]
    known_fills: frozenset[str]
    positions: tuple[Position, ...]
    settlements: tuple[Settlement, ...]
    markets: dict[str, tuple[str, str]] = {}
    epoch_started_at: datetime | None = None
    begun_at: datetime | None = None


class VenueBooks(Frozen):
    """The exchange's side, every list complete, all as of ``read_at`` or later by the exchange's clock."""

    orders: tuple[VenueOrder, ...]
    fills: tuple[Fill, ...]
    positions: tuple[VenuePosition, ...]
    settlements: tuple[Settlement, ...]
    balance: Balance | None
    read_at: datetime


class Reconciliation(Frozen):
    """Corrections in the order in which to apply them, and the differences that remain after them."""

    corrections: tuple[Correction, ...]
    breaks: tuple[Break, ...]
