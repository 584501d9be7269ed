"""What a forecast of amounts adds to the record: rain or snow of the days after today, each window on what
was known at midday.

No archive of the live source's amounts exists; the windows use the hourly archived issues of another source,
so they tell what the rule is worth with a forecast, not what the live one is worth. ``model`` believes that
source as the windows before taught, ``unproven`` as live trading believes one that it knows nothing of.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from trader.app.evaluate.tables import find, has_column, ordinals, read
from trader.core import probability as pr
from trader.core.forecasting import scores
from trader.core.forecasting.archive import DAY_S, EPOCH, Floats, Ints
from trader.core.forecasting.totals import (
    SAID_DAYS,
    SCALES,
    SHARES,
    Said,
    Trust,
    likelihoods,
    rest_as_said,
    rest_of_month,
    trust_of,
    wet_days,
)
from trader.domain.amounts import UNIT_IN
from trader.domain.learned import WetDays
from trader.domain.signals import Distribution
from trader.domain.types import MarketType

LOOK_H = 17
"""UTC hour of the day at which a window is forecast: noon standard time in New York."""
AGE_S = 12 * 3600
FEWEST = 30
SNOW_MONTHS = (11, 12, 1, 2, 3, 4)
AMOUNT_COLUMNS = {MarketType.RAIN: "rain_in", MarketType.SNOW: "snow_in"}


@dataclass(frozen=True, slots=True)
class Amounts:
    """Forecasts in rows: target day (ordinal), second from which it was known, inches."""

    day: Ints
    known: Ints
    inches: Floats


@dataclass(frozen=True, slots=True)
class Window:
    """SAID_DAYS days from ``first`` on: what fell, in units, and what was said before."""

    first: date
    outcome: int
    forecast: float
    trust: Trust
    model: Distribution
    unproven: Distribution
    record: Distribution


@dataclass(frozen=True, slots=True)
class _Pair:
    """What fell and what had been said of a window, in units, and the record's wet days before it."""

    first: date
    outcome: int
    forecast: float
    wet: WetDays


def load_amounts(history: Path, code: str, variable: MarketType) -> Amounts | None:
    """Return the archived amounts of a city, None where there are none; they were recorded for New York."""
    column, parts = AMOUNT_COLUMNS[variable], []
    for path in find(history, "forecasts", "openmeteo_nyc_issues_*.parquet") if code == "NYC" else ():
        if has_column(path, column):
            table = read(path, ["issued_utc", "target_date", column])
            good = np.isfinite(table[column])
            parts.append(
                (ordinals(table["target_date"])[good], table["issued_utc"][good], table[column][good])
            )
    return Amounts(*(np.concatenate(columns) for columns in zip(*parts, strict=True))) if parts else None


def score(
    days: Ints, units: Ints, said: Amounts, variable: MarketType, date_from: date, date_to: date
) -> Iterator[Window]:
    """Yield windows that do not overlap, inside the bounds, where record and forecast are whole.

    How far the source is believed is learnt from one window a day, each known before the day that looks; it
    does not depend on the bounds.
    """
    pairs = {pair.first.toordinal(): pair for pair in _pairs(days, units, said, variable)}
    learnt, at = np.zeros((len(SHARES), len(SCALES))), min(pairs, default=0)
    for first in range(date_from.toordinal(), date_to.toordinal() - SAID_DAYS + 2, SAID_DAYS):
        for day in range(at, first - SAID_DAYS):  # the last day of a window is known the day after
            if day in pairs:
                past = pairs[day]
                learnt += likelihoods(past.wet, past.forecast, past.outcome)
        at = max(at, first - SAID_DAYS)
        if first not in pairs:
            continue
        pair, trust = pairs[first], trust_of(learnt)
        told = Said(0, SAID_DAYS, pair.forecast)
        yield Window(
            pair.first,
            pair.outcome,
            pair.forecast,
            trust,
            _quantised(rest_as_said(pair.wet, SAID_DAYS, None, told, trust)),
            _quantised(rest_as_said(pair.wet, SAID_DAYS, None, told)),
            _quantised(rest_of_month(pair.wet, SAID_DAYS, None)),
        )


