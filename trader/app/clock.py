"""The clocks: the machine's, and a recorded world's."""

import time
from datetime import UTC, datetime, timedelta

from trader.domain.errors import InvariantViolation


class SystemClock:
    """Wall clock in UTC and the machine's monotonic clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SteppedClock:
    """A world's clock that stands still between steps. ``sleep`` moves it, so that backoff costs no real
    time.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        self._elapsed += seconds
        self._now += timedelta(seconds=seconds)

    def step_to(self, instant: datetime) -> None:
        """Move to ``instant``. Raises InvariantViolation when it lies in the past."""
        if instant < self._now:
            raise InvariantViolation(
                f"world clock: expected a step forward from {self._now}, found {instant}"
            )
        self._elapsed += (instant - self._now).total_seconds()
        self._now = instant.astimezone(UTC)


class RunningWorldClock:
    """A world's clock that runs at ``speed`` world seconds per second from ``start``; all its seconds, waits
    and durations too, are the world's.
    """

    def __init__(self, start: datetime, speed: float) -> None:
        self._start = start.astimezone(UTC)
        self.speed = speed
        self._zero = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._zero) * self.speed)

    def monotonic(self) -> float:
        return (time.monotonic() - self._zero) * self.speed

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.speed)
