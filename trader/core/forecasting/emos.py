"""Location and spread of a forecast error fitted to the settled whole degrees: ensemble model output
statistics.

error ~ t(location = x . b, scale = exp(z . g)); the likelihood is that of the whole degree that settled,
given that it is not below what had been observed. Gaussian priors keep the few coefficients sane while
pairs are few. Source: Gneiting and others, Calibrated probabilistic forecasting using EMOS, Monthly
Weather Review 133 (2005); t instead of normal because public day-ahead errors of the stations have heavier
tails.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, stdtr

Array = NDArray[np.float64]

DEGREES_OF_FREEDOM = 6.0
"""Of the t. Valid above 2; on ten stations errors of public day-ahead forecasts had 5 to 8, and 5 to 20 score
within 0.0009 Brier of one another here."""
PRIOR_SCALE_F = 2.5
"""Scale before any pair was seen, degrees Fahrenheit: a day-ahead forecast of a daily extreme."""
LOCATION_PRECISION, CONSTANT_PRECISION = 2.0, 0.01
SCALE_PRECISION, SCALE_CONSTANT_PRECISION = 10.0, 0.1
"""Precisions of the priors around zero (constant of the scale: around PRIOR_SCALE_F). Ten times more or less
moves the score by under 0.0010 Brier; they matter in the first two months of a source only."""
GRADIENT = 1e-3
"""Slope of the log likelihood at which the search stops; less moves coefficients by under 0.0001. The
method is BFGS, because the compiled L-BFGS-B calls threaded linear algebra thousands of times on four
numbers."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients of location (degrees Fahrenheit) and log scale, and how many pairs they rest on."""

    location: tuple[float, ...]
    log_scale: tuple[float, ...]
    pairs: int

    def at(self, x: Array, z: Array) -> tuple[float, float]:
        """Return (location, standard deviation) of the error in degrees Fahrenheit for one day's
        predictors."""
        df = DEGREES_OF_FREEDOM
        scale = float(np.exp(np.clip((z * np.array(self.log_scale)).sum(), -3.0, 4.0)))
        return float((x * np.array(self.location)).sum()), scale * float(np.sqrt(df / (df - 2)))


def fit(x: Array, z: Array, error: Array, floor: Array, weights: Array) -> Fit:
    """Return the coefficients of greatest posterior likelihood.

    Rows are days: ``x`` and ``z`` predictors of location and log scale (first column one), ``error`` the
    settled whole degree minus the anchor forecast, ``floor`` the least error still possible when the
    forecast was made (minus infinity: nothing observed), ``weights`` from 0 to 1. Raises ValueError when
    rows disagree or are none. Sums are numpy's own, in a fixed order: threaded linear algebra would make the
    last bits depend on the number of processors.
    """
    if not len(error) or {len(x), len(z), len(floor), len(weights)} != {len(error)}:
        raise ValueError(
            f"fit: expected equally many rows, found {len(x)}, {len(z)}, {len(error)}; nothing fitted"
        )
    split = x.shape[1]
    centre = np.zeros(split + z.shape[1])
    centre[split] = np.log(PRIOR_SCALE_F)
    precision = np.full(len(centre), LOCATION_PRECISION)
    precision[split:] = SCALE_PRECISION
    precision[0], precision[split] = CONSTANT_PRECISION, SCALE_CONSTANT_PRECISION
    upper, lower = error + 0.5, error - 0.5
    bound = (
        np.minimum(floor, error) - 0.5
    )  # a report can overrule a sensor: then the settled value is the floor

    def loss(theta: Array) -> tuple[float, Array]:
        log_scale = np.clip(np.einsum("ij,j->i", z, theta[split:]), -3.0, 4.0)
        scale, location = np.exp(log_scale), np.einsum("ij,j->i", x, theta[:split])
        up, low, cut = ((edge - location) / scale for edge in (upper, lower, bound))
        inside = np.maximum(stdtr(DEGREES_OF_FREEDOM, up) - stdtr(DEGREES_OF_FREEDOM, low), _TINY)
        above = np.maximum(stdtr(DEGREES_OF_FREEDOM, -cut), _TINY)
        f_up, f_low, f_cut = (_density(v) for v in (up, low, cut))
        by_location = -(f_up - f_low) / inside - f_cut / above
        by_scale = -(up * f_up - low * f_low) / inside - np.where(np.isfinite(cut), cut, 0.0) * f_cut / above
        gap = theta - centre
        slope = np.concatenate(
            (
                np.einsum("i,ij->j", weights * by_location / scale, x),
                np.einsum("i,ij->j", weights * by_scale, z),
            )
        )
        value = -float((weights * np.log(inside / above)).sum()) + 0.5 * float((precision * gap**2).sum())
        return value, precision * gap - slope

    best = minimize(loss, centre, jac=True, method="BFGS", options={"gtol": GRADIENT}).x
    return Fit(tuple(best[:split].tolist()), tuple(best[split:].tolist()), len(error))


def _density(v: Array) -> Array:
    df = DEGREES_OF_FREEDOM
    constant = np.exp(gammaln((df + 1) / 2) - gammaln(df / 2)) / np.sqrt(df * np.pi)
    return np.asarray(constant * (1 + v * v / df) ** (-(df + 1) / 2), dtype=np.float64)
