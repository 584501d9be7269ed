"""One day's predictive distribution from what was known at the instant: experts per source, weighed by
their past.

Walk-forward by construction: every number comes from rows of the archive known at the decision (or at the
refit's own earlier instant), and nothing depends on which other days were asked for.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trader.core import probability as pr
from trader.core.forecasting import combine, emos, predictors
from trader.core.forecasting.archive import Archive, Floats, Instant
from trader.core.forecasting.climatology import seasonal
from trader.core.forecasting.combine import Shape
from trader.core.settlement import settled_value
from trader.domain.signals import Distribution

MIN_PAIRS = 30
"""Forecast-outcome pairs a source needs before it may speak; the same floor as MIN_FORECAST_PAIRS."""
REFIT_DAYS = 7
"""Coefficients are fitted once in so many days, on days divisible by it, so that a decision does not
depend on where a run began."""
HALF_LIFE_DAYS = 180.0
"""A pair's weight halves with age: public models are upgraded without notice. Valid 60 to 1000; 365 and
120 score alike."""
BIAS_HALF_LIFE_DAYS = 20.0
BIAS_PRIOR_PAIRS = 8.0
"""Adaptive bias: weighted mean of the newest residuals, shrunk as if so many residuals of zero had been
seen."""
LEARN_DAYS = 120
"""Days back whose outcomes weigh the experts and sharpen or widen their sum."""
CLIMATOLOGY_SHARE = 0.01
"""Of the mixture that the calendar always keeps: the cost of a forecast that is wrong by more than its
tails say."""
NORMAL_DF = 1e6
"""A t of so many degrees of freedom is the normal distribution."""

_PLAIN, _BIASED = (0, 1, 2, 3), (0, 1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class DayForecast:
    """What could be said about one city's high. ``None`` where there was not enough data; ``weights`` by
    source, ``sharpening`` the beta parameter of their sum, ``floor_f`` the highest report so far."""

    model: Distribution | None
    normal: Distribution | None
    climatology: Distribution | None
    weights: tuple[tuple[str, float], ...]
    sharpening: float
    floor_f: int | None


class Expert:
    """One source at one instant: predictors of all days, fits by refit day."""

    def __init__(self, archive: Archive, city: str, source: str, instant: Instant) -> None:
        self._highs = archive.highs[city]
        self._instant = instant
        self.table = predictors.build(archive.issues[city, source], archive.midday.get(city), instant)
        self._fits: dict[tuple[int, bool], emos.Fit | None] = {}
        row = np.searchsorted(self._highs.day, self.table.day)
        row = np.minimum(row, max(0, len(self._highs.day) - 1))
        has = self._highs.day[row] == self.table.day if len(self._highs.day) else np.zeros(len(row), bool)
        self._settled = np.where(has, self._highs.value[row], np.nan) if len(row) else np.zeros(0)
        never = np.iinfo(np.int64).max
        self._known = np.where(has, self._highs.known[row], never) if len(row) else np.zeros(0, np.int64)

    def row(self, day: int) -> int | None:
        """Return the row of a day, None when the source said nothing in time."""
        i = int(np.searchsorted(self.table.day, day))
        return i if i < len(self.table.day) and self.table.day[i] == day else None

    def predict(self, day: int) -> Shape | None:
        """Return the source's distribution before conditioning, None with fewer than MIN_PAIRS pairs."""
        i = self.row(day)
        if i is None:
            return None
        is_observed = bool(self.table.is_observed[i])
        fitted = self._fit(day - day % REFIT_DAYS, is_observed)
        if fitted is None and is_observed:  # too few days with a report: speak as if there were none
            is_observed = False
            fitted = self._fit(day - day % REFIT_DAYS, is_observed)
        if fitted is None:
            return None
        columns = _BIASED if is_observed else _PLAIN
        location, sd = fitted.at(self.table.x[i, list(columns)], self.table.z[i])
        if not is_observed:
            location += self._bias(day, fitted)
        return pr.student(float(self.table.anchor[i]) + location, sd, emos.DEGREES_OF_FREEDOM)

    def plain_normal(self, day: int) -> Shape | None:
        """Return the newest forecast with the mean and spread of all its known errors, as a normal."""
        i = self.row(day)
        past = self._past(day, is_observed=False)
        if i is None or len(past) < MIN_PAIRS:
            return None
        error = self._settled[past] - self.table.anchor[past]
        return pr.student(float(self.table.anchor[i] + error.mean()), float(error.std(ddof=1)), NORMAL_DF)

    def outcome(self, day: int) -> tuple[float, float] | None:
        """Return the cumulative just below and at what settled, None when forecast or outcome is missing."""
        i, shape = self.row(day), self.conditioned(day)
        if i is None or shape is None or not np.isfinite(self._settled[i]):
            return None
        start, weights = shape
        place = min(max(0, int(self._settled[i]) - start), len(weights) - 1)
        cumulative = np.minimum(np.cumsum(weights) / weights.sum(), 1.0)
        return float(cumulative[place - 1]) if place else 0.0, float(cumulative[place])

    def conditioned(self, day: int) -> Shape | None:
        """Return ``predict`` given the highest report so far."""
        i, shape = self.row(day), self.predict(day)
        return None if i is None or shape is None else condition(shape, float(self.table.floor[i]))

    def pairs(self, day: int) -> int:
        """Return how many forecast-outcome pairs were known at the decision for ``day``."""
        return len(self._past(day, is_observed=False))

    def _past(self, day: int, *, is_observed: bool) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        cut = self._instant.second(day)
        mask = (self._known <= cut) & (self.table.day < day)
        return np.flatnonzero(mask & self.table.is_observed if is_observed else mask)

    def _fit(self, refit_day: int, is_observed: bool) -> emos.Fit | None:
        key = (refit_day, is_observed)
        if key not in self._fits:
            rows = self._past(refit_day, is_observed=is_observed)
            self._fits[key] = None if len(rows) < MIN_PAIRS else self._fit_rows(rows, refit_day, is_observed)
        return self._fits[key]

    def _fit_rows(
        self, rows: np.ndarray[tuple[int], np.dtype[np.int64]], refit_day: int, is_observed: bool
    ) -> emos.Fit:
        anchor = self.table.anchor[rows]
        floor = self.table.floor[rows] - anchor if is_observed else np.full(len(rows), -np.inf)
        columns = list(_BIASED if is_observed else _PLAIN)
        age = (refit_day - self.table.day[rows]).astype(np.float64)
        return emos.fit(
            self.table.x[rows][:, columns],
            self.table.z[rows],
            self._settled[rows] - anchor,
            floor,
            0.5 ** (age / HALF_LIFE_DAYS),
        )

    def _bias(self, day: int, fitted: emos.Fit) -> float:
        """Return the recent mean residual that the fit left, degrees Fahrenheit, shrunk towards zero."""
        rows = self._past(day, is_observed=False)
        location = self.table.x[rows][:, list(_PLAIN)] @ np.array(fitted.location)
        residual = self._settled[rows] - self.table.anchor[rows] - location
        weights = 0.5 ** ((day - self.table.day[rows]) / BIAS_HALF_LIFE_DAYS)
        return float(weights @ residual / (weights.sum() + BIAS_PRIOR_PAIRS))


