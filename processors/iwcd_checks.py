"""What is wrong with events and what becomes of it: refused at once, dropped and counted, or counted and told at the end of a run.

Only what holds for a whole file is refused on the evidence of one chunk; where a chunk may mislead, the rest of its file is looked at.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from physics.particles import UNKNOWN
from physics.tank import Tank, outside
from processors.event_columns import Place
from processors.iwcd_columns import Columns, numbers
from processors.iwcd_hits import Hits
from processors.response_fill import category
from readers import open_source
from readers.digihit_checks import labels_unknown, not_finite, pmts_beyond, vertices_outside
from readers.source import ReadError, SourceError

# Told at the end of a run, with counts that do not depend on how the events were divided.
PROBLEMS = {
    "outside": "have their vertex outside the tank",
    "below_threshold": "have an energy below the threshold of their label (labels or label map wrong?)",
    "file_name": "have another particle than their file's name says (labels are trusted)",
    "unknown": "have no known label",
}
HIT_FIELDS = {"hit_charge": "charge", "hit_time": "time_ns"}


def finite(columns: Columns, hits: Hits, *, drop: bool) -> NDArray[np.bool_]:
    """Events whose numbers are all finite, those of their hits included. Without ``drop`` any other is refused with ``InputError``."""
    good = np.ones(len(hits), dtype=bool)
    for name in (name for name, values in columns.items() if name != "row" and values.dtype.kind == "f"):
        if message := not_finite(name, columns[name], columns["row"]):
            good &= _dropped_or_refused(np.isfinite(columns[name]), message, drop)
    for name, field in HIT_FIELDS.items():
        values = getattr(hits, field)
        if values is None or np.isfinite(values.sum(dtype=np.float64)):  # one number tells: float32 cannot overflow a sum in double precision
            continue
        wrong = np.unique(hits.event_of_hit()[~np.isfinite(values)])
        message = not_finite(name, values, np.repeat(columns["row"], hits.counts)) or name
        good &= _dropped_or_refused(~np.isin(np.arange(len(hits)), wrong), message, drop)
    return good


def _dropped_or_refused(good: NDArray[np.bool_], message: str, drop: bool) -> NDArray[np.bool_]:
    if not drop:
        raise InputError(f"{message}; mend the file, or drop such events by processor.on_nan: drop")
    return good


def check_pmts(hits: Hits, count: int, geometry: str, place: Place) -> None:
    """Refuse hits on photomultipliers that the geometry does not have."""
    if hits.pmt is not None and (message := pmts_beyond(hits.pmt, count, geometry)):
        raise InputError(f"{place.filename}: {message}")


def check_vertices(position_cm: NDArray[np.float64], tank: Tank, place: Place) -> None:
    """Refuse a file with more than 5 % of its vertices outside the tank."""
    if vertices_outside(position_cm, tank) is None:
        return
    whole = whole_file(place, ("x", "y", "z"))
    everywhere = position_cm if whole is None else np.stack([whole[name] for name in ("x", "y", "z")], axis=1)
    if message := vertices_outside(everywhere, tank):
        raise InputError(f"{place.filename}: {message}")


def check_labels(label: NDArray[Any], known: Collection[int], place: Place) -> None:
    """Refuse a file of simulation without one known label."""
    if labels_unknown(label, known) is None:
        return
    whole = whole_file(place, ("label",))
    if message := labels_unknown(label if whole is None else whole["label"], known):
        raise InputError(f"{place.filename}: {message.replace('particle: for this file', 'particle: for this file (metadata of its data set)')}")


def whole_file(place: Place, names: Collection[str]) -> Columns | None:
    """Columns of all events of a chunk's file; nothing where they cannot be had under these names."""
    try:
        with open_source(place.filename) as source:
            if any(name not in source.columns for name in names):
                return None
            return numbers(source.events(0, len(source)), tuple(names))
    except (SourceError, ReadError):  # events from elsewhere, or of a format that the file's name does not tell
        return None


def names_in(filename: str, particles: Collection[str]) -> set[str]:
    """Particles that the name of a file mentions.

    >>> sorted(names_in("IWCD_e-_mu-_E0to1000MeV.h5", ["e-", "mu-", "gamma"]))
    ['e-', 'mu-']
    """
    name = PurePath(filename).name
    return {one for one in particles if re.search(rf"(?<![A-Za-z0-9]){re.escape(one)}{'(?![A-Za-z0-9])' if one[-1].isalnum() else ''}", name)}


def problem_axis() -> hist.axis.AxisProtocol:
    """The axis of the counts of problems."""
    return category("problem", tuple(PROBLEMS), "Problem")


def problems(columns: Columns, tank: Tank, particles: Collection[str], place: Place) -> Mapping[str, NDArray[np.bool_]]:
    """Which events (their columns) have which of ``PROBLEMS``."""
    mentioned = names_in(place.filename, [name for name in particles if name != UNKNOWN])
    unknown = columns["particle"] == UNKNOWN
    elsewhere = ~np.isin(columns["particle"], list(mentioned)) & ~unknown if mentioned else np.zeros(len(unknown), bool)
    position = np.stack([columns[name] for name in ("x", "y", "z")], axis=1)
    return {"outside": outside(position, tank), "below_threshold": columns["evis"] < 0, "file_name": elsewhere, "unknown": unknown}


def count(counts: hist.Hist, found: Mapping[str, NDArray[np.bool_]], particles: Sequence[str], names: NDArray[np.str_]) -> None:
    """Set the counts of problems by particle."""
    for problem, events in found.items():
        counts.view()[:, list(PROBLEMS).index(problem)] = [np.count_nonzero(events & (names == particle)) for particle in particles]


def tell(counts: hist.Hist, events: int, name: str, *, labelled: bool) -> None:
    """Warn of what was counted in a data set: one warning for each problem."""
    for problem, text in PROBLEMS.items():
        count = int(counts.values()[:, list(PROBLEMS).index(problem)].sum())
        if count and (labelled or problem != "unknown"):
            warnings.warn(f"data set {name!r}: {count} of {events} events ({count / events:.2%}) {text}", stacklevel=2)
