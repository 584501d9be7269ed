"""Repeatable uniform numbers from a seed and a counter: no state, so a resample never depends on what ran
before.

Source: the finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
2014).
"""

import numpy as np
from numpy.typing import NDArray

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def uniforms(seed: int, count: int) -> NDArray[np.float64]:
    """Return ``count`` numbers in [0, 1) that depend on ``seed`` (not negative) alone."""
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64 is the method
        x = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed) * _FIRST) * _STEP
        x = (x ^ (x >> np.uint64(30))) * _FIRST
        x = (x ^ (x >> np.uint64(27))) * _SECOND
        x = x ^ (x >> np.uint64(31))
    return np.asarray((x >> np.uint64(11)).astype(np.float64) / 2.0**53, dtype=np.float64)
