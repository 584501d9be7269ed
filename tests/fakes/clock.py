"""A clock that moves only when told to, or when somebody sleeps on it."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Starts at a fixed instant. ``slept`` lists what was slept, in seconds."""

    def __init__(self, start: datetime = datetime(2026, 7, 16, 15, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._elapsed += seconds
        self._now += timedelta(seconds=seconds)
