"""Tables as IceTray's hdfwriter makes them: one for each frame object with its index table beside it, rows in C alignment.

The layout is that of ``readers.hdfwriter_layout``; what is written here is read by the same programs as the files of an IceTray job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from readers.hdfwriter_layout import DOM, EXISTS, INDEX, KEYS, RAGGED, RANGE, VECTOR
from records.atomic import replacing

KEY_TYPES = ("<u4", "<u4", "<u4", "<i4")
PREFIX = {**dict(zip(KEYS, KEY_TYPES, strict=True)), EXISTS: "u1"}
DOCS = {
    "Run": "run number", "Event": "event number", "SubEvent": "sub-event number", "SubEventStream": "number of the splitter that made the event",
    EXISTS: "the object was in the frame", "start": "first row of the event", "stop": "row after the last of the event",
}  # fmt: skip
CHUNK_ROWS = 1 << 13
GZIP_LEVEL = 1  # random numbers hardly shrink: the fastest


@dataclass(frozen=True)
class EventKeys:
    """(Run, Event, SubEvent, SubEventStream) of n events."""

    run: NDArray[np.uint32]
    event: NDArray[np.uint32]
    sub_event: NDArray[np.uint32]
    stream: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.event)

    @classmethod
    def counted(cls, count: int, run: int = 1, stream: int = 3) -> EventKeys:
        """Events 0, 1, 2 ... of one run, each with one sub-event."""
        return cls(np.full(count, run, np.uint32), np.arange(count, dtype=np.uint32), np.zeros(count, np.uint32), np.full(count, stream, np.int32))


@dataclass(frozen=True)
class TableContent:
    """One table. ``columns``: of n events (n) or (n, k), or of all items when ``counts`` (n) says how many each event has.

    ``exists`` (n): whether the object is in the event's frame (all by default); rows of missing objects are written as zeros.
    ``units`` and ``meanings`` by column.
    """

    columns: Mapping[str, ArrayLike]
    counts: ArrayLike | None = None
    exists: ArrayLike | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)


def write_hdfwriter(
    path: Path,
    keys: EventKeys,
    tables: Mapping[str, TableContent],
    per_file: Mapping[str, TableContent] | None = None,
    about: Mapping[str, str] | None = None,
) -> Path:
    """Write tables of the events ``keys``, and tables ``per_file`` with any number of rows (livetime, production); returns ``path``.

    ``about`` becomes attributes of the file. Raises ``ValueError`` for columns of another length than their events or items.
    """
    with replacing(path) as place, h5py.File(place, "w") as file:
        file.attrs.update(about or {})
        indices = file.create_group(INDEX)
        for name, table in tables.items():
            _write(file, indices, name, keys, table)
        for name, table in (per_file or {}).items():
            rows = len(np.asarray(next(iter(table.columns.values()))))
            _write(file, indices, name, EventKeys.counted(rows, run=0, stream=0), table)
    return path


def _write(file: h5py.File, indices: h5py.Group, name: str, keys: EventKeys, table: TableContent) -> None:
    exists = np.ones(len(keys), bool) if table.exists is None else np.asarray(table.exists, bool)
    counts = None if table.counts is None else np.where(exists, np.asarray(table.counts, np.int64), 0)
    owner = np.arange(len(keys)) if counts is None else np.repeat(np.arange(len(keys)), counts)
    columns = {column: np.asarray(values) for column, values in table.columns.items()}
    for column, values in columns.items():
        if len(values) != len(owner):
            raise ValueError(f"table {name}: column {column} has {len(values)} rows, not {len(owner)}")
    types = {column: (values.dtype.str, values.shape[1:]) for column, values in columns.items()}
    rows = _rows(keys, types, owner, exists)
    for column, values in columns.items():
        rows[column] = values
    if counts is None:
        rows[~exists] = _blank(rows[~exists])
    _create(file, name, rows, table.units, table.meanings, ragged=counts is not None)
    _create(indices, name, _index(keys, exists, counts), {}, {}, ragged=False)


def _rows(keys: EventKeys, types: Mapping[str, tuple[str, tuple[int, ...]]], owner: NDArray[np.int64], exists: NDArray[np.bool_]) -> NDArray:
    fields = [*PREFIX.items(), *((name, kind, shape) for name, (kind, shape) in types.items())]
    rows = np.zeros(len(owner), _padded(np.dtype(fields, align=True)))
    for name, values in zip(KEYS, (keys.run, keys.event, keys.sub_event, keys.stream), strict=True):
        rows[name] = values[owner]
    rows[EXISTS] = exists[owner]
    return rows


def _padded(dtype: np.dtype) -> np.dtype:
    """Rows of IceTray's tables begin at multiples of 16 bytes."""
    names = dtype.names or ()
    places = [dtype.fields[name][1] for name in names] if dtype.fields else []
    return np.dtype({"names": names, "formats": [dtype[name] for name in names], "offsets": places, "itemsize": -(-dtype.itemsize // 16) * 16})


def _blank(rows: NDArray) -> NDArray:
    """The same keys, and zeros for everything else."""
    empty = np.zeros_like(rows)
    for name in KEYS:
        empty[name] = rows[name]
    return empty


def _index(keys: EventKeys, exists: NDArray[np.bool_], counts: NDArray[np.int64] | None) -> NDArray:
    """Index rows hold stream 0, as those of IceTray do; of missing objects start is stop."""
    number = np.ones(len(keys), np.int64) if counts is None else counts
    rows = _rows(keys, dict.fromkeys(RANGE, ("<u8", ())), np.arange(len(keys)), exists)
    rows["SubEventStream"] = 0
    rows["stop"] = np.cumsum(number)
    rows["start"] = rows["stop"] - number.astype(np.uint64)
    return rows


def _create(group: h5py.Group, name: str, rows: NDArray, units: Mapping[str, str], meanings: Mapping[str, str], *, ragged: bool) -> None:
    dataset = group.create_dataset(
        name, data=rows, chunks=(min(CHUNK_ROWS, max(1, len(rows))),), maxshape=(None,), compression="gzip", compression_opts=GZIP_LEVEL, shuffle=True
    )
    dataset.attrs[RAGGED] = np.array([ragged], np.int8)
    for number, column in enumerate(rows.dtype.names or ()):
        words = {"NAME": column, "UNIT": units.get(column, "bool" if column == EXISTS else ""), "DOC": meanings.get(column, DOCS.get(column, ""))}
        dataset.attrs.update({f"FIELD_{number}_{key}": np.bytes_(text.encode()) for key, text in words.items()})


def dom_table(
    counts: ArrayLike, dom: Mapping[str, ArrayLike], items: ArrayLike, columns: Mapping[str, ArrayLike], units: Mapping[str, str] | None = None
) -> TableContent:
    """A map from photomultipliers to lists: event i has ``counts[i]`` of them, photomultiplier j (string, om, pmt) has ``items[j]`` entries.

    ``columns``: all entries, one after the other.
    """
    per_dom = np.asarray(items, np.int64)
    if np.any(per_dom < 1):
        raise ValueError("a photomultiplier without entries leaves no row; leave it out")
    starts = np.cumsum(per_dom) - per_dom
    which = np.repeat(np.arange(len(per_dom)), per_dom)
    keys = {name: np.asarray(dom[name])[which].astype(kind) for name, kind in zip(DOM, ("<i4", "<u4", "<u4"), strict=True)}
    number = np.asarray(counts, np.int64)
    ends = np.cumsum(number)
    totals = np.append(np.cumsum(per_dom), 0)[np.where(ends > 0, ends - 1, -1)]
    rows = np.diff(totals, prepend=0)
    vector = (np.arange(len(which)) - starts[which]).astype(np.uint64)
    return TableContent({**keys, VECTOR: vector, **columns}, counts=rows, units=units or {})
