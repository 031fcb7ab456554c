"""The likelihood with a compiled loop over all events for each evaluation: what remains when masks and bincount are taken away."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numba import njit


def compiled_nll_and_gradient(
    counts: np.ndarray, bins: np.ndarray, x: np.ndarray, weights: Mapping[str, np.ndarray], theta: np.ndarray
) -> tuple[float, np.ndarray]:
    """Value and gradient in (norm, gamma, atmos); x = ln(E/100 TeV)."""
    return _evaluate(np.asarray(counts, float), bins, x, weights["astro"], weights["atmosphere"], *theta)


@njit(cache=False)
def _evaluate(counts, bins, x, astro, atmosphere, norm, gamma, atmos):  # type: ignore[no-untyped-def]
    sums = np.zeros((3, counts.size))
    for i in range(bins.size):
        a = astro[i] * math.exp(-(gamma - 2.5) * x[i])
        sums[0, bins[i]] += a
        sums[1, bins[i]] -= x[i] * a
        sums[2, bins[i]] += atmosphere[i]
    value, gradient = 0.0, np.zeros(3)
    for b in range(counts.size):
        mu = norm * sums[0, b] + atmos * sums[2, b]
        if mu <= 0:
            continue
        value += mu - counts[b] * math.log(mu) + math.lgamma(counts[b] + 1.0)
        ratio = 1.0 - counts[b] / mu
        gradient += np.array([ratio * sums[0, b], norm * ratio * sums[1, b], ratio * sums[2, b]])
    return value, gradient
