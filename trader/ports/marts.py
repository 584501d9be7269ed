"""What a finished backtest reads back from the warehouse that was built from its rows."""

from decimal import Decimal
from typing import NamedTuple, Protocol


class FunnelStep(NamedTuple):
    """How many signals came at least so far, and how many no further, over all climate days."""

    step: str
    reached: int
    lost: int
    top_reasons: dict[str, int]


class CityResult(NamedTuple):
    """One city over all climate days. ``pnl`` is dollars after fees of settled positions."""

    city: str
    fills: int
    fees: Decimal
    pnl: Decimal
    wins: int
    losses: int


class Marts(Protocol):
    def funnel(self) -> tuple[FunnelStep, ...]:
        """The decision funnel, first step first."""
        ...

    def cities(self) -> tuple[CityResult, ...]:
        """Every city that traded, by code."""
        ...
