"""The posterior of a fit by emcee (arXiv:1202.3665): independent ensembles from the minimum, extended until they have converged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.diffuse_studies import Posterior
from fits.ensembles import ENSEMBLES, Ensembles, LogProbability, walkers_of_each
from fits.minimise import Minimum
from fits.nll import NegativeLogLikelihood
from fits.toys import generator
from fits.unfolding.diagnostics import Convergence
from records.diffuse_studies import PosteriorResult

Array = NDArray[np.float64]

SHARES = (0.6827, 0.90, 0.9545)
KEPT = 4000  # samples saved for figures, or a few more
START_WIDTH = 0.5  # of the errors: walkers begin around the minimum, inside the bounds


def posterior(nll: NegativeLogLikelihood, minimum: Minimum, options: Posterior, seed: int | None, *, where: str = "posterior") -> PosteriorResult:
    """Sample exp(-NLL) inside the bounds of the free parameters; what is fixed stays at the minimum.

    Priors are those of the likelihood, flat where a parameter has none. Raises ConvergenceError (an InputError naming the parameter and the key
    ``where`` to change) when autocorrelation, ensembles (R-hat), acceptance or walkers say so after ``max_extend`` times the steps.
    """
    free = np.flatnonzero([one.name not in minimum.fixed for one in nll.parameters])
    names = tuple(nll.names[i] for i in free)
    walkers = walkers_of_each(options.walkers, len(free))
    generators = [generator(seed, "posterior", number) for number in range(ENSEMBLES)]
    starts = [_start(nll, minimum, free, walkers, one) for one in generators]
    chains = Ensembles(_log_probability(nll, minimum.theta, free), names, starts, generators)
    chains.burn(options.burn)
    convergence = chains.until_converged(options.steps, options.max_extend, lambda found: _failure(where, found))
    return _summary(minimum, chains.chains, names, convergence, seed or 0)


def _failure(where: str, convergence: Convergence) -> str:
    return f"{where}: the chains have not converged: {'; '.join(convergence.failures)}. Raise {where}.steps or {where}.max_extend"


def _log_probability(nll: NegativeLogLikelihood, theta: Array, free: NDArray[np.intp]) -> LogProbability:
    lower, upper = (np.array([getattr(nll.parameters[i], side) for i in free]) for side in ("lower", "upper"))
    whole = theta.copy()

    def one(point: Array) -> float:
        if (point < lower).any() or (point > upper).any():
            return -math.inf
        whole[free] = point
        value = nll.value(whole)
        return -value if math.isfinite(value) else -math.inf

    return lambda points: np.array([one(point) for point in points])


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


def thinned(chains: Array, wanted: int) -> Array:
    """About ``wanted`` samples (samples, parameters) of ``chains`` (ensembles, steps, walkers, parameters): some steps of every walker.

    Walkers are nearly independent, steps of one walker are not.
    """
    every = -(-math.prod(chains.shape[:3]) // wanted)
    return chains[:, ::every].reshape(-1, chains.shape[3])


def _summary(minimum: Minimum, chains: Array, names: tuple[str, ...], convergence: Convergence, seed: int) -> PosteriorResult:
    flat = chains.transpose(1, 0, 2, 3).reshape(-1, len(names))
    kept = thinned(chains, KEPT)
    intervals: dict[str, dict[str, Any]] = {}
    for share in SHARES:
        low, high = np.quantile(flat, [0.5 * (1.0 - share), 0.5 * (1.0 + share)], axis=0)
        intervals[f"{share:g}"] = {name: (float(low[i]), float(high[i])) for i, name in enumerate(names)}
    return PosteriorResult(
        names=list(names),
        median=dict(zip(names, np.median(flat, axis=0).tolist(), strict=True)),
        mean=dict(zip(names, flat.mean(axis=0).tolist(), strict=True)),
        intervals=intervals,
        correlation=np.atleast_2d(np.corrcoef(flat, rowvar=False)).tolist(),
        best={name: minimum.values[name] for name in names},
        samples={name: kept[:, i].tolist() for i, name in enumerate(names)},
        steps=convergence.steps,
        walkers=convergence.walkers * convergence.ensembles,
        tau_steps=convergence.tau_steps,
        effective_samples=convergence.effective_samples,
        r_hat=convergence.r_hat,
        acceptance=convergence.acceptance,
        seed=seed,
    )
