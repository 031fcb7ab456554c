"""A triangle of three fractions that sum to 1: contours, the best fit, and points to compare with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import NO_CAPTION, Array, Caption, page
from plotting.contour import LINES, SHADES
from plotting.drawn import DrawnFigure
from plotting.style import BLACK, OURS, PURPLE, VERMILLION, Style

Polyline = Sequence[tuple[float, float]]
HEIGHT = math.sqrt(3.0) / 2.0
STEP = 0.2  # between lines of the grid
MARKS = (("o", VERMILLION), ("s", PURPLE), ("^", BLACK))
TICK, NAME = 0.035, 0.11  # distance of numbers and names from their side
CORNERS = np.array([[1.0, 0.0], [0.5, HEIGHT], [0.0, 0.0]])  # all e, all mu, all tau


def ternary(names: tuple[str, str, str], surface: tuple[Array, Array], contours: Mapping[str, Sequence[Polyline]], levels: Mapping[str, float],
            best: tuple[float, float, float], points: Mapping[str, tuple[float, float, float]], *, style: Style,
            caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Draw regions of (first, second) fraction, the best fit and named points.

    ``surface``: values of the fractions (n,) and the height above the best fit (n, n), NaN outside; ``levels``: height of each contour.
    """
    with style.context():
        sheet = page(style, caption, height_in=7.2, bottom_in=0.3)
        axes = sheet.panels[0]
        _frame(axes, names)
        _areas(axes, surface, levels)
        for content, lines in contours.items():
            for number, line in enumerate(lines):
                first, second = np.asarray(line).T
                label = f"{100 * float(content):.4g} %" if number == 0 else None
                axes.plot(*position(first, second), LINES.get(content, "-."), color=OURS, label=label, gid=f"contour {content}")
        axes.plot(
            *position(best[0], best[1]), "*", color=OURS, markersize=18, markeredgecolor="white", linestyle="none", label="Best fit",
            gid="best", zorder=5, clip_on=False,
        )  # fmt: skip
        for (name, fractions), (mark, colour) in zip(points.items(), MARKS, strict=False):
            axes.plot(*position(fractions[0], fractions[1]), mark, color=colour, markersize=9, linestyle="none", label=name, gid=f"point {name}")
        axes.legend(loc="upper left", bbox_to_anchor=(-0.1, 1.0), fontsize="small")
    numbers = {"names": names, "best": best, "points": dict(points), "contours": dict(contours), "levels": dict(levels)}
    return DrawnFigure(sheet.figure, {**numbers, "fractions": surface[0], "delta_nll": surface[1]})


def position(first: Any, second: Any) -> tuple[Any, Any]:
    """Place in the plane of the first and second fraction: all of the first lower right, of the second on top, of the third lower left.

    >>> position(1.0, 0.0), position(0.0, 0.0)
    ((1.0, 0.0), (0.0, 0.0))
    """
    return first + 0.5 * second, HEIGHT * second


def _areas(axes: Axes, surface: tuple[Array, Array], levels: Mapping[str, float]) -> None:
    """Shade where the height lies below each level."""
    grid, height = surface
    i, j = np.nonzero(np.isfinite(height))
    x, y = position(grid[i], grid[j])
    low = min(float(np.nanmin(height)), 0.0) - 1.0
    for level, shade in zip(levels.values(), SHADES, strict=False):
        axes.tricontourf(x, y, height[i, j], levels=[low, level], colors=[OURS], alpha=shade)


def _frame(axes: Axes, names: tuple[str, str, str]) -> None:
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_xlim(-0.08, 1.08)
    axes.set_ylim(-0.16, HEIGHT + 0.08)
    axes.plot(*np.vstack([CORNERS, CORNERS[:1]]).T, color=BLACK, linewidth=1.6, gid="frame")
    for part in np.arange(0.0, 1.0 + STEP / 2, STEP):
        _grid_lines(axes, float(part))
    # each name stands beside the side that holds its numbers, turned with it
    places = ((0.5, -NAME), (0.75 + NAME, 0.5 * (HEIGHT + NAME)), (0.25 - NAME, 0.5 * (HEIGHT + NAME)))
    for name, (x, y), angle in zip(names, places, (0, -60, 60), strict=True):
        axes.text(x, y, name, rotation=angle, ha="center", va="center", fontsize="large")


def _grid_lines(axes: Axes, part: float) -> None:
    """The three lines on which one fraction is ``part``, each with its number where it starts."""
    rest = 1.0 - part
    ends = (((part, 0.0), (part, rest)), ((rest, part), (0.0, part)), ((0.0, rest), (rest, 0.0)))  # (first, second) fractions at both ends
    shifts = ((-0.5 * TICK, -TICK), (TICK, 0.0), (-0.5 * TICK, TICK))
    for (start, end), (x, y) in zip(ends, shifts, strict=True):
        (x_1, y_1), (x_2, y_2) = position(*start), position(*end)
        if 0.0 < part < 1.0:
            axes.plot([x_1, x_2], [y_1, y_2], color="0.8", linewidth=0.8, zorder=0)
        axes.text(x_1 + x, y_1 + y, f"{part:.1f}", ha="center", va="center", fontsize="x-small")
