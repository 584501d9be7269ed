"""Reconciliation: our rows follow what the exchange proves; what still differs is said once and frozen."""

from datetime import timedelta
from decimal import Decimal

import pytest
import structlog.testing

from tests.fakes.desk import MODE, Desk, wish
from tests.unit.trader.core import builders as b
from trader.app.books import reconcile
from trader.app.cycle import run_cycle
from trader.app.gather import holdings
from trader.app.money import equity_now
from trader.app.order_desk import submit
from trader.domain.errors import TransientError
from trader.domain.orders import Order, Settlement, Unknown, VenueOrder
from trader.domain.types import OrderStatus, PositionStatus, ReasonCode, Side, TimeInForce, TradingState

D = Decimal
S = OrderStatus
EQUAL = "our books equal the exchange's"


def states(desk: Desk) -> list[tuple[str, ReasonCode]]:
    return [(s.scope, s.reason) for s in desk.store.risk.states(MODE, desk.clock.now())]


def lost(desk: Desk, *, is_taken: bool) -> Order:
    """An order whose answer was lost, taken by the exchange or not."""
    desk.exchange.answers = [desk.exchange.take_silently if is_taken else Unknown(why="time-out")]
    return submit(desk.trader, wish(), cycle_id=None)


def again(desk: Desk, order: Order) -> Order:
    found = desk.store.orders.get_by_intent_key(order.intent_key)
    assert found is not None
    return found


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
    found = again(desk, order)
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
    assert again(desk, order).status is S.UNKNOWN  # its end is not reached: nothing is proven
    desk.clock.advance(60)
    reconcile(desk.trader)
    assert again(desk, order).status is S.UNKNOWN
    assert holdings(desk.trader)[0].is_pending  # and it counts in exposure meanwhile
    desk.clock.advance(1)
    reconcile(desk.trader)

    found = again(desk, order)
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

    assert again(desk, order).status is S.UNKNOWN
    assert desk.trader.absences == {}


@pytest.mark.story("4.7")
def test_a_fill_that_comes_late_is_booked_on_the_closed_order(desk: Desk) -> None:
    desk.exchange.answers = [lambda intent: desk.exchange.take(intent, D(4))]
    order = submit(desk.trader, wish(), cycle_id=None)
    reconcile(desk.trader)
    assert again(desk, order).status is S.CANCELED
    desk.exchange.fill("venue-00000001", order.ticker, Side.YES, D(6), D("0.11"))

    result = reconcile(desk.trader)

    assert (result.fills, again(desk, order).filled_qty) == (1, D(10))
    position = desk.store.positions.get(MODE, order.ticker)
    assert position is not None
    assert position.qty == 10


@pytest.mark.story("4.7")
def test_a_fill_is_booked_once_however_often_it_is_listed(desk: Desk) -> None:
    submit(desk.trader, wish(), cycle_id=None)
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
def test_an_orphaned_fill_is_said_and_stops_the_book_until_its_order_is_known(desk: Desk) -> None:
    desk.exchange.fill("nobody", wish().ticker, Side.YES, D(1), D("0.50"))

    with structlog.testing.capture_logs() as said:
        result = reconcile(desk.trader)

    assert {(x.kind, x.key) for x in desk.store.risk.breaks(MODE)} >= {("fill", "fill-1")}
    assert result.breaks == 3  # the fill, and therefore position and cash
    assert ("book", ReasonCode.RECONCILIATION_BREAK) in states(desk)
    assert {entry["kind"] for entry in said if entry["event"] == "reconciliation_break"} == {
        "fill",
        "position",
        "cash",
    }


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
    desk.exchange.cash_usd += 1
    reconcile(desk.trader)
    (state,) = desk.store.risk.states(MODE, desk.clock.now())
    lifted = state.model_copy(update={"state": TradingState.ACTIVE, "set_by": "ann", "note": "a gift"})
    desk.store.risk.save_state(lifted, mode=MODE, at=desk.clock.now())

    reconcile(desk.trader)
    assert states(desk) == []

    desk.exchange.cash_usd += 1
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
    order = submit(desk.trader, wish(), cycle_id=None)
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
    order = submit(desk.trader, wish(), cycle_id=None)
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
    order = submit(desk.trader, gtc, cycle_id=None)
    assert order.status is S.PARTIALLY_FILLED
    desk.clock.advance(300)
    (listed,) = desk.exchange.orders
    desk.exchange.orders = [listed.model_copy(update={"status": "canceled", "remaining_qty": D(0)})]

    reconcile(desk.trader)

    found = again(desk, order)
    assert (found.status, found.filled_qty, found.open_qty) == (S.EXPIRED, D(4), D(0))
