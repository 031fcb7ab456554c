"""The power law of gain against voltage: weighted least squares in logarithms, its band, and the voltage of a wanted gain.

``ln G = ln G0 + beta x`` with ``x = ln(V/V0)`` (Hamamatsu, Photomultiplier Tubes, 4th edition, section 4.2.2: beta = k n of n dynodes).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2 as chi2_distribution

from configs.pmt_gain import GainCurve
from records.gain import Curvature, NominalVoltage, PowerLaw

Array = NDArray[np.float64]

MIN_VOLTAGES = 3
CURVED = 9.0  # Delta chi2 of the curvature term from which it is reported
LINEAR = 1.0  # exponent below which the voltages or files must be wrong: each of several dynodes adds 0.7 to 0.8
PER_DYNODE = (0.6, 0.9)  # usual exponents of one dynode are 0.7 to 0.8
NAN = float("nan")


@dataclass(frozen=True)
class Ordinate:
    """What is drawn against the voltage: values with uncorrelated errors (absolute), and what moves all of them alike (relative)."""

    names: Sequence[str]
    hv_v: Sequence[float]
    value: Sequence[float]
    error: Sequence[float]
    quantity: str = "gain"
    method: str = "photostatistics"
    saturated: Sequence[float] = ()  # share of triggers, per point
    excluded: Mapping[str, str] = field(default_factory=dict)  # points without a value, and why
    scale_parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def scale_error(self) -> float:
        """Relative error common to all points."""
        return math.sqrt(sum(part**2 for part in self.scale_parts.values()))


def gain_curve(points: Ordinate, options: GainCurve, no_gain: str = "") -> PowerLaw:
    """Fit the power law to one photomultiplier. ``no_gain``: why there is no absolute gain; nominal voltages then carry this reason.

    Points that are not positive, have no error or more than ``exclude_saturated_above`` saturated triggers are excluded by name. Fewer than
    three voltages give an invalid result.
    """
    excluded = dict(points.excluded) | _unusable(points, options.exclude_saturated_above)
    rows = [row for row, name in enumerate(points.names) if name not in excluded]
    hv_v, value, error = (np.array([column[row] for row in rows], float) for column in (points.hv_v, points.value, points.error))
    if len(set(hv_v)) < MIN_VOLTAGES:
        reason = f"{len(set(hv_v))} voltages with a usable {_words(points.quantity)}; a curve needs {MIN_VOLTAGES}"
        return without_curve(points, excluded, f"{reason}{_listed(excluded)}")
    pivot_v = options.pivot_v or float(np.exp(np.mean(np.log(hv_v))))
    x, y, sigma = np.log(hv_v / pivot_v), np.log(value), error / value
    line, covariance, chi2 = polynomial(x, y, sigma, 1)
    curvature = _curvature(x, y, sigma, chi2) if len(set(hv_v)) > MIN_VOLTAGES else None
    degrees = len(x) - 2
    curve = PowerLaw(
        valid=True, reason="", quantity=points.quantity, method=points.method, pivot_v=pivot_v, ln_value=float(line[0]), exponent=float(line[1]),
        covariance=covariance.tolist(), scale_error=points.scale_error, scale_parts=points.scale_parts, chi2=chi2, degrees_of_freedom=degrees,
        p_value=float(chi2_distribution.sf(chi2, degrees)), curvature=curvature, used=[points.names[row] for row in rows],
        hv_v=hv_v.tolist(), value=value.tolist(), error=error.tolist(), excluded=excluded, nominal=[],
        exponent_per_dynode=None if options.n_dynodes is None else float(line[1]) / options.n_dynodes,
    )  # fmt: skip
    nominal = [nominal_voltage(curve, gain, no_gain) for gain in options.nominal_gain]
    return PowerLaw(**{**vars(curve), "nominal": nominal, "notes": _notes(curve)})


def polynomial(x: ArrayLike, y: ArrayLike, sigma: ArrayLike, degree: int) -> tuple[Array, Array, float]:
    """Weighted least squares of ``y`` with errors ``sigma`` on powers of ``x``: coefficients (constant first), covariance, chi2.

    >>> coefficients, _, chi2 = polynomial([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], [0.1, 0.1, 0.1], 1)
    >>> np.round(coefficients, 12).tolist(), round(chi2, 12)
    ([1.0, 2.0], 0.0)
    """
    weight = 1.0 / np.asarray(sigma, float)
    design = np.vander(np.asarray(x, float), degree + 1, increasing=True) * weight[:, None]
    target = np.asarray(y, float) * weight
    q, r = np.linalg.qr(design)  # better conditioned than the normal equations
    coefficients = np.linalg.solve(r, q.T @ target)
    inverse = np.linalg.inv(r)
    return coefficients, inverse @ inverse.T, float(np.sum((target - design @ coefficients) ** 2))


def predicted(curve: PowerLaw, hv_v: ArrayLike) -> tuple[Array, Array]:
    """The curve and its error (68 %, without the common scale) at voltages: sigma^2 of ln = C00 + 2x C01 + x^2 C11."""
    x = np.log(np.asarray(hv_v, float) / curve.pivot_v)
    value = np.exp(curve.ln_value + curve.exponent * x)
    (c00, c01), (_, c11) = curve.covariance
    return value, value * np.sqrt(np.maximum(c00 + 2.0 * x * c01 + x**2 * c11, 0.0))


def nominal_voltage(curve: PowerLaw, gain: float, no_gain: str = "") -> NominalVoltage:
    """The voltage at which the curve has ``gain``, by V* = V0 (G*/G0)^(1/beta), with its error; invalid with a reason where that means nothing."""
    if curve.quantity != "gain":
        reason = f"no absolute gain: {no_gain or 'only the mean charge is known'}"
        return NominalVoltage(gain, False, reason, NAN, NAN, NAN, False)
    if not curve.valid or curve.exponent <= 0.0:
        return NominalVoltage(gain, False, curve.reason or "the gain does not rise with the voltage", NAN, NAN, NAN, False)
    slope = (math.log(gain) - curve.ln_value) / curve.exponent  # L / beta
    hv_v = curve.pivot_v * math.exp(slope)
    (c00, c01), (_, c11) = curve.covariance
    relative = math.sqrt(max(c00 + slope**2 * c11 + 2.0 * slope * c01, 0.0)) / curve.exponent
    outside = not min(curve.hv_v) <= hv_v <= max(curve.hv_v)
    return NominalVoltage(gain, True, "", hv_v, hv_v * relative, hv_v * curve.scale_error / curve.exponent, outside)


def without_curve(points: Ordinate, excluded: Mapping[str, str], reason: str) -> PowerLaw:
    """An invalid result that says why."""
    return PowerLaw(
        valid=False, reason=reason, quantity=points.quantity, method=points.method, pivot_v=NAN, ln_value=NAN, exponent=NAN,
        covariance=[[NAN, NAN], [NAN, NAN]], scale_error=points.scale_error, scale_parts=points.scale_parts, chi2=NAN, degrees_of_freedom=0,
        p_value=NAN, curvature=None, used=[], hv_v=[], value=[], error=[], excluded=dict(excluded), nominal=[],
    )  # fmt: skip


def _unusable(points: Ordinate, saturated_above: float) -> dict[str, str]:
    """Points that cannot enter the fit, and why."""
    excluded = {}
    for row, name in enumerate(points.names):
        value, error = points.value[row], points.error[row]
        share = points.saturated[row] if points.saturated else 0.0
        if not (math.isfinite(value) and value > 0.0):
            excluded[name] = f"{_words(points.quantity)} {value:.3g} is not positive"
        elif not (math.isfinite(error) and error > 0.0):
            excluded[name] = f"{_words(points.quantity)} without an error"
        elif share > saturated_above:
            excluded[name] = f"{share:.1%} of its triggers are saturated (limit {saturated_above:.1%})"
    return excluded


def _curvature(x: Array, y: Array, sigma: Array, chi2_line: float) -> Curvature:
    parabola, covariance, chi2 = polynomial(x, y, sigma, 2)
    return Curvature(float(parabola[2]), math.sqrt(covariance[2, 2]), chi2_line - chi2)


def _notes(curve: PowerLaw) -> list[str]:
    notes = []
    if curve.curvature is not None and curve.curvature.delta_chi2 > CURVED:
        bend = f"curvature {curve.curvature.value:.2f} ± {curve.curvature.error:.2f}, Delta chi2 {curve.curvature.delta_chi2:.1f}"
        notes.append(f"the points bend away from a power law ({bend}): saturation, space charge, a wrong voltage?")
    if curve.exponent < LINEAR:
        notes.append(f"exponent {curve.exponent:.2f}: no photomultiplier's gain grows so slowly; are the voltages in volts, and of these files?")
    k = curve.exponent_per_dynode
    if k is not None and not PER_DYNODE[0] <= k <= PER_DYNODE[1]:
        notes.append(f"exponent per dynode {k:.2f} is outside {PER_DYNODE[0]} to {PER_DYNODE[1]}: check n_dynodes and the divider")
    return notes


def _words(quantity: str) -> str:
    return "gain" if quantity == "gain" else "mean charge"


def _listed(excluded: Mapping[str, str]) -> str:
    return "" if not excluded else "; left out: " + "; ".join(f"{name}: {reason}" for name, reason in excluded.items())
