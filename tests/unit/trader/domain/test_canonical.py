"""The canonical text: JSON with sorted keys, whatever the order, zone or trailing zeros of the values."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trader.core.builders import NOW, book
from trader.domain.canonical import canonical_json, content_hash
from trader.domain.types import MarketType

plain = st.recursive(
    # minus zero equals zero and is written like it, unlike the json module's
    st.none() | st.booleans() | st.integers() | st.text()
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


@given(plain)
def test_plain_values_are_written_as_the_json_module_writes_them(value: Any) -> None:
    expected = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert canonical_json(value) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1.500"), '"1.5"'),
        (Decimal("-0.00"), '"0"'),
        (Decimal("1E+3"), '"1000"'),
        (-0.0, "0.0"),
        (datetime(2026, 7, 16, 1, 30, tzinfo=timezone(timedelta(hours=-4))), '"2026-07-16T05:30:00.000000Z"'),
        (date(2026, 7, 16), '"2026-07-16"'),
        (MarketType.HIGH, '"HIGH"'),
        ((1, (2,)), "[1,[2]]"),
        ({MarketType.LOW: 1, 2: None, Decimal("1.50"): 0}, '{"1.5":0,"2":null,"LOW":1}'),
        ({NOW.date(): True}, '{"2026-07-16":true}'),
    ],
)  # fmt: skip
def test_special_values_have_one_text(value: Any, text: str) -> None:
    assert canonical_json(value) == text


def test_a_model_is_written_by_sorted_field_names() -> None:
    text = canonical_json(book("0.40", "0.450"))

    assert text == (
        '{"captured_at":"2026-07-16T01:30:00.000000Z","no_bids":[{"price":"0.55","size":"200"}],'
        '"yes_bids":[{"price":"0.4","size":"200"}]}'
    )
    assert content_hash(book("0.40", "0.45")) == content_hash(book("0.4", "0.450", "200.00"))


def test_values_without_a_canonical_form_are_refused() -> None:
    with pytest.raises(TypeError, match="found object"):
        canonical_json([object()])
    with pytest.raises(ValueError, match="finite"):
        canonical_json({"a": float("nan")})


def test_the_same_instant_in_two_zones_hashes_equally() -> None:
    other = NOW.astimezone(timezone(timedelta(hours=9)))

    assert content_hash(NOW) == content_hash(other)
    assert other.tzinfo is not UTC
