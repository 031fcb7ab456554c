"""How the response depends on nuisance parameters: factors r_ij(d) on its cells, d = (x - nominal)/sigma a unit normal.

The columns of the response are not renormalised: a template carries the change of efficiency too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError

Array = NDArray[np.float64]

LARGEST_RATIO_ERROR = 0.2  # relative; a cell known worse takes the ratio of its row


@dataclass(frozen=True)
class NuisanceTemplate:
    """ln r_ij = alpha_ij d + beta_ij d^2 with d = (x - ``nominal``)/``sigma``, constrained to N(0, 1) within ``bounds`` of x.

    ``alpha`` and ``beta``: (proxy bins, truth bins), or (proxy bins,) for a factor common to a row. ``nominal`` may be 0 or negative.
    """

    name: str
    alpha: Array
    beta: Array
    nominal: float = 0.0
    sigma: float = 1.0
    bounds: tuple[float, float] = (-math.inf, math.inf)

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise InputError(f"nuisance {self.name!r}: sigma {self.sigma} must be positive")
        if not self.bounds[0] < self.nominal < self.bounds[1]:
            raise InputError(f"nuisance {self.name!r}: bounds {self.bounds} must enclose the nominal value {self.nominal}")
        for key in ("alpha", "beta"):
            value = np.array(getattr(self, key), dtype=float)
            if not np.all(np.isfinite(value)):
                raise InputError(f"nuisance {self.name!r}: {key} has {np.sum(~np.isfinite(value))} values that are not finite")
            object.__setattr__(self, key, value[:, None] if value.ndim == 1 else value)

    @property
    def row_only(self) -> bool:
        """Whether one factor holds for all truth bins of a row."""
        return self.alpha.shape[1] == 1 and self.beta.shape[1] == 1

    @property
    def d_bounds(self) -> tuple[float, float]:
        """``bounds`` in d."""
        low, high = self.bounds
        return (low - self.nominal) / self.sigma, (high - self.nominal) / self.sigma

    def value(self, d: float) -> float:
        """x at d."""
        return self.nominal + self.sigma * d


class Factors(Protocol):
    """Factors of all nuisances together; (rows, columns) is (proxy bins, truth bins), columns 1 where all templates are row-only."""

    row_only: bool

    def at(self, d: Array) -> Array:
        """r of many vectors d (vectors, nuisances): (vectors, rows, columns)."""
        ...

    def slopes(self, d: Array) -> tuple[Array, Array, Array]:
        """r (rows, columns), d ln r/dd (rows, columns, nuisances) and d^2 ln r/dd^2 (rows, columns, nuisances, nuisances) at one d."""
        ...


class ExponentialFactors:
    """r = exp(sum_k alpha_k d_k + beta_k d_k^2)."""

    def __init__(self, templates: Sequence[NuisanceTemplate], shape: tuple[int, int]) -> None:
        rows, columns = shape
        self.row_only = all(one.row_only for one in templates)
        self._shape = (rows, 1 if self.row_only else columns)
        size = (len(templates), *self._shape)
        self._alpha = np.array([np.broadcast_to(one.alpha, self._shape) for one in templates]).reshape(size)
        self._beta = np.array([np.broadcast_to(one.beta, self._shape) for one in templates]).reshape(size)
        self._flat = np.concatenate([self._alpha, self._beta]).reshape(2 * len(templates), math.prod(self._shape))

    def at(self, d: Array) -> Array:
        """See ``Factors``."""
        return np.exp(np.concatenate([d, d * d], axis=1) @ self._flat).reshape(-1, *self._shape)

    def slopes(self, d: Array) -> tuple[Array, Array, Array]:
        """See ``Factors``."""
        slope = np.moveaxis(self._alpha + 2.0 * self._beta * d[:, None, None], 0, -1)
        curvature = 2.0 * np.moveaxis(self._beta, 0, -1)[..., None] * np.eye(d.size)
        return self.at(d[None])[0], slope, curvature


class RenormalisedFactors:
    """Row polynomials p_i = prod_k (1 + alpha_k d_k + beta_k d_k^2), columns of A renormalised: r_ij = p_i / sum_i A_ij p_i.

    What the program funfolding does (option ``compat``): the change of efficiency is lost.
    """

    row_only = False

    def __init__(self, templates: Sequence[NuisanceTemplate], response: Array) -> None:
        if not all(one.row_only for one in templates):
            raise InputError("compat: funfolding has templates for rows only; give alpha and beta of shape (proxy bins,)")
        self._alpha = np.array([one.alpha[:, 0] for one in templates]).reshape(len(templates), response.shape[0])
        self._beta = np.array([one.beta[:, 0] for one in templates]).reshape(self._alpha.shape)
        self._share = response / response.sum(axis=0)

    def at(self, d: Array) -> Array:
        """See ``Factors``; NaN where a polynomial is not positive."""
        each = 1.0 + d[:, :, None] * self._alpha + (d * d)[:, :, None] * self._beta
        rows = np.where((each > 0).all(axis=1), each.prod(axis=1), np.nan)
        return rows[:, :, None] / (rows @ self._share)[:, None, :]

    def slopes(self, d: Array) -> tuple[Array, Array, Array]:
        """See ``Factors``."""
        each = 1.0 + d[:, None] * self._alpha + (d * d)[:, None] * self._beta
        lean = ((self._alpha + 2.0 * d[:, None] * self._beta) / each).T  # d ln p_i / dd_k
        bend = (2.0 * self._beta / each).T - lean**2
        factor = self.at(d[None])[0]
        weight = self._share * factor  # share of row i in column j, sums to 1
        mean = weight.T @ lean
        second = lean[:, :, None] * lean[:, None, :] + bend[:, :, None] * np.eye(d.size)
        spread = np.einsum("ij,ikl->jkl", weight, second) - mean[:, :, None] * mean[:, None, :]
        curvature = (bend[:, :, None] * np.eye(d.size))[:, None] - spread[None]
        return factor, lean[:, None, :] - mean[None], curvature
