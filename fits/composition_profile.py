"""Profile of the likelihood along the yield of one group, with its intervals: also where groups look alike and yields end at zero."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from fits.composition import LARGEST, VALLEYS, Composition
from fits.minimise import Minimum
from records.iwcd_fits import ProfileCurve

Array = NDArray[np.float64]

LEVEL_68, LEVEL_95 = 0.5, 1.92  # Delta NLL of one parameter
GRID = 25  # points of a profile
SMALLEST_STEP = 0.02  # of mu
BISECTIONS = 8  # between the last step and a bound
AT_ZERO = 1e-4  # of mu: Minuit stops a little above a bound
NEAR_BEST = 1e-3  # of the range of a profile
LBFGSB = {"ftol": 1e-11, "gtol": 1e-5}


def profile(likelihood: Composition, minimum: Minimum, name: str, *, two_valleys: bool = False) -> ProfileCurve:
    """The likelihood along the yield of one group, from where it has risen by 1.92 (or its bound) to there on the other side.

    ``two_valleys``: groups look alike, and the others have a minimum on either side of the ridge; both are looked for.
    """
    unit, best = likelihood.binned.unit, minimum.values[name]
    held = likelihood.names.index(name)
    scale = np.maximum(np.sqrt(np.diag(minimum.covariance)), SMALLEST_STEP)
    follow = minimum.covariance[:, held] / minimum.covariance[held, held] if minimum.covariance[held, held] > 0 else np.zeros(len(scale))
    valleys = _valleys(likelihood, minimum, two_valleys)

    def height(mu: float) -> float:
        starts = [minimum.theta + (mu - best) * follow, *valleys]
        return min(_conditional(likelihood, start, held, mu, scale) for start in starts) - minimum.nll

    low, high = (_end(height, best, sign * max(minimum.errors[name], SMALLEST_STEP)) for sign in (-1.0, 1.0))
    grid = np.linspace(low, high, GRID)
    place = 0.0 if best < AT_ZERO else best
    x = np.sort(np.append(grid[np.abs(grid - place) > NEAR_BEST * (high - low)], place))
    delta = np.array([0.0 if mu == place else max(height(float(mu)), 0.0) for mu in x])
    scaled = [tuple(unit * end for end in crossings(x, delta, place, level)) for level in (LEVEL_68, LEVEL_95)]
    return ProfileCurve((unit * x).tolist(), delta.tolist(), *scaled)  # type: ignore[arg-type]


def _valleys(likelihood: Composition, minimum: Minimum, two: bool) -> list[Array]:
    """Where else a conditional minimum may lie: the likelihood's own start, and either side of the light yield."""
    found = [np.array([one.start for one in likelihood.parameters])] if two else []
    return found + [np.append(minimum.theta[:-1], start) for start in VALLEYS if likelihood.varies]


def _conditional(likelihood: Composition, start: Array, held: int, mu: float, scale: Array) -> float:
    """Minimum with one parameter held at ``mu``. The others often end at their bounds: L-BFGS-B takes these as they are."""
    low = np.array([one.lower for one in likelihood.parameters])
    high = np.array([one.upper for one in likelihood.parameters])
    low[held] = high[held] = mu

    def scaled(x: Array) -> tuple[float, Array]:
        value, gradient = likelihood.value_and_gradient(x * scale)
        return value, gradient * scale

    bounds = np.stack([low / scale, high / scale], axis=1)
    begin = np.clip(start, low, high) / scale
    return float(scipy.optimize.minimize(scaled, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=LBFGSB).fun)


def _end(height: Callable[[float], float], best: float, step: float) -> float:
    """Where the profile has risen above its higher level, by growing steps; the bound where it has not, or rises steeply before it (bisection)."""
    here = best
    while 0.0 < here + step < LARGEST:
        here += step
        if height(here) > LEVEL_95:
            return here
        step *= 1.5
    bound = 0.0 if step < 0 else LARGEST
    if here == bound or height(bound) <= LEVEL_95:
        return bound
    low, high = here, bound
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if height(middle) > LEVEL_95 else (middle, high)
    return high


def crossings(x: Array, delta: Array, best: float, level: float) -> tuple[float, float]:
    """Where a profile first passes ``level`` on either side of its minimum; its end (a bound) where it does not.

    Between points the root of the curve is a straight line: exact for a parabola, and without overshoot where the curve rises like a wall.

    >>> grid = np.linspace(-3.0, 3.0, 7)
    >>> [round(end, 6) for end in crossings(grid, 0.5 * grid**2, 0.0, 0.5)]
    [-1.0, 1.0]
    """
    ends = []
    for side in (x <= best, x >= best):
        order = np.argsort(np.abs(x[side] - best))
        along, root = x[side][order], np.sqrt(np.maximum(delta[side][order], 0.0))
        beyond = np.flatnonzero(root > math.sqrt(level))
        if not beyond.size:
            ends.append(float(along[-1]))
            continue
        k = int(beyond[0])
        share = (math.sqrt(level) - root[k - 1]) / (root[k] - root[k - 1])
        ends.append(float(along[k - 1] + share * (along[k] - along[k - 1])))
    return ends[0], ends[1]
