"""Standing depth: the recorded capture that holds now, less what we took of it."""

from datetime import datetime

from trader.simulator.world import Levels, World


class Books:
    """Books of one world. What was taken comes back when another book stands (``World.book_id``)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.capture: int | None = None
        self._taken: dict[tuple[str, bool, int], int] = {}
        self._book_ids: dict[str, int] = {}
        self.version: dict[str, int] = {}
        """How often depth was taken in a market's present book."""

    def turn_to(self, now: datetime) -> None:
        capture = self._world.capture_at(now)
        if capture == self.capture:
            return
        self.capture = capture
        for ticker, book_id in tuple(self._book_ids.items()):
            if capture is None or self._world.book_id(capture, ticker) != book_id:
                del self._book_ids[ticker], self.version[ticker]
                self._taken = {key: size for key, size in self._taken.items() if key[0] != ticker}

    def depth(self, ticker: str) -> tuple[Levels, Levels]:
        """Return (YES bids, NO bids) that stand, ascending."""
        recorded = None if self.capture is None else self._world.book(self.capture, ticker)
        if recorded is None:
            return (), ()
        if ticker not in self.version:
            return recorded
        yes, no = (
            tuple(
                (cents, left)
                for cents, size in side
                if (left := size - self._taken.get((ticker, is_yes, cents), 0)) > 0
            )
            for side, is_yes in zip(recorded, (True, False), strict=True)
        )
        return yes, no

    def slip(self, ticker: str) -> tuple[int, int] | None:
        """Return by how many cents YES bids and NO bids are worse to an order; None: nothing is had."""
        return (0, 0) if self.capture is None else self._world.slip(self.capture, ticker)

    def take(self, ticker: str, *, is_yes: bool, cents: int, hundredths: int) -> None:
        """Remove what was taken from a level of YES (or NO) bids shown at ``cents`` of that side."""
        if self.capture is not None:
            self._book_ids[ticker] = self._world.book_id(self.capture, ticker)
        key = (ticker, is_yes, cents)
        self._taken[key] = self._taken.get(key, 0) + hundredths
        self.version[ticker] = self.version.get(ticker, 0) + 1
