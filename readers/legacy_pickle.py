"""Old pickles of columns, read without running anything that they name: a dict of arrays, dicts of these, or a DataFrame.

A pickle is a program. Of what it may call only the names in ``legacy_objects.ADMITTED`` are known, and each stands for code of ours. Containers,
numbers, text, NumPy arrays and scalars, and frames of them are read; every other name is refused before it is looked up. Pickles are opened only
under the format's own name, which ``allow_pickle: true`` gives.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from readers.columns import ColumnSource, as_content, check_lengths, numpy_form
from readers.events import LazyColumn
from readers.files import open_binary, reading
from readers.legacy_objects import ADMITTED, BUILT, Frame, Refused, plain
from readers.source import SourceError

_PythonUnpickler: Any = pickle._Unpickler  # the one in Python: only its steps can be overruled
CURE = "all columns of a pickle have one length"


class _Restricted(_PythonUnpickler):
    """Knows the names of ``ADMITTED`` and nothing else, and gives a state to instances of the classes there alone."""

    dispatch: ClassVar[dict[int, Any]] = dict(_PythonUnpickler.dispatch)

    def load_build(self) -> None:
        """Set the state of an object; of a function or class, which would outlive this file, never."""
        if not isinstance(self.stack[-2], BUILT):
            raise Refused(f"a state for {type(self.stack[-2]).__name__}")
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for an admitted name. Raises ``UnpicklingError`` naming any other."""
        if (module, name) not in ADMITTED:
            raise Refused(f"{module}.{name}")
        return ADMITTED[module, name]

    def persistent_load(self, identity: Any) -> Any:
        """References out of the file are refused."""
        raise Refused("a reference to an object outside the file")


def load_columns(path: str) -> dict[str, np.ndarray]:
    """The columns of a pickle; of dicts within dicts ``outer.inner``.

    Raises ``SourceError`` naming the first object that is neither container, number, text, array nor frame, and for anything that is no column.
    """
    with open_binary(path) as file, reading(path):
        content = file.read()
    try:
        loaded = _Restricted(io.BytesIO(content)).load()
        columns = dict(_columns("", loaded))
    except Refused as error:
        raise SourceError(
            f"{path}: the pickle holds {error}, which is not read: unpickling it could run code; of pickles only containers, numbers, text, "
            "NumPy arrays and frames of them are read: write HDF5 or Parquet instead"
        ) from None
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, MemoryError) as error:
        raise SourceError(f"{path}: not a pickle, or damaged ({type(error).__name__}: {error}); write it again, better as HDF5") from None
    if not columns:
        raise SourceError(f"{path}: the pickle holds no column; it must be a dict of arrays or a DataFrame")
    return columns


def _columns(name: str, value: Any) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(value, Frame):
        value = value.columns()
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _columns(f"{name}.{key}" if name else str(key), inner)
        return
    values = np.asarray(plain(value))
    if not name or values.ndim == 0:
        raise Refused(f"{type(value).__name__} {name or 'in place of a dict of arrays or a DataFrame'}".strip())
    if values.dtype.kind == "O":
        values = _narrowed(name, values)
    yield name, values


def _narrowed(name: str, values: np.ndarray) -> np.ndarray:
    """Objects of one kind as an array of that kind; None among numbers becomes NaN."""
    listed = values.tolist()
    if all(isinstance(one, str) for one in listed):
        return np.array(listed, dtype=str)
    if all(isinstance(one, int | float | type(None)) for one in listed):
        return np.array([np.nan if one is None else one for one in listed], dtype=float)
    raise Refused(f"a column {name} of text mixed with numbers or gaps")


def open_legacy_pickle(paths: Sequence[str], tree: str | None = None) -> ColumnSource:
    """Open a pickle of columns; it is read whole. Raises ``SourceError`` as ``load_columns``, and for columns of unequal length."""
    (path,) = paths
    if tree is not None:
        raise SourceError(f"{path}: a pickle has no tree {tree!r}; leave it out")
    columns = load_columns(path)
    length = check_lengths(path, {name: len(values) for name, values in columns.items()}, CURE)
    return ColumnSource(
        path, length, [LazyColumn(name, numpy_form(values.dtype, values.shape[1:]), _slicer(values)) for name, values in columns.items()]
    )


def _slicer(values: np.ndarray) -> Callable[[int, int], Any]:
    return partial(_slice, values)


def _slice(values: np.ndarray, start: int, stop: int) -> Any:
    return as_content(values[start:stop])
