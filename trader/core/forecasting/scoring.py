"""One settled day scored at its instant: each forecaster's distribution, and its probabilities of the
markets."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trader.core.forecasting import pool, scores
from trader.core.forecasting.archive import Archive, Event, Floats, Instant
from trader.core.forecasting.expert import REFIT_DAYS
from trader.core.forecasting.forecaster import DayForecast, Forecaster
from trader.domain.canonical import canonical_json
from trader.domain.signals import Distribution

CLOSING_LINE_S = 6 * 3600
"""The closing line of a decision is the last price so much later; the price at the very close is the
result."""
MIN_GAP = 0.03
"""Difference from the price from which a forecast counts as a wish to trade; the default minimum edge."""


@dataclass(frozen=True, slots=True)
class Markets:
    """A day's priced brackets. ``probabilities`` by forecaster, a value each; ``logloss`` of the whole
    event."""

    # ``later`` is the closing line, ``age_s`` how old the price was; NaN in a quote: not recorded
    tickers: tuple[str, ...]
    won: Floats
    probabilities: Mapping[str, Floats]
    logloss: Mapping[str, float]
    bid: Floats
    ask: Floats
    later: Floats
    age_s: Floats


@dataclass(frozen=True, slots=True)
class ScoredDay:
    """``crps`` by forecaster in degrees, ``pit`` and ``width80`` of the model, ``markets`` None when
    nothing traded."""

    day: int
    outcome: int | None
    crps: Mapping[str, float]
    pit: float | None
    width80: int | None
    is_observed: bool
    markets: Markets | None


class Walk:
    """Walk-forward decisions of one city at one instant, and their scores."""

    def __init__(self, archive: Archive, city: str, instant: Instant) -> None:
        self._archive, self._city, self._instant = archive, city, instant
        self._forecaster = Forecaster(archive, city, instant)
        self._forecasts: dict[int, DayForecast] = {}
        self._events = archive.events.get(city, {})
        known = {day: event.result_known for day, event in self._events.items()}
        self._pooler = pool.Pooler(self._cells, known)
        settled = archive.settled.get(city)
        self._settled = (
            {} if settled is None else dict(zip(settled.day.tolist(), settled.value.tolist(), strict=True))
        )

    def forecast(self, day: int) -> DayForecast:
        """Return the day's forecast, computed once."""
        if day not in self._forecasts:
            self._forecasts[day] = self._forecaster.forecast(day)
        return self._forecasts[day]

    def score(self, day: int) -> ScoredDay:
        """Return the day's scores; parts without forecast, price or outcome stay empty."""
        found = self.forecast(day)
        named = {"model": found.model, "normal": found.normal, "climatology": found.climatology}
        speaking = {name: d for name, d in named.items() if d is not None}
        outcome = int(self._settled[day]) if day in self._settled else None
        event = self._events.get(day)
        pit = None
        if outcome is not None and found.model is not None:
            pit = scores.randomised_pit(found.model, outcome, float(scores.pit_uniforms([day])[0]))
        return ScoredDay(
            day=day,
            outcome=outcome,
            crps={} if outcome is None else {n: scores.crps(d, outcome) for n, d in speaking.items()},
            pit=pit,
            width80=None if found.model is None else scores.width80(found.model),
            is_observed=found.floor_f is not None,
            markets=None if event is None else self._markets(event, speaking),
        )

    def _cells(self, day: int) -> pool.Cells | None:
        event, found = self._events.get(day), self.forecast(day)
        if event is None or found.model is None:
            return None
        return pool.cells(event, self._archive.prices, found.model, self._instant.second(day))

    def _markets(self, event: Event, speaking: Mapping[str, Distribution]) -> Markets | None:
        second = self._instant.second(event.day)
        # without a model the calendar spreads what unpriced brackets leave; without both there is nothing
        # to compare
        spreader = speaking.get("model") or speaking.get("climatology")
        base = None if spreader is None else pool.cells(event, self._archive.prices, spreader, second)
        if base is None or base.winner is None:
            return None
        ladders = {name: _ladder(event, d) for name, d in speaking.items()}
        ladders["market"] = base.market
        if "model" in speaking:
            refit = event.day - event.day % REFIT_DAYS
            exponents = self._pooler.exponents(refit, self._instant.second(refit))
            ladders["pooled"] = pool.combine(base, exponents)
        keep = np.flatnonzero(np.isfinite(base.last))
        probabilities = {name: ladder[keep] for name, ladder in ladders.items()}
        probabilities["market"] = base.last[keep]
        tickers = tuple(base.tickers[i] for i in keep)
        priced = [self._archive.prices[t] for t in tickers]
        quotes = [p.quote_at(second) or (np.nan, np.nan) for p in priced]
        later = [p.at(second + CLOSING_LINE_S) for p in priced]
        newest = [found for p in priced if (found := p.at(second)) is not None]
        return Markets(
            tickers=tickers,
            won=(keep == base.winner).astype(np.float64),
            probabilities=probabilities,
            logloss={
                n: -float(np.log(max(ladder[base.winner], scores.LEAST))) for n, ladder in ladders.items()
            },
            bid=np.array([q[0] for q in quotes]),
            ask=np.array([q[1] for q in quotes]),
            later=np.array([np.nan if p is None else p[0] for p in later]),
            age_s=np.array([float(second - found[1]) for found in newest]),
        )


def _ladder(event: Event, distribution: Distribution) -> Floats:
    """Return the probabilities of the brackets and of what none covers."""
    inside = [float(distribution.between(b.lo, b.hi)) for b in event.brackets]
    return np.array([*inside, max(0.0, 1.0 - sum(inside))])


def decision_bytes(archive: Archive, city: str, instant: Instant, day: int) -> bytes:
    """Return everything decided about a day in canonical bytes, for the look-ahead detector."""
    walk = Walk(archive, city, instant)
    found = walk.forecast(day)
    event = archive.events.get(city, {}).get(day)
    cell = None
    if event is not None and found.model is not None:
        cell = pool.cells(event, archive.prices, found.model, instant.second(day))
    decided = {
        "model": found.model,
        "normal": found.normal,
        "climatology": found.climatology,
        "weights": list(found.weights),
        "sharpening": found.sharpening,
        "floor_f": found.floor_f,
        "market": None if cell is None else [cell.market.tolist(), cell.typical.tolist()],
    }
    return canonical_json(decided).encode()
