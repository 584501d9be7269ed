"""The one place that puts a create or cancel on the wire, and what is written before and after."""

from trader.app.context import Trader
from trader.app.halt import states_in_force
from trader.core import order_state
from trader.core.breakers import state_for
from trader.domain.errors import InvariantViolation
from trader.domain.orders import Accepted, Order, Refused, SendOutcome, Unknown
from trader.domain.signals import OrderIntent
from trader.domain.types import Action, OrderStatus, TradingState


def move(trader: Trader, order: Order, to: OrderStatus, *, evidence: str, **changes: object) -> Order:
    """Make one legal transition and append its event. Raises InvariantViolation for an illegal one."""
    order_state.advance(order.status, to)
    if order.order_id is None:
        raise InvariantViolation(
            f"order {order.client_order_id}: expected a stored order, found none; not moved"
        )
    moved = trader.store.orders.transition(
        order.order_id,
        to,
        evidence=evidence,
        at=trader.clock.now(),
        epoch=trader.epoch,
        **changes,  # type: ignore[arg-type]
    )
    trader.log.info(
        "order_moved",
        order_id=order.order_id,
        ticker=order.ticker,
        from_status=order.status,
        to_status=to,
        evidence=evidence,
        mode=trader.mode,
    )
    return moved


def submit(trader: Trader, intent: OrderIntent, *, cycle_id: int | None) -> Order:
    """Commit the intent, then send it once; a known intent is returned as it stands and nothing is sent.

    Between commit and send the halts are read again and the writer lock is proven, so that a halt or a second
    trader stops even the order in hand. Raises LostWriterLock before the first byte; the order then counts as
    in flight until a reconciliation proves its absence.
    """
    order, is_new = trader.store.orders.create(
        intent, at=trader.clock.now(), epoch=trader.epoch, cycle_id=cycle_id
    )
    if not is_new:
        return order
    states = states_in_force(trader.store, trader.halt_file, trader.mode, trader.clock)
    state, _ = state_for(states, ticker=intent.ticker, city_code=intent.city_code)
    if state is TradingState.HALTED or (state is TradingState.REDUCE_ONLY and intent.action is Action.OPEN):
        return move(trader, order, OrderStatus.DENIED, evidence=f"trading is {state}", reject_code=str(state))
    order = move(
        trader, order, OrderStatus.SUBMITTING, evidence="intent committed", sent_at=trader.clock.now()
    )
    trader.store.assert_writer(trader.epoch)  # last of all: a process that slept wakes up fenced
    return settle_outcome(trader, order, trader.exchange.create_order(intent))


def settle_outcome(trader: Trader, order: Order, outcome: SendOutcome) -> Order:
    """Write down what a create's answer proves, and nothing more."""
    match outcome:
        case Accepted():
            status = accepted_status(order, outcome)
            return move(
                trader,
                order,
                status,
                evidence="exchange accepted",
                kalshi_order_id=outcome.kalshi_order_id,
                filled_qty=outcome.filled_qty,
            )
        case Refused():
            return move(
                trader,
                order,
                OrderStatus.REJECTED,
                evidence=f"exchange refused: {outcome.status} {outcome.code}",
                reject_code=outcome.code,
            )
        case Unknown():
            return move(trader, order, OrderStatus.UNKNOWN, evidence=f"no proof either way: {outcome.why}")


def accepted_status(order: Order, accepted: Accepted) -> OrderStatus:
    """Status an accepted create proves: the exchange's answer names quantities, not a status."""
    if accepted.filled_qty >= order.qty:
        return OrderStatus.FILLED
    if accepted.remaining_qty > 0:
        return OrderStatus.PARTIALLY_FILLED if accepted.filled_qty else OrderStatus.RESTING
    return OrderStatus.CANCELED


def cancel(trader: Trader, order: Order) -> Order:
    """Ask the exchange to cancel. Only a proven cancel closes the order; anything else waits for
    reconciliation.
    """
    exchange_id = order.kalshi_order_id
    if exchange_id is None or order.status.is_closed:
        return order
    order = move(trader, order, OrderStatus.PENDING_CANCEL, evidence="cancel asked")
    trader.store.assert_writer(trader.epoch)
    outcome = trader.exchange.cancel_order(exchange_id, order.ticker)
    if isinstance(outcome, Accepted):
        return move(trader, order, OrderStatus.CANCELED, evidence="exchange canceled")
    return order
