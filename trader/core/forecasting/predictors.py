"""What each source said about a day at the instant of decision, as rows of predictors.

Each row reads only issues and reports known at its own instant, whatever else the tables hold.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from trader.core.forecasting.archive import DAY_S, Archive, Floats, Instant, Ints, Issues, Midday, Settled
from trader.core.forecasting.climatology import normal, season

MAX_AGE_S = 24 * 3600
"""The newest issue must not be older; an archive with a hole gives no forecast instead of a stale one."""
OLDER_S = (18 * 3600, 42 * 3600)
"""Ages, counted from the newest issue, whose mean is the second predictor. A whole day centred on 30 hours:
providers stitch models by hour of issue, and a full cycle averages their differing errors out."""
SPREAD_S = 24 * 3600
SPREAD_FLOOR_F = 0.3
UNKNOWN_SPREAD_F = 1.0
"""Stands for the spread of issues where there is only one."""
ANOMALY_UNIT_F = 10.0
"""Departures from the season's normal are counted in this unit, so that one prior fits every coefficient."""
DISAGREEMENT_UNIT_F = 3.0

LOCATION = (
    "one", "cosine", "sine", "older", "others", "anomaly", "anomaly_cosine", "anomaly_sine", "yesterday",
    "has_yesterday", "extreme", "current",
)  # fmt: skip
"""Predictors of location: one, the season, then in degrees Fahrenheit less the anchor: older issues, the
other sources' mean, the anchor's departure from normal (alone and with the season, because a grid point by
the water errs on warm days in spring and not in autumn), yesterday's report less what was said of it, and the
day's own extreme and current temperature. Absent ones are zero, the last two NaN."""
WITHOUT_REPORT = tuple(range(LOCATION.index("extreme")))
WITH_REPORT = tuple(LOCATION.index(n) for n in
                    ("one", "cosine", "sine", "older", "others", "extreme", "current"))  # fmt: skip
"""A report of the very day knows what departures and yesterday only hint at."""


@dataclass(frozen=True, slots=True)
class Predictors:
    """Rows sorted by ``day``. ``anchor`` is the newest forecast; ``floor`` the highest report so far or -inf.

    ``x`` has the columns of LOCATION. ``z`` holds: one, cosine, sine, log of the spread of the last day's
    issues, disagreement with the other sources. Degrees Fahrenheit.
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

    def where(self, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> "Predictors":
        """Return the rows of the mask."""
        return Predictors(*(getattr(self, name)[mask] for name in Predictors.__slots__))

    def row(self, day: int) -> int | None:
        """Return the row of a day, None when the source said nothing in time."""
        i = int(np.searchsorted(self.day, day))
        return i if i < len(self.day) and self.day[i] == day else None


def build(
    archive: Archive, city: str, instant: Instant, usual: Callable[[int], float | None] | None = None
) -> dict[str, Predictors]:
    """Return the rows of every source of the city that ever spoke, by name, a row for each day with a fresh
    issue.

    ``usual`` gives the season's normal of a day; without it the archive's own earlier years do.
    """
    sources = sorted(s for (c, s), rows in archive.issues.items() if c == city and len(rows.day))
    tables = {s: _of_source(archive, city, archive.issues[city, s], instant, usual) for s in sources}
    return {s: _beside_others(s, tables) for s in sources}


def _of_source(
    archive: Archive,
    city: str,
    issues: Issues,
    instant: Instant,
    usual: Callable[[int], float | None] | None,
) -> Predictors:
    midday, settled = archive.midday.get(city), archive.settled.get(city)
    spans = _spans(issues)
    rows: list[tuple[float, ...]] = []
    for day in spans:
        cut = instant.second(day)
        found = _known(issues, spans, day, cut, MAX_AGE_S)
        if found is None:
            continue
        known, value = found
        newest, anchor = int(known[-1]), float(value[-1])
        older, width = lags(known, value)
        lagged = 0.0 if older is None else older - anchor
        spread = UNKNOWN_SPREAD_F if width is None else width
        temp, extreme = _report(midday, day, cut)
        cosine, sine = season(day)
        expected = _usual(settled, usual, day, cut)
        anomaly = 0.0 if expected is None else (anchor - expected) / ANOMALY_UNIT_F
        yesterday = _yesterday(midday, issues, spans, day, cut)
        location = (
            *(1.0, cosine, sine, lagged, 0.0, anomaly, anomaly * cosine, anomaly * sine),
            *(yesterday or 0.0, float(yesterday is not None), extreme - anchor, temp - anchor),
        )
        scale = (1.0, cosine, sine, math.log(spread + SPREAD_FLOOR_F), 0.0)
        rows.append(
            (day, newest, anchor, extreme if math.isfinite(extreme) else -math.inf, *location, *scale)
        )
    width = 4 + len(LOCATION)
    table = np.array(rows, dtype=np.float64).reshape(-1, width + 5)
    whole = table[:, :2].astype(np.int64)
    return Predictors(whole[:, 0], table[:, 2], whole[:, 1], table[:, 3], table[:, 4:width], table[:, width:])


def _usual(
    settled: Settled | None, usual: Callable[[int], float | None] | None, day: int, cut: int
) -> float | None:
    if usual is not None:
        return usual(day)
    return None if settled is None else normal(settled, day, cut)


def _beside_others(source: str, tables: Mapping[str, Predictors]) -> Predictors:
    """Fill in how far the mean of the other sources that spoke lies from this one's anchor."""
    mine = tables[source]
    total, count = np.zeros(len(mine.day)), np.zeros(len(mine.day))
    for name, other in tables.items():
        if name != source:
            _, here, there = np.intersect1d(mine.day, other.day, assume_unique=True, return_indices=True)
            total[here] += other.anchor[there]
            count[here] += 1
    gap = np.where(count > 0, total / np.maximum(count, 1) - mine.anchor, 0.0)
    x, z = mine.x.copy(), mine.z.copy()
    x[:, LOCATION.index("others")] = gap
    z[:, -1] = np.abs(gap) / DISAGREEMENT_UNIT_F
    return replace(mine, x=x, z=z)


