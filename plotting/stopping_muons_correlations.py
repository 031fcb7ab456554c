"""How well quantities are reconstructed: true against reconstructed values, and what the proxies know of the targets."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from plotting.canvas import Array, Page, Scale, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.stopping_muons_view import TARGETS, Found, RunView, contents, edges_of, is_logarithmic, quantity_label, scale_axes
from plotting.style import BLUE, ORANGE, VERMILLION
from records.stopping_muons import CorrelationSummary, MutualInformation

FLAG, MUTUAL_FLAG = "reconstructions.plot_correlations", "reconstructions.analyse_mi_scores"
LOWEST = 1e-5  # of the highest value, where colours begin
LEFT_IN, BAR_IN, GAP_IN = 1.4, 1.35, 2.65
ROW_IN = 0.85
LETTER_IN = 0.135


def correlations(view: RunView) -> Found:
    """One figure for each quantity with a histogram ``corr_<q>``."""
    if not view.config.reconstructions.plot_correlations:
        return {"correlations": f"{FLAG} is false"}
    names = [name.removeprefix("corr_") for one in view.nominal[:1] for name in view.hists[one] if name.startswith("corr_")]
    return {f"correlation_{name}": partial(_correlation, view, name) for name in names} or {"correlations": "no histograms corr_* in hists.h5"}


def mutual_information(view: RunView) -> Found:
    """Bars of both targets."""
    found = view.results.get("mutual_information")
    if not isinstance(found, MutualInformation):
        return {"mutual_information": view.missing("mutual_information", MUTUAL_FLAG)}
    return {"mutual_information": partial(_mutual_information, view, found)}


def column_normalised(rates: Array) -> Array:
    """Share of each reconstructed bin among events of one true bin (true, reconstructed); NaN where a true bin is empty.

    >>> column_normalised(np.array([[1.0, 3.0], [0.0, 0.0]])).tolist()
    [[0.25, 0.75], [nan, nan]]
    """
    total = rates.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(rates, total, out=np.full(rates.shape, np.nan), where=total > 0.0))


def _correlation(view: RunView, name: str) -> DrawnFigure:
    histogram = view.summed(view.nominal, f"corr_{name}")
    assert histogram is not None
    edges, rates = edges_of(histogram), contents(histogram)[0]
    share = column_normalised(rates)
    found = view.results.get(f"correlation.{name}")
    x, y = (_scale(one, quantity_label(name, before)) for one, before in zip(edges, ("True", "Reconstructed"), strict=True))
    with view.style.context():
        sheet = page(
            view.style, view.caption(of="mc"), columns=2, width_in=17.4, height_in=7.0, left_in=LEFT_IN, gap_in=GAP_IN, right_in=0.35 + BAR_IN
        )
        for axes, values, label in zip(sheet.panels, (rates, share), ("Rate per cell [Hz]", "Share of the true bin"), strict=True):
            _map(sheet, axes, edges, values, label)
            axes.plot(*_diagonal(x, y), color="white", linestyle=":", linewidth=1.6, gid="diagonal")
            scale_axes(axes, x, y)
        if isinstance(found, CorrelationSummary):
            _draw_median(sheet.panels[1], found)
            lines = (f"Pearson {found.pearson:.3f}", f"Spearman {found.spearman:.3f}")
            for text, axes in ((lines, sheet.panels[0]), ((), sheet.panels[1])):
                place_legend(axes, [], text=text, loc="upper left", entries=axes is sheet.panels[1])
    numbers: dict[str, Any] = {"true_edges": edges[0], "reco_edges": edges[1], "rate_hz": rates, "share": share}
    if isinstance(found, CorrelationSummary):
        names = ("centres", "median", "low", "high", "bias", "resolution", "pearson", "spearman")
        numbers |= {key: getattr(found, key) for key in names}
    return DrawnFigure(sheet.figure, numbers)


def _scale(edges: Array, label: str) -> Scale:
    return Scale(label, is_logarithmic(edges), (float(edges[0]), float(edges[-1])))


def _map(sheet: Page, axes: Axes, edges: list[Array], values: Array, label: str) -> None:
    shown = np.ma.masked_where(~(values > 0.0), values)
    highest = float(shown.max()) if shown.count() else 1.0
    lowest = max(float(shown.min()) if shown.count() else 1.0, LOWEST * highest)
    mesh = axes.pcolormesh(*edges, shown.T, norm=LogNorm(min(lowest, 0.1 * highest), highest, clip=True), rasterized=True, gid="map")
    box, width = axes.get_position(), sheet.figure.get_size_inches()[0]
    sheet.figure.colorbar(mesh, cax=sheet.figure.add_axes((box.x1 + 0.15 / width, box.y0, 0.3 / width, box.height)), label=label)


def _diagonal(x: Scale, y: Scale) -> tuple[Array, Array]:
    assert x.limits is not None
    assert y.limits is not None
    low, high = max(x.limits[0], y.limits[0]), min(x.limits[1], y.limits[1])
    line = np.array([low, high])
    return line, line


def _draw_median(axes: Axes, found: CorrelationSummary) -> None:
    at = np.array(found.centres)
    axes.plot(at, found.median, color=VERMILLION, linewidth=2.4, label="Median", gid="median")
    for ends, label in ((found.low, "16 and 84 %"), (found.high, None)):
        axes.plot(at, ends, color=VERMILLION, linestyle="--", linewidth=1.6, label=label, gid="quantile")


def _mutual_information(view: RunView, found: MutualInformation) -> DrawnFigure:
    targets = [name for name in TARGETS if name in found.nats]
    first = found.nats[targets[0]]
    names = sorted(first, key=lambda name: -max(found.nats[target].get(name, 0.0) for target in targets))
    rows = np.arange(len(names))
    width = 0.8 / len(targets)
    longest = max(len(_name(name)) for name in names)
    reach = 0.0
    with view.style.context():
        notes = (f"{found.events} selected simulated events; errors: half samples. In brackets: $\\sqrt{{1-e^{{-2 I}}}}$",)
        sheet = page(
            view.style, view.caption(notes=notes, of="mc"), width_in=10.0, left_in=0.5 + LETTER_IN * longest, height_in=2.0 + ROW_IN * len(names)
        )
        axes = sheet.panels[0]
        for order, (target, colour) in enumerate(zip(targets, (BLUE, ORANGE), strict=False)):
            values = np.array([found.nats[target][name] for name in names])
            errors = np.array([found.error[target][name] for name in names])
            at = rows + (order - 0.5 * (len(targets) - 1)) * width
            axes.barh(at, values, height=0.92 * width, color=colour, alpha=0.8, label=TARGETS[target].words, gid=f"nats {target}")
            axes.errorbar(values, at, xerr=errors, fmt="none", ecolor="black", elinewidth=1.6, gid=f"error {target}")
            reach = max(reach, float((values + errors).max()))
            for place, end, name in zip(at, values + errors, names, strict=True):
                words = f"{found.nats[target][name]:.2f} ({found.normalised[target][name]:.2f})"
                axes.text(max(float(end), 0.0), float(place), f"  {words}", va="center", fontsize=12.5)
        axes.set_yticks(rows, [_name(name) for name in names])
        axes.tick_params(axis="y", which="both", length=0)
        axes.set_xlim(0.0, 1.3 * reach)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlabel("Mutual information with the logarithm of the truth [nats]")
        axes.legend(loc="lower right")
    numbers = {"proxies": names, "nats": found.nats, "error": found.error, "normalised": found.normalised, "events": found.events}
    return DrawnFigure(sheet.figure, numbers)


def _name(name: str) -> str:
    """A column without its unit."""
    return quantity_label(name).partition(" [")[0]
