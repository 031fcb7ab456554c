"""Straight tracks and volumes in the ice: where a track is inside, whether it enters or ends there; area of a cylinder seen from a direction.

Detector coordinates in m, origin at the array's centre. A track begins at a point, has a unit direction and a length; t is the way along it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
LabelRule = Literal["all_entering", "leading"]


class Volume(Protocol):
    """A convex volume."""

    def crossing(self, point: ArrayLike, direction: ArrayLike) -> tuple[Array, Array]:
        """(t1, t2): the line is inside for t1 <= t <= t2; t1 > t2 where it misses. ``point``, ``direction``: (n, 3)."""


@dataclass(frozen=True)
class Cylinder:
    """Upright, around the origin."""

    radius_m: float
    half_height_m: float

    def crossing(self, point: ArrayLike, direction: ArrayLike) -> tuple[Array, Array]:
        """Intersection of the interval in radius (unbounded for a vertical track inside r) and the interval in z."""
        p, u = np.atleast_2d(np.asarray(point, float)), np.atleast_2d(np.asarray(direction, float))
        a = u[:, 0] ** 2 + u[:, 1] ** 2
        half_b = p[:, 0] * u[:, 0] + p[:, 1] * u[:, 1]
        c = p[:, 0] ** 2 + p[:, 1] ** 2 - self.radius_m**2
        radial = _quadratic(a, half_b, c)
        height = _slab(p[:, 2], u[:, 2], self.half_height_m)
        return np.maximum(radial[0], height[0]), np.minimum(radial[1], height[1])

    def projected_area_m2(self, cos_zenith: ArrayLike) -> Array:
        """Area seen from zenith angle: pi R^2 c + 2 R H sqrt(1 - c^2), H the whole height.

        >>> float(Cylinder(800.0, 800.0).projected_area_m2(0.5).round())
        3222335.0
        """
        cosine = np.abs(np.asarray(cos_zenith, float))
        side = 4 * self.radius_m * self.half_height_m * np.sqrt(1 - cosine**2)
        return np.pi * self.radius_m**2 * cosine + side

    def etendue_m2_sr(self, cos_min: float, cos_max: float = 1.0) -> float:
        """Integral of the projected area over the solid angle between two cosines (2 pi in azimuth), in closed form."""
        low, high = (self._integral(cosine) for cosine in (cos_min, cos_max))
        return 2 * np.pi * (high - low)

    def _integral(self, c: float) -> float:
        circle = 0.5 * (c * np.sqrt(1 - c * c) + np.arcsin(c))
        return float(0.5 * np.pi * self.radius_m**2 * c * c + 4 * self.radius_m * self.half_height_m * circle)


@dataclass(frozen=True)
class ConvexHull:
    """The hull of points (n, 3), as half-spaces: ``normals`` (m, 3), ``offsets`` (m); inside is normal . x + offset <= 0."""

    normals: Array
    offsets: Array

    @classmethod
    def around(cls, points_m: ArrayLike) -> ConvexHull:
        """The hull of points, for instance the outermost sensors."""
        from scipy.spatial import ConvexHull as Qhull

        equations = np.unique(Qhull(np.asarray(points_m, float)).equations.round(12), axis=0)
        return cls(equations[:, :3], equations[:, 3])

    def crossing(self, point: ArrayLike, direction: ArrayLike) -> tuple[Array, Array]:
        """Clip the line at every face."""
        p, u = np.atleast_2d(np.asarray(point, float)), np.atleast_2d(np.asarray(direction, float))
        first, last = np.full(len(p), -np.inf), np.full(len(p), np.inf)
        for normal, offset in zip(self.normals, self.offsets, strict=True):
            speed, distance = u @ normal, p @ normal + offset
            with np.errstate(divide="ignore", invalid="ignore"):
                t = -distance / speed
            first = np.where(speed < 0, np.maximum(first, t), first)
            last = np.where(speed > 0, np.minimum(last, t), last)
            last = np.where((speed == 0) & (distance > 0), -np.inf, last)
        return first, last


DETECTOR = Cylinder(500.0, 500.0)  # in which a muon must stop: slightly smaller than the instrumented volume


def _quadratic(a: Array, half_b: Array, c: Array) -> tuple[Array, Array]:
    """Where a t^2 + 2 half_b t + c <= 0; everywhere or nowhere for a = 0."""
    discriminant = half_b**2 - a * c
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(discriminant, 0.0))
        first, last = (-half_b - root) / a, (-half_b + root) / a
    parallel = a == 0
    inside = np.where(parallel, c <= 0, discriminant >= 0)
    return np.where(inside, np.where(parallel, -np.inf, first), np.inf), np.where(inside, np.where(parallel, np.inf, last), -np.inf)


def _slab(z: Array, uz: Array, half: float) -> tuple[Array, Array]:
    with np.errstate(divide="ignore", invalid="ignore"):
        down, up = (-half - z) / uz, (half - z) / uz
    level = uz == 0
    inside = np.abs(z) <= half
    first = np.where(level, np.where(inside, -np.inf, np.inf), np.minimum(down, up))
    return first, np.where(level, np.where(inside, np.inf, -np.inf), np.maximum(down, up))


def enters(volume: Volume, point: ArrayLike, direction: ArrayLike, length_m: ArrayLike) -> Mask:
    """Whether a track of this length is in the volume anywhere: t1 <= l and t2 >= 0."""
    first, last = volume.crossing(point, direction)
    return (first <= last) & (first <= np.asarray(length_m, float)) & (last >= 0)


def stops(volume: Volume, point: ArrayLike, direction: ArrayLike, length_m: ArrayLike) -> Mask:
    """Whether a track enters and ends inside: also l < t2."""
    first, last = volume.crossing(point, direction)
    length = np.asarray(length_m, float)
    return (first <= last) & (first <= length) & (last >= 0) & (length < last)


def stopping_events(entering: Mask, stopping: Mask, event: NDArray[np.int64], count: int) -> Mask:
    """Events (``count``) of muons that belong to ``event`` (n): at least one enters, and all that enter stop; the others do not matter."""
    entered = np.bincount(event, weights=entering, minlength=count)
    stopped = np.bincount(event, weights=entering & stopping, minlength=count)
    return (entered > 0) & (stopped == entered)
