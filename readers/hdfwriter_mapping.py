"""Files of hdfwriter as a mapping ``file[table][column]`` of float64 arrays: what simweights expects of a file.

simweights looks for attributes (``root``, ``cols``, ``arrays``, ``dir``, ``primary``, or the name of a column) before it indexes, so a table here has
none beside the special methods. [P] icecube/simweights, ``_utils.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from os import PathLike
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from configs.errors import nearest
from readers.files import reading
from readers.hdf5 import open_file
from readers.hdfwriter_layout import EXISTS, TableLayout, event_count, tables
from readers.hdfwriter_rows import FileTable
from readers.source import SourceError


class WeightTable:
    """One table over all files: ``table[column]`` is a float64 array, ``KeyError`` for a column that it lacks."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[tuple[FileTable, int]]) -> None:
        self._parts = list(parts)

    def __getitem__(self, column: str) -> NDArray[np.float64]:
        """Values of all rows; NaN for an object that was missing in its event, not the zero that stands in the file."""
        if not isinstance(column, str):
            raise KeyError(column)  # ends a loop over numbers: a table is no sequence
        return np.concatenate([_column(part, events, column) for part, events in self._parts])

    def __contains__(self, column: object) -> bool:
        return all(column in part.layout.columns for part, _ in self._parts)

    def __iter__(self) -> Iterator[str]:
        return iter(name for name in self._parts[0][0].layout.columns if name in self)

    def __len__(self) -> int:
        return sum(part.layout.data.shape[0] for part, _ in self._parts)

    def __repr__(self) -> str:
        return f"<table {self._parts[0][0].layout.name}: {len(self)} rows of {', '.join(self)}>"


def _column(part: FileTable, events: int, column: str) -> NDArray[np.float64]:
    layout = part.layout
    if column not in layout.columns:
        raise KeyError(f"{part.path}: table {layout.name} has no column {column!r}{nearest(column, layout.columns)}")
    with reading(part.path, f"{layout.name}.{column}"):
        whole = layout.kind == "scalar" and not layout.per_file
        rows = part.rows(0, events).values if whole else part.all_values()
        values = rows[column].astype(np.float64)
        values[rows[EXISTS] == 0] = np.nan
        return values


class WeightFile(Mapping[str, WeightTable]):
    """An open file, or several as one: ``file[table][column]``; tables of the production (``I3CorsikaInfo`` ...) are there as well.

    With several files a table must be in all of them. Close it, or use it as a context manager.
    """

    def __init__(self, paths: str | PathLike[str] | Sequence[str | PathLike[str]]) -> None:
        listed = [paths] if isinstance(paths, str | PathLike) else list(paths)
        with ExitStack() as stack:
            files = [_tables(str(path), stack) for path in listed]
            self._close = stack.pop_all().close
        self._tables = {name: WeightTable([file[name] for file in files]) for name in files[0] if all(name in file for file in files)}
        self.filename = " + ".join(map(str, listed))

    def __getitem__(self, table: str) -> WeightTable:
        if table not in self._tables:
            raise KeyError(f"{self.filename}: no table {table!r}{nearest(str(table), self._tables)}")
        return self._tables[table]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; arrays that were taken stay."""
        self._close()


def _tables(path: str, stack: ExitStack) -> dict[str, tuple[FileTable, int]]:
    layouts, _ = tables(path, stack.enter_context(open_file(path)))
    of_events = [layout for layout in layouts.values() if not layout.per_file]
    events = event_count(path, layouts) if of_events else 0
    reference = FileTable(path, _header(of_events)) if of_events else None
    return {name: (FileTable(path, layout, None if layout.per_file else reference), events) for name, layout in layouts.items()}


def _header(found: Sequence[TableLayout]) -> TableLayout:
    scalar = [layout for layout in found if layout.kind == "scalar"]
    return next((layout for layout in scalar if layout.name == "I3EventHeader"), scalar[0] if scalar else found[0])


def file_values(path: str, table: str, column: str) -> NDArray[np.float64]:
    """One column of a table as float64. Raises ``SourceError`` where the file lacks it."""
    with WeightFile(path) as file:
        try:
            return file[table][column]
        except KeyError as error:
            raise SourceError(str(error.args[0])) from None
