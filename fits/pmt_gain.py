"""The fits of ``pmt_gain``: histograms and account of a run -> one ``GainResult`` per photomultiplier, and one result per spectrum fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from configs import pmt_gain
from configs.command_line import Progress
from configs.errors import InputError
from configs.schema import PmtGainConfig
from fits.gain_curve import gain_curve
from fits.pmt_anchor import ANCHORED, anchored, with_anchored
from fits.pmt_gains import NOT_COMMON, Gains, all_gains
from fits.pmt_late import late_pulses
from fits.pmt_low_light import low_light
from fits.pmt_mean_pulse import mean_pulse, single_pulse
from fits.pmt_measured import Measured, flags_of, measure, times_of
from fits.pmt_ordinate import ordinate, relative
from fits.pmt_pedestal import Wanted
from fits.pmt_points import Hists, Point, Tube, shared_light, tubes
from records.gain import GainEstimate, GainPoint, GainResult, PowerLaw

NAN = float("nan")
PREFERRED = ("spe", "variance_mean", ANCHORED, "joint_photostatistics", "photostatistics", "saldanha")  # whose number of photo-electrons counts


def fit_all(config: PmtGainConfig, hists: Mapping[str, Hists], account: Mapping[str, Any], progress: Progress | None = None) -> dict[str, Any]:
    """Result name -> result: ``<pmt>`` (GainResult), and of every point with low light ``<point>.spe.<model>``,
    ``<point>.spe`` (the models compared) and ``<point>.saldanha``; of voltages with several light levels ``<pmt>.<voltage>V.levels``.

    A point that cannot be measured is a result with its reason; nothing of the others depends on it. Raises InputError when there is nothing to
    fit: no photomultiplier, or data sets that are not points of one.
    """
    found = tubes(hists, account)
    if not found:
        raise InputError(f"{config.source}: no photomultiplier among the data sets; run run_processor.py first")
    results: dict[str, Any] = {}
    for done, (name, tube) in enumerate(found.items()):
        if progress is not None:
            progress(name, done, len(found))
        results |= fit_tube(tube, config.fits, config.seed, wanted_pedestal(config), account.get("histogram_digest") or "")
    if progress is not None:
        progress("fits", len(found), len(found))
    return results


def wanted_pedestal(config: PmtGainConfig) -> Wanted:
    """Which pedestal the configuration asks for; with a processor of one's own, whatever there is."""
    return config.processor.pedestal if isinstance(config.processor, pmt_gain.Processor) else "auto"


def fit_tube(tube: Tube, options: pmt_gain.Fits, seed: int, pedestal: Wanted = "auto", input_digest: str = "") -> dict[str, Any]:
    """Every result of one photomultiplier, its ``GainResult`` first."""
    measured = [measure(tube, point, options.mean_charge, pedestal) for point in tube.points]
    low, spectra, without = low_light(tube, measured, options, pedestal, seed)
    gains = all_gains(measured, low, options)
    gains, curve, why_relative = _curve(measured, gains, options)
    lost = {name: reason for name, reason in tube.lost.items() if not name.endswith(".off")}
    charge = gain_curve(relative(measured, options), options.gain_curve, why_relative or "mean charge")
    points = [_point_result(tube, one, gains.by_point[one.point.name], options) for one in measured]
    valid = any(one.valid for one in points)
    result = GainResult(
        pmt=tube.name, valid=valid, reason="" if valid else "no point could be measured", points=points, light=gains.joint,
        curve=replace(curve, excluded={**curve.excluded, **lost}), relative=replace(charge, excluded={**charge.excluded, **lost}),
        delta_source=gains.delta.source, input_digest=input_digest, partial=_partial(tube),
        notes=[*_notes(gains, curve, why_relative), *(f"{name}: {reason}" for name, reason in tube.lost.items()), *without],
    )  # fmt: skip
    return {tube.name: result, **{f"{tube.name}.{hv_v:g}V.levels": line for hv_v, line in gains.lines.items()}, **spectra}


def _curve(measured: list[Measured], gains: Gains, options: pmt_gain.Fits) -> tuple[Gains, PowerLaw, str]:
    """The gain curve, the gains with those that its scale was combined for, and why there is no absolute gain (empty if there is)."""
    chosen, why_relative = ordinate(measured, gains, options)
    both = anchored(chosen, measured, gains.by_point, options) if options.photostat.anchor else None
    if both is None:
        return gains, gain_curve(chosen, options.gain_curve, why_relative), why_relative
    chosen, anchor = both
    if anchor.valid:
        gains = replace(gains, by_point=with_anchored(gains.by_point, chosen, anchor))
    return gains, replace(gain_curve(chosen, options.gain_curve, why_relative), anchor=anchor), why_relative


def _point_result(tube: Tube, one: Measured, gains: Mapping[str, GainEstimate], options: pmt_gain.Fits) -> GainPoint:
    point, mean = one.point, one.charge.mean_pc if one.charge is not None else NAN
    return GainPoint(
        name=point.name, hv_v=point.hv_v, light=point.light, n_read=point.n_read, n_expected=_expected(point), n_saturated=point.n_saturated,
        efficiency=point.efficiency(), valid=one.valid, reason=one.reason, pedestal=one.pedestal, charge=one.charge, selected=one.selected,
        syst_uncorrelated_pc=abs(mean) * options.mean_charge.syst_uncorrelated, syst_scale_pc=abs(mean) * options.mean_charge.syst_scale,
        gains=gains, timing=times_of(point), late=late_pulses(point, tube.off.get(point.name), _photoelectrons(gains)),
        pulse=mean_pulse(point), trace=single_pulse(point), flags=flags_of(one), level=point.level,
        shared=point in shared_light(tube.points).values(),
    )  # fmt: skip


def _expected(point: Point) -> int:
    """Triggers announced by the files that could be opened, and one for each that could not or is missing."""
    lost = int(point.account.get("unopened", 0)) + len(point.metadata.get("missing_files", ()))
    return int(point.account["expected"]) + lost


def _photoelectrons(gains: Mapping[str, GainEstimate]) -> float:
    known = [gains[method].photoelectrons for method in PREFERRED if method in gains and gains[method].valid]
    return known[0] if known else NAN


def _notes(gains: Gains, curve: PowerLaw, why_relative: str) -> list[str]:
    joint, notes = gains.joint, []
    if gains.flicker is not None:
        notes.append(f"photostatistics: {gains.flicker.sentence}")
    if curve.anchor is not None and not curve.anchor.valid:
        notes.append(f"scale not combined with low light: {curve.anchor.reason}")
    if joint is not None and not joint.valid and not why_relative:
        notes.append(f"no common light: {joint.reason}")
    elif joint is not None and joint.p_value <= NOT_COMMON:
        notes.append(f"the light was not the same at all voltages (chi2 {joint.chi2:.1f} for {joint.degrees_of_freedom}, p = {joint.p_value:.1g})")
    if why_relative:
        notes.append(f"the curve is that of the mean charge (relative gain): {why_relative}")
    return notes


def _partial(tube: Tube) -> bool:
    every = [*tube.points, *tube.off.values()]
    return bool(tube.lost) or any(point.account["fraction"] < 1.0 or point.account.get("failed") for point in every)
