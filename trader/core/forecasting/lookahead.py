"""The look-ahead detector: a decision must not change by one byte when everything recorded later is taken
away."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trader.core.forecasting.archive import Archive

Decide = Callable[[Archive, int], bytes]
"""A decision for a climate day (ordinal), from an archive, in canonical bytes."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A day whose decision differs: with later data present, and with only what was known at ``second``."""

    day: int
    second: int
    with_later: bytes
    as_known: bytes


def leaks(decide: Decide, archive: Archive, cases: Iterable[tuple[int, int]]) -> list[Leak]:
    """Return the (day, decision second) cases in which ``decide`` used a value from after its instant."""
    found = []
    for day, second in cases:
        with_later, as_known = decide(archive, day), decide(archive.known_by(second), day)
        if with_later != as_known:
            found.append(Leak(day, second, with_later, as_known))
    return found
