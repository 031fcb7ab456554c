"""What old pickles of columns are made of: stand-ins for NumPy arrays, pandas frames and Arrow text that only hold values.

None of the libraries' own code runs: an array is put together from its type, shape and bytes. ``ADMITTED`` names all that a pickle may call.
"""

from __future__ import annotations

import pickle
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TYPE = re.compile(r"[<>=|]?(?:[?biufcSU]\d*|b1)$|[<>=|]?O\d*$")
LARGEST_BYTES = 1 << 34
FRAME_WORDS = "a DataFrame of a form that is not known here; save it as HDF5 or Parquet"


class Refused(pickle.UnpicklingError):
    """What a pickle must not hold."""


@dataclass
class Dtype:
    """A NumPy type, from its name and byte order."""

    text: str = ""
    order: str = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if len(state) > 3 and (state[2] is not None or state[3] is not None):
            raise Refused("an array of records or subarrays; write its columns one by one")
        self.order = str(state[1])

    @property
    def dtype(self) -> np.dtype:
        """The type itself; text of a known form only."""
        if not TYPE.match(self.text):
            raise Refused(f"an array of type {self.text!r}")
        found = np.dtype(self.text)
        return found.newbyteorder(self.order) if self.order in "<>" and found.kind not in "SO" else found  # type: ignore[arg-type]


def _make_dtype(text: Any, *_: Any) -> Dtype:
    return Dtype(str(text))


@dataclass
class Array:
    """An array, put together when its state comes."""

    value: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, raw = state
        self.value = _array(raw, dtype, shape, "F" if fortran else "C")


def _array(raw: Any, dtype: Any, shape: Any, order: Any = "C") -> np.ndarray:
    if not isinstance(dtype, Dtype):
        raise Refused(f"an array of type {type(dtype).__name__}")
    size = tuple(int(one) for one in shape)
    kind = dtype.dtype
    if any(one < 0 for one in size) or int(np.prod(size, dtype=object)) * kind.itemsize > LARGEST_BYTES:
        raise Refused(f"an array of shape {size}")
    if kind.kind == "O":
        return _objects(raw, size)
    data = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)
    return np.frombuffer(data, kind).reshape(size, order="F" if order == "F" else "C").copy()


