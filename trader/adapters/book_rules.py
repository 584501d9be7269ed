"""Rules of our books that hold in every store: the memory store and Postgres call the same functions."""

from datetime import datetime
from decimal import Decimal

from trader.domain.errors import InvariantViolation
from trader.domain.orders import Fill, Order
from trader.domain.signals import OrderIntent
from trader.domain.types import OrderStatus


def aware(at: datetime) -> datetime:
    """Return the instant as it is. Raises InvariantViolation when it names no zone."""
    if at.tzinfo is None:
        raise InvariantViolation(
            f"recording instant: expected one with a zone, found {at.isoformat()}; nothing was stored"
        )
    return at


def order_of(intent: OrderIntent, *, at: datetime, denied: str | None) -> Order:
    """Return the order an intent becomes: CREATED, or DENIED with our reason."""
    return Order(
        client_order_id=intent.client_order_id,
        intent_key=intent.intent_key,
        mode=intent.mode,
        ticker=intent.ticker,
        event_ticker=intent.event_ticker,
        city_code=intent.city_code,
        side=intent.side,
        action=intent.action,
        status=OrderStatus.CREATED if denied is None else OrderStatus.DENIED,
        qty=intent.qty,
        limit_price=intent.limit_price,
        time_in_force=intent.time_in_force,
        is_post_only=intent.is_post_only,
        expires_at=intent.expires_at,
        created_at=aware(at),
        updated_at=at,
        reject_code=denied,
    )


def moved(
    order: Order,
    to: OrderStatus,
    *,
    at: datetime,
    kalshi_order_id: str | None,
    filled_qty: Decimal | None,
    sent_at: datetime | None,
    absent_at: datetime | None,
    reject_code: str | None,
    expected: OrderStatus | None,
) -> Order:
    """Return the order after a transition; None leaves a field alone.

    Raises InvariantViolation when a closed order would reopen, a filled quantity would shrink or pass the
    quantity, or the exchange's id would change: each would make our books say less than was proven.
    """
    filled = order.filled_qty if filled_qty is None else filled_qty
    venue_id = order.kalshi_order_id or kalshi_order_id
    problem = None
    if expected is not None and order.status is not expected:
        problem = f"it to be {expected}, found {order.status}"
    elif order.status.is_closed and not to.is_closed:
        problem = f"a closed status after {order.status}, found {to}"
    elif not order.filled_qty <= filled <= order.qty:
        problem = f"filled_qty from {order.filled_qty} to {order.qty}, found {filled}"
    elif kalshi_order_id is not None and venue_id != kalshi_order_id:
        problem = f"exchange id {venue_id}, found {kalshi_order_id}"
    if problem:
        raise InvariantViolation(f"order {order.order_id}: expected {problem}; nothing was moved")
    return order.model_copy(
        update={
            "status": to,
            "kalshi_order_id": venue_id,
            "filled_qty": filled,
            "sent_at": order.sent_at if sent_at is None else aware(sent_at),
            "absent_at": order.absent_at if absent_at is None else aware(absent_at),
            "reject_code": order.reject_code if reject_code is None else reject_code,
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
