"""The posterior of a fit by emcee (arXiv:1202.3665): independent ensembles from the minimum, extended until they have converged."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.diffuse_studies import Posterior
from configs.errors import InputError
from fits.minimise import Minimum
from fits.nll import NegativeLogLikelihood
from fits.toys import generator
from fits.unfolding.diagnostics import Convergence, assess
from records.diffuse_studies import PosteriorResult

Array = NDArray[np.float64]

ENSEMBLES = 2
SHARES = (0.6827, 0.90, 0.9545)
KEPT = 4000  # samples saved for figures
START_WIDTH = 0.5  # of the errors: walkers begin around the minimum, inside the bounds


class NotConverged(InputError):
    """Chains that have not converged; ``convergence`` has the numbers. No result is made of them."""

    def __init__(self, message: str, convergence: Convergence) -> None:
        super().__init__(message)
        self.convergence = convergence


def posterior(nll: NegativeLogLikelihood, minimum: Minimum, options: Posterior, seed: int | None, *, where: str = "posterior") -> PosteriorResult:
    """Sample exp(-NLL) inside the bounds of the free parameters; what is fixed stays at the minimum.

    Priors are those of the likelihood, flat where a parameter has none. Raises NotConverged (an InputError naming the parameter and the key
    ``where`` to change) when autocorrelation, ensembles (R-hat), acceptance or walkers say so after ``max_extend`` times the steps.
    """
    chains = _Chains(nll, minimum, options.walkers, seed)
    chains.run(options.burn)
    chains.forget()
    chains.run(options.steps)
    longest = int(options.max_extend * options.steps)
    while (convergence := chains.assess()).failures:
        if convergence.steps >= longest:
            said = "; ".join(convergence.failures)
            raise NotConverged(f"{where}: the chains have not converged: {said}. Raise {where}.steps or {where}.max_extend", convergence)
        chains.run(min(options.steps // 2 + 1, longest - convergence.steps))
    return _summary(nll, minimum, chains, convergence, seed or 0)


class _Chains:
    """Ensembles of one likelihood."""

    def __init__(self, nll: NegativeLogLikelihood, minimum: Minimum, walkers: int, seed: int | None) -> None:
        import emcee

        self.free = np.flatnonzero([one.name not in minimum.fixed for one in nll.parameters])
        self.names = tuple(nll.names[i] for i in self.free)
        each = max(2 * -(-walkers // (2 * ENSEMBLES)), 2 * (len(self.free) + 1))
        log_probability = _log_probability(nll, minimum.theta, self.free)
        self._samplers, self._states = [], []
        for number in range(ENSEMBLES):
            random = generator(seed, "posterior", number)
            moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.2)]
            sampler = emcee.EnsembleSampler(each, len(self.free), log_probability, moves=moves)
            sampler.random_state = np.random.RandomState(random.integers(2**32, dtype=np.uint32)).get_state()
            self._samplers.append(sampler)
            self._states.append(_start(nll, minimum, self.free, each, random))

    def run(self, steps: int) -> None:
        """Advance every ensemble."""
        if steps > 0:
            self._states = [sampler.run_mcmc(state, steps) for sampler, state in zip(self._samplers, self._states, strict=True)]

    def forget(self) -> None:
        """Drop what was sampled so far."""
        for sampler in self._samplers:
            sampler.reset()

    @property
    def chains(self) -> Array:
        """(ensembles, steps, walkers, parameters)."""
        return np.array([sampler.get_chain() for sampler in self._samplers])

    def assess(self) -> Convergence:
        """Convergence since the burn-in."""
        acceptance = float(np.mean([sampler.acceptance_fraction for sampler in self._samplers]))
        return assess(self.chains, np.array([sampler.get_log_prob() for sampler in self._samplers]), acceptance, self.names)


def _log_probability(nll: NegativeLogLikelihood, theta: Array, free: NDArray[np.intp]) -> Callable[[Array], float]:
    lower, upper = (np.array([getattr(nll.parameters[i], side) for i in free]) for side in ("lower", "upper"))
    whole = theta.copy()

    def log_probability(point: Array) -> float:
        if (point < lower).any() or (point > upper).any():
            return -math.inf
        whole[free] = point
        value = nll.value(whole)
        return -value if math.isfinite(value) else -math.inf

    return log_probability


def _start(nll: NegativeLogLikelihood, minimum: Minimum, free: NDArray[np.intp], walkers: int, random: np.random.Generator) -> Array:
    """Walkers (walkers, parameters) around the minimum, reflected at the bounds."""
    points = np.empty((walkers, len(free)))
    for column, i in enumerate(free):
        one = nll.parameters[i]
        width = START_WIDTH * (minimum.errors[one.name] or 0.1 * max(1.0, abs(minimum.values[one.name])))
        moved = minimum.values[one.name] + width * random.standard_normal(walkers)
        moved = np.where(moved < one.lower, 2.0 * one.lower - moved, moved)
        moved = np.where(moved > one.upper, 2.0 * one.upper - moved, moved)
        points[:, column] = np.clip(moved, one.lower, one.upper)
    return points


def _summary(nll: NegativeLogLikelihood, minimum: Minimum, chains: _Chains, convergence: Convergence, seed: int) -> PosteriorResult:
    flat = chains.chains.transpose(1, 0, 2, 3).reshape(-1, len(chains.names))
    thin = -(-len(flat) // KEPT)
    intervals: dict[str, dict[str, Any]] = {}
    for share in SHARES:
        low, high = np.quantile(flat, [0.5 * (1.0 - share), 0.5 * (1.0 + share)], axis=0)
        intervals[f"{share:g}"] = {name: (float(low[i]), float(high[i])) for i, name in enumerate(chains.names)}
    return PosteriorResult(
        names=list(chains.names),
        median=dict(zip(chains.names, np.median(flat, axis=0).tolist(), strict=True)),
        mean=dict(zip(chains.names, flat.mean(axis=0).tolist(), strict=True)),
        intervals=intervals,
        correlation=np.atleast_2d(np.corrcoef(flat, rowvar=False)).tolist(),
        best={name: minimum.values[name] for name in chains.names},
        samples={name: flat[::thin, i].tolist() for i, name in enumerate(chains.names)},
        steps=convergence.steps,
        walkers=convergence.walkers * convergence.ensembles,
        tau_steps=convergence.tau_steps,
        effective_samples=convergence.effective_samples,
        r_hat=convergence.r_hat,
        acceptance=convergence.acceptance,
        seed=seed,
    )
