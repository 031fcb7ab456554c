"""Tables of triggers: one row each with every quantity, flag, file and segment (specification 3.8), or beside the published chain (9)."""

from __future__ import annotations

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from configs import pmt_gain
from processors.pmt_measure import Measured
from processors.pmt_plan import PointPlan
from processors.pmt_records import Records
from processors.pmt_selection import Selected
from records.tables import Table

COPIED = ("file", "segment", "trigger_s", "trigger_time")  # of the columns of the source, where it has them


def trigger_table(events: ak.Array, records: Records, found: Measured, chosen: Selected, options: pmt_gain.Processor) -> Table:
    """Rows of a block of triggers. Voltages are as recorded: with ``polarity: positive`` baselines have their own sign again."""
    sign = 1.0 if options.polarity == "negative" else -1.0
    base, times = found.baseline, found.times
    missing = np.full(len(found), np.nan)
    columns = {
        **{name: np.asarray(events[name]) for name in COPIED if name in events.fields},
        "t0_ns": records.t0_ns, "baseline_v": sign * base.level_v, "baseline_rms_v": base.rms_v,
        "baseline_slope_v_per_ns": sign * base.slope_v_per_ns, "baseline_samples": base.kept, "charge_pc": found.charge_pc,
        "pre_charge_pc": missing if found.pre_charge_pc is None else found.pre_charge_pc,
        "amplitude_v": times.amplitude_v, "peak_ns": times.peak_ns, "cfd20_ns": times.cfd20_ns, "cfd50_ns": times.cfd50_ns,
        "rise_ns": times.rise_ns, "width_ns": times.width_ns, **_fit_columns(found),
        "further_pulses": found.further, "saturated": found.saturated_low | found.saturated_high, "unstable_baseline": found.unstable,
        "pulse_found": found.pulse_found, "used": chosen.all, "selected": chosen.selected,
    }  # fmt: skip
    return Table(columns)


def reference_table(events: ak.Array, records: Records, found: Measured, chosen: Selected, plan: PointPlan, cut_v: float) -> Table:
    """Rows of a block of triggers beside what the published chain makes of them (``processors.pmt_reference_effects``), for validation alone.

    The published charges are negative and hold the baseline.
    """
    from processors.pmt_reference_effects import compare

    theirs = compare(records.waveform_v, records.t0_ns, plan.dt_ns, cut_v, plan.noisy, load_ohm=plan.load_ohm)
    fitted = np.full(len(found), np.nan) if found.fit_charge_pc is None else found.fit_charge_pc
    ours = {"charge_pc": found.charge_pc, "fit_charge_pc": fitted, "used": chosen.all, "selected": chosen.selected}
    return Table({**{name: np.asarray(events[name]) for name in COPIED[:2] if name in events.fields}, **ours, **theirs})


def _fit_columns(found: Measured) -> dict[str, NDArray]:
    """Results of the pulse fit, none where it is not enabled."""
    fits = found.fits
    if fits is None or found.fit_charge_pc is None:
        return {}
    errors = fits.errors
    rise, fall = fits.times_ns
    return {
        "fit_charge_pc": found.fit_charge_pc, "fit_area_vns": fits.area_vns, "fit_area_error_vns": errors[:, 0], "fit_onset_ns": fits.onset_ns,
        "fit_onset_error_ns": errors[:, 1], "fit_beta_per_ns": fits.beta_per_ns, "fit_eta": fits.eta, "fit_sigma_ns": fits.sigma_ns,
        "fit_rise_ns": rise, "fit_fall_ns": fall, "fit_chi2": fits.chi2, "fit_ndf": fits.ndf, "fit_status": fits.status,
        "fit_iterations": fits.iterations,
    }  # fmt: skip
