"""The distribution a calendar gives: extremes of the same season in earlier years. The floor every forecast
must beat."""

from datetime import date

import numpy as np

from trader.core.forecasting.archive import Floats, Settled
from trader.core.probability import Weights

WINDOW_DAYS = 10
"""Days either side of the calendar day; valid 3 to 30: wider is smoother but flattens the seasons."""
YEARS = 30
"""Latest years that count; the climate of a century ago is not today's."""
KERNEL_SD_F = 2.0
"""Smoothing of the counts, degrees Fahrenheit: about 600 values over 50 degrees leave holes."""
MIN_VALUES = 15
_PAD = 12


def seasonal(settled: Settled, day: int, second: int) -> tuple[int, Weights] | None:
    """Return (first whole degree, probabilities) from values known at ``second``; None below MIN_VALUES."""
    values = _same_season(settled, day, second)
    if len(values) < MIN_VALUES:
        return None
    start = int(values.min()) - _PAD
    grid = np.arange(start, int(values.max()) + _PAD + 1, dtype=np.float64)
    weights = np.exp(-0.5 * ((grid[:, None] - values[None, :]) / KERNEL_SD_F) ** 2).sum(axis=1)
    return start, np.asarray(weights / weights.sum(), dtype=np.float64)


def normal(settled: Settled, day: int, second: int) -> float | None:
    """Return the mean of the same values, degrees Fahrenheit; None below MIN_VALUES."""
    values = _same_season(settled, day, second)
    return float(values.mean()) if len(values) >= MIN_VALUES else None


def _same_season(settled: Settled, day: int, second: int) -> Floats:
    """Only days at least 180 days back count, so that the floor carries no forecast of this very season."""
    first, last = np.searchsorted(settled.day, [day - int(YEARS * 365.2425) - 30, day - 180])
    age = day - settled.day[first:last]
    near = ((age + WINDOW_DAYS) % 365.2425 <= 2 * WINDOW_DAYS) & (settled.known[first:last] <= second)
    return settled.value[first:last][near]


def season(day: int) -> tuple[float, float]:
    """Return cosine and sine of the day's place in the year."""
    angle = 2 * np.pi * date.fromordinal(day).timetuple().tm_yday / 365.25
    return float(np.cos(angle)), float(np.sin(angle))
