"""The surrogate HESE response as a table of weighted cells, read by the same processor as any simulation.

One row for each cell (flavour, true-energy node, analysis bin) that is not empty: the bin's centre, the node's energy, and the events expected
at the reference flux (six-species norm 1e-18 at 100 TeV, index 2.5) in a livetime. Nothing in it was tuned on a fit. Cells are expectations,
not simulated events: they carry no Monte-Carlo uncertainty, so they go with the Poisson likelihood only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from data_info.hese_tables import COSZEN_EDGES, NODE_CENTRES_GEV, NODE_EDGES_GEV, TRUE_EDGES_GEV, HeseTables, load_tables
from physics.binning import MORPHOLOGY, ChannelBinning, binning
from physics.constants import DAY_S, FLUX_UNIT_PER_GEV_CM2_S_SR, FULL_SKY_SR, HESE_LIVETIME_S, M2_TO_CM2, N_SPECIES, PIVOT_GEV
from simulation.diffuse import VETO_KAPPA
from simulation.response_tables import angular_shape, energy_kernel, topology_fractions, zenith_smearing
from simulation.surrogate_recipe import RECIPE, Recipe

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

REFERENCE_INDEX = 2.5
FLAVOUR_CODE = (12, 14, 16)  # PDG codes of the neutrinos; nu and nubar are summed
ATMOSPHERE_CODE = 0
ANALYSIS_END_GEV = 1.0e7  # the background is tabulated, and events are selected, up to here
BACKGROUND_KAPPA = {"cascade": VETO_KAPPA[12], "track": VETO_KAPPA[14]}  # of the self-veto in the tabulated zenith shapes
COLUMNS = ("recoDepositedEnergy", "recoCosZenith", "recoMorphology", "primaryEnergy", "flavour", "astroWeight", "atmoWeight")


def node_points(recipe: Recipe = RECIPE) -> tuple[Array, Array]:
    """Energies of the points and their widths in GeV, node by node; one point of a node is its geometric centre."""
    if recipe.points_per_node == 1:
        return NODE_CENTRES_GEV, np.diff(NODE_EDGES_GEV)
    n = recipe.points_per_node
    edges = np.interp(np.arange(n * len(NODE_CENTRES_GEV) + 1) / n, np.arange(len(NODE_EDGES_GEV)), np.log(NODE_EDGES_GEV))
    return np.exp(0.5 * (edges[1:] + edges[:-1])), np.diff(np.exp(edges))


def astro_response(tables: HeseTables, livetime_s: float = HESE_LIVETIME_S, recipe: Recipe = RECIPE) -> dict[str, Array]:
    """Expected astrophysical events at norm 1 and index 2.5: channel -> (3 flavours, 60 nodes, energy bins, angular bins).

    A spectrum folds it as sum over nodes of (E_i / 100 TeV)^-(index - 2.5); double cascades have one angular bin. With several points in a node
    (``node_points``) these stand in place of the nodes.
    """
    energies, widths = node_points(recipe)
    area_m2 = np.repeat(tables.flavour_area_m2, recipe.points_per_node, axis=1)
    species_flux = FLUX_UNIT_PER_GEV_CM2_S_SR / N_SPECIES * (energies / PIVOT_GEV) ** -REFERENCE_INDEX
    exposure = livetime_s * FULL_SKY_SR * M2_TO_CM2 * area_m2 * species_flux * widths
    direction = angular_shape(tables, energies, nearest=recipe.nearest_row) / (len(COSZEN_EDGES) - 1)
    sky = {
        "cascade": _smeared(direction, recipe.cascade_smearing_deg),
        "track": _smeared(direction, recipe.track_smearing_deg),
        "dcascade": np.ones((len(direction), 1)),
    }
    fractions = topology_fractions(recipe.track_fraction, recipe.dcascade_fraction)
    kernel = {"scale": recipe.energy_scale, "track_width_scale": recipe.track_width_scale}
    return {
        name: np.einsum(
            "fi,f,ib,ic->fibc",
            exposure,
            fractions[name],
            energy_kernel(tables, name, energies, channel.energy_edges_gev, nearest=recipe.nearest_row, **kernel),
            sky[name],
        )
        for name, channel in binning("surrogate").items()
    }


def _smeared(direction: Array, sigma_deg: float) -> Array:
    return direction @ zenith_smearing(COSZEN_EDGES, float(np.deg2rad(sigma_deg))) if sigma_deg > 0.0 else direction


def atmospheric_background(tables: HeseTables, livetime_s: float = HESE_LIVETIME_S, recipe: Recipe = RECIPE) -> dict[str, Array]:
    """Expected atmospheric events: channel -> (energy bins, angular bins).

    The tabulated spectra are cumulated, interpolated monotonically in log10 E and differenced at the analysis edges (up to 1e7 GeV).
    """
    expected = {}
    for name, channel in binning("surrogate").items():
        cumulated = np.concatenate([[0.0], np.cumsum(tables.atmospheric_events[name])]) * livetime_s / (recipe.background_livetime_days * DAY_S)
        edges = np.minimum(channel.energy_edges_gev, ANALYSIS_END_GEV)
        energies = np.diff(PchipInterpolator(np.log10(TRUE_EDGES_GEV), cumulated)(np.log10(edges)))
        shape = _background_shape(tables, name, recipe.veto_slope_scale)
        expected[name] = np.outer(energies, shape / shape.sum())
    return expected


def _background_shape(tables: HeseTables, name: str, veto_slope_scale: float) -> Array:
    """Events by cos zenith, in any unit; the down-going ones fall with cos zenith by another self-veto."""
    if name not in tables.atmospheric_coszen:
        return np.ones(1)
    down = np.maximum(0.5 * (COSZEN_EDGES[1:] + COSZEN_EDGES[:-1]), 0.0)
    return np.asarray(tables.atmospheric_coszen[name] * np.exp(-(veto_slope_scale - 1.0) * BACKGROUND_KAPPA[name] * down))


def cells(livetime_s: float = HESE_LIVETIME_S, recipe: Recipe = RECIPE) -> dict[str, NDArray[Any]]:
    """The table's columns: energies in GeV, ``recoMorphology`` 0 cascade, 1 track, 2 double cascade, ``flavour`` 12, 14, 16 or 0 = atmosphere."""
    tables = load_tables()
    astro, background = astro_response(tables, livetime_s, recipe), atmospheric_background(tables, livetime_s, recipe)
    parts = []
    for name, channel in binning("surrogate").items():
        parts += [_astro_rows(channel, astro[name], node_points(recipe)[0]), _atmospheric_rows(channel, background[name], recipe)]
    return {column: np.concatenate([part[column] for part in parts]) for column in COLUMNS}


