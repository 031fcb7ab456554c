"""Photostatistics of all voltages under the same light: one mean number of photo-electrons, one charge of a photo-electron for each voltage.

With one light level only ``lambda / (1 + delta^2)`` is measured, so delta is a nuisance with its constraint. The covariance of mean and
variance is that which the fit itself predicts (compound Poisson with gamma charges): the covariance estimated from a point's own charges
follows its variance up and down and gives low points more weight (18 points of 500 triggers: light 0.7 % too high, half a standard error; toys).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2 as chi2_distribution

from fits.photostatistics import above_pedestal, check_delta, required, steady, unusable
from fits.sample_moments import ChargeMoments, sampling_covariance
from physics.constants import ELEMENTARY_CHARGE_PC
from records.spe import JointPhotostatisticsResult, JointPoint

Array = NDArray[np.float64]
Pair = tuple[ChargeMoments, ChargeMoments]
MIN_POINTS = 2
ITERATIONS = 100
SETTLED = 1e-10


def joint_photostatistics(
    points: Mapping[str, tuple[ChargeMoments, ChargeMoments | None]], delta: float = 0.40, delta_error: float = 0.10, nu_squared: float = 0.0
) -> JointPhotostatisticsResult:
    """One light for all ``points``: name -> (moments with light, moments of the pedestal). ``nu_squared``: relative variance of a flickering light.

    A point without variance or charge above its pedestal is excluded by name; fewer than 2 usable points are an invalid result. chi2 tests
    the constancy of lambda (one degree for every point after the first). Raises InputError without a pedestal and for delta <= 0.
    """
    check_delta(delta, delta_error)
    pairs: dict[str, Pair] = {name: (led, required(pedestal)) for name, (led, pedestal) in points.items()}
    excluded = {name: reason for name, pair in pairs.items() if (reason := unusable(*pair, nu_squared))}
    used = {name: pair for name, pair in pairs.items() if name not in excluded}
    if len(used) < MIN_POINTS:
        reason = f"{len(used)} usable voltages, {MIN_POINTS} needed for a common light" + "".join(
            f"; {name}: {why}" for name, why in excluded.items()
        )
        return JointPhotostatisticsResult(False, reason, {}, excluded, delta=delta, delta_error=delta_error)
    fit = _fit(list(used.values()), delta, nu_squared)
    if not fit.settled:
        return JointPhotostatisticsResult(False, "the joint fit did not settle", {}, excluded, delta=delta, delta_error=delta_error)
    return _result(list(used), fit, excluded, delta, delta_error)


@dataclass(frozen=True)
class _Fit:
    lambda_pe: float
    q1_pc: Array
    covariance: Array  # of ln lambda, ln Q1 of every point; delta held
    pulls: Array
    chi2: float
    settled: bool


def _fit(pairs: list[Pair], delta: float, nu_squared: float) -> _Fit:
    """Gauss-Newton in ln lambda and ln Q1, the covariance of the data renewed at every step. delta stays at its constraint: nothing pulls it."""
    data = np.array([above_pedestal(*pair, nu_squared)[0] for pair in pairs])
    width = 1.0 + delta**2
    theta = np.concatenate([[math.log(np.sum(data[:, 0] ** 2) * width / np.sum(data[:, 1]))], np.zeros(len(pairs))])
    theta[1:] = np.log(data[:, 0]) - theta[0]
    settled = False
    for _ in range(ITERATIONS):
        expected, slopes, covariances = _prediction(theta, pairs, delta, nu_squared)
        curvature, pull = np.zeros((theta.size, theta.size)), np.zeros(theta.size)
        for residual, slope, matrix in zip(data - expected, slopes, covariances, strict=True):
            weighted = slope.T @ np.linalg.inv(matrix)
            curvature += weighted @ slope
            pull += weighted @ residual
        step = np.linalg.solve(curvature, pull)
        theta = theta + np.clip(step, -1.0, 1.0)
        if settled := bool(np.all(np.abs(step) < SETTLED)):
            break
    expected, _, covariances = _prediction(theta, pairs, delta, nu_squared)
    chi2 = sum(float(r @ np.linalg.inv(matrix) @ r) for r, matrix in zip(data - expected, covariances, strict=True))
    return _Fit(
        math.exp(theta[0]), np.exp(theta[1:]), np.asarray(np.linalg.inv(curvature), float), _pulls(data, expected, covariances), chi2, settled
    )


def _prediction(theta: Array, pairs: list[Pair], delta: float, nu_squared: float) -> tuple[Array, Array, list[Array]]:
    """Mean and variance above the pedestal (points, 2), slopes (points, 2, parameters) and covariances (2, 2) of the measured pairs.

    Cumulants of a compound Poisson sum: kappa_k = lambda E[q^k]; gamma charges: E[q^k] = Q1^k (1 + b)(1 + 2b)..., b = delta^2. A light that flickers
    widens the charges that the mean is of, and their third cumulant by 3 nu^2 m v.
    """
    light, q1, b = math.exp(theta[0]), np.exp(theta[1:]), delta**2
    m, v = light * q1, light * q1**2 * (1.0 + b)
    third, fourth = light * q1**3 * (1.0 + b) * (1.0 + 2.0 * b), light * q1**4 * (1.0 + b) * (1.0 + 2.0 * b) * (1.0 + 3.0 * b)
    slopes = np.zeros((len(pairs), 2, theta.size))
    slopes[:, :, 0] = np.stack([m, v], axis=1)
    slopes[np.arange(len(pairs)), 0, 1 + np.arange(len(pairs))] = m
    slopes[np.arange(len(pairs)), 1, 1 + np.arange(len(pairs))] = 2.0 * v
    covariances = []
    for i, (led, pedestal) in enumerate(pairs):
        unsteady = nu_squared * float(m[i]) ** 2
        total = float(v[i]) + unsteady + pedestal.variance_pc2
        beyond = pedestal.mu4_pc4 - 3.0 * pedestal.variance_pc2**2  # fourth cumulant of the pedestal
        matrix = sampling_covariance(
            led.n, total, float(third[i] + 3.0 * nu_squared * m[i] * v[i]) + pedestal.mu3_pc3, float(fourth[i]) + beyond + 3.0 * total**2
        )
        covariances.append(steady(matrix + pedestal.covariance, float(m[i]), nu_squared))
    return np.stack([m, v], axis=1), slopes, covariances


def _pulls(data: Array, expected: Array, covariances: list[Array]) -> Array:
    """2 ln m - ln v, the logarithm of lambda / (1 + delta^2) at each point alone, less that of the fit, in its error."""
    side = np.stack([2.0 / expected[:, 0], -1.0 / expected[:, 1]], axis=1)
    error = np.sqrt([float(row @ matrix @ row) for row, matrix in zip(side, covariances, strict=True)])
    return np.asarray((2.0 * np.log(data[:, 0] / expected[:, 0]) - np.log(data[:, 1] / expected[:, 1])) / error)


def _result(names: list[str], fit: _Fit, excluded: Mapping[str, str], delta: float, delta_error: float) -> JointPhotostatisticsResult:
    model = 2.0 * delta * delta_error / (1.0 + delta**2)  # relative, on lambda and on every gain
    common = math.sqrt(fit.covariance[0, 0])
    points = {}
    for i, name in enumerate(names, start=1):
        relative, gain = math.sqrt(fit.covariance[i, i]), float(fit.q1_pc[i - 1]) / ELEMENTARY_CHARGE_PC
        alone = fit.covariance[i, i] - fit.covariance[0, i] ** 2 / fit.covariance[0, 0]  # at a given light
        points[name] = JointPoint(
            q1_pc=float(fit.q1_pc[i - 1]),
            q1_error_pc=float(fit.q1_pc[i - 1]) * relative,
            gain=gain,
            gain_error=gain * relative,
            gain_uncorrelated_error=gain * math.sqrt(alone),
            pull=float(fit.pulls[i - 1]),
        )
    degrees = len(names) - 1
    return JointPhotostatisticsResult(
        valid=True,
        reason="",
        points=points,
        excluded=dict(excluded),
        lambda_pe=fit.lambda_pe,
        lambda_error=fit.lambda_pe * common,
        lambda_model_error=fit.lambda_pe * model,
        common_error=common,
        common_model_error=model,
        delta=delta,
        delta_error=delta_error,
        chi2=fit.chi2,
        degrees_of_freedom=degrees,
        p_value=float(chi2_distribution.sf(fit.chi2, degrees)),
    )
