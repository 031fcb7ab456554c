"""Damped Newton minimisation with bounds: eigenvalues made positive, limited steps, backtracking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EIGENVALUE_FLOOR = 1e-9  # of the largest, parameters scaled to a unit diagonal: a bin that vanishes must not stall the others
LARGEST_STEP = 2.0  # in any parameter
DECREMENT = 1e-8  # gradient H^-1 gradient at which the minimum is found: 1e-4 of an error away, and the last step squares that
SMALL_STEP = 1e-3  # the last step, if it is that small
ROUNDING = 1e-6  # what is left to gain where no step lowers the objective
SUFFICIENT = 1e-4  # of the predicted decrease (Armijo)
ITERATIONS = 200
NOT_FINITE = "the objective is not finite at the start"
HALVINGS = 40


class SecondOrder(Protocol):
    """What the expansion of an objective has to offer."""

    @property
    def value(self) -> float:
        """The objective."""
        ...

    @property
    def gradient(self) -> Array:
        """(p,)."""
        ...

    @property
    def hessian(self) -> Array:
        """(p, p)."""
        ...


@dataclass(frozen=True)
class NewtonMinimum:
    """Where the minimisation ended; ``free`` marks parameters neither fixed nor held at a bound."""

    theta: Array
    converged: bool
    reason: str
    decrement: float
    iterations: int
    free: NDArray[np.bool_]


def newton(
    expand: Callable[[Array], SecondOrder],
    value: Callable[[Array], float],
    start: Array,
    *,
    lower: Array,
    upper: Array,
    fixed: NDArray[np.bool_] | None = None,
) -> NewtonMinimum:
    """Minimise from ``start`` (p,) within bounds; ``fixed`` parameters stay. A failure is a result with its reason."""
    theta = np.clip(np.asarray(start, dtype=float), lower, upper)
    movable = np.ones(theta.size, bool) if fixed is None else ~fixed
    decrement, free = np.inf, movable
    if not np.isfinite(value(theta)):
        return NewtonMinimum(theta, False, NOT_FINITE, np.inf, 0, free)
    for iteration in range(ITERATIONS):
        here = expand(theta)
        outward = ((theta <= lower) & (here.gradient > 0)) | ((theta >= upper) & (here.gradient < 0))
        free = movable & ~outward
        step = np.zeros_like(theta)
        step[free] = _direction(here.gradient[free], here.hessian[np.ix_(free, free)])
        decrement = float(-here.gradient @ step)
        if decrement < DECREMENT:
            last = np.clip(theta + step, lower, upper) if np.max(np.abs(step), initial=0.0) < SMALL_STEP else theta
            return NewtonMinimum(last, True, "", decrement, iteration, free)
        following = _backtrack(value, theta, here.value, step, decrement, lower, upper)
        if following is None:  # rounding hides what is left to gain
            found = decrement < ROUNDING
            return NewtonMinimum(theta, found, "" if found else "no step lowers the objective", decrement, iteration, free)
        theta = following
    return NewtonMinimum(theta, False, f"not converged in {ITERATIONS} steps", decrement, ITERATIONS, free)


def _direction(gradient: Array, hessian: Array) -> Array:
    scale = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    values, vectors = np.linalg.eigh(hessian / np.outer(scale, scale))
    sizes = np.abs(values)
    sizes = np.maximum(sizes, EIGENVALUE_FLOOR * sizes.max(initial=1e-300))
    step: Array = -(vectors @ ((vectors.T @ (gradient / scale)) / sizes)) / scale
    return step


def _backtrack(
    value: Callable[[Array], float], theta: Array, before: float, step: Array, decrement: float, lower: Array, upper: Array
) -> Array | None:
    """The longest of the steps 1, 1/2, 1/4, ... that gains enough; None if none does."""
    length = min(1.0, LARGEST_STEP / np.max(np.abs(step)))
    for _ in range(HALVINGS):
        trial = np.clip(theta + length * step, lower, upper)
        if value(trial) < before - SUFFICIENT * length * decrement:
            return trial
        length *= 0.5
    return None
