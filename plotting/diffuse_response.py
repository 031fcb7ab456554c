"""The response of ``diffuse`` to look at: migration from true to deposited energy, effective area."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fits.diffuse_inputs import Inputs
from fits.effective_areas import FLAVOURS, Areas
from fits.joint_model import JointModel
from fits.model import Model
from fits.official_model import OfficialModel
from fits.response import Response
from plotting.canvas import Array, Scale
from plotting.diffuse_projections import TITLES
from plotting.drawn import DrawnFigure
from plotting.fit_view import FitView
from plotting.histograms import lines, map_2d
from plotting.response_panels import Panel, stacked_shares, step_curves
from processors.effective_area import REJECTED

M2_TO_CM2 = 1.0e4
PIVOT_GEV = 1.0e5
REFERENCE_FLUX = 1.0e-18 / 6.0  # of one species at the pivot, GeV^-1 cm^-2 s^-1 sr^-1
SPECIES = {
    "nue": r"$\nu_e$", "nuebar": r"$\bar\nu_e$", "numu": r"$\nu_\mu$", "numubar": r"$\bar\nu_\mu$",
    "nutau": r"$\nu_\tau$", "nutaubar": r"$\bar\nu_\tau$", "all": "Sum of six species",
}  # fmt: skip
BOTH = {"e": r"$\nu_e+\bar\nu_e$", "mu": r"$\nu_\mu+\bar\nu_\mu$", "tau": r"$\nu_\tau+\bar\nu_\tau$", "all": "Sum of six species"}
INTERACTION_NAMES = {"unknown": "Unknown", "CC": "Charged current", "NC": "Neutral current", "GR": "Glashow resonance"}
AREA = "Effective area [m$^2$]"
LOWEST_SHARE = 1.0e-3  # of the highest share in a migration matrix, where its colours begin
ENERGY = r"$E_\nu$ [GeV]"


def response(fit: FitView) -> dict[str, Callable[[], DrawnFigure]]:
    """Migration, effective areas, shares of the topologies and of the flavours; the same for all fits, so drawn for the first.

    The composition of the topologies is that of the first fit's spectrum, before the fit where it is not valid.
    """
    if not fit.first or not isinstance(fit.inputs, Inputs):
        return {}
    whole = fit.inputs.response
    channels = list(dict.fromkeys(one.channel for one in whole.bins))
    figures: dict[str, Callable[[], DrawnFigure]] = {f"migration_{channel}": partial(_draw_migration, fit, whole, channel) for channel in channels}
    if fit.areas is not None:
        figures |= area_figures(fit, fit.areas)
    elif whole.livetime_s is not None:
        figures["effective_area"] = partial(_draw_area, fit, whole)
    return figures | ({"purity": partial(_draw_purity, fit)} if len({name for name, component in whole.moments if component == "astro"}) > 1 else {})


def area_figures(fit: FitView, areas: Areas) -> dict[str, Callable[[], DrawnFigure]]:
    """By flavour, by neutrino and antineutrino, by interaction, and how each flavour is shared out among the topologies."""
    figures: dict[str, Callable[[], DrawnFigure]] = {
        "effective_area": partial(_draw_curves, fit, areas, lambda: [Panel("", by_flavour(areas))], pairs=areas.knows_rejected)
    }
    if areas.knows_antineutrinos:
        figures["effective_area_species"] = partial(_draw_curves, fit, areas, lambda: [Panel("", by_species(areas))], pairs=True)
    if areas.knows_interactions:
        figures["effective_area_interactions"] = partial(_draw_curves, fit, areas, lambda: by_interaction(areas))
    return figures | {"efficiency": partial(_draw_efficiency, fit, areas)}


def by_flavour(areas: Areas) -> dict[str, Array]:
    """nu + nubar of each flavour, selected; and of all simulated events where the others are known."""
    curves: dict[str, Array] = {}
    for flavour, classes in areas.flavours.items():
        name = BOTH[flavour]
        curves[f"{name}, selected" if areas.knows_rejected else name] = areas.of(classes)
        if areas.knows_rejected:
            curves[f"{name}, all simulated"] = areas.of(classes, topologies=areas.topologies)
    return curves


def by_species(areas: Areas) -> dict[str, Array]:
    """Selected events of each neutrino, its antineutrino after it."""
    return {SPECIES[name]: areas.of([name]) for classes in areas.flavours.values() for name in classes}


def by_interaction(areas: Areas) -> list[Panel]:
    """A panel for each flavour: charged and neutral current, Glashow resonance; selected events."""
    known = [name for name in areas.interactions if areas.of(interaction=name).any()]
    return [
        Panel(BOTH[flavour], {INTERACTION_NAMES[name]: areas.of(classes, interaction=name) for name in known})
        for flavour, classes in areas.flavours.items()
    ]


def topology_shares(areas: Areas, flavour: str) -> dict[str, Array]:
    """Share of a flavour's events in each topology by true energy: of all simulated ones, or of the selected where no others are known."""
    classes = areas.flavours[flavour]
    shown = [name for name in areas.topologies if name != REJECTED or areas.knows_rejected]
    total = areas.of(classes, topologies=shown)
    parts = {TITLES.get(name, "Not selected"): areas.of(classes, topologies=[name]) for name in shown}
    return {name: np.divide(values, total, out=np.full_like(total, np.nan), where=total > 0.0) for name, values in parts.items()}


