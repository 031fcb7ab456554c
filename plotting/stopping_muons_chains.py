"""Markov chains of each target: distributions of the parameters and of pairs of them, and their course."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import gaussian_filter

from plotting.canvas import Array, Caption, Scale, apply_scale, page
from plotting.drawn import DrawnFigure
from plotting.stopping_muons_view import TARGETS, Found, RunView, Target
from plotting.style import BLUE, GREY, VERMILLION
from records.arrays import load_arrays
from records.stopping_muons import CHAINS

BINS = 30
CONTENTS = (0.95, 0.68)  # of the contours, outer first
CELL_IN = 1.15
TRACE_ROW_IN, TRACE_COLUMNS = 1.55, 2
SHOWN_WALKERS, SHOWN_STEPS = 24, 1500
SMOOTHING = 1.3  # bins
OUTLIERS = 0.001  # on each side, left out of the range


@dataclass(frozen=True)
class Chain:
    """Samples (steps, walkers, parameters) and what the parameters are called on figures."""

    samples: Array
    names: list[str]

    @property
    def flat(self) -> Array:
        """(steps x walkers, parameters)."""
        return self.samples.reshape(-1, self.samples.shape[-1])


def corner(view: RunView) -> Found:
    """Pairs of parameters of each target."""
    return _of_chains(view, "corner", _corner)


def trace(view: RunView) -> Found:
    """Course of the chains of each target."""
    return _of_chains(view, "trace", _trace)


def _of_chains(view: RunView, figure: str, draw: Callable[[RunView, Target], DrawnFigure]) -> Found:
    path = view.config.output / CHAINS
    there = _groups(path)
    found: dict[str, partial[DrawnFigure] | str] = {}
    for name, target in TARGETS.items():
        if not getattr(view.config.unfolding, f"evaluate_unfolding_{name}"):
            found[f"{figure}_{name}"] = f"unfolding.evaluate_unfolding_{name} is false"
        elif name not in there:
            found[f"{figure}_{name}"] = _why_none(view, name)
        else:
            found[f"{figure}_{name}"] = partial(draw, view, target)
    return found


def _why_none(view: RunView, target: str) -> str:
    if not view.config.options.sample:
        return "options.sample is false"
    failed = view.results.get(f"unfolded.{target}.mcmc")
    if getattr(failed, "valid", True) is False:
        return f"no chains: {failed.reason}"  # type: ignore[union-attr]
    return view.missing(f"{target} in {CHAINS}", f"unfolding.unfold_{target}")


def _groups(path: Path) -> list[str]:
    if not path.is_file():
        return []
    with h5py.File(path, "r") as file:
        return list(file)


def load_chain(view: RunView, target: Target) -> Chain:
    """Chain of a target: ln f of the truth bins in words of their limits, nuisances in their standard deviations."""
    arrays = load_arrays(view.config.output / CHAINS, target.name)
    names = [str(name) for name in arrays["names"]]
    return Chain(np.asarray(arrays["chain"], float), names)


def smallest_levels(counts: Array, contents: Sequence[float] = CONTENTS) -> list[float]:
    """Heights above which the highest bins hold each share of all entries, ascending for descending shares.

    >>> smallest_levels(np.array([[1.0, 2.0], [3.0, 4.0]]), (0.9, 0.4))
    [2.0, 4.0]
    """
    ordered = np.sort(counts.ravel())[::-1]
    sums = np.cumsum(ordered) / ordered.sum()
    return [float(ordered[min(int(np.searchsorted(sums, content - 1e-12)), len(ordered) - 1)]) for content in contents]


def _corner(view: RunView, target: Target) -> DrawnFigure:
    chain = load_chain(view, target)
    flat, size = chain.flat, len(chain.names)
    labels = parameter_labels(chain.names)
    edges = [_edges(column) for column in flat.T]
    with view.style.context():
        figure, panels = _triangle(view, target, size)
        for (row, column), axes in panels.items():
            if row == column:
                counts = np.histogram(flat[:, row], edges[row])[0]
                axes.stairs(counts, edges[row], color=BLUE, fill=True, alpha=0.6, gid=f"histogram {chain.names[row]}")
                axes.axvline(float(np.median(flat[:, row])), color=VERMILLION, linewidth=1.4)
                axes.set_ylim(0.0, 1.1 * counts.max())
            else:
                _draw_pair(axes, flat[:, column], flat[:, row], edges[column], edges[row])
            _name_sides(axes, row, column, labels)
    quantiles = np.quantile(flat, [0.16, 0.5, 0.84], axis=0)
    correlation = np.corrcoef(flat.T)
    return DrawnFigure(
        figure, {"parameters": chain.names, "low": quantiles[0], "median": quantiles[1], "high": quantiles[2], "correlation": correlation}
    )


def _edges(values: Array) -> Array:
    low, high = (float(end) for end in np.quantile(values, [OUTLIERS, 1.0 - OUTLIERS]))
    return np.linspace(low, high, BINS + 1)


def parameter_labels(names: Sequence[str]) -> list[str]:
    """Parameters on axes: ln f of a truth bin by its number, < and > for what lies outside; others as they are called.

    >>> parameter_labels(["underflow", "bin 11 [3e3, 4e3)", "dom_eff"])
    ['$\\\\ln f_<$', '$\\\\ln f_{11}$', 'dom eff']
    """
    outside = {"underflow": r"$\ln f_<$", "overflow": r"$\ln f_>$"}
    return [outside.get(name) or (rf"$\ln f_{{{name.split()[1]}}}$" if name.startswith("bin ") else name.replace("_", " ")) for name in names]


def _triangle(view: RunView, target: Target, size: int) -> tuple[Figure, dict[tuple[int, int], Axes]]:
    """Panels below and on the diagonal, without room between them."""
    side = max(CELL_IN * size, 6.0)
    left, low, top = 1.15, 1.15, 0.6
    caption: Caption = view.caption(of="unfolded")
    sheet = page(view.style, caption, width_in=left + side + 0.2, height_in=low + side + top, left_in=left, right_in=0.2, bottom_in=low)
    whole = sheet.panels[0]
    box = whole.get_position()
    whole.set_axis_off()
    words = (f"{target.words}: events $f$ by bin", "< and >: outside the bins", "Contours: 68 and 95 %", "Lines: medians")
    for number, line in enumerate(words):
        whole.text(1.0, 0.97 - 0.035 * number, line, ha="right", va="top", transform=whole.transAxes, fontsize=24)
    panels = {}
    width, height = box.width / size, box.height / size
    for row in range(size):
        for column in range(row + 1):
            place = (box.x0 + column * width, box.y1 - (row + 1) * height, 0.95 * width, 0.95 * height)
            panels[row, column] = sheet.figure.add_axes(place)
    return sheet.figure, panels


def _draw_pair(axes: Axes, x: Array, y: Array, x_edges: Array, y_edges: Array) -> None:
    counts = gaussian_filter(np.histogram2d(x, y, (x_edges, y_edges))[0], SMOOTHING)
    middles = [0.5 * (edges[1:] + edges[:-1]) for edges in (x_edges, y_edges)]
    levels = sorted({*smallest_levels(counts), float(counts.max()) + 1.0})
    if len(levels) > 2:
        axes.contourf(*middles, counts.T, levels=levels, colors=["#a8cfe8", BLUE][-(len(levels) - 1) :])


def _name_sides(axes: Axes, row: int, column: int, labels: Sequence[str]) -> None:
    last = len(labels) - 1
    axes.minorticks_off()
    axes.tick_params(labelsize=12, length=3, which="major", top=False, right=False)
    axes.tick_params(axis="x", labelbottom=row == last, labelrotation=60)
    axes.tick_params(axis="y", labelleft=column == 0 and row > 0, left=row != column)
    axes.xaxis.set_major_locator(MaxNLocator(2, prune="both"))
    if row != column:
        axes.yaxis.set_major_locator(MaxNLocator(2, prune="both"))
    else:
        axes.set_yticks([])
    if row == last:
        axes.set_xlabel(labels[column], fontsize=20, loc="center")
    if column == 0 and row > 0:
        axes.set_ylabel(labels[row], fontsize=20, loc="center")
        axes.yaxis.set_label_coords(-0.62, 0.5)


def _trace(view: RunView, target: Target) -> DrawnFigure:
    chain = load_chain(view, target)
    steps, walkers, size = chain.samples.shape
    rows = -(-size // TRACE_COLUMNS)
    shown = np.unique(np.linspace(0, walkers - 1, min(walkers, SHOWN_WALKERS)).astype(int))
    at = np.unique(np.linspace(0, steps - 1, min(steps, SHOWN_STEPS)).astype(int))
    median = np.median(chain.samples, axis=1)
    with view.style.context():
        notes = (f"{len(shown)} of {walkers} walkers, after burn-in, thinned; line: median of all walkers",)
        sheet = page(view.style, view.caption(target.words, notes, of="unfolded"), columns=TRACE_COLUMNS, rows=rows, width_in=14.5,
                     height_in=1.5 + TRACE_ROW_IN * rows, gap_in=1.3, row_gap_in=0.12)  # fmt: skip
        for number, axes in enumerate(sheet.panels):
            parameter = (number % TRACE_COLUMNS) * rows + number // TRACE_COLUMNS  # down the columns
            if parameter >= size:
                axes.set_visible(False)
                continue
            axes.plot(at, chain.samples[np.ix_(at, shown)][..., parameter], color=GREY, linewidth=0.4, alpha=0.5, rasterized=True)
            axes.plot(at, median[at, parameter], color=BLUE, linewidth=1.6, gid=f"trace {chain.names[parameter]}")
            bottom = number // TRACE_COLUMNS == rows - 1 or parameter == size - 1
            apply_scale(axes, Scale("Step, thinned" if bottom else "", limits=(0.0, float(steps - 1))), Scale(""))
            axes.tick_params(labelbottom=bottom, labelsize=13)
            axes.yaxis.set_major_locator(MaxNLocator(2, prune="both"))
            axes.set_ylabel(parameter_labels(chain.names)[parameter], fontsize=17, loc="center")
    return DrawnFigure(sheet.figure, {"parameters": chain.names, "steps": steps, "walkers": walkers, "step": at, "median": median[at].T})
