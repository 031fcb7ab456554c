"""Files of events with hits -> one contiguous file: merged, rewritten from chunks, or with a part of the events; offsets are computed anew.

Rows are counted anew too: splits and classifier outputs made for the sources do not fit the new file; root_file and event_id stay.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from readers.columns import native
from readers.digihit import HIT, event_count, file_attributes, hit_count
from readers.digihit_layout import COLUMNS, INDEX, REQUIRED, datasets
from readers.digihit_writer import ALIGNED
from readers.hdf5 import check_filled, open_file
from readers.hit_offsets import compact, hit_offsets
from readers.mapped import range_reader
from readers.source import SourceError
from readers.time_origin import sampled_origin

MERGEABLE = ("digihit", "truehit")
SELECTABLE = ("row", *COLUMNS, "root_file", "nhits")  # columns that a selection may name
BLOCK_EVENTS = 10_000  # in memory at a time
Progress = Callable[[int, int], None]


class Selection(Protocol):
    """Which events are kept: ``mask`` of the columns that ``names`` lists (processors.iwcd_expression.Expression is one)."""

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that are needed."""

    def mask(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """True for events to be kept."""


@dataclass(frozen=True, eq=False)
class Part:
    """One source: its datasets, where the hits of its events lie, which events are kept and what its hit times count from."""

    path: str
    datasets: Mapping[str, h5py.Dataset]
    attributes: Mapping[str, Any]
    offsets: NDArray[np.int64]
    keep: NDArray[np.bool_]
    times: str | None  # null: no hit tells

    @property
    def hits_of_kept(self) -> NDArray[np.int64]:
        """Hits of each event that is kept."""
        counts: NDArray[np.int64] = np.diff(self.offsets)[self.keep]
        return counts


def merge(paths: Sequence[str], target: str | Path, format_name: str, *, select: Selection | None = None, progress: Progress | None = None) -> int:
    """Write the events of ``paths``, in that order, to the contiguous digihit or truehit file ``target``; returns their number.

    Datasets that only some of the sources have are left out and named by a warning. Attributes stay text; where sources differ in one, its values
    are joined by "; ". Memory holds a block of events. Raises ``SourceError`` for sources that cannot be one file: other shapes, times that count
    from elsewhere, one file twice, and for everything that opening them refuses; also when ``select`` keeps no event.
    """
    with ExitStack() as stack:
        parts = [_part(path, stack.enter_context(open_file(path)), format_name, select) for path in _once(paths)]
        _check_times(parts)
        names = _common(parts, format_name)
        counts = np.concatenate([np.empty(0, np.int64), *(part.hits_of_kept for part in parts)])
        if select is not None and not len(counts):
            raise SourceError(f"{', '.join(paths)}: the selection keeps 0 of {sum(len(part.keep) for part in parts)} events; loosen it")
        with h5py.File(target, "w", **ALIGNED) as file:
            file.attrs.update(_attributes(parts))
            file[INDEX] = (np.cumsum(counts) - counts).astype(np.int64)
            for number, name in enumerate(names):
                _write(file, name, parts, int(counts.sum()) if _of_hits(name) else len(counts))
                if progress is not None:
                    progress(number + 1, len(names))
    return len(counts)


def _once(paths: Sequence[str]) -> Sequence[str]:
    """The paths; one that is given twice is refused."""
    places = [Path(path).resolve() for path in paths]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise SourceError(f"{paths[number]}: is given more than once; its events would count twice. Remove one")
    return paths


def _part(path: str, file: h5py.File, format_name: str, select: Selection | None) -> Part:
    found = datasets(path, file, format_name)
    events, hits = event_count(path, found), hit_count(path, found)
    if found[INDEX].shape != (events,):
        raise SourceError(f"{path}: labels has {events} rows, {INDEX} {found[INDEX].shape}; all have one for each event: write the file again")
    offsets = hit_offsets(path, found[INDEX], hits)
    for name in found:
        check_filled(path, found[name])
    usable = {name: one for name, one in found.items() if name != INDEX and one.shape and one.shape[0] == (hits if _of_hits(name) else events)}
    if left_out := [name for name in found if name not in usable and name != INDEX]:
        warnings.warn(f"{path}: {', '.join(left_out)}: no entry for each event or hit; not written", stacklevel=4)
    keep = np.ones(events, bool) if select is None else select.mask(_selectable(found, offsets, select.names))
    return Part(path, usable, file_attributes(file), offsets, keep, _times(path, found["hit_time"], offsets))


def _selectable(found: Mapping[str, h5py.Dataset], offsets: NDArray[np.int64], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {"row": np.arange(len(offsets) - 1), "nhits": np.diff(offsets)}
    for name in names:
        if name == "root_file" and "root_files" in found:
            columns[name] = np.array(found["root_files"].asstr(errors="replace")[...], dtype=np.str_)
        elif name in COLUMNS and COLUMNS[name].dataset in found:
            column = COLUMNS[name]
            columns[name] = found[column.dataset][...].reshape(len(offsets) - 1, column.width)[:, column.place or 0].astype(column.dtype)
    return columns


def _times(path: str, times: h5py.Dataset, offsets: NDArray[np.int64]) -> str | None:
    if not np.any(np.diff(offsets)):
        return None
    try:
        return sampled_origin(range_reader(path, times), offsets, path).convention
    except SourceError:
        return "unclear"


def _check_times(parts: Sequence[Part]) -> None:
    told = {part.times: part.path for part in parts if part.times is not None}
    if len(told) > 1:
        listed = ", ".join(f"{path}: {times}" for times, path in told.items())
        raise SourceError(f"hit times count from different origins ({listed}); one file has one origin: merge those of a kind")


def _of_hits(name: str) -> bool:
    return name.startswith(HIT)


def _common(parts: Sequence[Part], format_name: str) -> list[str]:
    """Datasets that every source has; those of some sources only are left out with a warning."""
    common = []
    for name in dict.fromkeys(name for part in parts for name in part.datasets):
        if lacking := [part.path for part in parts if name not in part.datasets]:
            warnings.warn(f"{name}: not in {', '.join(lacking[:3])}; left out of the merged file", stacklevel=4)
        else:
            _check_alike(name, parts)
            common.append(name)
    assert set(REQUIRED[format_name]) - {INDEX} <= set(common), "opening a source asks for these"
    return common


def _check_alike(name: str, parts: Sequence[Part]) -> None:
    entries = {part.path: (_kind(part.datasets[name]), part.datasets[name].shape[1:]) for part in parts}
    if len(set(entries.values())) > 1:
        listed = "; ".join(f"{path}: {kind} {shape}" for path, (kind, shape) in list(entries.items())[:3])
        raise SourceError(f"{name}: the sources differ in kind or shape of an entry ({listed}); merge those of a kind")


def _kind(dataset: h5py.Dataset) -> str:
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return "text"
    return "number" if dataset.dtype.kind in "iuf" else dataset.dtype.str


def _attributes(parts: Sequence[Part]) -> dict[str, Any]:
    names = dict.fromkeys(name for part in parts for name in part.attributes)
    found: dict[str, Any] = {}
    for name in names:
        values = [part.attributes[name] for part in parts if name in part.attributes]
        found[name] = values[0] if all(value == values[0] for value in values) else "; ".join(dict.fromkeys(map(str, values)))
    return found


def _write(file: h5py.File, name: str, parts: Sequence[Part], length: int) -> None:
    first = parts[0].datasets[name]
    text = h5py.check_string_dtype(first.dtype) is not None
    dtype = h5py.string_dtype() if text else np.result_type(*(native(part.datasets[name].dtype) for part in parts))
    dataset = file.create_dataset(name, (length, *first.shape[1:]), dtype)
    dataset.attrs.update(first.attrs)
    written = 0
    for part in parts:
        for start in range(0, len(part.keep), BLOCK_EVENTS):
            values = _kept(part, name, slice(start, min(start + BLOCK_EVENTS, len(part.keep))), text=text)
            dataset[written : written + len(values)] = values
            written += len(values)


def _kept(part: Part, name: str, events: slice, *, text: bool) -> NDArray[Any]:
    """The values of the events that are kept of a block, of their hits for a dataset of hits."""
    keep = part.keep[events]
    dataset = part.datasets[name]
    if not _of_hits(name):
        values = dataset.asstr(errors="replace")[events] if text else dataset[events]
        return np.asarray(values)[keep]
    offsets = part.offsets[events.start : events.stop + 1]
    _, kept_hits = compact(offsets, keep)
    hits = range_reader(part.path, dataset)(int(offsets[0]), int(offsets[-1]))
    return hits if keep.all() else hits[kept_hits]
