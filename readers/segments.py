"""Reductions of flat values over the segments that offsets cut out: per-event sums, maxima and minima in one pass.

``numpy.add.reduceat`` on raw offsets gives the element at the start for an empty segment and fails where a start is the end of the values; here
an empty segment gives the neutral value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def segment_sum(values: NDArray, offsets: NDArray) -> NDArray[np.float64]:
    """Sum of ``values[offsets[i]:offsets[i + 1]]`` for each i with double precision, 0 for an empty segment.

    >>> segment_sum(np.array([1.0, 2.0, 4.0], dtype=np.float32), np.array([0, 2, 2, 3])).tolist()
    [3.0, 0.0, 4.0]
    """
    return _reduced(np.add, values, offsets, 0.0)


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
        wide = np.float64 if operation is np.add else None
        result[filled] = operation.reduceat(values[: int(offsets[-1])], starts[filled], 0, wide)
    return result
