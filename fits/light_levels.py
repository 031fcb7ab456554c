"""Variance against mean of the charge at several light levels of one voltage: the gain and the instability of the light apart."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2 as chi2_distribution

from fits.photostatistics import above_pedestal, check_delta, photostatistics, required, unusable
from fits.sample_moments import ChargeMoments
from physics.constants import ELEMENTARY_CHARGE_PC
from records.spe import ONE_LEVEL, PhotostatisticsResult, VarianceMeanResult

Array = NDArray[np.float64]
MIN_LEVELS = 3
ITERATIONS = 50
SETTLED = 1e-12


def variance_mean_line(
    levels: Sequence[ChargeMoments],
    pedestal: ChargeMoments | Sequence[ChargeMoments] | None,
    delta: float = 0.40,
    delta_error: float = 0.10,
    scale: float = 0.0,
) -> VarianceMeanResult:
    """Fit ``v = Q1 (1 + delta^2) m + nu^2 m^2`` to light levels that share a pedestal, or have one each (equal ones are the same measurement).

    Least squares on v - f(m) with the variance of both, their covariance and the pedestals, at the slope of the fit itself. ``scale``: relative
    error of the charge of each level alone (ranges of the oscilloscope). nu^2 is free to be negative, so that its pull is Gaussian. Fewer than 3
    usable levels: invalid, and nu not measurable.
    """
    check_delta(delta, delta_error)
    each = list(pedestal) if isinstance(pedestal, Sequence) else [required(pedestal)] * len(levels)
    usable = [pair for pair in zip(levels, each, strict=True) if not unusable(*pair)]
    m, v, table = _above_pedestals(usable)
    if len(usable) < MIN_LEVELS:
        reason = f"{len(usable)} usable light levels, {MIN_LEVELS} needed"
        return VarianceMeanResult(False, reason, **table, nu_reason=ONE_LEVEL, delta=delta, delta_error=delta_error)
    of_scale = [scale**2 * np.outer(pair, pair) for pair in zip(m, 2.0 * v, strict=True)]
    own = [level.covariance + moved for (level, _), moved in zip(usable, of_scale, strict=True)]
    (slope, bend), covariance, chi2 = _line(m, v, own, [dark for _, dark in usable])
    if not slope > 0:
        return VarianceMeanResult(False, f"the slope {slope:.3g} pC of variance against mean is not positive", **table, nu_reason="no valid line")
    return _result(slope, bend, covariance, chi2, table, delta, delta_error)


def _above_pedestals(pairs: Sequence[tuple[ChargeMoments, ChargeMoments]]) -> tuple[Array, Array, dict[str, Any]]:
    """Means and variances (levels,) above the pedestals, and both with their errors as the result holds them."""
    both = [above_pedestal(*pair) for pair in pairs]
    m, v = (np.array([values[i] for values, _ in both]) for i in (0, 1))
    m_error, v_error = ([math.sqrt(matrix[i, i]) for _, matrix in both] for i in (0, 1))
    return m, v, {"mean_pc": m.tolist(), "mean_error_pc": m_error, "variance_pc2": v.tolist(), "variance_error_pc2": v_error}


def without_instability(
    led: ChargeMoments, pedestal: ChargeMoments | None, line: VarianceMeanResult, delta: float = 0.40, delta_error: float = 0.10
) -> PhotostatisticsResult:
    """Photostatistics of one level with the variance nu^2 m^2 of the line subtracted (its error is not: the line's own gain is the better one)."""
    if not line.valid:
        return photostatistics(led, pedestal, delta, delta_error)
    corrected = photostatistics(led, pedestal, delta, delta_error, max(line.nu_squared, 0.0))
    return dataclasses.replace(corrected, nu=line.nu, nu_reason=line.nu_reason)


def _result(
    slope: float, bend: float, covariance: Array, chi2: float, table: Mapping[str, Any], delta: float, delta_error: float
) -> VarianceMeanResult:
    width, error, degrees = 1.0 + delta**2, math.sqrt(covariance[0, 0]), len(table["mean_pc"]) - 2
    gain = slope / width / ELEMENTARY_CHARGE_PC
    return VarianceMeanResult(
        valid=True,
        reason="",
        **table,
        slope_pc=slope,
        slope_error_pc=error,
        nu_squared=bend,
        nu_squared_error=math.sqrt(covariance[1, 1]),
        correlation=float(covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1])),
        nu=math.sqrt(bend) if bend >= 0 else math.nan,
        nu_reason="" if bend >= 0 else "nu^2 is negative: no instability seen",
        q1_pc=slope / width,
        q1_error_pc=error / width,
        gain=gain,
        gain_error=gain * error / slope,
        gain_model_error=gain * 2.0 * delta * delta_error / width,
        delta=delta,
        delta_error=delta_error,
        chi2=chi2,
        degrees_of_freedom=degrees,
        p_value=float(chi2_distribution.sf(chi2, degrees)),
    )


def _line(m: Array, v: Array, own: Sequence[Array], pedestals: Sequence[ChargeMoments]) -> tuple[tuple[float, float], Array, float]:
    """Slope and quadratic term, their covariance (2, 2), chi2; ``own``: covariance (2, 2) of each level, beside that of its pedestal."""
    design = np.stack([m, m**2], axis=1)
    groups = [[one == dark for one in pedestals] for dark in dict.fromkeys(pedestals)]
    theta = np.array([float(np.sum(v) / np.sum(m)), 0.0])
    for _ in range(ITERATIONS):
        side = np.stack([-(theta[0] + 2.0 * theta[1] * m), np.ones_like(m)], axis=1)  # d(v - f(m)) / d(m, v)
        matrix = np.diag([float(row @ one @ row) for row, one in zip(side, own, strict=True)])
        for dark, members in zip(dict.fromkeys(pedestals), groups, strict=True):
            together = np.where(np.array(members)[:, None], side, 0.0)
            matrix = matrix + together @ dark.covariance @ together.T
        weight = np.linalg.inv(matrix)
        covariance = np.linalg.inv(design.T @ weight @ design)
        before, theta = theta, covariance @ design.T @ weight @ v
        if np.all(np.abs(theta - before) <= SETTLED * np.array([abs(theta[0]), abs(theta[0]) / m.max()])):
            break
    residual = v - design @ theta
    return (float(theta[0]), float(theta[1])), np.asarray(covariance), float(residual @ weight @ residual)
