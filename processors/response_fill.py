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
    """Flat index of each event into the (third axis, energy) bins of a channel, flow bins included: the order in which histograms are stored."""
    n_energy = channel.shape[0] + 2
    return bin_index(channel.third_edges, third) * n_energy + bin_index(channel.energy_edges_gev, energy_gev)


def _counts(channel: ChannelBinning, index: Indices) -> NDArray[np.int64]:
    shape = channel.shape[1] + 2, channel.shape[0] + 2
    return np.bincount(index, minlength=math.prod(shape)).reshape(shape)


def in_bins(channel: ChannelBinning, index: Indices) -> NDArray[np.bool_]:
    """Which events are neither under- nor overflow."""
    third, energy = np.divmod(index, channel.shape[0] + 2)
    return (energy >= 1) & (energy <= channel.shape[0]) & (third >= 1) & (third <= channel.shape[1])


def count_in_bins(channel: ChannelBinning, index: Indices) -> int:
    """Number of events that are neither under- nor overflow."""
    return int(_counts(channel, index)[1:-1, 1:-1].sum())


def count_events(channel: ChannelBinning, index: Indices) -> hist.Hist:
    """The Int64 histogram of data events."""
    counts = hist.Hist(*reco_axes(channel), storage=hist.storage.Int64())
    counts.view(flow=True)[...] = _counts(channel, index).T
    return counts


@dataclass(frozen=True)
class Cells:
    """Where events fall. A cell is a flat index into (node, third axis, energy), in the order in which histograms are stored.

    ``occupied``: the cells with events; ``row``: position of each event's cell among them, times the number of classes, plus its class;
    ``node``: of each event; ``node_of_cell``: of each occupied cell; ``d``: ln E - node centre of each event.
    """

    occupied: Indices
    row: Indices
    node: Indices
    node_of_cell: Indices
    d: Array

    @classmethod
    def of(cls, edges_gev: Array, energy_gev: Array, reco: Indices, n_reco: int, class_index: Indices | int, n_classes: int) -> Cells:
        """Cells of events with true energies ``energy_gev``, flat indices ``reco`` into ``n_reco`` reconstructed bins, and classes.

        An energy outside the nodes goes to the nearest one with d = 0 (it has no moments there).
        """
        n_nodes = len(edges_gev) - 1
        node = np.clip(bin_index(edges_gev, energy_gev) - 1, 0, n_nodes - 1)
        d = np.log(energy_gev / PIVOT_GEV)
        d -= node_centres(edges_gev)[node]
        d[(energy_gev < edges_gev[0]) | (energy_gev > edges_gev[-1])] = 0.0
        cell = node * n_reco + reco
        occupied = np.flatnonzero(np.bincount(cell, minlength=n_nodes * n_reco))
        place = np.zeros(n_nodes * n_reco, dtype=np.intp)
        place[occupied] = np.arange(len(occupied))
        return cls(occupied, place[cell] * n_classes + class_index, node, occupied // n_reco, d)


@dataclass(frozen=True)
class Quanta:
    """The grid to which the terms of a sum are rounded: a power of two for each node, and its inverse for each event."""

    of_nodes: Array
    per_event: Array

    @classmethod
    def at(cls, of_nodes: Array, node: Indices) -> Quanta:
        """The grid for events in the given nodes."""
        return cls(of_nodes, np.take(1.0 / of_nodes, node))


@dataclass(frozen=True)
class Term:
    """What fills one position of the component axis: sums of weight * d^n, n = 0 ... ``highest``; the weight is the product of ``factors``."""

    factors: tuple[Array, ...]
    highest: int
    quanta: Quanta


def add_terms(target: Array, cells: Cells, terms: Sequence[Term]) -> None:
    """Add the sums of every term to ``target`` (class, component, moment, energy, third axis, node), the flow view of a histogram.

    Terms are rounded to whole quanta: sums are exact, whatever the order of events. Only occupied cells are worked on.
    """
    n_classes, n_moments = target.shape[0], target.shape[2]
    sums = np.zeros((n_moments, len(terms), len(cells.occupied), n_classes))
    scratch = np.empty((2, len(cells.d)))
    for position, term in enumerate(terms):
        _sum_moments(sums[:, position], cells, term, scratch)
    stored = target.T.reshape(-1, n_moments, len(terms), n_classes)  # a view: the first axis of a histogram varies fastest in memory
    stored[cells.occupied] += sums.transpose(2, 0, 1, 3)


def _sum_moments(sums: Array, cells: Cells, term: Term, scratch: Array) -> None:
    """Fill ``sums`` (moment, occupied cell, class); ``scratch`` (2, events) is overwritten."""
    power, whole = scratch
    np.copyto(power, term.factors[0])
    for factor in term.factors[1:]:
        power *= factor
    row, d, per_quantum = cells.row, cells.d, term.quanta.per_event
    filled = np.count_nonzero(power)
    if 2 * filled < len(power):
        nonzero = np.flatnonzero(power)
        power, whole, row, d, per_quantum = power[nonzero], whole[:filled], row[nonzero], d[nonzero], per_quantum[nonzero]
    quantum = term.quanta.of_nodes[cells.node_of_cell, np.newaxis]
    for moment in range(term.highest + 1 if filled else 0):
        if moment:
            power *= d
        counts = np.bincount(row, weights=whole_quanta(power, per_quantum, out=whole), minlength=sums[0].size)
        np.multiply(counts.reshape(sums[0].shape), quantum, out=sums[moment])
