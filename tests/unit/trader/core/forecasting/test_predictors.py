import numpy as np
import pytest

from trader.core.forecasting.archive import DAY_S, EPOCH, Instant, Issues, Midday
from trader.core.forecasting.predictors import build

DAY = EPOCH + 20_000
MIDNIGHT = 20_000 * DAY_S
NOON = Instant("12Z", 12)


def issues(*rows: tuple[float, float]) -> Issues:
    """Rows of (hour from the target's 00Z, value)."""
    known = np.array([MIDNIGHT + int(hour * 3600) for hour, _ in rows], dtype=np.int64)
    return Issues(np.full(len(rows), DAY, dtype=np.int64), known, np.array([value for _, value in rows]))


def test_the_anchor_is_the_newest_issue_known_at_the_instant() -> None:
    table = build(issues((-20, 70.0), (11.9, 75.0), (12.1, 99.0)), None, NOON)

    assert table.day.tolist() == [DAY]
    assert table.anchor.tolist() == [75.0]
    assert not table.is_observed.any()


def test_older_issues_enter_as_their_difference_from_the_anchor() -> None:
    table = build(issues((-25, 60.0), (-20, 64.0), (11.0, 70.0)), None, NOON)  # ages 36, 31 and 0 hours

    assert table.x[0, 3] == pytest.approx((60.0 + 64.0) / 2 - 70.0)


def test_a_stale_source_says_nothing() -> None:
    assert not len(build(issues((-13, 70.0)), None, NOON).day)  # 25 hours old
    assert len(build(issues((-11, 70.0)), None, NOON).day) == 1
    assert not len(build(issues(), None, NOON).day)


def test_a_report_counts_only_once_it_could_be_known() -> None:
    midday = Midday(np.array([DAY]), np.array([MIDNIGHT + 18 * 3600]), np.array([71.0]), np.array([73.0]))

    before = build(issues((11, 70.0)), midday, Instant("17Z", 17))
    after = build(issues((11, 70.0)), midday, Instant("18Z", 18))

    assert not before.is_observed.any()
    assert after.floor.tolist() == [73.0]
    assert after.x[0, 4:].tolist() == [3.0, 1.0]  # highest and current report minus the anchor
