"""The distribution a calendar gives: highs of the same season in earlier years. The floor every forecast
must beat."""

from datetime import date

import numpy as np

from trader.core.forecasting.archive import Highs
from trader.core.probability import Weights

WINDOW_DAYS = 10
"""Days either side of the calendar day; valid 3 to 30: wider is smoother but flattens the seasons."""
YEARS = 30
"""Latest years that count; the climate of a century ago is not today's."""
KERNEL_SD_F = 2.0
"""Smoothing of the counts, degrees Fahrenheit: about 600 values over 50 degrees leave holes."""
MIN_VALUES = 15
_PAD = 12


def seasonal(highs: Highs, day: int, second: int) -> tuple[int, Weights] | None:
    """Return (first whole degree, probabilities) from values known at ``second``; None below MIN_VALUES.

    Only days at least 180 days back count, so that the floor carries no forecast of this very season.
    """
    age = day - highs.day
    phase = (age + WINDOW_DAYS) % 365.2425
    near = (phase <= 2 * WINDOW_DAYS) & (age > 180) & (age < YEARS * 365.2425 + 30) & (highs.known <= second)
    values = highs.value[near]
    if len(values) < MIN_VALUES:
        return None
    start = int(values.min()) - _PAD
    grid = np.arange(start, int(values.max()) + _PAD + 1, dtype=np.float64)
    weights = np.exp(-0.5 * ((grid[:, None] - values[None, :]) / KERNEL_SD_F) ** 2).sum(axis=1)
    return start, np.asarray(weights / weights.sum(), dtype=np.float64)


def season(day: int) -> tuple[float, float]:
    """Return cosine and sine of the day's place in the year."""
    angle = 2 * np.pi * date.fromordinal(day).timetuple().tm_yday / 365.25
    return float(np.cos(angle)), float(np.sin(angle))
