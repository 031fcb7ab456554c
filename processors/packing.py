"""Histograms as small private values: mostly empty ones as positions and values, added to a total without unpacking.

Tables travel as they are; their total is the rows of all of them in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boost_histogram as bh
import hist
import numpy as np

from configs.errors import InputError
from records.tables import Table, check_same_columns, concatenate

ADDITIVE = (bh.storage.Double, bh.storage.Int64, bh.storage.AtomicInt64, bh.storage.Weight)  # merging is adding the numbers of every bin
SPARSE_BELOW = 1 / 3  # share of filled bins below which positions and values take less room


@dataclass(frozen=True)
class PackedHist:
    """One histogram: its description without content, and the numbers of all bins or of the filled ones."""

    kind: type[hist.Hist]
    axes: tuple[Any, ...]
    storage: type[Any]
    attributes: dict[str, Any]
    positions: np.ndarray | None  # of filled bins; null: numbers of every bin follow
    numbers: Any  # (bins, numbers per bin); for a storage that is not additive the whole histogram


Packed = PackedHist | Table


class Totals:
    """What processing returned, added up in the order of the calls of ``add``: histograms summed, tables joined row after row."""

    def __init__(self) -> None:
        self.hists: dict[str, hist.Hist] = {}
        self._parts: dict[str, list[Table]] = {}

    def add(self, packed: Mapping[str, Packed]) -> None:
        """Add what one piece of work returned. Raises ``InputError`` when a name is not of the same kind, axes or columns everywhere."""
        for name, value in packed.items():
            if name in (self.hists if isinstance(value, Table) else self._parts):
                raise InputError(f"{name!r} is a histogram in one chunk and a table in another; a processor must return the same whatever the events")
            if isinstance(value, Table):
                parts = self._parts.setdefault(name, [])
                check_same_columns([*parts[:1], value], name)
                parts.append(value)
            else:
                add(self.hists, name, value)

    def tables(self) -> dict[str, Table]:
        """The tables, joined."""
        return {name: concatenate(parts) for name, parts in self._parts.items()}

    def packed(self) -> dict[str, Packed]:
        """Everything, packed again."""
        return {**{name: pack(histogram) for name, histogram in self.hists.items()}, **self.tables()}


def pack(histogram: Any) -> PackedHist:
    """Pack a histogram (``hist.Hist`` or ``boost_histogram.Histogram``) for the way to the journal."""
    if not isinstance(histogram, hist.Hist):
        histogram = hist.Hist(histogram)
    description = (type(histogram), tuple(histogram.axes), histogram.storage_type, dict(vars(histogram)))
    if histogram.storage_type not in ADDITIVE:
        return PackedHist(*description, None, histogram)
    numbers = _numbers(histogram)
    positions = np.flatnonzero((numbers != 0).any(axis=1))
    if len(positions) > SPARSE_BELOW * len(numbers):
        return PackedHist(*description, None, numbers.copy())
    return PackedHist(*description, positions, numbers[positions])


def add(total: dict[str, hist.Hist], name: str, packed: PackedHist) -> None:
    """Add a packed histogram to the one of the same name in ``total``, in place; a new name starts from zero.

    Growing axes are merged by boost-histogram. Raises ``InputError`` when axes or storage differ from those of the total.
    """
    if name not in total:
        total[name] = _empty(packed)
    target = total[name]
    if packed.storage not in ADDITIVE or tuple(target.axes) != packed.axes or target.storage_type is not packed.storage:
        total[name] = _added(target, packed, name)
        return
    numbers = _numbers(target)
    if packed.positions is None:
        numbers += packed.numbers
    else:
        numbers[packed.positions] += packed.numbers
    _forget_variance(target, packed)


def unpack(packed: PackedHist) -> hist.Hist:
    """The histogram that was packed."""
    total: dict[str, hist.Hist] = {}
    add(total, "", packed)
    return total[""]


def size_bytes(histogram: Any) -> int:
    """Memory of all bins with flow bins."""
    return np.asarray(histogram.view(flow=True)).nbytes


def _empty(packed: PackedHist) -> hist.Hist:
    histogram = packed.kind(*packed.axes, storage=packed.storage())
    vars(histogram).update(packed.attributes)
    return histogram


def _numbers(histogram: Any) -> np.ndarray:
    """The content with flow bins as a writable (bins, numbers per bin) view in memory order."""
    flat = np.asarray(histogram.view(flow=True)).reshape(-1, order="A")
    number = flat.dtype[0] if flat.dtype.names else flat.dtype
    return flat.view(number).reshape(len(flat), -1)


def _added(target: hist.Hist, packed: PackedHist, name: str) -> hist.Hist:
    other = packed.numbers if packed.storage not in ADDITIVE else unpack(packed)
    try:
        merged = target + other
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"histogram {name!r} does not have the same axes and storage in every chunk ({error}); a processor must fill the same "
            f"histogram whatever the events: {_described(target)} against {_described(other)}"
        ) from None
    vars(merged).update(vars(target))
    _forget_variance(merged, packed)
    return merged


def _forget_variance(target: hist.Hist, packed: PackedHist) -> None:
    """A weighted fill of plain storage has no variance: neither has a sum with it (boost-histogram keeps this beside the storage)."""
    if packed.attributes.get("_variance_known") is False:
        vars(target)["_variance_known"] = False


def _described(histogram: Any) -> str:
    axes = " x ".join(f"{axis.name or 'axis'} ({len(axis)})" for axis in histogram.axes)
    return f"{axes} {histogram.storage_type.__name__}"
