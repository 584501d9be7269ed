"""A recorded world: values as recorded, read from its folder, with nothing in between filled in.

A world knows only facts. Everything that had to be given a shape (JSON, rules text, climate report) is
rendered by ``envelopes`` and ``weather``. Source and traps of each world: its README and docs/worlds.md.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from trader.domain.amounts import UNIT_IN
from trader.domain.errors import ConfigurationError
from trader.domain.types import MarketType

BOOK_LIFE = timedelta(seconds=30)
"""A recorded book is served from its capture until this much later; no one knows what stood after that."""

SETTLEMENT_TIMER_S = 300
_DETERMINED_AFTER = timedelta(days=1, hours=14, minutes=10)
_CREATED_AFTER, _OPENS_AFTER = -timedelta(hours=14, minutes=26), -timedelta(hours=10)
BOUNDS = {"july2026": (datetime(2026, 7, 15, tzinfo=UTC), datetime(2026, 7, 23, 2, tzinfo=UTC))}

Levels = tuple[tuple[int, int], ...]
"""Bids of one side as (price in cents, size in hundredths of a contract), ascending, best last."""


def instant(text: str) -> datetime:
    """Return the aware UTC instant of an RFC 3339 text. Raises ValueError for a text without zone."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"expected an instant with a zone, found {text!r}")
    return value.astimezone(UTC)


@lru_cache(maxsize=1 << 10)
def _on(day: date, offset: timedelta) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + offset


@dataclass(frozen=True, slots=True)
class Market:
    """Terms of one recorded market. ``floor`` and ``cap`` are whole degrees Fahrenheit as listed,
    or whole inches of the month that ends on ``climate_date``; a month's market opens before its first day.

    ``close_at`` is recorded. The other instants follow the observed rhythm (kalshi-api.md 11.4): created
    09:34Z and opened 14:00Z on the day before, determined 14:10Z on the day after, paid 300 s later.
    ``result`` is None when none was recorded: such a market closes and stays closed.
    """

    ticker: str
    event_ticker: str
    series_ticker: str
    city: str
    market_type: MarketType
    climate_date: date
    strike_type: str
    floor: int | None
    cap: int | None
    close_at: datetime
    result: str | None
    settled_value: Decimal | None

    @property
    def is_monthly(self) -> bool:
        return self.market_type in UNIT_IN

    @property
    def _begins(self) -> date:
        return self.climate_date.replace(day=1) if self.is_monthly else self.climate_date

    @property
    def created_at(self) -> datetime:
        return _on(self._begins, _CREATED_AFTER)

    @property
    def open_at(self) -> datetime:
        return _on(self._begins, _OPENS_AFTER)

    @property
    def determined_at(self) -> datetime | None:
        return _on(self.climate_date, _DETERMINED_AFTER) if self.result is not None else None

    @property
    def settled_at(self) -> datetime | None:
        return (
            None if self.determined_at is None else self.determined_at + timedelta(seconds=SETTLEMENT_TIMER_S)
        )


@dataclass(frozen=True, slots=True)
class Temperature:
    """A station's latest temperature as polled, degrees Fahrenheit; the report's own time is unknown."""

    station: str
    polled_at: datetime
    temp_f: Decimal


@dataclass(frozen=True, slots=True)
class EnsembleRow:
    """Highs of one fetch for one target day, degrees Fahrenheit; ``members_f`` may be empty."""

    city: str
    target_date: date
    fetched_at: datetime
    high_f: Decimal
    members_f: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Climate:
    """High and low of a climate day as the climate report gave them, whole degrees Fahrenheit; a low that
    was not recorded is None. ``rain`` and ``snow`` are (day, month to date) as reports write them, and
    ``location`` is that of a report that is not the one of the city's temperatures.
    """

    city: str
    climate_date: date
    high_f: int
    low_f: int | None
    issued_at: datetime
    rain: tuple[str, str] | None = None
    snow: tuple[str, str] | None = None
    location: str | None = None


