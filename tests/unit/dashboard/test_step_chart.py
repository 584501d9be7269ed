"""The small chart of the first page: round ticks inside the axis, every point on it, no text in the image."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.components import equity_chart, step_chart
from tests.unit.dashboard import sample

MONEY = st.decimals(-100_000, 100_000, places=2)
NOON = datetime(2026, 7, 21, 12, tzinfo=UTC)


@given(MONEY, MONEY)
def test_an_axis_holds_both_ends_and_a_few_round_ticks(a: Decimal, b: Decimal) -> None:
    axis = step_chart.scale(min(a, b), max(a, b))

    assert 0 < axis.share(min(a, b)) <= axis.share(max(a, b)) < 1
    assert 2 <= len(axis.ticks) <= 6
    assert all(0 <= axis.share(tick) <= 1 for tick in axis.ticks)
    assert len({b - a for a, b in zip(axis.ticks, axis.ticks[1:], strict=False)}) == 1


@given(st.integers(0, 90 * 24), st.integers(1, 90 * 24))
def test_at_most_six_midnights_are_labelled(start: int, hours: int) -> None:
    left = NOON + timedelta(hours=start)
    right = left + timedelta(hours=hours)

    found = step_chart.days(left, right)

    assert len(found) <= 6
    assert all(left < d <= right and d.hour == 0 for d in found)


def test_the_line_starts_ends_and_steps_where_the_points_are() -> None:
    points = [
        (NOON, Decimal(100)),
        (NOON + timedelta(hours=6), Decimal(110)),
        (NOON + timedelta(hours=12), Decimal(90)),
    ]

    html = step_chart.draw(points, Decimal(100), NOON + timedelta(hours=12), timedelta(hours=1), "Equity")

    assert re.search(r"M0,500H500V69H1000V931'", unquote(html))  # 88.4 to 111.6 dollars
    assert '<b style="bottom:6.9%">$90.00</b>' in html
    assert 'class="veil" style="left:91.67%"' in html
    assert "<text" not in unquote(html)


def test_no_points_is_said_and_not_drawn() -> None:
    with pytest.raises(ValueError, match="expected at least one point"):
        step_chart.draw([], Decimal(100), NOON, timedelta(hours=1), "")


@pytest.mark.story("6.5")
def test_equity_on_the_first_page_ends_with_its_value_and_says_it_in_words() -> None:
    html = equity_chart.small(sample.equity(), sample.AS_OF)

    assert ">$1,000.14</b>" in html
    assert "60 minutes late" in html
