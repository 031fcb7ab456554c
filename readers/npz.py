"""NumPy arrays in ``.npz`` archives; nothing in them is ever unpickled."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache

import numpy as np

from configs.errors import nearest
from readers.columns import ColumnSource
from readers.events import LazyColumn
from readers.files import open_binary, reading
from readers.jagged import SUFFIX, Stored, is_offsets, stored_columns
from readers.npy import OBJECTS, Header, Read, array_fields, check_array, read_header
from readers.source import SourceError

CURE = "columns share one length: open one array with tree: NAME, or save the arrays of the same events together"


def open_npz(paths: Sequence[str], tree: str | None = None) -> ColumnSource:
    """Open an ``.npz`` file: its arrays are columns of equal length; a flat array beside ``<name>_offsets`` is a jagged column.

    ``tree`` names one array to open by itself, structured or plain; a structured array that is alone needs no naming. An array is
    unpacked whole when it is first touched. Arrays of Python objects are in ``unreadable``. Raises ``SourceError`` when nothing can be
    read, for unequal lengths (each named) and for damaged archives.
    """
    (path,) = paths
    with ExitStack() as stack:
        file = stack.enter_context(open_binary(path))
        with reading(path):
            archive = stack.enter_context(zipfile.ZipFile(file))
            members = read_members(archive, path)
            length, columns, unreadable = _columns(path, archive, members, tree)
        return ColumnSource(path, length, columns, unreadable=unreadable, close=stack.pop_all().close)


def read_members(archive: zipfile.ZipFile, path: str) -> dict[str, Header | str]:
    """Name -> header of every array, or the reason why it cannot be a column. No values are read.

    Raises ``SourceError`` for damaged headers, sizes that disagree with them, and two arrays of one name.
    """
    members: dict[str, Header | str] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise SourceError(f"{path}: array {name!r} is in the file twice; save it again")
        if not info.filename.endswith(".npy"):
            members[name] = "not a NumPy array"
            continue
        where = f"{path}: array {name!r}"
        with archive.open(info) as member:
            header = read_header(member, where)
        members[name] = _refusal(header) or header
        if isinstance(members[name], Header):
            check_array(header, where, info.file_size - header.offset)
    return members


def _refusal(header: Header) -> str:
    if header.dtype.hasobject:
        return f"holds {OBJECTS}"
    return "" if header.shape else "a single value"


def _columns(
    path: str, archive: zipfile.ZipFile, members: Mapping[str, Header | str], tree: str | None
) -> tuple[int, list[LazyColumn], dict[str, str]]:
    refused = {name: header for name, header in members.items() if isinstance(header, str)}
    arrays = {name: header for name, header in members.items() if isinstance(header, Header)}
    tables = [name for name, header in arrays.items() if header.dtype.names]
    if tree is None and tables == list(arrays) and len(tables) == 1:
        tree = tables[0]
    if tree is not None:
        return stored_columns(path, array_fields(_chosen(path, arrays, refused, tree), tree, _unpacked(archive, tree)), CURE)
    refused |= {name: f"a structured array; open it with tree: {name}" for name in tables}
    plain = {name: header for name, header in arrays.items() if name not in tables}
    if not plain:
        listed = "; ".join(f"{name!r}: {reason}" for name, reason in refused.items())
        raise SourceError(f"{path}: no array can be read as a column ({listed or 'there is none'}); save arrays of numbers or strings")
    length, columns, unreadable = stored_columns(path, _with_offsets(plain, archive), CURE)
    return length, columns, refused | unreadable


def _chosen(path: str, arrays: Mapping[str, Header], refused: Mapping[str, str], tree: str) -> Header:
    if tree in refused:
        raise SourceError(f"{path}: array {tree!r}: {refused[tree]}")
    if tree not in arrays:
        raise SourceError(f"{path}: no array {tree!r}{nearest(tree, arrays)}")
    return arrays[tree]


def _with_offsets(headers: Mapping[str, Header], archive: zipfile.ZipFile) -> dict[str, Stored]:
    stored = {name: Stored(header.dtype, header.shape, _unpacked(archive, name)) for name, header in headers.items()}
    pairs = {name: name + SUFFIX for name in stored if name + SUFFIX in stored}
    pairs = {name: offsets for name, offsets in pairs.items() if is_offsets(stored[offsets].dtype, stored[offsets].shape)}
    offsets_names = set(pairs.values())
    return {
        name: Stored(array.dtype, array.shape, array.read, offsets=stored[pairs[name]] if name in pairs else None)
        for name, array in stored.items()
        if name not in offsets_names
    }


def _unpacked(archive: zipfile.ZipFile, name: str) -> Read:
    @cache
    def whole() -> np.ndarray:
        array = np.lib.format.read_array(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False, max_header_size=1 << 20)
        array.flags.writeable = False
        return array

    return lambda start, stop: whole()[start:stop]
