"""The global minimum of a pulse fit, slowly: SciPy's bounded least squares with the onset confined between two samples, for one pair after another.

Between two samples the cost is smooth, so each of these fits is an ordinary one; the best of them is the minimum over the range that they cover.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from physics.pulse_shapes import pulse, pulse_derivatives

Array = NDArray[np.float64]


def best_fit(time_ns: Array, height_v: Array, start: Array, samples: range) -> tuple[Array, float]:
    """Parameters (area, onset, beta, eta) and sum of squares for a positive pulse; onsets between ``time_ns[k]`` and the next."""

    def residuals(p: Array) -> Array:
        return p[0] * pulse(time_ns - p[1], p[2], p[3]) - height_v

    def jacobian(p: Array) -> Array:
        u = time_ns - p[1]
        shape = pulse(u, p[2], p[3])
        return np.stack([shape, *(p[0] * part for part in pulse_derivatives(u, p[2], p[3]))], axis=1)

    found = []
    for k in samples:
        low, high = np.array([0, time_ns[k], 0.05, 0]), np.array([np.inf, time_ns[k + 1], 12, 0.9999])
        guess = np.array([start[0], 0.5 * (time_ns[k] + time_ns[k + 1]), start[2], start[3]])
        found.append(least_squares(residuals, guess, jacobian, (low, high), x_scale=[0.1, 0.1, 0.5, 0.3], ftol=1e-14, xtol=1e-12, gtol=1e-14))
    best = min(found, key=lambda fit: fit.cost)
    return best.x, 2 * best.cost