def _astro_rows(channel: ChannelBinning, response: Array, energies_gev: Array) -> Mapping[str, NDArray[Any]]:
    flavour, node, energy, angle = np.nonzero(response)
    return _rows(channel, energy, angle, energies_gev[node], np.array(FLAVOUR_CODE)[flavour], astro=response[flavour, node, energy, angle])


def _atmospheric_rows(channel: ChannelBinning, expected: Array, recipe: Recipe) -> Mapping[str, NDArray[Any]]:
    energy, angle = np.nonzero(expected)
    true_energy = np.clip(recipe.true_over_deposited * _energy_centres(channel)[energy], NODE_EDGES_GEV[0], NODE_EDGES_GEV[-1])
    return _rows(channel, energy, angle, true_energy, np.full(len(energy), ATMOSPHERE_CODE), atmo=expected[energy, angle])


def _rows(
    channel: ChannelBinning,
    energy: Indices,
    angle: Indices,
    true_energy: Array,
    flavour: Indices,
    astro: Array | float = 0.0,
    atmo: Array | float = 0.0,
) -> Mapping[str, NDArray[Any]]:
    edges = np.asarray(channel.third_edges)
    return {
        "recoDepositedEnergy": _energy_centres(channel)[energy],
        "recoCosZenith": (0.5 * (edges[:-1] + edges[1:]))[angle],
        "recoMorphology": np.full(len(energy), MORPHOLOGY[channel.channel]),
        "primaryEnergy": true_energy,
        "flavour": flavour,
        "astroWeight": np.broadcast_to(astro, len(energy)).astype(np.float64),
        "atmoWeight": np.broadcast_to(atmo, len(energy)).astype(np.float64),
    }


def _energy_centres(channel: ChannelBinning) -> Array:
    """Geometric centres, below the end of the selection also in the last bin of the official grid, which reaches beyond 1e7 GeV."""
    edges = np.minimum(channel.energy_edges_gev, ANALYSIS_END_GEV)
    return np.asarray(np.sqrt(edges[:-1] * edges[1:]))
