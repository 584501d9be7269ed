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
from trader.core.forecasting import combine, predictors
from trader.core.forecasting.archive import Archive, Floats, Instant
from trader.core.forecasting.climatology import seasonal
from trader.core.forecasting.combine import Shape
from trader.core.forecasting.expert import Expert, condition
from trader.core.settlement import settled_value
from trader.domain.signals import Distribution

LEARN_DAYS = 120
"""Days back whose outcomes weigh the experts and sharpen or widen their sum."""
CLIMATOLOGY_SHARE = 0.01
"""Of the mixture that the calendar always keeps: the cost of a forecast that is wrong by more than its
tails say."""


@dataclass(frozen=True, slots=True)
class DayForecast:
    """What could be said about one city's extreme. ``None`` where there was not enough data; ``weights`` by
    source, ``sharpening`` the beta parameter of their sum, ``floor_f`` the extreme reported so far."""

    model: Distribution | None
    normal: Distribution | None
    climatology: Distribution | None
    weights: tuple[tuple[str, float], ...]
    sharpening: float
    floor_f: int | None


class Forecaster:
    """Forecasts of one city at one instant of the day."""

    def __init__(self, archive: Archive, city: str, instant: Instant) -> None:
        self._archive, self._city, self.instant = archive, city, instant
        self._outcomes: dict[tuple[str, int], tuple[float, float] | None] = {}

    @cached_property
    def experts(self) -> dict[str, Expert]:
        """The sources of the city, in a fixed order."""
        settled = self._archive.settled.get(self._city)
        if settled is None or not len(settled.day):
            return {}
        tables = predictors.build(self._archive, self._city, self.instant)
        return {source: Expert(settled, table, self.instant) for source, table in tables.items()}

    def forecast(self, day: int) -> DayForecast:
        """Return the distributions for a climate day (ordinal), all from data known at its instant."""
        speaking = {s: shape for s, e in self.experts.items() if (shape := e.conditioned(day)) is not None}
        settled = self._archive.settled.get(self._city)
        calendar = None if settled is None else seasonal(settled, day, self.instant.second(day))
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
            float(e.table.floor[i])
            for s in sources
            if (i := (e := self.experts[s]).table.row(day)) is not None
        ]
        return max(floors, default=-np.inf)

    def _normal(self, day: int) -> Shape | None:
        """The plain normal on the source with the most pairs (the first by name among equals)."""
        found = [e for e in self.experts.values() if e.table.row(day) is not None]
        return max(found, key=lambda e: e.pairs(day)).plain_normal(day) if found else None

    def _learnt(self, day: int, sources: list[str]) -> tuple[dict[str, float], float]:
        """Return shares by source and the sharpening, learnt on days settled by the decision."""
        if not sources:
            return {}, 1.0
        cut = self.instant.second(day)
        settled = self._archive.settled[self._city]
        is_recent = (settled.known <= cut) & (settled.day < day) & (settled.day >= day - LEARN_DAYS)
        recent = settled.day[is_recent]
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


def _quantised(shape: Shape | None) -> Distribution | None:
    if shape is None:
        return None
    start, weights = shape
    values = np.arange(start, start + len(weights), dtype=np.float64)
    share: Floats = weights / weights.sum()
    mean = float((share * values).sum())
    sd = math.sqrt(max(0.0, float((share * (values - mean) ** 2).sum())))
    return pr.quantise(start, weights, mean_f=round(mean, 6), sd_f=round(sd, 6))
