"""Writers of event tables in chunks: Parquet, HDF5 (the flat form that ``readers.hdf5`` reads), ROOT (a TTree)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import awkward as ak
import numpy as np

from readers.columns import STRING_FORM
from readers.jagged import SUFFIX
from readers.source import Column, SourceError

TREE = "events"
COUNTER_SUFFIX = "_count"  # ROOT stores the lengths of jagged branches in branches of their own
ROW_GROUP_ENTRIES = 100_000
HDF5_CHUNK_BYTES = 1 << 17


@dataclass(frozen=True)
class Table:
    """What a writer must know before the first chunk: columns with their awkward forms, attributes, the number of entries."""

    columns: Mapping[str, Column]
    forms: Mapping[str, ak.forms.Form]
    attributes: Mapping[str, Any]
    length: int


class Writer(AbstractContextManager["Writer"], Protocol):
    """Writes chunks of events one after the other; complete when its block ends."""

    def write(self, events: ak.Array) -> None:
        """Append the entries of ``events``."""


class ParquetWriter:
    """Parquet with one row group per chunk, page checksums, and unit and meaning in the metadata of each field."""

    def __init__(self, path: Path, table: Table) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = []
        for name, column in table.columns.items():
            words = {key: text for key, text in (("unit", column.unit), ("description", column.meaning)) if text}
            kind = _arrow(table.forms[name].length_zero_array()).type
            fields.append(pa.field(name, kind, metadata=words or None))
        self.schema = pa.schema(fields, metadata={name: _text(value) for name, value in table.attributes.items()})
        self._table: Callable[..., Any] = pa.Table.from_arrays
        self._file = pq.ParquetWriter(path, self.schema, compression="zstd", write_page_checksum=True)

    def write(self, events: ak.Array) -> None:
        """Append a row group."""
        arrays = [_arrow(events[name]).cast(self.schema.field(name).type) for name in self.schema.names]
        self._file.write_table(self._table(arrays, schema=self.schema), row_group_size=ROW_GROUP_ENTRIES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._file.close()


class Hdf5Writer:
    """HDF5 datasets at the root; a jagged column is a flat dataset, ``<name>_offsets`` and the attribute ``offsets``; with checksums."""

    def __init__(self, path: Path, table: Table) -> None:
        import h5py

        self._file = h5py.File(path, "w", libver=("v110", "v110"))  # its metadata carry checksums
        self._file.attrs.update({name: value if isinstance(value, str | int | float) else _text(value) for name, value in table.attributes.items()})
        self._forms = table.forms
        self._at = 0
        self._ends: dict[str, int] = {}
        for name, form in table.forms.items():
            self._create(name, form, table)

    def write(self, events: ak.Array) -> None:
        """Append a chunk to every dataset."""
        stop = self._at + len(events)
        for name, form in self._forms.items():
            values = events[name]
            if form == STRING_FORM:
                self._file[name][self._at : stop] = ak.to_list(values)
            elif isinstance(form, ak.forms.ListOffsetForm):
                self._append(name, values, stop)
            else:
                self._file[name][self._at : stop] = np.asarray(values)
        self._at = stop

    def _append(self, name: str, lists: ak.Array, stop: int) -> None:
        begin = self._ends.get(name, 0)
        ends = begin + np.cumsum(np.asarray(ak.num(lists)), dtype=np.int64)
        self._ends[name] = int(ends[-1]) if len(ends) else begin
        self._file[name].resize(self._ends[name], axis=0)
        self._file[name][begin:] = np.asarray(ak.flatten(lists))
        self._file[name + SUFFIX][self._at + 1 : stop + 1] = ends

    def _create(self, name: str, form: ak.forms.Form, table: Table) -> None:
        import h5py

        if form == STRING_FORM:
            self._dataset(name, (table.length,), h5py.string_dtype())
        elif isinstance(form, ak.forms.ListOffsetForm):
            shape, dtype = _numbers(name, form.content, "Parquet")
            self._dataset(name, (0, *shape), dtype, maxshape=(None, *shape))
            self._file[name].attrs["offsets"] = name + SUFFIX
            self._dataset(name + SUFFIX, (table.length + 1,), np.dtype(np.int64))
            self._file[name + SUFFIX][0] = 0
        else:
            shape, dtype = _numbers(name, form, "Parquet")
            self._dataset(name, (table.length, *shape), dtype)
        words = {"unit": table.columns[name].unit, "description": table.columns[name].meaning}
        self._file[name].attrs.update({key: text for key, text in words.items() if text})

    def _dataset(self, name: str, shape: tuple[int, ...], dtype: np.dtype, maxshape: tuple[int | None, ...] | None = None) -> None:
        rows = max(1, HDF5_CHUNK_BYTES // max(1, dtype.itemsize * int(np.prod(shape[1:]))))
        rows = rows if maxshape else min(rows, max(1, shape[0]))
        if shape[0] or maxshape:
            options: dict[str, Any] = {"chunks": (rows, *shape[1:]), "maxshape": maxshape, "compression": "gzip", "compression_opts": 4}
            self._file.create_dataset(name, shape, dtype, shuffle=True, fletcher32=not dtype.hasobject, **options)
        else:
            self._file.create_dataset(name, shape, dtype)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._file.close()


class RootWriter:
    """A TTree ``events``; units, meanings and attributes are JSON in the TObjString ``events_columns`` beside it."""

    def __init__(self, path: Path, table: Table) -> None:
        import uproot

        types = {name: _branch_type(name, form) for name, form in table.forms.items()}
        words: dict[str, Any] = {name: {"unit": column.unit, "meaning": column.meaning} for name, column in table.columns.items()}
        words[""] = {name: value if isinstance(value, str | int | float) else _text(value) for name, value in table.attributes.items()}
        self._file = uproot.recreate(path)
        self._file[f"{TREE}_columns"] = json.dumps(words)
        self._tree = self._file.mktree(TREE, types, counter_name=lambda name: name + COUNTER_SUFFIX)
        self._names = list(types)

    def write(self, events: ak.Array) -> None:
        """Append a basket to every branch."""
        if len(events):
            self._tree.extend({name: ak.materialize(events[name]) for name in self._names})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._file.close()


WRITERS: dict[str, Callable[[Path, Table], Any]] = {"parquet": ParquetWriter, "hdf5": Hdf5Writer, "root": RootWriter}


def _arrow(array: Any) -> Any:
    """Arrow array without awkward's extension types; a float NaN stays NaN."""
    return ak.to_arrow(ak.materialize(array), extensionarray=False)


