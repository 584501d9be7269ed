"""The order desk: committed before sent, sent once, and nothing written that the answer does not prove."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import structlog.testing

from tests.contract.ops_samples import foreign_order
from tests.fakes.desk import MODE, Desk, wish
from trader.app.books import reconcile
from trader.app.halt import states_in_force
from trader.app.holdings import holdings
from trader.app.money import equity_now
from trader.app.order_desk import cancel, move, reserve, settle_outcome, withdraw
from trader.core.intents import generate_intent_key
from trader.core.order_state import SHORT_NAMES
from trader.domain.errors import InvariantViolation, LostWriterLock, PersistenceError
from trader.domain.orders import Accepted, Canceled, CancelOutcome, Order, Refused, SendOutcome, Unknown
from trader.domain.types import Action, OrderStatus, ReasonCode, Side, TimeInForce, TradingMode, TradingState

D = Decimal
R = ReasonCode
S = OrderStatus


def accepted(filled: str, remaining: str) -> Accepted:
    return Accepted(kalshi_order_id="venue-1", filled_qty=D(filled), remaining_qty=D(remaining))


def events(desk: Desk, order: Order) -> list[tuple[OrderStatus | None, OrderStatus]]:
    return [(before, after) for before, after, _, _ in desk.store.orders.events(order.order_id or 0)]


def resting(desk: Desk) -> Order:
    desk.exchange.answers = [accepted("0", "10")]
    expires_at = desk.clock.now() + timedelta(seconds=240)
    gtc = wish(time_in_force=TimeInForce.GTC, expires_at=expires_at)
    return desk.submit(gtc)


@pytest.mark.story("4.6")
def test_the_exchange_finds_the_intent_committed_when_the_order_arrives(desk: Desk) -> None:
    seen: list[Order | None] = []
    desk.exchange.on_send = lambda intent: seen.append(desk.store.orders.get_by_intent_key(intent.intent_key))

    order = desk.submit(wish())

    (committed,) = seen
    assert committed is not None
    assert (committed.status, committed.sent_at) == (S.SUBMITTING, desk.clock.now())
    assert order.status is S.FILLED
    assert events(desk, order) == [(None, S.CREATED), (S.CREATED, S.SUBMITTING), (S.SUBMITTING, S.FILLED)]


@pytest.mark.story("4.6")
def test_a_known_intent_is_returned_as_it_stands_and_not_sent_again(desk: Desk) -> None:
    first = desk.submit(wish())
    dearer = wish(qty=D(99), limit_price=D("0.50"), client_order_id="another")

    again = desk.submit(dearer)

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

    order = desk.submit(wish())

    assert (order.status, SHORT_NAMES[order.status], order.filled_qty) == (status, short, D(filled))
    assert order.kalshi_order_id == ("venue-1" if isinstance(answer, Accepted) else None)
    assert order.reject_code == ("insufficient_balance" if isinstance(answer, Refused) else None)


@pytest.mark.story("4.6")
def test_every_move_is_logged_with_both_states_and_the_mode(desk: Desk) -> None:
    with structlog.testing.capture_logs() as said:
        desk.submit(wish())

    moves = [(e["from_status"], e["to_status"], e["mode"]) for e in said if e["event"] == "order_moved"]
    assert moves == [(S.CREATED, S.SUBMITTING, MODE), (S.SUBMITTING, S.FILLED, MODE)]


@pytest.mark.story("4.6")
def test_an_order_of_unknown_fate_stays_open_and_is_not_sent_again(desk: Desk) -> None:
    desk.exchange.answers = [Unknown(why="connection cut")]
    desk.submit(wish())

    again = desk.submit(wish())

    (told,) = desk.events("ORDER_UNKNOWN")
    assert "connection cut" in told
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

    order = desk.submit(wish())

    assert order.status is S.DENIED
    assert order.reject_code in ("OPERATOR_HALT", "HALT_FILE_PRESENT")
    assert events(desk, order) == [(None, S.CREATED), (S.CREATED, S.DENIED)]
    assert desk.exchange.sent == []


def test_halts_of_other_cities_and_markets_do_not_stop_an_order(desk: Desk) -> None:
    desk.halt(scope="city:CHI")
    desk.halt(scope="market:KXHIGHNY-26JUL16-B82.5")

    assert desk.submit(wish()).status is S.FILLED


def test_a_reduction_is_sent_while_only_reductions_are(desk: Desk) -> None:
    desk.submit(wish())
    reconcile(desk.trader)
    reduce_only(desk)

    assert desk.submit(wish(2, action=Action.REDUCE)).status is S.FILLED


@pytest.mark.story("4.6")
def test_a_lost_writer_lock_stops_a_create_before_the_first_byte(desk: Desk) -> None:
    desk.store.open_epoch(mode=MODE, account="other", command="test", version="1", at=desk.clock.now())

    with pytest.raises(LostWriterLock):
        desk.submit(wish())

    assert desk.exchange.sent == []
    (order,) = desk.store.orders.open_orders(MODE)
    assert order.status is S.SUBMITTING  # counted until the next reconciliation proves its absence


@pytest.mark.story("4.6")
def test_a_create_before_this_epochs_reconciliation_is_stopped_in_code(desk: Desk) -> None:
    desk.trader.epoch = desk.store.open_epoch(
        mode=MODE, account="fake-account", command="test", version="1", at=desk.clock.now()
    )

    with pytest.raises(InvariantViolation, match="reconciliation committed, found none"):
        desk.submit(wish())

    assert desk.exchange.sent == []


def test_a_create_after_a_failed_write_is_stopped_until_a_probe_commits(desk: Desk) -> None:
    desk.store.fail_writes("disk full")

    with pytest.raises(PersistenceError, match="disk full"):
        desk.submit(wish())
    assert desk.exchange.sent == []

    desk.store.risk.probe_write(at=desk.clock.now())
    assert desk.submit(wish(2)).status is S.FILLED


# ---- reservation


@pytest.mark.story("4.4")
@pytest.mark.parametrize(
    ("cap", "reason"),
    [
        ("trade", R.TRADE_RISK_EXCEEDED),
        ("city", R.CITY_EXPOSURE_EXCEEDED),
        ("cluster", R.CLUSTER_EXPOSURE_EXCEEDED),
        ("open_risk", R.OPEN_RISK_EXCEEDED),
        ("daily_loss", R.DAY_RISK_EXCEEDED),
    ],
)
def test_an_order_that_no_longer_fits_is_denied_whatever_the_plan_knew(
    desk: Desk, cap: str, reason: ReasonCode
) -> None:
    desk.limit(**{cap: 1})  # the wish costs 1.17 at worst

    order = desk.submit(wish())

    assert (order.status, order.reject_code) == (S.DENIED, reason)
    assert desk.exchange.sent == []


@pytest.mark.story("4.4")
@pytest.mark.parametrize("answer", [Unknown(why="time-out"), accepted("0", "10"), accepted("10", "0")])
def test_what_is_under_way_takes_room_before_anything_is_booked(desk: Desk, answer: SendOutcome) -> None:
    desk.limit(city=2)
    desk.exchange.answers = [answer]  # the last one is filled, and no fill is listed yet

    first, second = desk.submit(wish()), desk.submit(wish(2))

    assert first.status is not S.DENIED
    assert (second.status, second.reject_code) == (S.DENIED, R.CITY_EXPOSURE_EXCEEDED)
    assert len(desk.exchange.sent) == 1


@pytest.mark.story("4.4")
def test_two_intents_at_once_cannot_both_fit_into_the_same_room(desk: Desk) -> None:
    desk.limit(city=2)
    caps, start = desk.caps, threading.Barrier(8)
    found: list[OrderStatus] = []

    def ask(number: int) -> None:
        start.wait()
        order, _ = reserve(desk.trader, wish(number), cycle_id=None, caps=caps)
        found.append(order.status)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [S.DENIED] * 7 + [S.SUBMITTING]


@pytest.mark.story("4.4")
def test_a_reservation_sees_the_one_that_was_committed_just_before_it(desk: Desk) -> None:
    desk.limit(city=2)
    real, first = desk.store.transaction, list[Order]()

    @contextmanager
    def beaten(*, is_exclusive: bool = False) -> Iterator[None]:
        desk.store.transaction = real  # type: ignore[method-assign]
        first.append(reserve(desk.trader, wish(1), cycle_id=None, caps=desk.caps)[0])
        with real(is_exclusive=is_exclusive):
            yield

    desk.store.transaction = beaten  # type: ignore[method-assign]
    second, _ = reserve(desk.trader, wish(2), cycle_id=None, caps=desk.caps)

    assert [first[0].status, second.status] == [S.SUBMITTING, S.DENIED]


# ---- reductions


def held(desk: Desk, qty: str = "10") -> None:
    """Ten contracts of the wish's market, booked."""
    desk.submit(wish(90, qty=D(qty), worst_usd=D("1.17")))
    reconcile(desk.trader)


