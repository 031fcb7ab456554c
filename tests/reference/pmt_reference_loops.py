"""The published chain for one waveform in plain loops, its fit by SciPy from the best of several starts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from scipy.signal import resample

Array = NDArray[np.float64]


def windows(waveform_v: Array, t0_ns: float, dt_ns: float, noisy: bool) -> dict[str, Any]:
    """Resampled points with their (wrong) times, and what the thresholds find in them."""
    n = len(waveform_v)
    y, t = resample(waveform_v, 150, t=t0_ns + np.linspace(0, n * dt_ns, n))
    lowest = min(range(20, 130), key=lambda k: y[k])
    background_end = onset = lowest - 1
    for k in range(lowest):
        if y[k] > 0:
            background_end = k
        if y[k] >= 0.04 * y[lowest]:
            onset = k
    if background_end <= 10:
        background_end = 15
    end = lowest + 1
    for k in range(149, lowest, -1):
        if y[k] >= 0.04 * y[lowest]:
            end = k
    before, behind = (13, 20) if noisy else (20, 30)
    return {
        "y": y, "t": t, "minimum": lowest, "background_end": background_end, "baseline_v": float(np.mean(y[1:background_end])),
        "begin": onset - before, "end": end + behind, "onset_ns": float(t[onset]),
    }  # fmt: skip


def charge_pc(found: dict[str, Any], starts_ns: Array) -> float:
    """Integral of the best fit with its baseline, by the trapezoidal rule on a fine grid."""
    t, y, level = found["t"], found["y"], found["baseline_v"]
    inside = slice(found["begin"], found["end"] + 1)

    def model(at: Array, a: float, onset: float, rise: float, fall: float) -> Array:
        u = np.maximum(at - onset, 0)
        return level + a * (np.exp(-u / fall) - np.exp(-u / rise))

    best, lowest = None, np.inf
    for start in starts_ns:
        try:
            values, _ = curve_fit(model, t[inside], y[inside], [2.5 * y.min(), start, 0.93, 3.5], ftol=1e-13, xtol=1e-12, maxfev=4000)
        except RuntimeError:
            continue
        cost = float(np.sum((y[inside] - model(t[inside], *values)) ** 2))
        if cost < lowest:
            best, lowest = values, cost
    assert best is not None
    fine = np.linspace(t[found["begin"]], t[found["end"]], 200_001)
    return float(20 * np.trapezoid(model(fine, *best), fine))
