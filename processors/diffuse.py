"""Events of the diffuse analysis -> histograms that are sufficient for any spectrum (specification 3).

Simulation fills, for each channel, the response with moments in true energy: with x = ln(E_true / 100 TeV), x_e the centre of a true-energy
node and d = x - x_e, the sums M_n = sum a_k d^n for each flux component k and C_n = sum a_k a_l d^n for each pair, n = 0, 1, 2. The weights a
are expected events at the reference flux in the livetime of the data set. Data fill integer counts in the same bins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import hist
import numpy as np
from coffea.processor import ProcessorABC

from configs import diffuse
from configs.errors import InputError
from physics.binning import ChannelBinning, binning, true_energy_edges
from physics.constants import HESE_LIVETIME_S
from processors import effective_area, event_columns, response_fill, unselected
from processors.detector_cells import CellEvents, DetectorCells
from processors.diffuse_layouts import ALL, LAYOUTS, Columns, Layout, Reco, Release, Surrogate, check_lengths, recognise
from processors.diffuse_selection import Selected, check_cuts, check_not_empty, cut_axis, morphologies, select
from processors.event_columns import ANY_WEIGHT, WEIGHT, Place
from processors.exact_sums import node_quanta
from processors.kept_events import EVENTS, check_number, kept_events
from readers.detector_tables import folder_digest
from records.tables import Table

# Every contribution is rounded to whole quanta before it is added, so that sums are exact and do not depend on the chunks (processors.exact_sums).
# Sums are exact up to 2^53 quanta: 64 expected events a cell (class, bin, node) up to 100 TeV, less by E^-1 above, where cells hold far less; for
# products of two weights 8, less by E^-2 above. A weight of 1e-5 events at 100 TeV, or 1e-7 at 10 PeV, changes by less than 1e-9 of itself.
# All that for the livetime of the release; quanta grow and shrink with the livetime as weights do.
WEIGHT_QUANTUM, WEIGHT_POWER = 2.0**-47, 1
PAIR_QUANTUM, PAIR_POWER = 2.0**-50, 2

BLOCK = 1 << 18  # events filled at a time

Hists = dict[str, hist.Hist]


class DiffuseProcessor(ProcessorABC):
    """Fills ``response_<channel>`` (kind mc) or ``data_<channel>`` and the table ``events`` (kind data), and ``cutflow``.

    With ``tables``, the folder of the detector tables, also ``cells_<channel>`` and ``tables``, the count of events within them.

    ``events.metadata`` needs ``kind``, ``filename`` and, for the release's columns, ``livetime_s`` in seconds. The form of the events (release,
    toy, surrogate) is recognised by their columns; ``layout`` names that of the simulation in advance, for the sizes before a run.
    """

    def __init__(self, options: diffuse.Processor | None = None, *, layout: str | None = None, tables: Path | None = None) -> None:
        self.options = options or diffuse.Processor()
        systematics = self.options.systematics
        self.cells = None if systematics is None or tables is None else DetectorCells(systematics, str(tables))
        self.tables_digest = None if tables is None else folder_digest(tables)
        self.layout = layout
        self.channels = binning(self.options.binning)
        self.true_edges_gev = true_energy_edges(self.options.true_energy)
        check_cuts(self.options.selection)

    def axes(self) -> dict[str, tuple[hist.axis.AxisProtocol, ...]]:
        """Axes of every histogram that a run can make; where the layout is not known, those of the largest (release)."""
        layout = LAYOUTS[self.layout or Release().name]
        response = {f"response_{name}": self.response_axes(layout, channel) for name, channel in self.channels.items()}
        data = {f"data_{name}": response_fill.reco_axes(channel) for name, channel in self.channels.items()}
        below = unselected.below_axes(self.channels, self.options.selection)
        data |= {unselected.NAME: below} if below else {}
        return {**response, **data, **self._cell_axes(layout), effective_area.NAME: self._area_axes(layout), "cutflow": (cut_axis(),)}

    def _area_axes(self, layout: Layout) -> tuple[hist.axis.AxisProtocol, ...]:
        return effective_area.area_axes(self._classes(layout), tuple(self.channels), self.true_edges_gev)

    def _classes(self, layout: Layout) -> tuple[str, ...]:
        return layout.classes if self.options.flavours else (ALL,)

    def _cell_axes(self, layout: Layout) -> dict[str, tuple[hist.axis.AxisProtocol, ...]]:
        if self.cells is None:
            return {}
        cells = {f"cells_{name}": self.cells.axes(channel, layout.detector_components) for name, channel in self.channels.items()}
        return {**cells, "tables": self.cells.coverage_axes()}

    def response_axes(self, layout: Layout, channel: ChannelBinning) -> tuple[hist.axis.AxisProtocol, ...]:
        """Axes class, component (with pairs ``a*b``), moment, reco_energy, third axis, true_energy of a channel's response."""
        components = (*layout.components, *(f"{first}*{second}" for first, second in self._pairs(layout)))
        moments = list(range(self.options.moments + 1))
        return (
            response_fill.category("class", self._classes(layout), "Class"),
            response_fill.category("component", components, "Component"),
            response_fill.category("moment", moments, "Moment"),
            *response_fill.reco_axes(channel),
            response_fill.true_energy_axis(self.true_edges_gev),
        )

    def check_columns(self, columns: Iterable[str], metadata: Mapping[str, Any]) -> tuple[Layout, float]:
        """Form and livetime (NaN: none is needed) of a file with these columns; the engine asks before any event is read.

        Raises ``InputError`` for columns of no known form or of another kind than stated, missing ones, and options or metadata that do not suit.
        """
        kind, place, present = metadata.get("kind"), _place(metadata), list(columns)
        layout = recognise(present, kind, place)
        event_columns.require(present, layout.reco if kind == "data" else {**layout.reco, **layout.truth}, place)
        self._check_binning(layout, place)
        if kind == "mc":
            layout.check_reference_index(self.options.reference_index)
        return layout, _livetime(metadata, layout, place)

    def process(self, events: ak.Array) -> dict[str, hist.Hist | Table]:
        """Histograms of one chunk, and the table of its data events. Raises ``InputError`` for events that the specification refuses (section 10)."""
        kind, place = events.metadata.get("kind"), _place(events.metadata)
        layout, livetime_s = self.check_columns(events.fields, events.metadata)
        reco = layout.observables(event_columns.read(events, layout.reco, place))
        check_lengths(reco, place)
        selected, cutflow = select(reco, layout, self.options.selection, self.channels, place)
        if kind == "data":
            hists = {f"data_{name}": response_fill.count_events(self.channels[name], taken.reco_index) for name, taken in selected.items()}
            kept = {EVENTS: kept_events(reco, selected, self.channels, place)} if self.options.keep_events else {}
            return {**hists, **kept, **self._below(reco, layout), "cutflow": cutflow}
        columns = event_columns.read(events, self._truth(layout), place)
        responses = {f"response_{name}": self._response(layout, name, taken, columns, livetime_s, place) for name, taken in selected.items()}
        area = self._area(layout, selected, columns, effective_area.interactions(events), livetime_s)
        return {**responses, **area, **self._cells(layout, selected, columns, reco, livetime_s), "cutflow": cutflow}

    def _below(self, reco: Reco, layout: Layout) -> Hists:
        """Data events below the selection, for figures alone."""
        axes = unselected.below_axes(self.channels, self.options.selection)
        return {unselected.NAME: unselected.count_below(axes, reco, morphologies(reco, layout, self.channels))} if axes else {}

    def postprocess(self, accumulator: Hists) -> Hists:
        """Histograms hold raw sums and stay as they are.

        Raises ``InputError`` with the cut flow when no event of a data set is left, and when there are too many to be kept one by one.
        """
        check_not_empty(accumulator)
        if self.options.keep_events and any(name.startswith("data_") for name in accumulator):
            check_number(int(sum(accumulator[name].sum() for name in accumulator if name.startswith("data_"))), "all files together")
        return accumulator

    def _pairs(self, layout: Layout) -> tuple[tuple[str, str], ...]:
        return () if self.options.pair_moments is None else layout.pairs

    def _truth(self, layout: Layout) -> Mapping[str, event_columns.Quantity]:
        if self.options.negative_weights == "refuse":
            return layout.truth
        return {name: ANY_WEIGHT if quantity is WEIGHT else quantity for name, quantity in layout.truth.items()}

    def _check_binning(self, layout: Layout, place: Place) -> None:
        if isinstance(layout, Surrogate) and self.channels != binning("surrogate"):
            raise InputError(
                f"{place.filename}: the surrogate response exists in its own bins only, where double cascades have no length; "
                "set processor.binning: surrogate"
            )

    def _response(self, layout: Layout, name: str, taken: Selected, columns: Columns, livetime_s: float, place: Place) -> hist.Hist:
        """The response of one channel; events are added in blocks, which bounds the memory of intermediate arrays."""
        response = hist.Hist(*self.response_axes(layout, self.channels[name]), storage=hist.storage.Double())
        target = response.view(flow=True)
        n_classes, n_reco = len(target), math.prod(target.shape[3:5])
        for start in range(0, len(taken.positions), BLOCK):
            part = taken.part(start, start + BLOCK)
            chosen = {column: values[part.positions] for column, values in columns.items()}
            weights = layout.weights(chosen, livetime_s, self.options.reference_index)
            self._check_true_energy(layout, chosen["primaryEnergy"], weights, part, place)
            class_index = layout.class_index(chosen) if n_classes > 1 else 0
            cells = response_fill.Cells.of(self.true_edges_gev, chosen["primaryEnergy"], part.reco_index, n_reco, class_index, n_classes)
            response_fill.add_terms(target, cells, self._terms(layout, cells, weights, _power_of_two(livetime_s / HESE_LIVETIME_S)))
        return response

    def _area(
        self, layout: Layout, selected: Mapping[str, Selected], columns: Columns, interaction: response_fill.Indices, livetime_s: float
    ) -> Hists:
        """The effective area; none where the weights contain a livetime that is not stated."""
        weight = layout.area_weight(columns, livetime_s)
        if np.isnan(weight).any():
            return {}
        inside = {name: response_fill.in_bins(self.channels[name], taken.reco_index) for name, taken in selected.items()}
        topology = effective_area.topologies(selected, inside, len(weight))
        classes = layout.class_index(columns) if len(self._classes(layout)) > 1 else np.zeros(len(weight), dtype=np.intp)
        return {
            effective_area.NAME: effective_area.fill_area(self._area_axes(layout), classes, interaction, topology, columns["primaryEnergy"], weight)
        }

    def _cells(self, layout: Layout, selected: Mapping[str, Selected], columns: Columns, reco: Reco, livetime_s: float) -> Hists:
        """Cell averages of every channel, and how many events lie in the detector tables."""
        if self.cells is None:
            return {}
        coverage = hist.Hist(*self.cells.coverage_axes(), storage=hist.storage.Int64())
        filled = {}
        for name, taken in selected.items():
            cells = self.cells.empty(self.channels[name], layout.detector_components)
            for start in range(0, len(taken.positions), BLOCK):
                part = taken.part(start, start + BLOCK)
                chosen = {column: values[part.positions] for column, values in columns.items()}
                weights = layout.weights(chosen, livetime_s, self.options.reference_index)
                at = part.positions
                length_m = None if reco.length_m is None else reco.length_m[at]
                events = CellEvents(part.reco_index, layout.flavour_index(chosen), reco.energy_gev[at], reco.coszen[at], length_m, weights)
                self.cells.fill(cells, coverage, self.channels[name], events, _power_of_two(livetime_s / HESE_LIVETIME_S))
            filled[f"cells_{name}"] = cells
        return {**filled, "tables": coverage}

    def _terms(
        self, layout: Layout, cells: response_fill.Cells, weights: Mapping[str, response_fill.Array], exposure: float
    ) -> list[response_fill.Term]:
        """Every component, then every pair, in the order of the component axis; ``exposure``: power of two near the livetime over the release's."""
        nodes_gev = self.true_edges_gev[:-1]
        single = response_fill.Quanta.at(node_quanta(WEIGHT_QUANTUM * exposure, nodes_gev, WEIGHT_POWER), cells.node)
        double = response_fill.Quanta.at(node_quanta(PAIR_QUANTUM * exposure**2, nodes_gev, PAIR_POWER), cells.node)
        terms = [response_fill.Term((weights[name],), self.options.moments, single) for name in layout.components]
        highest = self.options.pair_moments or 0
        return terms + [response_fill.Term((weights[first], weights[second]), highest, double) for first, second in self._pairs(layout)]

    def _check_true_energy(self, layout: Layout, energy_gev: event_columns.Array, weights: Mapping[str, Any], taken: Selected, place: Place) -> None:
        """Refuse true energies outside the nodes, where the energy matters (components without a spectrum of their own go to the end nodes)."""
        low, high = self.true_edges_gev[0], self.true_edges_gev[-1]
        outside = np.flatnonzero((energy_gev < low) | (energy_gev > high))
        matters = np.any([weights[component][outside] != 0 for component in layout.energy_dependent], axis=0)
        wrong = outside[matters]
        if len(wrong):
            raise InputError(
                f"{place.filename}: {len(wrong)} selected event(s) with true energies outside the nodes, {low:g} to {high:g} GeV: smallest "
                f"{energy_gev[wrong].min():g}, largest {energy_gev[wrong].max():g} GeV, first at {place.entry(taken.positions[wrong[0]])}; "
                f"widen processor.true_energy (min_gev, max_gev){'; is it in TeV?' if energy_gev[wrong].max() < low else ''}"
            )


def _power_of_two(ratio: float) -> float:
    """The power of two nearest to a positive ratio in its logarithm; 1 where the ratio is not known."""
    return 2.0 ** round(math.log2(ratio)) if math.isfinite(ratio) else 1.0


def _place(metadata: Mapping[str, Any]) -> Place:
    return Place(str(metadata.get("filename", "events")), int(metadata.get("entrystart", 0)))


def _livetime(metadata: Mapping[str, Any], layout: Layout, place: Place) -> float:
    """Livetime in seconds; required with the release's columns, whose weights are rates. In the other forms the weights contain it."""
    livetime_s = metadata.get("livetime_s")
    if livetime_s is None and not isinstance(layout, Release):
        return math.nan
    if isinstance(livetime_s, bool) or not isinstance(livetime_s, int | float) or not 0 < livetime_s < math.inf:
        found = "is absent" if livetime_s is None else f"is {livetime_s!r}"
        raise InputError(f"{place.filename}: metadata.livetime_s {found}; give the livetime of the data set in seconds, a positive number")
    return float(livetime_s)
