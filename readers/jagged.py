"""Jagged columns stored as a flat array and its offsets: entry i is ``flat[offsets[i]:offsets[i + 1]]``.

``offsets`` holds one number more than there are entries, begins with 0, never falls and ends at the length of ``flat``.
In HDF5 the flat dataset names its offsets dataset in the attribute ``offsets``, or the two lie side by side as ``<name>`` and
``<name>_offsets``; in npz files they lie side by side. Several flat datasets may share one offsets dataset through the attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from readers.columns import as_content, check_lengths, numpy_form
from readers.events import LazyColumn
from readers.source import SourceError

SUFFIX = "_offsets"
CURE = "offsets begin with 0, never fall and end at the number of values: write the file again"


@dataclass(frozen=True)
class Stored:
    """One array in a file; ``read(start, stop)`` gives a range of it along its first axis, ``offsets`` make it a jagged column."""

    dtype: np.dtype
    shape: tuple[int, ...]
    read: Callable[[int, int], np.ndarray]
    unit: str = ""
    meaning: str = ""
    offsets: Stored | None = None


def is_offsets(dtype: np.dtype, shape: tuple[int, ...]) -> bool:
    """Whether an array can be the offsets of another: integers along one axis."""
    return dtype.kind in "iu" and len(shape) == 1


def stored_columns(path: str, arrays: Mapping[str, Stored], cure: str) -> tuple[int, list[LazyColumn], dict[str, str]]:
    """The columns that ``arrays`` make (offsets must be left out of it): their length, they themselves, and what is unreadable and why.

    Raises ``SourceError`` for unequal lengths (each named, ``cure`` says what next) and for offsets that do not fit their values.
    """
    lengths: dict[str, int] = {}
    columns: list[LazyColumn] = []
    unreadable: dict[str, str] = {}
    for name, stored in arrays.items():
        try:
            form = numpy_form(stored.dtype, stored.shape[1:])
        except TypeError:
            unreadable[name] = f"values of type {stored.dtype}, which is not read; save numbers or strings"
            continue
        if stored.offsets is None:
            lengths[name] = stored.shape[0]
            load = _plain(stored)
        else:
            lists = Jagged(f"{path}: column {name!r}", stored, stored.offsets)
            lists.check_ends()
            lengths[name] = lists.length
            form, load = ak.forms.ListOffsetForm("i64", form), lists.load
        columns.append(LazyColumn(name, form, load, unit=stored.unit, meaning=stored.meaning))
    return check_lengths(path, lengths, cure), columns, unreadable


@dataclass(frozen=True)
class Jagged:
    """A jagged column; ``where`` names file and column."""

    where: str
    flat: Stored
    offsets: Stored

    @property
    def length(self) -> int:
        """Entries."""
        return self.offsets.shape[0] - 1

    def check_ends(self) -> None:
        """``SourceError`` unless the offsets run from 0 to the number of values; what lies between is checked when it is read."""
        count = self.offsets.shape[0]
        if count < 1:
            raise SourceError(f"{self.where}: no offsets, but one more than there are entries is needed; {CURE}")
        first, last = int(self.offsets.read(0, 1)[0]), int(self.offsets.read(count - 1, count)[0])
        if first != 0 or last != self.flat.shape[0]:
            raise SourceError(f"{self.where}: offsets run from {first} to {last}, but there are {self.flat.shape[0]} values; {CURE}")

    def load(self, start: int, stop: int) -> Any:
        """Entries ``start`` to ``stop`` as an awkward list layout; ``SourceError`` where the offsets are not as the module says."""
        offsets = self.offsets.read(start, stop + 1).astype(np.int64)
        falling = np.flatnonzero(np.diff(offsets) < 0)
        if len(falling):
            at = int(falling[0])
            raise SourceError(f"{self.where}: offsets fall from {offsets[at]} to {offsets[at + 1]} at entry {start + at}; {CURE}")
        if offsets[0] < 0 or offsets[-1] > self.flat.shape[0]:
            raise SourceError(f"{self.where}: offsets {offsets[0]} to {offsets[-1]} leave the {self.flat.shape[0]} values; {CURE}")
        values = as_content(self.flat.read(int(offsets[0]), int(offsets[-1])))
        return ak.contents.ListOffsetArray(ak.index.Index64(offsets - offsets[0]), ak.to_layout(values))


def _plain(stored: Stored) -> Callable[[int, int], Any]:
    return lambda start, stop: as_content(stored.read(start, stop))
