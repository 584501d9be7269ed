"""Experts into one distribution that stays calibrated: a weighted sum, then a beta transform of its
cumulative.

A weighted sum of calibrated forecasts is wider than what happens; the transform takes that back.
Source: Ranjan, Gneiting, Combining probability forecasts, Journal of the Royal Statistical Society B 72
(2010).
"""

import numpy as np
from scipy.special import betainc

from trader.core import probability as pr
from trader.core.forecasting.archive import Floats
from trader.core.probability import Weights

Shape = tuple[int, Weights]

PRIOR_DAYS = 10.0
"""Equal shares count like so many days of evidence."""
ROUNDS = 50
"""Of expectation maximisation; past convergence for a handful of experts."""
SHARPENINGS = np.exp(np.linspace(np.log(0.6), np.log(3.0), 33))
"""Candidate parameters of the symmetric beta: above 1 narrows, below 1 widens."""
SHARPENING_PRIOR_SD = 0.5
"""Of its logarithm around 0 (no change): worth few days of evidence."""
_LEAST = 1e-6


def shares(probabilities: Floats) -> Floats:
    """Return the experts' shares (sum one) most likely to have given the outcomes.

    ``probabilities``: a row a day, a column an expert, what each gave to what settled.
    """
    experts = probabilities.shape[1]
    out = np.full(experts, 1.0 / experts)
    for _ in range(ROUNDS if len(probabilities) else 0):
        belonging = out * np.maximum(probabilities, _LEAST)
        belonging /= belonging.sum(axis=1, keepdims=True)
        out = (belonging.sum(axis=0) + PRIOR_DAYS / experts) / (len(probabilities) + PRIOR_DAYS)
    return out


def sharpening(below: Floats, upto: Floats) -> float:
    """Return the beta parameter that fits past days best; 1 when there are none.

    ``below`` and ``upto`` are the cumulative of the weighted sum just below and at what settled.
    """
    a = SHARPENINGS[:, None]
    inside = betainc(a, a, upto[None, :]) - betainc(a, a, below[None, :])
    fit = (
        np.log(np.maximum(inside, _LEAST)).sum(axis=1)
        - 0.5 * (np.log(SHARPENINGS) / SHARPENING_PRIOR_SD) ** 2
    )
    return float(SHARPENINGS[int(np.argmax(fit))]) if len(below) else 1.0


def transform(shape: Shape, parameter: float) -> Shape:
    """Return the distribution whose cumulative is the beta transform of the given one."""
    start, weights = shape
    cumulative = np.minimum(np.concatenate(([0.0], np.cumsum(weights) / weights.sum())), 1.0)
    return start, np.asarray(np.diff(betainc(parameter, parameter, cumulative)), dtype=np.float64)


def mixture(parts: list[tuple[Shape, float]]) -> Shape:
    """Return the weighted sum of at least one distribution; the weights sum to one."""
    shape, total = parts[0]
    for other, weight in parts[1:]:
        total += weight
        shape = pr.mix(shape, other, (total - weight) / total)
    return shape
