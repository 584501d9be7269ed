"""Fees, executable prices and edges, by walking the depth on either side."""

from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trader.core.builders import NOW, contract
from trader.core import edge
from trader.core.fees import FeeAccumulator, check_fee_type, maker_fee, taker_fee
from trader.domain.markets import Level, OrderBook
from trader.domain.types import ReasonCode, Side

D = Decimal


def _book(yes: list[tuple[str, str]], no: list[tuple[str, str]]) -> OrderBook:
    def levels(side: list[tuple[str, str]]) -> tuple[Level, ...]:
        return tuple(Level(price=D(p), size=D(s)) for p, s in side)

    return OrderBook(captured_at=NOW, yes_bids=levels(yes), no_bids=levels(no))


BOOK = _book([("0.40", "10"), ("0.38", "50")], [("0.58", "5"), ("0.55", "20")])
"""YES bid 0.40, ask 0.42 x 5 then 0.45 x 20; NO ask 0.60 x 10 then 0.62 x 50."""


@pytest.mark.parametrize(
    ("qty", "price", "direct", "cents"),
    [
        ("1", "0.52", "0.0175", "0.0200"),
        ("1", "0.99", "0.0007", "0.0100"),
        ("10", "0.50", "0.1750", "0.1800"),
        ("7", "0.37", "0.1143", "0.1200"),
        ("2.50", "0.33", "0.0387", "0.0450"),
        ("1", "0.055", "0.0037", "0.0050"),
    ],
)
def test_fees_equal_the_published_check_values(qty: str, price: str, direct: str, cents: str) -> None:
    through_broker = FeeAccumulator(D(1), precision=D("0.01")).charge(D(qty), D(price))

    assert taker_fee(D(qty), D(price), D(1)) == D(direct)
    assert through_broker == D(cents)


prices = st.integers(1, 99).map(lambda cents: D(cents) / 100)
sizes = st.integers(1, 20000).map(lambda hundredths: D(hundredths) / 100)


@given(sizes, prices, st.sampled_from([D(0), D("0.5"), D(1), D(2)]))
def test_a_fee_is_the_model_rounded_up_and_grows_with_size(
    qty: Decimal, price: Decimal, multiplier: Decimal
) -> None:
    exact = multiplier * D("0.07") * qty * price * (1 - price)
    fee = taker_fee(qty, price, multiplier)

    assert exact <= fee < exact + D("0.000101")
    assert fee <= taker_fee(qty + 1, price, multiplier) + D("0.0001")


def test_makers_pay_only_where_the_series_says_so() -> None:
    terms = contract(82, 83)

    assert maker_fee(D(10), D("0.5"), terms) == 0
    charged = terms.model_copy(update={"fee_type": "quadratic_with_maker_fees"})
    assert maker_fee(D(10), D("0.5"), charged) == D("0.0438")  # 0.0175 x 10 x 0.25 = 0.04375


def test_an_unknown_fee_type_is_a_reason_and_not_a_guess() -> None:
    assert check_fee_type(contract(82, 83))
    refused = check_fee_type(contract(82, 83, fee_type="flat"))
    assert (bool(refused), refused.reasons) == (False, (ReasonCode.FEE_TYPE_UNKNOWN,))


@pytest.mark.parametrize(
    ("side", "qty", "filled", "price", "limit"),
    [
        (Side.YES, "5", "5", "0.42", "0.42"),
        (Side.YES, "20", "20", "0.4425", "0.45"),  # (5 x 0.42 + 15 x 0.45) / 20
        (Side.YES, "100", "25", "0.444", "0.45"),  # all there is
        (Side.NO, "20", "20", "0.61", "0.62"),  # (10 x 0.60 + 10 x 0.62) / 20
    ],
)
def test_the_price_for_a_size_walks_the_other_sides_bids(
    side: Side, qty: str, filled: str, price: str, limit: str
) -> None:
    found = edge.execute(BOOK, side, D(qty), D(1))

    assert found is not None
    assert (found.qty, found.price, found.limit) == (D(filled), D(price), D(limit))


def test_nothing_is_bought_from_an_empty_side_or_for_no_quantity() -> None:
    assert edge.execute(_book([], []), Side.YES, D(1), D(1)) is None
    assert edge.execute(BOOK, Side.YES, D(0), D(1)) is None
    assert edge.better_side(_book([], []), D("0.5"), D(1), D(1)) is None


