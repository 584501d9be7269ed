from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.fees import trade_fee
from trader.simulator.fees import DIRECT, FeeAccumulator, model_fee

ONE = Decimal(1)
counts = st.integers(1, 100_000).map(lambda n: Decimal(n) / 100)
prices = st.integers(1, 99).map(lambda n: Decimal(n) / 100)


@pytest.mark.parametrize(
    ("count", "price", "model", "direct", "cent"),
    [
        ("1", "0.52", "0.017472", "0.0175", "0.0200"),  # recorded fill
        ("1", "0.99", "0.000693", "0.0007", "0.0100"),  # recorded fill
        ("10", "0.50", "0.175", "0.1750", "0.1800"),
        ("7", "0.37", "0.114219", "0.1143", "0.1200"),
        ("2.50", "0.33", "0.0386925", "0.0387", "0.0450"),  # revenue -0.825 lands on -0.8700
        ("1", "0.055", "0.00363825", "0.0037", "0.0050"),  # documented example
    ],
)
def test_fee_equals_the_published_check_values(
    count: str, price: str, model: str, direct: str, cent: str
) -> None:
    revenue = -Decimal(count) * Decimal(price)
    charged = [
        FeeAccumulator(precision).charge(revenue, Decimal(count), Decimal(price), ONE)
        for precision in (DIRECT, Decimal("0.01"))
    ]

    assert model_fee(Decimal(count), Decimal(price), ONE) == Decimal(model)
    assert charged == [Decimal(direct), Decimal(cent)]


@given(st.lists(st.tuples(counts, prices), min_size=1, max_size=12))
def test_fees_of_an_order_stay_above_the_model_and_within_one_unit_of_its_sum(
    fills: list[tuple[Decimal, Decimal]],
) -> None:
    accumulator = FeeAccumulator()

    charged = [accumulator.charge(-count * price, count, price, ONE) for count, price in fills]

    exact = sum((model_fee(count, price, ONE) for count, price in fills), Decimal(0))
    assert all(fee >= 0 and fee % DIRECT == 0 for fee in charged)
    # never below the model; above it by less than a unit held back and a millionth of rounding a fill
    assert exact <= sum(charged) < exact + 2 * DIRECT + Decimal("0.000001") * len(fills)


@given(counts, prices)
def test_both_opinions_on_the_fee_of_one_fill_agree(count: Decimal, price: Decimal) -> None:
    ours = FeeAccumulator().charge(-count * price, count, price, ONE)

    assert ours == trade_fee(count, price, ONE)
