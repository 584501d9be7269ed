"""Proper scores, calibration and intervals. Probabilities are 0 to 1, temperatures whole degrees
Fahrenheit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from trader.core.forecasting.archive import Floats
from trader.core.forecasting.chance import uniforms
from trader.domain.signals import MILLION, Distribution

REPLICATES = 2000
SEED = 20240201
"""Of the resampling and of the randomised PIT: any number serves, but always the same."""
INTERVAL = (0.025, 0.975)
LEAST = 1e-6
"""Least probability whose logarithm is taken."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval from resampling whole days."""

    value: float
    lo: float
    hi: float


def crps(distribution: Distribution, outcome: int) -> float:
    """Return the continuous ranked probability score in degrees of a distribution over whole degrees.

    Source: Hersbach, Weather and Forecasting 15 (2000): the integral of (F - step)^2, a sum for whole values.
    """
    cumulative = np.cumsum(np.array(distribution.ppm)) / MILLION
    values = np.arange(distribution.start, distribution.start + len(cumulative))
    beyond = max(0, outcome - int(values[-1])) + max(0, distribution.start - outcome)
    return float(((cumulative - (values >= outcome)) ** 2)[:-1].sum()) + beyond


def randomised_pit(distribution: Distribution, outcome: int, uniform: float) -> float:
    """Return where the outcome fell in the distribution, spread evenly over its whole degree: uniform when
    calibrated.

    Source: Czado, Gneiting, Held, Biometrics 65 (2009).
    """
    place = outcome - distribution.start
    below = sum(distribution.ppm[: max(0, place)])
    here = distribution.ppm[place] if 0 <= place < len(distribution.ppm) else 0
    return (below + uniform * here) / MILLION


def pit_uniforms(days: Sequence[int]) -> Floats:
    """Return one repeatable uniform a day, the same whichever other days are scored."""
    return np.array([uniforms(SEED + day, 1)[0] for day in days])


def coverage_band(days: int, level: float = 0.8) -> tuple[float, float]:
    """Return the shares between which the coverage of a calibrated interval lies with 95 % probability."""
    counts = np.arange(days + 1)
    cumulative = bdtr(counts, days, level)
    lo, hi = (int(np.searchsorted(cumulative, edge)) for edge in INTERVAL)
    return lo / days, hi / days


def width80(distribution: Distribution) -> int:
    """Return the width of the central 80 % interval in degrees: sharpness."""
    return distribution.quantile(0.9) - distribution.quantile(0.1)


def bootstrap(total: Floats, count: Floats | None = None) -> Estimate:
    """Return sum(total) / sum(count) over days (count one each when None) with its interval by resampling
    days.

    All markets of a day stay together, because one temperature decides them. Raises ValueError for no days.
    """
    if not len(total):
        raise ValueError("bootstrap: expected at least one day, found none; nothing was computed")
    count = np.ones(len(total)) if count is None else count
    days = len(total)
    picks = (uniforms(SEED, REPLICATES * days) * days).astype(np.int64).reshape(REPLICATES, days)
    means = total[picks].sum(axis=1) / count[picks].sum(axis=1)
    lo, hi = np.quantile(means, INTERVAL)
    return Estimate(float(total.sum() / count.sum()), float(lo), float(hi))


@dataclass(frozen=True, slots=True)
class Bin:
    """Markets whose probability fell in [lo, hi): mean probability, share that won, how many."""

    lo: float
    hi: float
    mean: float
    won: float
    count: int


def reliability(probabilities: Floats, won: Floats, bins: int = 10) -> list[Bin]:
    """Return the filled bins of equal width; the last includes one."""
    place = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    return [
        Bin(i / bins, (i + 1) / bins, float(probabilities[m].mean()), float(won[m].mean()), int(m.sum()))
        for i in range(bins)
        if (m := place == i).any()
    ]
