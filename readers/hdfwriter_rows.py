"""Rows of one table for a range of events: read once, checked against the event keys, with missing objects marked and lists cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from readers.columns import native
from readers.hdf5 import check_filled
from readers.hdfwriter_layout import DOM, EXISTS, INDEX, JOINED, TableLayout
from readers.source import SourceError

Keys = NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """What a table holds for n events.

    ``exists`` (n): whether the object was in the frame. ``values``: the rows of the file. ``offsets`` (n + 1): the lists of a ragged table;
    ``inner``: the offsets of the photomultipliers' lists in the rows, where ``offsets`` counts photomultipliers.
    """

    exists: NDArray[np.int8]
    values: NDArray[Any]
    offsets: NDArray[np.int64] | None = None
    inner: NDArray[np.int64] | None = None

    def column(self, field: str) -> NDArray[Any]:
        """One column, packed: a value for each event, each item, or each photomultiplier (string, om, pmt of such tables)."""
        found = self.values[field]
        if self.inner is not None and field in DOM:
            found = found[self.inner[:-1]]
        return np.ascontiguousarray(found, dtype=native(found.dtype.base))


class FileTable:
    """A table of one open file. ``rows`` keeps the range read last: the columns of a table share one reading."""

    def __init__(self, path: str, layout: TableLayout, reference: FileTable | None = None) -> None:
        self.path, self.layout, self._reference = path, layout, reference
        self._kept: tuple[tuple[int, int], Rows] | None = None

    def rows(self, start: int, stop: int) -> Rows:
        """Rows of the events ``start`` to ``stop``. Raises ``SourceError`` where (Run, Event, SubEvent) are not those of the other tables."""
        if self._kept is None or self._kept[0] != (start, stop):
            self._kept = ((start, stop), self._scalar(start, stop) if self.layout.kind == "scalar" else self._lists(start, stop))
        return self._kept[1]

    def all_values(self) -> NDArray[Any]:
        """Every row of the file as it is."""
        check_filled(self.path, self.layout.data)
        return np.asarray(self.layout.data[...])

    def keys(self, start: int, stop: int) -> Keys:
        """Rows with the event keys of a range: the data themselves, or the index of a ragged table."""
        return self.rows(start, stop).values if self.layout.kind == "scalar" else self._index(start, stop)

    def _scalar(self, start: int, stop: int) -> Rows:
        check_filled(self.path, self.layout.data)
        values = np.asarray(self.layout.data[start:stop])
        self._check_keys(values, start, stop, self.layout.name)
        return Rows((values[EXISTS] != 0).astype(np.int8), values)

    def _lists(self, start: int, stop: int) -> Rows:
        index = self._index(start, stop)
        self._check_keys(index, start, stop, f"{INDEX}/{self.layout.name}")
        offsets, first = self._offsets(index, start)
        check_filled(self.path, self.layout.data)
        values = np.asarray(self.layout.data[first : first + int(offsets[-1])])
        if len(values) != offsets[-1]:
            raise SourceError(
                f"{self._where}: its index asks for rows up to {first + offsets[-1]}, it has {self.layout.data.shape[0]}; write the file again"
            )
        self._check_owner(values, index, offsets, start)
        exists = (index[EXISTS] != 0).astype(np.int8)
        if self.layout.kind == "ragged":
            return Rows(exists, values, offsets)
        inner = dom_offsets(values, offsets)
        return Rows(exists, values, np.searchsorted(inner, offsets).astype(np.int64), inner)

    def _index(self, start: int, stop: int) -> NDArray[Any]:
        assert isinstance(self.layout.index, h5py.Dataset)
        check_filled(self.path, self.layout.index)
        return np.asarray(self.layout.index[start:stop])

    def _offsets(self, index: NDArray[Any], start: int) -> tuple[NDArray[np.int64], int]:
        """Offsets of the events' lists in the rows that belong to them, and the first of these rows."""
        begins, ends = index["start"].astype(np.int64), index["stop"].astype(np.int64)
        counts = np.where(index[EXISTS] != 0, ends - begins, 0)
        filled = np.flatnonzero(counts)
        jump = np.flatnonzero(begins[filled[1:]] != ends[filled[:-1]])
        if np.any(counts < 0) or len(jump):
            event = start + int(np.argmax(counts < 0) if np.any(counts < 0) else filled[jump[0] + 1])
            raise SourceError(
                f"{self.path}: {INDEX}/{self.layout.name}: rows of event {event} do not follow those of the event before; write the file again"
            )
        offsets = np.zeros(len(index) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return offsets, int(begins[filled[0]]) if len(filled) else 0

    def _check_keys(self, keys: Keys, start: int, stop: int, name: str) -> None:
        if self._reference is None:
            return
        wanted = self._reference.keys(start, stop)
        other = np.zeros(len(keys), bool)
        for key in JOINED:
            other |= keys[key] != wanted[key]
        if not other.any():
            return
        other &= ~((keys[EXISTS] == 0) & (keys["Run"] == 0) & (keys["Event"] == 0))  # padding without a key
        if other.any():
            row = int(np.argmax(other))
            theirs, ours = ([int(keys[row][key]) for key in JOINED] for keys in (wanted, keys))
            raise SourceError(
                f"{self.path}: tables {self._reference.layout.name} and {name} hold different events: first differing row {start + row}, "
                f"(Run, Event, SubEvent) {tuple(theirs)} and {tuple(ours)}; the job that wrote the file failed? write it again"
            )

    def _check_owner(self, values: NDArray[Any], index: NDArray[Any], offsets: NDArray[np.int64], start: int) -> None:
        """Rows must carry the key of the event that the index gives them to."""
        for key in JOINED[:2]:
            wrong = values[key] != np.repeat(index[key], np.diff(offsets))
            if wrong.any():
                event = start + int(np.searchsorted(offsets, np.argmax(wrong), side="right")) - 1
                raise SourceError(f"{self._where}: its index gives event {event} rows of another {key}; the file is damaged, write it again")

    @property
    def _where(self) -> str:
        return f"{self.path}: table {self.layout.name}"


def dom_offsets(values: NDArray[Any], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the lists of photomultipliers begin in rows of the events at ``offsets``, and the number of rows.

    A list begins where string, om or pmt change, and where an event begins: the last photomultiplier of an event may be the first of the next.
    """
    begins = np.zeros(len(values), bool)
    begins[offsets[:-1][offsets[:-1] < len(values)]] = True
    for name in DOM:
        begins[1:] |= values[name][1:] != values[name][:-1]
    return np.append(np.flatnonzero(begins), len(values)).astype(np.int64)


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows of several ranges, one after the other; the columns of their values are those that all have."""
    if len(parts) == 1:
        return parts[0]
    exists = np.concatenate([part.exists for part in parts])
    return Rows(
        exists, _stacked([part.values for part in parts]), _following([part.offsets for part in parts]), _following([part.inner for part in parts])
    )


def _following(parts: Sequence[NDArray[np.int64] | None]) -> NDArray[np.int64] | None:
    """Offsets of lists that follow each other."""
    given = [part for part in parts if part is not None]
    if not given:
        return None
    return np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part) for part in given]))]).astype(np.int64)


def _stacked(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    first = parts[0].dtype
    if all(part.dtype == first for part in parts):
        return np.concatenate(parts)
    shared = [name for name in first.names or () if all(name in (part.dtype.names or ()) and part.dtype[name] == first[name] for part in parts)]
    stacked = np.empty(sum(map(len, parts)), [(name, first[name]) for name in shared])
    for name in shared:
        stacked[name] = np.concatenate([part[name] for part in parts])
    return stacked
