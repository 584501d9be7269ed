"""The fee formula against recorded fills and its own invariants."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.fees import FeeAccumulator, model_fee, trade_fee

D = Decimal
quantities = st.decimals("0.01", "500", places=2)
prices = st.decimals("0.01", "0.99", places=2)


@pytest.mark.parametrize(
    ("qty", "price", "direct", "cent"),
    [
        ("1", "0.52", "0.0175", "0.02"),  # recorded fill, demo June 2026
        ("1", "0.99", "0.0007", "0.01"),  # recorded fill, demo June 2026
        ("10", "0.50", "0.1750", "0.18"),
        ("7", "0.37", "0.1143", "0.12"),
        ("2.50", "0.33", "0.0387", "0.045"),
        ("1", "0.055", "0.0037", "0.005"),  # the exchange's documented example
    ],
)
def test_fee_equals_the_recorded_and_documented_values(qty: str, price: str, direct: str, cent: str) -> None:
    assert trade_fee(D(qty), D(price), D(1)) == D(direct)
    assert trade_fee(D(qty), D(price), D(1), precision=D("0.01")) == D(cent)


@given(quantities, prices)
def test_fee_is_never_below_the_model_and_at_most_one_unit_and_a_millionth_above(qty: D, price: D) -> None:
    model = model_fee(qty, price, D(1))

    assert model <= trade_fee(qty, price, D(1)) < model + D("0.0001") + D("0.000001")


@given(st.lists(st.tuples(quantities, prices), min_size=1, max_size=12))
def test_rounding_of_an_order_filled_in_pieces_never_keeps_a_whole_unit(fills: list[tuple[D, D]]) -> None:
    accumulator = FeeAccumulator(D(1))

    fees = [accumulator.charge(qty, price) for qty, price in fills]

    assert all(fee >= 0 for fee in fees)
    model = sum((model_fee(qty, price, D(1)) for qty, price in fills), D(0))
    assert model <= sum(fees) <= model + len(fills) * D("0.000001") + 2 * D("0.0001")


@given(quantities, prices)
def test_fee_model_is_the_same_seen_from_yes_and_no(qty: D, price: D) -> None:
    assert model_fee(qty, price, D(1)) == model_fee(qty, 1 - price, D(1))


def test_fee_refuses_a_price_outside_zero_to_one() -> None:
    with pytest.raises(ValueError, match=r"expected price in 0\.\.1"):
        trade_fee(D(1), D("1.01"), D(1))
