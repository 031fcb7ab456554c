"""NumPy arrays in ``.npy`` files, memory-mapped; nothing in them is ever unpickled."""

from __future__ import annotations

import ast
import io
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Literal

import numpy as np

from readers.columns import ColumnSource
from readers.files import is_url, open_binary, reading
from readers.jagged import Stored, stored_columns
from readers.source import SourceError

PLAIN = "values"  # the column of an array without fields
LONGEST_HEADER_BYTES = 1 << 20
OBJECTS = "Python objects, which only unpickling could read, and that may run code: refused; save numbers or strings"
Read = Callable[[int, int], np.ndarray]  # entries start to stop


@dataclass(frozen=True)
class Header:
    """What a ``.npy`` header says (NEP 1, "A simple file format for NumPy arrays"); the values follow after ``offset`` bytes."""

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    offset: int

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def open_npy(paths: Sequence[str], tree: str | None = None) -> ColumnSource:
    """Open a ``.npy`` file: the fields of a structured array are its columns; a plain array is one column named ``values``.

    A local file is memory-mapped, of a remote one the entry range is read. Raises ``SourceError`` for Python objects (fields named), a
    header that disagrees with the size of the file, and a single value.
    """
    (path,) = paths
    if tree is not None:
        raise SourceError(f"{path}: a .npy file holds one array and has no tree {tree!r}; leave tree out")
    with ExitStack() as stack:
        file = stack.enter_context(open_binary(path))
        with reading(path):
            header = read_header(file, path)
            check_array(header, path, file.seek(0, io.SEEK_END) - header.offset)
            length, columns, unreadable = stored_columns(path, array_fields(header, PLAIN, _reader(path, file, header)), "")
        if not columns:
            raise SourceError(f"{path}: no field can be read: {'; '.join(f'{name!r}: {reason}' for name, reason in unreadable.items())}")
        return ColumnSource(path, length, columns, unreadable=unreadable, close=stack.pop_all().close)


def read_header(file: IO[bytes], where: str) -> Header:
    """Read the header at the start of a ``.npy`` stream. Raises ``SourceError`` (``where`` begins it) when there is none."""
    magic = file.read(8)
    if magic[:6] != b"\x93NUMPY" or len(magic) < 8 or magic[6] not in (1, 2, 3):
        raise SourceError(f"{where}: begins with {magic!r}, not with the signature of a NumPy array (versions 1 to 3); is it a .npy file?")
    width = 2 if magic[6] == 1 else 4
    length = int.from_bytes(file.read(width), "little")
    if length > LONGEST_HEADER_BYTES:
        raise SourceError(f"{where}: a NumPy header of {length} bytes: damaged; write the file again")
    text = file.read(length).decode("utf-8" if magic[6] == 3 else "latin-1")
    try:
        content = ast.literal_eval(text.strip())
        shape = tuple(content["shape"])
        if not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError(f"shape {shape}")
        return Header(np.lib.format.descr_to_dtype(content["descr"]), shape, bool(content["fortran_order"]), 8 + width + length)
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise SourceError(f"{where}: the NumPy header cannot be understood ({error}): truncated or damaged; write the file again") from None


def check_array(header: Header, where: str, present: int) -> None:
    """Refuse a single value, an array of Python objects, and one whose ``present`` bytes are not what its header announces."""
    if not header.shape:
        raise SourceError(f"{where}: a single value, not an array of entries; save an array")
    if header.dtype.hasobject:
        fields = [name for name in header.dtype.names or () if header.dtype[name].hasobject]
        raise SourceError(f"{where}: {'fields ' + ', '.join(map(repr, fields)) + ' hold' if fields else 'holds'} {OBJECTS}")
    if present < header.size:
        raise SourceError(f"{where}: truncated: the header announces {header.size} bytes (shape {header.shape}), {present} are there; copy it again")
    if present > header.size:
        raise SourceError(
            f"{where}: {present - header.size} bytes behind the array of shape {header.shape}: two arrays in one, or damaged; save it again"
        )


def array_fields(header: Header, plain: str, read: Read) -> Mapping[str, Stored]:
    """The columns in one array: its fields, or the array itself under the name ``plain``. ``read`` gives whole entries."""
    if header.dtype.names is None:
        return {plain: Stored(header.dtype, header.shape, read)}
    fields = {name: header.dtype[name] for name in header.dtype.names}
    return {name: Stored(dtype.base, (*header.shape, *dtype.shape), _field(read, name)) for name, dtype in fields.items()}


def _field(read: Read, name: str) -> Read:
    return lambda start, stop: read(start, stop)[name]


def _reader(path: str, file: IO[bytes], header: Header) -> Read:
    if header.size and not is_url(path):
        order: Literal["F", "C"] = "F" if header.fortran else "C"
        mapped: np.ndarray = np.memmap(path, dtype=header.dtype, mode="r", offset=header.offset, shape=header.shape, order=order)
        return lambda start, stop: mapped[start:stop]
    if header.fortran and len(header.shape) > 1 and header.size:
        raise SourceError(f"{path}: an array in Fortran order has its entries scattered; copy the file to a local disk, or save it in C order")
    row = header.size // header.shape[0] if header.shape[0] else 0

    def read(start: int, stop: int) -> np.ndarray:
        file.seek(header.offset + start * row)
        raw = bytearray(file.read((stop - start) * row))
        return np.ndarray((stop - start, *header.shape[1:]), header.dtype, buffer=raw)

    return read
