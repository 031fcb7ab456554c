"""A recognised water-Cherenkov file in a few lines: events, hits, particles, times, how it is stored, what is wrong with it."""

from __future__ import annotations

import warnings
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from configs.iwcd import Processor
from readers.digihit_checks import labels_unknown, not_finite
from readers.digihit_layout import EVENT_DATASETS, INDEX, OPTIONAL, datasets
from readers.hdf5 import open_file
from readers.hit_offsets import hit_offsets
from readers.mapped import layout, mapped
from readers.source import SourceError
from readers.time_origin import sampled_origin

Summary = dict[str, Any]
VETO2_OF_TRUEHIT = "not to be relied on: the public writer of truehit files takes the length of one track for all tracks of an event; use veto"


def summarise(path: str, format_name: str) -> tuple[Summary, list[str]]:
    """What a file holds by name -> value, and the problems found. Only event datasets and the hits of some 2000 events are read."""
    with open_file(path) as file:
        found = datasets(path, file, format_name)
        labels = np.asarray(found["labels"][...]).reshape(-1)
        energies = np.asarray(found["energies"][...]).reshape(-1)
        summary: Summary = {"layout": format_name, "events": len(labels)}
        problems = [text for text in (labels_unknown(labels, Processor().labels), *_not_finite(found)) if text]
        if format_name != "dense":
            hits, wrong = _hits(path, found)
            summary |= hits
            problems += wrong
        summary["events by particle"] = _particles(labels)
        summary["total energy"] = _range(energies, "MeV")
        summary["missing optional datasets"] = ", ".join(name for name in OPTIONAL if name not in found) or "none"
        return summary, problems


def _not_finite(found: dict[str, h5py.Dataset]) -> list[str | None]:
    checked = [name for name in EVENT_DATASETS if found[name].dtype.kind == "f"]
    return [not_finite(name, np.asarray(found[name][...]).ravel(), _event_of_value(found[name].shape)) for name in checked]


def _event_of_value(shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.repeat(np.arange(shape[0]), int(np.prod(shape[1:])))


def _hits(path: str, found: dict[str, h5py.Dataset]) -> tuple[Summary, list[str]]:
    hits = int(found["hit_pmt"].size or 0)
    stored = {name: layout(found[name]) for name in ("hit_pmt", "hit_charge", "hit_time", "hit_parent") if name in found}
    apart = [name for name in stored if hits and mapped(path, found[name]) is None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # opening the file told it
        offsets = hit_offsets(path, found[INDEX], hits)
    problems: list[str] = []
    counts = np.diff(offsets)
    summary: Summary = {
        "hits": hits,
        "hits in an event": f"{counts.mean():.1f} on average, at most {counts.max()}" if len(counts) else "no events",
        "events without hits": int(np.sum(counts == 0)),
        "hits stored": "; ".join(f"{name}: {text}" for name, text in stored.items()),
        "mapped into memory": "yes"
        if not apart
        else f"no ({', '.join(apart)}); a contiguous copy is read faster and without memory of its own: run_processor.py --convert IN.h5 OUT.h5",
    }
    if "hit_charge" not in found and "veto2" in found:
        summary["veto2"] = VETO2_OF_TRUEHIT
    try:
        summary["times"] = _times(path, found["hit_time"], offsets)
    except SourceError as error:
        problems.append(str(error))
    return summary, problems


def _times(path: str, times: h5py.Dataset, offsets: NDArray[np.int64]) -> str:
    origin = sampled_origin(lambda first, last: np.asarray(times[first:last]), offsets, path)
    words = {"relative": "relative to the first hit of the event", "raw": f"as triggered; {origin.offset_ns:g} ns will be subtracted"}
    return words[origin.convention]


def _particles(labels: NDArray[Any]) -> str:
    names = Processor().labels
    codes, counts = np.unique(labels, return_counts=True)
    return ", ".join(f"{names.get(int(code), 'unknown')} ({code}): {count}" for code, count in zip(codes, counts, strict=True)) or "none"


def _range(values: NDArray[Any], unit: str) -> str:
    finite = values[np.isfinite(values)]
    return f"{finite.min():.4f} to {finite.max():.4f} {unit}" if len(finite) else "no values"
