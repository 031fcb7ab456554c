"""Shifts of parameters by choices of a model: a row for each choice, groups of them below each other, their sums in quadrature in grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from plotting.canvas import NO_CAPTION, Caption, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.matrix import name_ticks
from plotting.style import BLACK, GREY, OTHER, SKY, Style

ROW_IN, LABEL_IN, PANEL_IN = 0.36, 4.2, 4.1
HEAD_ROWS = 2.2  # above the rows, for the legend
TOTAL = "#dddddd"
HEIGHTS = ((SKY, 0.62), (OTHER, 0.28))  # of the first and the second variation: told apart in grey by their heights


@dataclass(frozen=True)
class Row:
    """One choice: its label and the shifts of each parameter by its variations, in units of the parameter's error (NaN: the fit failed).

    ``total``: the row is a sum in quadrature, drawn to both sides.
    """

    label: str
    shifts: Mapping[str, Sequence[float]]
    total: bool = False


def variations(groups: Mapping[str, Sequence[Row]], names: Mapping[str, str], *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """Draw the rows of all groups, a panel for each parameter. ``names``: parameter -> how it is written."""
    rows = [row for group in groups.values() for row in group]
    reach = 1.15 * max(0.05, *_sizes(rows))
    with style.context():
        width_in, height_in = LABEL_IN + PANEL_IN * len(names) + 0.3, 1.5 + ROW_IN * (len(rows) + HEAD_ROWS)
        sheet = page(style, caption, columns=len(names), width_in=width_in, left_in=LABEL_IN, height_in=height_in, gap_in=0.6)
        for axes, (name, written) in zip(sheet.panels, names.items(), strict=True):
            _bars(axes, rows, name)
            axes.axvline(0.0, color=BLACK, linewidth=1.0)
            for end in np.cumsum([len(group) for group in groups.values()])[:-1]:
                axes.axhline(end - 0.5, color=GREY, linewidth=0.8, linestyle=":")
            apply_scale(axes, Scale(f"Shift of {written} / its error", limits=(-reach, reach)))
            axes.set_ylim(len(rows) - 0.4, -0.6 - HEAD_ROWS)
            axes.xaxis.set_major_locator(MaxNLocator(5, prune="both"))
            name_ticks(axes, [row.label if axes is sheet.panels[0] else "" for row in rows], both=False)
            axes.tick_params(axis="y", labelsize=14)
        sheet.panels[-1].legend(handles=_handles(), loc="upper right", ncols=2, fontsize=13)
    numbers = {name: {row.label: list(row.shifts[name]) for row in rows} for name in names}
    return DrawnFigure(sheet.figure, {"shift_over_error": numbers, "groups": {group: [row.label for row in of] for group, of in groups.items()}})


def _sizes(rows: Sequence[Row]) -> list[float]:
    return [abs(one) for row in rows for shifts in row.shifts.values() for one in shifts if np.isfinite(one)]


def _handles() -> list[Patch]:
    variants = [Patch(color=colour, label=label) for (colour, _), label in zip(HEIGHTS, ("First variation", "Second"), strict=True)]
    return [*variants, Patch(facecolor=TOTAL, edgecolor=BLACK, label="In quadrature")]


def _bars(axes: Axes, rows: Sequence[Row], name: str) -> None:
    for place, row in enumerate(rows):
        if row.total:
            size = row.shifts[name][0]
            axes.barh(place, 2.0 * size, left=-size, height=0.62, facecolor=TOTAL, edgecolor=BLACK, linewidth=0.8, gid=f"total {row.label}")
            continue
        for (colour, height), shift in zip(HEIGHTS, row.shifts[name], strict=False):
            if np.isfinite(shift):
                axes.barh(place, shift, height=height, color=colour, gid=f"shift {row.label}")
            else:
                axes.text(0.0, place, "failed", ha="center", va="center", fontsize=12, gid=f"failed {row.label}")
