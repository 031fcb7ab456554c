"""The effective area of a simulation by class, interaction and topology: what its response looks like before any spectrum is folded.

An event with weight W (GeV sr cm^2 over a flux of one species) adds W / (dE 4 pi 1e4) m^2 to its node of width dE. The sum over all topologies,
those of events that were not selected among them, is the area of the whole simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import awkward as ak
import hist
import numpy as np
from numpy.typing import NDArray

from physics.bin_search import bin_index
from physics.constants import FULL_SKY_SR, M2_TO_CM2
from processors.diffuse_selection import Selected
from processors.exact_sums import whole_quanta
from processors.response_fill import category, true_energy_axis

Array = NDArray[np.float64]
Index = NDArray[np.intp]

NAME = "effective_area"
INTERACTION = "interactionType"  # optional column: 1 charged current, 2 neutral current, 3 Glashow resonance
INTERACTIONS = ("unknown", "CC", "NC", "GR")
REJECTED = "rejected"  # topology of events that are in no analysis bin
AREA_QUANTUM_M2 = 2.0**-40  # sums are exact up to 8192 m^2 a cell; an event adds about 1e-6 m^2 where areas are smallest
BLOCK = 1 << 18  # events at a time


def area_axes(classes: Sequence[str], channels: Sequence[str], true_edges_gev: Array) -> tuple[hist.axis.AxisProtocol, ...]:
    """Axes class, interaction, topology (channels, then ``rejected``), true_energy."""
    return (
        category("class", classes, "Class"),
        category("interaction", INTERACTIONS, "Interaction"),
        category("topology", (*channels, REJECTED), "Topology"),
        true_energy_axis(true_edges_gev),
    )


def topologies(selected: Mapping[str, Selected], in_bins: Mapping[str, NDArray[np.bool_]], n_events: int) -> Index:
    """Index into the topology axis of each event of a chunk."""
    found = np.full(n_events, len(selected), dtype=np.intp)
    for number, (name, taken) in enumerate(selected.items()):
        found[taken.positions[in_bins[name]]] = number
    return found


def interactions(events: ak.Array) -> Index:
    """Index into the interaction axis of each event; 0 where the file does not say."""
    if INTERACTION not in events.fields:
        return np.zeros(len(events), dtype=np.intp)
    kind = np.nan_to_num(np.asarray(ak.to_numpy(ak.fill_none(events[INTERACTION], 0.0, axis=0)), dtype=np.float64))
    return np.where((kind >= 1) & (kind < len(INTERACTIONS)), kind, 0).astype(np.intp)


def fill_area(axes: tuple[Any, ...], classes: Index, interaction: Index, topology: Index, energy_gev: Array, weight_gev_sr_cm2: Array) -> hist.Hist:
    """Effective areas in m^2 (storage Double). Events with true energies outside the nodes are left out."""
    area = hist.Hist(*axes, storage=hist.storage.Double())
    view = area.view(flow=False)
    edges = np.asarray(axes[-1].edges)
    per_weight = 1.0 / (np.diff(edges) * FULL_SKY_SR * M2_TO_CM2)
    for start in range(0, len(energy_gev), BLOCK):
        part = slice(start, start + BLOCK)
        node = bin_index(edges, energy_gev[part]) - 1
        inside = np.flatnonzero((node >= 0) & (node < len(per_weight)))
        node = node[inside]
        cell = np.ravel_multi_index((classes[part][inside], interaction[part][inside], topology[part][inside], node), view.shape)
        quanta = whole_quanta(weight_gev_sr_cm2[part][inside] * per_weight[node], np.full(len(node), 1.0 / AREA_QUANTUM_M2))
        view += np.bincount(cell, quanta, minlength=view.size).reshape(view.shape) * AREA_QUANTUM_M2
    return area
