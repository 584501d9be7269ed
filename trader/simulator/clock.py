"""The world's clock: it only moves forward, by itself at a speed or when told to."""

from collections.abc import Callable
from datetime import datetime, timedelta


class ClockWentBack(ValueError):
    """Somebody asked for an instant before the present one; the clock stays where it is."""


class WorldClock:
    """Present instant of a world, UTC.

    ``speed`` is world seconds per real second; 0 means the clock is frozen and moves by ``move_to`` alone.
    ``elapsed`` returns real seconds from any fixed origin. The clock stops at ``end``.
    """

    def __init__(self, start: datetime, end: datetime, speed: float, elapsed: Callable[[], float]) -> None:
        if speed < 0:
            raise ValueError(f"speed: expected 0 or more, found {speed}; nothing was started")
        self.speed, self._end, self._elapsed = speed, end, elapsed
        self._base, self._since = start, elapsed()

    @property
    def frozen(self) -> bool:
        return self.speed == 0

    def now(self) -> datetime:
        if self.frozen:
            return self._base
        ran = timedelta(seconds=(self._elapsed() - self._since) * self.speed)
        return max(self._base, min(self._base + ran, self._end))

    def move_to(self, at: datetime) -> datetime:
        """Move forward and return the new present. Raises ClockWentBack, naming both instants."""
        now = self.now()
        if at < now:
            raise ClockWentBack(
                f"expected an instant at or after {now.isoformat()}, found {at.isoformat()}; unchanged"
            )
        self._base, self._since = at, self._elapsed()
        return at