def _pairs(days: Ints, units: Ints, said: Amounts, variable: MarketType) -> Iterator[_Pair]:
    """Yield one window a day, wherever record and forecast are whole; months of snow only for snow."""
    of_day, unit = dict(zip(days.tolist(), units.tolist(), strict=True)), float(UNIT_IN[variable])
    fitted: dict[date, WetDays | None] = {}
    for start in range(int(said.day.min()), int(said.day.max()) + 1) if len(said.day) else ():
        window, first = range(start, start + SAID_DAYS), date.fromordinal(start)
        if variable is MarketType.SNOW and first.month not in SNOW_MONTHS:
            continue
        fell = [of_day[day] for day in window if day in of_day]
        told = _newest(said, window, (start - 1 - EPOCH) * DAY_S + LOOK_H * 3600)
        if len(fell) < SAID_DAYS or told is None:
            continue
        month = first.replace(day=1)
        if month not in fitted:
            fitted[month] = wet_days(days, units, month.toordinal(), month.month)
        wet = fitted[month]
        if wet is not None:
            yield _Pair(first, sum(fell), round(told / unit, 2), wet)


def _newest(said: Amounts, window: range, second: int) -> float | None:
    """Return the inches that the newest issue known by then has for the window, None where it lacks a day."""
    fresh = (said.known <= second) & (said.known > second - AGE_S)
    if not fresh.any():
        return None
    rows = (said.known == said.known[fresh].max()) & (said.day >= window.start) & (said.day < window.stop)
    return math.fsum(said.inches[rows].tolist()) if int(rows.sum()) == len(window) else None


def _quantised(weights: Floats) -> Distribution:
    return pr.quantise(0, weights, mean_f=0.0, sd_f=0.0)


def summary(windows: Sequence[Window], variable: MarketType) -> dict[str, Any]:
    """Return counts and CRPS in inches, the differences with intervals over whole windows; ``crps_forecast``
    is the forecast's own, which is a point.
    """
    row: dict[str, Any] = {"n_windows": len(windows)}
    if len(windows) < FEWEST:
        return row | {"status": "not enough data"}
    unit = float(UNIT_IN[variable])
    crps = {
        "model": np.array([scores.crps(w.model, w.outcome) * unit for w in windows]),
        "unproven": np.array([scores.crps(w.unproven, w.outcome) * unit for w in windows]),
        "record": np.array([scores.crps(w.record, w.outcome) * unit for w in windows]),
        "forecast": np.array([abs(w.forecast - w.outcome) * unit for w in windows]),
    }
    row |= {f"crps_{way}": round(float(values.mean()), 4) for way, values in crps.items()}
    for way in ("unproven", "record", "forecast"):
        found = scores.bootstrap(crps["model"] - crps[way])
        row[f"crps_model_minus_{way}"] = [round(v, 4) for v in (found.value, found.lo, found.hi)]
    unproven = coverage([(w.first, w.unproven, w.outcome) for w in windows])
    row["coverage80_unproven"] = unproven["coverage80_model"]
    row["trust"] = [windows[-1].trust.share, windows[-1].trust.scale]
    return row | coverage([(w.first, w.model, w.outcome) for w in windows])


def coverage(scored: Sequence[tuple[date, Distribution, int]]) -> dict[str, Any]:
    """Return the share of outcomes in the central 80 % (randomised PIT), and a calibrated forecast's band."""
    uniforms = scores.pit_uniforms([first.toordinal() for first, _, _ in scored]).tolist()
    pits = [
        scores.randomised_pit(said, outcome, uniform)
        for (_, said, outcome), uniform in zip(scored, uniforms, strict=True)
    ]
    return {
        "coverage80_model": round(sum(0.1 <= pit <= 0.9 for pit in pits) / len(pits), 4),
        "coverage80_band": [round(edge, 4) for edge in scores.coverage_band(len(pits))],
    }
