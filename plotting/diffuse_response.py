"""The response of ``diffuse`` to look at: migration from true to deposited energy, effective area."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fits.diffuse_inputs import Inputs
from fits.response import Response
from plotting.canvas import Array, Scale
from plotting.diffuse_projections import TITLES
from plotting.drawn import DrawnFigure
from plotting.fit_view import FitView
from plotting.histograms import lines, map_2d

M2_TO_CM2 = 1.0e4
PIVOT_GEV = 1.0e5
REFERENCE_FLUX = 1.0e-18 / 6.0  # of one species at the pivot, GeV^-1 cm^-2 s^-1 sr^-1
SPECIES = {
    "nue": r"$\nu_e$", "nuebar": r"$\bar\nu_e$", "numu": r"$\nu_\mu$", "numubar": r"$\bar\nu_\mu$",
    "nutau": r"$\nu_\tau$", "nutaubar": r"$\bar\nu_\tau$", "all": "Sum of six species",
}  # fmt: skip
LOWEST_SHARE = 1.0e-3  # of the highest share in a migration matrix, where its colours begin
ENERGY = r"$E_\nu$ [GeV]"


def response(fit: FitView) -> dict[str, Callable[[], DrawnFigure]]:
    """Migration matrix of each topology and effective area of each class; the same for all fits, so drawn for the first."""
    if not fit.first or not isinstance(fit.inputs, Inputs):
        return {}
    whole = fit.inputs.response
    channels = list(dict.fromkeys(one.channel for one in whole.bins))
    figures: dict[str, Callable[[], DrawnFigure]] = {f"migration_{channel}": partial(_draw_migration, fit, whole, channel) for channel in channels}
    return figures | ({"effective_area": partial(_draw_area, fit, whole)} if whole.livetime_s is not None else {})


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
    both = {} if "nuebar" in areas else {"nue": r"$\nu_e+\bar\nu_e$", "numu": r"$\nu_\mu+\bar\nu_\mu$", "nutau": r"$\nu_\tau+\bar\nu_\tau$"}
    curves = {both.get(name, SPECIES.get(name, name)): values for name, values in areas.items()}
    top = max(float(values.max()) for values in areas.values())
    x, y = Scale(ENERGY, True, (float(edges[0]), float(edges[-1]))), Scale("Effective area [m$^2$]", True, (1e-4 * top, 3.0 * top))
    return lines(np.sqrt(edges[1:] * edges[:-1]), curves, x, y, style=fit.style, caption=fit.caption)
