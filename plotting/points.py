"""Measured points with the curves fitted to them, and their deviation below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import NO_CAPTION, Array, Caption, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.style import BLACK, GREY, Style


@dataclass(frozen=True)
class Points:
    """Points at ``x`` (bars: distances to the ends of the bin, (2, n) or null) with errors of y; ``few``: drawn hollow."""

    x: Array
    x_error: Array | None
    y: Array
    y_error: Array
    colour: str
    few: Array | None = None


def points_and_curves(series: Mapping[str, Points], curves: Mapping[str, tuple[Array, Array, str]], x: Scale, y: Scale, *,
                      deviation: tuple[Mapping[str, Points], Scale] | None = None, text: Sequence[str] = (), corner: str = "upper right",
                      style: Style,
                      caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Draw points of each series and curves (x, y, colour); ``deviation``: points of the panel below (around zero) and its axis."""
    with style.context():
        sheet = page(style, caption, ratio=deviation is not None)
        axes = sheet.panels[0]
        tops = [_draw(axes, name, one) for name, one in series.items()]
        for name, (at, values, colour) in curves.items():
            axes.plot(at, values, color=colour, label=name, gid=f"curve {name}")
        apply_scale(axes, replace(x, label="") if deviation else x, y)
        if deviation is not None:
            axes.tick_params(labelbottom=False)
            below = sheet.ratios[0]
            below.axhline(0.0, color=GREY, linewidth=1.2)
            for name, one in deviation[0].items():
                _draw(below, name, one)
            apply_scale(below, x, deviation[1])
            below.set_ylabel(deviation[1].label, loc="center", fontsize=16)
        place_legend(axes, tops if corner.startswith("upper") else [], text=text, loc=corner)
    numbers = {"points": {name: _numbers(one) for name, one in series.items()}, "curves": {name: [at, of] for name, (at, of, _) in curves.items()}}
    return DrawnFigure(
        sheet.figure, numbers | ({} if deviation is None else {"deviation": {name: _numbers(one) for name, one in deviation[0].items()}})
    )


def importances(names: Sequence[str], values: Array, errors: Array, label: str, *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """Rows of points with errors, largest on top; the dashed line is zero."""
    order = np.argsort(-values)
    rows = np.arange(len(names))
    with style.context():
        sheet = page(style, caption, left_in=0.5 + 0.135 * max(map(len, names)), height_in=2.0 + 0.42 * len(names))
        axes = sheet.panels[0]
        axes.axvline(0.0, color=GREY, linestyle="--", linewidth=1.2)
        axes.errorbar(values[order], rows, xerr=errors[order], fmt="o", color=BLACK, markersize=7, elinewidth=2.0, gid="importance")
        axes.set_yticks(rows, [names[row] for row in order])
        axes.tick_params(axis="y", which="both", length=0)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel(label)
    return DrawnFigure(sheet.figure, {"names": [names[row] for row in order], "value": values[order], "error": errors[order]})


def _draw(axes: Axes, name: str, one: Points) -> tuple[Array, Array]:
    """Draw one series; returns edges and tops for the legend."""
    few = np.zeros(len(one.x), bool) if one.few is None else one.few
    label: str | None = name
    for hollow in (False, True):
        rows = np.isfinite(one.y) & (few == hollow)
        if rows.any():
            errors = np.nan_to_num(one.y_error[..., rows])
            across = None if one.x_error is None else one.x_error[..., rows]
            axes.errorbar(one.x[rows], one.y[rows], yerr=errors, xerr=across, fmt="o", color=one.colour, markersize=6.5, elinewidth=1.6, label=label,
                          markerfacecolor="white" if hollow else one.colour, gid=f"points {name}{' of few' if hollow else ''}")  # fmt: skip
            label = None
    upper = one.y + np.nan_to_num(one.y_error if one.y_error.ndim == 1 else one.y_error[1])
    width = 1e-9 * max(float(np.ptp(one.x)), 1.0)
    return np.ravel(np.column_stack([one.x - width, one.x + width])), np.insert(upper, np.arange(1, len(upper)), np.nan)


def _numbers(one: Points) -> dict[str, Array]:
    return {"x": one.x, "y": one.y, "y_error": one.y_error} | ({} if one.x_error is None else {"x_error": one.x_error})
