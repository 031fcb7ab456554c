"""Likelihoods of counts in bins: negative logarithm and its derivatives in expectation and variance.

Each kernel takes counts ``k``, expectations ``mu`` and (where it uses them) variances of the expectation ``s2`` from the finite simulation, all of shape
(bins,), and returns ``(nll, dnll/dmu, dnll/ds2)`` per bin, ln k! included. A bin with ``k = mu = 0`` contributes nothing; ``k > 0`` with ``mu <= 0`` is +inf.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

Array = NDArray[np.float64]
Kernel = tuple[Array, Array, Array]


def poisson(k: ArrayLike, mu: ArrayLike) -> Kernel:
    """Poisson: ``mu - k ln mu + ln k!`` (k may be non-integer, as in an Asimov set)."""
    k, mu = np.broadcast_arrays(np.asarray(k, dtype=float), np.asarray(mu, dtype=float))
    seen = k > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.where(seen, k * np.log(np.maximum(mu, 0.0)), 0.0)
        slope = np.where(seen, k / mu, 0.0)
    return mu - logarithm + gammaln(k + 1.0), 1.0 - slope, np.zeros_like(mu)
