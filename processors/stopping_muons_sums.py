"""Histograms of weights whose sums do not depend on order and chunks: weights and squares in whole quanta, fitted to the sample's own rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from processors.exact_sums import whole_quanta

Array = NDArray[np.float64]
Index = NDArray[np.intp]

# Whole quanta add exactly up to 2^53 of them. The largest sum is that of the whole sample; room is left for untriggered samples, whose rate is some
# twenty times higher at weights up to ten times larger, and for sets with fewer events: quanta are 2^-45 of the sample's sum of weights, and 2^-41
# of that of squares (the smallest weights of a sample over three decades in energy are some 1e-5 of its largest).
WEIGHT_LOG2, SQUARE_LOG2 = 45, 41


@dataclass(frozen=True)
class Quanta:
    """Steps to which weights (Hz) and their squares are rounded, both powers of two."""

    weight: float
    square: float

    @classmethod
    def of_sums(cls, weights: float, squares: float) -> Quanta:
        """For a sample with these sums of weights and of squares."""
        return cls(2.0 ** (math.ceil(math.log2(weights)) - WEIGHT_LOG2), 2.0 ** (math.ceil(math.log2(squares)) - SQUARE_LOG2))

    def times(self, factor: float) -> Quanta:
        """For weights that are multiplied by about ``factor``."""
        scale = 2.0 ** math.ceil(math.log2(factor))
        return Quanta(self.weight * scale, self.square * scale**2)


def weighted(axes: tuple[Any, ...], values: tuple[Any, ...], weight: Array, quanta: Quanta) -> hist.Hist:
    """Sums of weights and of their squares. ``values``: numbers, and for an axis of categories their positions."""
    filled = hist.Hist(*axes, storage=hist.storage.Weight())
    shape = filled.view(flow=True).shape
    cell = cells(axes, values, shape)
    for name, one, quantum in (("value", weight, quanta.weight), ("variance", weight**2, quanta.square)):
        filled.view(flow=True)[name] = _sums(cell, one, quantum, shape)
    return filled


def summed(axes: tuple[Any, ...], values: tuple[Any, ...], terms: Array, quantum: float) -> hist.Hist:
    """Sums of ``terms``, which may be negative."""
    filled = hist.Hist(*axes, storage=hist.storage.Double())
    shape = filled.view(flow=True).shape
    filled.view(flow=True)[...] = _sums(cells(axes, values, shape), terms, quantum, shape)
    return filled


def counted(axes: tuple[Any, ...], values: tuple[Any, ...]) -> hist.Hist:
    """Numbers of events."""
    filled = hist.Hist(*axes, storage=hist.storage.Int64())
    shape = filled.view(flow=True).shape
    filled.view(flow=True)[...] = np.bincount(cells(axes, values, shape), minlength=math.prod(shape)).reshape(shape)
    return filled


def _sums(cell: Index, terms: Array, quantum: float, shape: tuple[int, ...]) -> Array:
    whole = whole_quanta(terms, np.asarray(1.0 / quantum))
    return np.asarray(np.bincount(cell, whole, minlength=math.prod(shape)).reshape(shape) * quantum)


def positions(axis: Any, values: Any) -> Index:
    """Place of each value along an axis with its flow; values of an axis of categories are their positions already."""
    found = np.asarray(values) if isinstance(axis, hist.axis.StrCategory | hist.axis.IntCategory) else np.asarray(axis.index(values))
    return np.clip(found + (1 if axis.traits.underflow else 0), 0, axis.extent - 1).astype(np.intp)


def cells(axes: tuple[Any, ...], values: tuple[Any, ...], shape: tuple[int, ...]) -> Index:
    """The cell of every event in the order of memory."""
    return np.ravel_multi_index(tuple(positions(axis, one) for axis, one in zip(axes, values, strict=True)), shape)
