"""JSON objects of equally long number lists, the form of the HESE 7.5 year release (DOI 10.21234/4EQJ-BB17)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Any

import numpy as np

from readers.columns import ColumnSource, check_lengths, numpy_form
from readers.events import LazyColumn
from readers.files import open_binary, reading
from readers.json_scan import ListIndex, Piece, index_object, parse
from readers.known_columns import RELEASE, UNKNOWN
from readers.source import SourceError


def open_hese_json(paths: Sequence[str], tree: str | None = None) -> ColumnSource:
    """Open one file, or several whose lists are columns of the same events (the release splits its simulation over three files).

    Opening reads the files once and parses no number; a column's numbers are parsed when it is first touched. A list of integers is
    an ``int64`` column, any other a ``float64`` one in which ``NaN`` and ``null`` are NaN. Values that are not lists are attributes.
    Raises ``SourceError`` for a column in two files, unequal lengths (each named), text in a list, truncation.
    """
    if tree is not None:
        raise SourceError(f"{paths[0]}: a JSON file of columns has no tree {tree!r}; leave tree out")
    with ExitStack() as stack:
        columns: dict[str, LazyColumn] = {}
        lengths: dict[str, int] = {}
        attributes: dict[str, Any] = {}
        origin: dict[str, str] = {}
        for path in paths:
            file = stack.enter_context(open_binary(path))
            with reading(path):
                index = index_object(file, path)
            for name, value in index.items():
                if name in origin:
                    raise SourceError(f"column {name!r} is in two files: {origin[name]} and {path}; files are merged by column, so give each once")
                origin[name] = path
                if isinstance(value, ListIndex):
                    columns[name] = _column(name, file, path, value)
                    lengths[name] = value.count
                else:
                    attributes[name] = value
        where = " + ".join(paths)
        if not columns:
            raise SourceError(f"{where}: holds no list of numbers; a HESE file is an object of equally long lists")
        length = check_lengths(
            where, lengths, "all lists of a data set describe the same events: write the file again, or give files that belong together"
        )
        return ColumnSource(where, length, list(columns.values()), attributes=attributes, close=stack.pop_all().close)


def _column(name: str, file: IO[bytes], path: str, index: ListIndex) -> LazyColumn:
    if index.rows:
        raise SourceError(
            f"{path}: {name!r} is a list of lists; a HESE file holds lists of numbers (events in rows with a mapping are format toy_json)"
        )
    known = RELEASE.get(name, UNKNOWN)
    numbers = _Numbers(name, file, path, index)
    return LazyColumn(name, numpy_form(numbers.dtype), numbers.load, unit=known.unit, meaning=known.meaning)


class _Numbers:
    """One list of numbers, parsed in the pieces that an entry range touches; the latest piece is kept for the next range."""

    def __init__(self, name: str, file: IO[bytes], path: str, index: ListIndex) -> None:
        self.where = f"{path}: column {name!r}"
        self.file, self.index = file, index
        self.dtype = np.dtype(np.int64 if index.whole and index.count else np.float64)
        self._latest: tuple[Piece, np.ndarray] | None = None

    def load(self, start: int, stop: int) -> np.ndarray:
        """Entries ``start`` to ``stop`` as ``float64`` or ``int64``."""
        values = np.empty(stop - start, dtype=self.dtype)
        for piece in self.index.overlapping(start, stop):
            parsed = self._parsed(piece)
            first, last = max(start, piece.first), min(stop, piece.first + piece.count)
            values[first - start : last - start] = parsed[first - piece.first : last - piece.first]
        return values

    def _parsed(self, piece: Piece) -> np.ndarray:
        if self._latest is None or self._latest[0] != piece:
            self.file.seek(piece.offset)
            values = parse(self.file.read(piece.size), piece, self.where)
            try:
                self._latest = (piece, np.array(values, dtype=self.dtype))
            except OverflowError:
                entry, value = next((entry, value) for entry, value in enumerate(values) if not -(2**63) <= value < 2**63)
                raise SourceError(f"{self.where}, entry {piece.first + entry}: {value} does not fit into 64 bits; write it as a float") from None
        return self._latest[1]
