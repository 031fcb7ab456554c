"""What the terminal shows of the results of ``pmt_gain``: (quantity, value, published value) of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from records.gain import Anchor, GainPoint, GainResult, NominalVoltage, PowerLaw
from records.reference_difference import DifferenceRow, ReferenceDifference
from records.spe import ModelChoice, SaldanhaResult, SpeResult, VarianceMeanResult

Row = tuple[str, str, str]
KNOWN = ("noisy", "imported, not processed here")  # flags that say no more than table of runs or command


def of_tube(result: GainResult) -> list[Row]:
    """Curve, light and voltages of nominal gains; points that are flagged or were not measured."""
    shown = [] if result.valid else [("INVALID", result.reason, "")]
    shown += [
        ("points", f"{sum(one.valid for one in result.points)} of {len(result.points)}{' (from an incomplete run)' if result.partial else ''}", "")
    ]
    if result.light is not None and result.light.valid:
        light = result.light
        number = f"{light.lambda_pe:.2f} ± {light.lambda_error:.2f} ± {light.lambda_model_error:.2f} (delta)"
        shown.append(("photo-electrons", f"{number}; chi2 {light.chi2:.1f} for {light.degrees_of_freedom}, p = {light.p_value:.2g}", ""))
    shown += [*_curve(result.curve), *(_nominal(one) for one in result.curve.nominal)]
    return [
        *shown,
        *(_flagged(one) for one in result.points if _said(one) or not one.valid),
        *(("note", note, "") for note in [*result.notes, *result.curve.notes]),
    ]


def of_spectrum(result: SpeResult) -> list[Row]:
    """Gain, resolution, occupancy and goodness of one model."""
    if not result.valid:
        return [("INVALID", result.reason, "")]
    shown = [("gain", f"{result.gain:.4g} ± {result.gain_error:.2g} ({result.gain_definition})", "")]
    shown += [("resolution", f"{result.resolution:.3f} ± {result.resolution_error:.3f}", "")]
    shown += [("photo-electrons", f"{result.lambda_pe:.4f} ± {result.lambda_error:.4f}", "")]
    if result.peak_to_valley is not None and result.peak_to_valley_error is not None:
        shown.append(("peak to valley", f"{result.peak_to_valley:.2f} ± {result.peak_to_valley_error:.2f}", ""))
    goodness = result.goodness
    return [
        *shown,
        ("chi2", f"{goodness.chi2:.1f} for {goodness.degrees_of_freedom}, p = {goodness.p_value:.2g}", ""),
        *(("note", note, "") for note in result.notes),
    ]


def of_models(result: ModelChoice) -> list[Row]:
    """The best model and what the others say."""
    if not result.best:
        return [("INVALID", "; ".join(f"{model}: {why}" for model, why in result.rejected.items()), "")]
    others = ", ".join(f"{name} +{value:.0f}" for name, value in result.delta_aic.items() if name != result.best)
    model = f"gain {result.gain[result.best]:.4g}, uncertainty of the model {result.gain_model_error:.2g}"
    return [("best model", result.best + (f" (AIC: {others})" if others else ""), ""), ("models", model, "")]


def of_occupancy(result: SaldanhaResult) -> list[Row]:
    """Gain and light without a model."""
    if not result.valid:
        return [("INVALID", result.reason, "")]
    leakage = f"± {result.gain_model_error:.2g} (leakage)"
    return [
        ("gain", f"{result.gain:.4g} ± {result.gain_error:.2g} {leakage}", ""),
        ("photo-electrons", f"{result.lambda_pe:.4f} ± {result.lambda_error:.4f}", ""),
    ]


def of_levels(result: VarianceMeanResult) -> list[Row]:
    """Gain and instability of the light from the line through several light levels."""
    if not result.valid:
        return [("INVALID", result.reason, "")]
    shown = [("gain", f"{result.gain:.4g} ± {result.gain_error:.2g} ± {result.gain_model_error:.2g} (delta)", "")]
    nu = f"{100 * result.nu:.2f} ± {50 * result.nu_squared_error / result.nu:.2f} %" if result.nu > 0.0 else result.nu_reason
    goodness = f"{result.chi2:.1f} for {result.degrees_of_freedom}, p = {result.p_value:.2g}"
    return [*shown, ("instability of the light", nu, ""), ("chi2", f"{goodness} ({len(result.levels)} light levels)", "")]


def of_difference(result: ReferenceDifference) -> list[Row]:
    """What each choice of the published analysis does to these waveforms."""
    shown = [("published analysis", f"accepts {result.n_accepted} of {result.n} triggers; for validation alone", "")]
    return [*shown, *((row.behaviour, _effect(row), "") for row in result.rows)]


def _effect(row: DifferenceRow) -> str:
    return row.meaning if math.isnan(row.effect) else f"{row.effect:+.3g} {row.unit} ({row.meaning}); ours: {row.ours}"


def _curve(curve: PowerLaw) -> list[Row]:
    what = "gain" if curve.quantity == "gain" else "mean charge [pC]"
    if not curve.valid:
        return [(f"curve of the {what}", f"INVALID: {curve.reason}", "")]
    value, error = curve.at_pivot
    number = f"{value:.4g} ± {error:.2g} ± {value * curve.scale_error:.2g} (scale), by {curve.method}"
    shown = [(f"{what} at {curve.pivot_v:.0f} V", number, "")]
    shown += [] if curve.anchor is None else [("scale with low light", _anchor(curve.anchor), "")]
    k = "" if curve.exponent_per_dynode is None else f", {curve.exponent_per_dynode:.2f} per dynode"
    shown.append(("exponent", f"{curve.exponent:.3f} ± {math.sqrt(curve.covariance[1][1]):.3f}{k}", ""))
    shown.append(("chi2", f"{curve.chi2:.1f} for {curve.degrees_of_freedom}, p = {curve.p_value:.2g}", ""))
    return [*shown, *(("left out", f"{name}: {reason}", "") for name, reason in curve.excluded.items())]


def _anchor(anchor: Anchor) -> str:
    """What low light did to the scale of the curve."""
    low = f"low light / curve {anchor.ratio:.3f} ± {anchor.ratio_error:.3f} ({', '.join(anchor.points)}, {anchor.method})"
    if not anchor.valid:
        return f"not combined: {low}"
    return f"x {anchor.factor:.3f} ± {anchor.factor * anchor.error:.3f} (before: ± {anchor.error_before:.3f}); {low}, p = {anchor.p_value:.2g}"


def _nominal(one: NominalVoltage) -> Row:
    if not one.valid:
        return (f"voltage of gain {one.gain:.3g}", one.reason, "")
    outside = " (extrapolated)" if one.extrapolated else ""
    return (f"voltage of gain {one.gain:.3g}", f"{one.hv_v:.1f} ± {one.error_v:.1f} ± {one.scale_error_v:.1f} (scale) V{outside}", "")


def _said(point: GainPoint) -> list[str]:
    """Flags that are news of this point."""
    return [flag for flag in point.flags if flag not in KNOWN]


def _flagged(point: GainPoint) -> Row:
    return (point.name, "; ".join([*([f"INVALID: {point.reason}"] if not point.valid else []), *_said(point)]), "")


ROWS: dict[type, Callable[[Any], list[Row]]] = {
    GainResult: of_tube, SpeResult: of_spectrum, ModelChoice: of_models, SaldanhaResult: of_occupancy,
    VarianceMeanResult: of_levels, ReferenceDifference: of_difference,
}  # fmt: skip
