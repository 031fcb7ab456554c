"""Residuals of reconstructed quantities: bias, resolution and their intervals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, ndtri

from configs.errors import InputError
from fits.classifier.binomial import ONE_SIGMA
from records.performance import Estimate, Regression


def quantile_estimate(values: ArrayLike, probability: float, level: float = ONE_SIGMA) -> Estimate:
    """A quantile with its distribution-free interval between order statistics (H. David, H. Nagaraja, Order Statistics (2003), 7.1).

    The ranks are those of the central binomial interval; an end is infinite where too few values lie on that side.
    """
    ordered = np.sort(np.asarray(values, float))
    n = len(ordered)
    if n == 0:
        return Estimate(math.nan, -math.inf, math.inf)
    tail = 0.5 * (1.0 - level)
    below = bdtr(np.arange(n + 1), n, probability)  # P(at most k values below the quantile)
    lower = int(np.searchsorted(below, tail, side="right")) - 1
    upper = int(np.searchsorted(below, 1.0 - tail, side="left"))
    low = float(ordered[lower]) if lower >= 0 else -math.inf
    high = float(ordered[upper]) if upper < n else math.inf
    return Estimate(float(np.quantile(ordered, probability)), low, high)


def mean_estimate(values: ArrayLike, level: float = ONE_SIGMA) -> Estimate:
    """A mean with its Gaussian interval; infinite with fewer than two values."""
    array = np.asarray(values, float)
    value = float(array.mean()) if array.size else math.nan
    half = float(ndtri(0.5 + 0.5 * level) * array.std(ddof=1) / math.sqrt(array.size)) if array.size > 1 else math.inf
    return Estimate(value, value - half, value + half)


def residuals(target: str, unit: str, reconstructed: ArrayLike, true: ArrayLike, level: float = ONE_SIGMA) -> Regression:
    """Bias (mean and median) of reconstructed - true, and resolution: the 68.27 % quantile of |residual|. Raises InputError for other lengths."""
    found, wanted = np.ravel(np.asarray(reconstructed, float)), np.ravel(np.asarray(true, float))
    if found.shape != wanted.shape:
        raise InputError(f"{target}: {found.size} reconstructed values for {wanted.size} true ones; the outputs are not from these events")
    return summary(target, unit, found - wanted, level)


def summary(target: str, unit: str, residual: ArrayLike, level: float = ONE_SIGMA) -> Regression:
    """Bias and resolution of given residuals."""
    values = np.asarray(residual, float)
    spread = quantile_estimate(np.abs(values), ONE_SIGMA, level)
    return Regression(target, unit, values.size, mean_estimate(values, level), quantile_estimate(values, 0.5, level), spread)


def position_residuals(reconstructed: ArrayLike, true: ArrayLike, direction: ArrayLike, level: float = ONE_SIGMA) -> list[Regression]:
    """Vertex residuals (n, 3) split along the true direction (unit vectors) and across it (distance), and the whole distance; cm."""
    difference, d = np.asarray(reconstructed, float) - np.asarray(true, float), np.asarray(direction, float)
    along = (difference * d).sum(axis=1)
    across = np.linalg.norm(difference - along[:, None] * d, axis=1)
    distance = np.linalg.norm(difference, axis=1)
    return [summary(name, "cm", values, level) for name, values in (("along", along), ("across", across), ("distance", distance))]


def angle_between(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Angle between vectors (n, 3) in rad, exact for small angles too: atan2 of cross and dot product."""
    a, b = np.asarray(first, float), np.asarray(second, float)
    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=1), (a * b).sum(axis=1))
