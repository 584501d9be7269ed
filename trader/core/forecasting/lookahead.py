"""The look-ahead detector: a decision must not change by one byte when everything recorded later is taken
away."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar


class Recorded(Protocol):
    """What was recorded, each value with the instant from which it could be known: an archive, or a world."""

    def known_by(self, second: int) -> Self:
        """Return it as it stood at ``second`` (UTC since 1970)."""
        ...


R = TypeVar("R", bound=Recorded)


@dataclass(frozen=True, slots=True)
class Leak:
    """A case whose decision differs: with later data present, and with only what was known at ``second``.

    ``day`` is what the caller named the case by, an ordinal or an instant.
    """

    day: int
    second: int
    with_later: bytes
    as_known: bytes


def leaks(decide: Callable[[R, int], bytes], recorded: R, cases: Iterable[tuple[int, int]]) -> list[Leak]:
    """Return the (day, decision second) cases in which ``decide``, a decision in canonical bytes, used a
    value from after its instant.
    """
    found = []
    for day, second in cases:
        with_later, as_known = decide(recorded, day), decide(recorded.known_by(second), day)
        if with_later != as_known:
            found.append(Leak(day, second, with_later, as_known))
    return found
