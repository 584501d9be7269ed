"""From recorded errors and archives to the parts of a parameter set."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import t as student_t

from trader.core.forecasting import predictors
from trader.core.forecasting.archive import DAY_S, EPOCH, Archive, Floats, Instant, Settled
from trader.core.forecasting.expert import Expert
from trader.core.forecasting.predictors import Predictors
from trader.domain.cities import CityConfig
from trader.domain.learned import Normal, SourceFit
from trader.domain.types import MarketType

LEAD_DAYS = (0, 1, 2)
"""Whole days from the climate date of the issue to that of the event, for which sources are fitted."""
MORNING_H, EVENING_H = 10, 19
"""Local standard hours at which a source is paired with its outcome: in the morning of the day itself, before
its high is told by reports, and in the evenings before."""
MIN_DAYS_OF_NORMAL = 360


@dataclass(frozen=True, slots=True)
class Errors:
    """Centred errors in degrees, leads in days, days of the year, city codes and eras (0 old, 1 new), a row
    each.
    """

    error: Floats
    lead: Floats
    day: Floats
    city: NDArray[Any]
    era: Floats


def instant_of(lead_days: int, city: CityConfig) -> Instant:
    """Return the instant at which a source's word of this lead is paired with its outcome."""
    local = MORNING_H if lead_days == 0 else EVENING_H - 24 * lead_days
    return Instant(f"lead{lead_days}", local - city.std_utc_offset_hours)


def tables_of(
    archive: Archive,
    code: str,
    lead_days: int,
    city: CityConfig,
    usual: Callable[[int], float | None] | None = None,
) -> dict[str, Predictors]:
    """Return each source's rows whose newest issue at the instant really has this lead in climate days."""
    out = {}
    for source, table in predictors.build(archive, code, instant_of(lead_days, city), usual).items():
        issued_on = (table.issued + city.std_utc_offset_hours * 3600) // DAY_S + EPOCH
        out[source] = table.where(table.day - issued_on == lead_days)
    return out


def fit_spread(found: Errors) -> dict[str, Any]:
    """Return a, b, c, phase_day, df, city factors and the newer era's factor (one without such errors) that
    maximise the likelihood of the errors under a t.

    The city factors' geometric mean is one, so that an unknown city gets the average spread.
    """
    codes = sorted(set(found.city.tolist()))
    index = np.array([codes.index(city) for city in found.city.tolist()])
    has_eras = len(set(found.era.tolist())) > 1

    def split(theta: Floats) -> tuple[Floats, float]:
        a, b, df = math.exp(theta[0]), math.exp(theta[1]), 2 + math.exp(theta[4])
        factors = np.exp(theta[6:] - theta[6:].mean())
        angle = 2 * math.pi * found.day / 365.25
        season = 1 + theta[2] * np.cos(angle) + theta[3] * np.sin(angle)
        newer = np.exp(theta[5] * found.era) if has_eras else 1.0
        sd = (a + b * found.lead) * np.maximum(0.05, season) * factors[index] * newer
        return np.maximum(0.1, sd), df

    def loss(theta: Floats) -> float:
        sd, df = split(theta)
        scale = sd * math.sqrt((df - 2) / df)
        return -float(np.mean(student_t.logpdf(found.error / scale, df) - np.log(scale)))

    start = [math.log(3.0), math.log(0.4), 0.0, 0.0, math.log(4.0), 0.0]
    theta = minimize(
        loss, np.concatenate((start, np.zeros(len(codes)))), method="L-BFGS-B", options={"maxiter": 500}
    ).x
    _, df = split(theta)
    newest = math.exp(theta[5]) if has_eras else 1.0
    factors = np.exp(theta[6:] - theta[6:].mean())
    return {
        "a": round(math.exp(theta[0]), 4),
        "b": round(math.exp(theta[1]), 4),
        "c": round(math.hypot(theta[2], theta[3]), 4),
        "phase_day": round(math.atan2(theta[3], theta[2]) / (2 * math.pi) * 365.25 % 365.25, 1),
        "df": round(df, 2),
        "max_lead_days": float(found.lead.max()),
        "city_factor": {code: round(float(f), 4) for code, f in zip(codes, factors, strict=True)},
        "newer_era": round(newest, 4),
    }


def fit_normal(city_code: str, variable: MarketType, settled: Settled, until: int) -> Normal | None:
    """Return the two waves of mean and spread of official values of the thirty years before day ``until``;
    None below MIN_DAYS_OF_NORMAL. ``settled`` is signed, the result is in degrees as reported.
    """
    recent = (settled.day < until) & (settled.day >= until - 30 * 365.2425)
    day, value = settled.day[recent], settled.value[recent]
    if len(day) < MIN_DAYS_OF_NORMAL:
        return None
    value = -value if variable is MarketType.LOW else value
    phase = 2 * np.pi * ((day - 1) % 365.2425 + 1) / 365.2425
    waves = np.column_stack(
        [np.ones(len(day)), np.cos(phase), np.sin(phase), np.cos(2 * phase), np.sin(2 * phase)]
    )
    mean = np.linalg.lstsq(waves, value, rcond=None)[0]
    gap = np.abs(value - (waves * mean).sum(axis=1)) * math.sqrt(math.pi / 2)
    sd = np.linalg.lstsq(waves, gap, rcond=None)[0]
    rounded = [tuple(round(float(v), 4) for v in row) for row in (mean, sd)]
    return Normal.model_validate(
        {"city_code": city_code, "variable": variable, "mean": rounded[0], "sd": rounded[1]}
    )


def fit_sources(
    archive: Archive, variable: MarketType, cities: dict[str, CityConfig], until: int
) -> tuple[SourceFit, ...]:
    """Return the coefficients of every source, city and lead with enough pairs known before day ``until``."""
    found = []
    for code, settled in sorted(archive.settled.items()):
        for lead in LEAD_DAYS:
            instant = instant_of(lead, cities[code])
            for source, table in tables_of(archive, code, lead, cities[code]).items():
                fit = Expert(settled, table, instant).fit_before(until)
                if fit is not None:
                    found.append(
                        SourceFit(
                            city_code=code,
                            source=source,
                            variable=variable,
                            lead_days=lead,
                            location=tuple(round(v, 6) for v in fit.location),
                            log_scale=tuple(round(v, 6) for v in fit.log_scale),
                            pairs=fit.pairs,
                        )
                    )
    return tuple(found)
