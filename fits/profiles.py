"""One-dimensional profile of the likelihood: one parameter held, all others minimised."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from fits.conditional import Minimiser, lowest, position
from fits.intervals import curve_interval
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from records.results import ProfileResult

Array = NDArray[np.float64]
LEVEL_68, LEVEL_95 = 0.5, 2.0  # Delta NLL of one parameter


def profiled(nll: NegativeLogLikelihood, minimum: Minimum, parameter: str, grid: ArrayLike, *, fit: Minimiser = minimise) -> list[Minimum]:
    """The conditional minimum at each value of a parameter, the lowest of all valleys. Warm starts go outwards from the best fit to either side."""
    values = np.asarray(grid, float)
    best = minimum.values[parameter]
    found: dict[int, Minimum] = {}
    for side in ([i for i in np.argsort(values) if values[i] >= best], [i for i in np.argsort(-values) if values[i] < best]):
        start = minimum.values
        for i in side:
            found[i] = lowest(nll, {parameter: float(values[i])}, start, minimum.values, fit=fit)
            start = found[i].values if found[i].valid else start
    return [found[i] for i in range(values.size)]


def profile(
    nll: NegativeLogLikelihood, minimum: Minimum, parameter: str, grid: tuple[float, float, int], *, fit: Minimiser = minimise
) -> ProfileResult:
    """Profile of ``parameter`` over [low, high, points] with the 68 and 95 % intervals (Delta NLL 0.5 and 2).

    An interval is open (infinite) on a side where the curve does not rise so far, unless the grid ends at the parameter's bound there. A
    point whose fit failed is NaN. Raises InputError for an unknown parameter, a grid outside the bounds, and fewer than 3 points that converged.
    """
    one = nll.parameters[position(nll, parameter, "profile")]
    values = grid_within(one.name, grid, one.lower, one.upper)
    minima = profiled(nll, minimum, parameter, values, fit=fit)
    delta = np.array([found.nll - minimum.nll if found.valid else math.nan for found in minima])
    if (n_valid := sum(found.valid for found in minima)) < 3:
        raise InputError(f"profile: of {values.size} fits with {parameter} held, {n_valid} converged; at least 3 are needed, move the grid")
    others = {name: [found.values[name] for found in minima] for name in nll.names if name != parameter}
    bounds = (one.lower, one.upper)
    return ProfileResult(
        parameter,
        values.tolist(),
        delta.tolist(),
        others,
        closed_at_bounds(_interval(values, delta, minimum.values[parameter], LEVEL_68), values, bounds),
        closed_at_bounds(_interval(values, delta, minimum.values[parameter], LEVEL_95), values, bounds),
    )


def _interval(values: Array, delta: Array, best: float, level: float) -> tuple[float, float]:
    """Interval of the curve to which the minimum itself is added."""
    x, y = values, delta
    if values[0] < best < values[-1] and not np.isclose(values, best, rtol=0, atol=1e-9 * (values[-1] - values[0])).any():
        at = int(np.searchsorted(values, best))
        x, y = np.insert(values, at, best), np.insert(delta, at, 0.0)
    return curve_interval(x, y, level, reference=0.0)


def grid_within(name: str, grid: tuple[float, float, int], lower: float, upper: float) -> Array:
    """Equally spaced values; InputError for fewer than 3, a reversed range, or values outside the parameter's bounds."""
    low, high, points = grid
    if points < 3 or not low < high:
        raise InputError(f"grid of {name}: [{low:g}, {high:g}, {points}] needs low < high and at least 3 points")
    if low < lower or high > upper:
        raise InputError(f"grid of {name}: [{low:g}, {high:g}] leaves the parameter's bounds [{lower:g}, {upper:g}]; change one of them")
    return np.linspace(low, high, int(points))


def closed_at_bounds(interval: tuple[float, float], grid: Array, bounds: tuple[float, float]) -> tuple[float, float]:
    """Replace an open end by the parameter's bound where the grid reaches it: the interval is one-sided there, not unknown."""
    low, high = interval
    if math.isinf(low) and grid[0] <= bounds[0]:
        low = bounds[0]
    if math.isinf(high) and grid[-1] >= bounds[1]:
        high = bounds[1]
    return low, high
