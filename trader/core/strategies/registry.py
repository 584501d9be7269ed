"""Which strategy predicts which type of market, made from a parameter set."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from trader.core.strategies.base import Lately, Strategy
from trader.core.strategies.extreme import Climatology, DailyExtreme
from trader.core.strategies.monthly import MonthlyTotal
from trader.domain.canonical import content_hash
from trader.domain.identity import Same
from trader.domain.learned import Knowledge, ParameterSet, Residuals
from trader.domain.types import EXCLUSIVE_TYPES, MarketType


@dataclass(frozen=True, slots=True)
class Made:
    """What a parameter set gives: the ``strategies`` by market type, what each must beat (``benchmarks``:
    predicted and stored beside it, never traded), and the set's hash.
    """

    strategies: Mapping[MarketType, Strategy]
    benchmarks: Mapping[MarketType, Strategy]
    sha256: str


def made_from(parameters: ParameterSet) -> Made:
    """Return the set's strategies; a market type without one is not predicted."""
    return _made(Same(parameters))


def lately_by_set(knowledge: Knowledge) -> Mapping[str, Lately]:
    """Return how forecasts erred beyond what each set says, by the set's hash."""
    return _by_set(Same(knowledge))


@lru_cache(maxsize=16)
def _made(key: Same) -> Made:
    kinds = sorted(EXCLUSIVE_TYPES)
    recorded = sorted({depths.variable for depths in key.value.totals})
    made: dict[MarketType, Strategy] = {kind: DailyExtreme(kind, key.value) for kind in kinds}
    made |= {kind: MonthlyTotal(kind, key.value) for kind in recorded}
    return Made(
        strategies=made,
        benchmarks={kind: Climatology(kind, key.value) for kind in kinds}
        | {kind: MonthlyTotal(kind, key.value, is_benchmark=True) for kind in recorded},
        sha256=content_hash(key.value),
    )


@lru_cache(maxsize=4)
def _by_set(key: Same) -> Mapping[str, Lately]:
    knowledge: Knowledge = key.value
    found: dict[str, dict[tuple[str, str, MarketType, int], Residuals]] = {}
    for r in knowledge.residuals:
        found.setdefault(r.parameters, {})[r.city_code, r.source, r.variable, r.lead_days] = r
    return found
