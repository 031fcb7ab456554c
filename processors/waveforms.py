"""Charge of pulses in batches of waveforms (specification 3).

Waveforms are float64 arrays (n, samples) in V with **negative** pulses (``upright`` turns others over). Sample i of a waveform stands for the time
from t0 + (i - 1/2) dt to t0 + (i + 1/2) dt, its own t0 counted from its own trigger: a window in ns takes the samples at its ends by the share of
them that it covers, so that every window has the same length for every waveform, whatever the jitter of t0 in sequence mode.
``tests/reference/waveform_loops.py`` is the slow version of everything here.
"""

from __future__ import annotations

import math
from typing import Literal

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Window = tuple[float, float]  # ns

PC_PER_VNS_OHM = 1000.0  # 1 V ns / 1 ohm = 1e-9 C
SLACK = 1e-6  # of a sample: times that agree so far are equal
REGROUPED = {"reassoc", "contract", "nsz"}  # a sum may be regrouped, in the same way for every waveform of the same length


def upright(waveform_v: Array, polarity: Literal["negative", "positive"]) -> Array:
    """Waveforms (n, samples) with negative pulses."""
    values = np.ascontiguousarray(waveform_v, dtype=np.float64)
    return values if polarity == "negative" else -values


def charge_pc(waveform_v: Array, t0_ns: Array, dt_ns: float, baseline_v: Array, gate_ns: Window, *, load_ohm: float = 50.0) -> Array:
    """Charge in pC of each waveform: the integral of b - V over the gate, divided by the load. Positive for a negative pulse.

    ``waveform_v`` (n, samples); ``t0_ns``, ``baseline_v`` (n,). A sample that the gate covers in part counts in part, hence a constant added to
    waveform and baseline changes nothing. NaN where the gate reaches beyond the record.
    """
    out = np.empty(len(waveform_v))
    _charges(waveform_v, t0_ns, dt_ns, baseline_v, gate_ns[0], gate_ns[1], out)
    return out * (PC_PER_VNS_OHM / load_ohm)


def inside_record(t0_ns: Array, dt_ns: float, samples: int, window_ns: Window) -> NDArray[np.bool_]:
    """Whether the record of each waveform covers a window."""
    slack = SLACK * dt_ns
    first, last = t0_ns - 0.5 * dt_ns, t0_ns + (samples - 0.5) * dt_ns
    return (first - slack <= window_ns[0]) & (window_ns[1] <= last + slack)


def samples_inside(t0_ns: Array, dt_ns: float, samples: int, window_ns: Window) -> NDArray[np.int64]:
    """How many sample times of each waveform lie in a window, its ends included."""
    first = np.maximum(np.ceil((window_ns[0] - t0_ns) / dt_ns - SLACK), 0)
    last = np.minimum(np.floor((window_ns[1] - t0_ns) / dt_ns + SLACK), samples - 1)
    return np.maximum(last - first + 1, 0).astype(np.int64)


@numba.njit(inline="always")
def span(low_ns: float, high_ns: float, t0_ns: float, dt_ns: float, samples: int) -> tuple[int, int]:
    """First sample whose time lies in a window, and the one behind the last."""
    first = math.ceil((low_ns - t0_ns) / dt_ns - SLACK)
    stop = math.floor((high_ns - t0_ns) / dt_ns + SLACK) + 1
    return max(first, 0), min(stop, samples)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REGROUPED)
def _sum(row: Array, first: int, stop: int) -> float:
    total = 0.0
    for sample in range(first, stop):
        total += row[sample]
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _charges(waveform: Array, t0: Array, dt: float, baseline: Array, low: float, high: float, out: Array) -> None:
    samples = waveform.shape[1]
    for n in range(len(waveform)):
        begin, end = (low - t0[n]) / dt + 0.5, (high - t0[n]) / dt + 0.5  # in samples from the left edge of the first
        if begin < -SLACK or end > samples + SLACK or not begin < end:
            out[n] = math.nan
            continue
        begin, end = max(begin, 0.0), min(end, np.float64(samples))
        first, last = int(begin), min(int(end), samples - 1)
        row = waveform[n]
        total = _sum(row, first, last + 1) - (begin - first) * row[first] - (last + 1 - end) * row[last]
        out[n] = dt * ((end - begin) * baseline[n] - total)
