"""Regions of a two-dimensional scan: their size, their ends, and whether two scans cover each other's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fits.contours import Polyline, Surface, contours
from fits.intervals import CONTENTS, TWO_SIGMA, delta_nll_level


@dataclass(frozen=True)
class Region:
    """Where Delta NLL is below the level of ``content``: area in units of x times y, and its ends in both parameters."""

    area: float
    x: tuple[float, float]
    y: tuple[float, float]


def region(surface: Surface, content: str) -> Region | None:
    """The region of a probability content (a key of ``CONTENTS``); None where it reaches the edge of the grid, or there is none.

    The area is the share of points below the level on a fine grid; the ends are those of the contour.
    """
    level = delta_nll_level(CONTENTS[content], 2)
    x, y, z = surface.grid()
    if z.min() >= level or min(z[0].min(), z[-1].min(), z[:, 0].min(), z[:, -1].min()) < level:
        return None
    lines: list[Polyline] = contours(surface, {content: CONTENTS[content]})[content]
    weight = np.outer(np.gradient(x), np.gradient(y))
    points = np.concatenate([np.asarray(line) for line in lines])
    (x_low, y_low), (x_high, y_high) = points.min(axis=0), points.max(axis=0)
    return Region(float(weight[z < level].sum()), (float(x_low), float(x_high)), (float(y_low), float(y_high)))


def uncovered(ours: Surface, external: Surface, near: float) -> str:
    """Why two scans cannot be compared, empty where they can: each must hold the other's 95 % region, ours all points with Delta NLL < ``near``."""
    level = delta_nll_level(TWO_SIGMA, 2)
    for name, inner, outer, reach in (("the published", external, ours, max(near, level)), ("our", ours, external, level)):
        x, y = np.meshgrid(inner.x, inner.y, indexing="ij")
        below = inner.delta_nll < reach
        if not below.any():
            return f"{name} scan has no point with Delta NLL below {reach:.3g}"
        x_ends, y_ends = _ends(x[below]), _ends(y[below])
        if not (outer.x[0] <= x_ends[0] <= x_ends[1] <= outer.x[-1] and outer.y[0] <= y_ends[0] <= y_ends[1] <= outer.y[-1]):
            held = f"x {outer.x[0]:g}..{outer.x[-1]:g}, y {outer.y[0]:g}..{outer.y[-1]:g}"
            needed = f"x {x_ends[0]:g}..{x_ends[1]:g}, y {y_ends[0]:g}..{y_ends[1]:g}"
            return f"{name} scan is below {reach:.3g} in {needed}, the other grid ends at {held}; widen x_grid, y_grid"
    return ""


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values.min()), float(values.max())
