"""JSON objects ``{"mapping": {name: index}, "events": [[...], ...]}``, the form of the HESE exercise files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np

from configs.errors import nearest
from readers.columns import ColumnSource, numpy_form
from readers.events import LazyColumn
from readers.files import open_binary, reading
from readers.json_scan import ListIndex, Piece, index_object, parse
from readers.known_columns import EXERCISE, UNKNOWN
from readers.source import SourceError


def open_toy_json(paths: Sequence[str], tree: str | None = None) -> ColumnSource:
    """Open a file of event rows whose columns are found through its ``mapping``, never by position.

    Opening reads the file once and parses no number. The rows of an entry range are parsed when one of its columns is first touched;
    the other columns of that range then cost nothing. ``topology`` is an ``int64`` column (other than whole numbers are refused), all
    others are ``float64`` with ``NaN`` and ``null`` as NaN. Raises ``SourceError`` for an index that is out of range or given twice,
    ragged rows (each with its number), text in a row, truncation.
    """
    (path,) = paths
    if tree is not None:
        raise SourceError(f"{path}: a JSON file of event rows has no tree {tree!r}; leave tree out")
    file = open_binary(path)
    try:
        with reading(path):
            content = index_object(file, path)
            mapping, index = _parts(path, content)
            table = _Rows(file, path, index, _width(path, mapping, file, index))
            columns = [_column(name, position, table) for name, position in mapping.items()]
    except BaseException:
        file.close()
        raise
    attributes = {name: value for name, value in content.items() if name not in ("mapping", "events")}
    return ColumnSource(path, index.count, columns, attributes=attributes, close=file.close)


def _parts(path: str, content: Mapping[str, Any]) -> tuple[dict[str, int], ListIndex]:
    for name in ("mapping", "events"):
        if name not in content:
            raise SourceError(
                f"{path}: no key {name!r}{nearest(name, content)}; an exercise file is {{'mapping': {{name: index}}, 'events': [[...]]}}"
            )
    mapping, index = content["mapping"], content["events"]
    if not isinstance(mapping, dict) or not mapping:
        raise SourceError(f"{path}: 'mapping' must be a filled object of column name -> column index")
    if not isinstance(index, ListIndex) or (index.count and not index.rows):
        raise SourceError(f"{path}: 'events' must be a list of rows, one list of numbers per event")
    _check_indices(path, mapping)
    return mapping, index


def _check_indices(path: str, mapping: Mapping[str, Any]) -> None:
    wrong = {name: position for name, position in mapping.items() if type(position) is not int or position < 0}
    if wrong:
        raise SourceError(f"{path}: mapping: indices must be whole numbers from 0 on, not {wrong}")
    shared = [position for position, times in Counter(mapping.values()).items() if times > 1]
    if shared:
        names = sorted(name for name, position in mapping.items() if position in shared)
        raise SourceError(f"{path}: mapping: columns {', '.join(names)} share the index {', '.join(map(str, shared))}; each needs its own")


def _width(path: str, mapping: Mapping[str, int], file: IO[bytes], index: ListIndex) -> int:
    """Numbers per row, from the first row; every index of the mapping must lie in it."""
    if not index.count:
        return max(mapping.values()) + 1
    piece = index.pieces[0]
    file.seek(piece.offset)
    row = file.read(piece.size).split(b"]", 1)[0] + b"]"
    width = len(parse(row, Piece(piece.offset, len(row), 0, 1), f"{path}: 'events'", what="row")[0])
    outside = {name: position for name, position in mapping.items() if position >= width}
    if outside:
        listed = ", ".join(f"{name}: {position}" for name, position in outside.items())
        raise SourceError(f"{path}: mapping: index out of range ({listed}), rows hold {width} numbers (index 0 to {width - 1}); correct the mapping")
    return width


def _column(name: str, position: int, table: _Rows) -> LazyColumn:
    known = EXERCISE.get(name, UNKNOWN)

    def load(start: int, stop: int) -> np.ndarray:
        values = table.load(start, stop)[position]
        if not known.whole:
            return values
        wrong = np.flatnonzero(~(np.isfinite(values) & (np.abs(values) < 2**53) & (values == np.trunc(values))))
        if len(wrong):
            raise SourceError(f"{table.path}: column {name!r}, row {start + wrong[0]}: {values[wrong[0]]} is not a whole number ({known.meaning})")
        return values.astype(np.int64)

    return LazyColumn(name, numpy_form(np.dtype(np.int64 if known.whole else np.float64)), load, unit=known.unit, meaning=known.meaning)


class _Rows:
    """Event rows as an array (numbers per row, entries), so that each column is contiguous; the latest entry range is kept."""

    def __init__(self, file: IO[bytes], path: str, index: ListIndex, width: int) -> None:
        self.file, self.path, self.index, self.width = file, path, index, width
        self._latest: tuple[int, int, np.ndarray] | None = None

    def load(self, start: int, stop: int) -> np.ndarray:
        """Rows ``start`` to ``stop``, transposed: shape (numbers per row, stop - start), read-only."""
        if self._latest is None or self._latest[:2] != (start, stop):
            self._latest = None  # free the old range first
            values = np.empty((self.width, stop - start))
            for piece in self.index.overlapping(start, stop):
                rows = self._parsed(piece)
                first, last = max(start, piece.first), min(stop, piece.first + piece.count)
                values[:, first - start : last - start] = rows[first - piece.first : last - piece.first].T
            values.flags.writeable = False
            self._latest = (start, stop, values)
        return self._latest[2]

    def _parsed(self, piece: Piece) -> np.ndarray:
        self.file.seek(piece.offset)
        rows = parse(self.file.read(piece.size), piece, f"{self.path}: 'events'", what="row")
        for number, row in enumerate(rows, start=piece.first):
            if not isinstance(row, list):
                raise SourceError(f"{self.path}: 'events', row {number}: {row!r} is not a row; every event is a list of {self.width} numbers")
            if len(row) != self.width:
                raise SourceError(f"{self.path}: 'events', row {number} holds {len(row)} numbers, row 0 holds {self.width}; write the file again")
        return np.array(rows, dtype=np.float64)