def lags(known: Ints, value: Floats) -> tuple[float | None, float | None]:
    """Return (mean of the issues of the day before, standard deviation of those of the last day) as seen from
    the newest of at least one issue; None where there are none, or only the newest itself.
    """
    age = known[-1] - known
    older = value[(age >= OLDER_S[0]) & (age < OLDER_S[1])]
    recent = value[age < SPREAD_S]
    return float(older.mean()) if len(older) else None, float(recent.std()) if len(recent) > 1 else None


Spans = Mapping[int, tuple[int, int]]


def _spans(issues: Issues) -> Spans:
    days, first = np.unique(issues.day, return_index=True)
    ends = np.append(first, len(issues.day))[1:]
    return {d: (s, e) for d, s, e in zip(days.tolist(), first.tolist(), ends.tolist(), strict=True)}


def _known(issues: Issues, spans: Spans, day: int, cut: int, max_age_s: int) -> tuple[Ints, Floats] | None:
    """Return (when known, value) of a day's issues at ``cut``, None when the newest is too old or none is."""
    start, end = spans.get(day, (0, 0))
    stop = start + int(np.searchsorted(issues.known[start:end], cut, side="right"))
    if stop == start or cut - int(issues.known[stop - 1]) > max_age_s:
        return None
    return issues.known[start:stop], issues.value[start:stop]


def _yesterday(midday: Midday | None, issues: Issues, spans: Spans, day: int, cut: int) -> float | None:
    """Return yesterday's extreme so far less the newest forecast of it: how the source errs right now."""
    said = _known(issues, spans, day - 1, cut, MAX_AGE_S + DAY_S // 4)
    extreme = _report(midday, day - 1, cut)[1]
    return None if said is None or not math.isfinite(extreme) else extreme - float(said[1][-1])


def _report(midday: Midday | None, day: int, cut: int) -> tuple[float, float]:
    """Return (temperature, extreme so far) of the day's newest report known at ``cut``, NaN when there is
    none."""
    if midday is None:
        return float("nan"), float("nan")
    start, end = np.searchsorted(midday.day, [day, day + 1])
    known = np.flatnonzero(midday.known[start:end] <= cut)
    if not len(known):
        return float("nan"), float("nan")
    i = int(start) + int(known[-1])
    return float(midday.temp[i]), float(midday.extreme[i])
