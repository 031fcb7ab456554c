"""How walkers move. Differential evolution and stretch moves are emcee's; a proposal learnt from the burn-in shortens the chains.

emcee 3.1's snooker move is not used: on a unit Gaussian in 4 dimensions it gives 0.86 for the standard deviation (its Jacobian and its projection
do not belong together).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DIFFERENTIAL, STRETCH, LEARNT = 0.5, 0.1, 0.4  # shares of the moves
FREEDOM = 5.0  # degrees of freedom of the t distribution: its tails are wider than those of a posterior
WIDER = 1.2  # its variance over that of the samples
ENOUGH = 20  # samples for each entry of a covariance, below which nothing is learnt


class LearntProposal:
    """Points drawn independently of where a walker is, from a multivariate t with mean and covariance of ``samples`` (samples, parameters).

    Fixed once learnt, so that chains keep their stationary distribution (Metropolis-Hastings with the ratio of densities).
    """

    def __init__(self, samples: Array) -> None:
        self._mean = samples.mean(axis=0)
        self._root = np.linalg.cholesky(np.atleast_2d(np.cov(samples, rowvar=False)) * (FREEDOM - 2.0) / FREEDOM * WIDER)
        self._inverse = np.linalg.inv(self._root)

    def __call__(self, points: Array, random: Any) -> tuple[Array, Array]:
        """Proposals (walkers, parameters) and ln of the density at ``points`` over that at the proposals."""
        normal = random.standard_normal(points.shape)
        stretch = np.sqrt(FREEDOM / random.chisquare(FREEDOM, points.shape[0]))
        proposed = self._mean + (normal * stretch[:, None]) @ self._root.T
        return proposed, self._log_density(points) - self._log_density(proposed)

    def _log_density(self, points: Array) -> Array:
        reduced = (points - self._mean) @ self._inverse.T
        return np.asarray(-0.5 * (FREEDOM + points.shape[1]) * np.log1p((reduced**2).sum(axis=1) / FREEDOM))


def first_moves() -> list[tuple[Any, float]]:
    """Moves of the burn-in: differential evolution (C. ter Braak, Stat. Comput. 16 (2006) 239) and stretch moves (J. Goodman, J. Weare, 2010)."""
    from emcee import moves

    return [(moves.DEMove(), DIFFERENTIAL + LEARNT), (moves.StretchMove(), STRETCH)]


def learnt_moves(burnt: Array) -> list[tuple[Any, float]]:
    """Moves after a burn-in ``burnt`` (steps, walkers, parameters), whose second half is learnt from where it is long enough."""
    from emcee import moves

    samples = burnt[burnt.shape[0] // 2 :].reshape(-1, burnt.shape[-1])
    size = burnt.shape[-1]
    if samples.shape[0] < ENOUGH * size * (size + 1) // 2:
        return first_moves()
    return [(moves.DEMove(), DIFFERENTIAL), (moves.StretchMove(), STRETCH), (moves.MHMove(LearntProposal(samples)), LEARNT)]
