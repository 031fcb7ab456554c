"""Which triggers count: ordered steps, each required, flagged or not looked at, all counted (specification 3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import hist
import numpy as np
from numpy.typing import NDArray

from configs import pmt_gain
from processors.pmt_measure import Measured
from processors.pmt_plan import PointPlan
from processors.response_fill import category

Mask = NDArray[np.bool_]

STEPS = ("read", "units", "unsaturated", "baseline", "single_pulse", "pulse_found", "amplitude_cut", "window", "fit_ok", "selected")
OUTCOMES = ("passed", "failed")
ALWAYS = ("read", "units")
OPTION_OF_STEP = {"unsaturated": "saturated"}  # the others bear the same name
PULSE = 5.0  # standard deviations of the noise


@dataclass(frozen=True, eq=False)
class Selected:
    """``all``: triggers of every estimator; ``selected``: those that pass every step; ``counts``: step -> passed, failed."""

    all: Mask
    selected: Mask
    counts: Mapping[str, tuple[int, int]]


def select(found: Measured, plan: PointPlan, options: pmt_gain.Processor) -> Selected:
    """Apply the steps one after another: each counts the triggers that passed those before it.

    A step that is off, or that has nothing to look at (no cut of the point, no fit), counts nobody.
    """
    passes = checks(found, plan, options)
    n = len(found)
    every, kept = np.ones(n, bool), np.ones(n, bool)
    counts = {}
    for step in STEPS[:-1]:
        if step not in passes:
            counts[step] = (0, 0)
            continue
        passed = kept & passes[step]
        counts[step] = (int(passed.sum()), int(kept.sum() - passed.sum()))
        kept = passed
        if requirement(step, options) == "require":
            every &= passes[step]
    counts["selected"] = (int(kept.sum()), int(n - kept.sum()))
    return Selected(every, kept, counts)


def checks(found: Measured, plan: PointPlan, options: pmt_gain.Processor) -> dict[str, Mask]:
    """Which triggers pass each step that is looked at, whatever the other steps say."""
    times, level = found.times, found.baseline
    passes: dict[str, Mask | None] = {
        "read": np.ones(len(found), bool),
        "units": np.isfinite(level.rms_v) & np.isfinite(found.charge_pc),
        "unsaturated": ~(found.saturated_low | found.saturated_high),
        "baseline": ~found.unstable & (level.kept >= options.baseline.min_samples),
        "single_pulse": (found.further == 0) & ~(level.dip_v > PULSE * level.rms_v),
        "pulse_found": found.pulse_found,
        "amplitude_cut": None if plan.cut_v is None else times.amplitude_v > abs(plan.cut_v),
        "window": (times.cfd20_ns >= plan.gate_ns[0]) & (times.cfd20_ns <= plan.gate_ns[1]),
        "fit_ok": None if found.fits is None else found.fits.valid,
    }
    return {step: mask for step, mask in passes.items() if mask is not None and requirement(step, options) != "off"}


def requirement(step: str, options: pmt_gain.Processor) -> pmt_gain.Requirement:
    """``require``, ``flag`` or ``off``."""
    if step in ALWAYS:
        return "require"
    found: pmt_gain.Requirement = getattr(options.selection, OPTION_OF_STEP.get(step, step))
    return found


def cutflow_axes() -> tuple[hist.axis.AxisProtocol, ...]:
    """Axes step and outcome."""
    return category("step", STEPS, "Step"), category("outcome", OUTCOMES, "Outcome")


def fill_cutflow(cutflow: hist.Hist, counts: Mapping[str, tuple[int, int]]) -> None:
    """Add the counts of triggers to the histogram ``cutflow``."""
    cutflow.view()[...] += np.array([counts[step] for step in STEPS])
