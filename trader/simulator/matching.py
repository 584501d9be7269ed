"""Price-time priority against recorded depth and our own resting orders. Pure: nothing is remembered.

Prices are whole cents of YES (1 to 99), sizes hundredths of a contract, so every comparison is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Ask(NamedTuple):
    """Something a bid can take. For an incoming ask the same type carries the bids it can take."""

    cents: int
    hundredths: int
    own_order_id: str | None = None


class Take(NamedTuple):
    cents: int
    hundredths: int


@dataclass(frozen=True, slots=True)
class Match:
    """Takes in order, what is left of the incoming order, and what self-trade prevention did.

    ``met_self`` is set when the incoming order was stopped at an own resting order; ``withdrawn`` lists own
    resting orders that were cancelled so that the incoming one could go on.
    """

    takes: tuple[Take, ...]
    left: int
    met_self: bool
    withdrawn: tuple[str, ...]


def crosses(is_bid: bool, limit: int, opposite_cents: int) -> bool:
    """Whether an order at ``limit`` may trade with a standing price of the other side."""
    return opposite_cents <= limit if is_bid else opposite_cents >= limit


def match(*, is_bid: bool, limit: int, size: int, standing: Sequence[Ask], maker_yields: bool) -> Match:
    """Fill an incoming order from ``standing``, the other side of the book.

    The resting price governs. At one price recorded depth comes before our own orders: it was there when the
    capture was taken. Size taken never exceeds what stands, and never a price beyond the limit.
    """
    ordered = sorted(
        standing, key=lambda item: (item.cents if is_bid else -item.cents, item.own_order_id is not None)
    )
    takes: list[Take] = []
    withdrawn: list[str] = []
    left, met_self = size, False
    for item in ordered:
        if left == 0 or not crosses(is_bid, limit, item.cents):
            break
        if item.own_order_id is not None:
            if not maker_yields:
                met_self = True
                break
            withdrawn.append(item.own_order_id)
            continue
        taken = min(left, item.hundredths)
        if taken:
            takes.append(Take(item.cents, taken))
            left -= taken
    return Match(tuple(takes), left, met_self, tuple(withdrawn))
