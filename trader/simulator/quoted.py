"""A world of which only best prices were recorded: quotes or trades, no depth. Fills are conservative.

Shown is the newest quote; an order gets the worse of it and of the next one, and nothing when no next one
came in time. So an order never does better than the market did right after it, and everything a fill depends
on is known before the next cycle decides.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trader.simulator.world import BOOK_LIFE, Climate, EnsembleRow, Levels, Market, Temperature, World

Ints = NDArray[np.int64]

SHOWN_FOR_S = 600
"""Seconds for which a quote is shown; 95 of 100 recorded quotes of December 2025 were replaced sooner. Longer
shows prices that may be gone, shorter leaves gaps in which nothing is decided."""
WARM_UP_EVERY = timedelta(hours=6)
"""How often the trader looks while there are no prices: one forecast issue is kept each six hours."""


@dataclass(frozen=True, slots=True)
class Quotes:
    """Best YES bid and ask of one market in whole cents, ascending by UTC second; 0 is an empty side."""

    second: Ints
    bid: Ints
    ask: Ints

    def known_by(self, second: int) -> "Quotes":
        end = int(np.searchsorted(self.second, second, side="right"))
        return Quotes(self.second[:end], self.bid[:end], self.ask[:end])

    @property
    def book_ids(self) -> Ints:
        """For each row, the row at which its prices began to stand."""
        rows = np.arange(len(self.second))
        moved = np.ones(len(rows), dtype=bool)
        moved[1:] = (np.diff(self.bid) != 0) | (np.diff(self.ask) != 0)
        return np.maximum.accumulate(np.where(moved, rows, 0))


@dataclass(frozen=True, slots=True)
class Depth:
    """Recorded books of one market: UTC seconds, ascending, and (YES bids, NO bids) at each."""

    second: tuple[int, ...]
    books: tuple[tuple[Levels, Levels], ...]

    def known_by(self, second: int) -> "Depth":
        end = bisect_right(self.second, second)
        return Depth(self.second[:end], self.books[:end])


@dataclass(frozen=True)
class QuotedWorld(World):
    """A world of quotes, and of full books where some were recorded. A capture is a UTC second.

    ``depth_hundredths`` is assumed to stand at each quoted price, in hundredths of a contract. A fill needs
    the next quote within ``confirm_s`` seconds, which is less than ``every_s`` between two cycles.
    ``trade_from`` and ``trade_to`` bound the cycles that have prices; before them forecasts are learnt from.
    ``notes`` are further sentences on what was assumed.
    """

    quotes: Mapping[str, Quotes]
    depth: Mapping[str, Depth]
    depth_hundredths: int
    every_s: int
    trade_from: datetime
    trade_to: datetime
    notes: tuple[str, ...] = ()

    @property
    def confirm_s(self) -> int:
        return self.every_s - 1

    @property
    def priced_from(self) -> datetime:
        return self.trade_from

    def capture_at(self, now: datetime) -> int | None:
        return int(now.timestamp()) if self.trade_from <= now <= self.trade_to else None

    def book(self, capture: int, ticker: str) -> tuple[Levels, Levels] | None:
        """Return the recorded book while it is younger than 30 s, else one level a side as quoted."""
        if (recorded := self._recorded(capture, ticker)) is not None:
            return recorded
        row = self._row(capture, ticker)
        if row is None:
            return None
        quotes, size = self.quotes[ticker], self.depth_hundredths
        bid, ask = int(quotes.bid[row]), int(quotes.ask[row])
        yes = ((bid, size),) if 0 < bid < 100 else ()
        no = ((100 - ask, size),) if 0 < ask < 100 else ()
        return (yes, no) if yes or no else None

    def slip(self, capture: int, ticker: str) -> tuple[int, int] | None:
        if self._recorded(capture, ticker) is not None:
            return 0, 0
        row = self._row(capture, ticker)
        if row is None:
            return None
        quotes, after = self.quotes[ticker], row + 1
        if after == len(quotes.second) or int(quotes.second[after]) - capture > self.confirm_s:
            return None
        bids, asks = quotes.bid[row : after + 1].tolist(), [ask or 100 for ask in quotes.ask[row : after + 1]]
        return max(0, bids[0] - bids[1]), max(0, int(asks[1]) - int(asks[0]))

    def book_id(self, capture: int, ticker: str) -> int:
        if self._recorded(capture, ticker) is not None:
            return -self._depth_row(capture, ticker) - 2
        row = self._row(capture, ticker)
        return -1 if row is None else int(self._book_ids[ticker][row])

    def _row(self, capture: int, ticker: str) -> int | None:
        quotes = self.quotes.get(ticker)
        if quotes is None:
            return None
        row = int(np.searchsorted(quotes.second, capture, side="right")) - 1
        return row if row >= 0 and capture - int(quotes.second[row]) <= SHOWN_FOR_S else None

    def _depth_row(self, capture: int, ticker: str) -> int:
        return bisect_right(self.depth[ticker].second, capture) - 1

    def _recorded(self, capture: int, ticker: str) -> tuple[Levels, Levels] | None:
        depth = self.depth.get(ticker)
        if depth is None or (row := self._depth_row(capture, ticker)) < 0:
            return None
        return depth.books[row] if capture - depth.second[row] <= BOOK_LIFE.total_seconds() else None

    @cached_property
    def _book_ids(self) -> Mapping[str, Ints]:
        return {ticker: quotes.book_ids for ticker, quotes in self.quotes.items()}

    @property
    def fill_words(self) -> tuple[str, ...]:
        said = [
            (
                f"No depth was recorded with a quote: {self.depth_hundredths / 100:g} contracts are assumed "
                "to stand at each quoted price, and what was taken does not come back before the quote "
                "changes."
            ),
            (
                f"An order gets the worse of the quote it saw (at most {SHOWN_FOR_S // 60} minutes old) and "
                f"of the next one recorded within {self.confirm_s} s after it; without a next one it gets "
                "nothing."
            ),
            "A resting order never fills: nobody is known to have come to it.",
        ]
        if self.depth:
            said.append("Where full books were recorded, orders take that depth within 30 s of the capture.")
        return (*said, *self.notes)

    def known_by(self, second: int) -> Self:
        cut = super().known_by(second)
        return replace(
            cut,
            quotes={ticker: rows.known_by(second) for ticker, rows in self.quotes.items()},
            depth={ticker: rows.known_by(second) for ticker, rows in self.depth.items()},
        )

    @cached_property
    def cycle_instants(self) -> tuple[datetime, ...]:
        """Each ``every_s`` while a quote is shown, 5 s after each full book, 60 s after each settlement, and
        every six hours throughout.
        """
        moments = {at + timedelta(minutes=1) for at in self.settlement_instants}
        steps = int((self.end - self.start) / WARM_UP_EVERY)
        moments |= {self.start + step * WARM_UP_EVERY for step in range(steps + 1)}
        seconds = [rows.second for rows in self.quotes.values()]
        told = np.unique(np.concatenate(seconds)) if seconds else np.zeros(0, np.int64)
        first, last = (int(at.timestamp()) for at in (self.trade_from, self.trade_to))
        grid = np.arange(-(-first // self.every_s) * self.every_s, last + 1, self.every_s)
        if len(told):
            newest = np.searchsorted(told, grid, side="right") - 1
            is_shown = (newest >= 0) & (grid - told[np.maximum(newest, 0)] <= SHOWN_FOR_S)
            moments |= {datetime.fromtimestamp(int(at), UTC) for at in grid[is_shown]}
        books = {second for rows in self.depth.values() for second in rows.second if first <= second <= last}
        moments |= {datetime.fromtimestamp(second + 5, UTC) for second in books}
        return tuple(sorted(at for at in moments if self.start <= at <= self.end))


def quoted_world(
    *,
    name: str,
    start: datetime,
    end: datetime,
    markets: Sequence[Market],
    temperatures: Mapping[str, tuple[Temperature, ...]],
    ensemble: Mapping[str, tuple[EnsembleRow, ...]],
    climate: Mapping[str, tuple[Climate, ...]],
    places: Mapping[str, Mapping[str, Any]],
    **recorded: Any,
) -> QuotedWorld:
    """Build a world of quotes; ``recorded`` are the fields that ``QuotedWorld`` adds."""
    nothing = np.zeros(0, np.uint32)
    return QuotedWorld(
        name=name,
        start=start,
        end=end,
        markets={row.ticker: row for row in sorted(markets, key=lambda row: row.ticker)},
        captures=(),
        temperatures=temperatures,
        ensemble=ensemble,
        climate=climate,
        places=places,
        _group=nothing,
        _ends=nothing.astype(np.int64),
        _cents=nothing.astype(np.uint8),
        _hundredths=nothing,
        **recorded,
    )