def test_a_reduction_sells_what_is_held_and_the_books_stay_equal(desk: Desk) -> None:
    held(desk)

    order = desk.submit(wish(2, action=Action.REDUCE, qty=D(4), limit_price=D("0.30")))
    result = reconcile(desk.trader)

    assert (order.status, result.breaks) == (S.FILLED, 0)
    position = desk.store.positions.get(MODE, order.ticker)
    assert position is not None
    assert (position.side, position.qty) == (Side.YES, D(6))
    told = desk.store.fills.get(MODE)[-1]
    assert (told.side, told.price) == (Side.YES, D("0.30"))  # in the order's own words: sold YES at 30
    assert equity_now(desk.trader).cash_usd == desk.exchange.cash_usd


@pytest.mark.parametrize(
    ("qty", "side"), [(D("10.01"), Side.YES), (D(1), Side.NO)], ids=["more than held", "the other side"]
)
def test_a_reduction_of_more_than_is_held_is_denied(desk: Desk, qty: Decimal, side: Side) -> None:
    held(desk)

    order = desk.submit(wish(2, action=Action.REDUCE, qty=qty, side=side))

    assert (order.status, order.reject_code) == (S.DENIED, R.NOTHING_TO_REDUCE)


def test_a_reduction_under_way_is_not_sold_a_second_time(desk: Desk) -> None:
    held(desk)
    desk.exchange.answers = [Unknown(why="time-out")]
    desk.submit(wish(2, action=Action.REDUCE, qty=D(7)))

    again = desk.submit(wish(3, action=Action.REDUCE, qty=D(4)))
    rest = desk.submit(wish(4, action=Action.REDUCE, qty=D(3)))

    assert (again.reject_code, rest.status) == (R.NOTHING_TO_REDUCE, S.FILLED)