def purities(fit: FitView, channel: str) -> tuple[Array, dict[str, Array]]:
    """Edges of deposited energy (GeV), and the share of each flavour and of the atmosphere in the expectation of a topology."""
    model, theta = fit.prepared.whole, fit.theta if fit.result.valid else fit.starts
    assert not isinstance(model, JointModel)
    components = dict(model.components(theta))
    plain = astro_by_flavour(model, theta)
    astro, total = components.pop("astro"), np.sum(list(plain.values()), axis=0)
    scale = np.divide(astro, total, out=np.zeros_like(astro), where=total > 0.0)  # detector factors of the fit
    expected = {**{name: values * scale for name, values in plain.items()}, "Atmosphere": np.sum(list(components.values()), axis=0)}
    bins = model.response.bins
    rows = [i for i, one in enumerate(bins) if one.channel == channel and one.energy_gev is not None]
    edges = np.unique([bins[i].energy_gev for i in rows])
    at = np.searchsorted(edges, [bins[i].energy_gev[0] for i in rows])  # type: ignore[index]
    sums = {name: np.bincount(at, weights=values[rows], minlength=len(edges) - 1) for name, values in expected.items()}
    everything = np.sum(list(sums.values()), axis=0)
    return edges, {name: np.divide(one, everything, out=np.full_like(everything, np.nan), where=everything > 0.0) for name, one in sums.items()}


def astro_by_flavour(model: Model | OfficialModel, theta: Sequence[float]) -> dict[str, Array]:
    """Expected astrophysical events (bins,) of each flavour, without factors of the detector."""
    found: dict[str, Array] = {}
    for flavour, classes in FLAVOURS.items():
        own = {key: values for key, values in model.response.moments.items() if key[1] == "astro" and key[0] in classes}
        if own:
            part = Model(replace(model.response, moments=own, pairs={}), model.spectrum, pivot_gev=model.pivot_gev)
            found[BOTH[flavour]] = part.components([*theta[: 1 + len(model.spectrum.parameters)], 1.0])["astro"]
    return found


def node_edges(whole: Response) -> tuple[Array, NDArray[np.intp]]:
    """Edges in GeV of the true-energy nodes (gaps become nodes of their own) and the position of each node among them."""
    low, high = whole.ln_energy - 0.5 * whole.width, whole.ln_energy + 0.5 * whole.width
    edges = np.unique(np.round(np.concatenate([low, high]), 9))
    return np.exp(edges), np.asarray(np.searchsorted(edges, low + 1e-6) - 1, np.intp)


def migration(whole: Response, channel: str) -> tuple[Array, Array, Array]:
    """True edges, deposited edges (both GeV) and the share of each true-energy node's selected astrophysical events in each deposited-energy bin."""
    edges, position = node_edges(whole)
    rows = [index for index, one in enumerate(whole.bins) if one.channel == channel and one.energy_gev is not None]
    deposited = np.unique([whole.bins[index].energy_gev for index in rows])
    table = np.zeros((len(edges) - 1, len(deposited) - 1))
    for (_, component), moments in whole.moments.items():
        if component == "astro":
            for index in rows:
                table[position, np.searchsorted(deposited, whole.bins[index].energy_gev[0])] += moments[0, index]  # type: ignore[index]
    total = table.sum(axis=1, keepdims=True)
    return edges, deposited, np.divide(table, total, out=np.zeros_like(table), where=total > 0.0)


