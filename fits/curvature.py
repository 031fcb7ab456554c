"""Second derivatives at a minimum from differences of the analytic gradient, and the covariance they imply."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Gradient = Callable[[Array], Array]

STEP = 1.0e-3  # in units of the error: truncation ~ 1e-6 of the third derivative, rounding ~ 1e-12


def hessian(gradient: Gradient, theta: Array, errors: Array, lower: Array, upper: Array, free: NDArray[np.bool_]) -> Array:
    """Symmetric second derivatives (parameters, parameters); rows of parameters that are not free are zero.

    ``errors`` set the step (1e-3 of each); near a bound the difference is taken on the allowed side only.
    """
    matrix = np.zeros((theta.size, theta.size))
    for i in np.flatnonzero(free):
        step = STEP * errors[i] if np.isfinite(errors[i]) and errors[i] > 0 else 1e-4 * max(abs(theta[i]), 1.0)
        points = theta.copy(), theta.copy()
        points[0][i] = max(theta[i] - step, lower[i])
        points[1][i] = min(theta[i] + step, upper[i])
        matrix[i] = (gradient(points[1]) - gradient(points[0])) / (points[1][i] - points[0][i])
    matrix[:, ~free] = 0.0
    return 0.5 * (matrix + matrix.T)


def covariance(matrix: Array, free: NDArray[np.bool_]) -> Array | None:
    """Inverse of the free block of a Hessian, zero elsewhere; None when it is not positive definite."""
    out = np.zeros_like(matrix)
    block = np.ix_(free, free)
    try:
        np.linalg.cholesky(matrix[block])
    except np.linalg.LinAlgError:
        return None
    out[block] = np.linalg.inv(matrix[block])
    return out
