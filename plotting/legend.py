"""Legends that never lie on the data: the panel is made taller until they are clear of each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import BboxBase

from plotting.canvas import Array

CLEARANCE = 0.03  # of the panel's height, between the highest drawn thing and the legend


def place_legend(axes: Axes, heights: Sequence[tuple[Array, Array]] = (), *, text: Sequence[str] = (), entries: bool = True,
                 loc: Any = "upper right", title: bool = False, fontsize: float | None = None, columns: int = 1) -> Legend | None:  # fmt: skip
    """Add a legend (``text`` lines first, then every labelled artist) and raise the top of the y axis until nothing lies below it.

    ``heights``: for each drawn thing the bin edges (n + 1) and the height of its bins (n). ``entries``: false for the text alone.
    ``columns``: of the entries. ``title``: the first line is bold. Returns null when there is nothing to say.
    """
    handles, labels = axes.get_legend_handles_labels() if entries else ([], [])
    blank: list[Artist] = [Patch(alpha=0.0, linewidth=0.0) for _ in text]
    if not handles and not blank:
        return None
    narrow: dict[str, Any] = {} if handles else {"handlelength": 0.0, "handletextpad": 0.0}
    legend = axes.legend(handles=[*blank, *handles], labels=[*text, *labels], loc=loc, fontsize=fontsize, borderaxespad=0.6, ncols=columns, **narrow)
    if title and text:
        legend.get_texts()[0].set_fontweight("bold")
    make_room(axes, legend, heights)
    return legend


def make_room(axes: Axes, legend: Legend, heights: Sequence[tuple[Array, Array]]) -> None:
    """Raise the top of the y axis so that every bin under ``legend`` ends below it; the bottom stays."""
    if not heights:
        return
    box = _box(axes, legend)
    left, right = (axes.transData.inverted().transform(axes.transAxes.transform((x, 0.5)))[0] for x in (box.x0, box.x1))
    under = [high[(edges[1:] > left) & (edges[:-1] < right) & np.isfinite(high)] for edges, high in heights]
    highest = max((float(part.max()) for part in under if part.size), default=0.0)
    bottom, top = axes.get_ylim()
    free = box.y0 - CLEARANCE
    if free <= 0.1 or highest <= bottom:
        return
    if axes.get_yscale() == "log":
        needed = bottom * (highest / bottom) ** (1.0 / free)
    else:
        needed = bottom + (highest - bottom) / free
    axes.set_ylim(bottom, max(top, needed))


def end_below(axes: Axes, line: Line2D, legend: Legend | None) -> None:
    """Cut a vertical line that ``axvline`` drew at the lower edge of the legend, where it would run through it."""
    if legend is None:
        return
    box = _box(axes, legend)
    position = float(np.asarray(line.get_xdata())[0])
    x = axes.transAxes.inverted().transform(axes.transData.transform((position, axes.get_ylim()[1])))[0]
    if box.x0 - CLEARANCE < x < box.x1 + CLEARANCE:
        line.set_ydata([0.0, box.y0 - CLEARANCE])


def _box(axes: Axes, legend: Legend) -> BboxBase:
    """Where a legend lies, in units of the panel."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return legend.get_window_extent(FigureCanvasAgg(figure).get_renderer()).transformed(axes.transAxes.inverted())
