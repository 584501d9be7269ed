"""The optional last step: our distribution and the market's prices in one ladder, learnt from settled events.

p(bracket) ~ market^(a - c s) x model^(b + c s) over the cells of the event, renormalised, with s the
staleness of the bracket's price, and a, b and c learnt by the likelihood of past results, the newer the more,
with a prior at "the market, corrected a little": it is nearly calibrated and better informed than we are.
Source: logarithmic opinion pool, Genest and Zidek, Statistical Science 1 (1986).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

from trader.core.forecasting.archive import Event, Floats, Prices
from trader.domain.signals import Distribution

Exponents = tuple[float, float, float]
"""Of the market and of the model for fresh prices, and what moves from the first to the second for each
unit of staleness: a price that nobody renewed for hours does not know the newest forecast."""
PRIOR: Exponents = (1.0, 0.05, 0.15)
PRIOR_SD = (0.15, 0.15, 0.1)
"""What is believed before any event was seen, and how far it may wander on little evidence."""
MIN_EVENTS = 30
"""Fewer settled events: the prior stands."""
HALF_LIFE_DAYS = 180.0
"""An event's weight halves with age: markets learn. Valid 60 to 1000."""
LEAST = 0.005
"""Least probability of a cell: half a cent, half the smallest price."""
NEVER_S = 24 * 3600
"""Age that a bracket counts as having which never traded."""


@dataclass(frozen=True, slots=True)
class Cells:
    """An event cut into exclusive cells that cover every degree: its brackets, then what no bracket covers.

    ``market`` are normalised last prices and ``typical`` normalised typical ones (several trades instead of
    one), ``model`` our probabilities, ``last`` the raw price of each bracket (NaN: never traded),
    ``staleness`` log(1 + age of the price in hours), ``winner`` the index of the cell that won, None before
    the result.
    """

    day: int
    tickers: tuple[str, ...]
    market: Floats
    typical: Floats
    model: Floats
    last: Floats
    staleness: Floats
    winner: int | None


def cells(event: Event, prices: Mapping[str, Prices], model: Distribution, second: int) -> Cells | None:
    """Return the event's cells at ``second``, None when no bracket had a price.

    A bracket without a price gets its share by our model of the probability the priced ones leave.
    """
    ours = np.array([float(model.between(b.lo, b.hi)) for b in event.brackets])
    priced = [prices.get(b.ticker) for b in event.brackets]
    seen = [None if p is None else p.at(second) for p in priced]
    last = np.array([np.nan if p is None else p[0] for p in seen])
    if not np.isfinite(last).any():
        return None
    typical = [np.nan if p is None or (v := p.typical_at(second)) is None else v for p in priced]
    age = [NEVER_S if p is None else second - p[1] for p in seen]
    model_cells = np.maximum(np.append(ours, max(0.0, 1.0 - float(ours.sum()))), 1e-6)
    won = [b.won for b in event.brackets]
    return Cells(
        day=event.day,
        tickers=tuple(b.ticker for b in event.brackets),
        market=_filled(last, model_cells),
        typical=_filled(np.array(typical), model_cells),
        model=model_cells / model_cells.sum(),
        last=last,
        staleness=np.log1p(np.append(age, np.mean(age)) / 3600),
        winner=won.index(True) if True in won else len(won) if all(w is False for w in won) else None,
    )


def _filled(prices: Floats, model: Floats) -> Floats:
    """Return normalised probabilities of the cells, the unpriced ones by the model's shares of the rest."""
    priced = np.append(np.isfinite(prices), False)
    known = np.append(np.nan_to_num(prices), 0.0)
    left = max(LEAST, 1.0 - float(known.sum()))
    unpriced = np.where(priced, 0.0, model)
    filled = np.maximum(known + left * unpriced / unpriced.sum(), np.where(priced, LEAST, 1e-6))
    return np.asarray(filled / filled.sum(), dtype=np.float64)


def combine(cell: Cells, exponents: Exponents) -> Floats:
    """Return the pooled probabilities of the cells, summing to one."""
    score = (_evidence(cell) * np.array(exponents)).sum(axis=1)
    return np.asarray(np.exp(score - logsumexp(score)), dtype=np.float64)


def _evidence(cell: Cells) -> Floats:
    """Return a row a cell whose product with the exponents is its score."""
    market, model = np.log(cell.typical), np.log(cell.model)
    return np.column_stack((market, model, cell.staleness * (model - market)))


def learn(past: Sequence[Cells], today: int) -> Exponents:
    """Return the exponents most likely to have given the winners of past events; PRIOR below MIN_EVENTS."""
    known = [c for c in past if c.winner is not None]
    if len(known) < MIN_EVENTS:
        return PRIOR
    width = max(len(c.market) for c in known)
    evidence = np.zeros((len(known), width, len(PRIOR)))
    is_cell = np.zeros((len(known), width), dtype=bool)
    for i, c in enumerate(known):
        evidence[i, : len(c.market)], is_cell[i, : len(c.market)] = _evidence(c), True
    won = evidence[np.arange(len(known)), np.array([c.winner for c in known], dtype=np.int64)]
    weight = 0.5 ** (np.array([today - c.day for c in known]) / HALF_LIFE_DAYS)
    centre, width_of_prior = np.array(PRIOR), np.array(PRIOR_SD)

    def loss(theta: Floats) -> tuple[float, Floats]:
        score = np.where(is_cell, (evidence * theta).sum(axis=2), -np.inf)
        total = logsumexp(score, axis=1)
        expected = (np.exp(score - total[:, None])[:, :, None] * evidence).sum(axis=1)
        gap = (theta - centre) / width_of_prior
        value = (weight * (total - (won * theta).sum(axis=1))).sum() + 0.5 * (gap**2).sum()
        return float(value), (weight[:, None] * (expected - won)).sum(axis=0) + gap / width_of_prior

    best = minimize(loss, centre, jac=True, method="BFGS").x
    market_power, model_power, moving = (round(float(v), 6) for v in best)
    return market_power, model_power, moving


class Pooler:
    """Exponents by refit day, each from events whose results were known at that day's instant."""

    def __init__(self, cells_of: Callable[[int], Cells | None], result_known: Mapping[int, int]) -> None:
        self._cells_of, self._result_known = cells_of, result_known
        self._learnt: dict[int, Exponents] = {}
        self._cells: dict[int, Cells | None] = {}

    def exponents(self, refit_day: int, second: int) -> Exponents:
        """Return what was learnt by ``second``, the decision instant of ``refit_day``."""
        if refit_day not in self._learnt:
            days = sorted(d for d, known in self._result_known.items() if d < refit_day and known <= second)
            for day in days:
                if day not in self._cells:
                    self._cells[day] = self._cells_of(day)
            past = [c for d in days if (c := self._cells[d]) is not None]
            self._learnt[refit_day] = learn(past, refit_day)
        return self._learnt[refit_day]
