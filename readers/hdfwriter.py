"""HDF5 tables written by IceTray's hdfwriter: a column of records for each table, one file or several as one data set.

Columns: ``file_index, Run, Event, SubEvent, SubEventStream`` (together the key of an event: Run and Event come again in other files and in other
splits), and each table by its name. ``columns: {ours: Table.column}`` adds single columns under names of one's own (``readers.key_resolver``).
A missing object (``exists`` 0) is None, never the zeros of its row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import accumulate
from types import MappingProxyType

import h5py

from configs.errors import InputError
from readers.columns import ColumnSource
from readers.events import LazyColumn
from readers.hdf5 import open_file, plain_attributes
from readers.hdfwriter_columns import EventTable, TableColumn, file_index, key_column
from readers.hdfwriter_layout import HEADER_TABLE, KEYS, TableLayout, event_count, tables
from readers.hdfwriter_rows import FileTable
from readers.key_resolver import Place, resolve
from readers.source import Column, SourceError

KEY_MEANING = "part of the event's key; alone it comes again in other files"


class HdfwriterSource(ColumnSource):
    """Events of one or several files.

    ``fields``: ``Table.column`` -> type, unit and meaning; ``file_tables``: names of the tables with rows for the file, not for events.
    """

    def __init__(self, paths: Sequence[str], lengths: Sequence[int], event_tables: Mapping[str, EventTable], **words: object) -> None:
        starts = [0, *accumulate(lengths)]
        self._tables = dict(event_tables)
        header = next((table for name, table in self._tables.items() if name == HEADER_TABLE), None) or _first_scalar(self._tables)
        columns: list[LazyColumn] = [file_index(starts)]
        columns += [key_column(name, header, KEY_MEANING) for name in KEYS]
        columns += [TableColumn(name, table, table.rows) for name, table in self._tables.items()]
        super().__init__(" + ".join(paths), starts[-1], columns, **words)  # type: ignore[arg-type]
        self.file_tables: tuple[str, ...] = ()

    @property
    def fields(self) -> Mapping[str, Column]:
        """Every column of every table, ``Table.column``, and the renamed ones."""
        found = {name: column for name, column in self.columns.items() if name not in self._tables}
        for table in self._tables.values():
            found |= {(column := table.column(field)).name: column for field in table.dtypes}
        return MappingProxyType(found)

    def rename(self, names: Mapping[str, str]) -> None:
        """Add columns ``our name -> Table.column`` (``readers.key_resolver.resolve``); the tables stay as they are.

        Raises ``SourceError`` listing every name that the file does not hold.
        """
        known = {name: list(table.dtypes) for name, table in self._tables.items()}
        wrong: list[str] = []
        added: dict[str, LazyColumn] = {}
        for ours, theirs in names.items():
            try:
                if theirs in self._columns and theirs not in self._tables:
                    added[ours] = self._columns[theirs].renamed(ours)
                else:
                    added[ours] = self._selected(ours, resolve(theirs, known))
            except InputError as error:
                wrong.append(f"{ours}: {theirs!r}: {error}")
        if wrong:
            raise SourceError(f"{self.path}: the data set's columns: names what the file does not hold: {'; '.join(wrong)}")
        self._columns |= added

    def _selected(self, name: str, place: Place) -> LazyColumn:
        table = self._tables[place.table]
        if place.element is not None:
            shape = table.dtypes[place.column].shape
            if not shape or place.element >= shape[0]:
                what = f"{shape[0]} elements" if shape else "one value"
                raise InputError(f"{place.table}.{place.column} has {what} in each row, no element {place.element}")
        column = TableColumn(name, table, table.rows, place.column, place.element)
        return column.guarded(partial(self._check_open, name))


def _first_scalar(found: Mapping[str, EventTable]) -> EventTable:
    return next((table for table in found.values() if table.layout.kind == "scalar"), next(iter(found.values())))


def open_hdfwriter(paths: Sequence[str], tree: str | None = None) -> HdfwriterSource:
    """Open files of one data set as one source, in the order given.

    Opening reads no event. A table, or column of a table, that not all files have is left out and listed in ``unreadable`` (the columns of a map are
    the keys of the file's first event). Raises ``SourceError`` for files without index tables and for tables of unequal length.
    """
    if tree is not None:
        raise SourceError(f"{paths[0]}: format hdfwriter reads every table; leave tree out, or give format: hdf5 for {tree!r} alone")
    with ExitStack() as stack:
        opened = [_OpenFile(path, stack.enter_context(open_file(path))) for path in paths]
        unreadable = {name: reason for file in opened for name, reason in file.other.items()}
        shared = _shared(opened, unreadable)
        starts = [0, *accumulate(file.length for file in opened)]
        event_tables = {name: EventTable([file.tables[name] for file in opened], starts) for name in shared}
        for name, table in event_tables.items():
            unreadable |= {f"{name}.{field}": "not in every file of the data set, or with another type" for field in table.lost}
        source = HdfwriterSource(
            paths, [file.length for file in opened], event_tables,
            attributes=opened[0].attributes, unreadable=unreadable, close=stack.pop_all().close,
        )  # fmt: skip
        source.file_tables = opened[0].file_tables
        return source


class _OpenFile:
    """The tables of one open file."""

    def __init__(self, path: str, file: h5py.File) -> None:
        layouts, self.other = tables(path, file)
        self.path, self.attributes = path, plain_attributes(file)
        self.length = event_count(path, layouts)
        self.file_tables = tuple(name for name, layout in layouts.items() if layout.per_file)
        self.other |= dict.fromkeys(self.file_tables, "a table of the file, not of its events")
        events = {name: layout for name, layout in layouts.items() if not layout.per_file}
        reference = FileTable(path, _reference(events))
        self.tables = {name: reference if layout is reference.layout else FileTable(path, layout, reference) for name, layout in events.items()}


def _reference(found: Mapping[str, TableLayout]) -> TableLayout:
    """The table whose event keys all others must have."""
    if HEADER_TABLE in found:
        return found[HEADER_TABLE]
    return next((layout for layout in found.values() if layout.kind == "scalar"), next(iter(found.values())))


def _shared(opened: Sequence[_OpenFile], unreadable: dict[str, str]) -> list[str]:
    """Tables that every file has in the same form; the others are added to ``unreadable``."""
    shared = []
    for name in dict.fromkeys(name for file in opened for name in file.tables):
        having = [file for file in opened if name in file.tables]
        kinds = {file.tables[name].layout.kind for file in having}
        if len(having) == len(opened) and len(kinds) == 1:
            shared.append(name)
        else:
            unreadable[name] = f"in {len(having)} of {len(opened)} files" if len(kinds) == 1 else "one row an event in one file, many in another"
    if not shared:
        raise SourceError(f"{opened[0].path} and {len(opened) - 1} more: no table that all of them have; are they of one data set?")
    return shared
