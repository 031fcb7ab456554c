"""Fractions of counted events with their asymmetric intervals: in bins of a variable, by class, as a matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from plotting.canvas import NO_CAPTION, TOP, Array, Caption, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.matrix import LETTER_IN, name_ticks
from plotting.style import BLACK, Component, Style
from records.performance import Rate

FEW = 10  # a rate of fewer events is hollow
SHIFT = 0.16  # of a bin or class, between samples beside each other
CELL_IN, SIDE_IN = 1.75, (4.6, 9.0)  # of a matrix: one cell, least and greatest side
UNIT_TICKS = np.linspace(0.0, 1.0, 6)
DARK = 0.55  # above it, words in a cell are white


@dataclass(frozen=True)
class RatePanel:
    """Rates of each sample (name -> one rate per bin) between ``edges`` (of all samples, or by name); ``text`` stands in the panel."""

    x: Scale
    edges: Array | Mapping[str, Array]
    rates: Mapping[str, Sequence[Rate]]
    text: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None  # of the samples, for a legend of the panel's own

    def edges_of(self, name: str) -> Array:
        """Edges of the bins of one sample."""
        return self.edges[name] if isinstance(self.edges, Mapping) else self.edges

    @property
    def limits(self) -> tuple[float, float]:
        """Range of the panel: its scale's, else that of all bins."""
        every = [self.edges_of(name) for name in self.rates]
        return self.x.limits or (float(min(one[0] for one in every)), float(max(one[-1] for one in every)))


