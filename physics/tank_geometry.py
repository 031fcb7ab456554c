"""Places and orientations of the photomultipliers of the short tank: 536 modules of 19, by formula.

Agrees with the published geometry (WatChMaL/NeutronGNN) within 0.0032 cm, in the same order. Photomultipliers count from 0: module = pmt // 19,
place = pmt % 19 (0 to 11 outer ring, 12 to 17 inner ring, 18 centre). Lengths in cm, y vertical.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

PLACES = 19
FACES = 20  # of a barrel ring, two modules each
BARREL_APOTHEM_CM = 391.10
HALF_PAIR_CM = 31.678  # of the two modules of a face
RING_STEP_CM = 60.177
CAP_HEIGHT_CM = 291.10
CAP_STEP_CM = np.pi * 800 / 40  # 62.8319
CAP_RADIUS_CM = 330.0  # module centres within
DOME_CM = 28.0  # radius on which a module's photomultipliers sit
RINGS_BELOW_TOP = (3, 2, 1, 0, -1, -2, -3, -4)  # modules 0 to 319
TOP_RING = 4  # modules 408 to 447
OUTER_TILT_DEG, INNER_TILT_DEG = 36.0, 18.0


@dataclass(frozen=True, eq=False)
class Geometry:
    """Position (n, 3) in cm and orientation (n, 3; unit vectors pointing inwards) of every photomultiplier, counted from 0."""

    position_cm: NDArray[np.float64]
    orientation: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.position_cm)


@cache
def short_tank() -> Geometry:
    """The 10184 photomultipliers of the short tank.

    >>> short_tank().position_cm[0].round(3).tolist()
    [396.522, 164.073, 30.73]
    """
    centre, normal = _modules()
    along, across = _module_axes(normal)
    tilt, angle = _places(normal)
    sideways = np.cos(angle)[..., np.newaxis] * along[:, np.newaxis] + np.sin(angle)[..., np.newaxis] * across[:, np.newaxis]
    orientation = np.cos(tilt)[:, np.newaxis] * normal[:, np.newaxis] + np.sin(tilt)[:, np.newaxis] * sideways
    position = (centre - DOME_CM * normal)[:, np.newaxis] + DOME_CM * orientation
    position, orientation = position.reshape(-1, 3), orientation.reshape(-1, 3)
    position.flags.writeable = orientation.flags.writeable = False  # one value for all
    return Geometry(position, orientation)


def _modules() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre (cm) and inward normal of the modules (536, 3): rings from above but the top one, bottom cap, top ring, top cap."""
    parts = [*(_ring(number) for number in RINGS_BELOW_TOP), _cap(-1), _ring(TOP_RING), _cap(+1)]
    centres, normals = zip(*parts, strict=True)
    return np.concatenate(centres), np.concatenate(normals)


def _ring(number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    phi = np.radians(9.0 + 18.0 * np.repeat(np.arange(FACES), 2))
    side = np.tile([-1.0, 1.0], FACES)
    normal = -np.stack([np.cos(phi), np.zeros_like(phi), np.sin(phi)], axis=1)
    tangent = np.stack([-np.sin(phi), np.zeros_like(phi), np.cos(phi)], axis=1)
    centre = -BARREL_APOTHEM_CM * normal + side[:, np.newaxis] * HALF_PAIR_CM * tangent
    return centre + np.array([0.0, number * RING_STEP_CM, 0.0]), normal


def _cap(side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The cap below (side -1, looking up) or above (side 1, looking down)."""
    steps = (np.arange(-6, 6) + 0.5) * CAP_STEP_CM
    x, z = (values.ravel() for values in np.meshgrid(steps, steps, indexing="ij"))
    inside = np.hypot(x, z) < CAP_RADIUS_CM
    centre = np.stack([x[inside], np.full(inside.sum(), side * CAP_HEIGHT_CM), z[inside]], axis=1)
    return centre, np.tile([0.0, -float(side), 0.0], (len(centre), 1))


def _module_axes(normal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two unit vectors across each normal, from which the angle of a place is counted."""
    reference = np.where(np.abs(normal[:, 1:2]) > 0.5, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    along = np.cross(normal, reference)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    return along, np.cross(along, normal)


def _places(normal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tilt (19,) against the module's normal and angle (modules, 19) around it, in rad; on the top cap turned by half a turn."""
    tilt = np.repeat([OUTER_TILT_DEG, INNER_TILT_DEG, 0.0], [12, 6, 1])
    angle = np.concatenate([-90.0 - 30.0 * np.arange(12), -90.0 - 60.0 * np.arange(6), [0.0]])
    turned = angle + np.where(normal[:, 1:2] < -0.5, 180.0, 0.0)
    return np.radians(tilt), np.radians(turned)
