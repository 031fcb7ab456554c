"""Reductions of flat values over the segments that offsets cut out: per-event sums, maxima and minima in one pass.

``numpy.add.reduceat`` on raw offsets gives the element at the start for an empty segment and fails where a start is the end of the values; here
an empty segment gives the neutral value.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_VALUES = 1 << 20  # taken from the values at a time: what lies in a file in another form needs memory for so many only


def segment_sum(values: Any, offsets: NDArray) -> NDArray[np.float64]:
    """Sum of ``values[offsets[i]:offsets[i + 1]]`` for each i with double precision, 0 for an empty segment.

    ``values``: numbers of any type along one axis, an array, a memory map or an HDF5 dataset, of which a block at a time is in memory. Each segment
    is summed by itself in one order: the sum does not depend on what lies around it, to the last bit. Raises ``ValueError`` for offsets that fall
    or lie outside the values.

    >>> segment_sum(np.array([1.0, 2.0, 4.0], dtype=np.float32), np.array([0, 2, 2, 3])).tolist()
    [3.0, 0.0, 4.0]
    """
    from readers.segment_kernels import sum_segments  # brings the compiler, which doors need not wait for

    positions = np.asarray(offsets, dtype=np.int64)
    if positions[0] < 0 or positions[-1] > len(values) or np.any(positions[1:] < positions[:-1]):
        raise ValueError(f"offsets must rise from 0 or more to {len(values)} or less; these run from {positions.min()} to {positions.max()}")
    result = np.empty(len(positions) - 1)
    for first, last in _blocks(positions):
        start, stop = int(positions[first]), int(positions[last])
        block = np.asarray(values[start:stop])
        block = block.astype(block.dtype.newbyteorder("="), copy=False).view(np.ndarray)
        block.flags.writeable = False  # compiled once, not again for arrays that may be written to
        sum_segments(block, positions[first : last + 1] - start, result[first:last])
    return result


def _blocks(offsets: NDArray) -> Iterator[tuple[int, int]]:
    """Ranges of whole segments with about ``BLOCK_VALUES`` values each."""
    wanted = np.arange(int(offsets[0]), int(offsets[-1]), BLOCK_VALUES)
    edges = np.unique(np.append(np.searchsorted(offsets[:-1], wanted, side="right") - 1, [0, len(offsets) - 1]))
    return pairwise(int(edge) for edge in edges)


def segment_max(values: NDArray, offsets: NDArray, empty: float = np.nan) -> NDArray[np.float64]:
    """Largest value of each segment, ``empty`` for one without values."""
    return _reduced(np.maximum, values, offsets, empty)


def segment_min(values: NDArray, offsets: NDArray, empty: float = np.nan) -> NDArray[np.float64]:
    """Smallest value of each segment, ``empty`` for one without values."""
    return _reduced(np.minimum, values, offsets, empty)


def _reduced(operation: np.ufunc, values: NDArray, offsets: NDArray, empty: float) -> NDArray[np.float64]:
    starts = np.asarray(offsets[:-1])
    filled = starts < offsets[1:]
    result = np.full(len(starts), empty, dtype=np.float64)
    if filled.any():
        result[filled] = operation.reduceat(values[: int(offsets[-1])], starts[filled])
    return result
