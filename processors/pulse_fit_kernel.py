"""Compiled least squares of one pulse, and the loop over waveforms. Times count from the first sample of a fit.

Levenberg, Q. Appl. Math. 2 (1944) 164; Marquardt, SIAM J. Appl. Math. 11 (1963) 431: the damping multiplies the diagonal of the normal
matrix, and a parameter at a bound that the gradient pushes against is held. A sharp pulse has a kink at its onset: its cost is smooth while the
onset stays between two samples and bends where it passes one, so that there may be a minimum on each side of a sample, or one on it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from processors.pulse_fit_shapes import AREA, BETA, ETA, ON_SAMPLE, ONSET, SHARP, fill_shape

Array = NDArray[np.float64]

SHAPES = "09a400ddde97"  # digest of pulse_fit_shapes.py: compiled code is cached by its own file alone, so this file must change when that one does

NOT_FITTED, NO_CONVERGENCE, CONVERGED, CONVERGED_BY_STEP, STUCK, AT_BOUND, DEGENERATE = -1, 0, 1, 2, 3, 4, 5


FIRST_DAMPING, EASE, TIGHTEN, LARGEST_DAMPING = 1e-3, 0.2, 4.0, 1e12
EQUAL_TIMES = 1e-3  # eta below which the two times are not told apart
EDGE_SHARE = 0.1  # of the height, where the leading edge is taken to start the fit
ROUNDING = 1e-15  # of the sum of squares: a smaller change of the cost means nothing
LIKELY = 0.8  # of the bend that would make the far side of a sample go down: try it from here on
REGROUPED = {"reassoc", "contract", "nsz"}


class Pulse(NamedTuple):
    """One waveform: y = b - V, the sum of its squares before each sample, step, model, and room for p + 2 rows of shapes."""

    y: Array
    before: Array
    dt: float
    model: int
    columns: Array


class Limits(NamedTuple):
    """Bounds (2, p); most steps, tolerance of the cost and of a step, most moves of the onset to a lower minimum across samples."""

    bounds: Array
    most: int
    ftol: float
    xtol: float
    crossings: int


class Room(NamedTuple):
    """Matrices (p, p) and vectors (p,) to work in."""

    normal: Array
    trial_normal: Array
    solved: Array
    gradient: Array
    trial_gradient: Array
    step: Array
    trial: Array


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fit_all(
    waveforms: NDArray, first: NDArray, length: NDArray, baseline: Array, bounds: Array, parameters: Array, covariance: Array, lever: Array,
    cost: Array, status: NDArray, iterations: NDArray, model: int, dt: float, tolerances: tuple[int, float, float, int], starts: Array,
) -> None:  # fmt: skip
    """Fit every row of ``waveforms`` (n, samples) from sample ``first`` on, ``length`` samples; 0 samples: not fitted.

    ``parameters`` (n, p) comes with the shape to start from (beta, eta[, sigma]) and leaves as the minimum; ``covariance`` (n, p, p) is the
    inverse normal matrix, for a noise of 1; ``lever`` (n, p) the change of the minimum with the baseline; ``cost`` (n,) the sum of squared
    residuals. ``starts``: onsets in samples from the leading edge; ``bounds`` (n, 2, p).
    """
    p, longest = parameters.shape[1], 0
    for row in range(len(length)):
        longest = max(longest, length[row])
    y, before, columns = np.empty(longest), np.empty(longest + 1), np.zeros((p + 2, longest))
    matrices, vectors = np.empty((3, p, p)), np.empty((4, p))
    room = Room(matrices[0], matrices[1], matrices[2], vectors[0], vectors[1], vectors[2], vectors[3])
    for row in range(len(waveforms)):
        n = length[row]
        status[row] = NOT_FITTED
        if n > p and load(waveforms[row, first[row] : first[row] + n], baseline[row], y[:n], before[: n + 1]):
            pulse = Pulse(y[:n], before[: n + 1], dt, model, columns)
            limits = Limits(bounds[row], tolerances[0], tolerances[1], tolerances[2], tolerances[3])
            cost[row], status[row], iterations[row] = fit_one(pulse, limits, room, starts, parameters[row], covariance[row], lever[row])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def load(waveform: NDArray, baseline: float, y: Array, before: Array) -> bool:
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
def fit_one(pulse: Pulse, limits: Limits, room: Room, starts: Array, best: Array, covariance: Array, lever: Array) -> tuple[float, int, int]:
    """Best minimum from all starts, in ``best``; its cost, status and number of steps."""
    y, dt = pulse.y, pulse.dt
    shape, trial = best.copy(), best.copy()
    shape[AREA], shape[ONSET] = np.sum(y) * dt, (leading_edge(y) - 0.5) * dt
    cost, status, steps = np.inf, NOT_FITTED, 0
    for start in starts:
        copy(shape, trial)
        trial[ONSET] += start * dt
        clip(trial, limits.bounds)
        found, reached, tried = descend(pulse, limits, room, trial)
        if found < cost:
            cost, status, steps = found, reached, tried
            copy(trial, best)
    if status == NOT_FITTED:
        return cost, status, steps
    for _ in range(limits.crossings if pulse.model == SHARP else 0):
        normal_equations(pulse, best, room.normal, room.gradient)
        invert(room.normal, covariance)
        found, reached, tried = across_samples(pulse, limits, room, best, covariance, cost)
        if not found < cost:
            break
        cost, status, steps = found, reached, steps + tried
    cost = normal_equations(pulse, best, room.normal, room.gradient)
    baseline_gradient(pulse, best, room.step)
    invert(room.normal, covariance)
    for i in range(len(lever)):
        lever[i] = dot(covariance[i], room.step)
    return cost, where(best, limits.bounds, status), steps


@numba.njit(cache=True, nogil=True, error_model="numpy")
def across_samples(pulse: Pulse, limits: Limits, room: Room, best: Array, covariance: Array, cost: float) -> tuple[float, int, int]:
    """A lower minimum with the onset beyond the next sample on either side, in ``best``; otherwise a cost that is no lower.

    Half the cost rises as H d^2 / 2, 1 / H the variance of the onset, and its slope bends down by J = y_m P s'(0) where the onset passes sample m:
    only where J > H d is there anything lower beyond, at about (J - H d) / H.
    """
    per_sample, curvature = best[ONSET] / pulse.dt, 1 / covariance[ONSET, ONSET]
    trial = best.copy()
    for side in (-1, 1):
        sample = math.ceil(per_sample - ON_SAMPLE) - 1 if side < 0 else math.floor(per_sample + ON_SAMPLE) + 1
        if not 0 <= sample < len(pulse.y):
            continue
        distance = abs(sample - per_sample) * pulse.dt
        bend = bend_at(pulse, best, sample)
        if not bend > LIKELY * curvature * distance:
            continue
        beyond = min(max(bend / curvature - distance, 0.1 * pulse.dt), 0.9 * pulse.dt)
        for i in range(len(best)):
            trial[i] = best[i] + covariance[i, ONSET] * curvature * side * (distance + beyond)
        clip(trial, limits.bounds)
        found, reached, tried = descend(pulse, limits, room, trial)
        if found < cost:
            copy(trial, best)
            return found, reached, tried
    return cost, NOT_FITTED, 0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def where(parameters: Array, bounds: Array, status: int) -> int:
    """Degenerate: times equal, or a smearing too small to be seen; both leave the area well defined. Otherwise at a bound, or as it was."""
    if status not in (CONVERGED, CONVERGED_BY_STEP):
        return status
    degenerate = parameters[ETA] < EQUAL_TIMES
    for i in range(len(parameters)):
        low, high = parameters[i] <= bounds[0, i], parameters[i] >= bounds[1, i]
        if i > ETA:
            degenerate = degenerate or low
        if high or (low and i < ETA):
            return AT_BOUND
    return DEGENERATE if degenerate else status


@numba.njit(cache=True, nogil=True, error_model="numpy")
def leading_edge(y: Array) -> float:
    """Where the waveform last rises through a tenth of its height before its maximum, in samples."""
    j = int(np.argmax(y))
    level = EDGE_SHARE * y[j]
    while j > 0 and y[j - 1] >= level:
        j -= 1
    if j == 0:
        return 0.0
    return j - 1 + (level - y[j - 1]) / (y[j] - y[j - 1])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def clip(parameters: Array, bounds: Array) -> None:
    """Into the bounds."""
    for i in range(len(parameters)):
        parameters[i] = min(max(parameters[i], bounds[0, i]), bounds[1, i])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def descend(pulse: Pulse, limits: Limits, room: Room, parameters: Array) -> tuple[float, int, int]:
    """Minimise from ``parameters``, which become the minimum; its cost, status and the number of steps tried."""
    cost, damping = normal_equations(pulse, parameters, room.normal, room.gradient), FIRST_DAMPING
    for tried in range(1, limits.most + 1):
        if damping > LARGEST_DAMPING:
            return cost, STUCK, tried
        if not next_step(pulse, parameters, limits.bounds, damping, room):
            damping *= TIGHTEN
            continue
        for i in range(len(parameters)):
            room.trial[i] = parameters[i] + room.step[i]
        clip(room.trial, limits.bounds)
        trial_cost = normal_equations(pulse, room.trial, room.trial_normal, room.trial_gradient)
        if not trial_cost <= cost and pulse.model == SHARP and stop_at_sample(parameters, room.trial, pulse.dt):
            trial_cost = normal_equations(pulse, room.trial, room.trial_normal, room.trial_gradient)
        moved = size_of(parameters, room.trial)
        if trial_cost <= cost:
            gained, cost = cost - trial_cost, trial_cost
            accept(room, parameters)
            damping *= EASE
            if moved < limits.xtol and gained <= limits.ftol * cost + ROUNDING * pulse.before[-1]:
                return cost, CONVERGED, tried
        else:
            if moved < limits.xtol:
                return cost, CONVERGED_BY_STEP, tried
            damping *= TIGHTEN
    return cost, NO_CONVERGENCE, limits.most


@numba.njit(cache=True, nogil=True, error_model="numpy")
def accept(room: Room, parameters: Array) -> None:
    """Make the trial the present point."""
    copy(room.trial, parameters)
    copy(room.trial_gradient, room.gradient)
    for i in range(len(parameters)):
        copy(room.trial_normal[i], room.normal[i])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def copy(source: Array, target: Array) -> None:
    """As ``target[:] = source``, which takes seconds to compile for the error that it may raise."""
    for i in range(len(source)):
        target[i] = source[i]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def stop_at_sample(parameters: Array, trial: Array, dt: float) -> bool:
    """Shorten a step that carries the onset over a sample, so that it ends on the sample; whether it did."""
    here, there = parameters[ONSET] / dt, trial[ONSET] / dt
    sample = math.floor(here + ON_SAMPLE) + 1 if there > here else math.ceil(here - ON_SAMPLE) - 1
    if not min(here, there) < sample < max(here, there):
        return False
    share = (sample - here) / (there - here)
    for i in range(len(trial)):
        trial[i] = parameters[i] + share * (trial[i] - parameters[i])
    trial[ONSET] = sample * dt
    return True


@numba.njit(cache=True, nogil=True, error_model="numpy")
def size_of(parameters: Array, trial: Array) -> float:
    """Length of a step: the largest of its parts in units of the area, 1 / beta, beta, 1 and sigma."""
    largest = 0.0
    for i in range(len(parameters)):
        unit = 1 / parameters[BETA] if i == ONSET else 1.0 if i == ETA else parameters[i]
        largest = max(largest, abs(trial[i] - parameters[i]) / max(unit, 1e-300))
    return largest


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REGROUPED)
def dot(a: Array, b: Array) -> float:
    """Sum of products, in an order that suits the processor."""
    total = 0.0
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy")
def normal_equations(pulse: Pulse, parameters: Array, normal: Array, gradient: Array) -> float:
    """Sum of squared residuals r = y - P s; J^T J in ``normal`` (lower half) and J^T r in ``gradient``, J the derivatives of P s."""
    p, n, columns, area = len(parameters), len(pulse.y), pulse.columns, parameters[AREA]
    first = fill_shape(pulse.model, parameters, pulse.dt, columns[p:], columns[:p], n)
    residual = columns[p, first:n]
    for j in range(n - first):
        residual[j] = pulse.y[first + j] - area * columns[0, first + j]
    for i in range(p):
        scale = 1.0 if i == 0 else area
        column = columns[i, first:n]
        gradient[i] = scale * dot(column, residual)
        for k in range(i + 1):
            normal[i, k] = scale * (1.0 if k == 0 else area) * dot(column, columns[k, first:n])
    return pulse.before[first] + dot(residual, residual)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def next_step(pulse: Pulse, parameters: Array, bounds: Array, damping: float, room: Room) -> bool:
    """(J^T J + damping diag) step = J^T r for the parameters that are free to move; whether the matrix is positive."""
    normal, gradient, step, solved = room.normal, room.gradient, room.step, room.solved
    for i in range(len(step)):
        held = is_held(pulse, parameters, bounds, gradient, i)
        step[i] = 0.0 if held else gradient[i]
        for k in range(i):
            solved[i, k] = 0.0 if held or solved[k, k] < 0 else normal[i, k]
        solved[i, i] = -1.0 if held else normal[i, i] * (1 + damping)
    for i in range(len(step)):
        solved[i, i] = abs(solved[i, i])  # 1 where held
    if not cholesky(solved):
        return False
    substitute(solved, step)
    return True


@numba.njit(cache=True, nogil=True, error_model="numpy")
def is_held(pulse: Pulse, parameters: Array, bounds: Array, gradient: Array, i: int) -> bool:
    """Whether a parameter lies at a bound that the gradient pushes against, or the onset on a sample from which the cost rises to both sides."""
    if (parameters[i] <= bounds[0, i] and gradient[i] <= 0) or (parameters[i] >= bounds[1, i] and gradient[i] >= 0):
        return True
    if i != ONSET or pulse.model != SHARP:
        return False
    sample = round(parameters[ONSET] / pulse.dt)
    if not 0 <= sample < len(pulse.y) or abs(parameters[ONSET] - sample * pulse.dt) > ON_SAMPLE * pulse.dt:
        return False
    from_left = gradient[ONSET]  # it includes the sample
    return from_left >= 0 and from_left + bend_at(pulse, parameters, sample) <= 0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def bend_at(pulse: Pulse, parameters: Array, sample: int) -> float:
    """How much less steeply half the cost rises after the onset passed a sample, in either direction: y P s'(0)."""
    return pulse.y[sample] * parameters[AREA] * parameters[BETA] ** 2 * (1 - parameters[ETA])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def baseline_gradient(pulse: Pulse, parameters: Array, gradient: Array) -> None:
    """J^T 1: what a baseline higher by 1 V adds to the gradient."""
    p, n = len(parameters), len(pulse.y)
    first = fill_shape(pulse.model, parameters, pulse.dt, pulse.columns[p:], pulse.columns[:p], n)
    for i in range(p):
        gradient[i] = (1.0 if i == 0 else parameters[AREA]) * np.sum(pulse.columns[i, first:n])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def cholesky(matrix: Array) -> bool:
    """Lower factor in place; whether the matrix is positive."""
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
def substitute(factor: Array, vector: Array) -> None:
    """Solve with the lower factor, in place."""
    p = len(vector)
    for i in range(p):
        for k in range(i):
            vector[i] -= factor[i, k] * vector[k]
        vector[i] /= factor[i, i]
    for i in range(p - 1, -1, -1):
        for k in range(i + 1, p):
            vector[i] -= factor[k, i] * vector[k]
        vector[i] /= factor[i, i]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def invert(matrix: Array, inverse: Array) -> None:
    """Inverse of a positive matrix, NaN of another; ``matrix`` becomes its lower factor."""
    positive = cholesky(matrix)
    for i in range(len(matrix)):
        for k in range(len(matrix)):
            inverse[i, k] = np.nan if not positive else 1.0 if i == k else 0.0
        if positive:
            substitute(matrix, inverse[i])