def _objects(raw: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Text or numbers that were stored one by one."""
    listed = list(raw)
    if not all(isinstance(one, str | bool | int | float | type(None)) for one in listed):
        raise Refused("an array of objects other than text and numbers")
    return np.array(listed, dtype=object).reshape(shape)


def _empty_array(*_: Any) -> Array:
    return Array()


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> Array:
    return Array(_array(raw, dtype, shape, order))


def _scalar(dtype: Any, raw: Any = b"") -> Any:
    return _array(raw, dtype, ())[()]


def _bytes(value: Any = b"") -> bytes:
    """A copy of bytes; never of a number, which would be a length."""
    if not isinstance(value, bytes | bytearray):
        raise Refused(f"bytes made of {type(value).__name__}")
    return bytes(value)


def _encoded(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1", "utf8", "utf-8", "ascii"):
        raise Refused(f"text in the encoding {encoding!r}")
    return text.encode(encoding)


@dataclass
class Index:
    """Labels of rows or columns."""

    labels: Any = None

    @classmethod
    def new(cls, kind: Any, state: Mapping[str, Any]) -> Index:
        """pandas' constructor of an index: data, or the limits of a range."""
        if "data" in state:
            return cls(plain(state["data"]))
        if {"start", "stop", "step"} <= set(state):
            return cls(range(int(state["start"]), int(state["stop"]), int(state["step"])))
        raise Refused("an index of a DataFrame that is no list of names or numbers")


@dataclass
class Block:
    """Columns of one type in a frame, (columns, rows), and which they are."""

    values: Any
    placement: Any

    @classmethod
    def new(cls, values: Any, placement: Any, ndim: Any = 2) -> Block:
        """pandas' constructor of a block."""
        return cls(values, placement)


@dataclass
class Blocks:
    """pandas' manager of blocks: blocks, and [columns, rows]."""

    blocks: Sequence[Any] = ()
    axes: Sequence[Any] = ()

    def __setstate__(self, state: Any) -> None:
        last = state[-1] if isinstance(state, tuple) else state
        if not isinstance(last, dict) or "0.14.1" not in last:
            raise Refused(FRAME_WORDS)
        inner = last["0.14.1"]
        self.axes = inner["axes"]
        self.blocks = [Block(block["values"], block["mgr_locs"]) for block in inner["blocks"]]


@dataclass
class Frame:
    """A DataFrame."""

    manager: Any = None

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.manager = state.get("_mgr", state.get("_data"))

    def columns(self) -> dict[str, np.ndarray]:
        """Column by column."""
        manager = self.manager
        if not isinstance(manager, Blocks) or len(manager.axes) != 2:
            raise Refused(FRAME_WORDS)
        names = [str(name) for name in manager.axes[0].labels]
        found: dict[str, np.ndarray] = {}
        for block in manager.blocks:
            values = np.atleast_2d(plain(block.values))
            where = plain(block.placement)
            rows = range(*where.indices(len(names))) if isinstance(where, slice) else [int(one) for one in where]
            found |= {names[row]: values[number] for number, row in enumerate(rows)}
        return {name: found[name] for name in names}


@dataclass
class Text:
    """A pandas column of text: Arrow's bytes, or NumPy's objects."""

    value: np.ndarray = field(default_factory=lambda: np.zeros(0, object))

    def __setstate__(self, state: Any) -> None:
        found = state.get("_pa_array") if isinstance(state, dict) else next((one for one in state if isinstance(one, Array)), None)
        self.value = np.asarray(plain(found), dtype=object)


def _unpickle_text(*_: Any) -> Text:
    return Text()


def _arrow_type(name: Any) -> str:
    return str(name)


def _arrow_array(parts: tuple[Any, ...]) -> np.ndarray:
    """Text from Arrow's buffers: a bit for each that is there, offsets, UTF-8."""
    kind, length, _, first, buffers = parts[:5]
    if kind not in ("large_string", "string", "large_utf8", "utf8"):
        raise Refused(f"an Arrow array of {kind!r}")
    count, start = int(length), int(first)
    there, places, letters = (b"" if one is None else bytes(one) for one in buffers)
    offsets = np.frombuffer(places, "<i8" if kind.startswith("large") else "<i4")[start : start + count + 1]
    valid = np.unpackbits(np.frombuffer(there, np.uint8), bitorder="little")[start : start + count] if there else np.ones(count, np.uint8)
    texts = [letters[a:b].decode("utf-8") if ok else None for a, b, ok in zip(offsets[:-1], offsets[1:], valid, strict=True)]
    return np.array(texts, dtype=object)


def _arrow_chunks(chunks: Sequence[Any], *_: Any) -> np.ndarray:
    return np.concatenate([np.asarray(chunk, object) for chunk in chunks]) if chunks else np.zeros(0, object)


class Kind:
    """A class that is only named as an argument."""

    def __init__(self, *_: Any) -> None: ...


def _reconstruct_object(kind: Any, *_: Any) -> Any:
    """``copyreg._reconstructor``: an object of one of the classes here without state."""
    if kind in (Frame, Blocks):
        return kind()
    raise Refused("an object of a class")


_NUMPY = ("numpy.core", "numpy._core")
ADMITTED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set, ("builtins", "frozenset"): frozenset, ("builtins", "complex"): complex, ("builtins", "slice"): slice,
    ("builtins", "bytearray"): _bytes, ("__builtin__", "set"): set, ("__builtin__", "complex"): complex, ("__builtin__", "slice"): slice,
    ("_codecs", "encode"): _encoded, ("copyreg", "_reconstructor"): _reconstruct_object, ("copy_reg", "_reconstructor"): _reconstruct_object,
    ("builtins", "object"): Kind, ("__builtin__", "object"): Kind,
    ("numpy", "ndarray"): Kind, ("numpy", "dtype"): _make_dtype,
    **{(f"{core}.multiarray", "_reconstruct"): _empty_array for core in _NUMPY},
    **{(f"{core}.multiarray", "scalar"): _scalar for core in _NUMPY},
    **{(f"{core}.numeric", "_frombuffer"): _from_buffer for core in _NUMPY},
    ("pandas.core.frame", "DataFrame"): Frame, ("pandas", "DataFrame"): Frame,
    ("pandas.core.internals.managers", "BlockManager"): Blocks, ("pandas.core.internals", "BlockManager"): Blocks,
    ("pandas._libs.internals", "_unpickle_block"): Block.new,
    ("pandas.core.indexes.base", "_new_Index"): Index.new,
    ("pandas.core.indexes.base", "Index"): Kind, ("pandas.core.indexes.range", "RangeIndex"): Kind, ("pandas", "Index"): Kind,
    ("pandas", "RangeIndex"): Kind, ("pandas", "StringDtype"): Kind, ("pandas.core.arrays.string_", "StringDtype"): Kind,
    ("pandas.arrays", "ArrowStringArray"): Text, ("pandas.arrays", "StringArray"): Text,
    ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"): _unpickle_text,
    ("pyarrow.lib", "type_for_alias"): _arrow_type, ("pyarrow.lib", "py_buffer"): _bytes, ("pyarrow.lib", "_restore_array"): _arrow_array,
    ("pyarrow.lib", "chunked_array"): _arrow_chunks,
    ("builtins", "bytes"): _bytes, ("__builtin__", "bytearray"): _bytes,
}  # fmt: skip


BUILT = (Dtype, Array, Frame, Blocks, Text)  # objects that a pickle may give a state


def plain(value: Any) -> Any:
    """The values that a stand-in holds; anything else as it is."""
    return value.value if isinstance(value, Array | Text) else value
