"""Histograms of one point: charges and their moments, amplitudes, times, shapes, further pulses, stability (specification 3.8).

Everything is an integer count or a sum on a binary grid, so that results are bitwise the same however triggers are divided.
"""

from __future__ import annotations

from collections.abc import Iterator

import hist
import numpy as np
from numpy.typing import NDArray

from processors.exact_sums import whole_quanta
from processors.pmt_measure import Measured
from processors.pmt_plan import REACH, PointPlan
from processors.pmt_selection import Selected, cutflow_axes
from processors.pmt_traces import trace_axes
from processors.response_fill import category
from processors.waveforms import Array

Axes = tuple[hist.axis.AxisProtocol, ...]
Mask = NDArray[np.bool_]

ESTIMATORS, SELECTIONS, POWERS = ("gate", "fit", "pre"), ("all", "selected"), (0, 1, 2, 3, 4)
TIMES, LIMITS, CLOCK_SUMS = ("cfd20", "cfd50", "onset"), ("low", "high", "any"), ("count", "charge", "square")
# Quanta of (q / q_ref)^k by k. Powers of charges around q_ref add exactly up to 2^21 triggers (k <= 2) or 2^25 (k = 4); each is off by 2e-9 at most.
MOMENT_QUANTA = np.array([1.0, 2.0**32, 2.0**32, 2.0**30, 2.0**28])
TIME_BINS, TIME_NS = 4000, 100.0  # 25 ps: the core of bright light is some 50 ps wide
CLOCK_BINS = 500
FLOATING = ("moments", "times", "waveform_mean", "trace", "noise_cov")  # sums; the others count


def axes_of(plan: PointPlan) -> dict[str, Axes]:
    """Axes of every histogram of a point by name."""
    low, high = time_range(plan)
    time = hist.axis.Regular(TIME_BINS, low, high, name="time", label="Time after the trigger [ns]")
    relative = hist.axis.Regular(120, -1.0, REACH, name="charge", label="Charge / reference")
    return {
        "cutflow": cutflow_axes(),
        "charge": (*_estimator_and_selection(), charge_axis(plan)),
        "moments": (*_estimator_and_selection(), category("power", POWERS, "Power of charge / reference")),
        "charge_log": (
            *_estimator_and_selection(),
            hist.axis.Regular(600, 1e-3, 1e3, transform=hist.axis.transform.log, name="charge", label="Charge [pC]"),
        ),
        "amplitude": (hist.axis.Regular(400, 1e-4, 10.0, transform=hist.axis.transform.log, name="amplitude", label="Amplitude [V]"),),
        "time": (category("kind", TIMES, "Time"), time),
        "shape": (
            hist.axis.Regular(100, 0.0, 5.0, name="tau_rise", label="Rise time [ns]"),
            hist.axis.Regular(100, 0.0, 10.0, name="tau_fall", label="Fall time [ns]"),
        ),
        "late": (hist.axis.Regular(100, 1.0, 1e4, transform=hist.axis.transform.log, name="delay", label="Delay after the pulse [ns]"), relative),
        "saturated": (category("limit", LIMITS, "Limit of the converter"),),
        "times": (
            category("sum", CLOCK_SUMS, "Sum"),
            hist.axis.Regular(CLOCK_BINS, 0.0, plan.clock_s, name="clock", label="Time since the first trigger [s]"),
        ),
        **trace_axes(plan),
    }


def empty(plan: PointPlan) -> dict[str, hist.Hist]:
    """Every histogram of a point without triggers."""
    return {
        name: hist.Hist(*axes, storage=hist.storage.Double() if name in FLOATING else hist.storage.Int64()) for name, axes in axes_of(plan).items()
    }


def charge_axis(plan: PointPlan) -> hist.axis.AxisProtocol:
    """The linear charge axis of a point."""
    return hist.axis.Regular(plan.charge_bins, -plan.q_ref_pc, REACH * plan.q_ref_pc, name="charge", label="Charge [pC]")


