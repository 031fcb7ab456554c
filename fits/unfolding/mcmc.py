"""The posterior by emcee (``fits.ensembles``): independent ensembles from the most probable spectrum, extended until they have converged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from fits.ensembles import ENSEMBLES, Ensembles, walkers_of_each
from fits.unfolding.diagnostics import Convergence
from fits.unfolding.intervals import central_interval, upper_limit
from fits.unfolding.map_fit import MapFit
from fits.unfolding.posterior import Posterior

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]

PRIORS = ("flat", "log_flat")
STARTS = ("map", "flat")
WIDEST_START = 0.5  # of u: a bin without data starts near one event, not anywhere down to nothing
SMALLEST_START = 1.0  # events
LIMIT_BELOW = 0.1  # events: a bin whose 16 % quantile is below gets an upper limit
LIMIT_CL = 0.90
KEPT = 20_000  # samples kept; summaries are of all


@dataclass(frozen=True)
class ChainOptions:
    """Lengths of the chains. ``n_walkers`` in all ensembles together, raised to four times the parameters."""

    n_walkers: int = 100
    n_burn_steps: int = 1000
    n_used_steps: int = 2000
    max_extend: float = 10.0
    prior_f: Literal["flat", "log_flat"] = "flat"
    start: Literal["map", "flat"] = "map"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.prior_f not in PRIORS:
            raise InputError(f"prior_f {self.prior_f!r} does not exist{nearest(self.prior_f, PRIORS)}")
        if self.start not in STARTS:
            raise InputError(f"start {self.start!r} does not exist{nearest(self.start, STARTS)}")
        for key, least in (("n_used_steps", 10), ("n_burn_steps", 0), ("max_extend", 1)):
            if getattr(self, key) < least:
                raise InputError(f"{key} = {getattr(self, key)}: at least {least}")


@dataclass(frozen=True, repr=False)
class Sample:
    """The posterior. Arrays over all truth bins; ``f`` is the median, ``lower`` and ``upper`` the 16 and 84 % quantiles.

    ``unconstrained`` bins have an ``upper_limit`` (90 %, else NaN), and lower = 0, upper = limit. ``parameters``: median, 16 %, 84 % of each nuisance
    (as d) and of epsilon. ``chain`` (steps, walkers, parameters) is thinned; ``names`` its parameters (u of the truth bins first).
    """

    f: Array
    lower: Array
    upper: Array
    mean: Array
    covariance: Array
    unconstrained: NDArray[np.bool_]
    upper_limit: Array
    parameters: dict[str, tuple[float, float, float]]
    chain: Array
    names: tuple[str, ...]
    convergence: Convergence
    map: MapFit
    options: ChainOptions

    @property
    def sd(self) -> Array:
        """Standard deviation of f."""
        deviation: Array = np.sqrt(np.diag(self.covariance))
        return deviation

    def __repr__(self) -> str:
        with np.printoptions(precision=5, suppress=True):
            return f"Sample(f={self.f}, lower={self.lower}, upper={self.upper}, {self.convergence})"


def sample(problem: UnfoldingProblem, options: ChainOptions | None = None, **choices: Any) -> Sample:
    """Sample the posterior of ``problem``; ``choices`` are fields of ``ChainOptions``.

    The prior is flat in f (``prior_f``), the sampling in u = ln f. Runs until all conditions of ``fits.unfolding.diagnostics`` hold, at most
    ``max_extend`` times ``n_used_steps``; else ConvergenceError. InputError for an invalid minimum.
    """
    chosen = options or ChainOptions(**choices)
    posterior = Posterior(problem)
    best = problem.map()
    if not best.valid:
        raise InputError(f"no sampling without a minimum: {best.reason}; tau is {problem.tau}")
    walkers = walkers_of_each(chosen.n_walkers, posterior.size)
    generators = np.random.default_rng(chosen.seed).spawn(ENSEMBLES)
    starts = [_start(posterior, best, chosen, walkers, generator) for generator in generators]
    runs = Ensembles(_log_probability(posterior, chosen), problem.names, starts, generators)
    runs.burn(chosen.n_burn_steps)
    convergence = runs.until_converged(chosen.n_used_steps, chosen.max_extend, lambda found: _failure(problem, found))
    return _summary(posterior, best, runs, convergence, chosen)


def _log_probability(posterior: Posterior, options: ChainOptions) -> Any:
    n = posterior.n

    def flat_in_f(thetas: Array) -> Array:
        return np.asarray(thetas[:, :n].sum(axis=1) - posterior.values(thetas))

    def flat_in_log_f(thetas: Array) -> Array:
        return -posterior.values(thetas)

    return flat_in_f if options.prior_f == "flat" else flat_in_log_f


def _start(posterior: Posterior, best: MapFit, options: ChainOptions, walkers: int, generator: np.random.Generator) -> Array:
    """Walkers around the minimum as wide as its covariance, inside the bounds; or around a flat spectrum."""
    n = posterior.n
    centre, covariance = best.theta.copy(), best.covariance_theta
    centre[:n] = np.maximum(centre[:n], np.log(SMALLEST_START))
    if options.start == "flat":
        centre[:n] = np.log(np.exp(best.theta[:n]).mean())
    deviation = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    limit = np.concatenate([np.full(n, WIDEST_START), np.full(posterior.size - n, np.inf)])
    shrink = np.minimum(1.0, limit / deviation)
    spread = covariance * np.outer(shrink, shrink) + np.diag(1e-12 + 1e-6 * deviation**2 * (np.diag(covariance) <= 0))
    points = centre + generator.multivariate_normal(np.zeros(centre.size), spread, walkers, method="eigh")
    low, high = posterior.lower, posterior.upper
    inside = np.clip(centre, low, high)
    for _ in range(60):  # halve the distance of those outside
        outside = ~np.isfinite(posterior.values(points)) | (points <= low).any(axis=1) | (points >= high).any(axis=1)
        if not outside.any():
            break
        points[outside] = 0.5 * (points[outside] + inside) + 1e-9 * generator.standard_normal((int(outside.sum()), centre.size))
    return points


def _summary(posterior: Posterior, best: MapFit, runs: Ensembles, convergence: Convergence, options: ChainOptions) -> Sample:
    n, names = posterior.n, posterior.problem.names
    chains = np.concatenate(list(runs.chains), axis=1)  # (steps, walkers, parameters)
    flat = chains.reshape(-1, posterior.size)
    f = np.exp(flat[:, :n])
    median, low, high = central_interval(flat)  # quantiles of ln f are those of f
    median_f, low_f, high_f = np.exp(median[:n]), np.exp(low[:n]), np.exp(high[:n])
    unconstrained = low_f < LIMIT_BELOW
    limit = np.where(unconstrained, upper_limit(f, LIMIT_CL), np.nan)
    thin = -(-flat.shape[0] // KEPT)
    return Sample(
        f=median_f,
        lower=np.where(unconstrained, 0.0, low_f),
        upper=np.where(unconstrained, limit, high_f),
        mean=f.mean(axis=0),
        covariance=np.cov(f, rowvar=False),
        unconstrained=unconstrained,
        upper_limit=limit,
        parameters={name: (float(median[k]), float(low[k]), float(high[k])) for k, name in enumerate(names) if k >= n},
        chain=chains[::thin].copy(),
        names=names,
        convergence=convergence,
        map=best,
        options=options,
    )


def _failure(problem: UnfoldingProblem, convergence: Convergence) -> str:
    failed = "; ".join(convergence.failures)
    return (
        f"the chains have not converged (tau = {problem.tau}): {failed}. Use more steps, merge the bin named, or a smaller tau (tau is a variance, "
        "smaller = stronger)"
    )