class Forecaster:
    """Forecasts of one city at one instant of the day."""

    def __init__(self, archive: Archive, city: str, instant: Instant) -> None:
        self._archive, self._city, self.instant = archive, city, instant
        self._outcomes: dict[tuple[str, int], tuple[float, float] | None] = {}

    @cached_property
    def experts(self) -> dict[str, Expert]:
        """The sources of the city, in a fixed order."""
        highs = self._archive.highs.get(self._city)
        if highs is None or not len(highs.day):
            return {}
        sources = sorted(
            s for (c, s), rows in self._archive.issues.items() if c == self._city and len(rows.day)
        )
        return {s: Expert(self._archive, self._city, s, self.instant) for s in sources}

    def forecast(self, day: int) -> DayForecast:
        """Return the distributions for a climate day (ordinal), all from data known at its instant."""
        speaking = {s: shape for s, e in self.experts.items() if (shape := e.conditioned(day)) is not None}
        highs = self._archive.highs.get(self._city)
        calendar = None if highs is None else seasonal(highs, day, self.instant.second(day))
        floor = self._floor(day, speaking)
        weights, sharpening = self._learnt(day, list(speaking))
        model = None
        if speaking:
            parts = [(shape, weights[s]) for s, shape in speaking.items()]
            model = combine.transform(combine.mixture(parts), sharpening)
            if calendar is not None:
                rest = condition(calendar, floor)
                model = combine.mixture([(model, 1 - CLIMATOLOGY_SHARE), (rest, CLIMATOLOGY_SHARE)])
        return DayForecast(
            model=_quantised(model),
            normal=_quantised(self._normal(day)),
            climatology=_quantised(calendar),
            weights=tuple((s, round(w, 6)) for s, w in weights.items()),
            sharpening=round(sharpening, 6),
            floor_f=settled_value(floor) if np.isfinite(floor) else None,
        )

    def _floor(self, day: int, sources: Iterable[str]) -> float:
        floors = [
            float(e.table.floor[i]) for s in sources if (i := (e := self.experts[s]).row(day)) is not None
        ]
        return max(floors, default=-np.inf)

    def _normal(self, day: int) -> Shape | None:
        """The plain normal on the source with the most pairs (the first by name among equals)."""
        found = [e for e in self.experts.values() if e.row(day) is not None]
        return max(found, key=lambda e: e.pairs(day)).plain_normal(day) if found else None

    def _learnt(self, day: int, sources: list[str]) -> tuple[dict[str, float], float]:
        """Return shares by source and the sharpening, learnt on days settled by the decision."""
        if not sources:
            return {}, 1.0
        cut = self.instant.second(day)
        highs = self._archive.highs[self._city]
        recent = highs.day[(highs.known <= cut) & (highs.day < day) & (highs.day >= day - LEARN_DAYS)]
        rows = [row for d in recent.tolist() if None not in (row := [self._outcome(s, d) for s in sources])]
        table = np.array(rows, dtype=np.float64).reshape(-1, len(sources), 2)
        shares = combine.shares(table[:, :, 1] - table[:, :, 0])
        summed = np.minimum(np.einsum("s,dse->de", shares, table), 1.0)
        sharpening = combine.sharpening(summed[:, 0], summed[:, 1])
        return dict(zip(sources, shares.tolist(), strict=True)), sharpening

    def _outcome(self, source: str, day: int) -> tuple[float, float] | None:
        key = (source, day)
        if key not in self._outcomes:
            self._outcomes[key] = self.experts[source].outcome(day)
        return self._outcomes[key]


def condition(shape: Shape, floor: float) -> Shape:
    """Return the distribution given a highest report so far (minus infinity: none)."""
    return pr.condition_at_least(*shape, settled_value(floor)) if np.isfinite(floor) else shape


def _quantised(shape: Shape | None) -> Distribution | None:
    if shape is None:
        return None
    start, weights = shape
    values = np.arange(start, start + len(weights), dtype=np.float64)
    share: Floats = weights / weights.sum()
    mean = float(share @ values)
    sd = math.sqrt(max(0.0, float(share @ (values - mean) ** 2)))
    return pr.quantise(start, weights, mean_f=round(mean, 6), sd_f=round(sd, 6))
