"""Everything that is measured of a block of triggers, by the plan of their point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs import pmt_gain
from processors.pmt_plan import PointPlan
from processors.pmt_records import Records
from processors.pulse_fit import PulseFits, fit_pulses
from processors.waveform_baseline import Baseline, baselines, unstable
from processors.waveform_times import FurtherPulses, PulseTimes, further_pulses, pulse_times
from processors.waveforms import PC_PER_VNS_OHM, Array, charge_pc

LATE_FROM_NS = 15.0  # behind the pulse
PULSE = 5.0  # standard deviations of the noise

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Measured:
    """Quantities of n triggers; ``pre_charge_pc``, ``fits`` and ``fit_charge_pc`` (NaN without a valid fit) are None where they are not made.

    ``start_ns``: where the pulse begins, its 20 % time, or the plan's onset where none was found; ``further``: number of further pulses.
    """

    baseline: Baseline
    charge_pc: Array
    pre_charge_pc: Array | None
    times: PulseTimes
    start_ns: Array
    late: FurtherPulses
    further: NDArray[np.int64]
    fits: PulseFits | None
    fit_charge_pc: Array | None
    unstable: Mask
    pulse_found: Mask
    saturated_low: Mask
    saturated_high: Mask

    def __len__(self) -> int:
        return len(self.charge_pc)


def measure(records: Records, plan: PointPlan, options: pmt_gain.Processor) -> Measured:
    """Measure a block of triggers. Charges are NaN where the gate is outside the record."""
    y, t0, dt, load = records.waveform_v, records.t0_ns, plan.dt_ns, plan.load_ohm
    base = baselines(y, t0, dt, plan.baseline_ns, options.baseline.estimator)
    times = pulse_times(y, t0, dt, base.level_v, plan.gate_ns)
    found = times.amplitude_v > PULSE * base.rms_v
    start = np.where(found & np.isfinite(times.cfd20_ns), times.cfd20_ns, plan.onset_ns)
    fits = _fitted(records, base, found, plan, options) if options.fit.enabled else None
    late = further_pulses(y, t0, dt, base.level_v, base.rms_v, start + LATE_FROM_NS, load_ohm=load)
    return Measured(
        baseline=base,
        charge_pc=charge_pc(y, t0, dt, base.level_v, plan.gate_ns, load_ohm=load),
        pre_charge_pc=_before(records, plan, options),
        times=times,
        start_ns=start,
        late=late,
        further=np.bincount(late.waveform, minlength=len(y)),
        fits=fits,
        fit_charge_pc=None if fits is None else np.where(fits.valid, fits.area_vns, np.nan) * (PC_PER_VNS_OHM / load),
        unstable=unstable(base, dt, plan.correlation_samples),
        pulse_found=found,
        saturated_low=records.saturated_low,
        saturated_high=records.saturated_high,
    )


def _before(records: Records, plan: PointPlan, options: pmt_gain.Processor) -> Array | None:
    """Charge in the gate before the pulse, above the baseline before that gate."""
    if plan.pre_gate_ns is None or plan.pre_baseline_ns is None:
        return None
    y, t0, dt = records.waveform_v, records.t0_ns, plan.dt_ns
    level = baselines(y, t0, dt, plan.pre_baseline_ns, options.baseline.estimator).level_v
    return charge_pc(y, t0, dt, level, plan.pre_gate_ns, load_ohm=plan.load_ohm)


def _fitted(records: Records, base: Baseline, found: Mask, plan: PointPlan, options: pmt_gain.Processor) -> PulseFits:
    return fit_pulses(
        records.waveform_v, records.t0_ns, plan.dt_ns, base.level_v, base.rms_v, plan.fit_window_ns, options.fit,
        baseline_error_v=base.error_v(plan.correlation_samples), noise_correlation=plan.correlation_samples, wanted=found,
    )  # fmt: skip
