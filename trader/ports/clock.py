"""Time comes in through one object; nothing else in the trader reads a clock."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC instant: the wall clock, or the world's clock in demos and backtests."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never backwards: for deadlines and durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; a virtual clock only moves."""
        ...
