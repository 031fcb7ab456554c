"""Gain of every point of a photomultiplier by each method, and which of them the gain curve is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from configs.pmt_gain import Fits
from fits.gain_curve import MIN_VOLTAGES, Ordinate
from fits.joint_photostatistics import joint_photostatistics
from fits.photostatistics import photostatistics
from fits.pmt_measured import Measured
from records.gain import GainEstimate
from records.spe import JointPhotostatisticsResult, ModelChoice, PhotostatisticsResult, SaldanhaResult, SpeResult

NAN = float("nan")
NOT_COMMON = 1e-3  # p-value of the joint fit below which the light was not constant
PHOTOSTATISTICS, JOINT, SPE, SALDANHA, MEAN_CHARGE = "photostatistics", "joint_photostatistics", "spe", "saldanha", "mean_charge"
Estimates = dict[str, dict[str, GainEstimate]]  # point -> method -> gain


@dataclass(frozen=True)
class LowLight:
    """What the fits of single photo-electrons left of one point."""

    models: Mapping[str, SpeResult] = field(default_factory=dict)
    choice: ModelChoice | None = None
    saldanha: SaldanhaResult | None = None

    @property
    def best(self) -> SpeResult | None:
        """The model that describes the spectrum best; null where none does."""
        return None if self.choice is None or self.choice.best not in self.models else self.models[self.choice.best]


@dataclass(frozen=True)
class Delta:
    """Relative width of the charge of one photo-electron, its error, and where it is from."""

    value: float
    error: float
    source: str


def delta_of(low: Mapping[str, LowLight], options: Fits) -> Delta:
    """Width from the best fit of a spectrum of this photomultiplier where there is a valid one, else that of the configuration."""
    for name, found in low.items():
        best = found.best
        if best is not None and best.valid and math.isfinite(best.resolution) and math.isfinite(best.resolution_error):
            others = [found.models[model].resolution for model in (found.choice.supported if found.choice else ())]
            spread = max((abs(one - best.resolution) for one in others), default=0.0)
            return Delta(best.resolution, math.hypot(best.resolution_error, spread), f"spectrum of {name} ({best.model})")
    return Delta(options.photostat.delta, options.photostat.delta_error, "configuration")


def estimates(measured: Sequence[Measured], low: Mapping[str, LowLight], delta: Delta,
              joint_over_hv: bool) -> tuple[Estimates, JointPhotostatisticsResult | None]:  # fmt: skip
    """Gain of each point by each method, and the fit of a common light to the bright points (null where it was not asked for)."""
    usable = {one.point.name: (one.led, one.dark) for one in measured if one.led is not None and one.dark is not None}
    found: Estimates = {one.point.name: {} for one in measured}
    for name, pair in usable.items():
        found[name][PHOTOSTATISTICS] = _of_photostatistics(photostatistics(*pair, delta.value, delta.error))
    bright = {one.point.name: usable[one.point.name] for one in measured if one.point.light == "bright" and one.point.name in usable}
    joint = joint_photostatistics(bright, delta.value, delta.error) if joint_over_hv else None
    if joint is not None and joint.valid:
        for name in joint.points:
            found[name][JOINT] = _of_joint(joint, name)
    for name, one_low in low.items():
        found[name] |= _of_low_light(one_low)
    return found, joint


def ordinate(measured: Sequence[Measured], found: Estimates, joint: JointPhotostatisticsResult | None, options: Fits) -> tuple[Ordinate, str]:
    """What the gain curve is fitted to, and why there is no absolute gain (empty if there is).

    ``auto``: fits of single photo-electrons where at least three voltages have one, else the common light unless the points contradict it,
    else photostatistics point by point, else the mean charge.
    """
    wanted = options.gain_curve.input
    if wanted == "relative":
        return relative(measured, options), "gain_curve.input is relative"
    if wanted == "spe" or (wanted == "auto" and _voltages(measured, found, SPE) >= MIN_VOLTAGES):
        return _absolute(measured, found, SPE, options, {}), ""
    if joint is not None and joint.valid and joint.p_value > NOT_COMMON and len(joint.points) >= MIN_VOLTAGES:
        return _absolute(measured, found, JOINT, options, {"common light": joint.common_error, "delta": joint.common_model_error}, joint), ""
    if wanted == "photostatistics" or _voltages(measured, found, PHOTOSTATISTICS) >= MIN_VOLTAGES:
        share = [one.systematic / one.gain for by in found.values() for one in by.values() if one.valid and one.systematic > 0.0]
        return _absolute(measured, found, PHOTOSTATISTICS, options, {"delta": max(share, default=0.0)}), ""
    return relative(measured, options), no_gain(found)


def relative(measured: Sequence[Measured], options: Fits) -> Ordinate:
    """Mean charge of the bright points."""
    kept = [one for one in _per_voltage(measured) if one.valid]
    charges = [one.charge for one in kept if one.charge is not None]
    error = [math.hypot(one.mean_error_pc, options.mean_charge.syst_uncorrelated * one.mean_pc) for one in charges]
    return Ordinate(
        [one.point.name for one in kept], [one.point.hv_v for one in kept], [one.mean_pc for one in charges], error, "charge_pc", MEAN_CHARGE,
        _saturated(kept), {one.point.name: one.reason for one in _per_voltage(measured) if not one.valid},
        {"calibration": options.mean_charge.syst_scale},
    )  # fmt: skip


def no_gain(found: Estimates) -> str:
    """Why no method gave a gain, in one line."""
    reasons = sorted({one.reason for by in found.values() for one in by.values() if not one.valid and one.reason})
    return "; ".join(reasons) or "no pedestal, so neither photostatistics nor a spectrum of single photo-electrons"


def _absolute(measured: Sequence[Measured], found: Estimates, method: str, options: Fits, scale: Mapping[str, float],
              joint: JointPhotostatisticsResult | None = None) -> Ordinate:  # fmt: skip
    """Points of one method; voltages with several points of it count once, the bright one first (the low one for spectra)."""
    chosen = _per_voltage(measured, prefer="low" if method == SPE else "bright")
    kept = [one for one in chosen if method in found[one.point.name] and found[one.point.name][method].valid]
    others = [] if method == SPE else [one for one in chosen if one not in kept]
    gains = [found[one.point.name][method] for one in kept]
    error = [
        math.hypot(_alone(gain, one.point.name, joint), options.mean_charge.syst_uncorrelated * gain.gain)
        for one, gain in zip(kept, gains, strict=True)
    ]
    return Ordinate(
        [one.point.name for one in kept], [one.point.hv_v for one in kept], [one.gain for one in gains], error, "gain", method, _saturated(kept),
        {one.point.name: _why_not(found, one, method, joint) for one in others}, {"calibration": options.mean_charge.syst_scale, **scale},
    )  # fmt: skip


def _alone(gain: GainEstimate, name: str, joint: JointPhotostatisticsResult | None) -> float:
    """What a point does not share with the others: of a joint fit that without the common light; of spectra with the spread of the models."""
    if joint is not None:
        return joint.points[name].gain_uncorrelated_error
    return gain.statistical if math.isnan(gain.model) else math.hypot(gain.statistical, gain.model)


def _why_not(found: Estimates, one: Measured, method: str, joint: JointPhotostatisticsResult | None) -> str:
    name = one.point.name
    if one.reason or one.no_pedestal:
        return one.reason or f"no pedestal: {one.no_pedestal}"
    if joint is not None and name in joint.excluded:
        return joint.excluded[name]
    estimate = found[name].get(method) or found[name].get(PHOTOSTATISTICS)
    return estimate.reason if estimate is not None and estimate.reason else f"no gain by {method}"


def _per_voltage(measured: Sequence[Measured], prefer: str = "bright") -> list[Measured]:
    """One point for each voltage, of the preferred light where there is one."""
    chosen: dict[float, Measured] = {}
    for one in measured:
        if one.point.hv_v not in chosen or (one.point.light == prefer and chosen[one.point.hv_v].point.light != prefer):
            chosen[one.point.hv_v] = one
    return list(chosen.values())


def _voltages(measured: Sequence[Measured], found: Estimates, method: str) -> int:
    return len({one.point.hv_v for one in measured if method in found[one.point.name] and found[one.point.name][method].valid})


def _saturated(kept: Sequence[Measured]) -> list[float]:
    return [one.point.n_saturated / max(one.point.n_read, 1) for one in kept]


def _of_joint(joint: JointPhotostatisticsResult, name: str) -> GainEstimate:
    point = joint.points[name]
    return GainEstimate(
        True, "", point.gain, point.gain_error, point.gain * joint.common_model_error, NAN, joint.lambda_pe, joint.lambda_error, point.q1_pc,
        point.q1_error_pc, joint.delta, f"common light; this point alone is {point.pull:+.1f} standard deviations from it",
    )  # fmt: skip


def _of_photostatistics(one: PhotostatisticsResult) -> GainEstimate:
    return GainEstimate(
        one.valid, one.reason, one.gain, one.gain_error, one.gain_model_error, NAN, one.lambda_pe, one.lambda_error, one.q1_pc, one.q1_error_pc,
        one.delta, f"instability of the light {one.nu_reason}" if one.valid and one.nu_reason else "",
    )  # fmt: skip


def _of_low_light(low: LowLight) -> dict[str, GainEstimate]:
    estimates = {}
    best = low.best
    if best is not None and low.choice is not None:
        model = low.choice.gain_model_error
        estimates[SPE] = GainEstimate(
            best.valid, best.reason, best.gain, best.gain_error, 0.0, model, best.lambda_pe, best.lambda_error, best.q1_pc, best.q1_error_pc,
            best.resolution, f"model {best.model}: {best.gain_definition}",
        )  # fmt: skip
    if low.saldanha is not None:
        one = low.saldanha
        width = math.sqrt(one.variance_pc2) / one.q1_pc if one.valid and one.variance_pc2 > 0.0 else NAN
        estimates[SALDANHA] = GainEstimate(
            one.valid, one.reason, one.gain, one.gain_error, 0.0, one.gain_model_error, one.lambda_pe, one.lambda_error, one.q1_pc,
            one.q1_error_pc, width, "no model of the charge",
        )  # fmt: skip
    return estimates
