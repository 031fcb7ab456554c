"""ln Gamma(a + g) - ln Gamma(a) and its first two derivatives in a, without the cancellation of the two large terms.

Stirling's series of both (Abramowitz & Stegun 6.1.41; 6.3.18 and 6.4.12 for the derivatives), subtracted on paper. Below ``SERIES_ABOVE`` the
recurrence Gamma(z + 1) = z Gamma(z) raises a first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SERIES_ABOVE = 16.0  # first missing term of the series there: 1 / (1188 z^9) = 1e-14


def log_gamma_ratio(a: Array, g: Array) -> Array:
    """ln Gamma(a + g) - ln Gamma(a) for a >= 1 and g >= 0 that broadcast to the shape of ``a``.

    >>> float(log_gamma_ratio(np.array([2.0]), np.array([3.0]))[0])  # ln(4! / 1!)
    3.17805383034...
    """
    small = a < SERIES_ABOVE
    if not small.any():
        return _series(a, g)
    raised = np.where(small, a + SERIES_ABOVE, a)
    total = _series(raised, g)
    low, counts = a[small], np.broadcast_to(g, a.shape)[small]
    product = np.zeros_like(low)
    for j in range(int(SERIES_ABOVE)):
        product += np.log1p(counts / (low + j))
    total[small] -= product
    return total


def ratio_derivatives(a: Array, g: Array) -> tuple[Array, Array]:
    """First and second derivative of ``log_gamma_ratio`` in a: differences of digamma and of trigamma."""
    small = a < SERIES_ABOVE
    z = np.where(small, a + SERIES_ABOVE, a)
    last = z + g
    first = np.log1p(g / z) + g / (2 * z * last) + _correction_slope(last) - _correction_slope(z)
    second = -g / (z * last) - g * (z + last) / (2 * (z * last) ** 2) + _correction_curvature(last) - _correction_curvature(z)
    if small.any():
        low, counts = np.where(small, a, 1.0), np.where(small, g, 0.0)
        for j in range(int(SERIES_ABOVE)):
            here = (low + j) * (low + j + counts)
            first = first + counts / here
            second = second - counts * (2 * (low + j) + counts) / here**2
    return first, second


def _series(z: Array, g: Array) -> Array:
    last = z + g
    return (z - 0.5) * np.log1p(g / z) + g * np.log(last) - g + _correction(last) - _correction(z)


def _correction(z: Array) -> Array:
    w = 1.0 / z
    w2 = w * w
    return w * (1 / 12 - w2 * (1 / 360 - w2 * (1 / 1260 - w2 / 1680)))


def _correction_slope(z: Array) -> Array:
    w2 = 1.0 / (z * z)
    return -w2 * (1 / 12 - w2 * (1 / 120 - w2 * (1 / 252 - w2 / 240)))


def _correction_curvature(z: Array) -> Array:
    w = 1.0 / z
    w2 = w * w
    return w * w2 * (1 / 6 - w2 * (1 / 30 - w2 * (1 / 42 - w2 / 30)))
