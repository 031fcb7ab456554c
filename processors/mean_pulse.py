"""Where the pulse of a point is: the mean waveform of its first triggers and its leading edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from configs import pmt_gain
from configs.errors import InputError
from processors.pmt_records import Records
from processors.waveforms import Array, Window

START_SAMPLES, START_SHARE = 20, 0.1  # of the record, taken for baseline until the pulse is known
SIGNIFICANT = 5.0  # standard deviations of the mean's noise
EDGE = 0.1  # share of the height of the leading edge
GATE_BEFORE_NS = 2.0  # of the leading edge, where the charge gate begins
ROUNDS = 3


@dataclass(frozen=True, eq=False)
class MeanWaveform:
    """Sample times in ns and the mean voltage (negative pulses)."""

    time_ns: Array
    mean_v: Array


def mean_waveform(records: Records, dt_ns: float) -> MeanWaveform:
    """Mean over triggers at the nearest sample of a common grid: own times of sequence segments jitter by less than one sample."""
    origin = float(np.median(records.t0_ns))
    shift = np.rint((records.t0_ns - origin) / dt_ns).astype(int)
    low, high = min(shift.min(), 0), max(shift.max(), 0)
    samples = records.waveform_v.shape[1]
    total, count = np.zeros(samples + high - low), np.zeros(samples + high - low)
    for row, place in zip(records.waveform_v, shift - low, strict=True):
        total[place : place + samples] += row
        count[place : place + samples] += 1
    covered = count == count.max()
    return MeanWaveform((origin + np.arange(low, samples + high) * dt_ns)[covered], (total / np.maximum(count, 1))[covered])


def onset_ns(mean: MeanWaveform, options: pmt_gain.Processor) -> float:
    """10 % leading edge of the mean pulse in ns; with a gate of the user's own, the edge for which the plan would have chosen that gate.

    Raises ``InputError`` when there is no pulse, or when it has the other sign.
    """
    if options.gate != "auto":
        return _onset_of_gate(mean, options.gate, options)
    before = int(START_SHARE * len(mean.time_ns))
    for _ in range(ROUNDS):
        height, noise = _above_baseline(mean, before)
        _check_sign(height, noise, options.polarity)
        peak = int(np.argmax(height))
        onset = _edge(mean.time_ns, height, peak)
        before = int(np.count_nonzero(mean.time_ns <= onset - options.baseline.end_before_onset_ns))
    if not height[peak] > SIGNIFICANT * noise:
        raise InputError(
            f"no pulse in the mean of the first triggers: {1e3 * height[peak]:.3g} mV at {mean.time_ns[peak]:.4g} ns, noise {1e3 * noise:.2g} mV; "
            f"say source: off if the light was off, or set processor.gate: [from, to] for very low light"
        )
    return onset


def _onset_of_gate(mean: MeanWaveform, gate_ns: Window, options: pmt_gain.Processor) -> float:
    onset = gate_ns[0] + GATE_BEFORE_NS
    inside = (mean.time_ns >= gate_ns[0]) & (mean.time_ns <= gate_ns[1])
    if inside.any():  # where it is not, the check of the gate says it
        before = int(np.count_nonzero(mean.time_ns <= onset - options.baseline.end_before_onset_ns))
        height, noise = _above_baseline(mean, before)
        _check_sign(height[inside], noise, options.polarity)
    return onset


def _above_baseline(mean: MeanWaveform, before: int) -> tuple[Array, float]:
    """Pulse height (positive) over the mean of the first samples, and their deviation."""
    first = mean.mean_v[: max(before, START_SAMPLES)]
    return first.mean() - mean.mean_v, float(np.std(first, ddof=1))


def _check_sign(height: Array, noise: float, polarity: str) -> None:
    up, down = float(np.max(-height)), float(np.max(height))
    if up > max(SIGNIFICANT * noise, down):
        other = "positive" if polarity == "negative" else "negative"
        raise InputError(
            f"the mean pulse is {other} ({1e3 * up:.3g} mV, {1e3 * max(down, 0.0):.3g} mV the other way); did you mean polarity: {other}? "
            "One polarity holds for all points: give others a configuration of their own"
        )


def _edge(time_ns: Array, height: Array, peak: int) -> float:
    """Time of the last crossing of 10 % of the height before the peak, straight between samples."""
    level = EDGE * height[peak]
    below = np.flatnonzero(height[: peak + 1] <= level)
    if len(below) == 0:
        return float(time_ns[0])
    last = int(below[-1])
    if last == peak:
        return float(time_ns[peak])
    share = (level - height[last]) / (height[last + 1] - height[last])
    return float(time_ns[last] + share * (time_ns[last + 1] - time_ns[last]))
