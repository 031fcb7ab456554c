"""The events of a run: fields in data and simulation, angular errors, resolution, effective area, seasons."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import hist
import numpy as np

from physics.constants import DAY_S
from physics.effective_area import effective_area_cm2
from plotting.canvas import Array, Scale, apply_scale, page
from plotting.dark_matter_view import RunView
from plotting.drawn import DrawnFigure
from plotting.histograms import BAR_IN, map_2d
from plotting.legend import place_legend
from plotting.overlay import Spectrum, small
from plotting.projections import count_bars
from plotting.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION

Figures = dict[str, Callable[[], DrawnFigure]]

BANDS = 4  # of declination, equal in its sine
BAND_COLOURS = (PURPLE, BLUE, GREEN, ORANGE)
MERGED = 5  # bins of true energy
SEASON_COLOURS = (BLUE, ORANGE)
CONTAINED = {"median": 0.5, "68 %": 0.68}


def variables(view: RunView) -> Figures:
    """Every field, data beside simulation."""
    return {"variables": partial(_variables, view)} if view.of_kind("data") or view.of_kind("mc") else {}


def sindec_angular_error(view: RunView) -> Figures:
    """Estimated angular error against declination, in data."""
    return {"sindec_angular_error": partial(_angular_error, view)} if view.of_kind("data") else {}


def resolution(view: RunView) -> Figures:
    """Angle between true and reconstructed direction over true energy, one figure for each simulation."""
    return {_named(number, name, "resolution"): partial(_resolution, view, name) for number, name in enumerate(view.of_kind("mc"))}


def effective_area(view: RunView) -> Figures:
    """Effective area over energy in bands of declination, one figure for each simulation."""
    return {_named(number, name, "effective_area"): partial(_area, view, name) for number, name in enumerate(view.of_kind("mc"))}


def livetime(view: RunView) -> Figures:
    """When events were recorded, and livetime and rate of every season."""
    return {"livetime": partial(_livetime, view)} if view.of_kind("data") else {}


def _named(number: int, dataset: str, figure: str) -> str:
    return figure if number == 0 else f"{dataset}.{figure}"


def _variables(view: RunView) -> DrawnFigure:
    kinds = {"data": ("Data", BLACK), "mc": ("Simulation, unweighted", SKY)}
    of_kind = {kind: view.of_kind(kind) for kind in kinds}
    names = dict.fromkeys(name for kind in kinds for one in of_kind[kind] for name in view.hists[one] if name.startswith("variable_"))
    panels = []
    for name in names:
        spectra, edges, label = {}, np.zeros(0), ""
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
            low, high = count_bars(counts)
            spectra[kind] = Spectrum(f"{words} ({filled:.0f})", colour, counts / filled, (low / filled, high / filled), counts)
        if spectra:
            panels.append((edges, spectra, Scale(label.replace("cm^2", "cm$^2$").replace("log10(", "$\\log_{10}$(")), ()))
    return small(panels, Scale("Share of events / bin"), columns=3, style=view.style, caption=view.caption(of_data=True))


def _angular_error(view: RunView) -> DrawnFigure:
    one = view.summed(view.of_kind("data"), "sindec_angular_error")
    x, y = (np.asarray(axis.edges, float) for axis in one.axes)
    filled = np.flatnonzero(np.asarray(one.values()).sum(axis=0))
    top = float(y[min(int(filled.max(initial=0)) + 4, len(y) - 1)])
    values = np.asarray(one.values(), float)
    return map_2d(x, y, values, Scale("sin(declination)"), Scale("Estimated angular error [deg]", limits=(0.0, top)), "Data events / bin",
                  lowest=1.0 / max(values.max(), 2.0), style=view.style, caption=view.caption())  # fmt: skip


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
        mesh = axes.pcolormesh(energy, psi, np.ma.masked_equal(share, 0.0).T, rasterized=True, gid="map")
        for (label, curve), colour in zip(quantiles.items(), ("white", VERMILLION), strict=True):
            axes.stairs(curve, energy, baseline=None, color=BLACK, linewidth=4.4)
            axes.stairs(curve, energy, baseline=None, color=colour, linewidth=2.6, label=f"{label} of events below" if "%" in label else "Median",
                        gid=label)  # fmt: skip
        apply_scale(axes, Scale("True energy [GeV]", True, span), Scale("Angle to the true direction [deg]", limits=(0.0, top)))
        legend = axes.legend(loc="upper right", facecolor="#BBBBBB", frameon=True, framealpha=0.9, edgecolor="none")
        legend.set_zorder(6)
        box, width = axes.get_position(), sheet.figure.get_size_inches()[0]
        bar = sheet.figure.add_axes((box.x1 + 0.15 / width, box.y0, 0.3 / width, box.height))
        sheet.figure.colorbar(mesh, cax=bar, label="Share of the energy's events per degree")
    return DrawnFigure(sheet.figure, {"energy_edges_gev": energy, "psi_edges_deg": psi, "share_per_deg": share,
                                      **{f"{label} deg": curve for label, curve in quantiles.items()}})  # fmt: skip


def contained_angle(weights: Array, edges: Array, share: float) -> float:
    """The angle below which a share of the weights lies, linear inside a bin; NaN without weights.

    >>> contained_angle(np.array([1.0, 3.0]), np.array([0.0, 1.0, 2.0]), 0.5)
    1.3333333333333333
    """
    below = np.concatenate([[0.0], np.cumsum(weights)])
    return float(np.interp(share * below[-1], below, edges)) if below[-1] > 0.0 else math.nan


def _area(view: RunView, name: str) -> DrawnFigure:
    one = view.hists[name]["acceptance"]
    energy, sindec, area, error = area_and_error(one)
    with view.style.context():
        sheet = page(view.style, view.caption(name, ("Average of neutrino and antineutrino; all reconstructed energies",)))
        axes = sheet.panels[0]
        for band, colour in enumerate(BAND_COLOURS):
            values, spread = area[band], error[band]
            label = f"sin $\\delta$ {sindec[band]:+.1f} to {sindec[band + 1]:+.1f}".replace("-", "\N{MINUS SIGN}")
            axes.stairs(np.where(values > 0.0, values, np.nan), energy, baseline=None, color=colour, label=label, gid=f"band {band}")
            axes.stairs(values + spread, energy, baseline=np.maximum(values - spread, 1e-30), fill=True, color=colour, alpha=0.2, linewidth=0.0)
        positive = area[area > 0.0]
        filled = np.flatnonzero(area.sum(axis=0))
        apply_scale(
            axes, Scale("True energy [GeV]", True, (float(energy[filled[0]]), float(energy[filled[-1] + 1]))),
            Scale("Effective area [cm$^2$]", True, (0.5 * float(positive.min()), 2.0 * float(positive.max()))),
        )  # fmt: skip
        place_legend(axes, [(energy, row) for row in area], loc="upper left")
    return DrawnFigure(sheet.figure, {"energy_edges_gev": energy, "sindec_edges": sindec, "area_cm2": area, "area_error_cm2": error})


def area_and_error(one: hist.Hist) -> tuple[Array, Array, Array, Array]:
    """Edges of true energy (GeV) and sin dec, effective area (bands, energies) in cm^2 and its statistical error, from an acceptance histogram."""
    content: Any = one.view(flow=True)
    weights, squares = (content[part].sum(axis=2) for part in ("value", "variance"))
    per_band, merged = len(weights) // BANDS, MERGED if weights.shape[1] % MERGED == 0 else 1
    sums = [part.reshape(BANDS, per_band, -1, merged).sum(axis=(1, 3)) for part in (weights, squares)]
    sindec = np.asarray(one.axes[0].edges, float)[::per_band]
    energy = 10.0 ** np.asarray(one.axes[1].edges, float)[::merged]
    return energy, sindec, effective_area_cm2(sums[0], sindec, energy), effective_area_cm2(np.sqrt(sums[1]), sindec, energy)


def _livetime(view: RunView) -> DrawnFigure:
    about = view.account["datasets"]
    names = [name for name in view.of_kind("data") if "variable_time" in view.hists[name]]
    seasons = [str(about[name]["metadata"].get("season", name)) for name in names]
    days = np.array([(about[name]["livetime_s"] or math.nan) * about[name]["fraction"] / DAY_S for name in names])
    events = np.array([float(view.hists[name]["cutflow"]["energy"]) for name in names])
    rate_mhz = 1e3 * events / (days * DAY_S)
    counts = [np.asarray(view.hists[name]["variable_time"].values(), float) for name in names]
    edges = np.asarray(view.hists[names[0]]["variable_time"].axes[0].edges, float)
    filled = np.flatnonzero(np.sum(counts, axis=0))
    with view.style.context():
        sheet = page(view.style, view.caption(), rows=2, width_in=10.0, height_in=8.8, right_in=1.15)
        first, second = sheet.panels
        for number, (season, values) in enumerate(zip(seasons, counts, strict=True)):
            first.stairs(
                np.where(values > 0.0, values, np.nan), edges, color=SEASON_COLOURS[number % 2], fill=True, alpha=0.6, gid=f"season {season}"
            )
            middle = np.average(0.5 * (edges[1:] + edges[:-1]), weights=values) if values.any() else edges[0]
            first.text(middle, 1.04 * max(map(np.max, counts)), season, ha="center", va="bottom", fontsize=13)
        span = (float(edges[filled[0]]), float(edges[filled[-1] + 1])) if filled.size else (float(edges[0]), float(edges[-1]))
        apply_scale(
            first, Scale("Time [MJD]", limits=span), Scale(f"Events / {edges[1] - edges[0]:.0f} d", limits=(0.0, 1.22 * max(map(np.max, counts))))
        )
        second.bar(
            np.arange(len(names)), days, width=0.7, color=[SEASON_COLOURS[number % 2] for number in range(len(names))], alpha=0.6, gid="livetime"
        )
        apply_scale(second, Scale("Season"), Scale("Livetime [d]", limits=(0.0, 1.35 * float(np.nanmax(days)))))
        second.set_xticks(np.arange(len(names)), seasons)
        second.tick_params(axis="x", which="both", length=0)
        right = second.twinx()
        right.errorbar(np.arange(len(names)), rate_mhz, yerr=rate_mhz / np.sqrt(np.maximum(events, 1.0)), fmt="o", color=BLACK, markersize=7,
                       gid="rate")  # fmt: skip
        right.set_ylabel("Rate [mHz], points")
        right.set_ylim(0.0, 1.35 * float(np.nanmax(rate_mhz)))
        right.tick_params(axis="y", which="both", left=False)
        second.tick_params(axis="y", which="both", right=False)
        second.text(0.98, 0.95, f"All: {np.nansum(days):.1f} d, {events.sum():.0f} events", transform=second.transAxes, ha="right", va="top", fontsize=14,
                    color="#333333")  # fmt: skip
    return DrawnFigure(sheet.figure, {"seasons": seasons, "livetime_days": days, "events": events, "rate_mhz": rate_mhz, "time_edges_mjd": edges,
                                      "events_by_season": dict(zip(seasons, counts, strict=True))})  # fmt: skip
