"""The order desk: committed before sent, sent once, and nothing written that the answer does not prove."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import structlog.testing

from tests.fakes.desk import MODE, Desk, wish
from trader.app.order_desk import cancel, move, settle_outcome, submit
from trader.core.intents import generate_intent_key
from trader.core.order_state import SHORT_NAMES
from trader.domain.errors import InvariantViolation, LostWriterLock
from trader.domain.orders import Accepted, Order, Refused, SendOutcome, Unknown
from trader.domain.types import Action, OrderStatus, Side, TimeInForce, TradingMode, TradingState

D = Decimal
S = OrderStatus


def accepted(filled: str, remaining: str) -> Accepted:
    return Accepted(kalshi_order_id="venue-1", filled_qty=D(filled), remaining_qty=D(remaining))


def events(desk: Desk, order: Order) -> list[tuple[OrderStatus | None, OrderStatus]]:
    return [(before, after) for before, after, _, _ in desk.store.orders.events(order.order_id or 0)]


def resting(desk: Desk) -> Order:
    desk.exchange.answers = [accepted("0", "10")]
    expires_at = desk.clock.now() + timedelta(seconds=240)
    gtc = wish(time_in_force=TimeInForce.GTC, expires_at=expires_at)
    return submit(desk.trader, gtc, cycle_id=None)


@pytest.mark.story("4.6")
def test_the_exchange_finds_the_intent_committed_when_the_order_arrives(desk: Desk) -> None:
    seen: list[Order | None] = []
    desk.exchange.on_send = lambda intent: seen.append(desk.store.orders.get_by_intent_key(intent.intent_key))

    order = submit(desk.trader, wish(), cycle_id=None)

    (committed,) = seen
    assert committed is not None
    assert (committed.status, committed.sent_at) == (S.SUBMITTING, desk.clock.now())
    assert order.status is S.FILLED
    assert events(desk, order) == [(None, S.CREATED), (S.CREATED, S.SUBMITTING), (S.SUBMITTING, S.FILLED)]


@pytest.mark.story("4.6")
def test_a_known_intent_is_returned_as_it_stands_and_not_sent_again(desk: Desk) -> None:
    first = submit(desk.trader, wish(), cycle_id=None)
    dearer = wish(qty=D(99), limit_price=D("0.50"), client_order_id="another")

    again = submit(desk.trader, dearer, cycle_id=None)

    assert again == first
    assert len(desk.exchange.sent) == 1


@pytest.mark.story("4.6")
def test_the_intent_key_knows_neither_price_nor_size() -> None:
    from tests.contract.ops_samples import signal

    def key(**changes: Any) -> str:
        given: dict[str, Any] = {"account": "a", "mode": MODE, "slot": "s", "side": Side.YES}
        return generate_intent_key(signal(), **given | changes)

    cheap, dear = signal(limit_price=D("0.10"), qty=D(1)), signal(limit_price=D("0.90"), qty=D(40))
    keys = [
        generate_intent_key(s, account="a", mode=MODE, slot="s", side=Side.YES) for s in (cheap, dear, dear)
    ]
    assert len(set(keys)) == 1
    others = [key(), key(account="b"), key(slot="t"), key(side=Side.NO), key(mode=TradingMode.SHADOW)]
    assert len(set(others)) == len(others)


@pytest.mark.story("4.6")
@pytest.mark.parametrize(
    ("answer", "status", "short", "filled"),
    [
        (accepted("10", "0"), S.FILLED, "FILLED", "10"),
        (accepted("4", "0"), S.CANCELED, "CANCELLED", "4"),
        (accepted("0", "0"), S.CANCELED, "CANCELLED", "0"),
        (accepted("0", "10"), S.RESTING, "SUBMITTED", "0"),
        (accepted("4", "6"), S.PARTIALLY_FILLED, "SUBMITTED", "4"),
        (Refused(status=400, code="insufficient_balance"), S.REJECTED, "REJECTED", "0"),
        (Unknown(why="time-out"), S.UNKNOWN, "SUBMITTED", "0"),
    ],
)
def test_each_answer_moves_the_order_to_what_it_proves(
    desk: Desk, answer: SendOutcome, status: OrderStatus, short: str, filled: str
) -> None:
    desk.exchange.answers = [answer]

    order = submit(desk.trader, wish(), cycle_id=None)

    assert (order.status, SHORT_NAMES[order.status], order.filled_qty) == (status, short, D(filled))
    assert order.kalshi_order_id == ("venue-1" if isinstance(answer, Accepted) else None)
    assert order.reject_code == ("insufficient_balance" if isinstance(answer, Refused) else None)


@pytest.mark.story("4.6")
def test_every_move_is_logged_with_both_states_and_the_mode(desk: Desk) -> None:
    with structlog.testing.capture_logs() as said:
        submit(desk.trader, wish(), cycle_id=None)

    moves = [(e["from_status"], e["to_status"], e["mode"]) for e in said if e["event"] == "order_moved"]
    assert moves == [(S.CREATED, S.SUBMITTING, MODE), (S.SUBMITTING, S.FILLED, MODE)]


@pytest.mark.story("4.6")
def test_an_order_of_unknown_fate_stays_open_and_is_not_sent_again(desk: Desk) -> None:
    desk.exchange.answers = [Unknown(why="connection cut")]
    submit(desk.trader, wish(), cycle_id=None)

    again = submit(desk.trader, wish(), cycle_id=None)

    assert again.status is S.UNKNOWN
    assert again.open_qty == 10
    assert len(desk.exchange.sent) == 1


# ---- halts between commit and send


def halt_file(desk: Desk) -> None:
    desk.halt_file.write("stop")


def book(desk: Desk) -> None:
    desk.halt()


def city(desk: Desk) -> None:
    desk.halt(scope="city:NYC")


def market(desk: Desk) -> None:
    desk.halt(scope=f"market:{wish().ticker}")


def reduce_only(desk: Desk) -> None:
    desk.halt(state=TradingState.REDUCE_ONLY)


@pytest.mark.parametrize("halt", [halt_file, book, city, market, reduce_only])
def test_a_halt_after_the_plan_denies_the_order_in_hand(desk: Desk, halt: Callable[[Desk], None]) -> None:
    halt(desk)

    order = submit(desk.trader, wish(), cycle_id=None)

    assert order.status is S.DENIED
    assert order.reject_code in ("HALTED", "REDUCE_ONLY")
    assert desk.exchange.sent == []


def test_halts_of_other_cities_and_markets_do_not_stop_an_order(desk: Desk) -> None:
    desk.halt(scope="city:CHI")
    desk.halt(scope="market:KXHIGHNY-26JUL16-B82.5")

    assert submit(desk.trader, wish(), cycle_id=None).status is S.FILLED


def test_a_reduction_is_sent_while_only_reductions_are(desk: Desk) -> None:
    reduce_only(desk)

    assert submit(desk.trader, wish(action=Action.REDUCE), cycle_id=None).status is S.FILLED


@pytest.mark.story("4.6")
def test_a_lost_writer_lock_stops_a_create_before_the_first_byte(desk: Desk) -> None:
    desk.store.open_epoch(mode=MODE, account="other", command="test", version="1", at=desk.clock.now())

    with pytest.raises(LostWriterLock):
        submit(desk.trader, wish(), cycle_id=None)

    assert desk.exchange.sent == []
    (order,) = desk.store.orders.open_orders(MODE)
    assert order.status is S.SUBMITTING  # counted until the next reconciliation proves its absence


# ---- cancels


def test_a_proven_cancel_closes_the_order(desk: Desk) -> None:
    order = cancel(desk.trader, resting(desk))

    assert order.status is S.CANCELED
    assert desk.exchange.canceled == ["venue-1"]
    assert events(desk, order)[-2:] == [(S.RESTING, S.PENDING_CANCEL), (S.PENDING_CANCEL, S.CANCELED)]


@pytest.mark.parametrize("answer", [Unknown(why="not_found"), Refused(status=409, code="conflict")])
def test_a_cancel_without_proof_leaves_the_order_open(desk: Desk, answer: SendOutcome) -> None:
    order = resting(desk)
    desk.exchange.answers = [answer]

    after = cancel(desk.trader, order)

    assert after.status is S.PENDING_CANCEL
    assert after.open_qty == 10


def test_an_order_that_is_closed_or_was_never_accepted_is_not_cancelled(desk: Desk) -> None:
    filled = submit(desk.trader, wish(), cycle_id=None)
    desk.exchange.answers = [Unknown(why="time-out")]
    unknown = submit(desk.trader, wish(2), cycle_id=None)

    assert (cancel(desk.trader, filled), cancel(desk.trader, unknown)) == (filled, unknown)
    assert desk.exchange.canceled == []


def test_a_lost_writer_lock_stops_a_cancel(desk: Desk) -> None:
    order = resting(desk)
    desk.store.open_epoch(mode=MODE, account="other", command="test", version="1", at=desk.clock.now())

    with pytest.raises(LostWriterLock):
        cancel(desk.trader, order)

    assert desk.exchange.canceled == []


# ---- what may never happen


@pytest.mark.story("4.6")
@pytest.mark.parametrize("to", [S.SUBMITTING, S.UNKNOWN, S.RESTING, S.CREATED])
def test_a_filled_order_never_reopens(desk: Desk, to: OrderStatus) -> None:
    order = submit(desk.trader, wish(), cycle_id=None)

    with pytest.raises(InvariantViolation, match="expected a move from FILLED"):
        move(desk.trader, order, to, evidence="test")

    assert len(events(desk, order)) == 3


def test_an_order_that_was_never_stored_cannot_be_moved(desk: Desk) -> None:
    order = submit(desk.trader, wish(), cycle_id=None).model_copy(
        update={"order_id": None, "status": S.SUBMITTING}
    )

    with pytest.raises(InvariantViolation, match="expected a stored order"):
        settle_outcome(desk.trader, order, accepted("10", "0"))
