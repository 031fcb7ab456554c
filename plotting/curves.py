"""Curves of the likelihood in one parameter: profiles with their 1 and 4 lines, Feldman-Cousins critical values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import NO_CAPTION, Array, Caption, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.style import BLACK, GREEN, OTHER, OURS, Style

LEVELS = {1.0: "68.27 %", 4.0: "95.45 %", 9.0: "99.73 %"}  # 2 Delta NLL of one parameter (Wilks 1938) and its confidence
TOP = 9.0  # curves end here: three standard deviations; above it is the legend
SHADES = (0.25, 0.12)
CRITICAL_COLOURS = (OTHER, GREEN, BLACK)
TWO_DELTA_NLL = r"$-2\,\Delta\ln L$"


@dataclass(frozen=True)
class Published:
    """A published value with its 68 % errors: ``minus`` and ``plus`` are distances > 0."""

    value: float
    minus: float
    plus: float
    label: str = "Published"


@dataclass(frozen=True)
class Critical:
    """Critical values of one confidence level on a grid, their Monte-Carlo errors, and the accepted interval."""

    cl: float
    x: Array
    value: Array
    error: Array
    interval: tuple[float, float]


def profile(x: Scale, values: Array, delta_nll: Array, *, intervals: Sequence[tuple[float, float]] = (), critical: Sequence[Critical] = (),
            published: Published | None = None, text: Sequence[str] = (), style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Draw twice the Delta NLL over one parameter with the lines at 1, 4 and 9; shade ``intervals`` (68 % first) below the curve.

    Feldman-Cousins critical values are dashed curves with their error band. A published value is a point with its errors at half a unit,
    clear of the minimum. The curve ends at 9.
    """
    values = np.asarray(values, float)
    curve = 2.0 * np.asarray(delta_nll, float)
    with style.context():
        sheet = page(style, caption)
        axes = sheet.panels[0]
        apply_scale(axes, Scale(x.label, x.log, x.limits or (float(values[0]), float(values[-1]))), Scale(TWO_DELTA_NLL, limits=(0.0, TOP)))
        _shade(axes, values, curve, intervals)
        _levels(axes, float(values[np.nanargmin(curve)]))
        axes.plot(*_cut(values, curve), color=OURS, linewidth=2.6, label="Profile likelihood", gid="profile")
        for one, colour in zip(critical, CRITICAL_COLOURS, strict=False):
            _draw_critical(axes, one, colour)
        if published is not None:
            axes.errorbar([published.value], [0.5], xerr=[[published.minus], [published.plus]], fmt="D", color=BLACK, markersize=7, elinewidth=1.8,
                          label=published.label, gid="published")  # fmt: skip
        place_legend(axes, [(np.array(axes.get_xlim()), np.array([TOP]))], text=text)
    numbers: dict[str, Any] = {"parameter": x.label, "x": values, "two_delta_nll": curve, "intervals": list(intervals)}
    if published is not None:
        numbers["published"] = {"label": published.label, "value": published.value, "minus": published.minus, "plus": published.plus}
    return DrawnFigure(sheet.figure, numbers | ({"critical": [_numbers(one) for one in critical]} if critical else {}))


def feldman_cousins(x: Scale, ts_data: Array, critical: Sequence[Critical], *, text: Sequence[str] = (), style: Style,
                    caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Draw the test statistic of the data at each grid point beside the critical values; the interval is where the data lie below."""
    grid = critical[0].x
    highest = max(float(np.nanmax(one.value + one.error)) for one in critical)
    top = float(min(np.nanmax(ts_data), 2.5 * highest))
    with style.context():
        sheet = page(style, caption)
        axes = sheet.panels[0]
        limits = x.limits or (float(grid[0]), float(grid[-1]))
        apply_scale(axes, Scale(x.label, x.log, limits), Scale("Test statistic", limits=(0.0, max(top, 1.15 * highest))))
        axes.plot(grid, ts_data, "o-", color=OURS, markersize=6, label="Data", gid="data")
        for one, colour in zip(critical, CRITICAL_COLOURS, strict=False):
            _draw_critical(axes, one, colour)
            for end in one.interval:
                if limits[0] < end < limits[1]:
                    height = float(np.interp(end, one.x, one.value))
                    axes.vlines(end, 0.0, height, color=colour, linestyle=":", linewidth=1.8, gid=f"interval {one.cl:g}")
        place_legend(axes, [(np.array(limits), np.array([axes.get_ylim()[1]]))], text=text)
    return DrawnFigure(sheet.figure, {"parameter": x.label, "x": grid, "ts_data": ts_data, "critical": [_numbers(one) for one in critical]})


def _cut(values: Array, curve: Array) -> tuple[Array, Array]:
    """The part of a curve below ``TOP``, with the points where it crosses (by straight lines between grid points)."""
    low, high = curve[:-1], curve[1:]
    steps = np.flatnonzero((low - TOP) * (high - TOP) < 0.0)
    crossings = values[steps] + (TOP - low[steps]) / (high[steps] - low[steps]) * (values[steps + 1] - values[steps])
    x = np.concatenate([values, crossings])
    y = np.concatenate([np.where(curve > TOP, np.nan, curve), np.full(len(crossings), TOP)])
    order = np.argsort(x, kind="stable")
    return x[order], y[order]


def _shade(axes: Axes, values: Array, curve: Array, intervals: Sequence[tuple[float, float]]) -> None:
    for (low, high), shade in zip(intervals, SHADES, strict=False):
        ends = np.clip([low, high], values[0], values[-1])
        inside = np.unique(np.concatenate([values[(values > ends[0]) & (values < ends[1])], ends]))
        heights = np.minimum(np.interp(inside, values, np.nan_to_num(curve, posinf=TOP)), TOP)
        axes.fill_between(inside, 0.0, heights, color=OURS, alpha=shade, linewidth=0.0, gid="interval")


def _levels(axes: Axes, lowest: float) -> None:
    """Lines at the levels, named above each at the x of the minimum: between the arms of the curve."""
    left, right = axes.get_xlim()
    position = float(np.clip(lowest, left + 0.1 * (right - left), right - 0.1 * (right - left)))
    for level, words in LEVELS.items():
        axes.axhline(level, color="#777777", linestyle="--", linewidth=1.2, zorder=1, gid=f"level {level:g}")
        axes.text(position, level + 0.06, words, ha="center", va="bottom", fontsize=13, color="#555555")


def _draw_critical(axes: Axes, critical: Critical, colour: str) -> None:
    axes.plot(critical.x, critical.value, "--", color=colour, label=f"Feldman-Cousins, {100 * critical.cl:.4g} %", gid=f"critical {critical.cl:g}")
    axes.fill_between(critical.x, critical.value - critical.error, critical.value + critical.error, color=colour, alpha=0.25, linewidth=0.0)


def _numbers(critical: Critical) -> dict[str, Any]:
    return {"cl": critical.cl, "x": critical.x, "value": critical.value, "error": critical.error, "interval": critical.interval}
