"""Likelihood contours in two parameters: polylines on a cubic interpolation of a scanned grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RectBivariateSpline
from scipy.optimize import minimize

from configs.errors import InputError
from fits.intervals import CONTENTS, delta_nll_level

Polyline = list[tuple[float, float]]
FINE = 8  # drawn points per grid step: the polyline then follows the spline to 1e-3 of a step
CEILING = 50.0  # Delta NLL above which the surface is cut: far above every level, so infinite points do not bend the spline near one


class Surface:
    """A scan as a bicubic spline: ``x`` (n), ``y`` (m), ``delta_nll`` (n, m) above its reference minimum."""

    def __init__(self, x: ArrayLike, y: ArrayLike, delta_nll: ArrayLike) -> None:
        self.x, self.y = np.asarray(x, float), np.asarray(y, float)
        self.delta_nll = np.asarray(delta_nll, float)
        if min(self.x.size, self.y.size) < 3 or self.delta_nll.shape != (self.x.size, self.y.size):
            raise InputError(
                f"a scan needs at least 3 x 3 points on a grid; this one has {self.x.size} x {self.y.size}, values {self.delta_nll.shape}"
            )
        cut = np.where(np.isfinite(self.delta_nll), np.minimum(self.delta_nll, CEILING), CEILING)
        self._spline = RectBivariateSpline(self.x, self.y, cut, kx=min(3, self.x.size - 1), ky=min(3, self.y.size - 1))

    def at(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Interpolated Delta NLL at points (x, y)."""
        return self._spline.ev(x, y)

    def minimum(self) -> tuple[float, float, float]:
        """(x, y, Delta NLL) of the lowest point of the spline, between the points of the grid."""
        x, y, z = self.grid()
        i, j = (int(k) for k in np.unravel_index(int(np.argmin(z)), z.shape))
        ends = [(axis[max(k - 1, 0)], axis[min(k + 1, axis.size - 1)]) for axis, k in ((x, i), (y, j))]
        scale = np.array([high - low for low, high in ends])
        found = minimize(lambda t: float(self._spline.ev(*(t * scale))), np.array([x[i], y[j]]) / scale, bounds=np.array(ends) / scale[:, None])
        lowest = found.x * scale if found.fun <= z[i, j] else np.array([x[i], y[j]])
        return float(lowest[0]), float(lowest[1]), min(float(found.fun), float(z[i, j]))

    def grid(self, points_per_step: int = FINE) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Finer axes and the interpolated values on them, shape (len(x), len(y))."""
        x, y = _finer(self.x, points_per_step), _finer(self.y, points_per_step)
        return x, y, self._spline(x, y)


def _finer(edges: NDArray[np.float64], points_per_step: int) -> NDArray[np.float64]:
    coarse = np.arange(edges.size)
    return np.interp(np.linspace(0, edges.size - 1, (edges.size - 1) * points_per_step + 1), coarse, edges)


def contours(surface: Surface, contents: Mapping[str, float] = CONTENTS) -> dict[str, list[Polyline]]:
    """Polylines at the two-parameter level of each probability content; a closed line repeats its first point."""
    import contourpy

    x, y, z = surface.grid()
    generator: Any = contourpy.contour_generator(x, y, z.T, line_type="Separate")
    return {label: [[(float(a), float(b)) for a, b in line] for line in generator.lines(delta_nll_level(p, 2))] for label, p in contents.items()}
