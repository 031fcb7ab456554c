"""Cell averages of detector systematics: what each parameter does to the expected events of a component and a flavour in an analysis bin.

D[component, flavour, node, bin] = sum over events of a_k 10^(S(reco, node) - S(reco, nominal)), with ``nominal`` (factor 1) as one more node.
The mean factor T = D[node] / D[nominal] stands for the factors of single events in fits (``fits.detector_factors``; specification diffuse 4.3).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import hist
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from configs.diffuse import Systematics
from physics.binning import ChannelBinning
from physics.detector_systematics import FLAVOURS, SYSTEMATICS, Systematic, table_component
from physics.spline_table import SplineTable
from processors.exact_sums import node_quanta
from processors.response_fill import category, reco_axes
from readers.detector_tables import detector_table, parameter_nodes

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

ALL_FLAVOURS = (*FLAVOURS, "all")  # all: an atmosphere whose flavours are not told apart
NOMINAL = "nominal"
BLOCK = 1 << 15  # events at a time: a table of some 100 factors each
# As the response's, finer with the reconstructed energy: atmospheric weights fall steeper than astrophysical ones. Up to 64 events a cell are exact.
CELL_QUANTUM, CELL_POWER = 2.0**-47, 2
LN10 = math.log(10.0)


@dataclass(frozen=True)
class CellEvents:
    """Events of one channel: flat reconstructed bin, index into ``ALL_FLAVOURS`` (-1: no detector tables), coordinates, weights by component."""

    reco_index: Indices
    flavour: Indices
    energy_gev: Array
    coszen: Array
    length_m: Array | None
    weights: Mapping[str, Array]


@dataclass(frozen=True)
class DetectorCells:
    """Fills the cell averages of the systematics asked for from the tables below ``folder``."""

    options: Systematics
    folder: str

    @property
    def systematics(self) -> tuple[Systematic, ...]:
        """Those asked for."""
        return tuple(one for name, one in SYSTEMATICS.items() if getattr(self.options, name))

    def nodes(self, channel: str) -> list[tuple[Systematic, float]]:
        """Every tabulated value of every parameter."""
        return [(one, value) for one in self.systematics for value in parameter_nodes(self.folder, one.name, channel)]

    def axes(self, channel: ChannelBinning, components: tuple[str, ...]) -> tuple[hist.axis.AxisProtocol, ...]:
        """Axes component, flavour, node (``nominal``, then ``parameter=value``), reco_energy, third axis."""
        labels = (NOMINAL, *(f"{one.name}={value!r}" for one, value in self.nodes(channel.channel)))
        return (
            category("component", components, "Component"),
            category("flavour", ALL_FLAVOURS, "Flavour"),
            category("node", labels, "Value of the detector parameter"),
            *reco_axes(channel),
        )

    def coverage_axes(self) -> tuple[hist.axis.AxisProtocol, ...]:
        """Axes of the count of events outside the tables."""
        return category("systematic", tuple(one.name for one in self.systematics), "Detector parameter"), category(
            "place", ("inside", "outside"), "Within the table"
        )

    def empty(self, channel: ChannelBinning, components: tuple[str, ...]) -> hist.Hist:
        """The histogram of a channel."""
        return hist.Hist(*self.axes(channel, components), storage=hist.storage.Double())

    def fill(self, cells: hist.Hist, coverage: hist.Hist, channel: ChannelBinning, events: CellEvents, exposure: float) -> None:
        """Add events to the histogram of a channel and count those outside tables; ``exposure`` scales the quanta of exact sums with the livetime."""
        energy_edges = np.asarray(channel.energy_edges_gev)
        by_energy = node_quanta(CELL_QUANTUM * exposure, np.concatenate([energy_edges[:1], energy_edges]), CELL_POWER)
        target = cells.view(flow=True)
        components = list(cells.axes["component"])
        for start in range(0, len(events.reco_index), BLOCK):
            self._fill_block(target, channel.channel, components, _part(events, slice(start, start + BLOCK)), by_energy)
        self._count(coverage, channel.channel, events)

    def _fill_block(self, target: Array, channel: str, components: list[str], events: CellEvents, by_energy: Array) -> None:
        for flavour in np.unique(events.flavour[events.flavour >= 0]):
            by_table: dict[str, list[int]] = {}
            for position, component in enumerate(components):
                by_table.setdefault(table_component(component, ALL_FLAVOURS[flavour]), []).append(position)
            for table, positions in by_table.items():
                weighted = np.any([events.weights[components[position]] != 0 for position in positions], axis=0)
                here = _part(events, np.flatnonzero(weighted & (events.flavour == flavour)))
                if len(here.reco_index):
                    factors = self._factors(channel, table, here)
                    for position in positions:
                        _add(target[position, flavour], here.reco_index, here.weights[components[position]], factors, by_energy)

    def _count(self, coverage: hist.Hist, channel: str, events: CellEvents) -> None:
        """Count events within and outside the tables of their flavour (astro; conventional where flavours are not told apart)."""
        for flavour in np.unique(events.flavour[events.flavour >= 0]):
            here = _part(events, np.flatnonzero(events.flavour == flavour))
            component = table_component("astro" if flavour < len(FLAVOURS) else "atmo", ALL_FLAVOURS[flavour])
            for row, one in enumerate(self.systematics):
                _, inside = _coordinates(one, detector_table(self.folder, one.name, component, channel), channel, here)
                n_inside = np.count_nonzero(inside)
                coverage.view()[row] += np.array([n_inside, len(inside) - n_inside])

    def _factors(self, channel: str, component: str, events: CellEvents) -> Array:
        """(events, nodes + 1) factors, 1 at the nominal point."""
        columns = [np.ones((len(events.reco_index), 1))]
        for one in self.systematics:
            table = detector_table(self.folder, one.name, component, channel)
            values = np.array(parameter_nodes(self.folder, one.name, channel))
            places, inside = _coordinates(one, table, channel, events)
            ratio = np.ones((len(inside), len(values)))
            known = np.all(np.isfinite(places), axis=0)
            used = np.flatnonzero(known if self.options.outside == "clip" else inside)
            ratio[used] = _ratios(table, [place[used] for place in places], values, one.nominal)
            columns.append(ratio)
        return np.concatenate(columns, axis=1)


def _coordinates(one: Systematic, table: SplineTable, channel: str, events: CellEvents) -> tuple[list[Array], NDArray[np.bool_]]:
    """Coordinates in a table, and whether events lie within it. Double cascades without a length lie outside tables in length."""
    missing = np.full(len(events.reco_index), np.nan)
    length = missing if events.length_m is None else np.log10(events.length_m)
    known = {"log10_energy": np.log10(events.energy_gev), "coszen": events.coszen, "log10_length": length}
    places = [known[axis] for axis in one.axes(channel)]
    inside = table.contains(*places)
    if one.log10_length_max is not None and "log10_length" in one.axes(channel):
        inside &= length <= one.log10_length_max
    return places, inside


def _ratios(table: SplineTable, places: list[Array], values: Array, nominal: float) -> Array:
    """10^(S(value) - S(nominal)), shape (events, values). Summed term by term: the same bits whatever events stand beside an event."""
    basis = table.last_axis_basis(values) - table.last_axis_basis([nominal])
    coefficients = table.last_axis_coefficients(*places)
    exponent = np.zeros((len(coefficients), len(values)))
    for column, row in zip(coefficients.T, basis, strict=True):
        exponent += column[:, None] * row
    exponent *= LN10
    return np.exp(exponent, out=exponent)


def _add(target: Array, reco_index: Indices, weight: Array, factors: Array, by_energy: Array) -> None:
    """Add weight x factor to ``target`` (node, energy, third axis), flow included, in whole quanta."""
    n_energy = len(by_energy)
    quantum = by_energy[reco_index % n_energy]
    whole = np.rint(weight[:, None] * factors / quantum[:, None])
    occupied, row = np.unique(reco_index, return_inverse=True)
    n = len(reco_index)
    sums = csr_array((np.ones(n), (row, np.arange(n))), shape=(len(occupied), n)) @ whole
    third, energy = np.divmod(occupied, n_energy)
    target[:, energy, third] += (sums * by_energy[energy][:, None]).T


def _part(events: CellEvents, chosen: slice | Indices) -> CellEvents:
    return CellEvents(
        events.reco_index[chosen],
        events.flavour[chosen],
        events.energy_gev[chosen],
        events.coszen[chosen],
        None if events.length_m is None else events.length_m[chosen],
        {name: weight[chosen] for name, weight in events.weights.items()},
    )
