"""The events of a run: fields in data and simulation, angular errors, resolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.colors import LogNorm

from plotting.canvas import Array, Scale, apply_scale, beside, page
from plotting.dark_matter_view import RunView
from plotting.drawn import DrawnFigure
from plotting.histograms import BAR_IN, map_2d
from plotting.overlay import Spectrum, small
from plotting.projections import count_bars
from plotting.style import BLACK, SKY, VERMILLION

Panel = tuple[Array, Mapping[str, Spectrum], Scale, Sequence[str]]  # edges, samples, x, words
Figures = dict[str, Callable[[], DrawnFigure]]

FIELDS = ("ra", "dec", "azi", "zen", "time", "logE", "angErr", "trueE", "ow")
NUMBERS = {"run": "Run number", "event": "Number of the event in its run"}  # of data alone: simulated ones are numbered as they were produced
NUMBER_BINS = 60
COARSER = (4, 2)  # bins of sin dec and of the angular error that are joined
LEAST_SHARE = 2e-4  # per degree, where the colours of the resolution begin
CONTAINED = {"median": 0.5, "68 %": 0.68}


def variables(view: RunView) -> Figures:
    """Every field, data beside simulation."""
    return {"variables": partial(_variables, view)} if view.of_kind("data") or view.of_kind("mc") else {}


def sindec_angular_error(view: RunView) -> Figures:
    """Estimated angular error against declination, in data."""
    return {"sindec_angular_error": partial(_angular_error, view)} if view.of_kind("data") else {}


def resolution(view: RunView) -> Figures:
    """Angle between true and reconstructed direction over true energy, one figure for each simulation."""
    return {named(number, name, "resolution"): partial(_resolution, view, name) for number, name in enumerate(view.of_kind("mc"))}


def named(number: int, dataset: str, figure: str) -> str:
    """Name of a figure of one simulation: plain for the first, else with the data set's before."""
    return figure if number == 0 else f"{dataset}.{figure}"


def _variables(view: RunView) -> DrawnFigure:
    kinds = {"data": ("Data", BLACK), "mc": ("Simulation, unweighted", SKY)}
    of_kind = {kind: view.of_kind(kind) for kind in kinds}
    panels = [panel for field in FIELDS if (panel := _field(view, f"variable_{field}", of_kind, kinds)) is not None]
    panels += _numbers(view, kinds["data"])
    return small(panels, Scale("Share of events / bin"), columns=3, style=view.style, caption=view.caption(of_data=True))


def _field(view: RunView, name: str, of_kind: Mapping[str, list[str]], kinds: Mapping[str, tuple[str, str]]) -> Panel | None:
    """One field in data and simulation, and how much of it lies outside the panel; none where no file has the column."""
    spectra: dict[str, Spectrum] = {}
    edges, label, outside = np.zeros(0), "", 0.0
    for kind, (words, colour) in kinds.items():
        having = [one for one in of_kind[kind] if name in view.hists[one]]
        if not having:
            continue
        one = view.summed(having, name)
        edges, label = np.asarray(one.axes[0].edges, float), one.axes[0].label
        counts = np.asarray(one.values(), float)
        filled = float(one.values(flow=True).sum())
        if filled == 0.0 or (name == "variable_time" and np.count_nonzero(counts) < 2):
            continue  # the column is not in the files, or simulated events have no time of their own
        outside = max(outside, 1.0 - counts.sum() / filled)
        low, high = count_bars(counts)
        spectra[kind] = Spectrum(f"{words} ({filled:.0f})", colour, counts / filled, (low / filled, high / filled), counts)
    beyond = (f"{100.0 * outside:.2g} % outside",) if outside else ()
    return (edges, spectra, Scale(label.replace("cm^2", "cm$^2$").replace("log10(", "$\\log_{10}$(")), beyond) if spectra else None


