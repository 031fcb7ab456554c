"""The plan of a point: gate, baseline and scales from the mean of its first triggers, the same for every trigger (specification 3.1).

No choice is made trigger by trigger, so none can bias the mean charge. An LED-off point shares the plan of its LED point.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from configs import pmt_gain
from configs.errors import InputError
from processors.mean_pulse import GATE_BEFORE_NS, mean_waveform, onset_ns
from processors.pmt_records import Records, Sampling, blocks, coupling_mismatch, load_of, sampling
from processors.waveform_baseline import autocovariance, baselines, correlation_length
from processors.waveform_times import pulse_times
from processors.waveforms import Array, Window, charge_pc, inside_record, samples_inside

TRIGGERS = 100  # that make a plan
GATE_BEHIND_NS = 22.0  # of the 10 % edge of the mean pulse, where the gate ends
FIT_BEFORE_NS, FIT_BEHIND_NS = 4.0, 5.0  # of the fit's window, around the gate
CHARGE_PER_CUT_PC_PER_V = 212.4  # mean charge of a pulse whose amplitude is twice the cut, for the shape of the reference's pulses
CHARGE_BINS, MOST_BINS = 1200, 9600  # from -q_ref to 5 q_ref
REACH = 5.0  # the charge axis ends at so many q_ref
SPREADS = 12.0  # standard deviations above the mean that the charge axis holds
BINS_PER_PEDESTAL = 3.0  # standard deviation of the pedestal in bins
COVARIANCE_SAMPLES, MOST_LAGS = 512, 256  # of the baseline's end, for the correlation of the noise
CLOCK_REACH = 20.0  # the axis of trigger times holds so many times what the source took: that of a plan has the first files alone


@dataclass(frozen=True)
class PointPlan:
    """What is decided for a whole point (``name``, for messages).

    Times in ns from the trigger; ``q_ref_pc`` and ``amplitude_ref_v`` are scales of histograms alone.

    ``onset_ns``: 10 % edge of the mean pulse. ``pre_gate_ns``, ``pre_baseline_ns``: gate of equal length before the pulse with its own baseline,
    None where the record is too short. ``correlation_samples``: samples of noise that one independent sample is worth. ``clock_s``: trigger times
    in s since ``clock_start_ns`` (oscilloscope's clock) that a histogram holds. ``trace_time_ns``: time of the trigger of middle charge, whose
    waveform is kept as an example; 0 where triggers have no times.
    """

    name: str
    sampling: Sampling
    t0_ns: float
    onset_ns: float
    gate_ns: Window
    baseline_ns: Window
    pre_gate_ns: Window | None
    pre_baseline_ns: Window | None
    q_ref_pc: float
    charge_bins: int
    amplitude_ref_v: float
    correlation_samples: float
    noise_lags: int
    load_ohm: float
    cut_v: float | None
    noisy: bool
    clock_start_ns: int
    clock_s: float
    warnings: tuple[str, ...] = ()
    trace_time_ns: int = 0

    @property
    def dt_ns(self) -> float:
        """Sampling step."""
        return self.sampling.dt_ns

    @property
    def n_samples(self) -> int:
        """Samples of a trigger."""
        return self.sampling.samples

    @property
    def fit_window_ns(self) -> Window:
        """Where the pulse is fitted."""
        return self.gate_ns[0] - FIT_BEFORE_NS, self.gate_ns[1] + FIT_BEHIND_NS

    @property
    def covariance_ns(self) -> Window:
        """The part of the baseline that tells how noise is correlated."""
        return max(self.baseline_ns[0], self.baseline_ns[1] - COVARIANCE_SAMPLES * self.dt_ns), self.baseline_ns[1]

    @property
    def numbers(self) -> dict[str, Any]:
        """What fits and figures must know of the plan, as metadata of the data set."""
        names = ("dt_ns", "n_samples", "t0_ns", "onset_ns", "gate_ns", "baseline_ns", "pre_gate_ns", "pre_baseline_ns", "q_ref_pc", "amplitude_ref_v")
        return {
            **{name: getattr(self, name) for name in names},
            "coupling": self.sampling.coupling,
            "load_ohm": self.load_ohm,
            "warnings": list(self.warnings),
        }


def plan_point(source: Any, options: pmt_gain.Processor, metadata: Mapping[str, Any]) -> PointPlan:
    """The plan of a point from the first 100 triggers of its (LED) source; the reach of the trigger times is from all of them.

    ``metadata``: pmt, hv_v, light, cut_v, noisy, q_ref_pc. Raises ``InputError`` where dt, length or coupling are mixed, there is no pulse or
    one of the other polarity, the gate is outside the record, or too few samples lie before the pulse.
    """
    events = source.events(0, min(TRIGGERS, len(source)))
    name = f"{metadata.get('pmt', 'point')} at {metadata.get('hv_v', math.nan):g} V"
    if len(events) == 0:
        raise InputError(f"{name}: no triggers; give at least one file with waveforms")
    try:
        shared = sampling(events)
        (records,) = (one for _, one in blocks(events, options.polarity, TRIGGERS))
        plan = _planned(name, records, shared, options, metadata, _clock(source))
        return replace(plan, trace_time_ns=_typical(records, trigger_times_ns(events), plan, options))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def trigger_times_ns(events: ak.Array) -> NDArray[np.int64]:
    """Trigger times (n,) in ns of the oscilloscope's clock; 0 where none is known."""
    if "trigger_time" not in events.fields:
        return np.zeros(len(events), np.int64)
    times = np.asarray(events["trigger_time"]).astype("M8[ns]")
    return np.where(np.isnat(times), 0, times.astype(np.int64))


def _typical(records: Records, times_ns: NDArray[np.int64], plan: PointPlan, options: pmt_gain.Processor) -> int:
    """Time of the trigger whose charge is the middle one."""
    base = baselines(records.waveform_v, records.t0_ns, plan.dt_ns, plan.baseline_ns, options.baseline.estimator)
    charge = charge_pc(records.waveform_v, records.t0_ns, plan.dt_ns, base.level_v, plan.gate_ns, load_ohm=plan.load_ohm)
    return int(times_ns[np.argsort(charge, kind="stable")[len(charge) // 2]])


def _planned(
    name: str, records: Records, shared: Sampling, options: pmt_gain.Processor, metadata: Mapping[str, Any], clock: tuple[int, float]
) -> PointPlan:  # fmt: skip
    onset = onset_ns(mean_waveform(records, shared.dt_ns), options)
    gate = (onset - GATE_BEFORE_NS, onset + GATE_BEHIND_NS) if options.gate == "auto" else options.gate
    first_ns = float(records.t0_ns.min()) - 0.5 * shared.dt_ns
    level = (first_ns, onset - options.baseline.end_before_onset_ns)
    _check_windows(records, shared, gate, level, options)
    pre_gate, pre_level = before_pulse(level, gate, shared.dt_ns, options)
    base = baselines(records.waveform_v, records.t0_ns, shared.dt_ns, level, options.baseline.estimator)
    load_ohm = load_of(shared.coupling, options)
    charge = charge_pc(records.waveform_v, records.t0_ns, shared.dt_ns, base.level_v, gate, load_ohm=load_ohm)
    amplitude = pulse_times(records.waveform_v, records.t0_ns, shared.dt_ns, base.level_v, gate).amplitude_v
    lags = int(min(samples_inside(records.t0_ns, shared.dt_ns, shared.samples, level).min() - 1, MOST_LAGS))
    covariance = autocovariance(records.waveform_v, records.t0_ns, shared.dt_ns, level, lags).mean(axis=0)
    correlated = correlation_length(covariance - covariance[-max(lags // 4, 1) :].mean())
    noise = float(np.median(base.rms_v)) * math.sqrt(correlated * (gate[1] - gate[0]) * shared.dt_ns) * 1000.0 / load_ohm
    q_ref, bins = _charge_axis(charge, noise, metadata)
    cut_v = metadata.get("cut_v")
    warning = coupling_mismatch(shared.coupling, options)
    reference_v = 2.0 * abs(cut_v) if cut_v is not None and metadata.get("light") != "low" else _rounded_up(float(np.quantile(amplitude, 0.9)))
    return PointPlan(
        name, shared, float(np.median(records.t0_ns)), onset, gate, level, pre_gate, pre_level, q_ref, bins, reference_v, correlated, lags,
        load_ohm, cut_v, bool(metadata.get("noisy", False)), *clock, (warning,) if warning else (),
    )  # fmt: skip


def before_pulse(level_ns: Window, gate_ns: Window, dt_ns: float, options: pmt_gain.Processor) -> tuple[Window | None, Window | None]:
    """A gate of the same length at the end of the baseline's samples, and the baseline before it at the same distance; None where it has no room."""
    length, gap = gate_ns[1] - gate_ns[0], max(gate_ns[0] - level_ns[1], 0.0)
    gate = (level_ns[1] - length, level_ns[1])
    level = (level_ns[0], gate[0] - gap)
    if level[1] - level[0] < (options.baseline.min_samples + 1) * dt_ns:  # one sample more: t0 jitters
        return None, None
    return gate, level


def _check_windows(records: Records, shared: Sampling, gate: Window, level: Window, options: pmt_gain.Processor) -> None:
    if problem := gate_problem(records.t0_ns, shared, gate):
        raise InputError(problem[1])
    samples = int(samples_inside(records.t0_ns, shared.dt_ns, shared.samples, level).min())
    if samples < options.baseline.min_samples:
        raise InputError(
            f"{samples} samples of baseline up to {level[1]:.4g} ns ({options.baseline.end_before_onset_ns:g} ns before the pulse), fewer than "
            f"processor.baseline.min_samples {options.baseline.min_samples}; record more before the pulse, or lower one of the two"
        )


def gate_problem(t0_ns: Array, shared: Sampling, gate: Window) -> tuple[int, str] | None:
    """The first trigger whose record does not hold the gate, and what to say of it."""
    inside = inside_record(t0_ns, shared.dt_ns, shared.samples, gate)
    if inside.all():
        return None
    row = int(np.argmin(inside))
    first = float(t0_ns[row])
    return row, (
        f"the charge gate [{gate[0]:.4g}, {gate[1]:.4g}] ns is outside the record, which goes from {first:.4g} to "
        f"{first + (shared.samples - 1) * shared.dt_ns:.4g} ns; set processor.gate: [from, to] inside, or record longer"
    )


def _charge_axis(charge: Any, noise_pc: float, metadata: Mapping[str, Any]) -> tuple[float, int]:
    """Scale of the charge axes and their bins: as given, from the cut of bright points, else to hold the charges and to resolve the pedestal."""
    given, cut_v, low = metadata.get("q_ref_pc"), metadata.get("cut_v"), metadata.get("light") == "low"
    if given is not None:
        q_ref = float(given)
    elif cut_v is not None and not low:
        q_ref = CHARGE_PER_CUT_PC_PER_V * abs(cut_v)
    else:
        middle, upper = np.quantile(charge, [0.5, 0.8413])
        spread = max(float(np.std(charge)), float(upper - middle), noise_pc)
        q_ref = _rounded_up(max(float(np.mean(charge)) + SPREADS * spread, float(np.max(charge))) / REACH)
    wanted = (1.0 + REACH) * q_ref / CHARGE_BINS * BINS_PER_PEDESTAL / max(noise_pc, 1e-300)
    doublings = math.ceil(math.log2(max(wanted, 1.0))) if low else 0
    return q_ref, int(min(CHARGE_BINS * 2**doublings, MOST_BINS))


def _rounded_up(value: float) -> float:
    """To two digits, so that a scale is a short number."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    digit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{math.ceil(value / digit - 1e-9) * digit:.2g}")


def _clock(source: Any) -> tuple[int, float]:
    """Earliest trigger time of the source in ns and the reach of the axis in s, 1, 2 or 5 times a power of ten."""
    events = source.events(0, len(source))  # times alone are read
    times = np.asarray(events["trigger_time"]) if "trigger_time" in events.fields else np.empty(0, "M8[ns]")
    known = times[~np.isnat(times)].astype("M8[ns]").astype(np.int64)
    if len(known) == 0:
        return 0, 1.0
    reach = CLOCK_REACH * max(float(known.max() - known.min()) * 1e-9, 1e-3)
    decade = 10.0 ** math.floor(math.log10(reach))
    return int(known.min()), float(next(step * decade for step in (1, 2, 5, 10) if step * decade >= reach))
