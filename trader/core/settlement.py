"""What settles a market: the climate day, the whole degree, the bracket that wins. Source:
docs/settlement.md.
"""

import itertools
from collections.abc import Iterable
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Literal

from trader.domain import climate_day
from trader.domain.cities import CityConfig
from trader.domain.markets import Contract
from trader.domain.terms import bracket_bounds, prove_rules, settlement_source
from trader.domain.types import EXCLUSIVE_TYPES

__all__ = [
    "bracket_bounds",
    "climate_date",
    "climate_day_bounds",
    "fits_together",
    "ladder_ok",
    "partition_ok",
    "prove_rules",
    "result_of",
    "settled_value",
    "settlement_source",
    "winner_sets",
]


def climate_date(instant: datetime, city: CityConfig) -> date:
    """Return the city's climate date at an aware instant: its local standard date, in summer too."""
    return climate_day.climate_date(instant, city.std_utc_offset_hours)


def climate_day_bounds(day: date, city: CityConfig) -> tuple[datetime, datetime]:
    """Return the UTC bounds [start, end) of the city's climate day, always 24 hours apart."""
    return climate_day.climate_day_bounds(day, city.std_utc_offset_hours)


def settled_value(extreme_f: float | Decimal) -> int:
    """Return the whole degree Fahrenheit that stands for an extreme: halves go up."""
    return int((Decimal(str(extreme_f)) + Decimal("0.5")).to_integral_value(ROUND_FLOOR))


def result_of(contract: Contract, value: int) -> Literal["yes", "no"]:
    """Return the result the exchange publishes when the official whole value is ``value``."""
    return "yes" if contract.wins(value) else "no"


def partition_ok(contracts: Iterable[Contract]) -> bool:
    """Whether the brackets of one event cover every whole degree exactly once: two open tails, no gap, no
    overlap.
    """
    ordered = sorted(contracts, key=lambda c: (c.lo is not None, c.lo or 0, c.hi is None, c.hi or 0))
    if len(ordered) < 2 or ordered[0].lo is not None or ordered[-1].hi is not None:
        return False
    return all(left.hi is not None and right.lo == left.hi + 1 for left, right in itertools.pairwise(ordered))


def ladder_ok(contracts: Iterable[Contract]) -> bool:
    """Whether the markets of one event are thresholds of one total, each its own: open above, none twice."""
    listed = tuple(contracts)
    rungs = {c.lo for c in listed if c.lo is not None and c.hi is None}
    return 0 < len(rungs) == len(listed)


def fits_together(contracts: Iterable[Contract]) -> bool:
    """Whether the brackets of one event are as its type needs them: a partition, or a ladder for a total."""
    listed = tuple(contracts)
    is_exclusive = {c.market_type in EXCLUSIVE_TYPES for c in listed}
    return len(is_exclusive) == 1 and (partition_ok(listed) if is_exclusive.pop() else ladder_ok(listed))


def winner_sets(contracts: Iterable[Contract]) -> tuple[frozenset[str], ...]:
    """Return every set of these markets that some value makes winners together, by rising value.

    A partition has one market in each; a ladder of thresholds has none, the lowest, the lowest two, and so
    on.
    """
    listed = tuple(contracts)
    lows = {c.lo for c in listed if c.lo is not None}
    values = lows | {c.hi + 1 for c in listed if c.hi is not None}
    below = min(values, default=0) - 1
    sets = (frozenset(c.ticker for c in listed if c.wins(v)) for v in sorted({below, *values}))
    return tuple(dict.fromkeys(sets))
