"""Tables of events as lazy columns: records masked where the object is missing, lists of records, lists by photomultiplier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from readers.columns import native, numpy_form
from readers.events import LazyColumn, checked_load
from readers.files import reading
from readers.hdfwriter_layout import DOM, TableLayout
from readers.hdfwriter_rows import FileTable, Rows, joined
from readers.source import Column

Load = Callable[[int, int], Rows]


class EventTable:
    """A table over all files of a source, for ranges of its events; its columns are those that every file has with one type."""

    def __init__(self, parts: Sequence[FileTable], starts: Sequence[int]) -> None:
        self._parts, self._starts = list(parts), list(starts)
        first = parts[0].layout
        self.layout: TableLayout = first
        layouts = [part.layout for part in parts]
        shared = [name for name in first.fields if all(name in one.columns and one.dtype[name] == first.dtype[name] for one in layouts)]
        self.dtypes: dict[str, np.dtype] = {name: first.dtype[name] for name in shared}
        self.lost = sorted({name for part in parts for name in part.layout.fields} - set(shared))

    def rows(self, start: int, stop: int) -> Rows:
        """Rows of the events ``start`` to ``stop`` of all files in their order."""
        found = [
            part.rows(max(start, begin) - begin, min(stop, end) - begin)
            for part, begin, end in zip(self._parts, self._starts[:-1], self._starts[1:], strict=True)
            if max(start, begin) < min(stop, end)
        ]
        return joined(found) if found else self._parts[0].rows(0, 0)

    def column(self, field: str) -> Column:
        """Type, unit and meaning of one column, ``Table.field``."""
        form = table_form(self, field, None, None)
        return Column(f"{self.layout.name}.{field}", str(form.type), self.layout.units[field], self.layout.meanings[field])


class TableColumn(LazyColumn):
    """All columns of a table as records, or one of them (``field``; of an array column one ``element``), None where the object is missing.

    The rows of a range are read at the first touch of any column of the table, once.
    """

    def __init__(self, name: str, table: EventTable, load: Load, field: str | None = None, element: int | None = None) -> None:
        self.table, self._rows, self.field, self.element = table, load, field, element
        unit, meaning = (table.layout.units[field], table.layout.meanings[field]) if field else ("", about(table))
        super().__init__(name, table_form(table, field, element, None), self._layout, unit=unit, meaning=meaning)

    def renamed(self, name: str) -> TableColumn:
        """The same column under another name."""
        return TableColumn(name, self.table, self._rows, self.field, self.element)

    def guarded(self, check: Callable[[], None]) -> TableColumn:
        """The same column, which calls ``check`` before each load."""
        return TableColumn(self.column.name, self.table, checked_load(check, self._rows), self.field, self.element)

    def buffers(self, path: str, start: int, stop: int, key: str) -> tuple[ak.forms.Form, dict[str, Callable[[], Any]]]:
        """The form with form keys and its buffers as callables."""

        def made(make: Callable[[Rows], NDArray[Any]]) -> NDArray[Any]:
            with reading(path, f"column {self.column.name!r}, entries {start} to {stop}"):
                return make(self._rows(start, stop))

        sources: dict[str, Callable[[], NDArray[Any]]] = {f"{key}.exists-mask": partial(made, lambda rows: rows.exists)}
        if self.table.layout.kind != "scalar":
            sources[f"{key}.lists-offsets"] = partial(made, _outer)
        for field in self._fields:
            sources[f"{key}.{field}-data"] = partial(made, partial(_values, field=field, element=self.element))
            if self._by_item(field):
                sources[f"{key}.{field}.items-offsets"] = partial(made, _inner)
        return table_form(self.table, self.field, self.element, key), sources

    @property
    def _fields(self) -> Sequence[str]:
        return list(self.table.dtypes) if self.field is None else [self.field]

    def _by_item(self, field: str) -> bool:
        return self.table.layout.kind == "dom" and field not in DOM

    def _layout(self, start: int, stop: int) -> Any:
        form, sources = self.buffers(self.table.layout.name, start, stop, "table")
        return ak.from_buffers(form, stop - start, {name: load() for name, load in sources.items()}, highlevel=False)


def _outer(rows: Rows) -> NDArray[np.int64]:
    assert rows.offsets is not None
    return rows.offsets


def _inner(rows: Rows) -> NDArray[np.int64]:
    assert rows.inner is not None
    return rows.inner


def _values(rows: Rows, *, field: str, element: int | None) -> NDArray[Any]:
    found = rows.column(field)
    return np.ascontiguousarray(found[:, element]) if element is not None else found.reshape(-1)


def table_form(table: EventTable, field: str | None, element: int | None, key: str | None) -> ak.forms.Form:
    """The awkward form of a table, or of one of its columns; with form keys that begin with ``key``."""
    dom = table.layout.kind == "dom"
    forms = {
        name: _field_form(dtype, element, key and f"{key}.{name}", lists=dom and name not in DOM)
        for name, dtype in table.dtypes.items()
        if field in (None, name)
    }
    content = ak.forms.RecordForm(list(forms.values()), list(forms), form_key=key and f"{key}.record") if field is None else forms[field]
    if table.layout.kind != "scalar":
        content = ak.forms.ListOffsetForm("i64", content, form_key=key and f"{key}.lists")
    return ak.forms.ByteMaskedForm("i8", content, valid_when=True, form_key=key and f"{key}.exists")


def _field_form(dtype: np.dtype, element: int | None, key: str | None, *, lists: bool) -> ak.forms.Form:
    shape = dtype.shape if element is None else ()
    plain = ak.forms.NumpyForm(native(dtype.base).name, form_key=key)
    form: ak.forms.Form = plain
    for number, size in enumerate(reversed(shape)):
        form = ak.forms.RegularForm(form, size, form_key=key and f"{key}.axis{number}")
    return ak.forms.ListOffsetForm("i64", form, form_key=key and f"{key}.items") if lists else form


def about(table: EventTable) -> str:
    """The columns of a table with their units in one line."""
    units = table.layout.units
    return ", ".join(f"{name} [{units[name]}]" if units[name] else name for name in table.dtypes)


def file_index(starts: Sequence[int]) -> LazyColumn:
    """The number of the file that an event lies in: the first part of its key."""

    def load(start: int, stop: int) -> NDArray[np.int64]:
        return np.searchsorted(np.asarray(starts[1:]), np.arange(start, stop), side="right").astype(np.int64)

    return LazyColumn("file_index", numpy_form(np.dtype(np.int64)), load, meaning="number of the file in the data set; first part of the event's key")


def key_column(name: str, table: EventTable, meaning: str) -> LazyColumn:
    """Run, Event, SubEvent or SubEventStream, of the data (index tables hold stream 0)."""
    dtype = native(table.layout.dtype[name].base)

    def load(start: int, stop: int) -> NDArray[Any]:
        return np.ascontiguousarray(table.rows(start, stop).values[name], dtype=dtype)

    return LazyColumn(name, numpy_form(dtype), load, meaning=meaning)
