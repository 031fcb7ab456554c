"""Parquet by row groups: only the row groups of the entry range and the touched column are read (pyarrow)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from readers.columns import STRING_FORM, ColumnSource, described
from readers.events import LazyColumn
from readers.files import open_binary, reading
from readers.source import SourceError
from readers.trc_pack import is_pack
from readers.trc_packed import open_trc_pack


def open_parquet(paths: Sequence[str], tree: str | None = None) -> ColumnSource:
    """Open a Parquet file: columns of numbers, booleans, strings, times, and lists and structs of these to any depth.

    Unit and meaning come from the metadata of a field (``unit``, ``description``), attributes from that of the schema. A null is NaN
    in a float column and refused, with its entry, in any other. Page checksums are verified where the file has them. Maps, decimals
    and the like are named in ``unreadable``. Raises ``SourceError`` for damaged files.
    """
    (path,) = paths
    if tree is not None:
        raise SourceError(f"{path}: a Parquet file holds one table and has no tree {tree!r}; leave tree out")
    handle = open_binary(path)
    try:
        with reading(path):
            file = pq.ParquetFile(handle, page_checksum_verification=True)
            schema = file.schema_arrow
            if is_pack(schema.metadata):
                handle.close()
                return open_trc_pack(paths, tree)
            table = _Table(path, file)
            columns, unreadable = [], {}
            for field in schema:
                try:
                    columns.append(_column(field, table))
                except TypeError:
                    unreadable[field.name] = f"of type {field.type}, which is not read; write it as numbers, strings or lists of them"
            _check_names(path, schema.names)
    except BaseException:
        handle.close()
        raise
    return ColumnSource(path, table.length, columns, attributes=_attributes(schema.metadata), unreadable=unreadable, close=handle.close)


class _Table:
    """The row groups of an open file."""

    def __init__(self, path: str, file: pq.ParquetFile) -> None:
        self.path, self.file = path, file
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
        self.starts = list(accumulate(sizes, initial=0))
        self.length = self.starts[-1]
        if self.length != file.metadata.num_rows:
            raise SourceError(f"{path}: says {file.metadata.num_rows} rows, its row groups hold {self.length}: damaged; write it again")

    def read(self, name: str, start: int, stop: int) -> pa.Array:
        """Entries ``start`` to ``stop`` of a column, from the row groups that overlap them."""
        first = bisect_right(self.starts, start) - 1
        last = bisect_right(self.starts, max(stop - 1, start))
        groups = [group for group in range(first, last) if self.starts[group + 1] > self.starts[group]] if stop > start else []
        table = self.file.read_row_groups(groups, columns=[name], use_threads=False)
        offset = start - (self.starts[first] if groups else start)
        return pa.concat_arrays(table.column(name).slice(offset, stop - start).chunks) if groups else pa.array([], table.schema.field(name).type)


def _column(field: pa.Field, table: _Table) -> LazyColumn:
    def load(start: int, stop: int) -> Any:
        return _content(table.read(field.name, start, stop), f"{table.path}: column {field.name!r}", start)

    return LazyColumn(field.name, _form(field.type), load, **described(_attributes(field.metadata)))


def _form(kind: pa.DataType) -> ak.forms.Form:
    """The awkward form of a column type. Raises ``TypeError`` for types that are not read."""
    if pa.types.is_dictionary(kind):
        return _form(kind.value_type)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return STRING_FORM
    if pa.types.is_fixed_size_list(kind):
        return ak.forms.RegularForm(_form(kind.value_type), kind.list_size)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return ak.forms.ListOffsetForm("i64", _form(kind.value_type))
    if pa.types.is_struct(kind):
        return ak.forms.RecordForm([_form(part.type) for part in kind], [part.name for part in kind])
    if not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    ):
        raise TypeError(f"{kind}")
    return ak.contents.NumpyArray(np.empty(0, _dtype(kind))).form


def _dtype(kind: pa.DataType) -> np.dtype:
    if pa.types.is_date(kind):
        return np.dtype("datetime64[D]" if pa.types.is_date32(kind) else "datetime64[ms]")
    if pa.types.is_timestamp(kind):
        return np.dtype(f"datetime64[{kind.unit}]")
    return np.dtype(kind.to_pandas_dtype())


def _content(array: pa.Array, where: str, start: int) -> Any:
    """Arrow array -> awkward layout of the form above; ``start`` is the entry of its first element, for messages."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _content(array.dictionary_decode(), where, start)
    if pa.types.is_floating(kind):
        return array.to_numpy(zero_copy_only=False)  # null -> NaN
    if array.null_count:
        entry = start + int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        raise SourceError(f"{where}: null at entry {entry} of a column of {kind}; only float columns may hold null (read as NaN): fill or drop it")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        array.validate(full=True)
        wide = array.cast(pa.large_string())
        content = ak.contents.NumpyArray(np.frombuffer(wide.buffers()[2] or b"", np.uint8), parameters={"__array__": "char"})
        return ak.contents.ListOffsetArray(_offsets(wide), content, parameters={"__array__": "string"})
    if pa.types.is_nested(kind):
        return _nested(array, where, start)
    values = array.to_numpy(zero_copy_only=False)
    return values.astype(_dtype(kind), copy=False)


def _nested(array: pa.Array, where: str, start: int) -> Any:
    """Lists and structs."""
    kind = array.type
    if pa.types.is_struct(kind):
        parts = [ak.to_layout(_content(part, where, start)) for part in array.flatten()]
        return ak.contents.RecordArray(parts, [part.name for part in kind], length=len(array))
    if pa.types.is_fixed_size_list(kind):
        return ak.contents.RegularArray(_inner(array.flatten(), where, start), kind.list_size, len(array))
    array.validate(full=True)
    offsets = array.offsets.to_numpy()
    return ak.contents.ListOffsetArray(ak.index.Index64(offsets - offsets[0]), _inner(array.flatten(), where, start))


def _inner(array: pa.Array, where: str, start: int) -> Any:
    if array.null_count and not pa.types.is_floating(array.type):
        raise SourceError(f"{where}: null inside a list at or behind entry {start}; only float columns may hold null (read as NaN): fill or drop it")
    return ak.to_layout(_content(array, where, start))


def _offsets(array: pa.Array) -> ak.index.Index64:
    return ak.index.Index64(np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1])


def _check_names(path: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"{path}: columns given twice: {', '.join(twice)}; rename one of each and write the file again")


def _attributes(metadata: Mapping[bytes, bytes] | None) -> dict[str, str]:
    """Arrow's metadata as text, without what Arrow and pandas keep there for themselves."""
    texts = {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in (metadata or {}).items()}
    return {key: value for key, value in texts.items() if key != "pandas" and not key.startswith(("ARROW:", "PARQUET:"))}
