from datetime import date

import numpy as np
import pytest

from trader.core.forecasting.archive import DAY_S, EPOCH, Settled
from trader.core.forecasting.climatology import MIN_VALUES, seasonal

DAY = date(2024, 7, 15).toordinal()


def record(years: int, value: float = 85.0) -> Settled:
    day = np.arange(DAY - 366 * years, DAY, dtype=np.int64)
    summer = np.cos(2 * np.pi * (day - DAY) / 365.25) > 0.5
    return Settled(day, (day - EPOCH + 2) * DAY_S, np.where(summer, value, 40.0))


def test_the_calendar_gives_the_same_season_of_earlier_years() -> None:
    found = seasonal(record(5), DAY, (DAY - EPOCH) * DAY_S)

    assert found is not None
    start, weights = found
    mean = float((weights * np.arange(start, start + len(weights))).sum())
    assert weights.sum() == pytest.approx(1.0)
    assert mean == pytest.approx(85.0, abs=0.1)


def test_this_very_season_and_values_not_yet_known_do_not_count() -> None:
    this_year = record(5)
    this_season = this_year.day > DAY - 180
    other = Settled(this_year.day, this_year.known, np.where(this_season, 120.0, this_year.value))

    same = seasonal(this_year, DAY, (DAY - EPOCH) * DAY_S)
    changed = seasonal(other, DAY, (DAY - EPOCH) * DAY_S)

    assert same is not None
    assert changed is not None
    assert same[0] == changed[0]
    assert (same[1] == changed[1]).all()
    assert seasonal(this_year, DAY, 0) is None  # nothing was known in 1970


def test_too_short_a_record_gives_no_calendar() -> None:
    day = np.arange(DAY - 365 - MIN_VALUES // 2, DAY - 365, dtype=np.int64)

    assert seasonal(Settled(day, day * 0, np.full(len(day), 80.0)), DAY, 1) is None