def test_no_reduction_of_the_machine_passes_a_halt_and_one_that_a_person_ordered_does(desk: Desk) -> None:
    held(desk)
    desk.halt()
    sale = {"action": Action.REDUCE, "qty": D(1)}
    assert desk.submit(wish(2, **sale)).reject_code == R.OPERATOR_HALT

    desk.halt(state=TradingState.REDUCE_ONLY, reason=R.OPERATOR_FLATTEN)
    assert desk.submit(wish(3, **sale)).status is S.FILLED
    assert desk.submit(wish(4)).status is S.DENIED  # buying is not selling

    desk.halt(scope=f"market:{wish().ticker}", reason=R.RECONCILIATION_BREAK)
    assert desk.submit(wish(5, **sale)).reject_code == R.RECONCILIATION_BREAK  # who knows what is held


# ---- cancels


def test_a_proven_cancel_closes_the_order(desk: Desk) -> None:
    order = cancel(desk.trader, resting(desk))

    assert order.status is S.CANCELED
    assert desk.exchange.canceled == ["venue-1"]
    assert events(desk, order)[-2:] == [(S.RESTING, S.PENDING_CANCEL), (S.PENDING_CANCEL, S.CANCELED)]


def test_what_a_cancel_did_not_cancel_was_filled_and_counts_before_its_fill_is_listed(desk: Desk) -> None:
    order = resting(desk)
    desk.exchange.cancel_answers = [Canceled(kalshi_order_id="venue-1", reduced_qty=D(6))]

    after = cancel(desk.trader, order)

    assert (after.status, after.filled_qty, after.pending_qty) == (S.CANCELED, D(4), D(4))
    (counted,) = holdings(desk.trader)
    assert counted.qty == 4


