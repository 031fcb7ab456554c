"""Numbers read off a two-dimensional scan, to compare with those that are published."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fits.contours import Polyline
from fits.intervals import curve_interval, curve_minimum


def extent(polylines: list[Polyline]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Smallest and largest (x, y) of a contour: ((x low, x high), (y low, y high))."""
    points = np.concatenate([np.asarray(line) for line in polylines])
    low, high = points.min(axis=0), points.max(axis=0)
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def area(polylines: list[Polyline]) -> float:
    """Area inside closed contours (shoelace formula), in units of x times y."""
    total = 0.0
    for line in polylines:
        x, y = np.asarray(line).T
        total += 0.5 * float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))
    return abs(total)


def profile_of_scan(x: ArrayLike, y: ArrayLike, nll: ArrayLike, axis: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One-dimensional profile from a two-dimensional scan: the lowest point of a cubic spline along the other axis.

    ``axis`` 0 profiles over y and returns (x, profile); 1 the other way round.
    """
    kept, other = (np.asarray(x, float), np.asarray(y, float)) if axis == 0 else (np.asarray(y, float), np.asarray(x, float))
    rows = np.asarray(nll, float) if axis == 0 else np.asarray(nll, float).T
    return kept, np.array([curve_minimum(other, row)[1] for row in rows])


def scan_interval(x: ArrayLike, y: ArrayLike, nll: ArrayLike, level: float, axis: int = 0) -> tuple[float, tuple[float, float]]:
    """Best value and interval of one parameter from a two-dimensional scan, by :func:`profile_of_scan` and a cubic spline."""
    kept, profile = profile_of_scan(x, y, nll, axis)
    return curve_minimum(kept, profile)[0], curve_interval(kept, profile, level)