def time_range(plan: PointPlan) -> tuple[float, float]:
    """0 to 100 ns where the gate lies inside, else as many ns around the gate, or four gates where that is longer."""
    length = max(TIME_NS, 4.0 * (plan.gate_ns[1] - plan.gate_ns[0]))
    if length == TIME_NS and plan.gate_ns[0] >= 0.0 and plan.gate_ns[1] <= TIME_NS:
        return 0.0, TIME_NS
    low = np.floor(plan.gate_ns[0] - 0.25 * length)
    return float(low), float(low + length)


def fill(hists: dict[str, hist.Hist], found: Measured, chosen: Selected, clock_s: Array, plan: PointPlan) -> None:
    """Add a block of triggers to all histograms but those of ``pmt_traces`` and ``cutflow``. ``clock_s`` (n,): NaN where no trigger time is known."""
    for estimator, charge in _charges(found):
        for selection, kept in (("all", chosen.all), ("selected", chosen.selected)):
            values = charge[kept & np.isfinite(charge)]
            hists["charge"].fill(estimator, selection, values)
            hists["charge_log"].fill(estimator, selection, values)
            place = ESTIMATORS.index(estimator), SELECTIONS.index(selection)
            hists["moments"].view()[place] += power_sums(values / plan.q_ref_pc)
    every = chosen.all
    hists["amplitude"].fill(found.times.amplitude_v[every])
    _fill_times(hists["time"], found, chosen.selected)
    if found.fits is not None:
        good = chosen.selected & found.fits.valid
        rise, fall = found.fits.times_ns
        hists["shape"].fill(rise[good], fall[good])
    _fill_late(hists["late"], found, every, plan)
    low, high = found.saturated_low, found.saturated_high
    hists["saturated"].view()[...] += [int(mask.sum()) for mask in (low, high, low | high)]
    _fill_clock(hists["times"], found.charge_pc, every & np.isfinite(clock_s), clock_s, plan)


def power_sums(relative: Array) -> Array:
    """Sums (5,) of powers 0 to 4 of charges / reference, each rounded to a binary grid.

    >>> power_sums(np.array([0.5, -1.0])).tolist()
    [2.0, -0.5, 1.25, -0.875, 1.0625]
    """
    powers = relative[None, :] ** np.arange(5)[:, None]
    return np.asarray(whole_quanta(powers, MOMENT_QUANTA[:, None]).sum(axis=1) / MOMENT_QUANTA)


def _estimator_and_selection() -> Axes:
    return category("estimator", ESTIMATORS, "Charge by"), category("selection", SELECTIONS, "Triggers")


def _charges(found: Measured) -> Iterator[tuple[str, Array]]:
    for estimator, charge in (("gate", found.charge_pc), ("fit", found.fit_charge_pc), ("pre", found.pre_charge_pc)):
        if charge is not None:
            yield estimator, charge


def _fill_times(times: hist.Hist, found: Measured, kept: Mask) -> None:
    """Times of found pulses; no pulse, no time."""
    kinds = {"cfd20": found.times.cfd20_ns, "cfd50": found.times.cfd50_ns}
    if found.fits is not None:
        kinds["onset"] = np.where(found.fits.valid, found.fits.onset_ns, np.nan)
    for kind, values in kinds.items():
        times.fill(kind, values[kept & found.pulse_found & np.isfinite(values)])


def _fill_late(late: hist.Hist, found: Measured, kept: Mask, plan: PointPlan) -> None:
    rows = found.late.waveform
    inside = kept[rows]
    late.fill((found.late.time_ns - found.start_ns[rows])[inside], found.late.charge_pc[inside] / plan.q_ref_pc)


def _fill_clock(times: hist.Hist, charge_pc: Array, kept: Mask, clock_s: Array, plan: PointPlan) -> None:
    """Sums of charge / reference by trigger time, on the grid of the moments."""
    bins = times.axes["clock"].index(clock_s[kept]) + 1
    powers = (charge_pc[kept] / plan.q_ref_pc)[None, :] ** np.arange(3)[:, None]
    quanta = whole_quanta(powers, MOMENT_QUANTA[:3, None])
    for number, values in enumerate(quanta):
        times.view(flow=True)[number] += np.bincount(bins, values, minlength=CLOCK_BINS + 2) / MOMENT_QUANTA[number]
