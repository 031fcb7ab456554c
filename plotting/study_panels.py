"""Panels of studies: impacts with pulls, energies of single events, errors over exposure, models beside each other, corner of a posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from plotting.canvas import NO_CAPTION, Array, Caption, Scale, apply_scale, beside, page
from plotting.drawn import DrawnFigure
from plotting.event_map import markers_of
from plotting.legend import place_legend
from plotting.matrix import LETTER_IN, longest, name_ticks
from plotting.style import BLACK, GREEN, GREY, OTHER, OURS, SKY, Style

ROW_IN, LABEL_IN = 0.55, 1.9
YEAR_S = 365.25 * 86400.0
CELL_IN = 2.3  # of a corner
BINS = 30
COLOURS = (OURS, OTHER, GREEN, BLACK)
MARKERS = ("o", "s", "^", "D", "v")  # one more than colours: no pair comes twice among twenty


def impacts(labels: Sequence[str], down: Array, up: Array, pulls: Array, constraints: Array, of: str, error: float, *, style: Style,
            caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Left: pull of each nuisance parameter with its error over the prior's width. Right: shifts of ``of`` in units of its total error."""
    rows = np.arange(len(labels))
    with style.context():
        sheet = page(
            style,
            caption,
            columns=2,
            width_in=10.0,
            left_in=max(LABEL_IN, 0.5 + LETTER_IN * longest(labels)),
            height_in=max(2.3 + ROW_IN * len(labels), 3.8),
        )
        left, right = sheet.panels
        left.axvspan(-1.0, 1.0, color="#cccccc", linewidth=0.0, zorder=0, gid="prior 1 sigma")
        left.axvline(0.0, color=BLACK, linewidth=1.0)
        left.errorbar(pulls, rows, xerr=np.nan_to_num(constraints), fmt="o", color=OURS, markersize=8, elinewidth=2.2, gid="pulls")
        reach = max(2.0, 1.2 * float(np.nanmax(np.abs(pulls) + np.nan_to_num(constraints), initial=0.0)))
        apply_scale(left, Scale(r"(fit $-$ prior) / $\sigma_\mathrm{prior}$", limits=(-reach, reach)))
        right.barh(rows, down / error, height=0.6, color=SKY, label=r"$-1\,\sigma$", gid="down")
        right.barh(rows, up / error, height=0.3, color=OTHER, label=r"$+1\,\sigma$", gid="up")
        right.axvline(0.0, color=BLACK, linewidth=1.0)
        widest = 1.3 * max(float(np.nanmax(np.abs(np.concatenate([down, up])), initial=0.0)) / error, 0.05)
        apply_scale(right, Scale(f"Shift of {of} / its error", limits=(-widest, widest)))
        for axes in sheet.panels:
            axes.set_ylim(len(labels) - 0.4, -1.6)
            axes.xaxis.set_major_locator(MaxNLocator(5))
        name_ticks(left, labels, both=False)
        name_ticks(right, [""] * len(labels), both=False)
        place_legend(right, loc="upper right", columns=2, fontsize=14)
    return DrawnFigure(
        sheet.figure, {"nuisances": list(labels), "shift_down": down, "shift_up": up, "pull": pulls, "constraint": constraints, "error": error}
    )


