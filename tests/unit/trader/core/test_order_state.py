"""The transition table: what is legal, what a listing proves, and that closed orders never reopen."""

import itertools
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trader.core.builders import NOW, order
from trader.core.order_state import (
    SHORT_NAMES,
    TRANSITIONS,
    advance,
    is_legal,
    mermaid,
    raise_filled,
    status_after,
)
from trader.domain.errors import InvariantViolation
from trader.domain.orders import VenueOrder
from trader.domain.types import OrderStatus, Side

S = OrderStatus
DOC = Path(__file__).resolve().parents[4] / "docs" / "order-safety.md"


def venue(status: str, filled: int, qty: int = 10, **changes: object) -> VenueOrder:
    remaining = qty - filled if status == "resting" else 0
    fields = {
        "kalshi_order_id": "v1", "client_order_id": "client-1", "ticker": "T", "side": Side.YES,
        "status": status,
        "limit_price": Decimal("0.40"), "qty": qty, "filled_qty": filled, "remaining_qty": remaining,
        "created_at": NOW, "expires_at": None,
    }  # fmt: skip
    return VenueOrder.model_validate(fields | changes)


@pytest.mark.story("4.6")
@pytest.mark.parametrize("start", OrderStatus)
@pytest.mark.parametrize("to", OrderStatus)
def test_the_table_alone_decides_which_moves_are_made(start: OrderStatus, to: OrderStatus) -> None:
    if to in TRANSITIONS[start]:
        assert advance(start, to) is to
    else:
        with pytest.raises(InvariantViolation, match=f"from {start} to"):
            advance(start, to)


@pytest.mark.story("4.6")
def test_every_state_has_a_short_name_and_the_path_of_the_specification_is_legal() -> None:
    assert set(SHORT_NAMES) == set(OrderStatus) == set(TRANSITIONS)
    path = [S.CREATED, S.SUBMITTING, S.RESTING, S.FILLED]

    assert [SHORT_NAMES[s] for s in path] == ["PENDING", "PENDING", "SUBMITTED", "FILLED"]
    assert all(is_legal(a, b) for a, b in itertools.pairwise(path))


def test_nothing_reaches_the_exchange_without_submitting_and_nothing_leaves_a_closed_state() -> None:
    reaches = {s for s in OrderStatus if S.RESTING in TRANSITIONS[s]}

    assert S.CREATED not in reaches
    assert all(TRANSITIONS[s] == {s} for s in OrderStatus if s.is_closed)


@given(st.lists(st.sampled_from(OrderStatus), max_size=12))
def test_on_any_walk_a_closed_order_stays_closed(wishes: list[OrderStatus]) -> None:
    status, closed = S.CREATED, False
    for wish in wishes:
        if is_legal(status, wish):
            status = advance(status, wish)
        assert not closed or status.is_closed
        closed = status.is_closed


def test_a_late_fill_raises_the_filled_quantity_and_nothing_lowers_it() -> None:
    canceled = order(status=S.CANCELED, filled_qty=Decimal(3))

    assert raise_filled(canceled, Decimal(5)) == 5
    assert raise_filled(canceled, Decimal(1)) == 3
    with pytest.raises(InvariantViolation, match="at most 10 filled, found 11"):
        raise_filled(canceled, Decimal(11))


@pytest.mark.parametrize(
    ("ours", "listed", "filled", "after"),
    [
        (S.UNKNOWN, "resting", 0, S.RESTING),
        (S.UNKNOWN, "resting", 4, S.PARTIALLY_FILLED),
        (S.PARTIALLY_FILLED, "resting", 0, S.PARTIALLY_FILLED),  # the listing lags behind a fill we know
        (S.PENDING_CANCEL, "resting", 4, S.PENDING_CANCEL),
        (S.SUBMITTING, "executed", 10, S.FILLED),
        (S.SUBMITTING, "executed", 4, S.CANCELED),  # immediate-or-cancel: the rest vanished
        (S.PENDING_CANCEL, "canceled", 0, S.CANCELED),
        (S.PENDING_CANCEL, "canceled", 10, S.FILLED),
        (S.CANCELED, "executed", 10, S.CANCELED),
        (S.REJECTED, "resting", 0, S.REJECTED),
    ],
)
def test_a_listing_proves_a_status(ours: OrderStatus, listed: str, filled: int, after: OrderStatus) -> None:
    mine = order(status=ours, filled_qty=Decimal(2 if ours is S.PARTIALLY_FILLED else 0))

    assert status_after(mine, venue(listed, filled), NOW) is after


@given(
    st.sampled_from([s for s in OrderStatus if s is not S.CREATED]),
    st.sampled_from(["resting", "canceled", "executed"]),
    st.integers(0, 10),
    st.integers(0, 10),
    st.booleans(),
)
def test_whatever_is_listed_of_a_sent_order_the_move_is_legal(
    ours: OrderStatus, listed: str, known: int, filled: int, is_over: bool
) -> None:
    mine = order(status=ours, filled_qty=Decimal(known), expires_at=NOW + timedelta(seconds=240))
    now = NOW + timedelta(seconds=300 if is_over else 0)

    assert is_legal(ours, status_after(mine, venue(listed, filled), now))


def test_an_order_gone_after_its_expiry_has_expired_unless_we_asked_for_the_cancel() -> None:
    ends = order(status=S.RESTING, expires_at=NOW + timedelta(seconds=240))
    later = NOW + timedelta(seconds=240)

    assert status_after(ends, venue("canceled", 0), NOW) is S.CANCELED
    assert status_after(ends, venue("canceled", 0), later) is S.EXPIRED
    asked = ends.model_copy(update={"status": S.PENDING_CANCEL})
    assert status_after(asked, venue("canceled", 0), later) is S.CANCELED


def test_the_picture_in_the_documents_is_the_table() -> None:
    assert mermaid() in DOC.read_text(encoding="utf-8")
