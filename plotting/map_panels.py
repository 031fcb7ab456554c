"""Colour maps of two quantities side by side, one for each sample, on one colour scale; quantiles of y in slices of x on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from plotting.canvas import HEIGHT_IN, LEFT, NO_CAPTION, Array, Caption, Page, Scale, apply_scale, page, short_number
from plotting.drawn import DrawnFigure
from plotting.style import BLACK, VERMILLION, Style

SINGLE_IN, PANEL_IN, ROW_IN = 8.0, 5.4, 5.0  # width of one panel alone, of one of several, height of a row of several
BAR_IN = 1.55  # room for the colour bar
FEW = 10  # a point made of fewer entries is hollow
QUANTILES = (0.16, 0.5, 0.84)
HEADROOM = 0.09  # of the y axis, for the title of a panel with words in its cells
DARK = 0.5  # of the colour scale, below which words in a cell are white
MERGED = 5  # bins of x to one slice


@dataclass(frozen=True)
class Quantiles:
    """16, 50 and 84 % quantiles of y in slices of x; NaN where a slice is empty or the quantile lies outside the axis."""

    edges: Array
    low: Array
    median: Array
    high: Array
    entries: Array


@dataclass(frozen=True)
class MapPanel:
    """One map: ``values`` (x bins, y bins), NaN and 0 are white; ``cells``: words in each cell; ``note`` stands below the title."""

    title: str
    values: Array
    quantiles: Quantiles | None = None
    cells: Sequence[Sequence[str]] | None = None
    note: str = ""


def column_quantiles(counts: Array, x_edges: Array, y_edges: Array, merge: int = MERGED) -> Quantiles:
    """Quantiles of y in slices of ``merge`` bins of x, linear inside a bin.

    ``counts`` (x bins, y bins + 2): with under- and overflow of y, which count but have no position.

    >>> found = column_quantiles(np.array([[0.0, 10.0, 10.0, 0.0]]), np.array([0.0, 1.0]), np.array([0.0, 1.0, 2.0]), merge=1)
    >>> float(found.median[0]), round(float(found.low[0]), 3)
    (1.0, 0.32)
    """
    slices = np.add.reduceat(np.asarray(counts, float), np.arange(0, len(counts), merge), axis=0)
    edges = np.append(x_edges[:-1][::merge], x_edges[-1])
    total = slices.sum(axis=1)
    below = np.concatenate([np.zeros((len(slices), 1)), np.cumsum(slices, axis=1)], axis=1)  # at the edges -inf, y_edges, inf
    ends = [np.array([_quantile(row, y_edges, share) for row in below]) for share in QUANTILES]
    return Quantiles(edges, ends[0], ends[1], ends[2], total)


def maps(panels: Sequence[MapPanel], edges: tuple[Array, Array], x: Scale, y: Scale, label: str, *, log: bool = True,
         limits: tuple[float, float] | None = None, columns: int = 2, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Draw the panels in rows of ``columns`` with common axes and one colour scale, logarithmic from the smallest value or linear in ``limits``."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    norm = _norm([panel.values for panel in panels], log, limits)
    width_in = SINGLE_IN if columns == 1 else PANEL_IN * columns + LEFT
    height_in = HEIGHT_IN if rows == 1 else ROW_IN * rows + 1.0
    with style.context():
        sheet = page(style, caption, columns=columns, rows=rows, width_in=width_in + BAR_IN, height_in=height_in, right_in=0.3 + BAR_IN)
        for number, axes in enumerate(sheet.panels):
            if number >= len(panels):
                axes.set_visible(False)
                continue
            mesh = _draw(axes, panels[number], edges, norm)
            axes_x = Scale(x.label, x.log, x.limits or (float(edges[0][0]), float(edges[0][-1])))
            top = float(edges[1][-1]) + (HEADROOM * float(np.ptp(edges[1])) if panels[number].cells is not None else 0.0)
            axes_y = Scale(y.label if number % columns == 0 else "", y.log, y.limits or (float(edges[1][0]), top))
            apply_scale(axes, axes_x, axes_y)
            axes.tick_params(labelleft=number % columns == 0)
        _colour_bar(sheet, mesh, label)
    drawn = {panel.title: _numbers(panel) for panel in panels}
    return DrawnFigure(sheet.figure, {"x": x.label, "y": y.label, "x_edges": edges[0], "y_edges": edges[1], "label": label, "panels": drawn})


def _quantile(below: Array, y_edges: Array, share: float) -> float:
    """Position where the running sum (over -inf, the edges, inf) reaches ``share`` of all; NaN in the flow bins."""
    wanted = share * below[-1]
    bin_number = int(np.searchsorted(below, wanted, side="left")) - 1  # of below: 0 is the underflow
    if below[-1] == 0.0 or not 1 <= bin_number <= len(y_edges) - 1:
        return float("nan")
    inside = (wanted - below[bin_number]) / (below[bin_number + 1] - below[bin_number])
    return float(y_edges[bin_number - 1] + inside * (y_edges[bin_number] - y_edges[bin_number - 1]))


def _norm(values: Sequence[Array], log: bool, limits: tuple[float, float] | None) -> Normalize:
    drawn = np.concatenate([one[np.isfinite(one) & (one > 0.0)] for one in values])
    if not log:
        return Normalize(*(limits or (0.0, float(drawn.max(initial=1e-12)))))
    low, high = (float(drawn.min()), float(drawn.max())) if drawn.size else (1.0, 10.0)
    return LogNorm(low, max(high, 2.0 * low))


def _draw(axes: Axes, panel: MapPanel, edges: tuple[Array, Array], norm: Normalize) -> Any:
    zero_is_empty = isinstance(norm, LogNorm)
    hidden = ~np.isfinite(panel.values) | ((panel.values == 0.0) & zero_is_empty)
    mesh = axes.pcolormesh(*edges, np.ma.masked_where(hidden, panel.values).T, norm=norm, rasterized=True, gid="map")
    if panel.quantiles is not None:
        _draw_quantiles(axes, panel.quantiles)
    for (column, row), value in np.ndenumerate(panel.values) if panel.cells is not None else ():
        assert panel.cells is not None
        middle = 0.5 * (edges[0][column] + edges[0][column + 1]), 0.5 * (edges[1][row] + edges[1][row + 1])
        if np.isfinite(value):
            colour = "white" if norm(value) < DARK else BLACK
            axes.text(*middle, panel.cells[column][row], ha="center", va="center", fontsize=13, color=colour, gid="cell")
    words = panel.title + (f"\n{panel.note}" if panel.note else "")
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2.0}
    if panel.cells is None:
        axes.text(0.03, 0.97, words, transform=axes.transAxes, ha="left", va="top", fontsize=15, bbox=box, zorder=6, gid="title")
    else:
        axes.text(0.03, 0.985, words.replace("\n", ": "), transform=axes.transAxes, ha="left", va="top", fontsize=14, gid="title")
    return mesh


def _draw_quantiles(axes: Axes, found: Quantiles) -> None:
    middle, half = 0.5 * (found.edges[1:] + found.edges[:-1]), 0.5 * np.diff(found.edges)
    for few, name in ((False, "quantiles"), (True, "quantiles of few")):
        rows = ((found.entries < FEW) == few) & np.isfinite(found.median)
        if rows.any():
            low, high = (np.where(np.isfinite(end), end, found.median)[rows] for end in (found.low, found.high))
            errors = [found.median[rows] - low, high - found.median[rows]]
            axes.errorbar(
                middle[rows], found.median[rows], yerr=errors, xerr=half[rows], fmt="o", color=VERMILLION, markersize=5.5, elinewidth=1.6, zorder=5,
                markerfacecolor="white" if few else VERMILLION, gid=name,
            )  # fmt: skip


def _colour_bar(sheet: Page, mesh: Any, label: str) -> None:
    boxes = [axes.get_position() for axes in sheet.panels]
    right, low, high = max(box.x1 for box in boxes), min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    width = sheet.figure.get_size_inches()[0]
    bar = sheet.figure.colorbar(mesh, cax=sheet.figure.add_axes((right + 0.15 / width, low, 0.3 / width, high - low)), label=label)
    number_bar(bar, mesh.norm)


def number_bar(bar: Colorbar, norm: Normalize) -> None:
    """Plain numbers on a logarithmic colour bar, three to a decade where it has few."""
    if isinstance(norm, LogNorm):
        assert norm.vmin is not None
        assert norm.vmax is not None
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if norm.vmax < 200.0 * norm.vmin else (1.0,)))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(short_number))
        bar.ax.yaxis.set_minor_formatter(NullFormatter())


def _numbers(panel: MapPanel) -> dict[str, Any]:
    numbers: dict[str, Any] = {"values": panel.values, "note": panel.note}
    if panel.quantiles is not None:
        found = panel.quantiles
        numbers["quantiles"] = {"edges": found.edges, "q16": found.low, "median": found.median, "q84": found.high, "entries": found.entries}
    return numbers
