"""The tank's wall laid flat for event displays: the barrel unrolled, the caps above and below it, joined where x is largest.

A point of the barrel goes to (R phi, y), of the top cap to (z, H + R - x), of the bottom cap to (z, -H - R + x), with phi = atan2(z, x); cm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physics.tank import Tank, towall


def surface(position_cm: ArrayLike, tank: Tank) -> NDArray[np.int64]:
    """Which wall is nearest to positions (..., 3): 0 the barrel, 1 the top cap, -1 the bottom cap."""
    position = np.asarray(position_cm, dtype=np.float64)
    to_barrel = np.abs(tank.radius_cm - np.hypot(position[..., 0], position[..., 2]))
    to_cap = np.abs(tank.half_height_cm - np.abs(position[..., 1]))
    return np.where(to_cap < to_barrel, np.where(position[..., 1] > 0, 1, -1), 0)


def unroll(position_cm: ArrayLike, tank: Tank) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates (u, v) in cm on the flat wall of positions (..., 3) at or near it.

    >>> from physics.tank import preset
    >>> [float(part) for part in unroll([400.0, 300.0, 0.0], preset("short"))]
    [0.0, 300.0]
    """
    position = np.asarray(position_cm, dtype=np.float64)
    x, y, z = np.moveaxis(position, -1, 0)
    side = surface(position, tank)
    u = np.where(side == 0, tank.radius_cm * np.arctan2(z, x), z)
    v = np.where(side == 0, y, side * (tank.half_height_cm + tank.radius_cm - x))
    return u, v


def on_wall(position_cm: ArrayLike, direction: ArrayLike, tank: Tank) -> NDArray[np.float64]:
    """Where rays from positions inside (..., 3) along unit vectors (..., 3) meet the wall, in cm."""
    position, along = np.asarray(position_cm, dtype=np.float64), np.asarray(direction, dtype=np.float64)
    points: NDArray[np.float64] = position + towall(position, along, tank)[..., np.newaxis] * along
    return points


def cone(direction: ArrayLike, angle: float, count: int = 360) -> NDArray[np.float64]:
    """Unit vectors (count, 3) at ``angle`` (rad) to a direction, evenly around it and closed: the first is the last."""
    axis = np.asarray(direction, dtype=np.float64)
    axis = axis / np.linalg.norm(axis)
    first = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    first /= np.linalg.norm(first)
    around = np.linspace(0.0, 2 * np.pi, count)[:, np.newaxis]
    vectors: NDArray[np.float64] = np.cos(angle) * axis + np.sin(angle) * (np.cos(around) * first + np.sin(around) * np.cross(axis, first))
    return vectors


def ring_on_wall(position_cm: ArrayLike, direction: ArrayLike, angle: float, tank: Tank, count: int = 360) -> NDArray[np.float64]:
    """The Cherenkov ring on the wall (count, 3) in cm: where a cone of half opening ``angle`` (rad) from a vertex inside meets it."""
    return on_wall(np.asarray(position_cm, dtype=np.float64), cone(direction, angle, count), tank)
