"""Rain and snow of the rest of a month: what a station's own record says of its wet days.

A first-order chain of wet and dry days, and gamma amounts on wet days: Richardson, Water Resources Research
17 (1981), with the gamma of Wilks and Wilby, Progress in Physical Geography 23 (1999). Units are those of
reports: hundredths of an inch of rain, tenths of snow. A trace is a dry day, because it adds nothing.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv

from trader.core import probability as pr
from trader.core.forecasting.archive import Floats, Ints
from trader.domain.learned import Depths, WetDays
from trader.domain.types import MarketType

AROUND_DAYS = 20
"""Days before and after a month whose record counts for it; sensible are 0 to 45. Not tuned."""
FEWEST_YEARS = 5
DAYS_A_YEAR = 365.2425
SAID_DAYS = 3
"""Days after today of which a forecast of amounts counts; 1 to 7 are sensible. Some offices give no more, and
no archive of the live source was there to score later ones."""
SAID_SHARE = 0.5
"""What the forecast of a source without proof counts for in the days it covers, the record counts for the
rest; 0 to 1. Not fitted."""
PRIOR_WINDOWS = 10.0
"""Windows of SAID_DAYS days that the belief in a forecast without proof is worth beside what was seen of it;
sensible are 4 to 20. Not fitted."""
SHARES = np.arange(2, 20) / 20
SCALES = np.array([0.15, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4])
_LEAST_WET = 3
_SHAPES = (0.2, 3.0)
_TAIL = 1e-5
_LEAST_P = 1e-7


def fit_depths(
    city_code: str, variable: MarketType, days: Ints, units: Ints, before: int, station: str
) -> Depths | None:
    """Return a station's wet days by month from its record before ordinal ``before``; None below
    FEWEST_YEARS.

    ``days`` are ordinals, ascending, ``units`` the amounts, traces zero; days that are missing break the
    chain.
    """
    found = [wet_days(days, units, before, month) for month in range(1, 13)]
    months = tuple(wet for wet in found if wet is not None)
    if len(months) < len(found):
        return None
    years = round(int((days < before).sum()) / DAYS_A_YEAR, 1)
    return Depths(city_code=city_code, variable=variable, station=station, years=years, months=months)


def wet_days(days: Ints, units: Ints, before: int, month: int) -> WetDays | None:
    """Return one month of what ``fit_depths`` gives; None below FEWEST_YEARS of days."""
    past = days < before
    days, units = days[past], units[past]
    if len(days) < FEWEST_YEARS * DAYS_A_YEAR:
        return None
    follows = np.flatnonzero(np.diff(days) == 1) + 1
    return _wet_days(units, follows[_near(days[follows], month)])


def _near(days: Ints, month: int) -> NDArray[np.bool_]:
    """Whether each day lies in the calendar month of any year or within AROUND_DAYS of it."""
    near = np.zeros(len(days), dtype=np.bool_)
    first, last = (date.fromordinal(int(d)).year for d in (days[0], days[-1]))
    for year in range(first, last + 2):
        start = date(year, month, 1)
        edges = (start.toordinal() - AROUND_DAYS, last_day(start).toordinal() + AROUND_DAYS + 1)
        lo, hi = np.searchsorted(days, edges)
        near[lo:hi] = True
    return near


def _wet_days(units: Ints, rows: Ints) -> WetDays:
    """Half a day of either kind is added to each count, so that no chance is ever zero or one."""
    wet, after_wet = units[rows] > 0, units[rows - 1] > 0
    amounts = units[rows][wet].astype(np.float64).tolist()
    mean, shape = 1.0, 1.0
    if len(amounts) >= _LEAST_WET:
        mean = math.fsum(amounts) / len(amounts)
        variance = math.fsum((a - mean) ** 2 for a in amounts) / len(amounts)
        shape = min(max(mean * mean / max(variance, 1e-9), _SHAPES[0]), _SHAPES[1])
    return WetDays(
        after_dry=round((int((wet & ~after_wet).sum()) + 0.5) / (int((~after_wet).sum()) + 1.0), 6),
        after_wet=round((int((wet & after_wet).sum()) + 0.5) / (int(after_wet.sum()) + 1.0), 6),
        shape=round(shape, 6),
        scale=round(mean / shape, 6),
    )


@lru_cache(maxsize=512)
def rest_of_month(wet: WetDays, days: int, was_wet: bool | None) -> Floats:
    """Return the probabilities of 0, 1, 2, ... units in all of the next ``days`` days, summing to one.

    ``was_wet`` is the day before, None where it is not known. The sum of k wet days is a gamma of k times the
    shape, so only their number has to be counted. The last value holds the tail above it, at most one in a
    hundred thousand. Callers must not write into the array: it is kept.
    """
    counts = _counts(wet, days, was_wet)
    most = max(k for k in range(days + 1) if counts[k:].sum() > _TAIL / 2 or k == 0)
    end = 0.0 if not most else float(gammaincinv(wet.shape * most, 1 - _TAIL / 2)) * wet.scale
    edges = np.arange(math.ceil(end) + 1) + 0.5
    below = np.full(len(edges), counts[0])
    for k in range(1, days + 1):
        below += counts[k] * gammainc(wet.shape * k, edges / wet.scale)
    below[-1] = 1.0
    return np.diff(np.concatenate(([0.0], below)))


@dataclass(frozen=True, slots=True)
class Trust:
    """How a source's amounts are believed: ``share`` is what they count for beside the record, ``scale`` the
    factor on the scale of the record's wet days with which they scatter. The default is that of a source of
    which nothing is proven.
    """

    share: float = SAID_SHARE
    scale: float = 1.0


UNPROVEN = Trust()


@dataclass(frozen=True, slots=True)
class Said:
    """What a forecast says of some of the days left: ``units`` in ``days`` days, ``before`` others come
    first.
    """

    before: int
    days: int
    units: float


@lru_cache(maxsize=512)
def rest_as_said(
    wet: WetDays, days: int, was_wet: bool | None, said: Said, trust: Trust = UNPROVEN
) -> Floats:
    """Return what ``rest_of_month`` does, half of it or as ``trust`` says by a forecast of some of the days.

    The forecast tells how much, the record how uneven: the days it covers bring a gamma of the forecast's
    mean and of the scale of the record's wet days, so that little is mostly nothing and sometimes much. The
    days around them are the record's.
    """
    later = rest_of_month(wet, days - said.before - said.days, None)
    around = _summed(rest_of_month(wet, said.before, was_wet), later)
    amount, recorded = _amount(said.units, wet.scale * trust.scale), rest_of_month(wet, days, was_wet)
    return pr.mix((0, _summed(around, amount)), (0, recorded), trust.share)[1]


def likelihoods(wet: WetDays, units: float, outcome: int) -> Floats:
    """Return the log likelihood of what fell in SAID_DAYS days, by share (rows) and scale, of a forecast of
    ``units`` for them.
    """
    record = rest_of_month(wet, SAID_DAYS, None)
    recorded = float(record[outcome]) if outcome < len(record) else 0.0
    if units > 0:
        scales = wet.scale * SCALES
        edges = [gammainc(units / scales, max(0.0, outcome + half) / scales) for half in (-0.5, 0.5)]
        told = edges[1] - edges[0]
    else:
        told = np.full(len(SCALES), float(outcome == 0))
    mixed = SHARES[:, None] * told[None, :] + (1 - SHARES[:, None]) * recorded
    return np.asarray(np.log(np.maximum(mixed, _LEAST_P)))


def trust_of(likelihood: Floats) -> Trust:
    """Return the likeliest trust by the sum of ``likelihoods`` of one window a day.

    Windows of consecutive days share all days but one, so a day counts as a part of a window. The prior is
    UNPROVEN: a beta of the share worth PRIOR_WINDOWS windows, and a factor e on the scale as its standard
    deviation. Source: maximum a posteriori on a grid, so that it is repeatable to the bit.
    """
    of_share = PRIOR_WINDOWS * (SAID_SHARE * np.log(SHARES) + (1 - SAID_SHARE) * np.log(1 - SHARES))
    posterior = likelihood / SAID_DAYS + of_share[:, None] - np.log(SCALES)[None, :] ** 2 / 2
    row, column = np.unravel_index(int(posterior.argmax()), posterior.shape)
    return Trust(float(SHARES[row]), float(SCALES[column]))


def _amount(units: float, scale: float) -> Floats:
    """Return the probabilities of 0, 1, 2, ... units of a gamma with this mean and scale."""
    if units <= 0:
        return np.ones(1)
    end = float(gammaincinv(units / scale, 1 - _TAIL / 2)) * scale
    edges = np.arange(math.ceil(end) + 1) + 0.5
    below = np.asarray(gammainc(units / scale, edges / scale))
    below[-1] = 1.0
    return np.diff(np.concatenate(([0.0], below)))


def _summed(one: Floats, other: Floats) -> Floats:
    """Return the distribution of a sum, the tail cut as in ``rest_of_month``. Added up in a fixed order: a
    library's convolution may add in another on another processor.
    """
    short, long = sorted((one, other), key=len)
    out = np.zeros(len(one) + len(other) - 1)
    for n, p in enumerate(short.tolist()):
        out[n : n + len(long)] += p * long
    last = int(np.searchsorted(np.cumsum(out), 1 - _TAIL / 2))
    return np.append(out[:last], out[last:].sum())


def _counts(wet: WetDays, days: int, was_wet: bool | None) -> Floats:
    """Return the probabilities of 0 to ``days`` wet days."""
    often = wet.after_dry / (1 + wet.after_dry - wet.after_wet)
    start = often if was_wet is None else float(was_wet)
    ended_dry, ended_wet = np.zeros(days + 1), np.zeros(days + 1)
    ended_dry[0], ended_wet[0] = 1 - start, start
    for _ in range(days):
        rises = np.zeros(days + 1)
        rises[1:] = (ended_dry * wet.after_dry + ended_wet * wet.after_wet)[:-1]
        ended_dry = ended_dry * (1 - wet.after_dry) + ended_wet * (1 - wet.after_wet)
        ended_wet = rises
    return np.asarray(ended_dry + ended_wet, dtype=np.float64)


def last_day(day: date) -> date:
    """Return the last day of a day's month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
