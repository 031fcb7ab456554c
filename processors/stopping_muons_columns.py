"""Saved columns of a chunk of events as arrays, with the quantities derived from them, the selection, and the keys of the showers.

A missing object or a value that is not finite is NaN; such events are left out and counted, except in weights, where they are an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from physics.muon_range import TOY_ICE, propagation_length_m
from processors import event_columns
from processors import stopping_muons_labels as labels
from processors.event_columns import Place
from processors.stopping_muons_cuts import FILTER, FINITE, CutFlow, passed, words
from processors.stopping_muons_setup import ENERGY, FROM, MUONS, SCORE, STOPPING, MuonSetup
from processors.stopping_muons_showers import Keys, shower_keys

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.intp]


class MuonColumns:
    """The columns of one chunk, each read or computed when it is first asked for."""

    def __init__(self, events: ak.Array, setup: MuonSetup) -> None:
        self.events, self.setup = events, setup
        about = events.metadata
        self.place = Place(str(about.get("filename", "events")), int(about.get("entrystart", 0)))
        self._found: dict[str, Array] = {}

    def __len__(self) -> int:
        return len(self.events) if self._event is None else len(self._event)

    def __getitem__(self, name: str) -> Array:
        if name not in self._found:
            self._found[name] = self._made(name)
        return self._found[name]

    def _made(self, name: str) -> Array:
        if name in self.setup.columns:
            return self._numbers(name)
        if name in FROM:
            return self._derived(name)
        if name in (STOPPING, MUONS):
            return self._labels[name]
        raise InputError(f"{self.place.filename}: {name!r} is neither saved nor derived")

    def _numbers(self, name: str) -> Array:
        column = self.events[name]
        if self._event is not None:
            column = ak.flatten(ak.fill_none(column, [], axis=0)) if column.ndim == 2 else column[self._event]
        values = np.asarray(ak.to_numpy(ak.fill_none(column, np.nan, axis=0), allow_missing=False))
        if values.ndim != 1 or values.dtype.kind not in "iufb" or len(values) != len(self):
            raise InputError(f"{self.place.filename}: {self.setup.stored(name)} holds {ak.type(column).content}, expected one number per event")
        return values.astype(np.float64)

    @cached_property
    def _event(self) -> Index | None:
        """Of untriggered simulation with lists of muons: the event of each muon; what belongs to the event is that of all its muons."""
        lists = [name for name in self.setup.checked if self.setup.role == "untriggered" and self.events[name].ndim == 2]
        return np.repeat(np.arange(len(self.events)), ak.num(ak.fill_none(self.events[lists[0]], [], axis=0), axis=1)) if lists else None

    def _derived(self, name: str) -> Array:
        """Quantities of specification 2.5."""
        with np.errstate(invalid="ignore", over="ignore"):
            if name == "cos_zenith_reco":
                return np.cos(self["zenith_reco"])
            if name == "propagation_length_reco":
                return propagation_length_m(self["stop_z_reco"], self["cos_zenith_reco"], flat=self.setup.flat)
            return TOY_ICE.energy_gev(self["propagation_length_reco"])

    @cached_property
    def _labels(self) -> dict[str, Array]:
        """Computed from lists of muons."""
        wanted = (*labels.TRACK, *([labels.ENERGY] if self.setup.label_rule == "leading" else []))
        muons = {name: self.events[name] for name in wanted}
        stopping, number = labels.labels(muons, self.setup.label_rule, labels.volume(self.setup.label_volume))
        return {STOPPING: stopping.astype(float), MUONS: number.astype(float)}

    @cached_property
    def weight_hz(self) -> Array:
        """Weights. Raises ``InputError`` for negative ones and those that are not finite."""
        name = self.setup.model
        weight = self._numbers(name) / self.setup.nfiles
        wrong = ~(np.isfinite(weight) & (weight >= 0.0))
        if wrong.any():
            first = np.flatnonzero(wrong)[0]
            raise InputError(
                f"{self.place.filename}: weights {self.setup.stored(name)}: {np.count_nonzero(wrong)} of {len(weight)} are negative or not finite, "
                f"first {weight[first]:g} at {self.place.entry(first)}; a weight is a rate in Hz"
            )
        return weight

    @cached_property
    def showers(self) -> Keys:
        """A key for the shower of each event: of the file's name, Run and Event (of formats without them, the entry)."""
        run, event = (self.events[name] if name in self.events.fields else None for name in ("Run", "Event"))
        label = self.setup.labels.get(self.place.filename, self.place.filename)
        number = np.arange(len(self.events)) + self.place.entrystart if event is None else np.asarray(event)
        keys = shower_keys(label, np.zeros(len(number), np.int64) if run is None else np.asarray(run), number, self.setup.seed)
        return keys if self._event is None else keys[self._event]

    @cached_property
    def filtered(self) -> Mask:
        """Whether both entries of the filter mask (condition and prescale) are true; a missing one is not."""
        name = self.setup.filtermask
        assert name is not None
        column = self.events[name]
        both = ak.all(column != 0, axis=1) if column.ndim == 2 else column != 0
        return np.asarray(ak.fill_none(both, False))

    @cached_property
    def flow(self) -> CutFlow:
        """The selection: filter, finite values, cuts."""
        steps = {FILTER: self.filtered} if self.setup.filtermask else {}
        finite = [np.isfinite(self[name]) for name in self.setup.checked]
        steps[FINITE] = np.logical_and.reduce(finite) if finite else np.ones(len(self), bool)
        return CutFlow({**steps, **{words(name, cut): passed(self[name], cut) for name, cut in self.setup.cuts.items()}})

    @property
    def reached(self) -> Mask:
        """Events that come as far as the test of finite values."""
        return self.flow.steps.get(FILTER, np.ones(len(self), bool))

    def not_finite(self) -> dict[str, int]:
        """By column, the events that come as far as the test of finite values and fail it."""
        return {name: int(np.count_nonzero(self.reached & ~np.isfinite(self[name]))) for name in self.setup.checked}

    def before_score_cut(self) -> Mask:
        """Events that all steps but cuts on the score keep."""
        return self.flow.without({words(name, cut) for name, cut in self.setup.cuts.items() if name == SCORE})

    def members(self, chosen: NDArray[np.intp]) -> NDArray[np.bool_]:
        """(1 + sectors, events): all, and who is in each sector."""
        inside = [np.logical_and.reduce([passed(self[name][chosen], cut) for name, cut in cuts.items()]) for cuts in self.setup.sectors.values()]
        return np.stack([np.ones(len(chosen), bool), *inside])

    def tilts(self, chosen: NDArray[np.intp], step: float) -> tuple[Array, Array]:
        """(E / TeV)^-step and ^+step of the true energy."""
        ratio = self[ENERGY][chosen] / 1e3
        return ratio**-step, ratio**step


def require(fields: Iterable[str], setup: MuonSetup, filename: str) -> None:
    """Refuse files that lack a saved column. Raises ``InputError``."""
    event_columns.require(fields, setup.columns, Place(filename))
