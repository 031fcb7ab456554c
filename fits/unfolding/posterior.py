"""The objective -ln(likelihood x priors) in theta = (u, d, eps): value, exact gradient and Hessian, and many vectors at once.

mu_i = eps sum_j A_ij r_ij(d) f_j + b_i with f = exp(u); variance v_i = sum_j T_ij (eps r_ij f_j)^2 (+ that of the background). Every parameter
acts on the logarithm of the cells M_ij = eps A_ij r_ij f_j: with L its derivative there, dmu_i = sum_j M_ij L_ij and dv_i = 2 sum_j V_ij L_ij.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fits.unfolding.likelihood import Likelihood, Slopes

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Expansion:
    """Second-order expansion of the objective at one theta: data part and priors apart. Gradients (p,), Hessians (p, p)."""

    value: float
    gradient: Array
    hessian: Array
    hessian_penalty: Array
    mu: Array
    v: Array


class Posterior:
    """The objective of a problem. Arguments are never changed."""

    def __init__(self, problem: UnfoldingProblem) -> None:
        self.problem = problem
        self.n = problem.n
        self.n_nuisances = len(problem.templates)
        self.size = self.n + self.n_nuisances + int(problem.epsilon is not None)
        self.likelihood = Likelihood(problem.mc_stat, problem.g)
        self._d = slice(self.n, self.n + self.n_nuisances)
        self._factors = problem.factors
        self._background_variance = 0.0 if problem.background_variance is None else problem.background_variance
        self.lower, self.upper = np.full(self.size, -np.inf), np.full(self.size, np.inf)
        for k, one in enumerate(problem.templates, start=self.n):
            self.lower[k], self.upper[k] = one.d_bounds
        if problem.epsilon is not None:
            self.lower[-1] = 0.0

    @property
    def start(self) -> Array:
        """u of the reference truth (flat for ``compat``), d = 0, eps = 1."""
        reference = self.problem.f_reference
        f = np.full(self.n, reference.mean()) if self.problem.compat else reference
        return np.concatenate([np.log(f), np.zeros(self.n_nuisances), np.ones(self.size - self.n - self.n_nuisances)])

    def split(self, theta: Array) -> tuple[Array, Array, Array]:
        """(u, d, eps) of theta (..., p); eps has the shape (..., 1)."""
        eps = theta[..., -1:] if self.problem.epsilon is not None else np.ones((*theta.shape[:-1], 1))
        return theta[..., : self.n], theta[..., self._d], eps

    def expected(self, thetas: Array) -> tuple[Array, Array]:
        """mu and v (vectors, bins) of thetas (vectors, p). No matrix for each vector where all templates are row-only."""
        problem = self.problem
        u, d, eps = self.split(thetas)
        f = np.exp(u)
        if self._factors is not None and not self._factors.row_only:
            cells = self._factors.at(d) * (eps * f)[:, None, :]
            mu = np.einsum("bij,ij->bi", cells, problem.A) + problem.b
            if not self.likelihood.needs_variance:
                return mu, np.zeros_like(mu)
            np.multiply(cells, cells, out=cells)
            return mu, np.einsum("bij,ij->bi", cells, problem.T) + self._background_variance
        rows = eps if self._factors is None else eps * self._factors.at(d)[:, :, 0]
        mu = rows * (f @ problem.A.T) + problem.b
        if not self.likelihood.needs_variance:
            return mu, np.zeros_like(mu)
        return mu, rows**2 * ((f * f) @ problem.T.T) + self._background_variance

    def values(self, thetas: Array) -> Array:
        """The objective of thetas (vectors, p); +inf outside bounds and where it cannot be computed, never NaN."""
        with np.errstate(all="ignore"):
            mu, v = self.expected(thetas)
            u, d, eps = self.split(thetas)
            total = self.likelihood.total(mu, v) + self.problem.penalty.value(u) + 0.5 * (d * d).sum(axis=-1)
            if self.problem.epsilon is not None:
                total = total + 0.5 * ((eps[:, 0] - 1.0) / self.problem.epsilon) ** 2
        good = np.isfinite(total)
        if np.any(np.isfinite(self.lower) | np.isfinite(self.upper)):
            good &= ((thetas >= self.lower) & (thetas <= self.upper)).all(axis=-1)
        return np.where(good, total, np.inf)

    def value(self, theta: Array) -> float:
        """The objective at one theta (p,)."""
        return float(self.values(np.asarray(theta, dtype=float)[None])[0])

    def gradient(self, theta: Array) -> Array:
        """Exact gradient (p,)."""
        return self.expansion(theta).gradient

    def expansion(self, theta: Array) -> Expansion:
        """Value, gradient and Hessian at one theta."""
        problem = self.problem
        u, d, eps = self.split(theta)
        scale = float(eps[0])
        factor, slope, curvature = self._cells(d)
        events = scale * factor * np.exp(u)  # per unit of A
        m_cells, v_cells = problem.A * events, problem.T * events**2 * self.likelihood.needs_variance
        mu, v = m_cells.sum(axis=1) + problem.b, v_cells.sum(axis=1) + self._background_variance
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            slopes = self.likelihood.slopes(mu, v)
        first = m_cells * slopes.m[:, None] + 2.0 * v_cells * slopes.v[:, None]
        second = m_cells * slopes.m[:, None] + 4.0 * v_cells * slopes.v[:, None]
        gradient = self._gradient(first, slope, scale)
        jacobian_mu, jacobian_v = self._jacobian(m_cells, slope, scale), 2.0 * self._jacobian(v_cells, slope, scale)
        hessian = _chain(slopes, jacobian_mu, jacobian_v) + self._bend(first, second, slope, curvature, scale)
        penalty_gradient, penalty_hessian = problem.penalty.slopes(u)
        gradient[: self.n] += penalty_gradient
        hessian_penalty = np.zeros_like(hessian)
        hessian_penalty[: self.n, : self.n] = penalty_hessian
        hessian += hessian_penalty
        gradient[self._d] += d
        diagonal = np.arange(self.n, self.n + self.n_nuisances)
        hessian[diagonal, diagonal] += 1.0
        if problem.epsilon is not None:
            gradient[-1] += (scale - 1.0) / problem.epsilon**2
            hessian[-1, -1] += problem.epsilon**-2
        return Expansion(self.value(theta), gradient, hessian, hessian_penalty, mu, v)

    def _cells(self, d: Array) -> tuple[Array, Array, Array]:
        """Factors r and their logarithmic derivatives, broadcast over the cells."""
        if self._factors is None:
            empty = np.zeros((1, 1, 0))
            return np.ones((1, 1)), empty, np.zeros((1, 1, 0, 0))
        return self._factors.slopes(d)

    def _gradient(self, cells: Array, slope: Array, eps: float) -> Array:
        """sum over cells times L of every parameter (p,)."""
        parts = [cells.sum(axis=0), np.einsum("ij,ijk->k", cells, np.broadcast_to(slope, (*cells.shape, slope.shape[-1])))]
        if self.problem.epsilon is not None:
            parts.append(np.array([cells.sum() / eps]))
        return np.concatenate(parts)

    def _jacobian(self, cells: Array, slope: Array, eps: float) -> Array:
        """sum_j of the cells of each row times L of every parameter (bins, p)."""
        parts = [cells, (cells[:, :, None] * slope).sum(axis=1)]
        if self.problem.epsilon is not None:
            parts.append(cells.sum(axis=1, keepdims=True) / eps)
        return np.concatenate(parts, axis=1)

    def _bend(self, first: Array, second: Array, slope: Array, curvature: Array, eps: float) -> Array:
        """Second derivatives of mu and v, weighted with the likelihood's first ones: sum of second L L + first dL (p, p)."""
        n, d = self.n, self._d
        hessian = np.zeros((self.size, self.size))
        columns = second.sum(axis=0)
        hessian[:n, :n] = np.diag(columns)
        leaned = second[:, :, None] * slope
        mixed = leaned.sum(axis=0)
        hessian[:n, d], hessian[d, :n] = mixed, mixed.T
        wide = (*second.shape, slope.shape[-1])
        hessian[d, d] = np.tensordot(leaned, np.broadcast_to(slope, wide), axes=([0, 1], [0, 1]))
        hessian[d, d] += np.einsum("ij,ijkl->kl", first, np.broadcast_to(curvature, (*first.shape, *curvature.shape[2:])))
        if self.problem.epsilon is not None:
            hessian[-1, :n] = hessian[:n, -1] = columns / eps
            hessian[-1, d] = hessian[d, -1] = mixed.sum(axis=0) / eps
            hessian[-1, -1] = (columns.sum() - first.sum()) / eps**2
        return hessian


def _chain(slopes: Slopes, in_mu: Array, in_v: Array) -> Array:
    """Second derivatives of the likelihood through first ones of mu and v (p, p)."""
    crossed = (in_mu * slopes.mv[:, None]).T @ in_v
    return (in_mu * slopes.mm[:, None]).T @ in_mu + crossed + crossed.T + (in_v * slopes.vv[:, None]).T @ in_v