def _numbers(view: RunView, look: tuple[str, str]) -> list[Panel]:
    """Panels of the numbers of run and event: gaps and repetitions show. From the tables, as their range is known only there."""
    tables = [view.tables[name]["events"] for name in view.of_kind("data") if "events" in view.tables.get(name, {})]
    panels: list[Panel] = []
    for name, label in NUMBERS.items() if sum(map(len, tables)) else ():
        values = np.concatenate([table[name] for table in tables])
        width = -(-int(values.max() - values.min() + 1) // NUMBER_BINS)  # whole numbers, as many in every bin
        edges = values.min() - 0.5 + width * np.arange(NUMBER_BINS + 1.0)
        counts = np.histogram(values, edges)[0].astype(float)
        low, high = count_bars(counts)
        total = counts.sum()
        panels.append((edges, {"data": Spectrum(f"{look[0]} ({total:.0f})", look[1], counts / total, (low / total, high / total), counts)},
                       Scale(label), ()))  # fmt: skip
    return panels


def _angular_error(view: RunView) -> DrawnFigure:
    one = view.summed(view.of_kind("data"), "sindec_angular_error")
    x, y = (np.asarray(axis.edges, float)[::step] for axis, step in zip(one.axes, COARSER, strict=True))
    values = np.asarray(one.values(), float).reshape(len(x) - 1, COARSER[0], len(y) - 1, COARSER[1]).sum(axis=(1, 3))
    top = float(y[min(int(np.flatnonzero(values.sum(axis=0)).max(initial=0)) + 2, len(y) - 1)])
    return map_2d(x, y, values, Scale("sin(declination)", limits=(-1.0, 1.0)), Scale("Estimated angular error [deg]", limits=(0.0, top)),
                  "Data events / bin", style=view.style, caption=view.caption())  # fmt: skip


def _resolution(view: RunView, name: str) -> DrawnFigure:
    one = view.hists[name]["resolution"]
    energy, psi = 10.0 ** np.asarray(one.axes[0].edges, float), np.asarray(one.axes[1].edges, float)
    values = np.asarray(one.values(), float)
    total = values.sum(axis=1)
    share = np.divide(values, total[:, None] * np.diff(psi), out=np.zeros(values.shape), where=total[:, None] > 0.0)
    quantiles = {label: np.array([contained_angle(row, psi, part) for row in values]) for label, part in CONTAINED.items()}
    filled = np.flatnonzero(total)
    span = (float(energy[filled[0]]), float(energy[filled[-1] + 1])) if filled.size else (float(energy[0]), float(energy[-1]))
    top = min(180.0, 2.0 * float(np.nanmax(quantiles["68 %"], initial=10.0)))
    with view.style.context():
        sheet = page(view.style, view.caption(name), width_in=8.0 + BAR_IN, right_in=0.3 + BAR_IN)
        axes = sheet.panels[0]
        mesh = axes.pcolormesh(
            energy, psi, np.ma.masked_equal(share, 0.0).T, norm=LogNorm(LEAST_SHARE, max(share.max(), 1e-2)), rasterized=True, gid="map"
        )
        for (label, curve), colour in zip(quantiles.items(), ("white", VERMILLION), strict=True):
            axes.stairs(curve, energy, baseline=None, color=BLACK, linewidth=4.4)
            axes.stairs(curve, energy, baseline=None, color=colour, linewidth=2.6, label=f"{label} of events below" if "%" in label else "Median",
                        gid=label)  # fmt: skip
        apply_scale(axes, Scale("True energy [GeV]", True, span), Scale("Angle to the true direction [deg]", limits=(0.0, top)))
        legend = axes.legend(loc="upper right", facecolor="#BBBBBB", frameon=True, framealpha=0.9, edgecolor="none")
        legend.set_zorder(6)
        sheet.figure.colorbar(mesh, cax=beside(sheet.panels), label="Share of the energy's events per degree")
    return DrawnFigure(sheet.figure, {"energy_edges_gev": energy, "psi_edges_deg": psi, "share_per_deg": share,
                                      **{f"{label} deg": curve for label, curve in quantiles.items()}})  # fmt: skip


def contained_angle(weights: Array, edges: Array, share: float) -> float:
    """The angle below which a share of the weights lies, linear inside a bin; NaN without weights.

    >>> contained_angle(np.array([1.0, 3.0]), np.array([0.0, 1.0, 2.0]), 0.5)
    1.3333333333333333
    """
    below = np.concatenate([[0.0], np.cumsum(weights)])
    return float(np.interp(share * below[-1], below, edges)) if below[-1] > 0.0 else math.nan
