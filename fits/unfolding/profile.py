"""The profile of the objective along one parameter: the others minimised at each point, intervals and upper limits from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from configs.errors import InputError, nearest
from fits.unfolding.newton import newton
from fits.unfolding.posterior import Posterior

if TYPE_CHECKING:
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]

HALF = 0.5  # objective above the minimum at the limits of the 68 % interval
FURTHEST = 60.0  # of ln f or d from the minimum: beyond, there is no limit
PRECISION = 1e-5  # of the limits, in ln f or d


@dataclass(frozen=True)
class Profile:
    """``delta`` (points,) above the minimum at ``x`` (points,): f of a truth bin, d of a nuisance, or eps. ``interval``: 68 %; NaN where open."""

    name: str
    x: Array
    delta: Array
    best: float
    interval: tuple[float, float]


def profile(problem: UnfoldingProblem, parameter: int | str, *, x: ArrayLike | None = None, points: int = 25) -> Profile:
    """Profile of truth bin ``parameter`` (number in range, or the label of any bin), of a nuisance or of ``epsilon`` by name.

    ``x``: where (default: ``points`` values over +-3 standard deviations). InputError for a parameter that does not exist or an invalid minimum.
    """
    place = _place(problem, parameter)
    posterior = Posterior(problem)
    fit = problem.map()
    if not fit.valid:
        raise InputError(f"no profile without a minimum: {fit.reason}")
    logarithmic = place < problem.n
    centre, error = float(fit.theta[place]), float(np.sqrt(fit.covariance_theta[place, place]))
    if x is None:
        grid = np.clip(centre + min(error, 3.0) * np.linspace(-3, 3, points), posterior.lower[place], posterior.upper[place])
    else:
        grid = np.log(np.asarray(x, dtype=float)) if logarithmic else np.asarray(x, dtype=float)
    curve = _Along(posterior, fit.theta, place)
    delta = np.array([curve(value) for value in grid])
    ends = [curve.crossing(HALF, side) for side in (-1, 1)]
    values = np.exp(grid) if logarithmic else grid
    low, high = np.exp(ends) if logarithmic else ends
    return Profile(problem.names[place], values, delta, float(np.exp(centre) if logarithmic else centre), (float(low), float(high)))


def upper_limit(posterior: Posterior, theta: Array, place: int, cl: float = 0.90) -> float:
    """Limit of f in truth bin ``place`` from the minimum ``theta``: one-sided, objective higher by z^2/2 (0.82 at 90 %). Infinite if it never is."""
    end = _Along(posterior, theta, place).crossing(0.5 * float(norm.ppf(cl)) ** 2, 1)
    return float(np.exp(end)) if np.isfinite(end) else np.inf


class _Along:
    """The profiled objective above its minimum as a function of one parameter.

    Each fit starts from the minimum and from where the last one ended, and the lower end counts: other bins that vanish make second minima.
    """

    def __init__(self, posterior: Posterior, theta: Array, place: int) -> None:
        self._posterior, self._place, self._best = posterior, place, theta
        self._warm = theta.copy()
        self._fixed = np.arange(theta.size) == place
        self._lowest = posterior.value(theta)

    def __call__(self, value: float) -> float:
        posterior = self._posterior
        ends = []
        for start in (self._warm, self._best):
            moved = np.where(self._fixed, value, start)
            found = newton(posterior.expansion, posterior.value, moved, lower=posterior.lower, upper=posterior.upper, fixed=self._fixed)
            ends.append((posterior.value(found.theta), found.theta))
        lowest, self._warm = min(ends, key=lambda end: end[0])
        return lowest - self._lowest

    def crossing(self, height: float, side: int) -> float:
        """Where the curve first exceeds ``height`` on one side; NaN if it does not up to the parameter's bound or ``FURTHEST``."""
        self._warm = self._best.copy()
        centre = float(self._best[self._place])
        bound = float((self._posterior.lower if side < 0 else self._posterior.upper)[self._place])
        inner, length = centre, 0.1
        known = {centre: 0.0}  # at the ends: again from elsewhere, a fit may find another minimum, and the signs there would be the same
        while abs(inner - centre) < FURTHEST and inner != bound:
            outer = centre + side * length
            outer = max(outer, bound) if side < 0 else min(outer, bound)
            known[outer] = self(outer)
            if known[outer] > height:
                return float(brentq(lambda value: (known[value] if value in known else self(value)) - height, inner, outer, xtol=PRECISION))
            inner, length = outer, 1.7 * length
        return np.nan


def _place(problem: UnfoldingProblem, parameter: int | str) -> int:
    if isinstance(parameter, str):
        if parameter not in problem.names:
            raise InputError(f"parameter {parameter!r} does not exist{nearest(parameter, problem.names)}")
        return problem.names.index(parameter)
    if not 0 <= parameter < problem.n_inside:
        raise InputError(f"truth bin {parameter} does not exist: there are {problem.n_inside} in range, counted from 0")
    return parameter + int(problem.underflow)
