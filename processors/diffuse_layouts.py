"""The forms in which events of the diffuse analysis come: the release's columns, the exercise's, and the surrogate table.

A layout knows its columns and turns them into the same few quantities: reconstructed energy, direction, morphology and length; the class of
an event; and its weight in each flux component at the reference spectrum.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from physics.constants import FLUX_UNIT_PER_GEV_CM2_S_SR, N_SPECIES, PIVOT_GEV
from processors.event_columns import (
    COSINE,
    ENERGY,
    FLAVOUR,
    LENGTH,
    MORPHOLOGY,
    MUON_TYPE,
    PRIMARY_TYPE,
    WEIGHT,
    ZENITH,
    Array,
    Place,
    Quantity,
    refuse_events,
)

Columns = Mapping[str, Array]
Weights = dict[str, NDArray[np.float64]]
TABULATED_INDEX = 2.5  # of the reference spectrum in the weights of the exercise and of the surrogate
ALL = "all"  # the one class where flavours are not kept apart


@dataclass(frozen=True)
class Reco:
    """Reconstructed quantities, one entry per event."""

    energy_gev: Array
    coszen: NDArray[np.float64]
    morphology: Array
    length_m: Array | None  # where double cascades have one


def _pairs(components: Iterable[str]) -> tuple[tuple[str, str], ...]:
    names = tuple(components)
    return tuple((first, second) for k, first in enumerate(names) for second in names[k:])


class Layout(ABC):
    """One form of events. It has no state: everything about a form is in its class."""

    name: ClassVar[str]
    reco: ClassVar[Mapping[str, Quantity]]  # columns of data and simulation
    truth: ClassVar[Mapping[str, Quantity]]  # columns of simulation only
    classes: ClassVar[tuple[str, ...]]  # events of different classes are different events
    components: ClassVar[tuple[str, ...]]
    pairs: ClassVar[tuple[tuple[str, str], ...]]  # of components, for the sums of products of weights
    energy_dependent: ClassVar[tuple[str, ...]]  # components whose spectrum a model may change
    reference_index: ClassVar[float | None] = None  # of the spectrum that the columns' weights are made at; None: weights are made here

    def check_reference_index(self, index: float) -> None:
        """Refuse another reference spectrum than that of the weights in the columns."""
        own = self.reference_index
        if own is not None and own != index:
            raise InputError(
                f"processor.reference_index: {index:g}, but the weights of the {self.name} form are made at index {own:g}; set it to {own:g}"
            )

    @abstractmethod
    def observables(self, columns: Columns) -> Reco:
        """Reconstructed quantities."""

    @abstractmethod
    def class_index(self, columns: Columns) -> NDArray[np.intp]:
        """Index into ``classes`` of each event."""

    @property
    def detector_components(self) -> tuple[str, ...]:
        """Components that the detector tables know: all but atmospheric muons."""
        return tuple(name for name in self.components if name != "muon")

    def flavour_index(self, columns: Columns) -> NDArray[np.intp]:
        """Index into ``processors.detector_cells.ALL_FLAVOURS`` of each event, -1 for atmospheric muons. Raises ``InputError`` without flavours."""
        raise InputError(
            f"processor.systematics: the {self.name} form does not tell flavours apart, and the detector tables do; leave systematics out"
        )

    def area_weight(self, columns: Columns, livetime_s: float) -> Array:
        """Weight over flux and livetime of each event in GeV sr cm^2, from a tabulated astrophysical weight: NaN without a livetime."""
        flux = FLUX_UNIT_PER_GEV_CM2_S_SR / N_SPECIES * (columns["primaryEnergy"] / PIVOT_GEV) ** -TABULATED_INDEX
        return np.asarray(columns["astroWeight"] / (livetime_s * flux))

    @abstractmethod
    def weights(self, columns: Columns, livetime_s: float, reference_index: float) -> Weights:
        """Expected events of each component at the reference spectrum: name -> (events,)."""


class Release(Layout):
    """The official HESE 7.5-year release (github icecube/HESE-7-year-data-release): three files merged by column."""

    name = "release"
    reco = MappingProxyType({"recoDepositedEnergy": ENERGY, "recoMorphology": MORPHOLOGY, "recoZenith": ZENITH, "recoLength": LENGTH})
    truth = MappingProxyType(
        {
            "primaryType": PRIMARY_TYPE,
            "primaryEnergy": ENERGY,
            "pionFlux": WEIGHT,
            "kaonFlux": WEIGHT,
            "promptFlux": WEIGHT,
            "conventionalSelfVetoCorrection": WEIGHT,
            "promptSelfVetoCorrection": WEIGHT,
            "weightOverFluxOverLivetime": WEIGHT,
            "muonWeightOverLivetime": WEIGHT,
        }
    )
    classes = ("nue", "nuebar", "numu", "numubar", "nutau", "nutaubar", "muon")
    components = ("astro", "pion", "kaon", "prompt", "muon")
    energy_dependent = ("astro", "pion", "kaon", "prompt")
    # A muon is never a neutrino: pairs of muon with the others vanish and are not stored.
    pairs = (*_pairs(energy_dependent), ("muon", "muon"))

    def observables(self, columns: Columns) -> Reco:
        """Reconstructed quantities."""
        return Reco(columns["recoDepositedEnergy"], np.cos(columns["recoZenith"]), columns["recoMorphology"], columns["recoLength"])

    def class_index(self, columns: Columns) -> NDArray[np.intp]:
        """Classes by PDG code: +12, -12, +14, -14, +16, -16, 13."""
        types = columns["primaryType"].astype(np.intp)
        return np.where(types == MUON_TYPE, len(self.classes) - 1, np.abs(types) - 12 + (types < 0))

    def flavour_index(self, columns: Columns) -> NDArray[np.intp]:
        """0, 1, 2 for e, mu, tau; -1 for muons."""
        types = np.abs(columns["primaryType"].astype(np.intp))
        return np.where(types == MUON_TYPE, -1, (types - 12) // 2)

    def area_weight(self, columns: Columns, livetime_s: float) -> Array:
        """The release's own weights, whatever the livetime."""
        return np.asarray(columns["weightOverFluxOverLivetime"])

    def weights(self, columns: Columns, livetime_s: float, reference_index: float) -> Weights:
        """Expected events (specification 3.2): T W flux for neutrinos, T muonWeight for muons."""
        exposure = livetime_s * columns["weightOverFluxOverLivetime"]
        reference = FLUX_UNIT_PER_GEV_CM2_S_SR / N_SPECIES * (columns["primaryEnergy"] / PIVOT_GEV) ** -reference_index
        conventional = exposure * columns["conventionalSelfVetoCorrection"]
        return {
            "astro": exposure * reference,
            "pion": conventional * columns["pionFlux"],
            "kaon": conventional * columns["kaonFlux"],
            "prompt": exposure * columns["promptSelfVetoCorrection"] * columns["promptFlux"],
            "muon": livetime_s * columns["muonWeightOverLivetime"],
        }


