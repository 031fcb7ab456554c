"""How much a run can see: effective area of its simulations, livetimes and rates of its seasons."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import hist
import numpy as np
from matplotlib.axes import Axes

from physics.constants import DAY_S
from physics.effective_area import effective_area_cm2
from plotting.canvas import Array, Scale, apply_scale, page
from plotting.dark_matter_events import named
from plotting.dark_matter_view import RunView
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.style import BLACK, BLUE, GREEN, ORANGE, PURPLE

Figures = dict[str, Callable[[], DrawnFigure]]

BANDS = 4  # of declination, equal in its sine
BAND_COLOURS = (PURPLE, BLUE, GREEN, ORANGE)
MERGED = 5  # bins of true energy
SEASON_COLOURS = (BLUE, ORANGE)


def effective_area(view: RunView) -> Figures:
    """Effective area over energy in bands of declination, one figure for each simulation."""
    return {named(number, name, "effective_area"): partial(_area, view, name) for number, name in enumerate(view.of_kind("mc"))}


def livetime(view: RunView) -> Figures:
    """When events were recorded, and livetime and rate of every season."""
    return {"livetime": partial(_livetime, view)} if view.of_kind("data") else {}


def _area(view: RunView, name: str) -> DrawnFigure:
    one = view.hists[name]["acceptance"]
    energy, sindec, area, error = area_and_error(one)
    with view.style.context():
        sheet = page(view.style, view.caption(name, ("Average of neutrino and antineutrino; all reconstructed energies",)))
        axes = sheet.panels[0]
        for band, colour in enumerate(BAND_COLOURS):
            values, spread = area[band], error[band]
            label = f"sin $\\delta$ from {sindec[band]:g} to {sindec[band + 1]:g}".replace("-", "\N{MINUS SIGN}")
            axes.stairs(np.where(values > 0.0, values, np.nan), energy, baseline=None, color=colour, linewidth=2.0, label=label, gid=f"band {band}")
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
    names = view.of_kind("data")
    seasons = [str(about[name]["metadata"].get("season", name)) for name in names]
    days = np.array([(about[name]["livetime_s"] or math.nan) * about[name]["fraction"] / DAY_S for name in names])
    events = np.array([float(view.hists[name]["cutflow"]["energy"]) for name in names])
    rate_mhz = 1e3 * events / (days * DAY_S)
    of_time = [view.hists[name]["variable_time"] for name in names]
    counts = dict(zip(seasons, (np.asarray(one.values(), float) for one in of_time), strict=True))
    edges = np.asarray(of_time[0].axes[0].edges, float)
    with view.style.context():
        sheet = page(view.style, view.caption(), rows=2, width_in=10.0, height_in=8.8, right_in=1.15)
        _draw_times(sheet.panels[0], edges, counts)
        _draw_seasons(sheet.panels[1], seasons, days, rate_mhz, rate_mhz / np.sqrt(np.maximum(events, 1.0)))
        words = f"All: {np.nansum(days):.1f} d, {events.sum():.0f} events"
        sheet.panels[1].text(0.98, 0.95, words, transform=sheet.panels[1].transAxes, ha="right", va="top", fontsize=14, color="#333333")
    return DrawnFigure(sheet.figure, {
        "seasons": seasons, "livetime_days": days, "events": events, "rate_mhz": rate_mhz, "time_edges_mjd": edges, "events_by_season": counts,
    })  # fmt: skip


def _draw_times(axes: Axes, edges: Array, counts: dict[str, Array]) -> None:
    """Events over time, each season in its colour with its name above."""
    top = max(float(one.max()) for one in counts.values())
    for number, (season, values) in enumerate(counts.items()):
        shown = np.where(values > 0.0, values, np.nan)
        axes.stairs(shown, edges, color=SEASON_COLOURS[number % 2], fill=True, alpha=0.6, gid=f"season {season}")
        if values.any():
            axes.text(np.average(0.5 * (edges[1:] + edges[:-1]), weights=values), 1.04 * top, season, ha="center", va="bottom", fontsize=13)
    filled = np.flatnonzero(np.sum(list(counts.values()), axis=0))
    span = (float(edges[filled[0]]), float(edges[filled[-1] + 1])) if filled.size else (float(edges[0]), float(edges[-1]))
    apply_scale(axes, Scale("Time [MJD]", limits=span), Scale(f"Events / {edges[1] - edges[0]:.0f} d", limits=(0.0, 1.22 * max(top, 1.0))))


def _draw_seasons(axes: Axes, seasons: list[str], days: Array, rate_mhz: Array, rate_error_mhz: Array) -> None:
    """Livetimes as bars, rates as points on the axis on the right."""
    rows = np.arange(len(seasons))
    axes.bar(rows, days, width=0.7, color=[SEASON_COLOURS[row % 2] for row in rows], alpha=0.6, gid="livetime")
    apply_scale(axes, Scale("Season"), Scale("Livetime [d]", limits=(0.0, 1.9 * float(np.nanmax(days)))))
    axes.set_xticks(rows, seasons)
    axes.tick_params(axis="x", which="both", length=0)
    axes.tick_params(axis="y", which="both", right=False)
    right = axes.twinx()
    right.errorbar(rows, rate_mhz, yerr=rate_error_mhz, fmt="o", color=BLACK, markersize=7, gid="rate")
    right.set_ylabel("Rate [mHz], points")
    right.set_ylim(0.0, 1.35 * float(np.nanmax(rate_mhz)))
    right.tick_params(axis="y", which="both", left=False)