@pytest.mark.story("4.2")
@pytest.mark.parametrize(
    ("p_yes", "side", "value"),
    [
        ("0.60", Side.YES, "0.1629"),  # 0.60 - 0.42 - 0.0171
        ("0.20", Side.NO, "0.1832"),  # 0.80 - 0.60 - 0.0168
    ],
)
def test_the_edge_is_after_price_and_fee_on_the_better_side(p_yes: str, side: Side, value: str) -> None:
    found = edge.better_side(BOOK, D(p_yes), D(1), D(1))

    assert found is not None
    assert (found.side, found.edge(D(p_yes))) == (side, D(value))


@pytest.mark.story("4.1")
def test_without_costs_the_edge_is_probability_minus_price() -> None:
    found = edge.execute(BOOK, Side.YES, D(5), D(0))

    assert found is not None
    assert found.edge(D("0.60")) == D("0.60") - D("0.42")


def test_depth_counts_only_levels_within_the_limit() -> None:
    assert edge.depth_within(BOOK, Side.YES, D("0.42")) == 5
    assert edge.depth_within(BOOK, Side.YES, D("0.45")) == 25
    assert edge.depth_within(BOOK, Side.NO, D("0.59")) == 0


def test_every_level_bought_must_be_worth_it_alone() -> None:
    # 0.50 - 0.42 - 0.0171 = 0.063; 0.50 - 0.45 - 0.0174 = 0.0327
    assert edge.worthwhile(BOOK, Side.YES, D("0.50"), D("0.03"), D(1)) == (D("0.45"), D(25))
    assert edge.worthwhile(BOOK, Side.YES, D("0.50"), D("0.05"), D(1)) == (D("0.42"), D(5))
    assert edge.worthwhile(BOOK, Side.YES, D("0.42"), D("0.03"), D(1)) is None


depths = st.lists(st.tuples(st.integers(1, 99), st.integers(1, 30)), min_size=1, max_size=8)


@given(depths, st.integers(1, 60))
def test_no_whole_contract_costs_more_than_its_worst_cost(levels: list[tuple[int, int]], qty: int) -> None:
    bids = sorted(dict(levels).items(), reverse=True)
    book = _book([], [(str(D(price) / 100), str(size)) for price, size in bids])
    found = edge.execute(book, Side.YES, D(qty), D(1))
    assert found is not None

    charge, paid, left = FeeAccumulator(D(1)), D(0), found.qty
    for price, size in edge.asks(book, Side.YES):
        take = min(size, left)
        if take > 0:
            paid += take * price + charge.charge(take, price)
            left -= take

    assert paid <= found.qty * edge.worst_unit_cost(found.limit, D(1))
    assert abs(paid - found.qty * (found.price + found.fee)) <= D("0.001")


@given(
    st.integers(0, 98),
    st.integers(1, 60),
    st.sampled_from(list(Side)),
    st.sampled_from([D("0.01"), D("0.001")]),
)
def test_an_order_that_waits_leads_its_side_and_never_reaches_the_other(
    bid: int, spread: int, side: Side, tick: Decimal
) -> None:
    ask = min(99, bid + spread)
    mine, theirs = [(str(D(bid) / 100), "10")] if bid else [], [(str(1 - D(ask) / 100), "10")]
    book = _book(mine, theirs) if side is Side.YES else _book(theirs, mine)

    found = edge.waiting(book, side, D(8), contract(82, 83, tick=tick))

    best, lowest = D(bid) / 100, D(ask) / 100
    if ask <= bid or lowest <= tick:
        return  # a crossed book is refused long before; below one tick there is no price
    assert found is not None
    assert found.price == found.limit < lowest
    assert best <= found.price <= best + tick
    assert found.fee == 0
    assert found.qty == 8


def test_nothing_waits_where_nobody_asks_or_one_tick_is_all_there_is() -> None:
    assert edge.waiting(_book([("0.40", "10")], []), Side.YES, D(8), contract(82, 83)) is None
    assert edge.waiting(_book([], [("0.99", "10")]), Side.YES, D(8), contract(82, 83)) is None


def test_a_series_that_charges_makers_charges_what_waits() -> None:
    terms = contract(82, 83, fee_type="quadratic_with_maker_fees")

    found = edge.waiting(BOOK, Side.YES, D(8), terms)

    assert found is not None
    assert found.fee == (maker_fee(D(8), found.price, terms) / 8).quantize(D("0.000001"), ROUND_CEILING)
