"""Reconciliation: our rows follow what the exchange proves; what still differs is said once and frozen."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import structlog.testing

from tests.fakes.desk import MODE, Desk, wish
from tests.unit.trader.core import builders as b
from trader.adapters.memory.store import MemoryOpsStore
from trader.app.books import reconcile, start
from trader.app.cycle import run_cycle
from trader.app.holdings import holdings
from trader.app.money import equity_now
from trader.domain.errors import ConfigurationError, InvariantViolation, TransientError
from trader.domain.intents import derive_client_order_id
from trader.domain.orders import Balance, Fill, Order, Settlement, Transfer, Unknown, VenueOrder
from trader.domain.types import OrderStatus, PositionStatus, ReasonCode, Side, TimeInForce, TradingState

D = Decimal
S = OrderStatus
EQUAL = "our books equal the exchange's"


def states(desk: Desk) -> list[tuple[str, ReasonCode]]:
    return [(s.scope, s.reason) for s in desk.store.risk.states(MODE, desk.clock.now())]


def lost(desk: Desk, *, is_taken: bool) -> Order:
    """An order whose answer was lost, taken by the exchange or not."""
    desk.exchange.answers = [desk.exchange.take_silently if is_taken else Unknown(why="time-out")]
    return desk.submit(wish())


def settlement(ticker: str, *, qty: str, revenue: str, at: timedelta = timedelta(days=1)) -> Settlement:
    return Settlement(
        ticker=ticker,
        event_ticker=wish().event_ticker,
        result="yes" if D(revenue) else "no",
        yes_qty=D(qty),
        no_qty=D(0),
        revenue_usd=D(revenue),
        settled_at=b.NOW + at,
        mode=MODE,
    )


@pytest.mark.story("4.7")
def test_books_that_agree_need_one_look_and_no_correction(desk: Desk) -> None:
    result = reconcile(desk.trader)

    assert (result.lines, result.fills, result.breaks) == ((EQUAL,), 0, 0)


@pytest.mark.story("4.7")
def test_an_order_whose_answer_was_lost_is_found_by_its_client_id_and_its_fill_booked(desk: Desk) -> None:
    order = lost(desk, is_taken=True)
    assert order.status is S.UNKNOWN

    result = reconcile(desk.trader)

    assert (result.fills, result.breaks) == (1, 0)
    found = desk.again(order)
    assert (found.status, found.filled_qty, found.kalshi_order_id) == (S.FILLED, D(10), "venue-00000001")
    (fill,) = desk.store.fills.get(MODE)
    assert fill.order_id == order.order_id
    assert equity_now(desk.trader).cash_usd == desk.exchange.cash_usd
    assert reconcile(desk.trader).lines == (EQUAL,)
    assert len(desk.exchange.sent) == 1


@pytest.mark.story("4.7")
def test_an_order_that_never_arrived_is_rejected_only_after_two_complete_listings_past_its_end(
    desk: Desk,
) -> None:
    order = lost(desk, is_taken=False)

    reconcile(desk.trader)
    reconcile(desk.trader)
    assert desk.again(order).status is S.UNKNOWN  # its end is not reached: nothing is proven
    desk.clock.advance(60)
    reconcile(desk.trader)
    assert desk.again(order).status is S.UNKNOWN
    assert holdings(desk.trader)[0].is_pending  # and it counts in exposure meanwhile
    desk.clock.advance(1)
    reconcile(desk.trader)

    found = desk.again(order)
    assert (found.status, found.reject_code) == (S.REJECTED, "PROVEN_ABSENT")
    assert holdings(desk.trader) == ()


@pytest.mark.story("4.7")
def test_a_look_that_is_not_complete_concludes_nothing(desk: Desk) -> None:
    order = lost(desk, is_taken=False)
    desk.exchange.is_away = True

    for _ in range(3):
        desk.clock.advance(120)
        with pytest.raises(TransientError):
            reconcile(desk.trader)

    assert desk.again(order).status is S.UNKNOWN
    assert desk.again(order).absent_at is None


@pytest.mark.story("4.7")
def test_a_fill_that_comes_late_is_booked_on_the_closed_order(desk: Desk) -> None:
    desk.exchange.answers = [lambda intent: desk.exchange.take(intent, D(4))]
    order = desk.submit(wish())
    reconcile(desk.trader)
    assert desk.again(order).status is S.CANCELED
    desk.exchange.fill("venue-00000001", order.ticker, Side.YES, D(6), D("0.11"))

    result = reconcile(desk.trader)

    assert (result.fills, desk.again(order).filled_qty) == (1, D(10))
    position = desk.store.positions.get(MODE, order.ticker)
    assert position is not None
    assert position.qty == 10


@pytest.mark.story("4.7")
def test_a_fill_is_booked_once_however_often_it_is_listed(desk: Desk) -> None:
    desk.submit(wish())
    desk.exchange.fills.append(desk.exchange.fills[0])

    assert [reconcile(desk.trader).fills for _ in range(3)] == [1, 0, 0]
    assert len(desk.store.fills.get(MODE)) == 1


@pytest.mark.story("4.7")
def test_an_order_we_never_placed_is_recorded_counted_and_left_alone(desk: Desk) -> None:
    terms = b.contract(86, 87)
    desk.store.markets.save_contracts([terms], at=desk.clock.now())
    by_hand = VenueOrder(
        kalshi_order_id="by-hand-1",
        client_order_id="",
        ticker=terms.ticker,
        side=Side.NO,
        status="resting",
        limit_price=D("0.20"),
        qty=D(5),
        filled_qty=D(0),
        remaining_qty=D(5),
        created_at=b.NOW,
        expires_at=None,
    )
    desk.exchange.orders.append(by_hand)

    result = reconcile(desk.trader)

    assert any("not ours" in line for line in result.lines)
    order = desk.store.orders.get_by_kalshi_id("by-hand-1")
    assert order is not None
    assert (order.is_foreign, order.status, order.city_code) == (True, S.RESTING, "NYC")
    (counted,) = holdings(desk.trader)
    assert (counted.is_pending, counted.qty, counted.side) == (True, D(5), Side.NO)
    assert counted.cost_usd > D("0.20")
    assert desk.exchange.canceled == []


@pytest.mark.story("4.7")
def test_an_orphaned_fill_is_said_and_freezes_its_market_until_its_order_is_known(desk: Desk) -> None:
    desk.exchange.fill("nobody", wish().ticker, Side.YES, D(1), D("0.50"))

    with structlog.testing.capture_logs() as said:
        result = reconcile(desk.trader)

    (found,) = desk.store.risk.breaks(MODE)
    assert (found.kind, found.key) == ("fill", "fill-1")
    assert result.breaks == 1  # what it did to position and cash is known
    assert states(desk) == [(f"market:{wish().ticker}", ReasonCode.RECONCILIATION_BREAK)]
    assert [e["kind"] for e in said if e["event"] == "reconciliation_break"] == ["fill"]


@pytest.mark.story("4.7")
def test_a_position_that_differs_freezes_its_market_alone_and_alarms_once(desk: Desk) -> None:
    desk.exchange.positions[wish().ticker] = D(3)

    for _ in range(3):
        assert reconcile(desk.trader).breaks == 1

    assert states(desk) == [(f"market:{wish().ticker}", ReasonCode.RECONCILIATION_BREAK)]
    assert len(desk.events("RECONCILIATION_BREAK")) == 1
    (found,) = desk.store.risk.breaks(MODE)
    assert (found.ours, found.theirs) == ("0", "3")
    run_cycle(desk.trader, slot="one")
    assert wish().ticker not in {intent.ticker for intent in desk.exchange.sent}


@pytest.mark.story("4.7")
def test_a_freeze_ends_when_both_sides_are_equal_and_begins_again_when_they_differ_again(desk: Desk) -> None:
    ticker = wish().ticker
    desk.exchange.positions[ticker] = D(3)
    reconcile(desk.trader)

    desk.exchange.positions[ticker] = D(0)
    assert reconcile(desk.trader).lines == (EQUAL,)
    assert states(desk) == []
    assert desk.store.risk.open_breaks(MODE) == ()

    desk.exchange.positions[ticker] = D(3)
    reconcile(desk.trader)
    assert states(desk) == [(f"market:{ticker}", ReasonCode.RECONCILIATION_BREAK)]
    assert len(desk.events("RECONCILIATION_BREAK")) == 2


@pytest.mark.story("4.7")
def test_a_freeze_that_a_person_lifted_stays_lifted_while_the_difference_is_the_one_he_judged(
    desk: Desk,
) -> None:
    desk.exchange.cash_usd -= 1
    reconcile(desk.trader)
    (state,) = desk.store.risk.states(MODE, desk.clock.now())
    lifted = state.model_copy(update={"state": TradingState.ACTIVE, "set_by": "ann", "note": "a gift"})
    desk.store.risk.save_state(lifted, mode=MODE, at=desk.clock.now())

    reconcile(desk.trader)
    assert states(desk) == []

    desk.exchange.cash_usd -= 1
    reconcile(desk.trader)
    assert states(desk) == [("book", ReasonCode.RECONCILIATION_BREAK)]


@pytest.mark.story("4.7")
def test_a_difference_of_one_look_only_is_no_break(desk: Desk) -> None:
    reads = [D(5001), D(5000)]
    honest = desk.exchange.get_balance
    desk.exchange.get_balance = lambda: honest().model_copy(  # type: ignore[method-assign]
        update={"cash_usd": reads.pop(0) if reads else D(5000)}
    )

    result = reconcile(desk.trader)

    assert (result.breaks, desk.events("RECONCILIATION_BREAK"), states(desk)) == (0, [], [])


@pytest.mark.parametrize(("revenue", "pnl"), [("10", "8.83"), ("0", "-1.17")])
def test_a_payout_closes_the_position_and_the_cash_stays_equal(desk: Desk, revenue: str, pnl: str) -> None:
    order = desk.submit(wish())
    reconcile(desk.trader)
    desk.exchange.settlements.append(settlement(order.ticker, qty="10", revenue=revenue))
    desk.exchange.positions.clear()
    desk.exchange.cash_usd += D(revenue)

    result = reconcile(desk.trader)

    assert result.breaks == 0
    position = desk.store.positions.get(MODE, order.ticker)
    assert position is not None
    assert (position.status, position.qty, position.cost_usd) == (PositionStatus.SETTLED, D(0), D(0))
    assert abs(position.realized_pnl_usd - D(pnl)) < D("0.01")
    assert equity_now(desk.trader).cash_usd == desk.exchange.cash_usd
    assert reconcile(desk.trader).lines == (EQUAL,)


@pytest.mark.story("4.7")
def test_a_payout_that_does_not_fit_the_position_is_a_break(desk: Desk) -> None:
    order = desk.submit(wish())
    reconcile(desk.trader)
    desk.exchange.settlements.append(settlement(order.ticker, qty="12", revenue="12"))
    desk.exchange.positions.clear()
    desk.exchange.cash_usd += 12

    for _ in range(3):
        reconcile(desk.trader)

    (found,) = desk.store.risk.breaks(MODE)
    assert (found.kind, found.ours, found.theirs) == ("settlement", "10", "12")
    assert states(desk) == [(f"market:{order.ticker}", ReasonCode.RECONCILIATION_BREAK)]
    assert len(desk.events("RECONCILIATION_BREAK")) == 1


@pytest.mark.story("4.7")
def test_a_resting_order_that_the_exchange_closed_is_closed_with_us(desk: Desk) -> None:
    expires_at = desk.clock.now() + timedelta(seconds=240)
    desk.exchange.answers = [lambda intent: desk.exchange.take(intent, D(4))]
    gtc = wish(time_in_force=TimeInForce.GTC, expires_at=expires_at)
    order = desk.submit(gtc)
    assert order.status is S.PARTIALLY_FILLED
    desk.clock.advance(300)
    (listed,) = desk.exchange.orders
    desk.exchange.orders = [listed.model_copy(update={"status": "canceled", "remaining_qty": D(0)})]

    reconcile(desk.trader)

    found = desk.again(order)
    assert (found.status, found.filled_qty, found.open_qty) == (S.EXPIRED, D(4), D(0))


# ---- lists that lag, windows, restarts


@pytest.mark.story("4.7")
def test_a_listing_read_too_early_by_the_exchanges_clock_is_no_evidence_of_absence(desk: Desk) -> None:
    order = lost(desk, is_taken=False)
    desk.exchange.lag = timedelta(minutes=10)  # our clock says it is over, the lists do not reach that far

    for _ in range(3):
        desk.clock.advance(120)
        reconcile(desk.trader)

    assert desk.again(order).status is S.UNKNOWN
    assert desk.again(order).absent_at is None


@pytest.mark.story("4.7")
def test_evidence_of_absence_outlives_the_process(desk: Desk) -> None:
    order = lost(desk, is_taken=False)
    desk.clock.advance(60)
    reconcile(desk.trader)
    first = desk.again(order)
    assert (first.status, first.absent_at) == (S.UNKNOWN, desk.clock.now())

    restart(desk)
    desk.clock.advance(1)
    start(desk.trader)

    found = desk.again(order)
    assert (found.status, found.reject_code) == (S.REJECTED, "PROVEN_ABSENT")
    moves = [(a, b) for a, b, _, _ in desk.store.orders.events(order.order_id or 0)][-2:]
    assert moves == [(S.UNKNOWN, S.UNKNOWN), (S.UNKNOWN, S.REJECTED)]


def test_fills_that_lag_behind_the_balance_are_waited_for_and_are_no_break(desk: Desk) -> None:
    desk.submit(wish())
    told, late = desk.exchange.fills, desk.clock.now() + timedelta(seconds=1)
    desk.exchange.fills = []
    honest = desk.exchange.get_fills

    def lagging(since: datetime | None = None) -> tuple[Fill, ...]:
        desk.exchange.fills = told if desk.clock.now() >= late else []
        return honest(since)

    desk.exchange.get_fills = lagging  # type: ignore[method-assign]

    result = reconcile(desk.trader)

    assert (result.fills, result.breaks) == (1, 0)
    assert desk.clock.slept == [1]
    assert states(desk) == []


@pytest.mark.story("4.7")
def test_a_fill_older_than_the_window_is_found_when_the_books_differ(desk: Desk) -> None:
    desk.store.markets.save_contracts([b.contract(84, 85)], at=desk.clock.now())
    long_ago = desk.clock.now()
    desk.clock.advance(7 * 3600)
    desk.submit(wish())
    reconcile(desk.trader)  # from here on the window reaches an hour behind this fill
    by_hand = desk.exchange.orders[0].model_copy(
        update={"kalshi_order_id": "by-hand-1", "client_order_id": "", "created_at": long_ago}
    )
    desk.exchange.orders.append(by_hand)
    desk.exchange.fill("by-hand-1", by_hand.ticker, Side.YES, D(10), D("0.11"))
    desk.exchange.fills[-1] = desk.exchange.fills[-1].model_copy(update={"filled_at": long_ago})

    result = reconcile(desk.trader)

    assert (result.fills, result.breaks) == (1, 0)
    assert {fill.kalshi_order_id for fill in desk.store.fills.get(MODE)} == {"venue-00000001", "by-hand-1"}
    assert states(desk) == []


def test_what_is_filled_and_not_listed_yet_counts_in_exposure(desk: Desk) -> None:
    desk.submit(wish())
    assert [(h.qty, h.is_pending) for h in holdings(desk.trader)] == [(D(10), True)]

    reconcile(desk.trader)

    assert [(h.qty, h.is_pending) for h in holdings(desk.trader)] == [(D(10), False)]


# ---- start of an epoch


def restart(desk: Desk) -> None:
    """The trader as a new process with the same books, before its first reconciliation."""
    desk.trader.started_at = desk.clock.now()
    desk.trader.epoch = desk.store.open_epoch(
        mode=MODE, account="fake-account", command="again", version="1", at=desk.clock.now()
    )
    desk.trader.started = None


def test_a_start_commits_its_reconciliation_and_may_trade_at_once_when_nothing_was_under_way(
    desk: Desk,
) -> None:
    restart(desk)

    done = start(desk.trader)

    assert (done.lines, desk.trader.started) == ((EQUAL,), done)
    assert desk.submit(wish()).status is S.FILLED


def test_books_begin_with_the_cash_of_an_account_that_is_flat(desk: Desk) -> None:
    desk.store.capital = MemoryOpsStore().capital
    desk.exchange.cash_usd = D("4321.0987")
    restart(desk)

    start(desk.trader)

    (first,) = desk.store.capital.events(MODE)
    assert (first.kind, first.amount_usd, first.occurred_at) == ("START", D("4321.0987"), desk.clock.now())
    assert desk.trader.begun_at == desk.clock.now()
    assert desk.store.risk.open_breaks(MODE) == ()


def deposit(at: datetime) -> Transfer:
    return Transfer(ref="deposit 1", amount_usd=D(200), fee_usd=D(0), applied_at=at)


def test_a_transfer_that_the_first_balance_holds_is_not_booked_again(desk: Desk) -> None:
    """Its stamp is the exchange's, whose clock is a little ahead of ours."""
    desk.store.capital = MemoryOpsStore().capital
    desk.exchange.transfers.append(deposit(desk.clock.now() + timedelta(seconds=2)))
    restart(desk)

    start(desk.trader)

    assert [event.kind for event in desk.store.capital.events(MODE)] == ["START"]


