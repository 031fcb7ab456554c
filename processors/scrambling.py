"""Right ascensions that hide the sky: uniform numbers that belong to the event, not to its place in a file or chunk."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

GAMMA, MIX_1, MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
TO_UNIT = 2.0**-53


def scrambled_right_ascension(seed: int, run: ArrayLike, event: ArrayLike, subevent: ArrayLike) -> NDArray[np.float64]:
    """A right ascension in [0, 2 pi) for every event, from the seed and the event's three numbers alone (mixed as by SplitMix64).

    >>> len(set(scrambled_right_ascension(1, [7, 7, 7], [5, 6, 5], [0, 0, 0])))
    2
    """
    state = np.full(np.shape(run), np.uint64(seed & 0xFFFFFFFFFFFFFFFF))
    for number in (run, event, subevent):
        state = _mixed(state ^ np.asarray(number).astype(np.int64).view(np.uint64))
    unit = (state >> np.uint64(11)).astype(np.float64) * TO_UNIT
    return np.asarray(2.0 * math.pi * unit)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = values + GAMMA
    z = (z ^ (z >> np.uint64(30))) * MIX_1
    z = (z ^ (z >> np.uint64(27))) * MIX_2
    return np.asarray(z ^ (z >> np.uint64(31)))
