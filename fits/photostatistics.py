"""Absolute gain from mean and variance of the charge under a bright pulsed light.

The charge of a trigger is a compound Poisson sum: mean ``m = lambda Q1``, variance ``v = lambda Q1^2 (1 + delta^2)`` above the pedestal, so
``Q1 = v / (m (1 + delta^2))`` (E. H. Bellamy et al., NIM A 339 (1994) 468, section 2; L. Campbell's theorem).
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.sample_moments import ChargeMoments
from physics.constants import ELEMENTARY_CHARGE_PC
from records.spe import PhotostatisticsResult

Array = NDArray[np.float64]
Found = TypeVar("Found")
SMALLEST_SAMPLE = 4  # triggers; below, the variance has no error worth the name


def photostatistics(
    led: ChargeMoments, pedestal: ChargeMoments | None, delta: float = 0.40, delta_error: float = 0.10, nu_squared: float = 0.0
) -> PhotostatisticsResult:
    """Mean number of photo-electrons, charge of one and gain from one light level.

    ``delta``: relative width of the charge of one photo-electron, an input with its error. The statistical error is exact to first order,
    Var(G)/G^2 = [Var(s^2) + Var(s_ped^2)]/v^2 + s^2/(n m^2) - 2 mu3/(n m v), here with the pedestal's mean too; that of delta stands apart.
    Light that flickers by ``nu`` adds nu^2 m^2 to v and raises the gain; one level cannot tell, ``nu_squared`` is taken off. Without any charge or
    variance above the pedestal the result is invalid with its reason. Raises InputError without a pedestal and for delta <= 0.
    """
    check_delta(delta, delta_error)
    pedestal = required(pedestal)
    reason = unusable(led, pedestal, nu_squared)
    if reason:
        return PhotostatisticsResult(False, reason, led.n, delta=delta, delta_error=delta_error)
    (m, v), covariance = above_pedestal(led, pedestal, nu_squared)
    relative = covariance / np.outer((m, v), (m, v))
    width = 1.0 + delta**2
    q1_pc, lambda_pe = v / (m * width), m**2 * width / v
    q1_relative, lambda_relative = (math.sqrt(float(power @ relative @ power)) for power in (np.array([-1.0, 1.0]), np.array([2.0, -1.0])))
    model = 2.0 * delta * delta_error / width
    gain = q1_pc / ELEMENTARY_CHARGE_PC
    return PhotostatisticsResult(
        valid=True,
        reason="",
        n=led.n,
        mean_pc=m,
        mean_error_pc=math.sqrt(covariance[0, 0]),
        variance_pc2=v,
        variance_error_pc2=math.sqrt(covariance[1, 1]),
        lambda_pe=lambda_pe,
        lambda_error=lambda_pe * lambda_relative,
        lambda_model_error=lambda_pe * model,
        q1_pc=q1_pc,
        q1_error_pc=q1_pc * q1_relative,
        gain=gain,
        gain_error=gain * q1_relative,
        gain_model_error=gain * model,
        delta=delta,
        delta_error=delta_error,
    )


def above_pedestal(led: ChargeMoments, pedestal: ChargeMoments, nu_squared: float = 0.0) -> tuple[tuple[float, float], Array]:
    """Mean and variance above the pedestal and above that of a light that flickers, and their covariance (2, 2)."""
    m, v = led.mean_pc - pedestal.mean_pc, led.variance_pc2 - pedestal.variance_pc2
    return (m, v - nu_squared * m**2), steady(led.covariance + pedestal.covariance, m, nu_squared)


def steady(covariance: Array, m: float, nu_squared: float) -> Array:
    """Covariance (2, 2) of (m, v - nu^2 m^2) from that of (m, v)."""
    slopes = np.array([[1.0, 0.0], [-2.0 * nu_squared * m, 1.0]])
    return slopes @ covariance @ slopes.T


def unusable(led: ChargeMoments, pedestal: ChargeMoments, nu_squared: float = 0.0) -> str:
    """Why there is no photostatistics of this point; empty if there is."""
    (m, v), _ = above_pedestal(led, pedestal, nu_squared)
    if min(led.n, pedestal.n) < SMALLEST_SAMPLE:
        return f"{led.n} triggers and {pedestal.n} of the pedestal; photostatistics needs {SMALLEST_SAMPLE} of each"
    if not v > 0:
        return f"variance below pedestal: {led.variance_pc2:.4g} pC^2 with light, {pedestal.variance_pc2:.4g} pC^2 without"
    if not m > 0:
        return f"mean charge below pedestal: {led.mean_pc:.4g} pC with light, {pedestal.mean_pc:.4g} pC without; check the polarity and the gate"
    return ""


def check_delta(delta: float, delta_error: float) -> None:
    """Raise InputError unless delta > 0 and its error >= 0."""
    if not (math.isfinite(delta) and delta > 0):
        raise InputError(f"photostatistics: delta = {delta} is not > 0; give the relative width of the charge of one photo-electron, e.g. 0.4")
    if not (math.isfinite(delta_error) and delta_error >= 0):
        raise InputError(f"photostatistics: the error of delta, {delta_error}, is not >= 0; give e.g. 0.1")


def required(pedestal: Found | None) -> Found:
    """The pedestal; raises InputError if there is none."""
    if pedestal is None:
        raise InputError("no pedestal: take a run with the LED off, keep a gate before the pulse, or allow the variance of the baseline noise")
    return pedestal