@pytest.mark.parametrize("what", ["a transfer comes", "one answer is wrong"])
def test_books_begin_only_with_a_balance_that_was_read_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    desk.store.capital = MemoryOpsStore().capital
    balance, calls = desk.exchange.get_balance, []

    def moving() -> Balance:
        calls.append(what)
        if what == "a transfer comes":
            desk.exchange.transfers.append(deposit(desk.clock.now()))
        wrong = D("0.0051") if what == "one answer is wrong" and len(calls) == 1 else D(0)
        return balance().model_copy(update={"cash_usd": balance().cash_usd + wrong})

    monkeypatch.setattr(desk.exchange, "get_balance", moving)
    restart(desk)

    with pytest.raises(TransientError, match="the same cash and transfers twice"):
        start(desk.trader)

    assert desk.store.capital.events(MODE) == ()


@pytest.mark.parametrize("what", ["a position", "a resting order"])
def test_books_do_not_begin_on_an_account_that_is_not_flat(desk: Desk, what: str) -> None:
    desk.store.capital = MemoryOpsStore().capital
    if what == "a position":
        desk.exchange.positions["KXNFL-26"] = D(3)
    else:
        desk.exchange.take(wish(time_in_force=TimeInForce.GTC, expires_at=desk.clock.now()), D(0))
    restart(desk)

    with pytest.raises(ConfigurationError, match="Close them by hand"):
        start(desk.trader)

    assert desk.store.capital.events(MODE) == ()


