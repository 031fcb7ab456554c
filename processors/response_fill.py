"""Filling of response and data histograms from flat bin indices: one ``bincount`` for each component and moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from physics.binning import ChannelBinning, bin_index, node_centres
from physics.constants import PIVOT_GEV
from processors.exact_sums import rounded

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
    energy, third = np.divmod(index, channel.shape[1] + 2)
    n_energy, n_third = channel.shape
    return int(np.count_nonzero((energy >= 1) & (energy <= n_energy) & (third >= 1) & (third <= n_third)))


def count_events(channel: ChannelBinning, index: Indices) -> hist.Hist:
    """The Int64 histogram of data events."""
    counts = hist.Hist(*reco_axes(channel), storage=hist.storage.Int64())
    view = counts.view(flow=True)
    view[...] = np.bincount(index, minlength=view.size).reshape(view.shape)
    return counts


def true_energy_index(edges_gev: Array, energy_gev: Array) -> tuple[Indices, Array]:
    """Node of each true energy and d = ln(E / 100 TeV) - node centre; an energy outside goes to the nearest node, with d = 0 (no moments)."""
    node = np.clip(bin_index(edges_gev, energy_gev) - 1, 0, len(edges_gev) - 2)
    d = np.log(energy_gev / PIVOT_GEV)
    d -= node_centres(edges_gev)[node]
    d[(energy_gev < edges_gev[0]) | (energy_gev > edges_gev[-1])] = 0.0
    return node, d


def fill_moments(target: Array, position: int, index: Indices, weight: Array, d: Array, highest: int, quantum: float) -> None:
    """Add sum of weight * d^n, n = 0 ... ``highest``, to ``target`` (class, component, moment, energy, third axis, node) at a component's position.

    ``index`` is the flat index of each event into (class, energy, third axis, node). Terms are rounded to ``quantum``: sums are exact.
    """
    filled = np.count_nonzero(weight)
    if 2 * filled < len(weight):
        nonzero = np.flatnonzero(weight)
        index, weight, d = index[nonzero], weight[nonzero], d[nonzero]
    shape = (target.shape[0], *target.shape[3:])
    term, grid = weight, np.empty_like(weight)
    for moment in range(highest + 1 if filled else 0):
        term = weight if moment == 0 else term * d
        sums = np.bincount(index, weights=rounded(term, quantum, out=grid), minlength=int(np.prod(shape)))
        target[:, position, moment] = sums.reshape(shape)
