"""A cylindrical water tank: distances of a vertex to the wall, in any direction and along the track.

The tank frame has its origin in the tank's centre, lengths in cm; y is vertical and is the axis of the cylinder. Directions are unit vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest

PARALLEL = 1e-14  # below this a direction counts as along the axis (its squared transverse part) or as horizontal (its vertical part)


@dataclass(frozen=True)
class Tank:
    """A cylinder around y of radius ``radius_cm`` that reaches from ``-half_height_cm`` to ``half_height_cm``."""

    radius_cm: float
    half_height_cm: float

    def __str__(self) -> str:
        return f"R={self.radius_cm:g}, H={self.half_height_cm:g}"


# short: the IWCD short tank of the public samples; iwcd_current: 7.0 m x 8.0 m (WCSim, SetIWCD_WithOD_Geometry).
PRESETS = {"short": Tank(400.0, 300.0), "iwcd_current": Tank(350.0, 400.0)}


def preset(name: str) -> Tank:
    """The tank of that name. Raises ``InputError`` naming the nearest one.

    >>> preset("short")
    Tank(radius_cm=400.0, half_height_cm=300.0)
    """
    if name not in PRESETS:
        raise InputError(f"{name!r} is not a tank{nearest(name, PRESETS)}; any other is given by radius_cm and half_height_cm")
    return PRESETS[name]


def dwall(position_cm: ArrayLike, tank: Tank) -> NDArray[np.float64]:
    """Distance to the nearest wall in cm, negative outside: min(R - r, H - |y|) of positions (..., 3).

    >>> float(dwall([100.0, -200.0, 50.0], preset("short")))
    100.0
    """
    position = np.asarray(position_cm, dtype=np.float64)
    to_barrel = tank.radius_cm - np.hypot(position[..., 0], position[..., 2])
    distance: NDArray[np.float64] = np.minimum(to_barrel, tank.half_height_cm - np.abs(position[..., 1]))
    return distance


def outside(position_cm: ArrayLike, tank: Tank) -> NDArray[np.bool_]:
    """Which positions (..., 3) lie outside the tank; the wall itself belongs to it."""
    return np.asarray(dwall(position_cm, tank) < 0)


def towall(position_cm: ArrayLike, direction: ArrayLike, tank: Tank) -> NDArray[np.float64]:
    """Distance in cm to the wall along a direction; 0 for a position outside (see ``outside``).

    ``position_cm`` and ``direction`` (..., 3) broadcast. Finite input gives finite output without a warning, along and across the axis too: the root
    of the barrel's quadratic equation is the one without cancellation.

    >>> float(towall([100.0, -200.0, 50.0], [0.6, 0.48, 0.64], preset("short"))).__round__(4)
    334.2728
    """
    position, along = np.broadcast_arrays(np.asarray(position_cm, dtype=np.float64), np.asarray(direction, dtype=np.float64))
    out = outside(position, tank)
    x, y, z = np.moveaxis(np.where(out[..., np.newaxis], 0.0, position), -1, 0)
    dx, dy, dz = np.moveaxis(along, -1, 0)
    distance = np.minimum(_to_barrel(x, z, dx, dz, tank.radius_cm), _to_cap(y, dy, tank.half_height_cm))
    return np.where(out, 0.0, np.maximum(distance, 0.0))


def _to_barrel(x: NDArray, z: NDArray, dx: NDArray, dz: NDArray, radius_cm: float) -> NDArray[np.float64]:
    """The positive root t of a t^2 + 2 b t + c = 0 with (x, z) + t (dx, dz) on the barrel; infinite along the axis."""
    a, b = dx**2 + dz**2, x * dx + z * dz
    c = np.minimum((np.hypot(x, z) - radius_cm) * (np.hypot(x, z) + radius_cm), 0.0)
    s = np.sqrt(np.maximum(b**2 - a * c, 0.0))
    outwards, across = b > 0, a >= PARALLEL
    numerator = np.where(outwards, -c, s - b)
    denominator = np.where(outwards, b + s, a)
    return np.where(across, numerator / np.where(across, denominator, 1.0), np.inf)


def _to_cap(y: NDArray, dy: NDArray, half_height_cm: float) -> NDArray[np.float64]:
    steep = np.abs(dy) >= PARALLEL
    return np.where(steep, (half_height_cm - np.sign(dy) * y) / np.where(steep, np.abs(dy), 1.0), np.inf)


def direction_from_angles(theta: ArrayLike, phi: ArrayLike) -> NDArray[np.float64]:
    """Unit vectors (..., 3) from the polar angle to the y axis and the azimuth atan2(d_z, d_x), in rad."""
    polar, azimuth = np.asarray(theta, dtype=np.float64), np.asarray(phi, dtype=np.float64)
    return np.stack([np.sin(polar) * np.cos(azimuth), np.cos(polar), np.sin(polar) * np.sin(azimuth)], axis=-1)


def angles_from_direction(direction: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Polar angle to the y axis and azimuth atan2(d_z, d_x) in rad of unit vectors (..., 3); the inverse of ``direction_from_angles``."""
    along = np.asarray(direction, dtype=np.float64)
    return np.arctan2(np.hypot(along[..., 0], along[..., 2]), along[..., 1]), np.arctan2(along[..., 2], along[..., 0])
