"""When a pulse comes and how wide it is: extreme, constant-fraction times, rise time, width, and further pulses behind it (specification 3.5, 4.7).

Arrays as in ``processors.waveforms``; ``tests/reference/waveform_loops.py`` is the slow version.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from processors.waveforms import PC_PER_VNS_OHM, SLACK, Array, Window, span

LATE_SIZE = 5.0  # standard deviations of the noise that a further pulse rises above the baseline
LATE_RISE = LATE_SIZE * math.sqrt(2.0)  # and above the valley before it: the difference of two samples has sqrt(2) times the noise of one
EDGE = 0.1  # share of its height at which a further pulse begins and ends


@dataclass(frozen=True, eq=False)
class PulseTimes:
    """Of each waveform: amplitude in V (positive), times of the extreme and of constant fractions, rise time 10-90 % and width at half height in ns.

    NaN where a crossing is not in the record.
    """

    amplitude_v: Array
    peak_ns: Array
    cfd20_ns: Array
    cfd50_ns: Array
    rise_ns: Array
    width_ns: Array


@dataclass(frozen=True, eq=False)
class FurtherPulses:
    """Pulses behind the main one, by waveform and time: number of the waveform, time of the extreme in ns, height in V, charge in pC."""

    waveform: NDArray[np.int64]
    time_ns: Array
    height_v: Array
    charge_pc: Array


def pulse_times(waveform_v: Array, t0_ns: Array, dt_ns: float, baseline_v: Array, gate_ns: Window) -> PulseTimes:
    """Size and times of the largest negative excursion in the gate of each waveform (n, samples).

    A constant-fraction time is found by walking back from the extreme to the first sample below the fraction, and straight interpolation.
    """
    out = np.full((6, len(waveform_v)), np.nan)
    _pulse_times(waveform_v, t0_ns, dt_ns, baseline_v, gate_ns[0], gate_ns[1], out)
    return PulseTimes(*out)


def further_pulses(
    waveform_v: Array, t0_ns: Array, dt_ns: float, baseline_v: Array, noise_v: Array, from_ns: Array, *, load_ohm: float = 50.0
) -> FurtherPulses:
    """Maxima of b - V behind ``from_ns`` (n,) that rise more than 5 standard deviations of the noise (n,) above the baseline.

    They must also rise by sqrt(2) times as much above the lowest sample since the last pulse, so that noise on a long tail is none. The charge is the
    integral between the samples where the pulse is at 10 % of its height (or the valley before, or the end of the record).
    """
    counts = np.zeros(len(waveform_v), np.int64)
    nothing = np.empty((3, 0))
    _further(waveform_v, t0_ns, dt_ns, baseline_v, noise_v, from_ns, counts, nothing)
    found = np.empty((3, int(counts.sum())))
    _further(waveform_v, t0_ns, dt_ns, baseline_v, noise_v, from_ns, counts, found)
    return FurtherPulses(np.repeat(np.arange(len(counts)), counts), found[0], found[1], found[2] * (PC_PER_VNS_OHM / load_ohm))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _pulse_times(waveform: Array, t0: Array, dt: float, baseline: Array, low: float, high: float, out: Array) -> None:
    for n in range(len(waveform)):
        row = waveform[n]
        first, stop = span(low, high, t0[n], dt, len(row))
        if first >= stop:
            continue
        peak = first
        for sample in range(first + 1, stop):
            if row[sample] < row[peak]:
                peak = sample
        size = baseline[n] - row[peak]
        out[0, n], out[1, n] = size, t0[n] + peak * dt
        if not size > 0.0:
            continue
        for place, fraction in ((2, 0.2), (3, 0.5)):
            out[place, n] = t0[n] + dt * _before(row, peak, baseline[n] - fraction * size)
        out[4, n] = dt * (_before(row, peak, baseline[n] - 0.9 * size) - _before(row, peak, baseline[n] - 0.1 * size))
        half = baseline[n] - 0.5 * size
        out[5, n] = dt * (_behind(row, peak, half) - _before(row, peak, half))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _before(row: Array, peak: int, level: float) -> float:
    """Place of the last crossing of a level before a negative peak, in samples; NaN when there is none."""
    sample = peak
    while sample >= 0 and row[sample] < level:
        sample -= 1
    if sample < 0:
        return math.nan
    return sample if sample == peak else sample + (row[sample] - level) / (row[sample] - row[sample + 1])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _behind(row: Array, peak: int, level: float) -> float:
    """Place of the first crossing of a level behind a negative peak."""
    sample = peak
    while sample < len(row) and row[sample] < level:
        sample += 1
    if sample == len(row):
        return math.nan
    return sample if sample == peak else sample - (row[sample] - level) / (row[sample] - row[sample - 1])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _further(waveform: Array, t0: Array, dt: float, baseline: Array, noise: Array, start: Array, counts: NDArray, out: Array) -> None:
    """Count the pulses of each waveform; fill them in where ``out`` has room."""
    place = 0
    for n in range(len(waveform)):
        row, level, stop = waveform[n], baseline[n], waveform.shape[1]
        counts[n] = 0
        if not start[n] <= t0[n] + (stop - 1) * dt:
            continue
        sample = valley = max(math.ceil((start[n] - t0[n]) / dt - SLACK), 0)
        while sample < stop:
            if row[sample] > row[valley]:
                valley = sample
            if not _rises(row, level, noise[n], sample, valley):
                sample += 1
                continue
            peak, sample = _top(row, noise[n], sample, stop)
            if out.shape[1]:
                out[0, place], out[1, place] = t0[n] + peak * dt, level - row[peak]
                out[2, place] = dt * _area(row, level, peak, valley, stop)
                place += 1
            counts[n] += 1
            valley = min(sample, stop - 1)


@numba.njit(inline="always")
def _rises(row: Array, level: float, noise: float, sample: int, valley: int) -> bool:
    return level - row[sample] > LATE_SIZE * noise and row[valley] - row[sample] > LATE_RISE * noise


@numba.njit(cache=True, nogil=True)
def _top(row: Array, noise: float, sample: int, stop: int) -> tuple[int, int]:
    """The extreme of a pulse, and the sample where it has fallen from it by more than noise can."""
    peak = sample
    while sample < stop and row[sample] - row[peak] <= LATE_RISE * noise:
        if row[sample] < row[peak]:
            peak = sample
        sample += 1
    return peak, sample


@numba.njit(cache=True, nogil=True)
def _area(row: Array, level: float, peak: int, valley: int, stop: int) -> float:
    """Sum of b - V around a peak while it is above 10 % of the height."""
    least = level - EDGE * (level - row[peak])
    total = level - row[peak]
    sample = peak - 1
    while sample >= valley and row[sample] < least:
        total += level - row[sample]
        sample -= 1
    sample = peak + 1
    while sample < stop and row[sample] < least:
        total += level - row[sample]
        sample += 1
    return total
