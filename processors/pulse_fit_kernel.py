"""Compiled least squares of one pulse by Levenberg and Marquardt, and the loop over waveforms.

Levenberg, Q. Appl. Math. 2 (1944) 164; Marquardt, SIAM J. Appl. Math. 11 (1963) 431. The damping multiplies the diagonal of the normal matrix; a parameter
at a bound that the gradient pushes against is held. The pulse starts with a kink, so the cost has a local minimum between every two samples: the fit
starts from several onsets and keeps the best.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from processors.pulse_fit_models import fill_shape

Array = NDArray[np.float64]

NOT_FITTED, NO_CONVERGENCE, CONVERGED, CONVERGED_BY_STEP, STUCK, AT_BOUND, DEGENERATE = -1, 0, 1, 2, 3, 4, 5

FIRST_DAMPING, EASE, TIGHTEN, LARGEST_DAMPING = 1e-3, 0.2, 4.0, 1e12
EQUAL_TIMES = 1e-3  # eta below which the two times are not told apart
EDGE_SHARE = 0.1  # of the height, where the leading edge is taken to start the fit
ROUNDING = 1e-15  # of the sum of squares: a smaller change of the cost means nothing
REGROUPED = {"reassoc", "contract", "nsz"}
AREA, ONSET, BETA, ETA = 0, 1, 2, 3


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fit_all(
    waveforms: NDArray, first: NDArray, length: NDArray, baseline: Array, model: int, dt: float, settings: Array, starts: Array, bounds: Array,
    parameters: Array, covariance: Array, cost: Array, status: NDArray, iterations: NDArray,
) -> None:  # fmt: skip
    """Fit every row of ``waveforms`` (n, samples) from sample ``first`` on, ``length`` samples; 0 samples: not fitted.

    ``parameters`` (n, p) comes with the shape to start from (beta, eta[, sigma]) and leaves as the minimum, onsets in ns from sample ``first``;
    ``covariance`` (n, p, p) is the inverse normal matrix, for a noise of 1; ``cost`` (n,) the sum of squared residuals. ``starts``: onsets in samples
    from the leading edge; ``bounds`` (n, 2, p); ``settings``: most iterations, tolerance of cost and of step.
    """
    p, longest = parameters.shape[1], 0
    for row in range(len(length)):
        longest = max(longest, length[row])
    y, before, columns = np.empty(longest), np.empty(longest + 1), np.zeros((p + 2, longest))
    work = np.empty((3 * p + 6, p))
    for row in range(len(waveforms)):
        n = length[row]
        status[row] = NOT_FITTED
        if n > p and _load(waveforms[row, first[row] : first[row] + n], baseline[row], y[:n], before[: n + 1]):
            _fit_one(
                y[:n], before[: n + 1], model, dt, settings, starts, bounds[row], columns[:, :n], work,
                parameters[row], covariance[row], cost[row : row + 1], status[row : row + 1], iterations[row : row + 1],
            )  # fmt: skip


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _load(waveform: NDArray, baseline: float, y: Array, before: Array) -> bool:
    """The pulse y = b - V, positive, and the sum of squares before each sample; whether it is finite with a positive area."""
    total, squares = 0.0, 0.0
    before[0] = 0.0
    for j in range(len(y)):
        value = baseline - np.float64(waveform[j])
        y[j] = value
        total += value
        squares += value * value
        before[j + 1] = squares
    return total > 0 and math.isfinite(squares)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fit_one(
    y: Array, before: Array, model: int, dt: float, settings: Array, starts: Array, bounds: Array, columns: Array, work: Array,
    best: Array, covariance: Array, cost: Array, status: NDArray, iterations: NDArray,
) -> None:  # fmt: skip
    p = len(best)
    shape, trial = work[3 * p + 4].copy(), work[3 * p + 5]
    shape[:] = best
    shape[AREA], shape[ONSET] = np.sum(y) * dt, (_leading_edge(y) - 0.5) * dt
    cost[0], iterations[0] = np.inf, 0
    for start in starts:
        trial[:] = shape
        trial[ONSET] += start * dt
        for i in range(p):
            trial[i] = min(max(trial[i], bounds[0, i]), bounds[1, i])
        found, reached, steps = _descend(y, before, model, dt, settings, bounds, columns, work, trial)
        if found < cost[0]:
            cost[0], status[0], iterations[0] = found, reached, steps
            best[:] = trial
    if status[0] == NOT_FITTED:
        return
    cost[0] = _normal(y, before, model, dt, best, columns, work[:p], work[2 * p])
    _invert(work[:p], covariance)
    if status[0] == CONVERGED or status[0] == CONVERGED_BY_STEP:
        status[0] = _where(best, bounds, status[0])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _where(parameters: Array, bounds: Array, status: int) -> int:
    """Degenerate: times equal, or a smearing too small to be seen; both leave the area well defined. Otherwise at a bound, or as it was."""
    degenerate = parameters[ETA] < EQUAL_TIMES
    for i in range(len(parameters)):
        low, high = parameters[i] <= bounds[0, i], parameters[i] >= bounds[1, i]
        if i > ETA:
            degenerate = degenerate or low
        if high or (low and i < ETA):
            return AT_BOUND
    return DEGENERATE if degenerate else status


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _leading_edge(y: Array) -> float:
    """Where the waveform last rises through a tenth of its height before its maximum, in samples."""
    j = int(np.argmax(y))
    level = EDGE_SHARE * y[j]
    while j > 0 and y[j - 1] >= level:
        j -= 1
    if j == 0:
        return 0.0
    return j - 1 + (level - y[j - 1]) / (y[j] - y[j - 1])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _descend(
    y: Array, before: Array, model: int, dt: float, settings: Array, bounds: Array, columns: Array, work: Array, parameters: Array
) -> tuple[float, int, int]:
    """Minimise from ``parameters``, which become the minimum; its cost, status and the number of steps tried."""
    p = len(parameters)
    normal, trial_normal, solved = work[:p], work[p : 2 * p], work[2 * p + 4 : 3 * p + 4]
    gradient, trial_gradient, step, trial = work[2 * p], work[2 * p + 1], work[2 * p + 2], work[2 * p + 3]
    cost, damping = _normal(y, before, model, dt, parameters, columns, normal, gradient), FIRST_DAMPING
    for tried in range(1, int(settings[0]) + 1):
        if damping > LARGEST_DAMPING:
            return cost, STUCK, tried
        if not _solve(normal, gradient, parameters, bounds, damping, solved, step):
            damping *= TIGHTEN
            continue
        moved = _move(parameters, step, bounds, trial)
        trial_cost = _normal(y, before, model, dt, trial, columns, trial_normal, trial_gradient)
        if trial_cost <= cost:
            gained = cost - trial_cost
            cost = trial_cost
            parameters[:], gradient[:], normal[:] = trial, trial_gradient, trial_normal
            damping *= EASE
            if moved < settings[2] and gained <= settings[1] * cost + ROUNDING * before[-1]:
                return cost, CONVERGED, tried
        else:
            if moved < settings[2]:
                return cost, CONVERGED_BY_STEP, tried
            damping *= TIGHTEN
    return cost, NO_CONVERGENCE, int(settings[0])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _move(parameters: Array, step: Array, bounds: Array, trial: Array) -> float:
    """The next point, inside the bounds; how far it lies in units of the area, of 1 / beta, of beta, of 1 and of sigma, the largest of these."""
    largest = 0.0
    for i in range(len(parameters)):
        trial[i] = min(max(parameters[i] + step[i], bounds[0, i]), bounds[1, i])
        unit = 1 / parameters[BETA] if i == ONSET else 1.0 if i == ETA else parameters[i]
        largest = max(largest, abs(trial[i] - parameters[i]) / max(unit, 1e-300))
    return largest


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REGROUPED)
def _dot(a: Array, b: Array) -> float:
    total = 0.0
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _normal(y: Array, before: Array, model: int, dt: float, parameters: Array, columns: Array, normal: Array, gradient: Array) -> float:
    """Sum of squared residuals r = y - P s at ``parameters``; J^T J in ``normal`` and J^T r in ``gradient``, J the derivatives of P s."""
    p = len(parameters)
    first = fill_shape(model, parameters, dt, columns[p:], columns[:p])
    area = parameters[AREA]
    residual = columns[p, first:]
    shape = columns[0, first:]
    for j in range(len(residual)):
        residual[j] = y[first + j] - area * shape[j]
    for i in range(p):
        scale = 1.0 if i == 0 else area
        column = columns[i, first:]
        gradient[i] = scale * _dot(column, residual)
        for k in range(i + 1):
            normal[i, k] = scale * (1.0 if k == 0 else area) * _dot(column, columns[k, first:])
    return before[first] + _dot(residual, residual)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _solve(normal: Array, gradient: Array, parameters: Array, bounds: Array, damping: float, solved: Array, step: Array) -> bool:
    """(J^T J + damping diag) step = J^T r by Cholesky for the parameters that are free to move; whether the matrix is positive."""
    p = len(gradient)
    for i in range(p):
        held = (parameters[i] <= bounds[0, i] and gradient[i] <= 0) or (parameters[i] >= bounds[1, i] and gradient[i] >= 0)
        step[i] = 0.0 if held else gradient[i]
        for k in range(i):
            solved[i, k] = 0.0 if held or solved[k, k] < 0 else normal[i, k]
        solved[i, i] = -1.0 if held else normal[i, i] * (1 + damping)
    for i in range(p):
        if solved[i, i] < 0:
            solved[i, i] = 1.0
    return _cholesky(solved) and _substitute(solved, step)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _cholesky(matrix: Array) -> bool:
    """Lower factor in place."""
    p = len(matrix)
    for i in range(p):
        for k in range(i + 1):
            rest = matrix[i, k]
            for m in range(k):
                rest -= matrix[i, m] * matrix[k, m]
            if k < i:
                matrix[i, k] = rest / matrix[k, k]
            elif not rest > 0:
                return False
            else:
                matrix[i, i] = math.sqrt(rest)
    return True


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _substitute(factor: Array, vector: Array) -> bool:
    p = len(vector)
    for i in range(p):
        for k in range(i):
            vector[i] -= factor[i, k] * vector[k]
        vector[i] /= factor[i, i]
    for i in range(p - 1, -1, -1):
        for k in range(i + 1, p):
            vector[i] -= factor[k, i] * vector[k]
        vector[i] /= factor[i, i]
    return True


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _invert(matrix: Array, inverse: Array) -> None:
    """Inverse of a positive matrix; NaN where it is not positive. ``matrix`` becomes its lower factor."""
    p = len(matrix)
    for i in range(p):
        for k in range(p):
            inverse[i, k] = 1.0 if i == k else 0.0
    if not _cholesky(matrix):
        inverse[:] = np.nan
        return
    for i in range(p):
        _substitute(matrix, inverse[i])
