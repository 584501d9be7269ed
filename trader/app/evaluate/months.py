"""Monthly rain and snow scored month by month, each on what the record held before the month began.

The model is the strategy's own without a forecast; it is compared with the record's same months whole
(climatology), and with what had fallen plus what the rest of the month brought in each earlier year. What a
forecast adds is scored apart (``next_days``). No price was ever recorded.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np

from trader.app.evaluate import next_days
from trader.app.evaluate.next_days import SNOW_MONTHS
from trader.app.evaluate.run import check_asked
from trader.app.fit.records import depths
from trader.core import probability as pr
from trader.core.forecasting import scores
from trader.core.forecasting.archive import Ints
from trader.core.forecasting.totals import SAID_DAYS, last_day, wet_days
from trader.core.strategies.monthly import Fallen, total
from trader.domain.amounts import UNIT_IN
from trader.domain.errors import ConfigurationError
from trader.domain.signals import Distribution
from trader.domain.types import MarketType

DAYS_KNOWN = (0, 7, 14, 21, 26)
RUNGS_IN = {MarketType.RAIN: (1, 2, 3, 4, 5, 6, 7, 8), MarketType.SNOW: (0, 1, 3, 6, 10, 15)}
"""Thresholds in inches, like those listed: YES above."""
WAYS = ("model", "record", "climatology")


@dataclass(frozen=True, slots=True)
class ScoredMonth:
    """One month at one number of days known: the total in units and what each way said before."""

    first: date
    known: int
    outcome: int
    said: Mapping[str, Distribution]


def evaluate_months(
    history: Path,
    date_from: date,
    date_to: date,
    cities: Sequence[str],
    json: bool,
    say: Callable[[str], None],
    variable: MarketType,
) -> int:
    """Print a line a city and number of days known. Raises ConfigurationError for an unknown city, a period
    that ends before it begins, and when nothing was recorded.
    """
    check_asked(date_from, date_to, cities)
    found = {
        code: record for code, record in depths(history, variable).items() if not cities or code in cities
    }
    if not found:
        raise ConfigurationError(
            f"evaluate: expected daily amounts of {variable} of {' '.join(cities) or 'some city'} in "
            f"{history}, found none; nothing was evaluated"
        )
    for code, (_, days, units) in found.items():
        months = list(score(days, units, variable, date_from, date_to))
        for known in DAYS_KNOWN:
            row = {"city": code, "variable": variable, "days_known": known}
            row |= summary([m for m in months if m.known == known], variable)
            say(_line(row, json))
        if (said := next_days.load_amounts(history, code, variable)) is not None:
            windows = list(next_days.score(days, units, said, variable, date_from, date_to))
            row = {"city": code, "variable": variable, "next_days": SAID_DAYS}
            say(_line(row | next_days.summary(windows, variable), json))
    return 0


def _line(row: Mapping[str, Any], json: bool) -> str:
    return dumps(row) if json else "  ".join(f"{name} {value}" for name, value in row.items())


def score(
    days: Ints, units: Ints, variable: MarketType, date_from: date, date_to: date
) -> Iterator[ScoredMonth]:
    """Yield every wholly recorded month inside the bounds after each number of days known.

    Months of snow are November to April; a month with too short a record before it is left out.
    """
    of_day = dict(zip(days.tolist(), units.tolist(), strict=True))
    firsts = (date(y, m, 1) for y in range(date_from.year, date_to.year + 1) for m in range(1, 13))
    for first in firsts:
        if not date_from <= first <= last_day(first) <= date_to:
            continue
        if variable is MarketType.SNOW and first.month not in SNOW_MONTHS:
            continue
        values, wet = _month(of_day, first), wet_days(days, units, first.toordinal(), first.month)
        if values is None or wet is None:
            continue
        before = _earlier(of_day, first)
        for known in DAYS_KNOWN:
            fallen, was_wet = sum(values[:known]), values[known - 1] > 0 if known else None
            said = {
                "model": total(Fallen(fallen, fallen, len(values) - known, was_wet), wet),
                "record": _spread([fallen + sum(v[known:]) for v in before]),
                "climatology": _spread([sum(v) for v in before]),
            }
            yield ScoredMonth(first, known, sum(values), said)


def _month(of_day: Mapping[int, int], first: date) -> list[int] | None:
    count = monthrange(first.year, first.month)[1]
    values = [of_day.get(first.toordinal() + n) for n in range(count)]
    whole = [v for v in values if v is not None]
    return whole if len(whole) == count else None


def _earlier(of_day: Mapping[int, int], first: date) -> list[list[int]]:
    """The same month of every earlier year that was recorded whole."""
    years = range(date.fromordinal(min(of_day)).year, first.year)
    months = (_month(of_day, date(year, first.month, 1)) for year in years)
    return [month for month in months if month is not None]


def _spread(totals: Sequence[int]) -> Distribution:
    """Every earlier value alike, one percent over everything up to half more than the highest."""
    weights = np.full(max(totals) * 3 // 2 + 2, 0.01 / (max(totals) * 3 // 2 + 2))
    for value in totals:
        weights[value] += 0.99 / len(totals)
    return pr.quantise(0, weights, mean_f=0.0, sd_f=0.0)


def summary(months: Sequence[ScoredMonth], variable: MarketType) -> dict[str, Any]:
    """Return counts and scores: CRPS in inches, Brier a threshold, both with intervals over whole months."""
    row: dict[str, Any] = {"n_months": len(months)}
    if len(months) < 30:
        return row | {"status": "not enough data"}
    unit = float(UNIT_IN[variable])
    rungs = [round(inches / unit) for inches in RUNGS_IN[variable]]
    crps: dict[str, Any] = {}
    brier: dict[str, Any] = {}
    for way in WAYS:
        crps[way] = np.array([scores.crps(m.said[way], m.outcome) * unit for m in months])
        brier[way] = np.array(
            [
                np.mean([(float(m.said[way].between(r + 1, None)) - (m.outcome > r)) ** 2 for r in rungs])
                for m in months
            ]
        )
        row |= {f"crps_{way}": round(float(crps[way].mean()), 4)}
        row |= {f"brier_{way}": round(float(brier[way].mean()), 4)}
    for way in WAYS[1:]:
        difference = scores.bootstrap(crps["model"] - crps[way])
        row[f"crps_model_minus_{way}"] = [
            round(v, 4) for v in (difference.value, difference.lo, difference.hi)
        ]
    return row | next_days.coverage([(m.first, m.said["model"], m.outcome) for m in months])
