"""The posterior by emcee (arXiv:1202.3665): two independent ensembles from the most probable spectrum, extended until they have converged.

All walkers of an ensemble are evaluated in one call; see ``fits.unfolding.moves`` for how they move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from fits.unfolding.diagnostics import STEPS_PER_TAU, Convergence, assess
from fits.unfolding.intervals import central_interval, upper_limit
from fits.unfolding.map_fit import MapFit
from fits.unfolding.moves import first_moves, learnt_moves
from fits.unfolding.posterior import Posterior

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]

ENSEMBLES = 2
PRIORS = ("flat", "log_flat")
STARTS = ("map", "flat")
WIDEST_START = 0.5  # of u: a bin without data starts near one event, not anywhere down to nothing
SMALLEST_START = 1.0  # events
LIMIT_BELOW = 0.1  # events: a bin whose 16 % quantile is below gets an upper limit
LIMIT_CL = 0.90
KEPT = 20_000  # samples kept; summaries are of all


class ConvergenceError(InputError):
    """Chains that have not converged; ``convergence`` has the numbers. No result is made of them."""

    def __init__(self, message: str, convergence: Convergence) -> None:
        super().__init__(message)
        self.convergence = convergence


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
    runs = _Ensembles(posterior, best, chosen)
    runs.burn(chosen.n_burn_steps)
    runs.run(chosen.n_used_steps)
    longest = int(chosen.max_extend * chosen.n_used_steps)
    while (convergence := runs.assess()).failures:
        block = min(max(chosen.n_used_steps // 2, convergence.steps // 4), longest - convergence.steps)
        if block <= 0 or STEPS_PER_TAU * convergence.tau_steps > longest:  # the time grows with the chain: it will never do
            raise ConvergenceError(_failure(problem, convergence), convergence)
        runs.run(block)
    return _summary(posterior, best, runs, convergence, chosen)


class _Ensembles:
    """Independent emcee ensembles of one posterior."""

    def __init__(self, posterior: Posterior, best: MapFit, options: ChainOptions) -> None:
        self._names = posterior.problem.names
        self._log_probability = _log_probability(posterior, options)
        walkers = max(options.n_walkers, 4 * posterior.size)
        each = 2 * -(-walkers // (2 * ENSEMBLES))  # even: half of them move at a time
        self._generators = np.random.default_rng(options.seed).spawn(ENSEMBLES)
        self._states: list[Any] = [_start(posterior, best, options, each, generator) for generator in self._generators]
        self._samplers = [self._sampler((each, posterior.size), generator, first_moves()) for generator in self._generators]

    def _sampler(self, shape: tuple[int, int], generator: np.random.Generator, moves: list[tuple[Any, float]]) -> Any:
        import emcee

        sampler = emcee.EnsembleSampler(*shape, self._log_probability, moves=moves, vectorize=True)
        sampler.random_state = np.random.RandomState(generator.integers(2**32, dtype=np.uint32)).get_state()
        return sampler

    def burn(self, steps: int) -> None:
        """Advance every ensemble, learn how to move, and forget the steps."""
        if steps == 0:
            return
        self.run(steps)
        chains = self.chains
        self._samplers = [
            self._sampler(chain.shape[1:], generator, learnt_moves(chain)) for chain, generator in zip(chains, self._generators, strict=True)
        ]
        for state in self._states:
            state.random_state = None  # that of the new sampler

    def run(self, steps: int) -> None:
        """Advance every ensemble."""
        with np.errstate(invalid="ignore"):  # two impossible points: inf - inf, not accepted
            self._states = [sampler.run_mcmc(state, steps) for sampler, state in zip(self._samplers, self._states, strict=True)]

    @property
    def chains(self) -> Array:
        """(ensembles, steps, walkers, parameters)."""
        return np.array([sampler.get_chain() for sampler in self._samplers])

    def assess(self) -> Convergence:
        """Convergence of all that was sampled since the burn-in."""
        acceptance = float(np.mean([sampler.acceptance_fraction for sampler in self._samplers]))
        return assess(self.chains, np.array([sampler.get_log_prob() for sampler in self._samplers]), acceptance, self._names)


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


def _summary(posterior: Posterior, best: MapFit, runs: _Ensembles, convergence: Convergence, options: ChainOptions) -> Sample:
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
