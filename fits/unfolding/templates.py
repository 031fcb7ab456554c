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
SIGNIFICANT = 5.0  # errors; there are dozens of rows, and a curvature that is none grows with the square of d towards the bounds


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


@dataclass(frozen=True)
class Variation:
    """A simulated set with the parameter at ``x``: sums of weights ``W`` and of squared weights ``S`` (proxy bins, truth bins)."""

    x: float
    W: Array
    S: Array


def from_sets(
    name: str,
    nominal: Variation,
    variations: Sequence[Variation],
    *,
    sigma: float,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    degree: int = 2,
    shrink_curvature: bool = False,
) -> NuisanceTemplate:
    """Template from discrete sets of the same livetime and weights: ln(W(x)/W(x_0)) = alpha d + beta d^2 in every cell.

    Weighted least squares without constant (nominal is exactly 1), variances from the sums of squared weights of both sets. A cell whose ratio is
    uncertain by more than ``LARGEST_RATIO_ERROR`` takes the ratio of its row. ``degree`` 1 or 2. ``shrink_curvature``: beta is common to
    all cells, but for rows whose own differs by more than ``SIGNIFICANT`` of its errors. Elsewhere it is mostly the statistical error of the nominal
    set, common to the ratios on both sides: a fit finds a d that undoes this error, and quotes too small a one for d.
    InputError for too few sets, or a set at the nominal value.
    """
    _check_sets(name, nominal, variations, degree)
    ratios = [_log_ratio(name, nominal, one) for one in variations]
    d = np.array([(one.x - nominal.x) / sigma for one in variations])
    values, variances = (np.array(part) for part in zip(*ratios, strict=True))
    if degree == 2 and shrink_curvature:
        beta = _shrunk_curvature(name, nominal, variations, d)
        alpha = _fitted(d, values - beta * (d**2)[:, None, None], variances, 1)[..., 0]
        return NuisanceTemplate(name, alpha, np.broadcast_to(beta, alpha.shape), nominal.x, sigma, bounds)
    found = _fitted(d, values, variances, degree)
    beta = found[..., 1] if degree == 2 else np.zeros(values.shape[1:])
    return NuisanceTemplate(name, found[..., 0], beta, nominal.x, sigma, bounds)


def _fitted(d: Array, values: Array, variances: Array, degree: int) -> Array:
    """Coefficients (rows, columns, degree) of d, d^2, ... for ``values`` (sets, rows, columns), by weighted least squares."""
    powers = np.stack([d**k for k in range(1, degree + 1)])
    normal = np.einsum("as,bs,sij->ijab", powers, powers, 1.0 / variances)
    right = np.einsum("as,sij,sij->ija", powers, 1.0 / variances, values)
    return np.asarray(np.linalg.solve(normal, right[..., None])[..., 0])


def _shrunk_curvature(name: str, nominal: Variation, variations: Sequence[Variation], d: Array) -> Array:
    """beta (rows, 1): that of all cells together, or of the row where the two differ significantly."""
    rows, row_errors = _curvature(name, nominal, variations, d, axes=1)
    common, _ = _curvature(name, nominal, variations, d, axes=(0, 1))
    return np.where(np.abs(rows - common) > SIGNIFICANT * row_errors, rows, common)


def _curvature(name: str, nominal: Variation, variations: Sequence[Variation], d: Array, axes: int | tuple[int, int]) -> tuple[Array, Array]:
    """beta and its error of sums over ``axes``; the statistics of the nominal set are common to all ratios."""
    zero, *others = (Variation(one.x, *(np.sum(part, axis=axes, keepdims=True) for part in (one.W, one.S))) for one in (nominal, *variations))
    ratios = [_log_ratio(name, zero, one) for one in others]
    values, variances = (np.array(part) for part in zip(*ratios, strict=True))
    own = _fitted(d, values, variances, 2)[..., 1]
    unit = np.eye(d.size)[:, :, None, None] * np.ones_like(values[0])
    weights = np.array([_fitted(d, one, variances, 2)[..., 1] for one in unit])  # of each set's ratio in beta
    relative = zero.S / np.maximum(zero.W, 1e-300) ** 2
    variance = (weights**2 * (variances - relative)).sum(axis=0) + weights.sum(axis=0) ** 2 * relative
    return own, np.sqrt(variance)


