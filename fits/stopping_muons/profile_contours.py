"""Contours of the profile likelihood in the two parameters of interest, found on a grid along the principal axes of their covariance.

On that grid the surface is nearly round however strongly the two are correlated. Points beyond a bound take the value at the bound, and the
polygons are cut there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize as optimize

from fits.contours import Polyline, Surface, contours
from fits.intervals import delta_nll_level
from fits.minimise import Minimum, Objective

Array = NDArray[np.float64]

LEVELS = {"0.68": 0.68, "0.95": 0.95}  # label -> probability content
POINTS = 15  # of the grid, in each direction: along principal axes the surface is a parabola but for its third and higher orders
REACH = 3.6  # half its width in standard deviations; 95 % are at 2.45 where the surface is a parabola
WIDENED, TRIES = 1.5, 4
GRADIENT = 1e-2  # in standard deviations from the conditional minimum: its height is then known to 1e-4


class Inner(Protocol):
    """Minimum over all other parameters at fixed ones of interest: its height, and theta as a start for the next."""

    def __call__(self, pair: Array, start: Array) -> tuple[float, Array]:
        """At the pair (2,), from theta."""
        ...


def profile_contours(objective: Objective, minimum: Minimum, levels: Mapping[str, float] = LEVELS) -> dict[str, list[Polyline]]:
    """Label -> polygons in the first two parameters, in fitted units; empty where the minimum is not valid or has no errors."""
    square = minimum.covariance[:2, :2]
    if not minimum.valid or not np.all(np.isfinite(square)) or np.linalg.eigvalsh(square)[0] <= 0:
        return {}
    axes: Array = np.linalg.cholesky(square).astype(float)
    highest = max(delta_nll_level(content, 2) for content in levels.values())
    reach = REACH
    for _ in range(TRIES):
        steps = np.linspace(-reach, reach, POINTS)
        surface = Surface(steps, steps, _heights(objective, minimum, axes, steps) - minimum.nll)
        edge = np.concatenate([surface.delta_nll[[0, -1]].ravel(), surface.delta_nll[:, [0, -1]].ravel()])
        if edge.min() > highest:
            break
        reach *= WIDENED
    centre, low, high = minimum.theta[:2], *(np.array([getattr(one, side) for one in objective.parameters[:2]]) for side in ("lower", "upper"))
    return {label: [_placed(line, centre, axes, low, high) for line in lines] for label, lines in contours(surface, levels).items()}


def _placed(line: Polyline, centre: Array, axes: Array, low: Array, high: Array) -> Polyline:
    points = np.clip(centre + np.array(line) @ axes.T, low, high)
    return [(float(x), float(y)) for x, y in points]


def _heights(objective: Objective, minimum: Minimum, axes: Array, steps: Array) -> Array:
    """Height (n, n) over the grid, from the middle outwards so that every start is near."""
    low, high = (np.array([getattr(one, side) for one in objective.parameters[:2]]) for side in ("lower", "upper"))
    inner = _inner(objective, minimum)
    found = np.full((steps.size, steps.size), np.nan)
    starts: dict[tuple[int, int], Array] = {}
    order = np.argsort(np.abs(steps), kind="stable")
    for i in order:
        for j in order:
            pair = np.clip(minimum.theta[:2] + axes @ np.array([steps[i], steps[j]]), low, high)
            near = [starts[key] for key in ((i, j - 1), (i, j + 1), (i - 1, j), (i + 1, j)) if key in starts]
            found[i, j], starts[i, j] = inner(pair, near[0] if near else minimum.theta)
    return found


def _inner(objective: Objective, minimum: Minimum) -> Inner:
    names = minimum.names
    if all(name in minimum.fixed for name in names[2:]):

        def direct(pair: Array, start: Array) -> tuple[float, Array]:
            theta = np.concatenate([pair, start[2:]])
            return objective.value_and_gradient(theta)[0], theta

        return direct
    free = np.array([i for i, name in enumerate(names) if i >= 2 and name not in minimum.fixed])
    low, high = (np.array([getattr(objective.parameters[i], side) for i in free]) for side in ("lower", "upper"))
    axes = np.linalg.cholesky(np.linalg.inv(np.linalg.inv(_free_covariance(minimum))[2:, 2:]))  # of the others with the pair held

    def minimised(pair: Array, start: Array) -> tuple[float, Array]:
        def along(z: Array) -> tuple[float, Array]:
            theta[free] = np.clip(start[free] + axes @ z, low, high)
            value, gradient = objective.value_and_gradient(theta)
            return value, axes.T @ gradient[free]

        theta = np.concatenate([pair, start[2:]])
        along(optimize(along, np.zeros(free.size), method="BFGS", jac=True, options={"gtol": GRADIENT}).x)
        return objective.value_and_gradient(theta)[0], theta

    return minimised


def _free_covariance(minimum: Minimum) -> Array:
    """Of the parameters that are not fixed, the two of interest first."""
    free = [i for i, name in enumerate(minimum.names) if i < 2 or name not in minimum.fixed]
    return minimum.covariance[np.ix_(free, free)]
