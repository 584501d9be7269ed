"""Depths are exact whole units; a trace is more than nothing and less than one unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trader.domain.amounts import Amount, add_amounts, parse_amount
from trader.domain.types import MarketType

RAIN, SNOW = MarketType.RAIN, MarketType.SNOW
TRACE, NOTHING = Amount(units=0, is_trace=True), Amount(units=0)
amounts = st.one_of(st.just(TRACE), st.integers(0, 3000).map(lambda units: Amount(units=units)))


@given(amounts, st.sampled_from([RAIN, SNOW]))
def test_what_is_written_is_read_back(amount: Amount, kind: MarketType) -> None:
    assert parse_amount(amount.text(kind), kind) == amount


@pytest.mark.parametrize(
    ("text", "kind"), [("1.2", RAIN), ("1.23", SNOW), ("M", RAIN), ("", SNOW), ("1", SNOW)]
)
def test_another_unit_or_word_is_refused(text: str, kind: MarketType) -> None:
    with pytest.raises(ValueError, match="expected T or inches"):
        parse_amount(text, kind)


def test_a_leading_zero_may_be_missing() -> None:
    assert parse_amount(".27", RAIN) == Amount(units=27)


@given(st.lists(amounts, max_size=40))
def test_a_sum_is_a_trace_only_when_nothing_but_traces_fell(parts: list[Amount]) -> None:
    total = add_amounts(parts)

    assert total.units == sum(part.units for part in parts)
    assert total.is_trace is (total.units == 0 and TRACE in parts)
    assert all(total.is_at_least(part) for part in parts)


def test_a_trace_lies_between_nothing_and_one_unit() -> None:
    assert TRACE.is_at_least(NOTHING)
    assert not NOTHING.is_at_least(TRACE)
    assert not TRACE.is_at_least(Amount(units=1))
    with pytest.raises(ValidationError, match="trace"):
        Amount(units=1, is_trace=True)