def _check_sets(name: str, nominal: Variation, variations: Sequence[Variation], degree: int) -> None:
    if degree not in (1, 2):
        raise InputError(f"nuisance {name!r}: degree {degree} is not 1 or 2")
    if len({one.x for one in variations}) < degree:
        raise InputError(
            f"nuisance {name!r}: degree {degree} needs at least {degree} sets at different values, found {[one.x for one in variations]}"
        )
    for one in variations:
        if one.x == nominal.x:
            raise InputError(f"nuisance {name!r}: a varied set has the nominal value {nominal.x}")
        if np.shape(one.W) != np.shape(nominal.W):
            raise InputError(f"nuisance {name!r}: the set at {one.x} has the shape {np.shape(one.W)}, the nominal one {np.shape(nominal.W)}")


def _log_ratio(name: str, nominal: Variation, varied: Variation) -> tuple[Array, Array]:
    """ln of the ratio in every cell and its variance; rows where cells are too uncertain."""
    ratio, variance = _ratio(nominal.W, nominal.S, varied.W, varied.S)
    row, row_variance = _ratio(*(np.asarray(one).sum(axis=1, keepdims=True) for one in (nominal.W, nominal.S, varied.W, varied.S)))
    if not np.all(np.isfinite(row_variance)):
        empty = np.flatnonzero(~np.isfinite(row_variance[:, 0])).tolist()
        raise InputError(f"nuisance {name!r}: proxy bins {empty} are empty in the set at {varied.x} or in the nominal one; merge them")
    known = variance < LARGEST_RATIO_ERROR**2
    return np.where(known, ratio, row), np.where(known, variance, row_variance)


def _ratio(w0: Array, s0: Array, w1: Array, s1: Array) -> tuple[Array, Array]:
    filled = (np.asarray(w0) > 0) & (np.asarray(w1) > 0)
    one, other = np.where(filled, w0, 1.0), np.where(filled, w1, 1.0)
    return np.where(filled, np.log(other / one), 0.0), np.where(filled, s0 / one**2 + s1 / other**2, np.inf)


@dataclass(frozen=True)
class VariedMoments:
    """A set whose parameter x varies from event to event: sums of w, w x, w^2, w^2 x and w^2 x^2 by cell (proxy bins, truth bins)."""

    w: Array
    wx: Array
    w2: Array
    w2x: Array
    w2x2: Array


def from_moments(
    name: str,
    cells: VariedMoments,
    *,
    generated_mean: float,
    generated_variance: float,
    nominal: float,
    sigma: float,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> tuple[NuisanceTemplate, Array]:
    """Template and the errors of its alpha from a set with continuously varied parameters (SnowStorm, arXiv:1909.01530).

    alpha = sigma (<x> - <x>_gen)/Var_gen(x) with the weighted mean in the cell; error sigma sqrt(sum w^2 (x - <x>)^2)/(sum w Var_gen). Cells whose
    alpha is less certain than ``LARGEST_RATIO_ERROR`` take that of their row.
    """
    if not generated_variance > 0:
        raise InputError(f"nuisance {name!r}: the parameter does not vary (variance {generated_variance} in the generated events)")
    scale = sigma / generated_variance
    alpha, error = _shift(cells, generated_mean, scale)
    sums = VariedMoments(*(getattr(cells, key).sum(axis=1, keepdims=True) for key in ("w", "wx", "w2", "w2x", "w2x2")))
    row, row_error = _shift(sums, generated_mean, scale)
    if not np.all(np.isfinite(row_error)):
        raise InputError(
            f"nuisance {name!r}: proxy bins {np.flatnonzero(~np.isfinite(row_error[:, 0])).tolist()} are empty in the varied set; merge them"
        )
    known = error < LARGEST_RATIO_ERROR
    alpha, error = np.where(known, alpha, row), np.where(known, error, row_error)
    return NuisanceTemplate(name, alpha, np.zeros_like(alpha), nominal, sigma, bounds), error


def _shift(cells: VariedMoments, generated_mean: float, scale: float) -> tuple[Array, Array]:
    filled = cells.w > 0
    w = np.where(filled, cells.w, 1.0)
    mean = cells.wx / w
    spread = np.maximum(cells.w2x2 - 2.0 * mean * cells.w2x + mean**2 * cells.w2, 0.0)
    return np.where(filled, scale * (mean - generated_mean), 0.0), np.where(filled, scale * np.sqrt(spread) / w, np.inf)
