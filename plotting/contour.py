"""Likelihood contours in two parameters: ours, another program's, published points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from plotting.canvas import NO_CAPTION, Array, Caption, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.style import BLACK, OTHER, OURS, Style

Polyline = Sequence[tuple[float, float]]

LINES: dict[str, str] = {"0.6827": "-", "0.68": "-", "0.95": "--", "0.9": "-", "0.90": "-", "0.9545": "--", "0.9973": ":"}
MANY, SMALL = 5, 11.5  # more entries than these have small letters: the range of y stays what was asked for
SHADES = (0.30, 0.14, 0.07)  # opacity inside the contours of ours, smallest first


@dataclass(frozen=True)
class Region:
    """One measurement in the plane of two parameters.

    ``contours``: probability content -> polylines of (x, y); ``best``: its best fit; ``errors``: (minus, plus) of x and of y where only
    these are known. ``line`` and ``colour``: in place of those that stand for the content and for the place in the figure.
    """

    label: str
    contours: Mapping[str, Sequence[Polyline]]
    best: tuple[float, float] | None = None
    errors: tuple[tuple[float, float], tuple[float, float]] | None = None
    line: str | None = None
    colour: str | None = None


@dataclass(frozen=True)
class Points:
    """Published points of a contour: arrays x and y, and whose they are."""

    label: str
    x: Array
    y: Array


def contour(ours: Region, x: Scale, y: Scale, *, others: Sequence[Region] = (), points: Sequence[Points] = (), text: Sequence[str] = (),
            style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Draw our regions (filled) and best fit, other programs' as lines, published points as dots; the legend names each source.

    The ranges of ``x`` and ``y`` are widened where a contour leaves them.
    """
    regions = [ours, *others]
    with style.context():
        axes = page(style, caption).panels[0]
        _fill(axes, ours)
        others_drawn = iter((OTHER, *[BLACK] * len(others)))
        for region in regions:
            _outline(axes, region, OURS if region is ours else region.colour or next(others_drawn))
        for number, one in enumerate(points):
            axes.plot(one.x, one.y, "os"[number % 2], color=BLACK, markersize=5, label=one.label, gid=f"points {one.label}")
        apply_scale(axes, replace(x, limits=_around(regions, points, 0, x)), replace(y, limits=_around(regions, points, 1, y)))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=9, steps=[1, 2, 5, 10]))  # no 0.025: the numbers and the label share the margin
        crowded = len(axes.get_legend_handles_labels()[0]) > MANY
        place_legend(axes, _heights(regions, points), text=text, fontsize=SMALL if crowded else None)
        figure = axes.get_figure(root=True)
        assert figure is not None
    return DrawnFigure(figure, _numbers(ours, others, points, x, y))


def _fill(axes: Axes, region: Region) -> None:
    for (content, polylines), shade in zip(region.contours.items(), SHADES, strict=False):
        for line in polylines:
            axes.fill(*np.asarray(line).T, color=OURS, alpha=shade, linewidth=0.0, gid=f"area {content}")


def _outline(axes: Axes, region: Region, colour: str) -> None:
    for content, polylines in region.contours.items():
        for number, line in enumerate(polylines):
            label = f"{region.label}, {100 * float(content):.4g} %" if number == 0 else None
            axes.plot(*np.asarray(line).T, region.line or LINES.get(content, "-."), color=colour, label=label, gid=f"{region.label} {content}")
    if region.best is not None and region.errors is None:
        axes.plot(
            *region.best,
            "*",
            color=colour,
            markersize=17,
            markeredgecolor="white",
            label=f"{region.label}, best fit",
            gid=f"{region.label} best",
            zorder=5,
        )
    elif region.best is not None and region.errors is not None:
        (x_minus, x_plus), (y_minus, y_plus) = region.errors
        errors: dict[str, Any] = {"xerr": [[x_minus], [x_plus]], "yerr": [[y_minus], [y_plus]]}
        style: dict[str, Any] = {"fmt": "D", "color": BLACK, "markersize": 7, "elinewidth": 1.6, "zorder": 4}
        axes.errorbar([region.best[0]], [region.best[1]], **errors, **style, label=region.label, gid=f"{region.label} best")


def _all(regions: Sequence[Region], points: Sequence[Points]) -> Array:
    """Every drawn point (n, 2)."""
    lines = [np.asarray(line) for region in regions for polylines in region.contours.values() for line in polylines]
    bests = [np.array([region.best]) for region in regions if region.best is not None]
    return np.concatenate([*lines, *bests, *(np.column_stack([one.x, one.y]) for one in points)])


def _around(regions: Sequence[Region], points: Sequence[Points], axis: int, scale: Scale) -> tuple[float, float]:
    values = _all(regions, points)[:, axis]
    low, high = float(values.min()), float(values.max())
    margin = 0.08 * (high - low)
    if scale.limits is None:
        return low - margin, high + margin
    floor = scale.limits[0] if low >= scale.limits[0] else low - margin
    return floor, max(scale.limits[1], high + margin if high > scale.limits[1] else -np.inf)


def _heights(regions: Sequence[Region], points: Sequence[Points]) -> list[tuple[Array, Array]]:
    """The highest drawn point in each of 40 slices of x."""
    x, y = _all(regions, points).T
    edges = np.linspace(x.min(), x.max() + 1e-9, 41)
    top = np.full(40, -np.inf)
    np.maximum.at(top, np.clip(np.searchsorted(edges, x, side="right") - 1, 0, 39), y)
    return [(edges, top)]


def _numbers(ours: Region, others: Sequence[Region], points: Sequence[Points], x: Scale, y: Scale) -> dict[str, Any]:
    def region(one: Region) -> dict[str, Any]:
        return {
            "label": one.label,
            "best": one.best,
            "errors": one.errors,
            "contours": {content: list(lines) for content, lines in one.contours.items()},
        }

    return {
        "x_label": x.label,
        "y_label": y.label,
        "ours": region(ours),
        "others": [region(other) for other in others],
        "points": [{"label": one.label, "x": one.x, "y": one.y} for one in points],
    }