def test_a_start_whose_lists_are_incomplete_may_not_trade(desk: Desk) -> None:
    restart(desk)
    desk.exchange.is_away = True

    with pytest.raises(TransientError):
        start(desk.trader)

    assert desk.trader.started is None
    with pytest.raises(InvariantViolation, match="reconciliation committed"):
        desk.submit(wish())


def test_a_start_waits_until_a_send_of_the_process_before_cannot_arrive_any_more(desk: Desk) -> None:
    desk.exchange.on_send = killed
    with pytest.raises(KeyboardInterrupt):
        desk.submit(wish())
    desk.exchange.on_send = lambda _: None
    desk.clock.advance(2)
    restart(desk)

    start(desk.trader)

    assert states(desk) == [("book", ReasonCode.SEND_IN_FLIGHT)]
    assert desk.submit(wish(2)).reject_code == ReasonCode.SEND_IN_FLIGHT
    desk.clock.advance(30)
    assert states(desk) == []
    assert desk.submit(wish(3)).status is S.FILLED


def killed(_: object) -> None:
    raise KeyboardInterrupt


# ---- books restored from a backup


def forgotten(desk: Desk, at: datetime) -> VenueOrder:
    """An order with our mark that our books lack."""
    client_id = derive_client_order_id("ab" * 32)
    order = VenueOrder(
        kalshi_order_id="forgotten-1",
        client_order_id=client_id,
        ticker=wish().ticker,
        side=Side.YES,
        status="executed",
        limit_price=D("0.11"),
        qty=D(10),
        filled_qty=D(10),
        remaining_qty=D(0),
        created_at=at,
        expires_at=None,
    )
    desk.exchange.orders.append(order)
    desk.exchange.fill(order.kalshi_order_id, order.ticker, order.side, order.qty, order.limit_price)
    desk.store.markets.save_contracts([b.contract(84, 85)], at=desk.clock.now())
    return order