@pytest.mark.parametrize(
    "answer",
    [
        Unknown(why="not_found"),
        Refused(status=409, code="conflict"),
        Canceled(kalshi_order_id="venue-1", reduced_qty=D(11)),  # more than the order had: no proof
    ],
)
def test_a_cancel_without_proof_leaves_the_order_open(desk: Desk, answer: CancelOutcome) -> None:
    order = resting(desk)
    desk.exchange.cancel_answers = [answer]

    after = cancel(desk.trader, order)

    assert after.status is S.PENDING_CANCEL
    assert after.open_qty == 10
    assert cancel(desk.trader, after).status is S.CANCELED  # asking again is safe


def test_an_order_that_is_closed_or_was_never_accepted_is_not_cancelled(desk: Desk) -> None:
    filled = desk.submit(wish())
    desk.exchange.answers = [Unknown(why="time-out")]
    unknown = desk.submit(wish(2))

    assert (cancel(desk.trader, filled), cancel(desk.trader, unknown)) == (filled, unknown)
    assert desk.exchange.canceled == []


def test_an_order_that_somebody_else_placed_is_never_cancelled(desk: Desk) -> None:
    by_hand = desk.store.orders.create_found(foreign_order(), at=desk.clock.now(), epoch=1)
    desk.halt()

    with pytest.raises(InvariantViolation, match="placed by hand"):
        cancel(desk.trader, by_hand)
    assert withdraw(desk.trader, desk.store.risk.states(MODE, desk.clock.now())) == 0

    assert desk.exchange.canceled == []


def test_a_lost_writer_lock_stops_a_cancel(desk: Desk) -> None:
    order = resting(desk)
    desk.store.open_epoch(mode=MODE, account="other", command="test", version="1", at=desk.clock.now())

    with pytest.raises(LostWriterLock):
        cancel(desk.trader, order)

    assert desk.exchange.canceled == []


@pytest.mark.parametrize(
    ("halt", "asked"),
    [(book, 1), (halt_file, 1), (city, 1), (market, 1), (reduce_only, 1), (lambda _: None, 0)],
)
def test_a_halt_withdraws_what_rests_in_its_scope(
    desk: Desk, halt: Callable[[Desk], None], asked: int
) -> None:
    order = resting(desk)
    halt(desk)
    states = states_in_force(desk.store, desk.halt_file, MODE, desk.clock)

    assert withdraw(desk.trader, states) == asked
    assert withdraw(desk.trader, states) == 0  # once is enough

    assert desk.again(order).status is (S.CANCELED if asked else S.RESTING)


# ---- what may never happen


@pytest.mark.story("4.6")
@pytest.mark.parametrize("to", [S.SUBMITTING, S.UNKNOWN, S.RESTING, S.CREATED])
def test_a_filled_order_never_reopens(desk: Desk, to: OrderStatus) -> None:
    order = desk.submit(wish())

    with pytest.raises(InvariantViolation, match="expected a move from FILLED"):
        move(desk.trader, order, to, evidence="test")

    assert len(events(desk, order)) == 3


def test_an_order_that_was_never_stored_cannot_be_moved(desk: Desk) -> None:
    order = desk.submit(wish()).model_copy(update={"order_id": None, "status": S.SUBMITTING})

    with pytest.raises(InvariantViolation, match="expected a stored order"):
        settle_outcome(desk.trader, order, accepted("10", "0"))
