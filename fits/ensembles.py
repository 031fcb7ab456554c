"""Independent emcee ensembles (arXiv:1202.3665) of one log-probability, extended until they have converged.

All walkers of an ensemble are evaluated in one call; see ``fits.unfolding.moves`` for how they move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.unfolding.diagnostics import STEPS_PER_TAU, Convergence, assess
from fits.unfolding.moves import first_moves, learnt_moves

Array = NDArray[np.float64]
LogProbability = Callable[[Array], Array]  # (points, parameters) -> (points,)

ENSEMBLES = 2


class ConvergenceError(InputError):
    """Chains that have not converged; ``convergence`` has the numbers. No result is made of them."""

    def __init__(self, message: str, convergence: Convergence) -> None:
        super().__init__(message)
        self.convergence = convergence


def walkers_of_each(wanted: int, parameters: int) -> int:
    """Walkers of one ensemble for ``wanted`` in all: even, as half of them move at a time, and four for each parameter in all at least."""
    return 2 * -(-max(wanted, 4 * parameters) // (2 * ENSEMBLES))


class Ensembles:
    """Ensembles that begin at ``starts`` (one array (walkers, parameters) for each); ``generators``: the random numbers of each."""

    def __init__(
        self, log_probability: LogProbability, names: Sequence[str], starts: Sequence[Array], generators: Sequence[np.random.Generator]
    ) -> None:
        self._log_probability, self._names, self._generators = log_probability, tuple(names), generators
        self._states: list[Any] = list(starts)
        self._samplers = [self._sampler(start.shape, one, first_moves()) for start, one in zip(starts, generators, strict=True)]

    def _sampler(self, shape: tuple[int, ...], generator: np.random.Generator, moves: list[tuple[Any, float]]) -> Any:
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

    def until_converged(self, steps: int, max_extend: float, failure: Callable[[Convergence], str]) -> Convergence:
        """Run ``steps``, and go on until all conditions of ``fits.unfolding.diagnostics`` hold.

        Raises ConvergenceError with the words of ``failure`` when they do not after ``max_extend`` times the steps, or cannot by then.
        """
        self.run(steps)
        longest = int(max_extend * steps)
        while (convergence := self.assess()).failures:
            block = min(max(steps // 2, convergence.steps // 4), longest - convergence.steps)
            if block <= 0 or STEPS_PER_TAU * convergence.tau_steps > longest:  # the time grows with the chain: it will never do
                raise ConvergenceError(failure(convergence), convergence)
            self.run(block)
        return convergence

    @property
    def chains(self) -> Array:
        """(ensembles, steps, walkers, parameters)."""
        return np.array([sampler.get_chain() for sampler in self._samplers])

    def assess(self) -> Convergence:
        """Convergence of all that was sampled since the burn-in."""
        acceptance = float(np.mean([sampler.acceptance_fraction for sampler in self._samplers]))
        return assess(self.chains, np.array([sampler.get_log_prob() for sampler in self._samplers]), acceptance, self._names)
