"""Mean waveform, density of waveforms and noise of a point as histograms whose sums do not depend on the order of triggers."""

from __future__ import annotations

import math

import hist
import numba
import numpy as np
from numpy.typing import NDArray

from processors.exact_sums import whole_quanta
from processors.pmt_measure import Measured
from processors.pmt_plan import PointPlan
from processors.pmt_records import Records
from processors.response_fill import category
from processors.waveform_baseline import autocovariance
from processors.waveforms import Array

Axes = tuple[hist.axis.AxisProtocol, ...]
Mask = NDArray[np.bool_]

MOST_SAMPLES = 1000  # of the time axes; longer records show the surroundings of the gate
SUMS = ("count", "sum", "square")
ALIGNED = ("trigger", "pulse")  # time as recorded, or shifted so that the 20 % time is the plan's onset
HEIGHTS = (200, -0.5, 2.5)  # bins of (b - V) / amplitude_ref
# Heights are added in quanta of 2^-26 of the reference amplitude (rounded to a power of two), squares of its square: 2^25 such heights add exactly.
HEIGHT_QUANTA = 2.0**26
# Autocovariances are around 1e-4 of the squared reference amplitude and are added in quanta of 2^-46 of it: a million add exactly.
NOISE_QUANTA = 2.0**46


def view_ns(plan: PointPlan) -> tuple[float, int]:
    """Left edge and number of samples of the time axes: the record, or of long ones what surrounds the gate."""
    first = plan.t0_ns - 0.5 * plan.dt_ns
    if plan.n_samples <= MOST_SAMPLES:
        return first, plan.n_samples
    length = plan.gate_ns[1] - plan.gate_ns[0]
    skipped = max(math.floor((plan.gate_ns[0] - length - first) / plan.dt_ns), 0)
    samples = min(math.ceil(4.0 * length / plan.dt_ns), MOST_SAMPLES, plan.n_samples - skipped)
    return first + skipped * plan.dt_ns, samples


def trace_axes(plan: PointPlan) -> dict[str, Axes]:
    """Axes of ``waveform_mean``, ``waveform_2d``, ``trace`` and ``noise_cov``."""
    low, bins = view_ns(plan)
    time = hist.axis.Regular(bins, low, low + bins * plan.dt_ns, name="time", label="Time after the trigger [ns]")
    height = hist.axis.Regular(*HEIGHTS, name="height", label="Pulse height / reference")
    lags = hist.axis.Integer(0, plan.noise_lags, name="lag", label="Lag [samples]", flow=False)
    return {
        "waveform_mean": (category("aligned", ALIGNED, "Aligned to"), category("sum", SUMS, "Sum"), time),
        "waveform_2d": (time, height),
        "trace": (category("sum", SUMS[:2], "Sum"), time),
        "noise_cov": (category("sum", ("count", "covariance"), "Sum"), lags),
    }


def fill_traces(hists: dict[str, hist.Hist], records: Records, found: Measured, chosen: Mask, plan: PointPlan) -> None:
    """Add the pulses b - V in V of the chosen triggers to ``waveform_mean`` and, aligned to the pulse, to ``waveform_2d``."""
    low, bins = view_ns(plan)
    unit = power_of_two_below(plan.amplitude_ref_v)
    moved = found.start_ns - plan.onset_ns
    with_pulse = chosen & found.pulse_found
    mean = hists["waveform_mean"].view(flow=True)[:, :, 1:-1]
    density = np.zeros((bins, HEIGHTS[0] + 2), np.int64)
    for number, (shift_ns, kept) in enumerate(((np.zeros_like(moved), chosen), (moved, with_pulse))):
        first_bin = np.rint((records.t0_ns - shift_ns - low) / plan.dt_ns - 0.5).astype(np.int64)
        sums = np.zeros((len(SUMS), bins))
        into = density if number else density[:0]
        _add_traces(records.waveform_v, found.baseline.level_v, kept, first_bin, 1.0 / unit, plan.amplitude_ref_v, sums, into)
        mean[number] += sums * np.array([[1.0], [unit / HEIGHT_QUANTA], [unit**2 / HEIGHT_QUANTA]])
    hists["waveform_2d"].view(flow=True)[1:-1] += density


def fill_trace(trace: hist.Hist, records: Records, found: Measured, picked: Mask, plan: PointPlan) -> None:
    """Add b - V in V of the picked triggers, the one example of the plan, as recorded."""
    if not picked.any():
        return
    low, bins = view_ns(plan)
    unit = power_of_two_below(plan.amplitude_ref_v)
    first_bin = np.rint((records.t0_ns - low) / plan.dt_ns - 0.5).astype(np.int64)
    sums = np.zeros((len(SUMS), bins))
    none = np.zeros((0, HEIGHTS[0] + 2), np.int64)
    _add_traces(records.waveform_v, found.baseline.level_v, picked, first_bin, 1.0 / unit, plan.amplitude_ref_v, sums, none)
    trace.view(flow=True)[:, 1:-1] += sums[:2] * np.array([[1.0], [unit / HEIGHT_QUANTA]])


def fill_noise(noise_cov: hist.Hist, records: Records, chosen: Mask, plan: PointPlan) -> None:
    """Add the autocovariances in V^2 of the baselines of the chosen triggers, and their number, by lag."""
    covariance = autocovariance(records.waveform_v[chosen], records.t0_ns[chosen], plan.dt_ns, plan.covariance_ns, plan.noise_lags)
    quantum = power_of_two_below(plan.amplitude_ref_v) ** 2 / NOISE_QUANTA
    quanta = whole_quanta(covariance, np.full(plan.noise_lags, 1.0 / quantum))
    noise_cov.view()[...] += np.stack([np.isfinite(quanta).sum(axis=0), np.nansum(quanta, axis=0) * quantum])


def power_of_two_below(value: float) -> float:
    """The largest power of two that is not above a positive number.

    >>> power_of_two_below(0.3)
    0.25
    """
    return 2.0 ** math.floor(math.log2(value))


def covariance_of(noise_cov: hist.Hist) -> Array:
    """Mean autocovariance in V^2 by lag, from ``noise_cov``; empty without triggers."""
    count, total = np.asarray(noise_cov.values())
    filled = count > 0
    return np.asarray(total[filled] / count[filled])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_traces(
    waveform: Array, level: Array, kept: Mask, first_bin: NDArray, per_unit: float, reference: float, sums: Array, density: NDArray
) -> None:
    """Add pulses to sums in quanta (heights times ``per_unit`` are in units) and, where it has rows, to the density."""
    bins, heights = sums.shape[1], density.shape[1] - 2
    for n in range(len(waveform)):
        if not kept[n]:
            continue
        first = first_bin[n]
        for sample in range(max(0, -first), min(waveform.shape[1], bins - first)):
            volts = level[n] - waveform[n, sample]
            height = volts * per_unit
            sums[0, first + sample] += 1.0
            sums[1, first + sample] += np.rint(height * HEIGHT_QUANTA)
            sums[2, first + sample] += np.rint(height * height * HEIGHT_QUANTA)
            if len(density):
                place = math.floor((volts / reference - HEIGHTS[1]) / (HEIGHTS[2] - HEIGHTS[1]) * heights)
                density[first + sample, min(max(place, -1), heights) + 1] += 1
