"""``milkbot evaluate --variable rain``: months scored on the past alone, counted; refused without record."""

import gzip
import json
from datetime import date, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest

from trader.app.evaluate.months import evaluate_months, score
from trader.app.fit.records import depths
from trader.domain.errors import ConfigurationError
from trader.domain.types import MarketType

RAIN = MarketType.RAIN
FIRST, DAYS = date(2000, 1, 1), 366 * 12


def folder(path: Path, days: int = DAYS) -> Path:
    dice = Random(3)  # noqa: S311  repeatable luck is the point
    rows = ["city,station,date,precip_in,snow_in"]
    for n in range(days):
        inches = round(dice.gammavariate(0.6, 0.6), 2) if dice.random() < 0.3 else 0.0
        rows.append(f"NYC,KNYC,{FIRST + timedelta(days=n)},{inches},")
    (path / "observations").mkdir(parents=True)
    (path / "observations" / "daily_obs.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    return path


def test_each_number_of_days_known_is_a_line_with_counts_and_what_more_knowledge_brings(
    tmp_path: Path,
) -> None:
    said: list[str] = []

    evaluate_months(folder(tmp_path), date(2008, 1, 1), date(2011, 12, 31), (), True, said.append, RAIN)

    rows = [json.loads(line) for line in said]
    assert [(r["days_known"], r["n_months"]) for r in rows] == [(n, 48) for n in (0, 7, 14, 21, 26)]
    errors = [r["crps_model"] for r in rows]
    assert errors == sorted(errors, reverse=True)
    assert rows[-1]["crps_model_minus_climatology"][2] < 0
    assert rows[0]["crps_record"] == rows[0]["crps_climatology"]


def test_below_thirty_months_no_score_is_told(tmp_path: Path) -> None:
    said: list[str] = []

    evaluate_months(folder(tmp_path), date(2010, 1, 1), date(2010, 12, 31), ("NYC",), True, said.append, RAIN)

    assert {json.loads(line)["status"] for line in said} == {"not enough data"}


@pytest.mark.parametrize(
    ("last", "cities", "words"),
    [
        (date(2010, 1, 1), (), "expected daily amounts of SNOW of some city"),
        (date(2010, 1, 1), ("MIA", "DEN"), "expected daily amounts of SNOW of MIA DEN"),
        (date(1999, 1, 1), (), "--to: expected a day from 2000-01-01, found 1999-01-01"),
        (date(2010, 1, 1), ("NYC", "XYZ"), "--city: expected some of .*, found XYZ"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_words(
    tmp_path: Path, last: date, cities: tuple[str, ...], words: str
) -> None:
    said: list[str] = []

    with pytest.raises(ConfigurationError, match=words):
        evaluate_months(folder(tmp_path), FIRST, last, cities, True, said.append, MarketType.SNOW)

    assert said == []


def test_nothing_later_than_a_month_changes_what_was_said_of_it(tmp_path: Path) -> None:
    _, days, units = depths(folder(tmp_path), RAIN)["NYC"]
    month = (date(2009, 5, 1), date(2009, 5, 31))
    later = np.where(days > month[1].toordinal(), 900, units)

    first, again = (list(score(days, amounts, RAIN, *month)) for amounts in (units, later))

    assert [m.said for m in first] == [m.said for m in again]
    assert len(first) == 5