def _branch_type(name: str, form: ak.forms.Form) -> str:
    inner = form.content if isinstance(form, ak.forms.ListOffsetForm) and form != STRING_FORM else form
    shape, dtype = _numbers(name, inner, "Parquet or HDF5" if form == STRING_FORM else "Parquet")
    if dtype.kind not in "iufb" or dtype.itemsize > 8 or dtype == np.float16:
        raise SourceError(f"column {name!r} of type {form.type} cannot be a branch of a ROOT tree; convert to Parquet, or rename and select columns")
    return str(form.type) if not shape or inner is form else f"var * {inner.type}"


def _numbers(name: str, form: ak.forms.Form, instead: str) -> tuple[tuple[int, ...], np.dtype]:
    """Fixed shape and dtype of the numbers in each entry. ``SourceError`` for strings and lists, which cannot be stored flat here."""
    shape: tuple[int, ...] = ()
    whole = form
    while isinstance(form, ak.forms.RegularForm):
        shape, form = (*shape, form.size), form.content
    if not isinstance(form, ak.forms.NumpyForm) or form.parameters or form.primitive.startswith(("datetime", "timedelta")):
        raise SourceError(f"column {name!r} of type {whole.type} cannot be stored in this format; convert to {instead}")
    return shape, np.dtype(form.primitive)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
