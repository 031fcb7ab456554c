"""The smoothness prior: (1/2) sum_r (D y)_r^2 / tau_r on the truth bins inside the range.

tau is a variance: smaller is stronger. y is a function of each bin's own u = ln f, chosen by ``space``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest

Array = NDArray[np.float64]
Space = Literal["log_ratio", "log_flux", "linear"]
SPACES: tuple[Space, ...] = ("log_ratio", "log_flux", "linear")
LN10 = math.log(10.0)


def differences(n: int) -> Array:
    """Matrix D (n, n): second differences (1, -2, 1) inside, first differences (-1, 1) at both ends.

    >>> differences(4)
    array([[-1.,  1.,  0.,  0.],
           [ 1., -2.,  1.,  0.],
           [ 0.,  1., -2.,  1.],
           [ 0.,  0., -1.,  1.]])
    """
    matrix = np.diag(np.full(n, -2.0)) + np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1)
    matrix[0, :2] = matrix[-1, -2:] = (-1.0, 1.0)
    return matrix


def strengths(tau: float | Sequence[float] | None, n: int) -> Array | None:
    """tau for each of the ``n`` regularised bins, None without regularisation. InputError unless positive and one or ``n`` of them."""
    if tau is None:
        return None
    values = np.atleast_1d(np.asarray(tau, dtype=float))
    if values.shape not in ((1,), (n,)) or not np.all(values > 0) or np.any(np.isnan(values)):
        given = values.tolist() if values.size > 1 else values.item() if values.size else []
        raise InputError(f"tau = {given}: expected one positive number or a list of {n}, one for each bin; tau is a variance, smaller = stronger")
    return np.broadcast_to(values, (n,)).copy()


@dataclass(frozen=True)
class Penalty:
    """The prior on bins ``inside`` (a slice of the truth bins); ``scale``: positive factors of y by bin, ``offset`` is added to f.

    y = log10((f + offset) scale), or f scale in the space ``linear``.
    """

    inside: slice
    scale: Array
    tau: Array | None
    linear: bool = False
    offset: float = 0.0

    def coordinates(self, u: Array) -> Array:
        """y (..., regularised bins) of u (..., truth bins)."""
        f = np.exp(u[..., self.inside])
        if self.linear:
            return f * self.scale
        logarithm = u[..., self.inside] if self.offset == 0 else np.log(f + self.offset)
        return (logarithm + np.log(self.scale)) / LN10

    def value(self, u: Array) -> Array:
        """The penalty (...,); 0 without regularisation."""
        if self.tau is None:
            return np.zeros(u.shape[:-1])
        return 0.5 * ((self.coordinates(u) @ differences(self.scale.size).T) ** 2 / self.tau).sum(axis=-1)

    def roughness(self, u: Array) -> float:
        """The penalty at tau = 1: what an L-curve shows."""
        return float(0.5 * ((differences(self.scale.size) @ self.coordinates(u)) ** 2).sum())

    def slopes(self, u: Array) -> tuple[Array, Array]:
        """Gradient (truth bins,) and Hessian (truth bins, truth bins) in u."""
        gradient, hessian = np.zeros(u.size), np.zeros((u.size, u.size))
        if self.tau is None:
            return gradient, hessian
        matrix = differences(self.scale.size)
        weighted = matrix.T / self.tau
        pull = weighted @ (matrix @ self.coordinates(u))
        first, second = self._jacobian(u)
        gradient[self.inside] = pull * first
        hessian[self.inside, self.inside] = np.outer(first, first) * (weighted @ matrix) + np.diag(pull * second)
        return gradient, hessian

    def _jacobian(self, u: Array) -> tuple[Array, Array]:
        """dy/du and d^2y/du^2 by bin."""
        f = np.exp(u[self.inside])
        if self.linear:
            return f * self.scale, f * self.scale
        part = f / (f + self.offset)
        return part / LN10, part * (1.0 - part) / LN10


def check_space(space: str) -> None:
    """InputError for a space that does not exist."""
    if space not in SPACES:
        raise InputError(f"space {space!r} does not exist{nearest(space, SPACES)}")
