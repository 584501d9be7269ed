"""What a forecast of amounts adds: windows that do not overlap, on what was known by midday, counted."""

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.trader.app.evaluate.test_months import folder
from trader.app.evaluate.months import evaluate_months
from trader.app.evaluate.next_days import LOOK_H, Amounts, Window, load_amounts, score
from trader.app.fit.records import depths
from trader.core.forecasting.archive import DAY_S, EPOCH
from trader.domain.types import MarketType

RAIN = MarketType.RAIN
PERIOD = date(2010, 1, 1), date(2010, 12, 31)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Twelve years of record; for 2010 an issue each midday that knows the five days after it to the inch."""
    path = folder(tmp_path)
    _, days, units = depths(path, RAIN)["NYC"]
    fell = dict(zip(days.tolist(), units.tolist(), strict=True))
    issued = [datetime(2009, 12, 31, LOOK_H, tzinfo=UTC) + timedelta(days=n) for n in range(365)]
    rows = [(at, at.date() + timedelta(days=lead)) for at in issued for lead in range(1, 6)]
    table = pa.table(
        {
            "issued_utc": pa.array([at.replace(tzinfo=None) for at, _ in rows], pa.timestamp("ms")),
            "target_date": [str(day) for _, day in rows],
            "rain_in": pa.array([fell[day.toordinal()] / 100 for _, day in rows], pa.float64()),
        }
    )
    (path / "forecasts").mkdir()
    pq.write_table(table, path / "forecasts" / "openmeteo_nyc_issues_2010.parquet")
    return path


def windows(history: Path, said: Amounts | None = None) -> list[Window]:
    _, days, units = depths(history, RAIN)["NYC"]
    said = said or load_amounts(history, "NYC", RAIN)
    assert said is not None
    return list(score(days, units, said, RAIN, *PERIOD))


def test_one_more_line_tells_what_a_good_forecast_adds(history: Path) -> None:
    told: list[str] = []

    evaluate_months(history, *PERIOD, (), True, told.append, RAIN)

    row = json.loads(told[-1])
    assert len(told) == 6
    assert (row["city"], row["next_days"], row["n_windows"]) == ("NYC", 3, 121)
    assert row["crps_forecast"] == 0
    assert row["crps_model"] < 0.7 * row["crps_record"]
    assert row["crps_model_minus_record"][2] < 0 < row["crps_model_minus_forecast"][1]
    assert row["coverage80_unproven"] > row["coverage80_band"][1]  # half a record makes it too wide
    assert row["crps_model_minus_unproven"][2] < 0  # a forecast that was right so far is believed more
    assert row["trust"][0] > 0.5
    assert row["trust"][1] < 1


def test_windows_follow_each_other_and_hold_what_fell(history: Path) -> None:
    _, days, units = depths(history, RAIN)["NYC"]
    fell = dict(zip(days.tolist(), units.tolist(), strict=True))

    found = windows(history)

    assert found[0].first == PERIOD[0]
    assert {(b.first - a.first).days for a, b in pairwise(found)} == {3}
    for window in found:
        assert window.outcome == sum(fell[window.first.toordinal() + n] for n in range(3))
        assert window.forecast == pytest.approx(window.outcome)


def test_what_was_issued_after_midday_or_half_a_day_before_is_not_used(history: Path) -> None:
    said = load_amounts(history, "NYC", RAIN)
    assert said is not None
    second = (PERIOD[0].toordinal() - 1 - EPOCH) * DAY_S + LOOK_H * 3600
    assert second in said.known.tolist()

    late = windows(history, Amounts(said.day, said.known + 1, said.inches))
    old = windows(history, Amounts(said.day, said.known - 12 * 3600, said.inches))
    known = windows(history, Amounts(said.day, said.known - 12 * 3600 + 1, said.inches))

    assert (late, old) == ([], [])  # the issue of a day earlier is too old
    assert len(known) == 121


def test_nothing_is_learnt_from_what_was_not_known_at_midday(history: Path) -> None:
    """Of each window seen: everything from the day that looks on is another, and issues after its midday."""
    _, days, units = depths(history, RAIN)["NYC"]
    said = load_amounts(history, "NYC", RAIN)
    assert said is not None
    of_days_before = 0
    for window in list(score(days, units, said, RAIN, *PERIOD))[1:12]:
        today = window.first.toordinal() - 1
        after = said.known > (today - EPOCH) * DAY_S + LOOK_H * 3600
        other = Amounts(said.day, said.known, np.where(after, 9.0, said.inches))

        def again(since: int, forecasts: Amounts = other, first: date = window.first) -> Window:
            changed = np.where(days >= since, 900, units)
            found = score(days, changed, forecasts, RAIN, PERIOD[0], first + timedelta(days=2))
            return next(w for w in found if w.first == first)

        later = again(today)
        assert later.outcome == 2700
        assert (later.trust, later.model, later.record) == (window.trust, window.model, window.record)
        of_days_before += again(today - 1).trust != window.trust
    assert of_days_before  # the day before is known and counts, so one day too many would be seen


def test_a_window_does_not_depend_on_the_days_asked_for(history: Path) -> None:
    _, days, units = depths(history, RAIN)["NYC"]
    said = load_amounts(history, "NYC", RAIN)
    assert said is not None
    whole = {w.first: w for w in score(days, units, said, RAIN, *PERIOD)}

    part = list(score(days, units, said, RAIN, date(2010, 9, 1), date(2010, 9, 30)))

    same = [whole[w.first] for w in part if w.first in whole]
    assert len(part) == len(same) == 10
    assert same == part


def test_snow_of_summer_short_periods_and_other_cities_are_not_scored(history: Path, tmp_path: Path) -> None:
    _, days, units = depths(history, RAIN)["NYC"]
    said = load_amounts(history, "NYC", RAIN)
    assert said is not None
    months = {w.first.month for w in score(days, units, said, MarketType.SNOW, *PERIOD)}
    assert months == {1, 2, 3, 4, 11, 12}
    assert load_amounts(history, "CHI", RAIN) is None
    assert load_amounts(history, "NYC", MarketType.SNOW) is None  # the file has no such column
    told: list[str] = []

    evaluate_months(history, PERIOD[0], date(2010, 2, 1), (), True, told.append, RAIN)

    row = json.loads(told[-1])
    assert (row["n_windows"], row["status"]) == (10, "not enough data")
