"""Unfolding by singular values (A. Hoecker, V. Kartvelishvili, NIM A372 (1996) 469): truncated, or damped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TruncatedFit:
    """``f`` (truth bins,), its covariance, the ``singular_values`` and the share of each that was kept (``filters``)."""

    f: Array
    covariance: Array
    singular_values: Array
    filters: Array

    @property
    def error(self) -> Array:
        """Standard deviation of f."""
        deviation: Array = np.sqrt(np.diag(self.covariance))
        return deviation


def truncated(problem: UnfoldingProblem, *, k: int | None = None, tau: float | None = None, around_reference: bool = False) -> TruncatedFit:
    """Keep the ``k`` largest singular values, or damp with s^2/(s^2 + 1/tau); by default all are kept.

    With g the counts (variance floored at 1):  diag(g^-1/2) A diag(f_ref) w = g^-1/2 (g - b), f = f_ref w. What is cut off is 0, or, with
    ``around_reference``, as in the reference: then w - 1 is what is solved for. InputError for k outside 1..n, for tau <= 0, or for both.
    """
    if k is not None and tau is not None:
        raise InputError("singular values are either truncated (k) or damped (tau), not both")
    if k is not None and not 1 <= k <= problem.n:
        raise InputError(f"k = {k}: the number of singular values to keep is 1 to {problem.n}")
    if tau is not None and not tau > 0:
        raise InputError(f"tau = {tau} must be positive; tau is a variance, smaller = stronger")
    weight = 1.0 / np.sqrt(np.maximum(problem.g, 1.0))
    reference = problem.f_reference
    left, values, right = np.linalg.svd(problem.A * reference * weight[:, None], full_matrices=False)
    filters = np.ones(values.size) if tau is None else values**2 / (values**2 + 1.0 / tau)
    filters[values.size if k is None else k :] = 0.0
    inverse = reference[:, None] * (right.T * (filters / values)) @ (left.T * weight)  # f = inverse (g - b)
    start = reference if around_reference else np.zeros_like(reference)
    return TruncatedFit(start + inverse @ (problem.g - problem.expected(start)), (inverse * np.maximum(problem.g, 1.0)) @ inverse.T, values, filters)
