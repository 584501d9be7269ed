"""Forecast errors by lead for many places at once: raw, calibrated walk-forward, and climatology of the
same record.

Location and spread are the moments of past errors with forgetting, the same idea as ``emos`` in closed
form, because 113 places x 7 leads leave no time for a likelihood each. Scores are continuous: temperatures
as forecast and observed.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import beta, gammaln, stdtr

from trader.core.forecasting.archive import Floats

HALF_LIFE_DAYS = 60.0
"""Of the adaptive bias and spread; valid 20 to 200."""
MIN_PAIRS = 30
DF = 8.0
CALENDAR_WINDOW_DAYS = 15
SPREAD_PRIOR_F, SPREAD_PRIOR_DAYS = 4.0, 5.0


@dataclass(frozen=True, slots=True)
class LeadScores:
    """Day sums over places: CRPS of each forecaster in degrees, values inside the 80 % interval, how many
    values."""

    raw: Floats
    calibrated: Floats
    climatology: Floats
    covered: Floats
    count: Floats


def score(forecast: Floats, observed: Floats, lead: int) -> LeadScores:
    """Return scores by day of target. Both tables have a row a day and a column a place, NaN where missing.

    The errors of a forecast for day d are known ``lead`` + 1 days after its issue, so those of days up to
    d - lead - 1 serve. Days count once every forecaster can speak; climatology needs the same season of
    the year before.
    """
    days, places = forecast.shape
    decay = 0.5 ** (1 / HALF_LIFE_DAYS)
    weight, first, second, pairs = (np.zeros(places) for _ in range(4))
    rows = np.zeros((days, 5))
    for d in range(days):
        old = d - lead - 1
        if old >= 0:
            error = observed[old] - forecast[old]
            has = np.isfinite(error)
            e = np.where(has, error, 0.0)
            weight, first, second = (decay * s + v for s, v in ((weight, has), (first, e), (second, e * e)))
            pairs += has
        calendar = _calendar(observed, d, lead)
        usable = (
            np.isfinite(forecast[d])
            & np.isfinite(observed[d])
            & (pairs >= MIN_PAIRS)
            & np.isfinite(calendar[0])
        )
        if not usable.any():
            continue
        mean = first[usable] / weight[usable]
        total = np.maximum(second[usable] - weight[usable] * mean**2, 0.0)
        sd = np.sqrt((total + SPREAD_PRIOR_DAYS * SPREAD_PRIOR_F**2) / (weight[usable] + SPREAD_PRIOR_DAYS))
        value, said = observed[d][usable], forecast[d][usable]
        z = (value - said - mean) / (sd * np.sqrt((DF - 2) / DF))
        inside = np.abs(stdtr(DF, z) - 0.5) < 0.4
        by_calendar = crps_t(value, calendar[0][usable], calendar[1][usable])
        sums = (
            np.abs(value - said).sum(),
            crps_t(value, said + mean, sd).sum(),
            by_calendar.sum(),
            inside.sum(),
        )
        rows[d] = (*sums, usable.sum())
    return LeadScores(*rows[rows[:, 4] > 0].T)


def crps_t(value: Floats, mean: Floats, sd: Floats) -> Floats:
    """Return the CRPS of t distributions with DF degrees of freedom, mean and standard deviation, in their
    unit.

    Source: Jordan, Krueger, Lerch, Evaluating probabilistic forecasts with scoringRules, J. Stat. Software
    90 (2019).
    """
    scale = sd * np.sqrt((DF - 2) / DF)
    z = (value - mean) / scale
    constant = np.exp(gammaln((DF + 1) / 2) - gammaln(DF / 2)) / np.sqrt(DF * np.pi)
    density = constant * (1 + z * z / DF) ** (-(DF + 1) / 2)
    spread = 2 * np.sqrt(DF) / (DF - 1) * beta(0.5, DF - 0.5) / beta(0.5, DF / 2) ** 2
    out = z * (2 * stdtr(DF, z) - 1) + 2 * density * (DF + z * z) / (DF - 1) - spread
    return np.asarray(scale * out, dtype=np.float64)


def _calendar(observed: Floats, day: int, lead: int) -> tuple[Floats, Floats]:
    """Return mean and standard deviation by place of the same season in earlier years of this record."""
    centres = [day - round(365.2425 * years) for years in range(1, 1 + day // 350)]
    windows = [observed[max(0, c - CALENDAR_WINDOW_DAYS) : c + CALENDAR_WINDOW_DAYS + 1] for c in centres]
    known = [w[: max(0, day - lead - 1)] for w in windows if len(w)]
    places = observed.shape[1]
    values = np.concatenate(known) if known else np.zeros((0, places))
    count = np.isfinite(values).sum(axis=0)
    enough = count >= CALENDAR_WINDOW_DAYS
    n = np.maximum(count, 1)
    filled = np.where(np.isfinite(values), values, 0.0)
    mean = filled.sum(axis=0) / n
    variance = np.maximum((filled**2).sum(axis=0) / n - mean**2, 1.0)
    return np.where(enough, mean, np.nan), np.sqrt(variance)
