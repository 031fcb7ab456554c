"""The stacking likelihood by brute force: every whole number of signal events, one after the other."""

from __future__ import annotations

import numpy as np


def integer_scan(counts: np.ndarray, ratio: np.ndarray, highest: int) -> tuple[int, float]:
    """The whole number in 0 ... ``highest`` of the highest likelihood, and its test statistic."""
    total = counts.sum()
    best_n, best = 0, 0.0
    for n in range(highest + 1):
        with np.errstate(divide="ignore"):
            value = float(np.sum(counts * np.log(1.0 + n / total * ratio), where=counts > 0))
        if value > best:
            best_n, best = n, value
    return best_n, 2.0 * best
