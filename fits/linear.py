"""One linear nuisance profiled at many points of a Poisson likelihood at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

MAX_STEPS = 100
TOLERANCE = 1e-11  # of the nuisance, relative to 1 + its value: the NLL is then exact to rounding

Array = NDArray[np.float64]


def profile_linear(
    counts: ArrayLike, fixed: ArrayLike, slope: ArrayLike, *, prior: tuple[float, float] | None = None, bounds: tuple[float, float] = (0.0, np.inf)
) -> tuple[Array, Array]:
    """Minimise sum(mu - k ln mu + lnGamma(k + 1)) + prior over nu in mu = fixed + nu slope, at every point together.

    ``counts`` (bins,) or (points, bins); ``fixed`` (points, bins) and ``slope`` (bins,), both >= 0; ``prior``: mean and sigma of a
    normalised Gaussian. Returns nu and the NLL (points,). The NLL is ``inf`` where a bin with events has no expectation for any nu.
    Newton's method on the convex function, kept inside a shrinking bracket.
    """
    k, a, b = np.asarray(counts, float), np.atleast_2d(np.asarray(fixed, float)), np.asarray(slope, float)
    k = np.broadcast_to(k, (len(a), b.size)) if k.ndim == 2 else k
    filled = k.any(axis=0) if k.ndim == 2 else k > 0
    total_a, total_b, total_k = a.sum(axis=1), float(b.sum()), k.sum(axis=-1)
    constant = gammaln(k + 1.0).sum(axis=-1)
    k, a, b = k[..., filled], a[:, filled], b[filled]
    impossible = ((k > 0) & (a <= 0) & (b <= 0)).any(axis=1)
    a = np.where((a <= 0) & (b <= 0), 1.0, a)
    nu = _newton(k, a, b, total_b, total_k, prior, bounds)
    mu = a + nu[:, None] * b
    with np.errstate(divide="ignore", invalid="ignore"):
        nll = total_a + nu * total_b - np.where(k > 0, k * np.log(mu), 0.0).sum(axis=1) + constant
    if prior is not None:
        mean, sigma = prior
        nll += 0.5 * ((nu - mean) / sigma) ** 2 + np.log(sigma) + 0.5 * np.log(2.0 * np.pi)
    return nu, np.where(impossible, np.inf, nll)


def _newton(k: Array, a: Array, b: Array, total_b: float, total_k: Array, prior: tuple[float, float] | None, bounds: tuple[float, float]) -> Array:
    """Zero of the derivative in nu, or the bound beyond which it lies."""
    mean, weight = (0.0, 0.0) if prior is None else (prior[0], prior[1] ** -2)

    def derivatives(nu: Array) -> tuple[Array, Array]:
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = b / (a + nu[:, None] * b)
            pull = np.where(k > 0, k * relative, 0.0)
            return total_b - pull.sum(axis=1) + weight * (nu - mean), np.where(k > 0, pull * relative, 0.0).sum(axis=1) + weight

    # Without prior the zero obeys nu sum(b) <= sum(k); with one it lies between that and the mean.
    reach = np.broadcast_to(total_k / total_b if total_b > 0 else 0.0, (len(a),))
    lower, upper = np.full(len(a), bounds[0]), np.clip(np.maximum(reach, mean), *bounds)
    at_lower, at_upper = derivatives(lower)[0] >= 0.0, derivatives(upper)[0] <= 0.0
    edge = np.where(at_lower, lower, upper)
    nu = np.clip(np.full(len(a), mean if prior else 1.0), lower, upper)
    for _ in range(MAX_STEPS):
        first, second = derivatives(nu)
        lower, upper = np.where(first <= 0, nu, lower), np.where(first >= 0, nu, upper)
        with np.errstate(divide="ignore", invalid="ignore"):
            proposal = nu - first / second
        proposal = np.where((proposal >= lower) & (proposal <= upper), proposal, 0.5 * (lower + upper))
        done = np.abs(proposal - nu) <= TOLERANCE * (1.0 + np.abs(nu))
        nu = proposal
        if (done | at_lower | at_upper).all():
            break
    return np.where(at_lower | at_upper, edge, nu)
