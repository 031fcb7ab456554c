"""Iterative Bayesian unfolding (G. D'Agostini, NIM A362 (1995) 487) with the covariance of the full recursion (T. Adye, arXiv:1105.1160)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]

CHANGE = 0.01  # chi2 per bin between iterations at which to stop
LARGEST = 100  # iterations
STARTS = ("reference", "flat")


@dataclass(frozen=True)
class IterativeFit:
    """``f`` (truth bins,) after ``iterations`` with its statistical covariance; ``change``: last chi2 per bin between iterations."""

    f: Array
    covariance: Array
    iterations: int
    change: float
    converged: bool

    @property
    def error(self) -> Array:
        """Standard deviation of f."""
        deviation: Array = np.sqrt(np.diag(self.covariance))
        return deviation


def iterate(problem: UnfoldingProblem, *, iterations: int | None = None, start: Literal["reference", "flat"] = "reference") -> IterativeFit:
    """Iterate ``iterations`` times, or until the spectrum changes by less than ``CHANGE`` per bin (at most ``LARGEST`` times).

    ``start``: the reference truth; ``flat`` warns, for a steep spectrum needs hundreds of iterations from there.
    """
    if start not in STARTS:
        raise InputError(f"start {start!r} does not exist{nearest(start, STARTS)}")
    if iterations is not None and iterations < 1:
        raise InputError(f"iterations = {iterations}: at least 1, or None to stop by itself")
    f = problem.f_reference
    if start == "flat":
        warnings.warn("iterative unfolding from a flat start, stopped early, is biased towards flat: start from the reference", stacklevel=3)
        f = np.full(problem.n, f.mean())
    response, efficiency = problem.A, problem.A.sum(axis=0)
    derivative = np.zeros((problem.n, problem.m))  # df_j/dg_i
    change, done = np.inf, 0
    while done < (iterations or LARGEST):
        expected = np.maximum(response @ f + problem.b, 1e-300)
        ratio = problem.g / expected
        share = response * f / (expected[:, None] * efficiency)  # P_ij
        following = f * (response.T @ ratio) / efficiency
        growth = np.divide(following, f, out=np.zeros_like(f), where=f > 0)
        derivative = share.T + growth[:, None] * derivative - (share * ratio[:, None]).T @ (response @ derivative)
        change = float(np.mean((following - f) ** 2 / np.maximum(following, 1.0)))
        f, done = following, done + 1
        if iterations is None and change < CHANGE:
            break
    return IterativeFit(f, (derivative * problem.g) @ derivative.T, done, change, change < CHANGE)
