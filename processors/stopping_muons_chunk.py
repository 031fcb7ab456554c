"""One chunk of selected events of ``stopping_muons`` on its way into histograms: responses, effective areas, figures of merit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from physics.ice_geometry import Cylinder
from processors.stopping_muons_axes import CLASSES, TILT
from processors.stopping_muons_columns import MuonColumns
from processors.stopping_muons_cuts import ALL
from processors.stopping_muons_preparation import CORRELATED, Preparation
from processors.stopping_muons_setup import MUONS, SCORE, SNOWSTORM, STOPPING, TRUTH
from processors.stopping_muons_showers import SPLIT, replica_sums, uniform
from processors.stopping_muons_sums import counted, positions, summed, weighted

Array = NDArray[np.float64]
Index = NDArray[np.intp]
Hists = dict[str, hist.Hist]

MEAN_AREA_M2 = 2.0**21  # of the generation cylinder, to a factor of two: scale of weights over area


class Chunk:
    """One chunk of events on its way into histograms."""

    def __init__(self, columns: MuonColumns, preparation: Preparation, axes: Mapping[str, tuple[Any, ...]]) -> None:
        self.columns, self.setup, self.preparation, self.axes = columns, columns.setup, preparation, axes
        self.quanta = preparation.quanta

    @cached_property
    def chosen(self) -> Index:
        """Selected events."""
        return np.flatnonzero(self.columns.flow.kept)

    @cached_property
    def weight(self) -> Array:
        """Of the selected events."""
        return self.columns.weight_hz[self.chosen]

    @cached_property
    def members(self) -> NDArray[np.bool_]:
        """(1 + sectors, selected events): all, and who is in each sector."""
        return self.columns.members(self.chosen)

    @cached_property
    def split_numbers(self) -> Array:
        """In [0, 1), of the showers of the selected events: which part of the simulation they are in."""
        return uniform(self.columns.showers[self.chosen], SPLIT)

    def truth(self, target: str) -> Array:
        """Of the selected events."""
        return self.columns[TRUTH[target]][self.chosen]

    @cached_property
    def proxies(self) -> dict[str, Index]:
        """Target -> proxy bin of the selected events."""
        columns = {name: self.columns[name][self.chosen] for name in self.setup.observables}
        return {target: self.preparation.bins(target).apply(columns) for target in self.setup.targets}

    @cached_property
    def tilts(self) -> tuple[Array, Array]:
        """Weights of the other two spectra over the nominal ones, of the selected events."""
        return self.columns.tilts(self.chosen, TILT)

    def cutflow(self) -> hist.Hist:
        """Events and rate after each step."""
        axes = self.axes["cutflow"]
        masks = {ALL: np.ones(len(self.columns), bool), **self.columns.flow.cumulative()}
        place = np.repeat(np.arange(len(masks)), [int(mask.sum()) for mask in masks.values()])
        events = np.concatenate([np.flatnonzero(mask) for mask in masks.values()])
        weight = self.columns.weight_hz[events] if self.setup.simulated else np.zeros(len(events))
        filled = hist.Hist(*axes, storage=hist.storage.Double())
        for number, terms in enumerate((np.ones(len(events)), weight)):
            filled.view()[:, number] = summed(axes[:1], (place,), terms, 1.0 if number == 0 else self.quanta.weight).view()
        return filled

    def by_sector(self, members: NDArray[np.bool_], *values: NDArray[Any]) -> tuple[Any, ...]:
        """Number of the sector, and the values, once for each sector that an event is in."""
        sector, event = np.nonzero(members)
        return (sector, *(value[event] for value in values))

    def counts(self) -> Hists:
        """Of data, by proxy bin."""
        return {
            f"counts_{target}": counted(self.axes[f"counts_{target}"], self.by_sector(self.members, self.proxies[target]))
            for target in self.setup.targets
        }

    def responses(self) -> Hists:
        """By proxy and truth bin: of the response sample (nominal) or of all selected events, of the test sample, and of other spectra."""
        found: Hists = {}
        for target in self.setup.targets:
            if self.setup.role != "nominal":
                found |= self._response(f"response_{target}", target, np.ones(len(self.chosen), bool), 1.0)
                continue
            response, share = self._split("response")
            found |= self._response(f"response_{target}", target, response, share)
            found |= self._response(f"pseudo_{target}", target, *self._split("test"))
            if (name := f"tilted_{target}") in self.axes:
                values = (self.proxies[target][response], self.truth(target)[response])
                found[name] = self._tilted(name, values, self.weight[response] / share, response)
        if self.setup.role == "snowstorm":
            found |= self._snowstorm()
        return found

    def _split(self, name: str) -> tuple[NDArray[np.bool_], float]:
        """Which selected events are in a part of the simulation, and what share of all that is."""
        low, high = self.preparation.bounds[name]
        return (self.split_numbers >= low) & (self.split_numbers < high), self.preparation.fractions[name]

    def _response(self, name: str, target: str, taken: NDArray[np.bool_], share: float) -> Hists:
        members = self.members[:, taken]
        sector, proxy, truth, weight = self.by_sector(members, self.proxies[target][taken], self.truth(target)[taken], self.weight[taken] / share)
        return {name: weighted(self.axes[name], (sector, proxy, truth), weight, self.quanta)}

    def _tilted(self, name: str, values: tuple[Any, ...], weight: Array, taken: Any, scale: float = 1.0) -> hist.Hist:
        number = len(weight)
        tilt = np.repeat([0, 1], number)
        both = np.concatenate([weight * one[taken] for one in self.tilts])
        return weighted(self.axes[name], (tilt, *(np.tile(value, 2) for value in values)), both, self.quanta.times(scale))

    def _snowstorm(self) -> Hists:
        found = {}
        for target in self.setup.targets:
            axes = self.axes[f"snowstorm_{target}"]
            filled = hist.Hist(*axes, storage=hist.storage.Weight())
            for number, parameter in enumerate(self.setup.parameters):
                x = self.columns[f"{SNOWSTORM}{parameter}"][self.chosen]
                for moment in (0, 1, 2):
                    values = (self.proxies[target], self.truth(target))
                    filled.view(flow=True)[number, moment] = weighted(axes[2:], values, self.weight * x**moment, self.quanta).view(flow=True)
            found[f"snowstorm_{target}"] = filled
        return found

    def numerators(self) -> Hists:
        """Selected events by truth bin: nominal and replicas, other spectra, those that do not stop."""
        found: Hists = {}
        for target in self.setup.targets:
            truth = self.truth(target)
            found[f"aeff_num_{target}"] = self._replicas(f"aeff_num_{target}", self.members, truth, self.weight, 1.0)
            if (name := f"aeff_tilted_num_{target}") in self.axes:
                found[name] = self._tilted(name, (truth,), self.weight, slice(None))
            if (name := f"aeff_cross_{target}") in self.axes:
                found[name] = summed(self.axes[name], (truth,), self.weight**2 / self._area_m2(), self.quanta.square / MEAN_AREA_M2)
            if (name := f"impurity_{target}") in self.axes:
                stopping = (self.columns[STOPPING][self.chosen] > 0.5).astype(int)
                found[name] = weighted(self.axes[name], (stopping, truth), self.weight, self.quanta)
        return found

    def denominators(self) -> Hists:
        """Generated muons over the area that they are generated on, by truth bin."""
        found: Hists = {}
        weight = self.weight / self._area_m2()
        for target in self.setup.targets:
            truth = self.truth(target)
            filled = self._replicas(f"aeff_den_{target}", np.ones((1, len(truth)), bool), truth, weight, 1 / MEAN_AREA_M2)
            found[f"aeff_den_{target}"] = filled
            if (name := f"aeff_tilted_den_{target}") in self.axes:
                found[name] = self._tilted(name, (truth,), weight, slice(None), 1 / MEAN_AREA_M2)
        return found

    def _area_m2(self) -> Array:
        """Of the generation cylinder, seen from the direction of each selected muon."""
        radius, length = self.setup.generation_cylinder
        return Cylinder(radius, length / 2).projected_area_m2(self.columns["cos_zenith"][self.chosen])

    def _replicas(self, name: str, members: NDArray[np.bool_], truth: Array, weight: Array, scale: float) -> hist.Hist:
        """By group (where the histogram has an axis of sectors), replica and truth bin; replica 0 are the weights themselves."""
        axes, quanta = self.axes[name], self.quanta.times(scale)
        filled = hist.Hist(*axes, storage=hist.storage.Weight())
        cell = positions(axes[-1], truth)
        terms, squares = np.rint(weight / quanta.weight), np.rint(weight**2 / quanta.square)
        shape = (len(members), self.setup.replicas, axes[-1].extent)
        replicas = replica_sums(self.columns.showers[self.chosen], cell, members, terms, squares, shape)
        sector, event = np.nonzero(members)
        for place, (part, one, quantum) in enumerate((("value", terms, quanta.weight), ("variance", squares, quanta.square))):
            nominal = np.bincount(sector * shape[2] + cell[event], one[event], minlength=shape[0] * shape[2]).reshape(shape[0], 1, shape[2])
            filled.view(flow=True)[part] = (np.concatenate([nominal, replicas[place]], axis=1) * quantum).reshape(filled.view(flow=True).shape)
        return filled

    def reconstruction(self) -> Hists:
        """Score, multiplicity, correlations, and observables of data and simulation."""
        found: Hists = {}
        before = np.flatnonzero(self.columns.before_score_cut() & np.isfinite(self.columns[SCORE])) if "score" in self.axes else self.chosen
        if "score" in self.axes:
            found["score"] = weighted(self.axes["score"], (self.columns[SCORE][before], self._classes(before)), self._weight_of(before), self.quanta)
        if "multiplicity" in self.axes:
            values = (self.columns[MUONS][before], self.columns[SCORE][before])
            found["multiplicity"] = weighted(self.axes["multiplicity"], values, self._weight_of(before), self.quanta)
        for name, wanted in self.axes.items():
            kind, _, quantity = name.partition("_")
            if kind == "datamc":
                found[name] = weighted(wanted, (self.columns[quantity][self.chosen],), self._weight_of(self.chosen), self.quanta)
            elif kind == "corr":
                found[name] = self._correlation(name, quantity)
        return found

    def _classes(self, events: Index) -> Index:
        """Position among ``CLASSES``."""
        if not self.setup.simulated:
            return np.full(len(events), CLASSES.index("data"))
        return np.where(self.columns[STOPPING][events] > 0.5, 0, 1)

    def _weight_of(self, events: Index) -> Array:
        return self.columns.weight_hz[events] if self.setup.simulated else np.ones(len(events))

    def _correlation(self, name: str, quantity: str) -> hist.Hist:
        """Of selected events that stop."""
        stopping = self.chosen[self.columns[STOPPING][self.chosen] > 0.5]
        true, reco, _ = CORRELATED[quantity]
        value = self.columns[true][stopping]
        values = (np.arccos(value) if quantity == "zenith" else value, self.columns[reco][stopping])
        return weighted(self.axes[name], values, self.columns.weight_hz[stopping], self.quanta)
