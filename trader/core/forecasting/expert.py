"""One source at one instant of the day: its past errors, the fits on them, its word on a day."""

import numpy as np

from trader.core import probability as pr
from trader.core.forecasting import emos
from trader.core.forecasting.archive import Instant, Settled
from trader.core.forecasting.combine import Shape
from trader.core.forecasting.predictors import WITH_REPORT, WITHOUT_REPORT, Predictors
from trader.core.settlement import settled_value

MIN_PAIRS = 30
"""Forecast-outcome pairs a source needs before it may speak; the same floor as MIN_FORECAST_PAIRS."""
REFIT_DAYS = 7
"""Coefficients are fitted once in so many days, on days divisible by it, so that a decision does not
depend on where a run began."""
HALF_LIFE_DAYS = 365.0
"""A pair's weight halves with age: public models are upgraded without notice. Valid 60 to 1000; 180 scores
alike."""
BIAS_HALF_LIFE_DAYS = 20.0
BIAS_PRIOR_PAIRS = 8.0
"""Adaptive bias: weighted mean of the newest residuals, shrunk as if so many residuals of zero had been
seen."""
NORMAL_DF = 1e6
"""A t of so many degrees of freedom is the normal distribution."""

Rows = np.ndarray[tuple[int], np.dtype[np.int64]]


class Expert:
    """One source at one instant: predictors of all days, fits by refit day."""

    def __init__(self, settled: Settled, table: Predictors, instant: Instant) -> None:
        self._instant, self.table = instant, table
        self._fits: dict[tuple[int, bool], emos.Fit | None] = {}
        _, here, there = np.intersect1d(table.day, settled.day, assume_unique=True, return_indices=True)
        self._settled = np.full(len(table.day), np.nan)
        self._known = np.full(len(table.day), np.iinfo(np.int64).max)
        self._settled[here], self._known[here] = settled.value[there], settled.known[there]

    def predict(self, day: int) -> Shape | None:
        """Return the source's distribution before conditioning, None with fewer than MIN_PAIRS pairs."""
        i = self.table.row(day)
        if i is None:
            return None
        is_observed = bool(self.table.is_observed[i])
        fitted = self._fit(day - day % REFIT_DAYS, is_observed=is_observed)
        if fitted is None and is_observed:  # too few days with a report: speak as if there were none
            is_observed = False
            fitted = self._fit(day - day % REFIT_DAYS, is_observed=is_observed)
        if fitted is None:
            return None
        columns = WITH_REPORT if is_observed else WITHOUT_REPORT
        location, sd = fitted.at(self.table.x[i, list(columns)], self.table.z[i])
        if not is_observed:
            location += self._bias(day, fitted)
        return pr.student(float(self.table.anchor[i]) + location, sd, emos.DEGREES_OF_FREEDOM)

    def fit_before(self, day: int) -> emos.Fit | None:
        """Return the coefficients from pairs known at the instant of ``day``, None with fewer than
        MIN_PAIRS."""
        return self._fit(day, is_observed=False)

    def plain_normal(self, day: int) -> Shape | None:
        """Return the newest forecast with the mean and spread of all its known errors, as a normal."""
        i = self.table.row(day)
        past = self._past(day, is_observed=False)
        if i is None or len(past) < MIN_PAIRS:
            return None
        error = self._settled[past] - self.table.anchor[past]
        return pr.student(float(self.table.anchor[i] + error.mean()), float(error.std(ddof=1)), NORMAL_DF)

    def outcome(self, day: int) -> tuple[float, float] | None:
        """Return the cumulative just below and at what settled, None when forecast or outcome is missing."""
        i, shape = self.table.row(day), self.conditioned(day)
        if i is None or shape is None or not np.isfinite(self._settled[i]):
            return None
        start, weights = shape
        place = min(max(0, int(self._settled[i]) - start), len(weights) - 1)
        cumulative = np.minimum(np.cumsum(weights) / weights.sum(), 1.0)
        return float(cumulative[place - 1]) if place else 0.0, float(cumulative[place])

    def conditioned(self, day: int) -> Shape | None:
        """Return ``predict`` given the highest report so far."""
        i, shape = self.table.row(day), self.predict(day)
        return None if i is None or shape is None else condition(shape, float(self.table.floor[i]))

    def pairs(self, day: int) -> int:
        """Return how many forecast-outcome pairs were known at the decision for ``day``."""
        return len(self._past(day, is_observed=False))

    def _past(self, day: int, *, is_observed: bool) -> Rows:
        cut = self._instant.second(day)
        mask = (self._known <= cut) & (self.table.day < day)
        return np.flatnonzero(mask & self.table.is_observed if is_observed else mask)

    def _fit(self, refit_day: int, *, is_observed: bool) -> emos.Fit | None:
        key = (refit_day, is_observed)
        if key not in self._fits:
            rows = self._past(refit_day, is_observed=is_observed)
            self._fits[key] = None if len(rows) < MIN_PAIRS else self._fit_rows(rows, refit_day, is_observed)
        return self._fits[key]

    def _fit_rows(self, rows: Rows, refit_day: int, is_observed: bool) -> emos.Fit:
        anchor = self.table.anchor[rows]
        floor = self.table.floor[rows] - anchor if is_observed else np.full(len(rows), -np.inf)
        columns = list(WITH_REPORT if is_observed else WITHOUT_REPORT)
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
        location = np.einsum("ij,j->i", self.table.x[rows][:, list(WITHOUT_REPORT)], fitted.location)
        residual = self._settled[rows] - self.table.anchor[rows] - location
        weights = 0.5 ** ((day - self.table.day[rows]) / BIAS_HALF_LIFE_DAYS)
        return float((weights * residual).sum() / (weights.sum() + BIAS_PRIOR_PAIRS))


def condition(shape: Shape, floor: float) -> Shape:
    """Return the distribution given the extreme so far (minus infinity: none)."""
    return pr.condition_at_least(*shape, settled_value(floor)) if np.isfinite(floor) else shape
