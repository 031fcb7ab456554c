"""The fit of the stacking likelihood to counts in bins of r: ln L(f) - ln L(0) = sum_k n_k ln(1 + f r_k), concave in the share f = n / N.

r is (signal - scrambled signal) / background, or signal / background - 1 for a known background; n is the number of signal events among N.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

TOLERANCE_EVENTS = 1e-6
MAX_STEPS = 60
MARGIN = 0.999  # of the largest share at which every bin has a positive expectation
jit = numba.njit(cache=True, nogil=True)


@dataclass(frozen=True)
class StackFit:
    """Fitted number of signal events, at least 0, and the test statistic 2 [ln L(n_hat) - ln L(0)]."""

    n_hat: float
    ts: float


def fit(counts: ArrayLike, ratio: ArrayLike) -> StackFit:
    """Maximise the likelihood for ``counts`` (K,) in bins of ``ratio`` r (K,).

    The number is 0 when the slope at 0 is not positive, and at most N times the largest share at which every bin keeps a positive expectation.

    >>> fit([420, 300, 190, 90], [-0.75, -1 / 3, 0.5, 3.0])
    StackFit(n_hat=0.0, ts=0.0)
    """
    k, r = np.ascontiguousarray(counts, dtype=np.float64), np.ascontiguousarray(ratio, dtype=np.float64)
    share = best_share(k, r, largest_share(r), k.sum())
    return StackFit(float(share * k.sum()), float(2.0 * log_likelihood(k, r, share)))


def q(counts: ArrayLike, ratio: ArrayLike, n: float, *, one_sided: bool = False) -> float:
    """2 [ln L(n_hat) - ln L(n)] of a hypothesis of ``n`` events; ``one_sided``: 0 where n_hat is above n.

    Infinite when the hypothesis leaves a filled bin without expectation.
    """
    k, r = np.ascontiguousarray(counts, dtype=np.float64), np.ascontiguousarray(ratio, dtype=np.float64)
    total = k.sum()
    share = best_share(k, r, largest_share(r), total)
    if one_sided and share * total > n:
        return 0.0
    return max(0.0, float(2.0 * (log_likelihood(k, r, share) - log_likelihood(k, r, n / total))))


@jit
def largest_share(ratio: Array) -> float:
    """min(1, 0.999 / |min r|): up to here every bin has a positive expectation."""
    lowest = ratio.min()
    return 1.0 if lowest >= 0.0 else min(1.0, MARGIN / -lowest)


@jit
def log_likelihood(counts: Array, ratio: Array, share: float) -> float:
    """ln L(f) - ln L(0); minus infinity where a filled bin has no expectation."""
    total = 0.0
    for k in range(len(counts)):
        if counts[k] > 0:
            term = share * ratio[k]
            if term <= -1.0:
                return -math.inf
            total += counts[k] * math.log1p(term)
    return total


@jit
def best_share(counts: Array, ratio: Array, largest: float, n_events: float) -> float:
    """The share f in [0, ``largest``] of the highest likelihood, to 1e-6 events: Newton steps inside a bracket, bisection where they leave it."""
    slope, curvature = slope_and_curvature(counts, ratio, 0.0)
    if slope <= 0.0 or n_events <= 0.0:
        return 0.0
    low, high = 0.0, largest
    share = min(slope / curvature, high) if curvature > 0.0 else high  # a curvature too small for a number is none
    for _ in range(MAX_STEPS):
        slope, curvature = slope_and_curvature(counts, ratio, share)
        if slope > 0.0:
            low = share
        else:
            high = share
        step = share + slope / curvature if curvature > 0.0 else high
        if not low < step < high:
            if slope > 0.0 and high == largest and step >= high and slope_and_curvature(counts, ratio, largest)[0] >= 0.0:
                return largest
            step = 0.5 * (low + high)
        if abs(step - share) * n_events < TOLERANCE_EVENTS:
            return step
        share = step
    return share


@jit
def slope_and_curvature(counts: Array, ratio: Array, share: float) -> tuple[float, float]:
    """First derivative of the log likelihood in f, and minus the second."""
    slope, curvature = 0.0, 0.0
    for k in range(len(counts)):
        if counts[k] > 0:
            weight = ratio[k] / (1.0 + share * ratio[k])
            slope += counts[k] * weight
            curvature += counts[k] * weight * weight
    return slope, curvature
