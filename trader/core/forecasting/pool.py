"""The optional last step: our distribution and the market's prices in one ladder, learnt from settled events.

p(bracket) ~ market^(a - c s) x model^(b + c s), with s the staleness of the prices, over the cells of the
event, renormalised, with a, b and c learnt by the likelihood of past results and a prior at "mostly the
market": the market is nearly calibrated and better informed than we are. Source: logarithmic opinion pool,
Genest and Zidek, Statistical Science 1 (1986).
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
PRIOR: Exponents = (0.9, 0.1, 0.1)
PRIOR_SD = (0.25, 0.25, 0.1)
"""What is believed before any event was seen, and how far it may wander on little evidence."""
MIN_EVENTS = 30
"""Fewer settled events: the prior stands."""
LEAST = 0.005
"""Least probability of a cell: half a cent, half the smallest price."""


@dataclass(frozen=True, slots=True)
class Cells:
    """An event cut into exclusive cells that cover every degree: its brackets, then what no bracket covers.

    ``market`` are normalised prices, ``model`` our probabilities, ``last`` the raw price of each bracket
    (NaN: never traded), ``staleness`` log(1 + mean age of the prices in hours), ``winner`` the index of
    the cell that won, None before the result.
    """

    tickers: tuple[str, ...]
    market: Floats
    model: Floats
    last: Floats
    winner: int | None
    staleness: float = 0.0


def cells(event: Event, prices: Mapping[str, Prices], model: Distribution, second: int) -> Cells | None:
    """Return the event's cells at ``second``, None when no bracket had a price.

    A bracket without a price gets its share by our model of the probability the priced ones leave.
    """
    ours = np.array([float(model.between(b.lo, b.hi)) for b in event.brackets])
    seen = [prices[b.ticker].at(second) if b.ticker in prices else None for b in event.brackets]
    last = np.array([np.nan if p is None else p[0] for p in seen])
    if not np.isfinite(last).any():
        return None
    rest = max(0.0, 1.0 - float(ours.sum()))
    model_cells = np.maximum(np.append(ours, rest), 1e-6)
    priced = np.append(np.isfinite(last), False)
    market = np.where(priced, np.append(np.nan_to_num(last), 0.0), 0.0)
    left = max(LEAST, 1.0 - float(market.sum()))
    unpriced = np.where(priced, 0.0, model_cells)
    market = np.maximum(market + left * unpriced / unpriced.sum(), np.where(priced, LEAST, 1e-6))
    won = [b.won for b in event.brackets]
    winner = won.index(True) if True in won else len(won) if all(w is False for w in won) else None
    age_h = float(np.mean([second - p[1] for p in seen if p is not None])) / 3600
    tickers = tuple(b.ticker for b in event.brackets)
    ladders = (market / market.sum(), model_cells / model_cells.sum())
    return Cells(tickers, *ladders, last, winner, float(np.log1p(age_h)))


def combine(cell: Cells, exponents: Exponents) -> Floats:
    """Return the pooled probabilities of the cells, summing to one."""
    moved = exponents[2] * cell.staleness
    score = (exponents[0] - moved) * np.log(cell.market) + (exponents[1] + moved) * np.log(cell.model)
    return np.asarray(np.exp(score - logsumexp(score)), dtype=np.float64)


def learn(past: Sequence[Cells]) -> Exponents:
    """Return the exponents most likely to have given the winners of past events; PRIOR below MIN_EVENTS."""
    known = [c for c in past if c.winner is not None]
    if len(known) < MIN_EVENTS:
        return PRIOR
    width = max(len(c.market) for c in known)
    market, model = (np.full((len(known), width), -np.inf) for _ in range(2))
    for i, c in enumerate(known):
        market[i, : len(c.market)], model[i, : len(c.model)] = np.log(c.market), np.log(c.model)
    is_cell = np.isfinite(market)
    market, model = np.where(is_cell, market, 0.0), np.where(is_cell, model, 0.0)
    winner = np.array([c.winner for c in known], dtype=np.int64)
    pick = (np.arange(len(known)), winner)
    stale = np.array([[c.staleness] for c in known])
    centre, width_of_prior = np.array(PRIOR), np.array(PRIOR_SD)

    def loss(theta: Floats) -> float:
        moved = theta[2] * stale
        score = np.where(is_cell, (theta[0] - moved) * market + (theta[1] + moved) * model, -np.inf)
        value = float((logsumexp(score, axis=1) - score[pick]).sum())
        return value + 0.5 * float((((theta - centre) / width_of_prior) ** 2).sum())

    best = minimize(loss, centre, method="BFGS").x
    market_power, model_power, moving = (round(float(v), 6) for v in best)
    return market_power, model_power, moving


class Pooler:
    """Exponents by refit day, each from events whose results were known at that day's instant."""

    def __init__(self, cells_of: Callable[[int], Cells | None], result_known: Mapping[int, int]) -> None:
        self._cells_of, self._result_known = cells_of, result_known
        self._learnt: dict[int, Exponents] = {}

    def exponents(self, refit_day: int, second: int) -> Exponents:
        """Return what was learnt by ``second``, the decision instant of ``refit_day``."""
        if refit_day not in self._learnt:
            days = sorted(d for d, known in self._result_known.items() if d < refit_day and known <= second)
            past = [c for d in days if (c := self._cells_of(d)) is not None]
            self._learnt[refit_day] = learn(past)
        return self._learnt[refit_day]
