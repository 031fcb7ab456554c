"""Samples at the limits of the converter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEAR_LIMIT = 0.95  # of the limit: a flat top beyond is taken for an amplifier's limit
FLAT_SAMPLES = 3


def saturated_samples(codes: NDArray, low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Samples of each trigger at or beyond its lower and its upper limit.

    ``codes`` (triggers, samples); ``low``, ``high`` (triggers,) are MIN_VALUE and MAX_VALUE. Where no sample reaches a limit, a flat top counts: at
    least three equal extreme codes in a row beyond 95 % of the limit.

    >>> below, above = saturated_samples(np.array([[0, 127, 127], [-128, 0, 0]], np.int8), np.full(2, -128.0), np.full(2, 127.0))
    >>> below.tolist(), above.tolist()
    ([0, 1], [2, 0])
    """
    return _beyond(codes, low, np.less_equal, codes.min(axis=1)), _beyond(codes, high, np.greater_equal, codes.max(axis=1))


def _beyond(codes: NDArray, limit: NDArray[np.float64], compare: np.ufunc, extreme: NDArray) -> NDArray[np.int64]:
    counts = np.zeros(len(codes), dtype=np.int64)
    at_limit = np.flatnonzero(compare(extreme, limit))
    counts[at_limit] = compare(codes[at_limit], limit[at_limit, None]).sum(axis=1)
    if codes.shape[1] < FLAT_SAMPLES:
        return counts
    near = np.flatnonzero(compare(extreme, NEAR_LIMIT * limit) & (extreme * limit > 0) & (counts == 0))
    top = codes[near] == extreme[near, None]
    rows = sum(top[:, first : top.shape[1] - FLAT_SAMPLES + 1 + first] for first in range(FLAT_SAMPLES)) == FLAT_SAMPLES
    counts[near] = np.where(np.any(rows, axis=1), top.sum(axis=1), 0)
    return counts
