"""The scale of a gain curve from bright light, combined with the gains of single photo-electrons of the same tube.

A curve by the common light has points that are right to a per cent, and one number that moves all of them: the light, with the statistics of the
variance and the width delta. A spectrum of low light at any voltage measures the same scale another way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import chi2 as chi2_distribution

from configs.pmt_gain import Fits
from fits.gain_curve import Ordinate, gain_curve, predicted
from fits.pmt_gains import JOINT, SALDANHA, SPE, Estimates
from fits.pmt_measured import Measured
from records.gain import Anchor, GainEstimate

ANCHORED = "anchored_photostatistics"
CALIBRATION = "calibration"  # is common to both ways and stays
COMBINED = "light, with low light"
CONTRADICTION = 1e-3  # p-value below which the two are not combined


def anchored(points: Ordinate, measured: Sequence[Measured], found: Estimates, options: Fits) -> tuple[Ordinate, Anchor] | None:
    """The ordinate of the common light with its scale combined with that of low light, and what was done; null where there is nothing to combine.

    The ratio of each gain at low light to the curve has the errors of that gain, of the curve there, and of the oscilloscope's range.
    """
    low = {name: method for name, by in found.items() if (method := _method(by))}
    curve = gain_curve(points, options.gain_curve)
    if points.method != JOINT or not low or not curve.valid:
        return None
    voltage = {one.point.name: one.point.hv_v for one in measured}
    gain, alone = np.array([_with_error(found[name][method]) for name, method in low.items()]).T
    expected, error = predicted(curve, [voltage[name] for name in low])
    sigma = np.sqrt(alone**2 + (error / expected) ** 2 + options.mean_charge.syst_uncorrelated**2)
    before = math.sqrt(sum(part**2 for name, part in points.scale_parts.items() if name != CALIBRATION))
    anchor = combined(np.log(gain / expected), sigma, before, list(low), ", ".join(dict.fromkeys(low.values())))
    if not anchor.valid:
        return points, anchor
    moved = replace(
        points, method=ANCHORED, value=[anchor.factor * one for one in points.value], error=[anchor.factor * one for one in points.error],
        scale_parts={CALIBRATION: points.scale_parts.get(CALIBRATION, 0.0), COMBINED: anchor.error},
    )  # fmt: skip
    return moved, anchor


def combined(ratio: np.ndarray, sigma: np.ndarray, before: float, names: list[str], method: str) -> Anchor:
    """Logarithms of ratios with their errors, and a scale of 1 with the error it had before: weighted mean and how well all agree.

    >>> one = combined(np.array([0.06]), np.array([0.03]), 0.04, ["PMT_1.1400V.low"], "spe")
    >>> round(math.log(one.factor), 6), round(one.error, 6), round(one.chi2, 6)
    (0.0384, 0.024, 1.44)
    """
    weight = sigma**-2.0
    alone = float(weight @ ratio / weight.sum())
    total = float(weight.sum()) + (before**-2.0 if before > 0.0 else math.inf)
    shift = float(weight @ ratio) / total
    chi2 = float(np.sum(weight * (ratio - shift) ** 2)) + ((shift / before) ** 2 if before > 0.0 else 0.0)
    p_value = float(chi2_distribution.sf(chi2, len(ratio)))
    valid = p_value > CONTRADICTION
    reason = "" if valid else f"low light and bright light contradict each other (chi2 {chi2:.1f} for {len(ratio)}, p = {p_value:.1g})"
    return Anchor(
        valid, reason, names, method, math.exp(alone), math.exp(alone) * float(weight.sum()) ** -0.5, before, math.exp(shift) if valid else 1.0,
        total**-0.5 if valid else before, chi2, len(ratio), p_value,
    )  # fmt: skip


def with_anchored(found: Estimates, points: Ordinate, anchor: Anchor) -> Estimates:
    """The gains of the points with those of the combined scale beside the others. The statistical error holds that of the scale."""
    moved = {name: dict(by) for name, by in found.items()}
    for name, value, error in zip(points.names, points.value, points.error, strict=True):
        moved[name][ANCHORED] = _estimate(found[name], value, error / value, anchor)
    return moved


def _with_error(one: GainEstimate) -> tuple[float, float]:
    """Gain and its relative error with that of the model."""
    return one.gain, math.hypot(one.statistical, 0.0 if math.isnan(one.model) else one.model) / one.gain


def _method(by: Mapping[str, GainEstimate]) -> str:
    """By which method low light gave a gain at a point; empty for none."""
    return next((method for method in (SPE, SALDANHA) if method in by and by[method].valid), "")


def _estimate(by: Mapping[str, GainEstimate], gain: float, alone: float, anchor: Anchor) -> GainEstimate:
    plain = by[JOINT]
    share = math.hypot(alone, anchor.error)
    light, q1 = plain.photoelectrons / anchor.factor, plain.charge_pc * anchor.factor
    return GainEstimate(
        True, "", gain, gain * share, 0.0, math.nan, light, light * anchor.error, q1, q1 * share, plain.delta,
        f"common light, its scale combined with {', '.join(anchor.points)} ({anchor.method})",
    )  # fmt: skip
