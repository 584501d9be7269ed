"""Depths of rain and snow in the whole units that reports give and markets settle by.

Rain is reported in hundredths of an inch, snow in tenths. ``T`` is a trace: something fell, less than half a
unit. It adds nothing to a sum, but a sum of nothing but traces is itself a trace, not zero.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from trader.domain.types import Frozen, MarketType

UNIT_IN: dict[MarketType, Decimal] = {MarketType.RAIN: Decimal("0.01"), MarketType.SNOW: Decimal("0.1")}
"""Inches of one unit, by the market types whose value is a depth."""
_DECIMALS = {MarketType.RAIN: 2, MarketType.SNOW: 1}
_NUMBER = re.compile(r"(?P<whole>\d{0,3})\.(?P<part>\d+)")


class Amount(Frozen):
    """A depth in whole units of its market type; a trace has no units and is not nothing."""

    units: Annotated[int, Field(ge=0)]
    is_trace: bool = False

    @model_validator(mode="after")
    def _trace_has_no_units(self) -> "Amount":
        if self.is_trace and self.units:
            raise ValueError(f"trace: expected no units, found {self.units}")
        return self

    def text(self, kind: MarketType) -> str:
        """Return the amount as reports write it: ``0.27``, ``12.0``, ``T``."""
        return "T" if self.is_trace else f"{self.units * UNIT_IN[kind]:.{_DECIMALS[kind]}f}"

    def is_at_least(self, other: "Amount") -> bool:
        """Whether this depth is not below the other: nothing < trace < one unit."""
        return (self.units, self.is_trace) >= (other.units, other.is_trace)


def parse_amount(text: str, kind: MarketType) -> Amount:
    """Read ``0.27``, ``.27``, ``12.0`` or ``T``, with exactly the decimals of its kind.

    Raises ValueError for anything else: a value in another unit would look like weather.
    """
    if text == "T":
        return Amount(units=0, is_trace=True)
    match = _NUMBER.fullmatch(text)
    if match is None or len(match["part"]) != _DECIMALS[kind]:
        raise ValueError(f"{kind}: expected T or inches with {_DECIMALS[kind]} decimals, found {text!r}")
    return Amount(units=int(match["whole"] + match["part"]))


def add_amounts(amounts: Iterable[Amount]) -> Amount:
    """Return the sum; traces add nothing, but only traces make a trace."""
    listed = tuple(amounts)
    units = sum(amount.units for amount in listed)
    return Amount(units=units, is_trace=not units and any(amount.is_trace for amount in listed))
