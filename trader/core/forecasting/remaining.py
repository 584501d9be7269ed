"""What the rest of a climate day can still do: chances of the extreme, and the extreme already seen.

A forecast error fades in like an Ornstein-Uhlenbeck process: what the thermometer shows now against what was
said of this hour tells of the error ``h`` hours on with correlation exp(-h / MEMORY_H). An extreme that may
fall in several parts of the day (a low at dawn or just before midnight) is the extreme of several chances,
each its own. Temperatures are signed degrees (a low is minus itself), hours count from the day's start.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from trader.core import probability as pr
from trader.core.forecasting.combine import Shape
from trader.core.forecasting.voice import Voice

MEMORY_H = 8.0
"""Hours in which a forecast's error loses its memory; a prior, 4 to 16 are sensible."""
LEAST_SD_F = 0.8
"""However near the extreme is, public temperatures are whole degrees and miss excursions."""
PARTS_H = ((0.0, 6.0), (6.0, 18.0), (18.0, 24.0))
"""Parts of the day whose extremes count as chances of their own."""
BETWEEN_HOURS_F = 2.0
"""The extreme lies beyond the best whole hour by what the source says, but no more than this: late in the day
a source may still show the extreme of hours that have passed."""
PASSED_F_PER_H = 2.0
"""Without an hourly forecast: how fast the best that is left falls off once the usual hour has passed."""
USUAL_HIGH_H, USUAL_LOW_H = 15.0, 6.0
"""Local standard hours at which high and low usually fall."""
EVENING_F, EVENING_WIDER = 5.0, 1.5
"""Without an hourly forecast a low of the evening to come lies so much above dawn's, and is so much less
certain; a prior."""


@dataclass(frozen=True, slots=True)
class Path:
    """Hourly temperatures said of the rest of the day, ``hours`` in local standard time of that day."""

    hours: tuple[float, ...]
    temps: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Chance:
    """The extreme of one part of the day: a t with location, standard deviation and ``df``."""

    location: float
    sd: float
    df: float


def chances(
    voice: Voice, path: Path | None, *, now_h: float, current: float | None, is_low: bool
) -> tuple[Chance, ...]:
    """Return the chances left at hour ``now_h`` (negative: the day is still to come).

    ``current`` is the newest report; with a path it moves each chance by what is left of its error.
    """
    if path is None or not path.hours:
        return _without_path(voice, now_h=now_h, is_low=is_low)
    drift = _drift(path, now_h, current)
    lift = voice.location - voice.anchor + min(BETWEEN_HOURS_F, max(0.0, voice.anchor - max(path.temps)))
    found = []
    for start, end in PARTS_H:
        part = [(t, h) for t, h in zip(path.temps, path.hours, strict=True) if start <= h < end]
        if not part:
            continue
        best, hour = max(part)
        memory = math.exp(-max(0.0, hour - now_h) / MEMORY_H) if drift is not None else 0.0
        location = best + lift + memory * (drift or 0.0)
        found.append(Chance(location, max(LEAST_SD_F, voice.sd * math.sqrt(1 - memory**2)), voice.df))
    return tuple(found)


def _without_path(voice: Voice, *, now_h: float, is_low: bool) -> tuple[Chance, ...]:
    late = max(0.0, now_h - (USUAL_LOW_H if is_low else USUAL_HIGH_H))
    found = [Chance(voice.location - PASSED_F_PER_H * late, voice.sd, voice.df)]
    if is_low and late > 0:
        found.append(Chance(voice.location - EVENING_F, EVENING_WIDER * voice.sd, voice.df))
    return tuple(found)


def _drift(path: Path, now_h: float, current: float | None) -> float | None:
    """Return the newest report less what was said of this hour, None when the path does not cover it."""
    if current is None or not path.hours[0] - 1 <= now_h <= path.hours[-1]:
        return None
    return current - float(np.interp(now_h, path.hours, path.temps))


def is_whole_day(path: Path | None, *, now_h: float, is_low: bool) -> bool:
    """Whether the chances are those of the whole day: without a path, and before the usual hour."""
    return not (path and path.hours) and now_h <= (USUAL_LOW_H if is_low else USUAL_HIGH_H)


def extreme(left: Sequence[Chance], observed: int | None, *, whole_day: bool) -> Shape:
    """Return (first whole degree, probabilities) of the day's extreme from at least one chance.

    ``observed`` is the settled value of the extreme reported so far. Chances of the ``whole_day`` are those
    of the extreme itself, so they are conditioned on it. Chances of the rest of the day compete with it: the
    final report may end a little beyond it (``probability.locked``). Degrees short of it keep the excluded
    share either way.
    """
    reach = max(20, *(math.ceil(pr.REACH_SCALES * c.sd) for c in left))
    start = min(math.floor(c.location) for c in left) - reach
    stop = max(math.ceil(c.location) for c in left) + reach
    if observed is not None:
        start, stop = min(start, observed - 13), max(stop, observed + len(pr.LOCKED_UPWARD))
    edges = np.arange(start + 0.5, stop, 1.0)
    below = np.ones(len(edges))
    for c in left:
        below *= stdtr(c.df, (edges - c.location) / (c.sd * math.sqrt((c.df - 2) / c.df)))
    if observed is not None and not whole_day:
        first, weights = pr.locked(observed)
        seen = np.cumsum(np.concatenate((np.zeros(first - start), weights)))[: len(edges)]
        below[: len(seen)] *= np.minimum(seen, 1.0)
    shape = start, np.diff(np.concatenate(([0.0], below, [1.0])))
    return shape if observed is None else pr.condition_at_least(*shape, observed)
