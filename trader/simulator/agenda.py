"""What the clock will bring, in order of instant, then rank, then planning."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

EXPIRE, PAUSE, FILL, CLOSE, SETTLE, OTHER = range(6)
"""Ranks: what falls on one instant happens in this order."""


@dataclass(order=True, frozen=True, slots=True)
class _Due:
    at: datetime
    rank: int
    number: int
    happen: Callable[[datetime], None] = field(compare=False)


class Agenda:
    """A queue of things that happen at their own instant, whenever somebody looks."""

    def __init__(self) -> None:
        self._due: list[_Due] = []
        self._planned = 0

    def plan(self, at: datetime, rank: int, happen: Callable[[datetime], None]) -> None:
        self._planned += 1
        heapq.heappush(self._due, _Due(at, rank, self._planned, happen))

    def catch_up(self, now: datetime, after_each: Callable[[datetime], None]) -> None:
        """Let everything happen that is due, each at its instant; what it plans for now happens, too."""
        while self._due and self._due[0].at <= now:
            due = heapq.heappop(self._due)
            due.happen(due.at)
            after_each(due.at)
