"""Water-Cherenkov events with hits -> one table of events and histograms by particle, in one pass (specification 3).

The table ``events`` has every event (but those that ``on_nan: drop`` drops), the column ``selected`` says which of them pass the selection.
Histograms show the selected events; ``zero_hits`` and ``veto`` show all, so that one sees what a selection removes. What was subtracted from hit
times stands in the column ``time_zero``.
"""

from __future__ import annotations

from typing import Any

import awkward as ak
import hist
import numpy as np
from coffea.processor import ProcessorABC
from numpy.typing import NDArray

from configs import iwcd
from configs.errors import InputError
from physics.tank_geometry import Geometry, short_tank
from processors import event_columns, iwcd_checks, iwcd_selection
from processors.event_columns import Place
from processors.hit_features import LIGHT, Paths, PerHit, charge_features, light_features, names_of
from processors.iwcd_columns import FLAGS, FLOATS, RECO, REQUIRED, Array, Columns, Truth, numbers, tank_of, vertices, weights
from processors.iwcd_columns import event_columns as columns_of_events
from processors.iwcd_histograms import Axes, event_axes, fill_events, particle_axis
from processors.iwcd_hit_histograms import NOT_SELECTED, Filling, fill_hits, hit_axes
from processors.iwcd_hits import Hits, flat_hits
from readers.geometry_file import read_geometry
from readers.segments import segment_min
from readers.time_origin import offsets_ns
from records.tables import Table

TABLE = "events"
EVENT_COLUMNS = (
    "row", "file", "root_file", "event_id", "label", "particle", "energy", "evis", "momentum", "x", "y", "z", "r2", "cos_zenith", "azimuth", "dwall",
    "towall", "nhits", "charge", "max_charge", "mean_charge", "time_mean", "time_rms", *FLAGS,
)  # fmt: skip
LAST = ("time_zero", "weight")  # the latter where events have weights