def effective_area_m2(whole: Response) -> tuple[Array, Mapping[str, Array]]:
    """Node edges (GeV) and, for each class of neutrinos, the effective area (m^2, averaged over the sky) for the events in the analysis bins.

    The expectation of the reference spectrum over livetime, 4 pi and the integral of that spectrum over the node; a class that sums species
    (a flavour of the surrogate: nu + nubar) has the sum of their areas.
    """
    assert whole.livetime_s is not None
    edges, position = node_edges(whole)
    slope = 1.0 - whole.reference_index
    fluence = whole.livetime_s * 4.0 * math.pi * REFERENCE_FLUX * PIVOT_GEV * np.diff((edges / PIVOT_GEV) ** slope) / slope
    areas: dict[str, Array] = {}
    for (name, component), moments in whole.moments.items():
        if component == "astro":
            areas[name] = np.zeros(len(edges) - 1)
            areas[name][position] = moments[0].sum(axis=0) / fluence[position] / M2_TO_CM2
    return edges, areas


def _draw_migration(fit: FitView, whole: Response, channel: str) -> DrawnFigure:
    true, deposited, table = migration(whole, channel)
    title = TITLES.get(channel, channel)
    return map_2d(
        true, deposited, table, Scale(ENERGY, True), Scale("Deposited energy [GeV]", True), f"Share of {title.lower()} at this energy",
        lowest=LOWEST_SHARE, style=fit.style, caption=fit.caption,
    )  # fmt: skip


def _draw_area(fit: FitView, whole: Response) -> DrawnFigure:
    edges, areas = effective_area_m2(whole)
    both = {} if "nuebar" in areas else {classes[0]: BOTH[flavour] for flavour, classes in FLAVOURS.items()}
    curves = {both.get(name, SPECIES.get(name, name)): values for name, values in areas.items()}
    top = max(float(values.max()) for values in areas.values())
    x, y = Scale(ENERGY, True, (float(edges[0]), float(edges[-1]))), Scale(AREA, True, (1e-4 * top, 3.0 * top))
    return lines(np.sqrt(edges[1:] * edges[:-1]), curves, x, y, style=fit.style, caption=fit.caption)


def _draw_curves(fit: FitView, areas: Areas, panels: Callable[[], list[Panel]], *, pairs: bool = False) -> DrawnFigure:
    shown = panels()
    values = np.concatenate([curve for panel in shown for curve in panel.curves.values()])
    top = float(values.max())
    edges = areas.edges_gev
    filled = np.flatnonzero(np.any([curve > 0.0 for panel in shown for curve in panel.curves.values()], axis=0))
    limits = (float(edges[filled[0]]), float(edges[filled[-1] + 1])) if len(filled) else (float(edges[0]), float(edges[-1]))
    y = Scale(AREA, True, (max(1e-5 * top, 0.5 * float(values[values > 0.0].min(initial=top))), 3.0 * top))
    return step_curves(edges, shown, Scale(ENERGY, True, limits), y, pairs=pairs, style=fit.style, caption=fit.caption)


def _draw_efficiency(fit: FitView, areas: Areas) -> DrawnFigure:
    panels = [Panel(BOTH[flavour], topology_shares(areas, flavour)) for flavour in areas.flavours]
    label = "Share of simulated events" if areas.knows_rejected else "Share of selected events"
    edges = areas.edges_gev
    filled = np.flatnonzero(np.any([~np.isnan(one) for panel in panels for one in panel.curves.values()], axis=0))
    limits = (float(edges[filled[0]]), float(edges[filled[-1] + 1]))
    return stacked_shares(edges, panels, Scale(ENERGY, True, limits), label, style=fit.style, caption=fit.caption)


def _draw_purity(fit: FitView) -> DrawnFigure:
    channels = list(dict.fromkeys(one.channel for one in fit.prepared.whole.response.bins))
    found = {channel: purities(fit, channel) for channel in channels}
    edges = found[channels[0]][0]
    panels = [Panel(TITLES.get(channel, channel), shares) for channel, (_, shares) in found.items()]
    limits = (float(edges[0]), float(edges[-1]))
    words = "Share of the expectation"
    return stacked_shares(edges, panels, Scale("Deposited energy [GeV]", True, limits), words, style=fit.style, caption=fit.caption)
