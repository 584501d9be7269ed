import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.simulator.paging import limit_of, page, seconds_of
from trader.simulator.refusals import Refused


@given(st.integers(0, 250), st.integers(1, 100))
def test_following_cursors_reads_every_row_once_and_ends_with_an_empty_one(total: int, limit: int) -> None:
    rows, seen, cursor = list(range(total)), list[int](), ""

    while True:
        part, cursor = page(rows, {"cursor": cursor}, limit)
        seen += part
        if not cursor:
            break

    assert seen == rows


@given(st.text(max_size=40))
def test_a_garbage_cursor_is_the_first_page(garbage: str) -> None:
    part, _ = page(range(10), {"cursor": garbage}, 3)

    assert list(part) == [0, 1, 2]


def test_a_limit_above_the_maximum_answers_the_recorded_body() -> None:
    with pytest.raises(Refused) as refused:
        limit_of({"limit": "1001"}, "GetMarkets", 100, 1000)

    assert refused.value.status == 400
    assert refused.value.body == {
        "msg": "Parameter validation failed for GetMarkets: Key: 'GetMarketsParams.Limit' "
        "Error:Field validation for 'Limit' failed on the 'lte' tag"
    }


@pytest.mark.parametrize("text", ["-1", "ten", "1.5", "١"])
def test_a_limit_or_time_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="GetFills"):
        limit_of({"limit": text}, "GetFills", 100, 1000)
    with pytest.raises(Refused, match="GetFills"):
        seconds_of({"min_ts": text}, "min_ts", "GetFills")
