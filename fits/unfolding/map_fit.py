"""The most probable spectrum: minimum of the objective, covariance from the exact Hessian, bins that the data do not constrain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from fits.unfolding.newton import NewtonMinimum, newton
from fits.unfolding.posterior import Expansion, Posterior

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]

UNCONSTRAINED_ERROR = 3.0  # of ln f
EIGENVALUE_FLOOR = 1e-9  # of the largest,
LARGEST_FLOOR = 1e-3  # and never above this: such a direction is unconstrained, and its error must say so
# An eigenvalue of H below 1e-3 implies such an error in the bin it belongs to: s_j^2 >= c_j^2 / eigenvalue, c_j^2 >= 1/n.


@dataclass(frozen=True, repr=False)
class MapFit:
    """The minimum. Arrays over truth bins include those outside the range; ``theta`` and its covariance are in (u = ln f, d, eps).

    ``error``: of ln f. ``upper_limit``: NaN but for unconstrained bins (90 %). ``correlation``: global, of the bins in range. ``n_eff``:
    parameters that the data determine. ``pull``: d and its error of each nuisance by name. ``failed_bins``: labels behind an invalid result.
    """

    valid: bool
    reason: str
    theta: Array
    covariance_theta: Array
    f: Array
    error: Array
    covariance: Array
    unconstrained: NDArray[np.bool_]
    upper_limit: Array
    global_correlation: Array
    n_eff: float
    value: float
    nuisances: dict[str, tuple[float, float]]
    epsilon: tuple[float, float] | None
    at_bound: tuple[str, ...]
    expected: Array
    variance: Array
    iterations: int
    decrement: float

    @property
    def lower(self) -> Array:
        """f exp(-error); 0 where the bin is unconstrained."""
        return np.where(self.unconstrained, 0.0, self.f * np.exp(-self.error))

    @property
    def upper(self) -> Array:
        """f exp(+error); the upper limit where the bin is unconstrained."""
        with np.errstate(over="ignore"):
            return np.where(self.unconstrained, self.upper_limit, self.f * np.exp(self.error))

    def __repr__(self) -> str:
        with np.printoptions(precision=5, suppress=True):
            return f"MapFit(valid={self.valid}, f={self.f}, error={self.error}, value={self.value:.6f}, n_eff={self.n_eff:.3f})"


def map_fit(problem: UnfoldingProblem, *, solver: Literal["newton", "minuit"] = "newton", start: Array | None = None, limits: bool = True) -> MapFit:
    """Minimise the objective of ``problem`` from its reference (or ``start``, theta); ``limits``: profile unconstrained bins for upper limits.

    A failure is a result with ``valid=False`` and its reason. InputError for an unknown solver.
    """
    if solver not in SOLVERS:
        raise InputError(f"solver {solver!r} does not exist{nearest(solver, SOLVERS)}")
    posterior = Posterior(problem)
    minimum = SOLVERS[solver](posterior, posterior.start if start is None else np.asarray(start, dtype=float))
    return _read(posterior, minimum, limits)


def _newton(posterior: Posterior, start: Array) -> NewtonMinimum:
    return newton(posterior.expansion, posterior.value, start, lower=posterior.lower, upper=posterior.upper)


def _minuit(posterior: Posterior, start: Array) -> NewtonMinimum:
    """Minuit with our gradient; the covariance is from our Hessian all the same."""
    from iminuit import Minuit

    minuit = Minuit(posterior.value, start, grad=posterior.gradient)
    minuit.errordef, minuit.strategy, minuit.tol = Minuit.LIKELIHOOD, 1, 1e-4
    minuit.limits = list(zip(posterior.lower, posterior.upper, strict=True))
    minuit.errors = np.full(start.size, 0.1)
    minuit.migrad()
    theta = np.array(minuit.values)
    near = 1e-6 * np.maximum(1.0, np.abs(theta))
    gradient = posterior.gradient(theta)
    held = ((theta <= posterior.lower + near) & (gradient > 0)) | ((theta >= posterior.upper - near) & (gradient < 0))
    found = minuit.fmin
    return NewtonMinimum(theta, bool(minuit.valid), "" if minuit.valid else "minuit did not converge", 2 * float(found.edm), found.nfcn, ~held)


SOLVERS = {"newton": _newton, "minuit": _minuit}


def _read(posterior: Posterior, minimum: NewtonMinimum, limits: bool) -> MapFit:
    problem, n, theta = posterior.problem, posterior.n, minimum.theta
    here = posterior.expansion(theta) if np.isfinite(posterior.value(theta)) else _nothing(posterior)
    covariance, saddle = covariance_of(here.hessian, minimum.free)
    in_u = covariance[:n, :n]
    with np.errstate(over="ignore"):
        f, error = np.exp(theta[:n]), np.sqrt(np.diag(in_u))
    unconstrained = ~(error <= UNCONSTRAINED_ERROR)
    bad = [problem.bin_labels[j] for j in np.flatnonzero(np.abs(saddle[:n]) > 0.3)]
    reason = minimum.reason
    if saddle.any() and not reason:
        reason = f"the Hessian is not positive definite (tau {problem.tau}, bins {', '.join(bad)}): merge them or use a smaller tau"
    d_error = np.sqrt(np.diag(covariance)[n:])
    return MapFit(
        valid=not reason,
        reason=reason,
        theta=theta,
        covariance_theta=covariance,
        f=f,
        error=error,
        covariance=in_u * f * f[:, None],
        unconstrained=unconstrained,
        upper_limit=_limits(posterior, theta, unconstrained) if limits and not reason else np.full(n, np.nan),
        global_correlation=_global_correlation(in_u[problem.inside, problem.inside]),
        n_eff=n - float(np.sum(here.hessian_penalty[:n, :n] * in_u)),
        value=here.value,
        nuisances={one.name: (float(theta[n + k]), float(d_error[k])) for k, one in enumerate(problem.templates)},
        epsilon=(float(theta[-1]), float(d_error[-1])) if problem.epsilon is not None else None,
        at_bound=tuple(name for name, free in zip(problem.names, minimum.free, strict=True) if not free),
        expected=here.mu,
        variance=here.v,
        iterations=minimum.iterations,
        decrement=minimum.decrement,
    )


def _nothing(posterior: Posterior) -> Expansion:
    """In place of an expansion where the objective is not finite."""
    unknown = np.full((posterior.size, posterior.size), np.nan)
    bins = np.full(posterior.problem.m, np.nan)
    return Expansion(np.inf, unknown[0], unknown, unknown, bins, bins)


def covariance_of(hessian: Array, free: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Inverse of the Hessian among ``free`` parameters, zero elsewhere, and the direction of its most negative eigenvalue (zeros if none).

    Eigenvalues are floored, so that an unconstrained direction gets a huge error and not a negative variance.
    """
    covariance, saddle = np.zeros_like(hessian), np.zeros(hessian.shape[0])
    inner = hessian[np.ix_(free, free)]
    if not np.all(np.isfinite(inner)):
        return np.full_like(hessian, np.nan), saddle
    values, vectors = np.linalg.eigh(inner)
    floor = EIGENVALUE_FLOOR * np.abs(values).max()
    if values[0] < -floor:
        saddle[free] = vectors[:, 0]
    covariance[np.ix_(free, free)] = (vectors / np.maximum(values, min(floor, LARGEST_FLOOR))) @ vectors.T
    return covariance, saddle


def _global_correlation(covariance: Array) -> Array:
    """sqrt(1 - 1/(V_jj (V^-1)_jj)); unaffected by a change of scale of each bin."""
    if not np.all(np.isfinite(covariance)):
        return np.full(covariance.shape[0], np.nan)
    scale = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        inverse = np.linalg.pinv(covariance / np.outer(scale, scale), rcond=1e-14, hermitian=True)
    found: Array = np.sqrt(np.clip(1.0 - 1.0 / np.diag(inverse), 0.0, 1.0))
    return found


def _limits(posterior: Posterior, theta: Array, unconstrained: NDArray[np.bool_]) -> Array:
    from fits.unfolding.profile import upper_limit

    limits = np.full(unconstrained.size, np.nan)
    for j in np.flatnonzero(unconstrained):
        limits[j] = upper_limit(posterior, theta, int(j))
    return limits
