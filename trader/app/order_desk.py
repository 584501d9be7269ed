"""The one place that puts a create or cancel on the wire, and what is written before and after."""

from decimal import Decimal

from trader.app.context import Trader
from trader.app.halt import states_in_force
from trader.app.holdings import contract_of, holdings, is_exclusive
from trader.core import order_state
from trader.core.breakers import forbidding
from trader.core.exposure import Caps, Trade, is_over
from trader.domain.errors import InvariantViolation
from trader.domain.orders import Accepted, Canceled, Order, Refused, SendOutcome, Unknown
from trader.domain.risk import RiskEvent, StateChange
from trader.domain.signals import OrderIntent
from trader.domain.types import Action, OrderStatus, ReasonCode, Severity, TimeInForce

S = OrderStatus
ZERO = Decimal(0)


def say_moved(trader: Trader, order: Order, to: OrderStatus, evidence: str) -> None:
    """Log a transition, once it is committed. ``order`` is as it stood before."""
    trader.log.info(
        "order_moved",
        order_id=order.order_id,
        ticker=order.ticker,
        from_status=order.status,
        to_status=to,
        evidence=evidence,
        mode=trader.mode,
    )


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
        expected=order.status,
        **changes,
    )
    say_moved(trader, order, to, evidence)
    return moved


def submit(trader: Trader, intent: OrderIntent, *, cycle_id: int | None, caps: Caps) -> Order:
    """Reserve and commit the intent, then send it once; a known intent is returned and nothing is sent.

    The fence is asked after signing, right before the first byte: a process that lost the writer lock, did
    not reconcile or could not write stops there with an error. Its order then counts as in flight until a
    reconciliation proves its absence.
    """
    order, is_new = reserve(trader, intent, cycle_id=cycle_id, caps=caps)
    if not is_new or order.status.is_closed:
        return order
    outcome = trader.exchange.create_order(intent, fence=lambda: trader.store.assert_may_create(trader.epoch))
    return settle_outcome(trader, order, outcome)


def reserve(trader: Trader, intent: OrderIntent, *, cycle_id: int | None, caps: Caps) -> tuple[Order, bool]:
    """Commit the intent as SUBMITTING, or as DENIED with the reason, and return it with whether it is new.

    Halts, exposure and the row are read and written in one exclusive transaction, so that two intents cannot
    both fit into the same room.
    """
    store, now = trader.store, trader.clock.now()
    with store.transaction(is_exclusive=True):
        denied = _why_not(trader, intent, caps)
        order, is_new = store.orders.create(
            intent, at=now, epoch=trader.epoch, cycle_id=cycle_id, denied=denied, is_sent=True
        )
    if is_new:
        created = order.model_copy(update={"status": S.CREATED})
        say_moved(trader, created, order.status, denied or "exposure reserved")
    return order, is_new


def _why_not(trader: Trader, intent: OrderIntent, caps: Caps) -> ReasonCode | None:
    """Return why the order may not be sent now, whatever the plan knew."""
    states = states_in_force(trader.store, trader.halt_file, trader.mode, trader.clock)
    if reasons := forbidding(states, intent.action, ticker=intent.ticker, city_code=intent.city_code):
        return reasons[0]
    if intent.action is Action.REDUCE:
        is_covered = intent.qty <= reducible(trader, intent)
        return None if is_covered else ReasonCode.NOTHING_TO_REDUCE
    trade = Trade(
        ticker=intent.ticker,
        event_ticker=intent.event_ticker,
        city_code=intent.city_code,
        side=intent.side,
        qty=intent.qty,
        limit=intent.limit_price,
        cost_usd=intent.worst_usd / intent.qty,
        is_exclusive=is_exclusive(contract_of(trader, intent.ticker)),
    )
    checks = caps.over(holdings(trader)).checks(trade, trade.qty)
    return next((check.reason for check in checks if is_over(check)), None)


def reducible(trader: Trader, intent: OrderIntent) -> Decimal:
    """Return the contracts of the intent's side that are held and that no other order may already sell."""
    position = trader.store.positions.get(trader.mode, intent.ticker)
    if position is None or position.side is not intent.side:
        return ZERO
    live = trader.store.orders.live_orders(trader.mode)
    selling = (o.pending_qty for o in live if o.ticker == intent.ticker and o.buys[0] is not intent.side)
    return position.qty - sum(selling, ZERO)


def settle_outcome(trader: Trader, order: Order, outcome: SendOutcome) -> Order:
    """Write down what a create's answer proves, and nothing more."""
    match outcome:
        case Accepted():
            return move(
                trader,
                order,
                accepted_status(order, outcome),
                evidence="exchange accepted",
                kalshi_order_id=outcome.kalshi_order_id,
                filled_qty=outcome.filled_qty,
            )
        case Refused():
            return move(
                trader,
                order,
                S.REJECTED,
                evidence=f"exchange refused: {outcome.status} {outcome.code}",
                reject_code=outcome.code,
            )
        case Unknown():
            evidence = f"no proof either way: {outcome.why}"
            with trader.store.transaction():
                after = move(trader, order, S.UNKNOWN, evidence=evidence)
                _tell_unknown(trader, after, evidence)
            return after


def _tell_unknown(trader: Trader, order: Order, evidence: str) -> None:
    now = trader.clock.now()
    event = RiskEvent(
        event_type="ORDER_UNKNOWN",
        severity=Severity.WARNING,
        message=f"{order.ticker}: {evidence}; it counts at worst case until it is found or proven absent",
        occurred_at=now,
    )
    trader.store.risk.save_event(event, at=now, mode=trader.mode, cycle_id=None)


def accepted_status(order: Order, accepted: Accepted) -> OrderStatus:
    """Status an accepted create proves: the exchange's answer names quantities, not a status."""
    if accepted.filled_qty >= order.qty:
        return S.FILLED
    if accepted.remaining_qty > 0:
        return S.PARTIALLY_FILLED if accepted.filled_qty else S.RESTING
    return S.CANCELED


def cancel(trader: Trader, order: Order) -> Order:
    """Ask the exchange to cancel. Only a proven cancel closes the order; anything else waits for
    reconciliation, and may be asked again.

    Raises InvariantViolation for an order that somebody else placed.
    """
    exchange_id = order.kalshi_order_id
    if order.is_foreign:
        raise InvariantViolation(
            f"order {exchange_id}: expected one of ours, found one placed by hand; not cancelled"
        )
    if exchange_id is None or order.status.is_closed:
        return order
    order = move(trader, order, S.PENDING_CANCEL, evidence="cancel asked")
    outcome = trader.exchange.cancel_order(
        exchange_id, order.ticker, fence=lambda: trader.store.assert_writer(trader.epoch)
    )
    if not isinstance(outcome, Canceled) or order.qty - outcome.reduced_qty < order.filled_qty:
        return order
    # what was not cancelled was filled, whether its fills are listed already or not
    filled = order.qty - outcome.reduced_qty
    return move(trader, order, S.CANCELED, evidence="exchange canceled", filled_qty=filled)


def withdraw(trader: Trader, states: tuple[StateChange, ...]) -> int:
    """Cancel our resting orders that a halt forbids; return how many were asked to be.

    What rests is new risk that has been sent already, so a halt reaches it too.
    """
    asked = 0
    for order in trader.store.orders.open_orders(trader.mode):
        is_resting = order.kalshi_order_id is not None and order.time_in_force is TimeInForce.GTC
        if order.is_foreign or not is_resting:
            continue
        if forbidding(states, order.action, ticker=order.ticker, city_code=order.city_code):
            cancel(trader, order)
            asked += 1
    return asked
