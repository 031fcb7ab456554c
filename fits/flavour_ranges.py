"""Ranges of the fraction of each flavour: the likelihood on the triangle of compositions, profiled along the other two."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fits.intervals import CONTENTS, curve_interval, delta_nll_level
from physics.oscillation import FLAVOURS
from records.diffuse import Composition

Array = NDArray[np.float64]
SHOWN = ("0.6827", "0.9545")


def fraction_ranges(grid: Array, delta_nll: Array, best: Composition) -> dict[str, dict[str, tuple[float, float]]]:
    """Content -> flavour -> (low, high) at the one-parameter levels of Delta NLL; a side that does not rise so far ends at 0 or 1.

    ``delta_nll[i, j]`` at f_e = ``grid[i]``, f_mu = ``grid[j]`` above the ``best`` composition, NaN outside the triangle.
    """
    found: dict[str, dict[str, tuple[float, float]]] = {label: {} for label in SHOWN}
    for k, flavour in enumerate(FLAVOURS):
        x, y = _with_best(grid, fraction_profile(delta_nll, k), best[k])
        for label, ranges in found.items():
            low, high = curve_interval(x, y, delta_nll_level(CONTENTS[label], 1), reference=0.0)
            ranges[flavour] = max(low, 0.0), min(high, 1.0)
    return found


def fraction_profile(delta_nll: Array, k: int) -> Array:
    """(points,) the lowest value on each line of constant fraction of flavour ``k``, by a parabola through the lowest point and its neighbours."""
    n = len(delta_nll) - 1
    lines: Mapping[int, list[Array]] = {
        0: [delta_nll[i, : n + 1 - i] for i in range(n + 1)],
        1: [delta_nll[: n + 1 - j, j] for j in range(n + 1)],
        2: [np.array([delta_nll[i, n - m - i] for i in range(n - m + 1)]) for m in range(n + 1)],
    }
    return np.array([_lowest(line) for line in lines[k]])


def _lowest(line: Array) -> float:
    """Vertex of the parabola through the lowest point and its neighbours; the point itself at an end of the line."""
    if not np.isfinite(line).any():
        return math.nan
    at = int(np.nanargmin(line))
    around = line[at - 1 : at + 2] if 0 < at < len(line) - 1 else line[:0]
    if around.size < 3 or not np.isfinite(around).all():
        return float(line[at])
    left, middle, right = around
    bend = left - 2.0 * middle + right
    return float(middle - (right - left) ** 2 / (8.0 * bend)) if bend > 0.0 else float(middle)


def _with_best(grid: Array, profile: Array, best: float) -> tuple[Array, Array]:
    """The profile with the minimum itself as one of its points."""
    apart = np.abs(grid - best) > 1e-6
    x, y = np.append(grid[apart], best), np.append(profile[apart], 0.0)
    order = np.argsort(x)
    return x[order], np.maximum(y[order], 0.0)
