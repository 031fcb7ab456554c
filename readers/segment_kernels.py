"""Compiled sums over segments."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def sum_of(values: NDArray, first: int, last: int) -> float:
    """Sum of ``values[first:last]`` in eight lanes of double precision: eight additions are under way at once, in an order that only the number of
    values decides.
    """
    whole = first + (last - first) // 8 * 8
    a, b, c, d, e, f, g, h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for place in range(first, whole, 8):
        a += np.float64(values[place])
        b += np.float64(values[place + 1])
        c += np.float64(values[place + 2])
        d += np.float64(values[place + 3])
        e += np.float64(values[place + 4])
        f += np.float64(values[place + 5])
        g += np.float64(values[place + 6])
        h += np.float64(values[place + 7])
    for place in range(whole, last):
        a += np.float64(values[place])
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@numba.njit(cache=True, nogil=True)
def sum_segments(values: NDArray, offsets: NDArray, sums: NDArray) -> None:
    """Set ``sums[i]`` to the sum of ``values[offsets[i]:offsets[i + 1]]``. The offsets must lie inside the values."""
    for segment in range(len(sums)):
        sums[segment] = sum_of(values, offsets[segment], offsets[segment + 1])
