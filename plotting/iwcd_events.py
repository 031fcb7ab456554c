"""Figures of the events of one data set of ``iwcd``, for whatever particles it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fits.classifier.binomial import rates
from plotting.canvas import Array, Scale
from plotting.drawn import DrawnFigure
from plotting.iwcd_compare import comparisons
from plotting.iwcd_samples import by_particle, spectra_of
from plotting.iwcd_view import DatasetView
from plotting.map_panels import MapPanel, column_quantiles, maps
from plotting.overlay import small
from plotting.rates import RatePanel, rate_panels
from plotting.violins import violins

Mask = NDArray[np.bool_]
Figures = dict[str, Callable[[], DrawnFigure]]

EVIS = Scale("Visible energy [MeV]")
ENERGY = Scale("True total energy [MeV]")
TOWALL = Scale("Distance to wall along track [cm]")
DWALL = Scale("Distance to wall [cm]")
EVIS_EDGES, ENERGY_EDGES = np.linspace(0.0, 1000.0, 11), np.linspace(0.0, 1200.0, 51)
NHITS_EDGES = np.linspace(0.0, 5000.0, 51)
VIOLIN_EDGES = np.linspace(0.0, 1200.0, 25)
TOWALL_EDGES, DWALL_EDGES = np.linspace(0.0, 1000.0, 21), np.linspace(0.0, 300.0, 16)
COARSE_TOWALL, COARSE_DWALL = np.linspace(0.0, 1000.0, 6), np.linspace(0.0, 300.0, 6)
LIGHT_MEV = 50.0  # below, hits per energy are noise
PLACE = ("r2", "y", "dwall", "towall", "cos_zenith", "azimuth")
SEPARATE = ("nhits", "charge", "evis", "energy", "max_charge", "hit_charge", "hit_time", "hit_residual", "hit_angle")


def compared(view: DatasetView) -> Figures:
    """Spectra of all particles with their ratio, maps of pairs of quantities, and one page of places and directions."""
    if not view.particles:
        return {}
    samples = by_particle(view.hists, view.particles)
    every = comparisons(samples, view.looks, view.config.plots.normalise, None, view.style, view.caption)
    figures = {view.named(name): draw for name, draw in every.items() if name not in PLACE}
    return figures | {view.named("places"): partial(_page, view, PLACE)} | _features(view)


def energies(view: DatasetView) -> Figures:
    """Hits against the true total energy, and what a cut on hits does to visible energies."""
    if view.events is None:
        return {}
    figures: Figures = {view.named("nhits_energy"): partial(_nhits_energy, view)}
    if view.known:
        figures |= {view.named("bright_energy"): partial(_bright_energy, view), view.named("bright_efficiency"): partial(_bright_efficiency, view)}
    return figures


def losses(view: DatasetView) -> Figures:
    """Where light is lost: hits per energy against the distances to the wall, events without hits."""
    if view.events is None:
        return {}
    figures: Figures = {view.named("zero_hits"): partial(_zero_hits, view), view.named("zero_hit_map"): partial(_zero_hit_map, view)}
    if view.known:
        for column, x, edges in (("towall", TOWALL, TOWALL_EDGES), ("dwall", DWALL, DWALL_EDGES)):
            figures[view.named(f"light_{column}")] = partial(_light, view, column, x, edges)
    return figures


def _features(view: DatasetView) -> Figures:
    names = [name for name in view.hists if name.startswith("feat_")]
    return {view.named("features"): partial(_page, view, tuple(names))} if names else {}


def _page(view: DatasetView, names: tuple[str, ...]) -> DrawnFigure:
    """Small panels of spectra, each sample divided by its events."""
    samples = by_particle(view.hists, view.particles)
    panels = []
    for name in names:
        edges, spectra, x = spectra_of(name, samples, view.looks, "events")
        panels.append((edges, spectra, x, ()))
    return small(panels, Scale("Fraction of events / bin"), columns=3 if len(panels) <= 6 else 4, style=view.style, caption=view.caption)


def _nhits_energy(view: DatasetView) -> DrawnFigure:
    panels = [_map(view, name, "energy", "nhits", (ENERGY_EDGES, NHITS_EDGES), 5) for name in view.particles]
    return maps(panels, (ENERGY_EDGES, NHITS_EDGES), ENERGY, Scale("Number of hits"), "Events / bin", style=view.style, caption=view.caption)


def _light(view: DatasetView, column: str, x: Scale, edges: Array) -> DrawnFigure:
    values = {name: _per_mev(view.columns(name)) for name in view.known}
    top = max((float(np.quantile(of["light"], 0.995)) for of in values.values() if len(of["light"])), default=1.0)
    y_edges = np.linspace(0.0, 1.1 * top, 41)
    panels = [_panel(view, name, of[column], of["light"], (edges, y_edges), 1) for name, of in values.items()]
    y = Scale("Hits per visible energy [1/MeV]")
    note = f"visible energy > {LIGHT_MEV:g} MeV"
    return maps(panels, (edges, y_edges), x, y, f"Events / bin ({note})", style=view.style, caption=view.caption)


def _per_mev(columns: Mapping[str, Array]) -> dict[str, Array]:
    kept = columns["evis"] > LIGHT_MEV
    found = {name: columns[name][kept] for name in ("towall", "dwall", "nhits", "evis")}
    return found | {"light": found["nhits"] / found["evis"]}


def _map(view: DatasetView, particle: str, x: str, y: str, edges: tuple[Array, Array], merge: int) -> MapPanel:
    columns = view.columns(particle)
    return _panel(view, particle, columns[x], columns[y], edges, merge)


def _panel(view: DatasetView, particle: str, x: Array, y: Array, edges: tuple[Array, Array], merge: int) -> MapPanel:
    padded = np.concatenate([[-np.inf], edges[1], [np.inf]])
    counts = np.histogram2d(x, y, bins=(edges[0], padded))[0]
    inside = counts[:, 1:-1]
    outside = len(x) - int(inside.sum())
    note = f"{inside.sum():.0f} events" + (f", {outside} outside" if outside else "")
    return MapPanel(view.looks[particle].label, inside, column_quantiles(counts, *edges, merge), note=note)


def _bright_energy(view: DatasetView) -> DrawnFigure:
    least = view.config.plots.min_hits_box
    samples = {}
    for name in view.known:
        columns = view.columns(name)
        samples[name] = columns["evis"][columns["nhits"] > least]
    return violins(samples, view.looks, VIOLIN_EDGES, EVIS, note=f"Events of more than {least} hits", style=view.style, caption=view.caption)


def _bright_efficiency(view: DatasetView) -> DrawnFigure:
    least = view.config.plots.min_hits_box

    def bright(columns: Mapping[str, Array]) -> Mask:
        return columns["nhits"] > least

    panels = [_rates(view, column, x, edges, bright) for column, x, edges in (("evis", EVIS, EVIS_EDGES), ("towall", TOWALL, TOWALL_EDGES[::2]))]
    return rate_panels(panels, view.looks, f"Fraction of events with > {least} hits", style=view.style, caption=view.caption)


def _zero_hits(view: DatasetView) -> DrawnFigure:
    def dark(columns: Mapping[str, Array]) -> Mask:
        return columns["nhits"] == 0

    where = [("towall", TOWALL, COARSE_TOWALL), ("dwall", DWALL, COARSE_DWALL)]
    panels = [_rates(view, column, x, edges, dark) for column, x, edges in ([("evis", EVIS, EVIS_EDGES)] if view.known else []) + where]
    return rate_panels(panels, view.looks, "Fraction of events without hits", columns=3, style=view.style, caption=view.caption)


def _rates(view: DatasetView, column: str, x: Scale, edges: Array, passes: Callable[[Mapping[str, Array]], Mask]) -> RatePanel:
    """Share of all events (selected or not) of each particle that pass, in bins of a column; the last bin includes its upper edge."""
    found = {}
    for name in view.known if column == "evis" else view.particles:
        columns = view.columns(name, selected=False)
        total = np.histogram(columns[column], edges)[0]
        found[name] = rates(np.histogram(columns[column][passes(columns)], edges)[0], total)
    return RatePanel(x, edges, found)


def _zero_hit_map(view: DatasetView) -> DrawnFigure:
    edges = COARSE_DWALL, COARSE_TOWALL
    panels = []
    for name in view.particles:
        columns = view.columns(name, selected=False)
        dark = columns["nhits"] == 0
        total = np.histogram2d(columns["dwall"], columns["towall"], bins=edges)[0]
        without = np.histogram2d(columns["dwall"][dark], columns["towall"][dark], bins=edges)[0]
        share = np.divide(without, total, out=np.full(total.shape, np.nan), where=total > 0)
        cells = [[f"{without[i, j]:.0f}/{total[i, j]:.0f}" for j in range(total.shape[1])] for i in range(total.shape[0])]
        panels.append(MapPanel(view.looks[name].label, share, cells=cells, note=f"{dark.sum()} of {len(dark)} events without hits"))
    return maps(panels, edges, DWALL, TOWALL, "Fraction of events without hits", log=False, style=view.style, caption=view.caption)
