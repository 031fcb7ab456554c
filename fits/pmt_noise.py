"""The variance that the noise of the baseline alone gives a charge, from its autocovariance."""

from __future__ import annotations

import math

from fits.pmt_points import Point
from fits.sample_moments import ChargeMoments
from processors.pmt_traces import covariance_of
from processors.waveform_baseline import charge_variance_pc2

PLANNED = ("dt_ns", "baseline_ns", "gate_ns", "load_ohm")


def noise_variance(point: Point) -> ChargeMoments | str:
    """A pedestal of mean 0 with the variance that the noise has in the gate, or why there is none.

    Its number of triggers is that of the baselines, which is right for a gate as long as the noise is correlated and cautious for shorter ones.
    Few baselines can give a negative variance where the noise is small: it then counts as 0.
    """
    if "noise_cov" not in point.hists or any(point.metadata.get(key) is None for key in PLANNED):
        return "no noise of the baseline was kept"
    covariance = covariance_of(point.hists["noise_cov"])
    if len(covariance) < 2:
        return "no baseline to take the noise of"
    plan = point.metadata
    gate, level = (tuple(map(float, plan[name])) for name in ("gate_ns", "baseline_ns"))
    variance = charge_variance_pc2(covariance, float(plan["dt_ns"]), level, gate, load_ohm=float(plan["load_ohm"]))  # type: ignore[arg-type]
    if not math.isfinite(variance):
        return "the noise of the baseline gives no variance"
    return ChargeMoments.noise(max(variance, 0.0), int(point.hists["noise_cov"]["count", 0]))
