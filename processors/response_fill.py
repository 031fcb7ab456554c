"""Filling of response and data histograms from flat bin indices: one ``bincount`` for each component and moment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from physics.bin_search import bin_index
from physics.binning import ChannelBinning, node_centres
from physics.constants import PIVOT_GEV
from processors.exact_sums import whole_quanta

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

AXIS_LABELS = {
    "reco_energy": "Deposited energy [GeV]",
    "reco_coszen": "cos(zenith)",
    "reco_length": "Length [m]",
    "true_energy": "Neutrino energy [GeV]",
}


def reco_axes(channel: ChannelBinning) -> tuple[hist.axis.AxisProtocol, ...]:
    """Axes of the analysis bins of a channel, with flow bins."""
    named = {"reco_energy": channel.energy_edges_gev, channel.third_axis: channel.third_edges}
    return tuple(hist.axis.Variable(edges, name=name, label=AXIS_LABELS[name]) for name, edges in named.items())


def category(name: str, values: Sequence[str] | Sequence[int], label: str) -> hist.axis.AxisProtocol:
    """A fixed category axis without overflow, for words or for integers."""
    kind: Any = hist.axis.StrCategory if isinstance(values[0], str) else hist.axis.IntCategory
    return kind(values, name=name, label=label, overflow=False)


def true_energy_axis(edges_gev: Array) -> hist.axis.AxisProtocol:
    """The axis of the nodes; it has no flow bins: a true energy outside is an error."""
    return hist.axis.Variable(edges_gev, name="true_energy", label=AXIS_LABELS["true_energy"], flow=False)


def reco_index(channel: ChannelBinning, energy_gev: Array, third: Array) -> Indices:
    """Flat index of each event into the (energy, third axis) bins of a channel, flow bins included."""
    n_third = channel.shape[1] + 2
    return bin_index(channel.energy_edges_gev, energy_gev) * n_third + bin_index(channel.third_edges, third)


def count_in_bins(channel: ChannelBinning, index: Indices) -> int:
    """Number of events that are neither under- nor overflow."""
    shape = channel.shape[0] + 2, channel.shape[1] + 2
    return int(np.bincount(index, minlength=math.prod(shape)).reshape(shape)[1:-1, 1:-1].sum())


def count_events(channel: ChannelBinning, index: Indices) -> hist.Hist:
    """The Int64 histogram of data events."""
    counts = hist.Hist(*reco_axes(channel), storage=hist.storage.Int64())
    view = counts.view(flow=True)
    view[...] = np.bincount(index, minlength=view.size).reshape(view.shape)
    return counts


@dataclass(frozen=True)
class Cells:
    """Where the events of one channel fall: flat index into (class, energy, third axis, node), node, and d = ln E - node centre."""

    index: Indices
    node: Indices
    d: Array


def response_cells(edges_gev: Array, energy_gev: Array, outer_index: Indices) -> Cells:
    """Cells from the flat index into (class, energy, third axis) and the true energy.

    An energy outside the nodes goes to the nearest one with d = 0 (it has no moments there).
    """
    node = np.clip(bin_index(edges_gev, energy_gev) - 1, 0, len(edges_gev) - 2)
    d = np.log(energy_gev / PIVOT_GEV)
    d -= node_centres(edges_gev)[node]
    d[(energy_gev < edges_gev[0]) | (energy_gev > edges_gev[-1])] = 0.0
    return Cells(outer_index * (len(edges_gev) - 1) + node, node, d)


@dataclass(frozen=True)
class Quanta:
    """The grid to which the terms of a sum are rounded: a power of two for each node, and its inverse for each event."""

    of_nodes: Array
    per_event: Array

    @classmethod
    def at(cls, of_nodes: Array, node: Indices) -> Quanta:
        """The grid for events in the given nodes."""
        return cls(of_nodes, np.take(1.0 / of_nodes, node))


def add_moments(target: Array, position: int, cells: Cells, factors: Sequence[Array], highest: int, quanta: Quanta, scratch: Array) -> None:
    """Add sum of weight * d^n, n = 0 ... ``highest``, to ``target`` (class, component, moment, energy, third axis, node) at a component's position.

    The weight of an event is the product of one or two ``factors``. Terms are rounded to whole quanta: sums are exact, whatever the order of
    events. ``scratch``: (2, events), overwritten.
    """
    term, whole = scratch
    np.copyto(term, factors[0])
    for factor in factors[1:]:
        term *= factor
    index, d, per_quantum = cells.index, cells.d, quanta.per_event
    filled = np.count_nonzero(term)
    if 2 * filled < len(term):
        nonzero = np.flatnonzero(term)
        term, whole, index, d, per_quantum = term[nonzero], whole[:filled], index[nonzero], d[nonzero], per_quantum[nonzero]
    shape = (target.shape[0], *target.shape[3:])
    for moment in range(highest + 1 if filled else 0):
        if moment:
            term *= d
        sums = np.bincount(index, weights=whole_quanta(term, per_quantum, out=whole), minlength=math.prod(shape))
        target[:, position, moment] += sums.reshape(shape) * quanta.of_nodes
