"""What one source said about a day at the instant of decision, as a row of predictors; vectorised over all
days."""

from dataclasses import dataclass

import numpy as np

from trader.core.forecasting.archive import Floats, Instant, Ints, Issues, Midday
from trader.core.forecasting.climatology import season

MAX_AGE_S = 24 * 3600
"""The newest issue must not be older; an archive with a hole gives no forecast instead of a stale one."""
OLDER_S = (18 * 3600, 42 * 3600)
"""Ages, counted from the newest issue, whose mean is the second predictor. A whole day centred on 30 hours:
providers stitch models by hour of issue, and a full cycle averages their differing errors out."""
SPREAD_S = 24 * 3600
SPREAD_FLOOR_F = 0.3


@dataclass(frozen=True, slots=True)
class Predictors:
    """Rows sorted by ``day``. ``anchor`` is the newest forecast; ``floor`` the highest report so far or -inf.

    ``x`` holds: one, cosine, sine of the season, older issues minus anchor, highest report minus anchor,
    temperature minus anchor; the last two are NaN when nothing was reported yet. ``z`` holds: one, cosine,
    sine, log of the spread of the last day's issues. Degrees Fahrenheit.
    """

    day: Ints
    anchor: Floats
    issued: Ints
    floor: Floats
    x: Floats
    z: Floats

    @property
    def is_observed(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether a report of the very day was known."""
        return np.isfinite(self.floor)


def build(issues: Issues, midday: Midday | None, instant: Instant) -> Predictors:
    """Return the predictors of every day that has a fresh issue at the instant.

    Each row reads only issues and reports known at its own instant, whatever else the tables hold.
    """
    days, first = np.unique(issues.day, return_index=True)
    ends = np.append(first, len(issues.day))[1:]
    rows: list[tuple[float, ...]] = []
    for day, start, end in zip(days.tolist(), first.tolist(), ends.tolist(), strict=True):
        cut = instant.second(day)
        stop = start + int(np.searchsorted(issues.known[start:end], cut, side="right"))
        if stop == start or cut - int(issues.known[stop - 1]) > MAX_AGE_S:
            continue
        newest, anchor = int(issues.known[stop - 1]), float(issues.value[stop - 1])
        age, value = newest - issues.known[start:stop], issues.value[start:stop]
        older = value[(age >= OLDER_S[0]) & (age < OLDER_S[1])]
        recent = value[age < SPREAD_S]
        spread = float(recent.std()) if len(recent) > 1 else 1.0
        lagged = float(older.mean()) - anchor if len(older) else 0.0
        temp, high = _report(midday, day, cut)
        cosine, sine = season(day)
        location = (1.0, cosine, sine, lagged, high - anchor, temp - anchor)
        rows.append(
            (day, anchor, newest, high, *location, 1.0, cosine, sine, np.log(spread + SPREAD_FLOOR_F))
        )
    table = np.array(rows, dtype=np.float64).reshape(-1, 14)
    floor = np.where(np.isfinite(table[:, 3]), table[:, 3], -np.inf)
    whole = table[:, [0, 2]].astype(np.int64)
    return Predictors(whole[:, 0], table[:, 1], whole[:, 1], floor, table[:, 4:10], table[:, 10:])


def _report(midday: Midday | None, day: int, cut: int) -> tuple[float, float]:
    """Return (temperature, highest so far) of the day's newest report known at ``cut``, NaN when there is
    none."""
    if midday is None:
        return float("nan"), float("nan")
    start, end = np.searchsorted(midday.day, [day, day + 1])
    known = np.flatnonzero(midday.known[start:end] <= cut)
    if not len(known):
        return float("nan"), float("nan")
    i = int(start) + int(known[-1])
    return float(midday.temp[i]), float(midday.high[i])