def events(low: Array, median: Array, high: Array, signalness: Array, deposited: Array, channels: Sequence[str], kinds: Sequence[str],
           name_of_deposited: str, *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Neutrino energy of each event (median, 68 %), in the order of the deposited energies; colour is the signalness, the shape the topology.

    ``kinds``: all topologies, in the order of the shapes.
    """
    at = np.arange(1, len(median) + 1)
    with style.context():
        sheet = page(style, caption, width_in=11.0, right_in=1.75)
        axes = sheet.panels[0]
        axes.vlines(at, low, high, color=GREY, linewidth=1.6, gid="68 %")
        drawn = None
        for marker, name in markers_of(channels, kinds):
            own = np.array([one == name for one in channels])
            drawn = axes.scatter(at[own], median[own], c=signalness[own], marker=marker, s=55, cmap="viridis", vmin=0.0, vmax=1.0, zorder=3,
                                 edgecolors=BLACK, linewidths=0.7, label=name, gid=f"events {name}")  # fmt: skip
        axes.plot(at, deposited, linestyle="none", marker="_", markersize=8, color=OTHER, label=name_of_deposited, gid="deposited")
        finite = np.concatenate([low[np.isfinite(low)], high[np.isfinite(high)], deposited])
        limits = (0.7 * float(finite.min()), 2.0 * float(finite.max()))
        apply_scale(axes, Scale("Event, by deposited energy", limits=(0.0, len(median) + 1.0)), Scale("Neutrino energy [GeV]", True, limits))
        place_legend(axes, [(np.append(at - 0.5, at[-1] + 0.5), np.nan_to_num(high))], loc="upper left", fontsize=14)
        if drawn is not None:
            sheet.figure.colorbar(drawn, cax=beside([axes])).set_label("Signalness")
    numbers = {
        "median_gev": median,
        "low_gev": low,
        "high_gev": high,
        "signalness": signalness,
        "deposited_gev": deposited,
        "topology": list(channels),
    }
    return DrawnFigure(sheet.figure, numbers)


def exposures(years: Array, widths: Mapping[str, Array], *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """Relative errors over livetime; dashed: the first one falling with its root."""
    with style.context():
        sheet = page(style, caption)
        axes = sheet.panels[0]
        for (name, values), colour, marker in zip(widths.items(), cycle(COLOURS), cycle(MARKERS), strict=False):
            axes.plot(years, values, marker=marker, color=colour, label=name, gid=f"error {name}")
            axes.plot(years, values[0] * np.sqrt(years[0] / years), linestyle="--", linewidth=1.2, color=colour, gid=f"root {name}")
        every = np.concatenate([*widths.values(), np.array([values[0] * np.sqrt(years[0] / years[-1]) for values in widths.values()])])
        limits = (0.7 * float(np.nanmin(every)), 2.0 * float(np.nanmax(every)))
        apply_scale(axes, Scale("Livetime [years]", True, (0.85 * years[0], 1.2 * years[-1])), Scale("Expected error / value", True, limits))
        edges = np.append(years, 1.2 * years[-1])
        drawn = [(edges, np.asarray(values)) for values in widths.values()]
        place_legend(axes, drawn, text=(r"dashed: $1/\sqrt{\mathrm{livetime}}$",), loc="upper right")
    return DrawnFigure(sheet.figure, {"livetime_years": years, "relative_error": dict(widths)})


def models(labels: Sequence[str], ts: Array, p_values: Array, delta_aic: Array, null: str, *, style: Style,
           caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Test statistic of each spectrum over the null, with its p-value and difference of AIC in words."""
    rows = np.arange(len(labels))
    with style.context():
        sheet = page(style, caption, width_in=9.5, left_in=2.9, height_in=2.4 + 0.75 * len(labels))
        axes = sheet.panels[0]
        axes.barh(rows, ts, height=0.5, color=SKY, gid="ts")
        top = max(4.0, 1.1 * float(np.nanmax(ts, initial=0.0)))
        apply_scale(axes, Scale(f"TS against the {null}", limits=(min(0.0, 1.2 * float(np.nanmin(ts, initial=0.0))), 2.0 * top)))
        axes.axvline(0.0, color=BLACK, linewidth=1.0)
        for row, p, aic in zip(rows.tolist(), p_values, delta_aic, strict=True):
            likely = "no p without toys" if np.isnan(p) else f"p = {p:.2f}"
            axes.text(0.98, row, f"{likely}, $\\Delta$AIC = {aic:+.1f}", transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=15)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        name_ticks(axes, labels, both=False)
    return DrawnFigure(sheet.figure, {"models": list(labels), "ts": ts, "p_value": p_values, "delta_aic": delta_aic, "null": null})


def corner(labels: Sequence[str], samples: Array, best: Array, intervals: Array, *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:
    """Samples (n, parameters): histograms on the diagonal with their 68 % interval shaded, pairs below it; lines are the best fit."""
    n = samples.shape[1]
    edges = [_edges(samples[:, i]) for i in range(n)]
    counts = [np.histogram(samples[:, i], edges[i])[0] for i in range(n)]
    with style.context():
        side = max(6.0, CELL_IN * n)
        foot = replace(caption, right="", notes=(caption.right, *caption.notes)) if caption.right else caption  # no panel in that corner
        sheet = page(style, foot, columns=n, rows=n, width_in=side + 1.6, height_in=side + 1.4, gap_in=0.15, row_gap_in=0.15)
        for row, column in np.ndindex(n, n):
            axes = sheet.panels[row * n + column]
            if column > row:
                axes.remove()
                continue
            if row == column:
                axes.axvspan(*intervals[row], color="#dddddd", linewidth=0.0, zorder=0, gid="68 %")
                axes.stairs(counts[row], edges[row], color=OURS, linewidth=1.8, gid=f"samples {labels[row]}")
                axes.set_ylim(0.0, 1.15 * float(counts[row].max()))
            else:
                axes.hist2d(samples[:, column], samples[:, row], bins=[edges[column][::2], edges[row][::2]], cmap="Blues", gid="pairs")
                axes.axhline(best[row], color=OTHER, linewidth=1.0)
                axes.set_ylim(edges[row][0], edges[row][-1])
            axes.axvline(best[column], color=OTHER, linewidth=1.0, gid="best fit")
            axes.set_xlim(edges[column][0], edges[column][-1])
            _edge_labels(axes, labels, row, column, n)
    return DrawnFigure(sheet.figure, {"parameters": list(labels), "edges": edges, "counts": counts, "best": best, "interval_68": intervals})


def _edges(values: Array) -> Array:
    """Bins that hold all but one sample in a thousand."""
    low, high = np.quantile(values, [0.0005, 0.9995])
    return np.linspace(low, high, BINS + 1)


def _edge_labels(axes: Axes, labels: Sequence[str], row: int, column: int, n: int) -> None:
    """Numbers and names at the left and at the foot of a corner alone."""
    axes.xaxis.set_major_locator(MaxNLocator(3, prune="both"))
    axes.yaxis.set_major_locator(MaxNLocator(3, prune="both"))
    axes.tick_params(labelbottom=row == n - 1, labelleft=column == 0 and row > 0)
    if row == n - 1:
        axes.set_xlabel(labels[column])
    if column == 0 and row > 0:
        axes.set_ylabel(labels[row])
