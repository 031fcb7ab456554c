"""Scans of a likelihood with several minima: points that a warm start left in the higher valley are found and moved to the lower one."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fits.minimise import Minimum
from fits.parameters import FitParameter

Array = NDArray[np.float64]
Point = tuple[int, int]
Refit = Callable[[Point, Array], Minimum]

LOWER = 1.0e-4  # in -ln L: less is the same minimum
EVERY = 4  # points of a grid between those that are fitted from every start


def into_lower_valleys(parameters: Sequence[FitParameter], values: Array, thetas: Array, refit: Refit) -> int:
    """Lower ``values`` (n, m) and ``thetas`` (n, m, parameters) in place where another valley is lower; returns how many points have moved.

    ``refit(point, start)``: the conditional minimum at a point of the grid. Only parameters with several starts have several valleys: every fourth
    point in both directions is fitted from their other starts, then each point from its neighbours in another valley, until nothing falls.
    Nothing is done where every parameter has one start.
    """
    several = [k for k, one in enumerate(parameters) if len(one.starts) > 1 and not one.fixed]
    if not several:
        return 0
    moved: set[Point] = set()

    def lowered(point: Point, start: Array) -> bool:
        found = refit(point, start)
        if not found.valid or (np.isfinite(values[point]) and not found.nll < values[point] - LOWER):
            return False
        values[point], thetas[point] = found.nll, found.theta
        moved.add(point)
        return True

    n, m = values.shape
    for point in itertools.product(range(0, n, EVERY), range(0, m, EVERY)):
        for start in _other_starts(parameters, several, thetas[point]):
            lowered(point, start)
    apart = np.array([0.5 * float(np.ptp(parameters[k].starts)) for k in several])
    _spread(thetas, lambda here, there: bool((np.abs(here - there)[several] > apart).any()), lowered)
    return len(moved)


def _spread(thetas: Array, differ: Callable[[Array, Array], bool], lowered: Callable[[Point, Array], bool]) -> None:
    """Start each point from those neighbours whose parameters ``differ``, until none is ``lowered`` any more."""
    n, m = thetas.shape[:2]
    waiting: deque[tuple[Point, Point]] = deque(_pairs(itertools.product(range(n), range(m)), n, m))
    while waiting:
        here, there = waiting.popleft()
        if differ(thetas[here], thetas[there]) and lowered(there, thetas[here]):
            waiting.extend(_pairs([there], n, m))


def _other_starts(parameters: Sequence[FitParameter], several: Sequence[int], theta: Array) -> Iterator[Array]:
    """``theta`` with the parameters of several starts at each combination of these but the one nearest to it."""
    if not np.isfinite(theta).all():
        return
    combinations = np.array(list(itertools.product(*(parameters[k].starts for k in several))))
    nearest = int(np.argmin(np.abs(combinations - theta[several]).sum(axis=1)))
    for number, combination in enumerate(combinations):
        if number != nearest:
            start = theta.copy()
            start[several] = combination
            yield start


def _pairs(points: Iterable[Point], n: int, m: int) -> Iterator[tuple[Point, Point]]:
    """Each point with each of its neighbours on the grid."""
    for i, j in points:
        for k, l in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):  # noqa: E741 (row and column)
            if 0 <= k < n and 0 <= l < m:
                yield (i, j), (k, l)
