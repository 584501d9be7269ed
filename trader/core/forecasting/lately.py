"""How forecasts erred lately: by source beyond what a parameter set says, and together across cities.

Everything comes from an archive of issues and settled values known by now. Sources are paired with outcomes
at the instants at which they are fitted (``fitting.instant_of``).
"""

import itertools
import math
from collections.abc import Mapping
from datetime import date
from functools import partial

import numpy as np

from trader.core.forecasting import emos
from trader.core.forecasting.archive import Archive, Floats, Ints
from trader.core.forecasting.fitting import LEAD_DAYS, instant_of, tables_of
from trader.core.forecasting.predictors import WITHOUT_REPORT, Predictors
from trader.core.forecasting.remaining import USUAL_HIGH_H, USUAL_LOW_H
from trader.core.forecasting.voice import Known, sign_of
from trader.domain.cities import CityConfig
from trader.domain.learned import Correlation, ParameterSet, Residuals
from trader.domain.types import MarketType

HALF_LIFE_DAYS = 30.0
"""In which an error loses half its weight; 10 to 60 score alike on the recorded history."""
WINDOW_DAYS = 150
"""Rolling window of pairs, days: five half-lives, and what the correlation is estimated over."""
PRIOR_DAYS = 60.0
"""So many days of the prior stand against the measured correlation; valid 20 to 200."""
PRIOR = {("NYC", "PHL"): 0.7, ("BOS", "NYC"): 0.5, ("BOS", "PHL"): 0.4, ("LAX", "SFO"): 0.3}
"""Correlations assumed before any pair was stored, by distance; every other pair of cities 0.1."""
PRIOR_ELSEWHERE = 0.1
CORRELATED_LEAD = 1
"""Lead in days whose errors are compared: the evening before, when most is opened."""

Errors = dict[str, dict[int, list[float]]]
"""Errors in units of the spread, by city and day, one for each source and variable."""


def residuals(
    archive: Archive,
    variable: MarketType,
    parameters: ParameterSet,
    sha256: str,
    cities: Mapping[str, CityConfig],
    today: int,
    errors: Errors | None = None,
) -> tuple[Residuals, ...]:
    """Return what the set leaves of each source's errors up to day ``today``, by city, source and lead.

    ``errors`` collects those of CORRELATED_LEAD for ``correlations``.
    """
    known, found = Known.of(parameters), []
    for code, settled in sorted(archive.settled.items()):
        if code not in cities:
            continue
        usual = partial(_usual, known, code, variable)
        for lead in LEAD_DAYS:
            tables = tables_of(archive, code, lead, cities[code], usual)
            for source, table in tables.items():
                _, here, there = np.intersect1d(
                    table.day, settled.day, assume_unique=True, return_indices=True
                )
                recent = table.day[here] > today - WINDOW_DAYS
                here, there = here[recent], there[recent]
                if not len(here):
                    continue
                location, sd = _said_by_set(known, table, code, source, variable, lead, cities[code])
                left = settled.value[there] - table.anchor[here] - location[here]
                found.append(
                    _summary(sha256, code, source, variable, lead, left, sd[here], today - table.day[here])
                )
                if errors is not None and lead == CORRELATED_LEAD:
                    of_city = errors.setdefault(code, {})
                    signed = sign_of(variable) * left / sd[here]
                    for day, error in zip(table.day[here].tolist(), signed.tolist(), strict=True):
                        of_city.setdefault(day, []).append(error)
    return tuple(found)


def _usual(known: Known, code: str, variable: MarketType, day: int) -> float | None:
    normal = known.normals.get((code, variable))
    return None if normal is None else sign_of(variable) * normal.at(date.fromordinal(day))[0]


def _said_by_set(
    known: Known, table: Predictors, code: str, source: str, variable: MarketType, lead: int, city: CityConfig
) -> tuple[Floats, Floats]:
    """Return (location less the anchor, standard deviation) of every row by the set."""
    fit = known.fits.get((code, source, variable, lead))
    if fit is not None:
        location = np.einsum("ij,j->i", table.x[:, list(WITHOUT_REPORT)], fit.location)
        scale = np.exp(np.clip(np.einsum("ij,j->i", table.z, fit.log_scale), -3.0, 4.0))
        return location, scale * math.sqrt(emos.DEGREES_OF_FREEDOM / (emos.DEGREES_OF_FREEDOM - 2))
    spread = known.spreads[variable]
    usual_h = (USUAL_LOW_H if variable is MarketType.LOW else USUAL_HIGH_H) - city.std_utc_offset_hours
    peak = np.array([instant_of(0, city).second(d) for d in table.day.tolist()]) // 86_400 * 86_400
    lead_h = (peak + usual_h * 3600 - table.issued) / 3600
    days = [date.fromordinal(d) for d in table.day.tolist()]
    sd = [spread.sd(h, day, code, source) for h, day in zip(lead_h.tolist(), days, strict=True)]
    return np.zeros(len(days)), np.array(sd)


def _summary(
    sha256: str,
    code: str,
    source: str,
    variable: MarketType,
    lead: int,
    left: Floats,
    sd: Floats,
    age: Ints,
) -> Residuals:
    """Weighted mean and square, the square about the mean shrunk by one pair: one pair is no proof."""
    weights = 0.5 ** (age / HALF_LIFE_DAYS)
    total = float(weights.sum())
    bias = float((weights * left).sum()) / total
    square = float((weights * ((left - bias * total / (total + 1)) / sd) ** 2).sum()) / total
    return Residuals(
        parameters=sha256,
        city_code=code,
        source=source,
        variable=variable,
        lead_days=lead,
        count=len(left),
        weight=round(total, 6),
        bias_f=round(bias, 6),
        square=round(square, 6),
    )


def correlations(errors: Errors, cities: Mapping[str, CityConfig]) -> tuple[Correlation, ...]:
    """Return the correlation of every two cities' errors over their common days, shrunk to the prior.

    The mean of each city is taken out; days weigh alike within the window. Source of the prior: an assumption
    by distance, no matrix was ever published.
    """
    daily = {
        code: {day: math.fsum(e) / len(e) for day, e in sorted(days.items())} for code, days in errors.items()
    }
    found = []
    for a, b in itertools.combinations(sorted(cities), 2):
        common = sorted(daily.get(a, {}).keys() & daily.get(b, {}).keys())
        prior = PRIOR.get((a, b), PRIOR_ELSEWHERE)
        measured = _correlation([daily[a][d] for d in common], [daily[b][d] for d in common])
        weight = 0.0 if measured is None else len(common) / (len(common) + PRIOR_DAYS)
        rho = weight * (measured or 0.0) + (1 - weight) * prior
        found.append(Correlation(city_a=a, city_b=b, rho=round(rho, 6), days=len(common)))
    return tuple(found)


def _correlation(first: list[float], second: list[float]) -> float | None:
    """Return the sample correlation, None below three values or without variation."""
    if len(first) < 3:
        return None
    x, y = ([v - math.fsum(row) / len(row) for v in row] for row in (first, second))
    size = math.sqrt(math.fsum(v * v for v in x) * math.fsum(v * v for v in y))
    if size <= 1e-9:
        return None
    return max(-1.0, min(1.0, math.fsum(p * q for p, q in zip(x, y, strict=True)) / size))
