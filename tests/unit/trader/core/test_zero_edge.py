"""A market whose prices are the truth: whoever knows no more holds, and whoever errs pays costs, no more.

The truth of each constructed day is a distribution; the fair book stands a cent either side of it, and the
settled degree is drawn from it. So the true edge of every purchase is minus its costs, whatever we believe.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from random import Random

import pytest

from tests.unit.trader.core.builders import (
    book,
    event_contracts,
    forecast,
    inputs,
    snapshot,
    weather,
)
from trader.core.cycle import plan_cycle
from trader.core.fees import model_fee
from trader.domain.markets import Contract, MarketSnapshot
from trader.domain.plan import CyclePlan
from trader.domain.signals import Distribution
from trader.domain.types import Decision, Side

D = Decimal
CONTRACTS = event_contracts()
TERMS = {c.ticker: c for c in CONTRACTS}


def plan_at(mean: float, quotes: tuple[MarketSnapshot, ...]) -> CyclePlan:
    return plan_cycle(inputs(CONTRACTS, quotes, [weather("NYC", forecast(mean))]))


def truth_at(mean: float) -> Distribution:
    """What the strategy itself would say of a forecast: the truth of that day."""
    (prediction, *_) = plan_at(mean, ()).predictions
    return prediction.distribution


def fair(truth: Distribution) -> tuple[MarketSnapshot, ...]:
    """Books a cent either side of the true chance, rounded to a cent, 200 contracts deep."""
    quoted = []
    for terms in CONTRACTS:
        middle = min(97, max(3, round(100 * truth.between(terms.lo, terms.hi))))
        quotes = book(str(D(middle - 1) / 100), str(D(middle + 1) / 100))
        quoted.append(snapshot(terms, quotes))
    return tuple(quoted)


def drawn(truth: Distribution, dice: Random) -> int:
    return truth.quantile(dice.random())


@dataclass
class Score:
    """Dollars over all days: made, expected by the truth, and the variance; contracts; shares of HOLD."""

    made: float = 0.0
    expected: float = 0.0
    variance: float = 0.0
    costs: float = 0.0
    contracts: int = 0
    holds: int = 0
    signals: int = 0
    sides: frozenset[Side] = frozenset()

    def add(self, plan: CyclePlan, truth: Distribution, settled: int) -> None:
        self.signals += len(plan.signals)
        self.holds += sum(s.decision is Decision.HOLD for s in plan.signals)
        for intent in plan.intents:
            terms: Contract = TERMS[intent.ticker]
            fee = float(model_fee(D(1), intent.limit_price, terms.fee_multiplier))
            qty, price = int(intent.qty), float(intent.limit_price)
            p_yes = float(truth.between(terms.lo, terms.hi))
            p = p_yes if intent.side is Side.YES else 1 - p_yes
            won = terms.wins(settled) is (intent.side is Side.YES)
            self.made += qty * (won - price - fee)
            self.expected += qty * (p - price - fee)
            self.variance += qty**2 * p * (1 - p)
            self.costs += qty * (price - p + fee)
            self.contracts += qty
            self.sides |= {intent.side}


def played(noise_f: float, days: int) -> Score:
    dice, score = Random(f"fair {noise_f}"), Score()  # noqa: S311  repeatable luck is the point
    for _ in range(days):
        mean = dice.uniform(80, 90)
        truth = truth_at(mean)
        plan = plan_at(mean + dice.gauss(0, noise_f), fair(truth))
        score.add(plan, truth, drawn(truth, dice))
    return score


def test_who_knows_what_the_market_knows_never_trades() -> None:
    score = played(0.0, 60)

    assert (score.contracts, score.holds) == (0, score.signals)


@pytest.mark.parametrize("noise_f", [1.0, 2.5])
def test_who_errs_in_a_fair_market_pays_costs_and_neither_wins_nor_loses_beyond_them(noise_f: float) -> None:
    score = played(noise_f, 150)

    error = math.sqrt(score.variance)
    assert score.sides == {Side.YES, Side.NO}
    assert score.contracts > 200
    assert abs(score.made - score.expected) < 3 * error  # luck only
    assert score.made < 3 * error
    assert 0.005 < score.costs / score.contracts < 0.03  # half a spread and the fee, nothing hidden
    assert score.holds / score.signals > 0.5
