"""Standing depth: the recorded capture that holds now, less what we took of it."""

from datetime import datetime

from trader.simulator.world import Levels, World


class Books:
    """Books of one world. A new capture brings back what was taken of the one before."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.capture: int | None = None
        self._taken: dict[tuple[str, bool, int], int] = {}
        self.version: dict[str, int] = {}
        """How often depth was taken in a market since the capture."""

    def turn_to(self, now: datetime) -> None:
        capture = self._world.capture_at(now)
        if capture != self.capture:
            self.capture = capture
            self._taken.clear()
            self.version.clear()

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

    def take(self, ticker: str, *, is_yes: bool, cents: int, hundredths: int) -> None:
        """Remove what was taken from a level of YES (or NO) bids at ``cents`` of that side."""
        key = (ticker, is_yes, cents)
        self._taken[key] = self._taken.get(key, 0) + hundredths
        self.version[ticker] = self.version.get(ticker, 0) + 1
