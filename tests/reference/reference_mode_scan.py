"""The published program's fit by brute force: the likelihood of every whole number of signal events, one source after the other."""

from __future__ import annotations

import math

import numpy as np


def scan(counts: np.ndarray, signal: np.ndarray, background: np.ndarray, numbers: int) -> tuple[int, float]:
    """The best of 0 ... ``numbers`` - 1 and 2 [ln L(n) - ln L(0)]."""
    if numbers < 1:
        return 0, 0.0
    share = np.arange(numbers)[:, None] / counts.sum()
    filled = counts > 0
    log_l = np.log(share * signal[filled] + (1.0 - share) * background[filled]) @ counts[filled].astype(float)
    best = int(np.argmax(log_l))
    return best, float(2.0 * (log_l[best] - log_l[0]))


def background_statistic(counts: np.ndarray, signal: np.ndarray, background: np.ndarray, weight: np.ndarray) -> tuple[int, float]:
    """round(sum w n) and sum w TS, each source scanned up to a hundredth of its events."""
    each = [scan(one, signal, of_source, int(one.sum()) // 100) for one, of_source in zip(counts, background, strict=True)]
    n_hat, ts = np.array(each).T
    return round(float(weight @ n_hat)), float(weight @ ts)


def signal_statistic(counts: np.ndarray, signal: np.ndarray, background: np.ndarray, weight: np.ndarray, injected: np.ndarray) -> tuple[int, float]:
    """The program's own statistic of trials with signal: plain sums of what every source gives by one of two rules."""
    total_n, total_ts = 0, 0.0
    for one, of_source, w, m in zip(counts, background, weight, injected, strict=True):
        if m != 0:
            n, ts = scan(one, signal, of_source, math.floor(1.05 * m))
        else:
            n = round(w * scan(one, signal, of_source, int(one.sum()) // 100)[0])
            share, filled = n / one.sum(), one > 0
            ts = w * 2.0 * float(one[filled] @ np.log(share * signal[filled] / of_source[filled] + 1.0 - share))
        total_n, total_ts = total_n + n, total_ts + ts
    return total_n, total_ts
