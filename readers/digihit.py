"""Digihit and truehit HDF5: events with lists of hits, mapped into memory without copying where the file allows it.

Columns: row, label, energy, x, y, z, theta, phi, root_file, event_id, veto, veto2, fully_contained (as far as present), time_zero, and ``hits`` with
the fields pmt, charge, time (truehit: pmt, time, parent). Further datasets with one entry for each event or hit are carried along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import awkward as ak
import h5py
import numpy as np
from numpy.typing import NDArray

from readers.columns import STRING_FORM, ColumnSource, as_content, as_strings, native, numpy_form
from readers.digihit_layout import COLUMNS, GRID, HIT_MEANINGS, INDEX, OPTIONAL, EventColumn, datasets
from readers.events import LazyColumn
from readers.files import reading
from readers.hdf5 import check_filled, open_file, plain_attributes
from readers.hit_offsets import hit_offsets
from readers.lazy_lists import LazyLists
from readers.mapped import range_reader
from readers.source import SourceError
from readers.time_origin import sampled_origin

HIT = "hit_"
Datasets = Mapping[str, h5py.Dataset]


def open_digihit(paths: Sequence[str], tree: str | None = None) -> ColumnSource:
    """Open a digihit file: digitised hits with charge and time.

    Opening reads the index of hits and no hit. Raises ``SourceError`` for missing datasets, unequal lengths, an index that does not fit.
    """
    return _open(paths, tree, "digihit")


def open_truehit(paths: Sequence[str], tree: str | None = None) -> ColumnSource:
    """Open a truehit file: one hit for each photon, without charge, of all triggers and with times as simulated."""
    return _open(paths, tree, "truehit")


def _open(paths: Sequence[str], tree: str | None, format_name: str) -> ColumnSource:
    (path,) = paths
    refuse_tree(path, tree, format_name)
    with ExitStack() as stack:
        file = stack.enter_context(open_file(path))
        found = datasets(path, file, format_name)
        events = event_count(path, found)
        hits = hit_count(path, found)
        _check_length(path, INDEX, found[INDEX], events)
        offsets = hit_offsets(path, found[INDEX], hits)
        columns, unreadable = event_columns(path, found, events)
        lists, extra = _hit_columns(path, found, hits, offsets)
        columns = [*columns, lists, _time_zero(path, lists, offsets)]
        unreadable = {name: reason for name, reason in unreadable.items() if name not in extra}
        return ColumnSource(path, events, columns, attributes=file_attributes(file), unreadable=unreadable, close=stack.pop_all().close)


def refuse_tree(path: str, tree: str | None, format_name: str) -> None:
    """A file of this format is one table of events: ``SourceError`` when a tree is asked for."""
    if tree is not None:
        raise SourceError(f"{path}: a {format_name} file has no tree {tree!r}; leave tree out, or give format: hdf5")


def event_count(path: str, found: Datasets) -> int:
    """The number of events. Raises ``SourceError`` when the event datasets differ in it, or have rows of another width than their meaning."""
    count = int(found["labels"].shape[0]) if found["labels"].shape else 0
    for column in COLUMNS.values():
        if column.dataset in found:
            _check_length(path, column.dataset, found[column.dataset], count)
            _check_width(path, found[column.dataset], column)
    if "root_files" in found:
        _check_length(path, "root_files", found["root_files"], count)
    return count


def _check_length(path: str, name: str, dataset: h5py.Dataset, events: int) -> None:
    rows = dataset.shape[0] if dataset.shape else 0
    if rows != events:
        raise SourceError(f"{path}: labels has {events} rows, {name} {rows}; all have one for each event: write the file again")


def _check_width(path: str, dataset: h5py.Dataset, column: EventColumn) -> None:
    width = int(np.prod(dataset.shape[1:]))
    if width != column.width:
        raise SourceError(
            f"{path}: {column.dataset} has {width} values an event (shape {dataset.shape}), not {column.width}; one primary an event is read"
        )
    if dataset.dtype.kind not in "biuf":
        raise SourceError(f"{path}: {column.dataset} holds {dataset.dtype}, not numbers; write the file again")


def event_columns(path: str, found: Datasets, events: int) -> tuple[list[LazyColumn], dict[str, str]]:
    """The columns of one value for each event, and the datasets that cannot be one with the reason."""
    columns = [LazyColumn("row", numpy_form(np.dtype(np.int64)), np.arange, meaning="row in the file")]
    for name, column in COLUMNS.items():
        if column.dataset in found:
            load = partial(_values, path, found[column.dataset], column)
            columns.append(LazyColumn(name, numpy_form(np.dtype(column.dtype)), load, unit=column.unit, meaning=column.meaning))
    if "root_files" in found:
        columns.append(LazyColumn("root_file", STRING_FORM, partial(_texts, found["root_files"]), meaning="file of the simulation, with event_id"))
    known = {INDEX, GRID, *OPTIONAL} | {column.dataset for column in COLUMNS.values()}
    extra, unreadable = _extra_columns(path, {name: dataset for name, dataset in found.items() if name not in known}, events)
    return [*columns, *extra], unreadable


def _values(path: str, dataset: h5py.Dataset, column: EventColumn, start: int, stop: int) -> NDArray[Any]:
    check_filled(path, dataset)
    rows = np.asarray(dataset[start:stop]).reshape(stop - start, column.width)
    return np.ascontiguousarray(rows[:, column.place or 0], dtype=column.dtype)


def _texts(dataset: h5py.Dataset, start: int, stop: int) -> Any:
    return as_strings(dataset.asstr(errors="replace")[start:stop].tolist())


def _extra_columns(path: str, extra: Datasets, events: int) -> tuple[list[LazyColumn], dict[str, str]]:
    columns: list[LazyColumn] = []
    unreadable: dict[str, str] = {}
    for name, dataset in extra.items():
        if not dataset.shape or dataset.shape[0] != events or name.startswith(HIT):
            unreadable[name] = f"dataset of shape {dataset.shape}; columns have one entry for each of the {events} events"
            continue
        if h5py.check_string_dtype(dataset.dtype) is not None and len(dataset.shape) == 1:
            columns.append(LazyColumn(name, STRING_FORM, partial(_texts, dataset)))
            continue
        try:
            form = numpy_form(dataset.dtype, dataset.shape[1:])
        except TypeError:
            unreadable[name] = f"values of type {dataset.dtype}, which is not read"
            continue
        columns.append(LazyColumn(name, form, partial(_rows, path, dataset)))
    return columns, unreadable


def _rows(path: str, dataset: h5py.Dataset, start: int, stop: int) -> Any:
    check_filled(path, dataset)
    return as_content(np.asarray(dataset[start:stop]))


def hit_count(path: str, found: Datasets) -> int:
    """The number of hits, one for all of ``hit_pmt``, ``hit_charge``, ``hit_time``, ``hit_parent``."""
    lengths = {name: _size(found[name]) for name in ("hit_pmt", "hit_charge", "hit_time", "hit_parent") if name in found}
    hits = lengths["hit_pmt"]
    for name, length in lengths.items():
        if length != hits:
            raise SourceError(f"{path}: {name} has {length} entries, hit_pmt {hits}; all have one for each hit: the file is damaged, write it again")
        if found[name].dtype.kind not in ("iu" if name in ("hit_pmt", "hit_parent") else "iuf"):
            raise SourceError(f"{path}: {name} holds {found[name].dtype}; PMTs and parents are integers, charges and times numbers")
    return hits


def _size(dataset: h5py.Dataset) -> int:
    return int(dataset.size or 0)


def _hit_columns(path: str, found: Datasets, hits: int, offsets: NDArray[np.int64]) -> tuple[LazyLists, set[str]]:
    """The column ``hits`` of all one-dimensional datasets ``hit_<field>`` with one number for each hit, and the names of these."""
    flat = {
        name: dataset for name, dataset in found.items()
        if name.startswith(HIT) and dataset.shape == (hits,) and dataset.dtype.kind in "biuf"
    }  # fmt: skip
    ordered = sorted(flat, key=lambda name: (name not in ("hit_pmt", "hit_charge", "hit_time"), name == "hit_time", name == "hit_charge", name))
    with reading(path):
        fields = {name.removeprefix(HIT): range_reader(path, flat[name]) for name in ordered}
    dtypes = {name.removeprefix(HIT): native(flat[name].dtype) for name in ordered}
    return LazyLists("hits", lambda start, stop: offsets[start : stop + 1], fields, dtypes, meaning=HIT_MEANINGS), set(flat)


def _time_zero(path: str, lists: LazyLists, offsets: NDArray[np.int64]) -> LazyColumn:
    """The time origin that the file's own times tell; touching it raises ``SourceError`` where they do not."""

    def load(start: int, stop: int) -> NDArray[np.float64]:
        return np.full(stop - start, sampled_origin(lists.fields["time"], offsets, path).offset_ns)

    meaning = "what to subtract from hit times, from the first hits of the file's events"
    return LazyColumn("time_zero", ak.forms.NumpyForm("float64"), load, unit="ns", meaning=meaning)


def file_attributes(file: h5py.File) -> dict[str, Any]:
    """The attributes of the file; those that a merge left as arrays of single characters are joined again."""
    return {name: _joined(value) for name, value in plain_attributes(file).items()}


def _joined(value: Any) -> Any:
    if isinstance(value, list) and value and all(isinstance(part, str) and len(part) == 1 for part in value):
        return "".join(value)
    return value
