"""Events of the dark-matter analysis -> histograms from which every channel, mass and source can be made.

Simulation fills, at weight ow (expected events of one type of neutrino = livetime x sum ow x flux of that type), the response (true energy, energy,
angle between true and reconstructed direction) and the acceptance (true declination, true energy, energy). A spectrum is folded in afterwards by its
mean in every bin of true energy, so that no spectrum needs the events again. Data fill counts, and a table of directions and energies; while blind
their right ascensions are scrambled here, so that nothing behind can hold the true ones.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import awkward as ak
import hist
import numpy as np
from coffea.processor import ProcessorABC
from numpy.typing import NDArray

from configs.dark_matter import Processor
from configs.errors import InputError
from physics.sphere import angle
from processors import event_columns
from processors.event_columns import Place, Quantity
from processors.exact_sums import whole_quanta
from processors.scrambling import scrambled_right_ascension
from readers.npy import PLAIN
from records.tables import Table

Array = NDArray[np.float64]
Hists = dict[str, hist.Hist]

RA = Quantity("right ascension in rad", low=0.0, high=2.0 * math.pi, advice="a right ascension in rad lies in 0 to 2 pi; is it in degrees?")
DEC = Quantity("declination in rad", low=-math.pi / 2, high=math.pi / 2, advice="a declination in rad lies in -pi/2 to pi/2; is it in degrees?")
NUMBER = Quantity("number of run, event or subevent")
LOG_ENERGY = Quantity("log10 of the energy in GeV", low=-5.0, high=9.0, advice="logE is log10(E/GeV), not an energy")
ANGULAR_ERROR = Quantity("angular error in rad", low=0.0, advice="an angular error is not negative")
TRUE_ENERGY = Quantity("true energy in GeV", low=np.nextafter(0.0, 1.0), advice="a true energy is positive")
WEIGHT = Quantity("weight ow in GeV cm^2 sr", low=0.0, advice="weights ow are not negative")

RECO = {"ra": RA, "dec": DEC, "logE": LOG_ENERGY, "angErr": ANGULAR_ERROR}
KEYS = {"run": NUMBER, "event": NUMBER, "subevent": NUMBER}
TRUTH = {"trueRa": RA, "trueDec": DEC, "trueE": TRUE_ENERGY, "ow": WEIGHT}

PER_TYPE = {"per_type": 1.0, "nu_plus_nubar": 2.0, "reference": 0.5}  # factor that makes ow one of its own type (specification 2.1)
# Sums of whole quanta do not depend on the chunks: of weights (GeV cm^2 sr) in quanta of 1e-9 up to 8e6 a bin, of their squares in quanta of 2e-10 up
# to 2e6. The weights of a sample sum to about 5e4 for an area of 1 cm^2 at 100 GeV, however many events it has.
WEIGHT_QUANTUM, SQUARE_QUANTUM = 2.0**-30, 2.0**-32
SMALLEST_MEAN_WEIGHT = 1024.0 * WEIGHT_QUANTUM  # below, rounding to quanta would begin to show

PSI_EDGES_DEG = (*range(0, 10), *range(10, 30, 2), *range(30, 90, 5), *range(90, 181, 10))
TRUE_BINS_PER_DECADE, ACCEPTANCE_BINS_PER_DECADE = 100, 50
MAX_ENERGY_GEV = 500  # of the reconstructed energy, in bins of 1 GeV
REFERENCE_PSI_BINS = 36  # of the published program, equal in angle


class DarkMatterProcessor(ProcessorABC):
    """Fills ``exp_counts``, ``variable_<field>`` and the table ``events`` (kind data), or ``response``, ``acceptance``, ``resolution`` (kind mc).

    ``season``: of the data, for the energy scale; ``seed``: of the scrambling.
    """

    def __init__(self, options: Processor | None = None, *, kind: str, season: int | None = None, seed: int = 1) -> None:
        self.options = options or Processor()
        self.kind, self.season, self.seed = kind, season, seed
        edges = PSI_EDGES_DEG if self.options.psi_edges_deg == "default" else tuple(self.options.psi_edges_deg)
        if list(edges) != sorted(set(edges)) or edges[0] != 0 or edges[-1] != 180 or len(edges) < 2:
            raise InputError("processor.psi_edges_deg: edges must rise from 0 to 180 degrees")
        low, high = self.options.true_energy_log10
        if not low < high:
            raise InputError(f"processor.true_energy_log10: {low:g} to {high:g} is no range")
        self.psi_edges_deg = edges

    def axes(self) -> dict[str, tuple[hist.axis.AxisProtocol, ...]]:
        """Axes of every histogram that a run makes."""
        return self._data_axes() if self.kind == "data" else self._simulation_axes()

    def _data_axes(self) -> dict[str, tuple[hist.axis.AxisProtocol, ...]]:
        sindec = hist.axis.Regular(100, -1.0, 1.0, name="sindec", label="sin(declination)", flow=False)
        error = hist.axis.Regular(90, 0.0, 90.0, name="angular_error", label="Estimated angular error [deg]")
        return {"exp_counts": (sindec, energy_axis()), "sindec_angular_error": (sindec, error), **variables(), "cutflow": (cut_axis(),)}

    def _simulation_axes(self) -> dict[str, tuple[hist.axis.AxisProtocol, ...]]:
        psi = hist.axis.Variable(self.psi_edges_deg, name="psi", label="Angle to the true direction [deg]", flow=False)
        sindec = hist.axis.Regular(self.options.psf_sindec_bins, -1.0, 1.0, name="true_sindec", label="sin(true declination)", flow=False)
        bands = hist.axis.Regular(40, -1.0, 1.0, name="true_sindec", label="sin(true declination)", flow=False)
        return {
            "response": (sindec, self._true_axis(TRUE_BINS_PER_DECADE), energy_axis(), psi),
            "acceptance": (bands, self._true_axis(ACCEPTANCE_BINS_PER_DECADE), energy_axis()),
            "resolution": (
                self._true_axis(10),
                hist.axis.Regular(180, 0.0, 180.0, name="psi", label="Angle to the true direction [deg]", flow=False),
            ),
            **self._reference_axes(),
            **variables(simulation=True),
            "cutflow": (cut_axis(),),
        }

    def _reference_axes(self) -> dict[str, tuple[hist.axis.AxisProtocol, ...]]:
        """Events without weights, for the comparison with the published program."""
        psi = hist.axis.Regular(REFERENCE_PSI_BINS, 0.0, 180.0, name="psi", label="Angle to the true direction [deg]", flow=False)
        return {"reference_response": (self._true_axis(TRUE_BINS_PER_DECADE), energy_axis(), psi)} if self.options.reference else {}

    def _true_axis(self, per_decade: int) -> hist.axis.AxisProtocol:
        low, high = self.options.true_energy_log10
        return hist.axis.Regular(round((high - low) * per_decade), low, high, name="true_log_energy", label="log10(true energy / GeV)", flow=False)

    def check_columns(self, columns: Iterable[str], metadata: Mapping[str, Any]) -> None:
        """Refuse files that lack a column, and warn of simulation given as data; the engine asks before any event is read. Raises ``InputError``."""
        place = Place(str(metadata.get("filename", "events")))
        self._require(list(columns), place)
        if self.kind == "data" and set(TRUTH) <= set(columns):
            words = f"{place.filename}: has {', '.join(TRUTH)}: is it simulation? The data set is of kind: data"
            warnings.warn(words, UserWarning, stacklevel=2)

    def _require(self, columns: list[str], place: Place) -> None:
        if columns == [PLAIN]:
            fields = ", ".join(self._quantities())
            raise InputError(f"{place.filename}: one plain array, not a structured one; save a structured array with the fields {fields}")
        event_columns.require(columns, self._quantities(), place)

    def process(self, events: ak.Array) -> dict[str, hist.Hist | Table]:
        """Histograms (and the table) of one chunk. Raises ``InputError`` for events that the specification refuses (section 10)."""
        place = Place(str(events.metadata.get("filename", "events")), int(events.metadata.get("entrystart", 0)))
        self._require(events.fields, place)
        cutflow = hist.Hist(cut_axis(), storage=hist.storage.Int64())
        cutflow.fill("all", weight=len(events))
        events = self._with_energy(events, place)
        columns = self._blinded(event_columns.read(events, self._quantities(), place))
        cutflow.fill("energy", weight=len(events))
        filled = self._data(columns) if self.kind == "data" else self._simulation(columns, place)
        return {**filled, **self._variables(columns, events), "cutflow": cutflow}

    def _with_energy(self, events: ak.Array, place: Place) -> ak.Array:
        """Events of energy 0 (logE minus infinity) are left out when the options say so, and refused otherwise."""
        if not str(ak.type(events["logE"]).content).startswith("float"):
            return events  # what else it is, the checks of columns tell
        without = np.isneginf(np.asarray(events["logE"]))
        if not self.options.drop_zero_energy:
            advice = "energy 0 (logE is minus infinity); leave such events out with processor.drop_zero_energy: true, the cut flow counts them"
            event_columns.refuse_events(without, place, advice)
        return events[~without] if without.any() else events

    def _blinded(self, columns: Mapping[str, Array]) -> dict[str, Array]:
        """Columns as everything behind sees them: right ascensions of data are scrambled, unless they may be looked at."""
        if self.kind != "data" or not self.options.blind:
            return dict(columns)
        return {**columns, "ra": scrambled_right_ascension(self.seed, *(columns[key].astype(np.int64) for key in KEYS))}

    def postprocess(self, accumulator: Any) -> Any:
        """Refuse a simulation without weight; histograms stay as they are."""
        if "response" in accumulator and not accumulator["response"].values(flow=True).sum() > 0.0:
            raise InputError("the simulation's weights ow are all zero; is the column filled?")
        return accumulator

    def _quantities(self) -> dict[str, Quantity]:
        return {**RECO, **KEYS} if self.kind == "data" else {**RECO, **TRUTH}

    def _energy_gev(self, columns: Mapping[str, Array]) -> Array:
        """The one place where the energy scale of a season is applied."""
        scale = self.options.energy_scale.get(self.season, 1.0) if self.kind == "data" and self.season is not None else 1.0
        return np.asarray(scale * 10.0 ** columns["logE"])

    def _data(self, columns: Mapping[str, Array]) -> dict[str, hist.Hist | Table]:
        energy_gev, sindec = self._energy_gev(columns), np.sin(columns["dec"])
        keys = {name: columns[name].astype(np.int64) for name in KEYS}
        table = Table({**keys, "ra": columns["ra"], "sindec": sindec, "energy_gev": energy_gev})
        filled = {"exp_counts": energy_gev, "sindec_angular_error": np.degrees(columns["angErr"])}
        return {**{name: counted(self._data_axes()[name], (sindec, values)) for name, values in filled.items()}, "events": table}

    def _simulation(self, columns: Mapping[str, Array], place: Place) -> dict[str, hist.Hist | Table]:
        weight = PER_TYPE[self.options.ow_convention] * columns["ow"]
        if 0.0 < (mean := weight.mean() if len(weight) else 0.0) < SMALLEST_MEAN_WEIGHT:
            raise InputError(f"{place.filename}: weights ow of {mean:.3g} GeV cm^2 sr in the mean are too small; are they in m^2, or per livetime?")
        log_true, true_sindec = np.log10(columns["trueE"]), np.sin(columns["trueDec"])
        self._check_true_energy(log_true, weight, place)
        psi_deg = np.degrees(angle(columns["ra"], columns["dec"], columns["trueRa"], columns["trueDec"]))
        energy_gev = self._energy_gev(columns)
        axes = self._simulation_axes()
        return {
            "response": weighted(axes["response"], (true_sindec, log_true, energy_gev, psi_deg), weight),
            "acceptance": weighted(axes["acceptance"], (true_sindec, log_true, energy_gev), weight),
            "resolution": weighted(axes["resolution"], (log_true, psi_deg), weight),
            **({"reference_response": counted(axes["reference_response"], (log_true, energy_gev, psi_deg))} if self.options.reference else {}),
        }

    def _check_true_energy(self, log_true: Array, weight: Array, place: Place) -> None:
        low, high = self.options.true_energy_log10
        outside = np.flatnonzero(((log_true < low) | (log_true > high)) & (weight > 0.0))
        if len(outside):
            raise InputError(
                f"{place.filename}: {len(outside)} event(s) with true energies outside 10^{low:g} to 10^{high:g} GeV, first "
                f"{10 ** log_true[outside[0]]:g} GeV at {place.entry(outside[0])}; widen processor.true_energy_log10"
            )

    def _variables(self, columns: Mapping[str, Array], events: ak.Array) -> Hists:
        """One histogram of every known field; right ascension and energy as they are used (scrambled, scaled), weights as logarithms."""
        used = {"ra": columns["ra"], "logE": np.log10(self._energy_gev(columns))}
        if "ow" in columns:
            with np.errstate(divide="ignore"):  # weights of zero are below the axis
                used["ow"] = np.log10(columns["ow"])
        found = {}
        for name, (axis,) in variables(simulation=self.kind == "mc").items():
            field = name.removeprefix("variable_")
            filled = hist.Hist(axis, storage=hist.storage.Int64())
            if field in events.fields:
                filled.fill(used[field] if field in used else np.asarray(events[field], dtype=np.float64))
            found[name] = filled
        return found


def energy_axis() -> hist.axis.AxisProtocol:
    """Reconstructed energy in bins of 1 GeV."""
    return hist.axis.Regular(MAX_ENERGY_GEV, 0.0, float(MAX_ENERGY_GEV), name="energy", label="Reconstructed energy [GeV]", underflow=False)


def cut_axis() -> hist.axis.AxisProtocol:
    """Events read, and those with an energy."""
    return hist.axis.StrCategory(["all", "energy"], name="cut", label="Cut", overflow=False)


def variables(*, simulation: bool = False) -> dict[str, tuple[hist.axis.AxisProtocol, ...]]:
    """Axes of the histograms of single fields."""
    ranges = {
        "ra": (36, 0.0, 2.0 * math.pi, "Right ascension [rad]"),
        "dec": (40, -math.pi / 2, math.pi / 2, "Declination [rad]"),
        "azi": (36, 0.0, 2.0 * math.pi, "Azimuth [rad]"),
        "zen": (40, 0.0, math.pi, "Zenith [rad]"),
        "time": (120, 55_600.0, 58_600.0, "Time [MJD]"),
        "logE": (60, 0.0, 3.0, "log10(reconstructed energy / GeV)"),
        "angErr": (60, 0.0, 1.2, "Estimated angular error [rad]"),
        **({"trueE": (60, 0.0, 420.0, "True energy [GeV]"), "ow": (80, -10.0, 6.0, "log10(weight ow / GeV cm^2 sr)")} if simulation else {}),
    }  # fmt: skip
    return {f"variable_{name}": (hist.axis.Regular(bins, low, high, name=name, label=label),) for name, (bins, low, high, label) in ranges.items()}


def counted(axes: tuple[Any, ...], values: tuple[Array, ...]) -> hist.Hist:
    """Numbers of events; the upper edge of an axis without overflow belongs to its last bin."""
    filled = hist.Hist(*axes, storage=hist.storage.Int64())
    view = filled.view(flow=True)
    view[...] = np.bincount(_cells(axes, values, view.shape), minlength=math.prod(view.shape)).reshape(view.shape)
    return filled


def weighted(axes: tuple[Any, ...], values: tuple[Array, ...], weight: Array) -> hist.Hist:
    """Sums of weights and of their squares in whole quanta: the same bits for any order and grouping of the events."""
    filled = hist.Hist(*axes, storage=hist.storage.Weight())
    shape = filled.view(flow=True).shape
    cell = _cells(axes, values, shape)
    for name, one, quantum in (("value", weight, WEIGHT_QUANTUM), ("variance", weight**2, SQUARE_QUANTUM)):
        whole = whole_quanta(one, np.full(len(one), 1.0 / quantum))
        filled.view(flow=True)[name] = np.bincount(cell, whole, minlength=math.prod(shape)).reshape(shape) * quantum
    return filled


def _cells(axes: tuple[Any, ...], values: tuple[Array, ...], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """The cell of every event, in the order of memory."""
    inside = [
        np.clip(axis.index(one) + (1 if axis.traits.underflow else 0), 0, extent - 1) for axis, one, extent in zip(axes, values, shape, strict=True)
    ]
    return np.asarray(np.ravel_multi_index(tuple(inside), shape))