class IwcdProcessor(ProcessorABC):
    """Fills the table ``events``, the histograms of ``axes()``, ``cutflow`` (particle x cut) and ``problems`` (particle x problem).

    ``particle`` is that of files without labels, ``weight`` a column of the files: events then count with it (storage Weight; ``cutflow`` and
    ``problems`` stay numbers of events). ``name`` and ``kind`` of the data set are for messages: simulation without any known label is refused,
    data without are not.
    """

    def __init__(
        self, options: iwcd.Processor | None = None, *, name: str = "events", kind: str = "mc", particle: str | None = None, weight: str | None = None
    ) -> None:
        self.options = options or iwcd.Processor()
        self.name, self.kind, self.weight = name, kind, weight
        self.truth = Truth(self.options.labels, self.options.thresholds_mev, particle)
        self.truth.check()
        self.tank = tank_of(self.options.tank)
        self.geometry = _geometry(self.options)
        self.features = names_of(self.options.features)
        self.expression = iwcd_selection.parsed(self.options.selection, (*EVENT_COLUMNS, *self.features, *(LAST if weight else LAST[:1])))

    def axes(self) -> dict[str, Axes]:
        """Axes of every histogram."""
        return {**self._count_axes(), **event_axes(self.truth.names, self.features), **self._hit_axes()}

    def process(self, events: ak.Array) -> dict[str, hist.Hist | Table]:
        """Table and histograms of one chunk. Raises ``InputError`` for events that the specification refuses (section 10)."""
        place = Place(str(events.metadata.get("filename", "events")), int(events.metadata.get("entrystart", 0)))
        event_columns.require(events.fields, (*REQUIRED, *self._reconstructed(), *([self.weight] if self.weight else [])), place)
        particle = self._particles(np.asarray(events["label"]), place)
        counts = {name: hist.Hist(*axes, storage=hist.storage.Int64()) for name, axes in self._count_axes().items()}
        iwcd_selection.count(counts["cutflow"], self.truth.names, particle, {"all": np.ones(len(particle), bool)})
        hits = flat_hits(events, self.options.digitise_smear_ns, place)
        numbers_of_events = numbers(events, ("row", *FLOATS, *self._reconstructed())) | self._weights(events, place)
        good = iwcd_checks.finite(numbers_of_events, hits, drop=self.options.on_nan == "drop")
        if not good.all():
            events, particle = events[good], particle[good]
            hits = flat_hits(events, self.options.digitise_smear_ns, place)
        columns, per_hit = self._columns(events, particle, hits, place)
        passed = iwcd_selection.passed(columns, self.options.selection, self.expression, place)
        iwcd_selection.count(counts["cutflow"], self.truth.names, particle, {"finite": np.ones(len(particle), bool), **passed})
        iwcd_checks.count(counts["problems"], iwcd_checks.problems(columns, self.tank, self.truth.names, place), self.truth.names, particle)
        table = Table({**columns, "selected": passed["expression"]})
        return {TABLE: table, **counts, **self._filled(table, hits, per_hit)}

    def postprocess(self, accumulator: Any) -> Any:
        """Warn of what was counted; refuse a selection that keeps nothing. Histograms stay as they are."""
        if "cutflow" not in accumulator:  # not one chunk could be processed; the engine lists why
            return accumulator
        events = int(accumulator["cutflow"][:, "all"].values().sum())
        iwcd_checks.tell(accumulator["problems"], events, self.name, labelled=self.kind == "mc")
        iwcd_selection.refuse_empty(accumulator["cutflow"], self.name)
        return accumulator

    def _count_axes(self) -> dict[str, Axes]:
        first = particle_axis(self.truth.names)
        return {"cutflow": (first, iwcd_selection.cut_axis()), "problems": (first, iwcd_checks.problem_axis())}

    def _hit_axes(self) -> dict[str, Axes]:
        return hit_axes(self.truth.names, None if self.geometry is None else len(self.geometry)) if self.options.hit_level else {}

    def _reconstructed(self) -> tuple[str, ...]:
        return tuple(RECO.values()) if self.options.features == "reco" else ()

    def _weights(self, events: ak.Array, place: Place) -> Columns:
        return {} if self.weight is None else {"weight": weights(events, self.weight, place)}

    def _particles(self, label: Array, place: Place) -> Array:
        if self.kind == "mc" and self.truth.particle is None:
            iwcd_checks.check_labels(label, self.options.labels, place)
        return self.truth.particles(label)

    def _columns(self, events: ak.Array, particle: Array, hits: Hits, place: Place) -> tuple[Columns, PerHit | None]:
        """Every column of the table but ``selected``, in order, and the angles and residuals of hits where histograms need them."""
        of_events = columns_of_events(events, particle, self.truth, self.tank, place)
        iwcd_checks.check_vertices(np.stack([of_events[name] for name in ("x", "y", "z")], axis=1), self.tank, place)
        zero_ns = self._time_zero_ns(events, hits, place)
        of_hits, per_hit = self._light(events, hits, zero_ns, place)
        columns = {
            **of_events,
            "nhits": hits.counts,
            **charge_features(hits, zero_ns),
            **of_hits,
            "time_zero": zero_ns,
            **self._weights(events, place),
        }
        return {name: columns[name] for name in (*EVENT_COLUMNS, *self.features, *LAST) if name in columns}, per_hit

    def _time_zero_ns(self, events: ak.Array, hits: Hits, place: Place) -> NDArray[np.float64]:
        if hits.time_ns is None:
            return np.zeros(len(hits))
        if self.options.time_zero == "event_min":
            return segment_min(hits.time_ns, hits.offsets, empty=0.0)
        if self.options.time_zero == "auto" and "time_zero" not in events.fields:
            raise InputError(
                f"{place.filename}: cannot tell the time origin of this format; set processor.time_zero (none, event_min or a number of ns)"
            )
        return offsets_ns(events, self.options.time_zero)

    def _light(self, events: ak.Array, hits: Hits, zero_ns: NDArray[np.float64], place: Place) -> tuple[Columns, PerHit | None]:
        """Features that need directions to photomultipliers, where they are asked for or histograms of hits need them and hits allow it."""
        asked = any(name in LIGHT for name in self.features)
        known = self.geometry is not None and hits.pmt is not None and hits.time_ns is not None
        if asked and not known:
            raise InputError(
                f"{place.filename}: hits have no {'PMT numbers' if hits.pmt is None else 'times'}, without which processor.features: "
                f"{self.options.features} cannot be made, only sums over events (charge, hits, time); set processor.features: blind"
            )
        if self.geometry is None or not known or not (asked or self.options.hit_level):
            return {}, None
        iwcd_checks.check_pmts(hits, len(self.geometry), _geometry_name(self.options), place)
        source = RECO if self.options.features == "reco" else {name: name for name in RECO}
        read = numbers(events, tuple(source.values()))
        vertex, direction = vertices({name: read[column] for name, column in source.items()})
        paths = Paths(vertex, direction, self.geometry.position_cm, self.options.group_index)
        return light_features(hits, paths, zero_ns, per_hit=self.options.hit_level)

    def _filled(self, table: Table, hits: Hits, per_hit: PerHit | None) -> dict[str, hist.Hist]:
        hists = fill_events(event_axes(self.truth.names, self.features), table.columns, self.tank)
        if self.options.hit_level:
            code = np.full(len(table), NOT_SELECTED)
            for number, name in enumerate(self.truth.names):
                code[(table["particle"] == name) & table["selected"]] = number
            hists |= fill_hits(self._hit_axes(), hits, Filling(code, table["time_zero"], table.columns.get("weight")), per_hit)
        return hists


def _geometry(options: iwcd.Processor) -> Geometry | None:
    """The photomultipliers of the configured tank: from its file, the short tank's by formula, else none. ``InputError`` where features need them."""
    if options.tank.geometry:
        return read_geometry(options.tank.geometry)
    if options.tank.preset == "short":
        return short_tank()
    if any(name in LIGHT for name in names_of(options.features)):
        raise InputError(
            f"processor.features: {options.features} needs the places of the photomultipliers, which are known for tank.preset: short only; "
            "give processor.tank.geometry (.npz with tube_no, position, orientation), or set processor.features: blind"
        )
    return None


def _geometry_name(options: iwcd.Processor) -> str:
    return options.tank.geometry or options.tank.preset or "given"
