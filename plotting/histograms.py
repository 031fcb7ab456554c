"""Histograms as they are: counts in one dimension, colour maps in two, a migration matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import NullLocator

from plotting.canvas import LEFT, NO_CAPTION, Array, Caption, Scale, apply_scale, beside, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.stack import draw_counts
from plotting.style import BLACK, BLUE, GREEN, OTHER, PURPLE, SKY, Style

LINE_COLOURS = (BLUE, OTHER, GREEN, PURPLE, SKY, BLACK)
BAR_IN = 1.75  # room for a colour bar
LETTER_IN = 0.135  # of a tick label


def histogram(edges: Array, values: Array, bars: tuple[Array, Array], x: Scale, y: Scale, *, text: Sequence[str] = (), style: Style,
              caption: Caption = NO_CAPTION, quantity: str = "x") -> DrawnFigure:  # fmt: skip
    """Draw one histogram as a filled step with bars; logarithmic y where x is. Bins without entries keep their upper bar."""
    top = float(np.nanmax(np.concatenate([values, bars[1]]), initial=1.0))
    positive = values[values > 0.0]
    bottom = min(1.1 * float(np.nanmin(bars[0], initial=0.0)), 0.0)
    limits = y.limits or ((0.5 * float(positive.min(initial=top)), 2.0 * top) if x.log else (bottom, 1.1 * top))
    with style.context():
        sheet = page(style, caption)
        axes = sheet.panels[0]
        axes.stairs(values, edges, fill=True, color=SKY, alpha=0.6, gid="values")
        draw_counts(axes, edges, values, bars, x.log)
        apply_scale(axes, Scale(x.label, x.log, x.limits or (float(edges[0]), float(edges[-1]))), Scale(y.label, x.log, limits))
        place_legend(axes, [(edges, np.maximum(values, bars[1]))], text=text)
    return DrawnFigure(sheet.figure, {f"{quantity}_edges": edges, "values": values, "value_low": bars[0], "value_high": bars[1]})


def categories(
    names: Sequence[str], values: Array, bars: tuple[Array, Array], y: Scale, *, style: Style, caption: Caption = NO_CAPTION
) -> DrawnFigure:
    """Draw one bar per category, in the order given, with its number beside it (a cut flow)."""
    rows = np.arange(len(names))
    with style.context():
        longest = max(len(name) for name in names)
        sheet = page(style, caption, left_in=0.5 + LETTER_IN * longest, height_in=2.0 + 0.5 * len(names))
        axes = sheet.panels[0]
        axes.barh(rows, values, height=0.7, color=SKY, gid="values")
        axes.errorbar(values, rows, xerr=[values - bars[0], bars[1] - values], fmt="none", ecolor=BLACK, elinewidth=1.4, gid="bars")
        reach = 1.3 * max(float(np.max(bars[1], initial=0.0)), 1e-12)
        for row, value, end in zip(rows, values, bars[1], strict=True):
            axes.text(max(end, value) + 0.015 * reach, float(row), f"{value:.6g}", va="center", fontsize=14)
        axes.set_yticks(rows, names)
        axes.tick_params(axis="y", which="both", length=0)
        axes.minorticks_off()
        axes.set_xlim(0.0, reach)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel(y.label)
    return DrawnFigure(sheet.figure, {"categories": list(names), "values": values, "value_low": bars[0], "value_high": bars[1]})


def map_2d(x_edges: Array, y_edges: Array, values: Array, x: Scale, y: Scale, label: str, *, lowest: float | None = None,
           x_names: Sequence[str] = (), y_names: Sequence[str] = (), style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Draw ``values`` (x bins, y bins) as a colour map; empty bins are white.

    ``lowest``: colours are logarithmic from this share of the highest value upwards; null: linear from zero.
    ``x_names``, ``y_names``: names of the bins of a category axis.
    """
    shown = np.ma.masked_where(~np.isfinite(values) | (values == 0.0), values)
    with style.context():
        left_in = max(LEFT, 0.75 + LETTER_IN * max((len(name) for name in y_names), default=0))
        sheet = page(style, caption, width_in=8.0 + BAR_IN, left_in=left_in, right_in=0.3 + BAR_IN)
        axes = sheet.panels[0]
        mesh = axes.pcolormesh(x_edges, y_edges, shown.T, norm=_norm(shown, lowest), rasterized=True, gid="map")
        apply_scale(axes, Scale(x.label, x.log, x.limits or (x_edges[0], x_edges[-1])), Scale(y.label, y.log, y.limits or (y_edges[0], y_edges[-1])))
        for axis, edges, names in ((axes.xaxis, x_edges, x_names), (axes.yaxis, y_edges, y_names)):
            if names:
                axis.set_ticks(0.5 * (edges[1:] + edges[:-1]), names)
                axis.set_tick_params(which="both", length=0)
                axis.set_minor_locator(NullLocator())
        sheet.figure.colorbar(mesh, cax=beside(sheet.panels), label=label)
    return DrawnFigure(sheet.figure, {"x_edges": x_edges, "y_edges": y_edges, "values": values})


def lines(x_values: Array, curves: Mapping[str, Array], x: Scale, y: Scale, *, text: Sequence[str] = (), style: Style,
          caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Draw curves over the same x; zeros are left out where y is logarithmic (always where x is)."""
    log = x.log or y.log
    with style.context():
        sheet = page(style, caption)
        axes = sheet.panels[0]
        for (name, values), colour in zip(curves.items(), LINE_COLOURS, strict=False):
            axes.plot(x_values, np.where(values > 0.0, values, np.nan) if log else values, color=colour, label=name, gid=name)
        apply_scale(axes, x, Scale(y.label, log, y.limits))
        place_legend(axes, [], text=text, loc="upper left")
    return DrawnFigure(sheet.figure, {"x": x_values, "curves": dict(curves)})


def _norm(values: np.ma.MaskedArray[Any, Any], lowest: float | None) -> Normalize:
    highest = float(values.max()) if values.count() else 1.0
    if lowest is not None and highest > 0.0:
        return LogNorm(lowest * highest, highest, clip=True)
    return Normalize(min(float(values.min()), 0.0) if values.count() else 0.0, highest)
