"""Parameters beside each other: correlation matrix, pulls of nuisance parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MultipleLocator, NullLocator

from plotting.canvas import HEIGHT_IN, NO_CAPTION, TOP, Array, Caption, page
from plotting.drawn import DrawnFigure
from plotting.style import BLACK, OURS, Style
from plotting.symbols import MINUS

CELL_IN, SIDE_IN = 1.1, (4.2, 9.0)  # of the correlation matrix: one cell, least and greatest side
LETTER_IN = 0.13  # of a tick label
ROW_IN = 0.75
PULL_RANGE = 2.5  # prior standard deviations shown, at least


def correlation(labels: Sequence[str], matrix: Array, *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """Draw a correlation matrix with its numbers; blue is negative, red positive."""
    matrix = np.asarray(matrix, float)
    size = len(labels)
    edges = np.arange(size + 1)
    margin = 0.5 + LETTER_IN * longest(labels)
    with style.context():
        side = float(np.clip(CELL_IN * size, *SIDE_IN))
        low = max(0.5, margin if margin > LETTER_IN * 12 else 0.0)
        sheet = page(style, caption, width_in=side + margin + 1.75, height_in=side + low + TOP, left_in=margin, right_in=1.75, bottom_in=low)
        axes = sheet.panels[0]
        mesh = axes.pcolormesh(edges, edges, matrix, cmap="RdBu_r", vmin=-1.0, vmax=1.0, gid="correlation")
        for row, column in np.ndindex(matrix.shape):
            colour = "white" if abs(matrix[row, column]) > 0.65 else BLACK
            words = f"{round(float(matrix[row, column]), 2) + 0.0:.2f}".replace("-", MINUS)
            axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", color=colour, fontsize=min(17.0, 15.0 * side / size))
        axes.invert_yaxis()
        name_ticks(axes, labels, both=True)
        if low > 0.5:
            axes.tick_params(axis="x", labelrotation=90)
        bar = sheet.figure.colorbar(mesh, ax=axes, cax=_beside(axes))
        bar.set_label("Correlation")
        bar.set_ticks(np.linspace(-1.0, 1.0, 5).tolist())
        bar.ax.minorticks_off()
    return DrawnFigure(sheet.figure, {"parameters": list(labels), "correlation": matrix})


def pulls(labels: Sequence[str], values: Array, errors: Array, *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """Draw the pull (fit - prior) / prior sigma of each nuisance parameter with its error in units of the prior's sigma."""
    values, errors = np.asarray(values, float), np.asarray(errors, float)
    rows = np.arange(len(labels))
    reach = max(PULL_RANGE, 1.15 * float(np.max(np.abs(values) + np.nan_to_num(errors), initial=0.0)))
    with style.context():
        sheet = page(style, caption, left_in=0.5 + LETTER_IN * longest(labels), height_in=max(min(1.9 + ROW_IN * len(labels), 2.0 * HEIGHT_IN), 3.2))
        axes = sheet.panels[0]
        for width, shade in ((2.0, "#dddddd"), (1.0, "#bbbbbb")):
            axes.axvspan(-width, width, color=shade, linewidth=0.0, zorder=0, gid=f"prior {width:g} sigma")
        axes.axvline(0.0, color=BLACK, linewidth=1.0, zorder=1)
        axes.errorbar(values, rows, xerr=errors, fmt="o", color=OURS, markersize=9, elinewidth=2.5, gid="pulls")
        axes.set_xlim(-reach, reach)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.xaxis.set_major_locator(MultipleLocator(1.0))
        name_ticks(axes, labels, both=False)
        axes.set_xlabel(r"(fit $-$ prior) / $\sigma_\mathrm{prior}$")
    numbers: dict[str, Any] = {"parameters": list(labels), "pull": values, "error_over_prior_sigma": errors}
    return DrawnFigure(sheet.figure, numbers)


def name_ticks(axes: Axes, labels: Sequence[str], both: bool) -> None:
    """Name the rows (``both``: and the columns) of a panel whose rows are one unit high; cells of a matrix are named in their middle."""
    offset = 0.5 if both else 0.0
    for axis in (axes.xaxis, axes.yaxis) if both else (axes.yaxis,):
        axis.set_major_locator(FixedLocator([index + offset for index in range(len(labels))]))
        axis.set_minor_locator(NullLocator())
        axis.set_ticklabels(labels)
        axis.set_tick_params(length=0)


def longest(labels: Sequence[str]) -> int:
    """Letters of the longest label as it is drawn: a symbol in mathematics counts as six, words behind it as they are."""
    return max(6 + len(label.rpartition("$")[2]) if "$" in label else len(label) for label in labels)


def _beside(axes: Axes) -> Axes:
    """Axes for a colour bar at the right of a panel, as high as it is."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    box, width = axes.get_position(), figure.get_size_inches()[0]
    return figure.add_axes((box.x1 + 0.15 / width, box.y0, 0.3 / width, box.height))