@dataclass(frozen=True)
class World:
    """One recorded world. ``captures`` are the instants at which order books were recorded, ascending."""

    name: str
    start: datetime
    end: datetime
    markets: Mapping[str, Market]
    captures: tuple[datetime, ...]
    temperatures: Mapping[str, tuple[Temperature, ...]]
    ensemble: Mapping[str, tuple[EnsembleRow, ...]]
    climate: Mapping[str, tuple[Climate, ...]]
    places: Mapping[str, Mapping[str, Any]]
    _group: npt.NDArray[np.uint32]
    _ends: npt.NDArray[np.int64]
    _cents: npt.NDArray[np.uint8]
    _hundredths: npt.NDArray[np.uint32]

    @staticmethod
    def load(name: str) -> "World":
        """Read a world by name. Raises ConfigurationError naming the worlds there are."""
        if name not in BOUNDS:
            raise ConfigurationError(
                f"world: expected one of {', '.join(BOUNDS)}, found {name!r}; nothing was started"
            )
        from trader.simulator.worlds.reading import read_world

        return read_world(name, files("trader.simulator.worlds").joinpath(name), *BOUNDS[name])

    @cached_property
    def events(self) -> Mapping[str, tuple[Market, ...]]:
        """Markets by event ticker, from the lowest bracket to the highest."""
        grouped: dict[str, list[Market]] = {}
        for market in self.markets.values():
            grouped.setdefault(market.event_ticker, []).append(market)
        return {event: tuple(sorted(rows, key=_lower_edge)) for event, rows in sorted(grouped.items())}

    @cached_property
    def series(self) -> Mapping[str, tuple[str, ...]]:
        """Event tickers by series ticker, oldest first."""
        grouped: dict[str, list[Market]] = {}
        for rows in self.events.values():
            grouped.setdefault(rows[0].series_ticker, []).append(rows[0])
        return {
            series: tuple(row.event_ticker for row in sorted(rows, key=lambda row: row.climate_date))
            for series, rows in sorted(grouped.items())
        }

    @cached_property
    def _ticker_numbers(self) -> Mapping[str, int]:
        return {ticker: number for number, ticker in enumerate(self.markets)}

    def capture_at(self, now: datetime) -> int | None:
        """Return the number of the capture that is valid now, or None between captures."""
        number = bisect_right(self.captures, now) - 1
        return number if number >= 0 and now - self.captures[number] <= BOOK_LIFE else None

    def book(self, capture: int, ticker: str) -> tuple[Levels, Levels] | None:
        """Return recorded (YES bids, NO bids) of a market at a capture, None when not recorded there."""
        key = (capture * len(self.markets) + self._ticker_numbers[ticker]) * 2
        sides = tuple(self._side(key + side) for side in (0, 1))
        return (sides[0], sides[1]) if sides[0] or sides[1] else None

    def _side(self, key: int) -> Levels:
        at = int(np.searchsorted(self._group, key))
        if at == len(self._group) or int(self._group[at]) != key:
            return ()
        span = slice(int(self._ends[at - 1]) if at else 0, int(self._ends[at]))
        return tuple(zip(self._cents[span].tolist(), self._hundredths[span].tolist(), strict=True))

    def slip(self, capture: int, ticker: str) -> tuple[int, int] | None:  # noqa: ARG002 - for worlds of quotes
        """By how many cents YES bids and NO bids are worse for an order than they are shown; None when
        nothing can be had of them.

        A recorded book is had as it was recorded.
        """
        return 0, 0

    def book_id(self, capture: int, ticker: str) -> int:  # noqa: ARG002 - for worlds of quotes
        """Name the book that stands: what was taken of it comes back with the next name."""
        return capture

    @property
    def priced_from(self) -> datetime:
        """From when on prices were recorded."""
        return self.captures[0] if self.captures else self.end

    @property
    def fill_words(self) -> tuple[str, ...]:
        """What is assumed of fills, in sentences."""
        return (
            (
                "Orders take the depth that was recorded, at its prices, within 30 s of its capture; what "
                "was taken comes back with the next capture."
            ),
            "Nobody is known to have come to a resting order, so a resting order never fills.",
        )

    def known_by(self, second: int) -> Self:
        """Return the world as far as it was recorded by ``second`` (UTC since 1970): the rest is gone, and
        results that were not determined by then are None.
        """
        at = datetime.fromtimestamp(second, UTC)
        return replace(
            self,
            markets={
                ticker: row
                if row.determined_at is not None and row.determined_at <= at
                else replace(row, result=None, settled_value=None)
                for ticker, row in self.markets.items()
            },
            captures=tuple(capture for capture in self.captures if capture <= at),
            temperatures={
                key: tuple(row for row in rows if row.polled_at <= at)
                for key, rows in self.temperatures.items()
            },
            ensemble={
                key: tuple(row for row in rows if row.fetched_at <= at) for key, rows in self.ensemble.items()
            },
            climate={
                key: tuple(row for row in rows if row.issued_at <= at) for key, rows in self.climate.items()
            },
        )

    @cached_property
    def settlement_instants(self) -> tuple[datetime, ...]:
        """Instants inside the world at which results are determined or paid."""
        moments = {
            at
            for row in self.markets.values()
            for at in (row.determined_at, row.settled_at)
            if at is not None
        }
        return tuple(sorted(at for at in moments if self.start <= at <= self.end))

    @cached_property
    def cycle_instants(self) -> tuple[datetime, ...]:
        """When a trader should look: 5 s after each capture, 60 s after each settlement, every 6 hours.

        Before the first capture there is nothing to see.
        """
        moments = {at + timedelta(seconds=5) for at in self.captures}
        moments |= {at + timedelta(minutes=1) for at in self.settlement_instants}
        steps = int((self.end - self.start) / timedelta(hours=6))
        moments |= {self.start + step * timedelta(hours=6) for step in range(steps + 1)}
        return tuple(sorted(at for at in moments if at >= self.captures[0]))


def _lower_edge(market: Market) -> tuple[int, int]:
    return (market.floor if market.floor is not None else -1000, 1 if market.cap is None else 0)
