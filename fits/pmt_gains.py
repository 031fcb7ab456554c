"""Gain of every point of a photomultiplier by each method."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from configs.pmt_gain import Fits
from fits.joint_photostatistics import joint_photostatistics
from fits.photostatistics import photostatistics
from fits.pmt_levels import Flicker, flicker, level_lines
from fits.pmt_measured import Measured
from fits.pmt_points import shared_light
from fits.sample_moments import ChargeMoments
from records.gain import GainEstimate
from records.spe import JointPhotostatisticsResult, ModelChoice, PhotostatisticsResult, SaldanhaResult, SpeResult, VarianceMeanResult

NAN = float("nan")
NOT_COMMON = 1e-3  # p-value of the joint fit below which the light was not constant
PHOTOSTATISTICS, JOINT, LINE, SPE, SALDANHA = "photostatistics", "joint_photostatistics", "variance_mean", "spe", "saldanha"
Estimates = dict[str, dict[str, GainEstimate]]  # point -> method -> gain
Pairs = dict[str, tuple[ChargeMoments, ChargeMoments]]  # point -> with light, pedestal


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

    @property
    def on_gain(self) -> float:
        """Relative error that its own gives to every gain by photostatistics."""
        return 2.0 * self.value * self.error / (1.0 + self.value**2)


@dataclass(frozen=True)
class Gains:
    """Gains of a photomultiplier: of each point by each method, and what was found for many points together.

    ``joint``: the common light of the bright points (null where it was not asked for); ``lines``: voltage -> line through its light levels;
    ``flicker``: of the light, where lines measure it.
    """

    by_point: Estimates
    delta: Delta
    joint: JointPhotostatisticsResult | None = None
    lines: Mapping[float, VarianceMeanResult] = field(default_factory=dict)
    flicker: Flicker | None = None


def delta_of(low: Mapping[str, LowLight], options: Fits) -> Delta:
    """Width from the best fit of a spectrum of this photomultiplier where there is a valid one, else that of the configuration."""
    for name, found in low.items():
        best = found.best
        if best is not None and best.valid and math.isfinite(best.resolution) and math.isfinite(best.resolution_error):
            others = [found.models[model].resolution for model in (found.choice.supported if found.choice else ())]
            spread = max((abs(one - best.resolution) for one in others), default=0.0)
            return Delta(best.resolution, math.hypot(best.resolution_error, spread), f"spectrum of {name} ({best.model})")
    return Delta(options.photostat.delta, options.photostat.delta_error, "configuration")


def all_gains(measured: Sequence[Measured], low: Mapping[str, LowLight], options: Fits) -> Gains:
    """Gain of each point by each method that it allows."""
    delta, clipped = delta_of(low, options), _clipped(measured, options.gain_curve.exclude_saturated_above)
    whole = [one for one in measured if one.point.name not in clipped]
    lines = level_lines(whole, delta.value, delta.error, options.mean_charge.syst_uncorrelated)
    unsteady = flicker(lines)
    nu_squared = 0.0 if unsteady is None else unsteady.taken_off
    pairs: Pairs = {one.point.name: (one.led, one.dark) for one in measured if one.led is not None and one.dark is not None}
    shared = {point.name for point in shared_light(one.point for one in measured).values()}
    common = {name: pair for name, pair in pairs.items() if name in shared}
    joint = _joint(common, clipped, delta, nu_squared) if options.photostat.joint_over_hv else None
    found: Estimates = {one.point.name: {} for one in measured}
    for name, pair in pairs.items():
        found[name][PHOTOSTATISTICS] = _of_photostatistics(photostatistics(*pair, delta.value, delta.error, nu_squared), delta, unsteady)
    gains = Gains(found, delta, joint, lines, unsteady)
    _add_shared(gains, shared)
    for name, one_low in low.items():
        found[name] |= _of_low_light(one_low)
    return gains


def _add_shared(gains: Gains, shared: Container[str]) -> None:
    """Add what was found for many points together: the common light, and each line to the level of the shared light or its first."""
    joint = gains.joint
    if joint is not None and joint.valid:
        for name in joint.points:
            gains.by_point[name][JOINT] = _of_joint(joint, name, gains.flicker)
    for line in gains.lines.values():
        row = next((row for row, name in enumerate(line.levels) if name in shared), 0)
        gains.by_point[line.levels[row]][LINE] = of_line(line, row)


def _clipped(measured: Sequence[Measured], limit: float) -> dict[str, str]:
    """Points whose variance lacks too many of the largest charges, and why."""
    shares = {one.point.name: one.point.saturated_share for one in measured}
    return {name: f"{share:.1%} of its triggers are saturated" for name, share in shares.items() if share > limit}


def _joint(common: Pairs, clipped: Mapping[str, str], delta: Delta, nu_squared: float) -> JointPhotostatisticsResult:
    """The common light of the points that are not clipped; the others are excluded by name."""
    joint = joint_photostatistics({name: pair for name, pair in common.items() if name not in clipped}, delta.value, delta.error, nu_squared)
    return replace(joint, excluded={**joint.excluded, **{name: why for name, why in clipped.items() if name in common}})


def of_line(line: VarianceMeanResult, row: int) -> GainEstimate:
    """Gain from the line through several light levels, for the level in its row."""
    if not line.valid:
        return GainEstimate(False, line.reason, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, line.delta)
    light = line.mean_pc[row] / line.q1_pc
    error = light * math.hypot(line.mean_error_pc[row] / line.mean_pc[row], line.q1_error_pc / line.q1_pc)
    flickers = f"{100 * line.nu:.2g} %" if math.isfinite(line.nu) else "not seen"
    remark = f"line through {len(line.levels)} light levels; instability of the light {flickers}"
    return GainEstimate(
        True, "", line.gain, line.gain_error, line.gain_model_error, NAN, light, error, line.q1_pc, line.q1_error_pc, line.delta, remark
    )


def _of_joint(joint: JointPhotostatisticsResult, name: str, unsteady: Flicker | None) -> GainEstimate:
    point = joint.points[name]
    systematic = math.hypot(joint.common_model_error, 0.0 if unsteady is None else unsteady.on_gain(joint.lambda_pe, joint.delta))
    return GainEstimate(
        True, "", point.gain, point.gain_error, point.gain * systematic, NAN, joint.lambda_pe, joint.lambda_error, point.q1_pc,
        point.q1_error_pc, joint.delta, f"common light; this point alone is {point.pull:+.1f} standard deviations from it",
    )  # fmt: skip


def _of_photostatistics(one: PhotostatisticsResult, delta: Delta, unsteady: Flicker | None) -> GainEstimate:
    systematic, remark = one.gain_model_error, f"instability of the light {one.nu_reason}"
    if unsteady is not None and one.valid:
        systematic = one.gain * math.hypot(delta.on_gain, unsteady.on_gain(one.lambda_pe, delta.value))
        remark = unsteady.sentence
    return GainEstimate(
        one.valid, one.reason, one.gain, one.gain_error, systematic, NAN, one.lambda_pe, one.lambda_error, one.q1_pc, one.q1_error_pc, one.delta,
        remark if one.valid else "",
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
