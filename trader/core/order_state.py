"""The one table of legal order transitions, and what the exchange's word for an order means in ours."""

from datetime import datetime
from decimal import Decimal

from trader.domain.errors import InvariantViolation
from trader.domain.orders import Order, VenueOrder
from trader.domain.types import CLOSED_STATUSES, OrderStatus

S = OrderStatus
_CLOSED_BY_VENUE = frozenset({S.FILLED, S.CANCELED, S.EXPIRED})
_ACCEPTED = frozenset({S.RESTING, S.PARTIALLY_FILLED}) | _CLOSED_BY_VENUE

# A state in its own set may take a higher filled quantity without moving. Closed states have nothing else:
# a late fill is booked, the order never reopens.
TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    # UNKNOWN: found after a restart or in a restored database, it may have been sent after all.
    S.CREATED: frozenset({S.DENIED, S.SUBMITTING, S.UNKNOWN}),
    S.SUBMITTING: _ACCEPTED | {S.UNKNOWN, S.REJECTED},
    # REJECTED: only with proof that the exchange never had it.
    S.UNKNOWN: _ACCEPTED | {S.UNKNOWN, S.REJECTED},
    S.RESTING: _ACCEPTED | {S.PENDING_CANCEL},
    S.PARTIALLY_FILLED: _CLOSED_BY_VENUE | {S.PARTIALLY_FILLED, S.PENDING_CANCEL},
    S.PENDING_CANCEL: _CLOSED_BY_VENUE | {S.PENDING_CANCEL},
    **{status: frozenset({status}) for status in CLOSED_STATUSES},
}

SHORT_NAMES: dict[OrderStatus, str] = {
    S.CREATED: "PENDING",
    S.SUBMITTING: "PENDING",
    S.UNKNOWN: "SUBMITTED",
    S.RESTING: "SUBMITTED",
    S.PARTIALLY_FILLED: "SUBMITTED",
    S.PENDING_CANCEL: "SUBMITTED",
    S.FILLED: "FILLED",
    S.CANCELED: "CANCELLED",
    S.EXPIRED: "CANCELLED",
    S.DENIED: "REJECTED",
    S.REJECTED: "REJECTED",
}
"""The five words of the specification for our eleven states."""


def is_legal(from_status: OrderStatus, to_status: OrderStatus) -> bool:
    """Whether the table allows the move."""
    return to_status in TRANSITIONS[from_status]


def advance(from_status: OrderStatus, to_status: OrderStatus) -> OrderStatus:
    """Return ``to_status``. Raises InvariantViolation for a move the table does not have; nothing may be
    written.
    """
    if not is_legal(from_status, to_status):
        legal = ", ".join(sorted(TRANSITIONS[from_status])) or "none"
        raise InvariantViolation(
            f"order: expected a move from {from_status} to {legal}, found {to_status}; nothing was written"
        )
    return to_status


def raise_filled(order: Order, filled_qty: Decimal) -> Decimal:
    """Return the filled quantity after evidence of ``filled_qty``: it only grows.

    Raises InvariantViolation above the ordered quantity.
    """
    if filled_qty > order.qty:
        raise InvariantViolation(
            f"order {order.client_order_id}: expected at most {order.qty} filled, found {filled_qty}"
        )
    return max(order.filled_qty, filled_qty)


def status_after(order: Order, venue: VenueOrder, now: datetime) -> OrderStatus:
    """Return the status that the exchange's listing of this order proves at ``now``.

    A closed order keeps its status. A cancel in flight stays so until the order is gone. What the exchange
    calls executed with less than the ordered quantity is an immediate-or-cancel order whose rest vanished.
    """
    if order.status.is_closed:
        return order.status
    if venue.filled_qty >= order.qty:
        return S.FILLED
    if venue.status == "resting":
        if order.status is S.PENDING_CANCEL:
            return S.PENDING_CANCEL
        return S.PARTIALLY_FILLED if max(venue.filled_qty, order.filled_qty) else S.RESTING
    if venue.status == "canceled" and order.expires_at is not None and now >= order.expires_at:
        return S.CANCELED if order.status is S.PENDING_CANCEL else S.EXPIRED
    return S.CANCELED


def mermaid() -> str:
    """Return the table as a Mermaid state diagram; self-loops (a higher filled quantity) are left out."""
    lines = ["stateDiagram-v2", "    [*] --> CREATED"]
    for status in OrderStatus:
        lines += [
            f"    {status} --> {to}" for to in OrderStatus if to in TRANSITIONS[status] and to is not status
        ]
    lines += [f"    {status} --> [*]" for status in OrderStatus if status.is_closed]
    return "\n".join(lines)