class Toy(Layout):
    """The boot-camp exercise: expected events in the whole livetime at norm 1 and index 2.5; topology 0 or 1 (tracks)."""

    name = "toy"
    reference_index = TABULATED_INDEX
    reco = MappingProxyType({"energy": ENERGY, "topology": MORPHOLOGY, "zenith": ZENITH})
    truth = MappingProxyType({"primaryEnergy": ENERGY, "astroWeight": WEIGHT, "atmoWeight": WEIGHT})
    classes = (ALL,)
    components = ("astro", "atmo")
    energy_dependent = ("astro",)
    pairs = _pairs(components)

    def observables(self, columns: Columns) -> Reco:
        """Reconstructed quantities."""
        return Reco(columns["energy"], np.cos(columns["zenith"]), columns["topology"], None)

    def class_index(self, columns: Columns) -> NDArray[np.intp]:
        """The one class."""
        return np.zeros(len(columns["primaryEnergy"]), dtype=np.intp)

    def weights(self, columns: Columns, livetime_s: float, reference_index: float) -> Weights:
        """The file's own weights; its livetime is in them."""
        return _tabulated(columns)


class Surrogate(Layout):
    """The surrogate response as weighted cells (``simulation.surrogate``). Cells are expectations: there are no pairs, hence no sum of w^2."""

    name = "surrogate"
    reference_index = TABULATED_INDEX
    reco = MappingProxyType({"recoDepositedEnergy": ENERGY, "recoCosZenith": COSINE, "recoMorphology": MORPHOLOGY})
    truth = MappingProxyType({"primaryEnergy": ENERGY, "flavour": FLAVOUR, "astroWeight": WEIGHT, "atmoWeight": WEIGHT})
    classes = ("nue", "numu", "nutau", "atmosphere")  # nu + nubar of each flavour
    components = ("astro", "atmo")
    energy_dependent = ("astro",)
    pairs = ()

    def observables(self, columns: Columns) -> Reco:
        """Bin centres; double cascades have no length."""
        return Reco(columns["recoDepositedEnergy"], columns["recoCosZenith"].astype(np.float64), columns["recoMorphology"], None)

    def class_index(self, columns: Columns) -> NDArray[np.intp]:
        """Classes by flavour code 12, 14, 16, 0."""
        code = columns["flavour"].astype(np.intp)
        return np.where(code == 0, len(self.classes) - 1, (code - 12) // 2)

    def flavour_index(self, columns: Columns) -> NDArray[np.intp]:
        """0, 1, 2 for e, mu, tau; 3 (all flavours) for the atmosphere."""
        return self.class_index(columns)

    def weights(self, columns: Columns, livetime_s: float, reference_index: float) -> Weights:
        """The table's own weights; its livetime is in them."""
        return _tabulated(columns)


def _tabulated(columns: Columns) -> Weights:
    return {"astro": np.asarray(columns["astroWeight"], np.float64), "atmo": np.asarray(columns["atmoWeight"], np.float64)}


LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (Release(), Toy(), Surrogate())}