@pytest.mark.story("4.7")
def test_an_order_that_a_restored_backup_forgot_is_ours_again_with_its_fill_and_never_sent_again(
    desk: Desk,
) -> None:
    found = forgotten(desk, at=desk.clock.now() - timedelta(minutes=5))
    restart(desk)

    done = start(desk.trader)

    assert (done.fills, done.breaks) == (1, 0)
    assert any("ours, but our books had forgotten it" in line for line in done.lines)
    order = desk.store.orders.get_by_kalshi_id("forgotten-1")
    assert order is not None
    assert (order.is_foreign, order.status, order.booked_qty) == (False, S.FILLED, D(10))
    assert equity_now(desk.trader).cash_usd == desk.exchange.cash_usd
    replanned = wish(intent_key="ab" * 32, client_order_id=found.client_order_id)
    assert desk.submit(replanned) == order
    assert desk.exchange.sent == []


def test_an_order_with_our_mark_placed_while_we_ran_is_a_second_milkbot_and_halts_the_book(
    desk: Desk,
) -> None:
    desk.clock.advance(300)
    forgotten(desk, at=desk.clock.now())

    for _ in range(2):
        reconcile(desk.trader)

    (found,) = desk.store.risk.breaks(MODE)
    assert (found.kind, found.ticker) == ("writer", None)
    assert "second Milkbot" in found.likely_reason
    assert states(desk) == [("book", ReasonCode.RECONCILIATION_BREAK)]  # until a person lifts it
    assert len(desk.events("RECONCILIATION_BREAK")) == 1
