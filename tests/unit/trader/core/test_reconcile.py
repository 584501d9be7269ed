"""Reconciliation: evidence corrects, the rest is a break, and nothing is guessed or counted twice."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trader.core.builders import NOW, fill, order
from trader.core import ledger
from trader.core.corrections import (
    BookFill,
    BookSettlement,
    MoveOrder,
    OurBooks,
    Reconciliation,
    RecordFound,
    VenueBooks,
)
from trader.core.order_state import is_legal
from trader.core.reconcile import PROVEN_ABSENT, hard_end, reconcile
from trader.domain.orders import Balance, Fill, Order, Settlement, VenueOrder, VenuePosition
from trader.domain.types import Action, OrderStatus, Side, TradingMode

D = Decimal
S = OrderStatus
LATE = NOW + timedelta(minutes=10)


def venue_order(status: str = "executed", filled: str = "10", **changes: Any) -> VenueOrder:
    qty = D(changes.pop("qty", 10))
    fields = {
        "kalshi_order_id": "v1", "client_order_id": "client-1", "ticker": "T", "side": Side.YES,
        "status": status, "limit_price": D("0.40"), "qty": qty, "filled_qty": D(filled),
        "remaining_qty": qty - D(filled) if status == "resting" else D(0), "created_at": NOW,
        "expires_at": None,
    }  # fmt: skip
    return VenueOrder.model_validate(fields | changes)


def ours(*orders: Order, **changes: Any) -> OurBooks:
    fields = {
        "mode": TradingMode.DEMO, "capital_usd": D(5000), "orders": orders, "known_fills": frozenset(),
        "positions": (), "settlements": (), "markets": {"T": ("E", "NYC"), "U": ("E", "NYC")},
    }  # fmt: skip
    held = changes.get("positions", ())
    fields["realized_usd"] = sum((p.realized_pnl_usd for p in held), D(0))
    return OurBooks.model_validate(fields | changes)


def theirs(*orders: VenueOrder, at: datetime = LATE, **changes: Any) -> VenueBooks:
    fields = {
        "orders": orders,
        "fills": (),
        "positions": (),
        "settlements": (),
        "balance": None,
        "read_at": at,
    }
    return VenueBooks.model_validate(fields | changes)


def holds(position: str, ticker: str = "T") -> VenuePosition:
    return VenuePosition(
        ticker=ticker, position=D(position), exposure_usd=D(0), realized_pnl_usd=D(0), fees_usd=D(0)
    )


def has(cash: str) -> Balance:
    return Balance(cash_usd=D(cash), as_of=LATE)


def moves(result: Reconciliation) -> list[tuple[OrderStatus, OrderStatus]]:
    return [(c.order.status, c.to) for c in result.corrections if isinstance(c, MoveOrder)]


@pytest.mark.story("4.7")
def test_an_unknown_order_that_is_listed_is_adopted_with_its_fill() -> None:
    unknown = order(status=S.UNKNOWN)
    venue = theirs(venue_order(), fills=(fill(),), positions=(holds("10"),), balance=has("4995.832"))

    result = reconcile(ours(unknown), venue, LATE)

    adopt, booked = result.corrections
    assert isinstance(adopt, MoveOrder)
    assert (adopt.to, adopt.kalshi_order_id, adopt.filled_qty) == (S.FILLED, "v1", D(10))
    assert isinstance(booked, BookFill)
    assert (booked.order.order_id, booked.order.kalshi_order_id) == (1, "v1")
    assert result.breaks == ()


def test_absence_counts_only_after_the_end_and_only_twice() -> None:
    unknown = order(status=S.UNKNOWN)
    end = hard_end(unknown)
    assert end == NOW + timedelta(seconds=60)

    noted = unknown.model_copy(update={"absent_at": end})

    early = reconcile(ours(unknown), theirs(at=end - timedelta(microseconds=1)), LATE)
    first = reconcile(ours(unknown), theirs(at=end), LATE)
    same = reconcile(ours(noted), theirs(at=end), LATE)
    second = reconcile(ours(noted), theirs(at=end + timedelta(microseconds=1)), LATE)

    assert (early.corrections, same.corrections) == ((), ())
    (note,) = first.corrections
    assert isinstance(note, MoveOrder)
    assert (note.to, note.absent_at) == (S.UNKNOWN, end)
    (rejected,) = second.corrections
    assert isinstance(rejected, MoveOrder)
    assert (rejected.to, rejected.reject_code) == (S.REJECTED, PROVEN_ABSENT)


@pytest.mark.parametrize(
    "shown", [{"fills": (fill(),)}, {"positions": (holds("10"),)}, {"positions": (holds("-1"),)}]
)
@pytest.mark.parametrize("is_second", [False, True])
def test_a_listing_beside_contracts_that_no_order_explains_proves_no_absence(
    shown: dict[str, Any], is_second: bool
) -> None:
    end = hard_end(order(status=S.UNKNOWN))
    unknown = order(status=S.UNKNOWN, absent_at=end if is_second else None)

    at = end + timedelta(minutes=5)
    assert moves(reconcile(ours(unknown), theirs(at=at, **shown), at)) == []
    assert len(moves(reconcile(ours(unknown), theirs(at=at, positions=(holds("10", "U"),)), at))) == 1


def test_a_resting_order_counts_as_absent_only_after_its_expiry() -> None:
    resting = order(status=S.UNKNOWN, expires_at=NOW + timedelta(seconds=240))

    assert hard_end(resting) == NOW + timedelta(seconds=270)


@pytest.mark.parametrize("left", [S.CREATED, S.SUBMITTING])
def test_what_a_dead_process_left_becomes_unknown_or_is_adopted(left: OrderStatus) -> None:
    gone = reconcile(ours(order(status=left)), theirs(), LATE)
    found = reconcile(ours(order(status=left)), theirs(venue_order("resting", "0")), LATE)

    assert moves(gone) == [(left, S.UNKNOWN)]
    assert moves(found)[-1][1] is S.RESTING
    assert all(is_legal(a, b) for a, b in moves(found))


@pytest.mark.parametrize(
    ("status", "filled", "kinds"),
    [("resting", "0", ["order"]), ("executed", "10", ["order"]), ("canceled", "0", [])],
)
def test_an_order_listed_although_it_was_proven_absent_is_a_break_and_its_fills_are_booked(
    status: str, filled: str, kinds: list[str]
) -> None:
    absent = order(status=S.REJECTED, reject_code=PROVEN_ABSENT)
    told = (fill(),) if D(filled) else ()

    result = reconcile(ours(absent), theirs(venue_order(status, filled), fills=told), LATE)

    assert [b.kind for b in result.breaks if b.kind == "order"] == kinds
    assert moves(result)[0] == (S.REJECTED, S.REJECTED)  # it never reopens
    assert [type(c) for c in result.corrections] == [MoveOrder, *([BookFill] if told else [])]


@pytest.mark.parametrize(
    "changes",
    [{"ticker": "U"}, {"side": Side.NO}, {"limit_price": D("0.41")}, {"qty": D(11)}, {"filled_qty": D(11)}],
)
def test_another_order_under_our_id_is_a_break_and_moves_nothing(changes: dict[str, Any]) -> None:
    listed = venue_order("resting", "0").model_copy(update=changes)

    result = reconcile(ours(order(status=S.UNKNOWN)), theirs(listed), LATE)

    assert result.corrections == ()
    assert [(b.kind, b.ticker) for b in result.breaks] == [("order", "T")]


def test_a_reduction_is_listed_as_what_it_buys() -> None:
    position = ledger.apply_fill(None, fill(), order())
    sale = order(client_order_id="client-2", status=S.UNKNOWN, action=Action.REDUCE, limit_price=D("0.60"))
    listed = venue_order(client_order_id="client-2", side=Side.NO, limit_price=D("0.40"))
    told = fill(side=Side.NO, price=D("0.35"), fee=D("0.1593"))

    result = reconcile(
        ours(sale, positions=(position,)), theirs(listed, fills=(told,), balance=has("5002.1727")), LATE
    )

    # 4995.832 + 10 pairs at one dollar - 10 x 0.35 - 0.1593
    assert result.breaks == ()
    booked = result.corrections[-1]
    assert isinstance(booked, BookFill)
    assert (booked.fill.side, booked.fill.price) == (Side.YES, D("0.65"))


@pytest.mark.parametrize("cash", ["4995.832", "4994.632"])
def test_an_order_that_closes_a_position_may_tie_up_nothing(cash: str) -> None:
    position = ledger.apply_fill(None, fill(), order())
    sale = order(
        client_order_id="client-2", kalshi_order_id="v2", status=S.RESTING, action=Action.REDUCE,
        qty=D(4), limit_price=D("0.70"),
    )  # fmt: skip
    listed = venue_order(
        "resting", "0", qty=4, client_order_id="client-2", kalshi_order_id="v2",
        side=Side.NO, limit_price=D("0.30"),
    )  # fmt: skip

    result = reconcile(
        ours(sale, positions=(position,)), theirs(listed, positions=(holds("10"),), balance=has(cash)), LATE
    )

    assert result.breaks == ()


def test_an_accepted_order_that_vanished_from_the_listing_is_a_break_not_a_guess() -> None:
    resting = order(status=S.RESTING, kalshi_order_id="v1", absent_at=NOW + timedelta(minutes=5))

    result = reconcile(ours(resting), theirs(), LATE)

    assert result.corrections == ()
    assert [b.kind for b in result.breaks] == ["order"]


def test_a_listing_that_lags_never_lowers_what_we_know() -> None:
    partly = order(status=S.PARTIALLY_FILLED, filled_qty=D(4), kalshi_order_id="v1")

    result = reconcile(ours(partly), theirs(venue_order("resting", "0")), LATE)

    assert result.corrections == ()


def test_a_fill_after_the_cancel_is_booked_and_the_order_stays_closed() -> None:
    canceled = order(status=S.CANCELED, kalshi_order_id="v1", filled_qty=D(0))
    venue = theirs(venue_order("canceled", "0"), fills=(fill(qty=D(3)),), positions=(holds("3"),))

    result = reconcile(ours(canceled), venue, LATE)

    move, booked = result.corrections
    assert isinstance(move, MoveOrder)
    assert (move.to, move.filled_qty) == (S.CANCELED, D(3))
    assert isinstance(booked, BookFill)
    assert result.breaks == ()


@pytest.mark.parametrize(
    ("before", "after"), [(S.RESTING, S.PARTIALLY_FILLED), (S.PENDING_CANCEL, S.PENDING_CANCEL)]
)
def test_a_partial_fill_moves_an_open_order(before: OrderStatus, after: OrderStatus) -> None:
    open_ = order(status=before, kalshi_order_id="v1")
    venue = theirs(venue_order("resting", "0"), fills=(fill(qty=D(3)),), positions=(holds("3"),))

    result = reconcile(ours(open_), venue, LATE)

    assert moves(result) == [(before, after)]


def test_fills_that_complete_an_order_fill_it() -> None:
    resting = order(status=S.RESTING, kalshi_order_id="v1")
    halves = (fill(fill_id="a", qty=D(4)), fill(fill_id="b", qty=D(6)))

    result = reconcile(ours(resting), theirs(venue_order("resting", "0"), fills=halves), LATE)

    assert moves(result) == [(S.RESTING, S.PARTIALLY_FILLED), (S.PARTIALLY_FILLED, S.FILLED)]


@pytest.mark.story("4.7")
def test_an_orphan_fill_is_reported_and_held() -> None:
    orphan = fill(kalshi_order_id="nobody")

    result = reconcile(
        ours(), theirs(fills=(orphan,), positions=(holds("10"),), balance=has("4995.832")), LATE
    )

    # what it did to position and cash is known: only the fill itself is a difference
    assert result.corrections == ()
    assert [(b.kind, b.key, b.ticker) for b in result.breaks] == [("fill", "f1", "T")]
    assert "held, not lost" in result.breaks[0].likely_reason


def test_more_filled_than_ordered_is_a_break_and_books_nothing() -> None:
    listed = reconcile(ours(order(status=S.UNKNOWN)), theirs(venue_order(filled="11", qty=11)), LATE)
    mine = order(status=S.FILLED, kalshi_order_id="v1", filled_qty=D(10), booked_qty=D(10))
    told = reconcile(ours(mine), theirs(venue_order(), fills=(fill(fill_id="f2"),)), LATE)

    assert (listed.corrections, [b.kind for b in listed.breaks]) == ((), ["order"])
    assert (told.corrections, [b.kind for b in told.breaks]) == ((), ["fill"])


def test_an_order_we_never_placed_is_recorded_and_its_fill_counted() -> None:
    manual = venue_order("executed", "5", qty=5, kalshi_order_id="m1", client_order_id="", ticker="U")
    venue = theirs(
        manual, fills=(fill(kalshi_order_id="m1", ticker="U", qty=D(5)),), positions=(holds("5", "U"),)
    )

    result = reconcile(ours(), venue, LATE)

    foreign, booked = result.corrections
    assert isinstance(foreign, RecordFound)
    assert (foreign.order.is_foreign, foreign.order.status, foreign.order.city_code) == (
        True,
        S.FILLED,
        "NYC",
    )
    assert isinstance(booked, BookFill)
    assert booked.order.client_order_id == foreign.order.client_order_id
    assert result.breaks == ()


def test_foreign_orders_without_effect_are_ignored_and_in_unknown_markets_are_breaks() -> None:
    nothing = venue_order("canceled", "0", kalshi_order_id="m1", client_order_id="x")
    elsewhere = venue_order("resting", "0", kalshi_order_id="m2", client_order_id="y", ticker="ELSEWHERE")

    result = reconcile(ours(), theirs(nothing, elsewhere), LATE)

    assert result.corrections == ()
    assert [(b.kind, b.key) for b in result.breaks] == [("order", "m2")]


def test_what_the_account_did_before_our_books_began_is_not_ours_unless_the_order_is() -> None:
    old = NOW - timedelta(days=9)
    by_hand = venue_order(
        "executed", "5", qty=5, kalshi_order_id="m1", client_order_id="", ticker="ELSEWHERE", created_at=old
    )
    theirs_then = fill(fill_id="f0", kalshi_order_id="m1", ticker="ELSEWHERE", filled_at=old)
    paid_then = payout("5", ticker="ELSEWHERE", settled_at=old)
    mine = order(status=S.UNKNOWN)
    told = fill(filled_at=NOW - timedelta(seconds=4))  # their clock is behind ours
    venue = theirs(by_hand, venue_order(), fills=(theirs_then, told), settlements=(paid_then,))

    result = reconcile(ours(mine, begun_at=NOW), venue, LATE)

    assert [type(c) for c in result.corrections] == [MoveOrder, BookFill]
    assert [b.kind for b in result.breaks] == ["position"]  # this listing names no positions


def payout(revenue: str, **changes: Any) -> Settlement:
    fields = {
        "ticker": "T", "event_ticker": "E", "result": "yes", "yes_qty": D(10), "no_qty": D(0),
        "revenue_usd": D(revenue), "settled_at": LATE, "mode": TradingMode.DEMO,
    }  # fmt: skip
    return Settlement.model_validate(fields | changes)


@pytest.mark.parametrize(
    ("revenue", "cash", "kinds"), [("10", "5005.832", []), ("8", "5003.832", ["settlement"])]
)
def test_a_payout_is_booked_once_and_must_be_what_the_position_won(
    revenue: str, cash: str, kinds: list[str]
) -> None:
    position = ledger.apply_fill(None, fill(), order())
    books = ours(positions=(position,))

    result = reconcile(books, theirs(settlements=(payout(revenue), payout(revenue)), balance=has(cash)), LATE)

    assert [type(c) for c in result.corrections] == [BookSettlement]
    assert [b.kind for b in result.breaks] == kinds
    again = books.model_copy(update={"settlements": (payout(revenue),)})
    assert reconcile(again, theirs(settlements=(payout(revenue),)), LATE).corrections == ()


def test_a_corrected_payout_is_booked_as_the_difference_and_told() -> None:
    position = ledger.apply_settlement(ledger.apply_fill(None, fill(), order()), payout("10"))
    books = ours(positions=(position,), settlements=(payout("10"),))
    venue = theirs(settlements=(payout("0", result="no"),), balance=has("4995.832"))

    result = reconcile(books, venue, LATE)

    (correction,) = result.corrections
    assert isinstance(correction, BookSettlement)
    assert (correction.is_correction, correction.settlement.revenue_usd) == (True, D(-10))
    assert [(b.kind, b.ours, b.theirs) for b in result.breaks] == [("settlement", "10", "0")]  # and no cash
    both = books.model_copy(
        update={
            "settlements": (*books.settlements, correction.settlement),
            "realized_usd": books.realized_usd - 10,
        }
    )
    again = reconcile(both, venue, LATE)
    assert (again.corrections, again.breaks) == ((), ())


@pytest.mark.parametrize(
    ("value", "revenue", "kinds"),
    [("0.37", "3.70", []), ("0.37", "3.60", ["settlement"]), (None, "3.60", [])],
)
def test_a_fair_price_is_paid_per_contract_and_checked_where_it_is_named(
    value: str | None, revenue: str, kinds: list[str]
) -> None:
    position = ledger.apply_fill(None, fill(), order())
    paid = payout(revenue, result="scalar", value_usd=value and D(value))
    cash = D("4995.832") + D(revenue)

    result = reconcile(ours(positions=(position,)), theirs(settlements=(paid,), balance=has(str(cash))), LATE)

    assert [b.kind for b in result.breaks] == kinds


def test_a_payout_of_a_market_we_never_held_is_recorded() -> None:
    result = reconcile(ours(), theirs(settlements=(payout("0"),)), LATE)

    assert [type(c) for c in result.corrections] == [BookSettlement]


def test_differing_positions_and_cash_are_breaks_with_both_sides() -> None:
    position = ledger.apply_fill(None, fill(), order())
    books = ours(positions=(position,))

    result = reconcile(books, theirs(positions=(holds("-4", "U"),), balance=has("4990")), LATE)

    assert [(b.kind, b.key, b.ours, b.theirs) for b in result.breaks] == [
        ("position", "T", "10", "0"),
        ("position", "U", "0", "-4"),
        ("cash", "account", "4995.832", "4990"),
    ]


@pytest.mark.parametrize("cash", ["5000", "4996.00"])
def test_cash_may_be_told_before_or_after_the_money_of_resting_orders(cash: str) -> None:
    resting = order(status=S.RESTING, kalshi_order_id="v1")

    result = reconcile(ours(resting), theirs(venue_order("resting", "0"), balance=has(cash)), LATE)

    assert result.breaks == ()


parts = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 40)), min_size=1, max_size=6)


@given(parts, st.randoms(use_true_random=False), st.integers(0, 3))
def test_fills_in_any_order_told_twice_end_in_the_same_books(
    sizes: list[tuple[int, int]], shuffle: Any, known: int
) -> None:
    total = sum(size for size, _ in sizes)
    told: list[Fill] = [
        fill(fill_id=f"f{i}", qty=D(size), price=D(price) / 100, filled_at=NOW + timedelta(seconds=i))
        for i, (size, price) in enumerate(sizes)
    ]
    mine = order(status=S.RESTING, kalshi_order_id="v1", qty=D(total))
    booked = tuple(told[:known])
    position = None
    for one in booked:
        position = ledger.apply_fill(position, one, mine)
    many = [*told, *told]
    shuffle.shuffle(many)
    done = sum((one.qty for one in booked), D(0))
    mine = mine.model_copy(update={"booked_qty": done, "filled_qty": done})
    ids = frozenset(one.fill_id for one in booked)
    books = ours(mine, known_fills=ids, positions=(position,) if position else ())
    venue = theirs(
        venue_order("executed", str(total), qty=total), fills=tuple(many), positions=(holds(str(total)),)
    )

    result = reconcile(books, venue, LATE)

    new = [c.fill.fill_id for c in result.corrections if isinstance(c, BookFill)]
    assert new == [f.fill_id for f in told[known:]]
    assert result.breaks == ()
    assert all(is_legal(a, b) for a, b in moves(result))