def recognise(fields: Iterable[str], kind: object, place: Place) -> Layout:
    """The layout whose columns these are: the one with the most of its columns present.

    Raises ``InputError`` when no column is known, when simulation is used as data (weights are there) or data as simulation (none is).
    """
    if kind not in ("data", "mc"):
        raise InputError(f"{place.filename}: metadata.kind is {kind!r}; give the data set kind: data or kind: mc")
    present = set(fields)
    layout = max(LAYOUTS.values(), key=lambda layout: len(present & (layout.reco.keys() | layout.truth.keys())))
    if not present & (layout.reco.keys() | layout.truth.keys()):
        forms = "; ".join(f"{one.name}: {', '.join(one.reco)}" for one in LAYOUTS.values())
        raise InputError(f"{place.filename}: none of the columns is known; expected one of these forms: {forms}; rename with the data set's columns:")
    truth = sorted(present & layout.truth.keys())
    if kind == "data" and truth:
        raise InputError(f"{place.filename}: simulation used as data (it has {', '.join(truth)}); set kind: mc, or give the data file")
    if kind == "mc" and not truth:
        raise InputError(
            f"{place.filename}: data used as simulation (none of {', '.join(layout.truth)}); set kind: data, or give the simulation files"
        )
    return layout


def check_lengths(reco: Reco, place: Place) -> None:
    """Refuse double cascades without a length."""
    if reco.length_m is not None:
        missing = (reco.morphology == MORPHOLOGY.allowed[-1]) & ~np.isfinite(reco.length_m)
        refuse_events(missing, place, "double cascade (recoMorphology 2) without recoLength; give its length in m, or its other morphology")
