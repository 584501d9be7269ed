"""Rules of our books that hold in every store: the memory store and Postgres call the same functions."""

from datetime import datetime

from trader.domain.errors import InvariantViolation
from trader.domain.orders import Fill, Order, OrderMove
from trader.domain.signals import OrderIntent
from trader.domain.types import OrderStatus


def aware(at: datetime) -> datetime:
    """Return the instant as it is. Raises InvariantViolation when it names no zone."""
    if at.tzinfo is None:
        raise InvariantViolation(
            f"recording instant: expected one with a zone, found {at.isoformat()}; nothing was stored"
        )
    return at


Step = tuple[OrderStatus | None, OrderStatus, str]
"""A transition with its evidence."""


def first_steps(order: Order) -> list[Step]:
    """Return how a new intent came to its first status."""
    steps: list[Step] = [(None, OrderStatus.CREATED, "intent committed")]
    if order.status is OrderStatus.DENIED:
        steps.append((OrderStatus.CREATED, OrderStatus.DENIED, order.reject_code or ""))
    elif order.status is OrderStatus.SUBMITTING:
        steps.append((OrderStatus.CREATED, OrderStatus.SUBMITTING, "exposure reserved"))
    return steps


def order_of(intent: OrderIntent, *, at: datetime, denied: str | None, is_sent: bool) -> Order:
    """Return the order an intent becomes: CREATED, SUBMITTING when it is sent next, DENIED with a reason."""
    status = OrderStatus.SUBMITTING if is_sent else OrderStatus.CREATED
    return Order(
        client_order_id=intent.client_order_id,
        intent_key=intent.intent_key,
        mode=intent.mode,
        ticker=intent.ticker,
        event_ticker=intent.event_ticker,
        city_code=intent.city_code,
        side=intent.side,
        action=intent.action,
        status=status if denied is None else OrderStatus.DENIED,
        qty=intent.qty,
        limit_price=intent.limit_price,
        time_in_force=intent.time_in_force,
        is_post_only=intent.is_post_only,
        expires_at=intent.expires_at,
        created_at=aware(at),
        updated_at=at,
        sent_at=at if is_sent and denied is None else None,
        reject_code=denied,
    )


def moved(order: Order, move: OrderMove, *, at: datetime) -> Order:
    """Return the order after a transition.

    Raises InvariantViolation when the order does not stand as expected, a closed one would reopen, a filled
    quantity would shrink or pass the quantity, or the exchange's id would change: each would make our books
    say less than was proven.
    """
    filled = order.filled_qty if move.filled_qty is None else move.filled_qty
    venue_id = order.kalshi_order_id or move.kalshi_order_id
    problem = None
    if move.expected is not None and order.status is not move.expected:
        problem = f"it to be {move.expected}, found {order.status}"
    elif order.status.is_closed and not move.to.is_closed:
        problem = f"a closed status after {order.status}, found {move.to}"
    elif not order.filled_qty <= filled <= order.qty:
        problem = f"filled_qty from {order.filled_qty} to {order.qty}, found {filled}"
    elif move.kalshi_order_id is not None and venue_id != move.kalshi_order_id:
        problem = f"exchange id {venue_id}, found {move.kalshi_order_id}"
    if problem:
        raise InvariantViolation(f"order {order.order_id}: expected {problem}; nothing was moved")
    return order.model_copy(
        update={
            "status": move.to,
            "kalshi_order_id": venue_id,
            "filled_qty": filled,
            "sent_at": move.sent_at or order.sent_at,
            "absent_at": move.absent_at or order.absent_at,
            "reject_code": move.reject_code or order.reject_code,
            "updated_at": aware(at),
        }
    )


def booked(order: Order, fill: Fill) -> Order:
    """Return the order after one more of its fills was booked; what is booked was filled.

    Raises InvariantViolation above the ordered quantity.
    """
    total = order.booked_qty + fill.qty
    if total > order.qty:
        raise InvariantViolation(
            f"order {order.order_id}: expected fills of at most {order.qty}, found {total}; "
            "nothing was booked"
        )
    return order.model_copy(update={"booked_qty": total, "filled_qty": max(order.filled_qty, total)})


def fill_of(fill: Fill, order: Order) -> Fill:
    """Return the fill joined to its order. Raises InvariantViolation when it cannot be this order's fill."""
    ours = (order.kalshi_order_id or fill.kalshi_order_id, order.ticker, order.mode)
    if order.order_id is None or ours != (fill.kalshi_order_id, fill.ticker, fill.mode):
        raise InvariantViolation(
            f"fill {fill.fill_id}: expected a stored order of {fill.kalshi_order_id} {fill.ticker} "
            f"{fill.mode}, found order {order.order_id} of {' '.join(ours)}; nothing was booked"
        )
    return fill.model_copy(update={"order_id": order.order_id})
