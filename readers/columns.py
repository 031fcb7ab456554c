"""The base of every reader: named lazy columns of one length, renamed as asked, closed with the file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypedDict

import awkward as ak
import numpy as np

from configs.errors import nearest
from readers.events import LazyColumn, check_range, lazy_events
from readers.files import reading
from readers.source import Column, SourceError

STRING_FORM = ak.from_iter([""]).layout.form
UNITS = ("unit", "units")
MEANINGS = ("meaning", "description")


class ColumnSource:
    """A ``Source`` made of lazy columns.

    ``unreadable`` names what lies in the file but cannot be a column, with the reason; ``close`` is called once, at exit. A column
    touched afterwards raises ``SourceError``.
    """

    def __init__(
        self,
        path: str,
        length: int,
        columns: Sequence[LazyColumn],
        *,
        attributes: Mapping[str, Any] | None = None,
        unreadable: Mapping[str, str] | None = None,
        close: Any = None,
    ) -> None:
        self.path = path
        self.unreadable: Mapping[str, str] = dict(unreadable or {})
        self.attributes: Mapping[str, Any] = MappingProxyType(dict(attributes or {}))
        self._length = length
        self._close = close
        self._closed = False
        self._columns = {column.column.name: column.guarded(partial(self._check_open, column.column.name)) for column in columns}

    @property
    def columns(self) -> Mapping[str, Column]:
        """Name -> type, unit and meaning of every column that can be read."""
        return MappingProxyType({name: column.column for name, column in self._columns.items()})

    @property
    def forms(self) -> Mapping[str, ak.forms.Form]:
        """Name -> awkward form of every column."""
        return MappingProxyType({name: column.form for name, column in self._columns.items()})

    def __len__(self) -> int:
        return self._length

    def events(self, start: int, stop: int) -> ak.Array:
        """Entries ``start`` to ``stop`` (exclusive) as records; a column is read when it is first touched."""
        check_range(self.path, start, stop, self._length)
        return lazy_events(self.path, self._columns, start, stop)

    def rename(self, names: Mapping[str, str]) -> None:
        """Rename columns by ``our name -> name in the file``; the others keep theirs, and ours win where both exist.

        Raises ``SourceError`` listing every name that the file does not hold.
        """
        missing = {name for name in names.values() if name not in self._columns}
        if missing:
            reasons = [f"{name!r}{_why_missing(name, self._columns, self.unreadable)}" for name in sorted(missing)]
            raise SourceError(f"{self.path}: the data set's columns: names what the file does not hold: {', '.join(reasons)}")
        taken = {*names, *names.values()}
        kept = {name: column for name, column in self._columns.items() if name not in taken}
        self._columns = kept | {ours: self._columns[theirs].renamed(ours) for ours, theirs in names.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if not self._closed and self._close is not None:
            with reading(self.path, "closing"):
                self._close()
        self._closed = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}: {self._length} entries of {', '.join(self._columns)}>"

    def _check_open(self, name: str) -> None:
        if self._closed:
            raise SourceError(f"{self.path}: column {name!r} was touched after the file was closed; touch it inside the with block")


def numpy_form(dtype: np.dtype, shape: tuple[int, ...] = ()) -> ak.forms.Form:
    """The awkward form of a column with entries of ``dtype`` (any byte order) and fixed ``shape``; text becomes strings.

    Raises ``TypeError`` for what awkward cannot hold (objects, opaque bytes).
    """
    if dtype.kind in "SU":
        if shape:
            raise TypeError(f"arrays of strings of shape {shape}")
        return STRING_FORM
    form = ak.contents.NumpyArray(np.empty(0, native(dtype))).form
    for size in reversed(shape):
        form = ak.forms.RegularForm(form, size)
    return form


def native(dtype: np.dtype) -> np.dtype:
    """``dtype`` in this machine's byte order."""
    return dtype.newbyteorder("=")


def as_content(values: np.ndarray) -> Any:
    """``values`` as native numbers (further axes: lists of fixed length), or as an awkward string array when they are text (bytes are UTF-8)."""
    if values.dtype.kind in "SU":
        return as_strings(text.decode("utf-8") if isinstance(text, bytes) else text for text in values.tolist())
    content = ak.contents.NumpyArray(np.ascontiguousarray(values, dtype=native(values.dtype)).reshape(-1))
    for axis in range(values.ndim - 1, 0, -1):
        content = ak.contents.RegularArray(content, values.shape[axis], math.prod(values.shape[:axis]))
    return content


def as_strings(texts: Iterable[str]) -> Any:
    """An awkward string array, also of no strings at all."""
    listed = list(texts)
    return ak.Array(listed).layout if listed else STRING_FORM.length_zero_array()


class Words(TypedDict):
    """What a file says about a column in words."""

    unit: str
    meaning: str


def described(attributes: Mapping[str, Any]) -> Words:
    """Unit and meaning out of a column's attributes, whichever of the usual names they go by."""
    return Words(unit=_first(attributes, UNITS), meaning=_first(attributes, MEANINGS))


def _first(attributes: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((str(attributes[name]) for name in names if name in attributes), "")


def check_lengths(path: str, lengths: Mapping[str, int], cure: str) -> int:
    """The one length that all columns share. Raises ``SourceError`` naming each column with its length when they differ."""
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise SourceError(f"{path}: columns of unequal length ({listed}); {cure}")
    return next(iter(lengths.values()), 0)


def _why_missing(name: str, known: Mapping[str, Any], unreadable: Mapping[str, str]) -> str:
    return f" ({unreadable[name]})" if name in unreadable else nearest(name, known)
