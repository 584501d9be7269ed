"""What was recorded, each value with the instant from which it could be known; the only data a forecast
may use.

Days are proleptic ordinals (date.toordinal), instants whole seconds of UTC since 1970, temperatures degrees
Fahrenheit. Columns instead of objects: an archive of hourly issues has hundreds of thousands of values.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trader.domain.errors import ConfigurationError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY_S = 86_400
EPOCH = date(1970, 1, 1).toordinal()
REPORT_DELAY_S = 6 * 3600
"""From the end of the climate day until its final report counts as known. The latest usual first final of
the ten stations comes 4.4 hours after the end (Miami); a shorter value would let a forecast see a report
too early."""
RESULT_DELAY_S = 12 * 3600
"""The same for the exchange's result."""
QUOTE_AGE_S = 30 * 60
"""A bid and ask older than this is not executable."""
TRADES, TRADE_HALF_LIFE_S = 20, 7 * 60.0
"""How many of the newest trades are averaged, and how fast they lose weight; 1 to 15 minutes are sensible:
longer and the mean lags behind the market."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows sorted by day, then by when they became known."""

    day: Ints
    known: Ints

    def known_by(self, second: int) -> Self:
        """Return the rows that could be known at ``second``."""
        mask = self.known <= second
        return type(self)(*(getattr(self, f.name)[mask] for f in fields(self)))


@dataclass(frozen=True, slots=True)
class Issues(Columns):
    """Forecast extremes of one source for one city: target day, when known, value."""

    value: Floats


@dataclass(frozen=True, slots=True)
class Settled(Columns):
    """Official extremes in whole degrees."""

    value: Floats


@dataclass(frozen=True, slots=True)
class Midday(Columns):
    """One report in the course of the day: temperature, and the day's extreme so far."""

    temp: Floats
    extreme: Floats


@dataclass(frozen=True, slots=True)
class Prices(Columns):
    """Prices of one YES contract as probabilities; ``bid`` and ``ask`` are NaN where only a trade was
    recorded."""

    last: Floats
    bid: Floats
    ask: Floats

    def at(self, second: int) -> tuple[float, int] | None:
        """Return (last price, when known) of the newest row at ``second``, None before the first."""
        i = int(np.searchsorted(self.known, second, side="right")) - 1
        return None if i < 0 else (float(self.last[i]), int(self.known[i]))

    def typical_at(self, second: int) -> float | None:
        """Return the newest quote's middle, or the mean of the newest trades, the older the less.

        One trade is at the bid or at the ask; several are nearer to what the contract is held worth.
        """
        stop = int(np.searchsorted(self.known, second, side="right"))
        if not stop:
            return None
        rows = slice(max(0, stop - TRADES), stop)
        age = self.known[stop - 1] - self.known[rows]
        weight = 0.5 ** (age / TRADE_HALF_LIFE_S) * np.isnan(self.ask[rows])
        if not weight[-1]:
            return float(self.last[stop - 1])
        return float((weight * self.last[rows]).sum() / weight.sum())

    def quote_at(self, second: int) -> tuple[float, float] | None:
        """Return (bid, ask) of the newest quote not older than QUOTE_AGE_S, None when there is none."""
        rows = np.flatnonzero(
            np.isfinite(self.ask) & (self.known <= second) & (self.known > second - QUOTE_AGE_S)
        )
        return (float(self.bid[rows[-1]]), float(self.ask[rows[-1]])) if len(rows) else None


@dataclass(frozen=True, slots=True)
class Bracket:
    """One market: whole degrees ``lo`` to ``hi`` win (None is an open end); ``won`` None when never
    published."""

    ticker: str
    lo: int | None
    hi: int | None
    won: bool | None


@dataclass(frozen=True, slots=True)
class Event:
    """The brackets of one day. ``result_known`` is when their results count as known."""

    city: str
    day: int
    brackets: tuple[Bracket, ...]
    result_known: int


@dataclass(frozen=True)
class Archive:
    """Everything recorded of the daily highs, or of the daily lows with every temperature negated: a low is
    the high of minus the temperature, so all that is proven for highs holds for lows.

    ``issues`` by (city, source), the rest by city, prices by ticker.
    """

    issues: Mapping[tuple[str, str], Issues] = field(default_factory=dict)
    settled: Mapping[str, Settled] = field(default_factory=dict)
    midday: Mapping[str, Midday] = field(default_factory=dict)
    events: Mapping[str, Mapping[int, Event]] = field(default_factory=dict)
    prices: Mapping[str, Prices] = field(default_factory=dict)

    def known_by(self, second: int) -> "Archive":
        """Return the archive as it stood at ``second``: later values are gone, results not yet published
        None."""
        return Archive(
            issues={k: v.known_by(second) for k, v in self.issues.items()},
            settled={k: v.known_by(second) for k, v in self.settled.items()},
            midday={k: v.known_by(second) for k, v in self.midday.items()},
            events={
                city: {day: _as_of(event, second) for day, event in events.items()}
                for city, events in self.events.items()
            },
            prices={k: v.known_by(second) for k, v in self.prices.items()},
        )


def _as_of(event: Event, second: int) -> Event:
    if event.result_known <= second:
        return event
    hidden = tuple(Bracket(b.ticker, b.lo, b.hi, None) for b in event.brackets)
    return Event(event.city, event.day, hidden, event.result_known)


@dataclass(frozen=True, slots=True)
class Instant:
    """A time of decision relative to the climate date, for example 23Z-1: 23:00 UTC on the day before."""

    name: str
    offset_h: int

    def second(self, day: int) -> int:
        """Return the decision's UTC second for a climate day."""
        return (day - EPOCH) * DAY_S + self.offset_h * 3600


def parse_instant(text: str) -> Instant:
    """Return the instant that ``text`` (``12Z``, ``23Z-1``) names. Raises ConfigurationError for other
    forms."""
    found = re.fullmatch(r"(\d{1,2})Z(?:-(\d))?", text.strip())
    if found is None or int(found[1]) > 23:
        raise ConfigurationError(
            f"--at: expected hours such as 23Z-1,12Z,18Z, found {text!r}; nothing was evaluated"
        )
    return Instant(text.strip(), int(found[1]) - 24 * int(found[2] or 0))
