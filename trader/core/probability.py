"""Probability of the settled whole degree: Student t around a location, half-degree edges, observed extremes.

Floats live only in this module and the strategies; what leaves is quantised to millionths that sum to exactly
one. Source: docs/settlement.md, section 4.
"""

import math
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from trader.domain.signals import MILLION, Distribution

Weights = NDArray[np.float64]

REACH_SCALES = 10.0
"""Half width of the support in scales of the fitted t; the tails beyond it are folded into its ends."""
EXCLUDED_SHARE = 0.005
"""Total probability left to values that an observation excludes: a climate report can overrule a sensor.
Prior, valid 0 to 0.05; zero would make one bad sensor cost the whole stake.
"""
LOCKED_UPWARD = (0.45, 0.40, 0.11, 0.04)
"""How far the official extreme ends beyond that of the public hourly reports: 0, 1, 2, 3 degrees. Central
Park, 104 days of 2022 to 2025 that had cooled by 4 degrees at 13:51: 40, 39, 11 and 1 percent, and 7 percent
one degree short. Stations with five-minute reports end nearer."""


def probability_at_least(threshold: int, mean: float, sd: float) -> Decimal:
    """Return P(settled whole degree >= threshold) for a normal forecast error, to six decimals.

    The edge lies half a degree below the threshold, because the settled value is rounded. ``sd`` is in
    degrees Fahrenheit and positive, else ValueError.
    """
    if not sd > 0:
        raise ValueError(f"sd: expected a positive spread, found {sd}; nothing was computed")
    p = 0.5 * math.erfc((threshold - 0.5 - mean) / (sd * math.sqrt(2)))
    return Decimal(round(p * MILLION)) / MILLION


def student(mean: float, sd: float, df: float) -> tuple[int, Weights]:
    """Return (first whole degree, probabilities) of a t distribution with this mean and standard deviation.

    ``df`` must exceed 2 (below it there is no standard deviation) and ``sd`` 0, else ValueError.
    """
    if not (math.isfinite(mean) and sd > 0 and df > 2):
        raise ValueError(f"t distribution: expected sd > 0 and df > 2, found {mean}, {sd}, {df}")
    scale = sd * math.sqrt((df - 2) / df)
    reach = max(20, math.ceil(REACH_SCALES * scale))
    start = round(mean) - reach
    edges = np.arange(start + 0.5, start + 2 * reach + 0.5)
    cumulative = np.concatenate(([0.0], stdtr(df, (edges - mean) / scale), [1.0]))
    return start, np.diff(cumulative)


def condition_at_least(start: int, weights: Weights, observed: int) -> tuple[int, Weights]:
    """Return the distribution given that at least ``observed`` has been seen.

    Values below keep EXCLUDED_SHARE in total (halving per degree downwards), never more than they had. When
    the forecast leaves nothing at or above the observation, what was observed stands as ``locked``.
    """
    cut = observed - start
    if cut <= 0:
        return start, weights
    above = float(weights[cut:].sum())
    if above <= 1e-9:
        return locked(observed)
    share = min(EXCLUDED_SHARE, 1.0 - above)
    out = weights.copy()
    out[:cut] = share * _halving(cut)
    out[cut:] *= (1.0 - share) / above
    return start, out


def overruled(start: int, weights: Weights) -> tuple[int, Weights]:
    """Return the distribution with EXCLUDED_SHARE on up to twelve values below its first, but never below
    zero: what a report says has fallen may still be corrected.
    """
    below = min(start, 12)
    if below <= 0:
        return start, weights
    return start - below, np.concatenate((EXCLUDED_SHARE * _halving(below), (1.0 - EXCLUDED_SHARE) * weights))


def locked(observed: int) -> tuple[int, Weights]:
    """Return the distribution of a day that is over: the observed extreme or a little beyond."""
    below = 12
    tail = np.array(LOCKED_UPWARD) * (1.0 - EXCLUDED_SHARE)
    return observed - below, np.concatenate((EXCLUDED_SHARE * _halving(below), tail))


def mix(first: tuple[int, Weights], second: tuple[int, Weights], weight: float) -> tuple[int, Weights]:
    """Return ``weight`` times the first plus the rest of the second, on their common support."""
    start = min(first[0], second[0])
    stop = max(part[0] + len(part[1]) for part in (first, second))
    out = np.zeros(stop - start)
    for (offset, weights), share in ((first, weight), (second, 1.0 - weight)):
        out[offset - start : offset - start + len(weights)] += share * weights
    return start, out


def quantise(start: int, weights: Weights, *, mean_f: float, sd_f: float) -> Distribution:
    """Return millionths that sum to one million: each rounded, at least one, the remainder to the mode.

    A total in hundredths of an inch has thousands of values, and what their roundings leave over may be more
    than its mode has: beyond a tenth of that the likeliest values bear one each. Raises ValueError for more
    than a million values.
    """
    if len(weights) > MILLION:
        raise ValueError(f"ladder: expected at most {MILLION} values, found {len(weights)}")
    ppm = np.maximum(1, np.rint(weights / weights.sum() * MILLION)).astype(np.int64)
    mode, rest = int(np.argmax(ppm)), MILLION - int(ppm.sum())
    if 10 * abs(rest) <= ppm[mode]:
        ppm[mode] += rest
        rest = 0
    while rest:
        likeliest = np.argsort(-ppm, kind="stable")
        bearing = likeliest[ppm[likeliest] > 1] if rest < 0 else likeliest
        bearing = bearing[: abs(rest)]
        ppm[bearing] += 1 if rest > 0 else -1
        rest = MILLION - int(ppm.sum())
    return Distribution(start=start, ppm=tuple(ppm.tolist()), mean_f=mean_f, sd_f=sd_f)


def _halving(count: int) -> Weights:
    """Weights summing to one that halve with each degree away from the last value."""
    weights = 0.5 ** np.arange(count, 0, -1, dtype=np.float64)
    return np.asarray(weights / weights.sum(), dtype=np.float64)