def rate_panels(panels: Sequence[RatePanel], looks: Mapping[str, Component], label: str, *, log: bool = False, columns: int = 2, style: Style,
                caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """One panel per variable. Points stand beside each other inside a bin; a bin without events has none, one with fewer than ten a hollow one."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    sizes: dict[str, Any] = {} if len(panels) == 1 else {"width_in": 1.5 + 5.6 * columns, "height_in": 1.3 + 5.0 * rows, "gap_in": 0.9}
    with style.context():
        sheet = page(style, caption, columns=columns, rows=rows, **sizes)
        for number, axes in enumerate(sheet.panels):
            if number >= len(panels):
                axes.set_visible(False)
                continue
            panel = panels[number]
            apply_scale(axes, replace(panel.x, limits=panel.limits), Scale(label if number % columns == 0 else "", log, _range(panel, log)))
            tops = [_draw_rates(axes, panel, looks, name, order) for order, name in enumerate(panel.rates)]
            place_legend(axes, tops, text=panel.text, entries=number == 0 or panel.labels is not None or set(panel.rates) != set(panels[0].rates))
            if not log and axes.get_ylim()[1] > 1.0:
                axes.set_yticks(UNIT_TICKS)
    drawn = {
        panel.x.label: {"edges": panel.edges, "rates": {name: [rate_numbers(one) for one in of_bins] for name, of_bins in panel.rates.items()}}
        for panel in panels
    }
    return DrawnFigure(sheet.figure, {"rate": label, "panels": drawn})


def rate_bars(names: Sequence[str], measures: Mapping[str, Sequence[Rate]], colours: Sequence[str], *, text: Sequence[str] = (), style: Style,
              caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Bars of each measure (recall, precision) beside each other for every class, with interval and number."""
    width = 0.8 / len(measures)
    with style.context():
        sheet = page(style, caption, width_in=max(8.0, 2.0 + 0.95 * len(names) * len(measures)))
        axes = sheet.panels[0]
        for order, ((measure, rates), colour) in enumerate(zip(measures.items(), colours, strict=False)):
            at = np.arange(len(names)) + (order - 0.5 * (len(measures) - 1)) * width
            values = np.nan_to_num([one.value for one in rates])
            axes.bar(at, values, 0.94 * width, color=colour, alpha=0.75, label=measure, gid=measure)
            axes.errorbar(at, values, yerr=_errors(rates), fmt="none", ecolor=BLACK, elinewidth=2.0, gid=f"{measure} interval")
            for position, one in zip(at, rates, strict=True):
                axes.text(position, one.high + 0.015, f"{one.value:.2f}" if one.total else "none", ha="center", va="bottom", fontsize=13)
        axes.set_xticks(np.arange(len(names)), names)
        axes.tick_params(axis="x", which="both", length=0)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set_ylabel("Fraction of events")
        axes.set_ylim(0.0, 1.1)
        axes.set_yticks(UNIT_TICKS)
        place_legend(axes, [(np.array([-0.6, len(names) - 0.4]), np.array([1.08]))], text=text)
    return DrawnFigure(
        sheet.figure, {"classes": list(names), "measures": {key: [rate_numbers(one) for one in rates] for key, rates in measures.items()}}
    )


def confusion_matrix(names: Sequence[str], counts: Sequence[Sequence[int]], rates: Sequence[Sequence[Rate]], *, label: str, style: Style,
                     caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Rows are true, columns predicted classes; each cell has its fraction in percent with the interval's distances, and its count."""
    shares = np.array([[one.value for one in row] for row in rates], float)
    margin = 1.0 + LETTER_IN * max(6 if "$" in name else len(name) for name in names)
    with style.context():
        side = float(np.clip(CELL_IN * len(names), *SIDE_IN))
        sheet = page(style, caption, width_in=side + margin + 1.9, height_in=side + 1.1 + TOP, left_in=margin, right_in=1.9, bottom_in=1.1)
        axes = sheet.panels[0]
        edges = np.arange(len(names) + 1)
        mesh = axes.pcolormesh(edges, edges, np.ma.masked_invalid(shares), cmap="Blues", vmin=0.0, vmax=1.0, gid="confusion")
        for row, column in np.ndindex(shares.shape):
            colour = "white" if shares[row, column] > DARK else BLACK
            size = min(17.0, 11.0 * side / len(names))
            axes.text(column + 0.5, row + 0.42, percent(rates[row][column]), ha="center", va="center", color=colour, fontsize=size)
            axes.text(column + 0.5, row + 0.72, f"{counts[row][column]}", ha="center", va="center", color=colour, fontsize=0.8 * size)
        axes.invert_yaxis()
        name_ticks(axes, names, both=True)
        axes.set_xlabel("Predicted class", loc="center")
        axes.set_ylabel("True class", loc="center")
        box, width = axes.get_position(), sheet.figure.get_size_inches()[0]
        sheet.figure.colorbar(mesh, cax=sheet.figure.add_axes((box.x1 + 0.15 / width, box.y0, 0.3 / width, box.height)), label=label)
    drawn = [[rate_numbers(one) for one in row] for row in rates]
    return DrawnFigure(sheet.figure, {"classes": list(names), "counts": [list(row) for row in counts], "fraction": label, "rates": drawn})


def percent(one: Rate) -> str:
    """A rate in percent with the distances to the ends of its interval.

    >>> percent(Rate(0.395, 0.3586, 0.4329, 79, 200))
    '$39.5^{+3.8}_{-3.6}$ %'
    """
    if math.isnan(one.value):
        return "no events"
    return f"${100 * one.value:.1f}^{{+{100 * (one.high - one.value):.1f}}}_{{-{100 * (one.value - one.low):.1f}}}$ %"


def rate_numbers(one: Rate) -> dict[str, Any]:
    """A rate as the numbers of a figure."""
    return {"value": one.value, "low": one.low, "high": one.high, "passed": one.passed, "total": one.total}


def _draw_rates(axes: Axes, panel: RatePanel, looks: Mapping[str, Component], name: str, order: int) -> tuple[Array, Array]:
    """Draw one sample; returns edges and tops for the legend."""
    rates, look = panel.rates[name], looks[name]
    edges = panel.edges_of(name)
    width = np.diff(edges)
    at = 0.5 * (edges[1:] + edges[:-1]) + SHIFT * width * (order - 0.5 * (len(panel.rates) - 1))
    events = np.array([one.events for one in rates])
    values, errors = np.array([one.value for one in rates]), _errors(rates)
    label: str | None = look.label if panel.labels is None else panel.labels[name]
    for hollow in (False, True):
        rows = (events > 0) & ((events < FEW) == hollow)
        if rows.any():
            axes.errorbar(
                at[rows], values[rows], yerr=errors[:, rows], fmt="o", color=look.colour, markersize=6.5, elinewidth=1.8, label=label,
                markerfacecolor="white" if hollow else look.colour, gid=f"rates {name}{' of few' if hollow else ''}",
            )  # fmt: skip
            label = None
    return edges, np.where(events > 0, [one.high for one in rates], 0.0)


def _errors(rates: Sequence[Rate]) -> Array:
    return np.array([[max(one.value - one.low, 0.0), max(one.high - one.value, 0.0)] if one.total else [0.0, 0.0] for one in rates]).T.reshape(2, -1)


def _range(panel: RatePanel, log: bool) -> tuple[float, float]:
    ends = [(one.value, one.high) for rates in panel.rates.values() for one in rates if one.total]
    high = max((end for _, end in ends), default=1.0)
    if not log:
        return 0.0, min(1.15 * high, 1.15)
    return 0.5 * min((value for value, _ in ends if value > 0.0), default=1e-3), 2.0 * high
