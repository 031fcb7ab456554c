"""What the gain curve of a photomultiplier is made of: the method, the points that have a gain by it, and what moves all of them alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from configs.pmt_gain import Fits
from fits.gain_curve import MIN_VOLTAGES, Ordinate
from fits.pmt_gains import JOINT, LINE, NOT_COMMON, PHOTOSTATISTICS, SPE, Gains
from fits.pmt_measured import Measured
from fits.pmt_points import shared_light
from records.gain import GainEstimate

MEAN_CHARGE = "mean_charge"
ASKED_FOR = {"spe": SPE, "variance_mean": LINE}  # gain_curve.input -> method, best first
NOTHING = "no pedestal, so neither photostatistics nor a spectrum of single photo-electrons"


def ordinate(measured: Sequence[Measured], gains: Gains, options: Fits) -> tuple[Ordinate, str]:
    """What the gain curve is fitted to, and why there is no absolute gain (empty if there is).

    ``auto``: fits of single photo-electrons where at least three voltages have one, else lines through several light levels, else the common light
    unless the points contradict it, else photostatistics point by point, else the mean charge.
    """
    wanted = options.gain_curve.input
    made = _Maker(measured, gains, options)
    if wanted == "relative":
        return relative(measured, options), "gain_curve.input is relative"
    for name, method in ASKED_FOR.items():
        if wanted == name or (wanted == "auto" and made.voltages(method) >= MIN_VOLTAGES):
            return made.absolute(method, {} if method == SPE else {"delta": made.largest_share(method)}), ""
    if _common(gains):
        return made.absolute(JOINT, _scale_of_light(gains)), ""
    if wanted == "photostatistics" or made.voltages(PHOTOSTATISTICS) >= MIN_VOLTAGES:
        return made.absolute(PHOTOSTATISTICS, _scale_of_points(gains)), ""
    return relative(measured, options), no_gain(gains)


def _common(gains: Gains) -> bool:
    """Whether the points agree with one light."""
    joint = gains.joint
    return joint is not None and joint.valid and joint.p_value > NOT_COMMON and len(joint.points) >= MIN_VOLTAGES


def _scale_of_light(gains: Gains) -> dict[str, float]:
    assert gains.joint is not None
    parts = {"common light": gains.joint.common_error, "delta": gains.joint.common_model_error}
    return parts | _of_flicker(gains, gains.joint.lambda_pe)


def _scale_of_points(gains: Gains) -> dict[str, float]:
    found = (by[PHOTOSTATISTICS] for by in gains.by_point.values() if PHOTOSTATISTICS in by)
    return {"delta": gains.delta.on_gain} | _of_flicker(gains, max((one.photoelectrons for one in found if one.valid), default=0.0))


def relative(measured: Sequence[Measured], options: Fits) -> Ordinate:
    """Mean charge of the points under the light that all voltages share; of the low ones where no other light was taken."""
    shared = shared_light(one.point for one in measured).values()
    chosen = [one for one in measured if one.point in shared] or best_of_voltages(measured)
    kept = [one for one in chosen if one.valid]
    charges = [one.charge for one in kept if one.charge is not None]
    error = [math.hypot(one.mean_error_pc, options.mean_charge.syst_uncorrelated * one.mean_pc) for one in charges]
    return Ordinate(
        [one.point.name for one in kept], [one.point.hv_v for one in kept], [one.mean_pc for one in charges], error, "charge_pc", MEAN_CHARGE,
        _saturated(kept), {one.point.name: one.reason for one in chosen if not one.valid}, {"calibration": options.mean_charge.syst_scale},
    )  # fmt: skip


def no_gain(gains: Gains) -> str:
    """Why no method gave a gain, in one line."""
    reasons = sorted({one.reason for by in gains.by_point.values() for one in by.values() if not one.valid and one.reason})
    return "; ".join(reasons) or NOTHING


def best_of_voltages(measured: Iterable[Measured], *, low_first: bool = False) -> list[Measured]:
    """One point for each voltage: under the light that all share, else another bright one, else low light; the low ones first on request."""
    every = list(measured)
    shared = {point.name for point in shared_light(one.point for one in every).values()}

    def rank(one: Measured) -> tuple[bool, bool, bool]:
        low = one.point.light == "low"
        return low_first and not low, low and not low_first, one.point.name not in shared

    chosen: dict[float, Measured] = {}
    for one in sorted(every, key=rank):
        chosen.setdefault(one.point.hv_v, one)
    return sorted(chosen.values(), key=lambda one: one.point.hv_v)


@dataclass(frozen=True)
class _Maker:
    """Ordinates of absolute gains of one photomultiplier."""

    measured: Sequence[Measured]
    gains: Gains
    options: Fits

    def voltages(self, method: str) -> int:
        """Voltages at which a method has a gain."""
        return len({one.point.hv_v for one in self.measured if self._has(one, method)})

    def largest_share(self, method: str) -> float:
        """Largest relative error of what a method assumes."""
        found = (by[method] for by in self.gains.by_point.values() if method in by and by[method].valid)
        return max((one.systematic / one.gain for one in found), default=0.0)

    def absolute(self, method: str, scale: Mapping[str, float]) -> Ordinate:
        """Points of one method; voltages with several points of it count once."""
        low_first = method == SPE
        chosen = best_of_voltages([one for one in self.measured if self._has(one, method)], low_first=low_first)
        have = {one.point.hv_v for one in chosen}
        others = [] if low_first or method == LINE else [one for one in best_of_voltages(self.measured) if one.point.hv_v not in have]
        gains = [self.gains.by_point[one.point.name][method] for one in chosen]
        share = self.options.mean_charge
        error = [
            math.hypot(self._alone(gain, one.point.name, method), share.syst_uncorrelated * gain.gain)
            for one, gain in zip(chosen, gains, strict=True)
        ]
        return Ordinate(
            [one.point.name for one in chosen], [one.point.hv_v for one in chosen], [one.gain for one in gains], error, "gain", method,
            _saturated(chosen), {one.point.name: self._why_not(one, method) for one in others}, {"calibration": share.syst_scale, **scale},
        )  # fmt: skip

    def _has(self, one: Measured, method: str) -> bool:
        by = self.gains.by_point[one.point.name]
        return method in by and by[method].valid

    def _alone(self, gain: GainEstimate, name: str, method: str) -> float:
        """What a point does not share with the others: of a joint fit that without the common light; of spectra with the spread of the models."""
        if method == JOINT and self.gains.joint is not None:
            return self.gains.joint.points[name].gain_uncorrelated_error
        return gain.statistical if math.isnan(gain.model) else math.hypot(gain.statistical, gain.model)

    def _why_not(self, one: Measured, method: str) -> str:
        name, joint = one.point.name, self.gains.joint
        if one.reason or one.no_pedestal:
            return one.reason or f"no pedestal: {one.no_pedestal}"
        if method == JOINT and joint is not None and name in joint.excluded:
            return joint.excluded[name]
        by = self.gains.by_point[name]
        estimate = by.get(method) or by.get(PHOTOSTATISTICS)
        return estimate.reason if estimate is not None and estimate.reason else f"no gain by {method}"


def _of_flicker(gains: Gains, photoelectrons: float) -> dict[str, float]:
    return {} if gains.flicker is None else {"instability of the light": gains.flicker.on_gain(photoelectrons, gains.delta.value)}


def _saturated(kept: Sequence[Measured]) -> list[float]:
    return [one.point.saturated_share for one in kept]
