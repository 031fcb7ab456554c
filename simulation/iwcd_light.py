"""Expected light on every photomultiplier from shining steps: one compiled loop over steps and photomultipliers."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from physics.particles import SPEED_OF_LIGHT_CM_PER_NS
from simulation.iwcd_cones import COSINE_BINS, cone_table
from simulation.iwcd_tracks import Steps

Array = NDArray[np.float64]

NEAREST_CM2 = 400.0  # r^2 below which a photomultiplier gets no more light: it has a size
GROUP_INDEX = 1.38  # of water, for the photons' speed


def expected_light(steps: Steps, position_cm: Array, orientation: Array) -> tuple[Array, Array]:
    """Sum over steps of light x density x cos(eta) / r^2 for each photomultiplier, and the mean arrival time weighted with it.

    ``position_cm`` and ``orientation`` (unit vectors into the tank) have shape (n, 3), C order. Returns MeV sr^-1 cm^-2 (n,) and ns (n,); the
    time is 0 where no light arrives.
    """
    return _deposit(
        steps.position_cm, np.ascontiguousarray(steps.axis), steps.light_mev, steps.path_cm, steps.rows, np.ascontiguousarray(steps.shares),
        cone_table(), position_cm, orientation,
    )  # fmt: skip


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _deposit(
    source: Array, axis: Array, light: Array, path: Array, rows: NDArray[np.int64], shares: Array, table: Array, position: Array, orientation: Array
) -> tuple[Array, Array]:
    n = len(position)
    expected, time = np.zeros(n), np.zeros(n)
    profile = np.empty(COSINE_BINS)
    half = 0.5 * COSINE_BINS
    for k in range(len(light)):
        profile[:] = 0.0
        for m in range(rows.shape[1]):
            if shares[k, m] > 0.0:
                profile += shares[k, m] * light[k] * table[rows[k, m]]
        x, y, z = source[k]
        ax, ay, az = axis[k]
        for i in range(n):
            dx, dy, dz = position[i, 0] - x, position[i, 1] - y, position[i, 2] - z
            facing = -(dx * orientation[i, 0] + dy * orientation[i, 1] + dz * orientation[i, 2])
            if facing <= 0.0:
                continue
            square = dx * dx + dy * dy + dz * dz
            distance = math.sqrt(square)
            cosine = (dx * ax + dy * ay + dz * az) / distance
            bin_ = min(int((cosine + 1.0) * half), COSINE_BINS - 1)
            amount = profile[bin_] * facing / (distance * max(square, NEAREST_CM2))
            expected[i] += amount
            time[i] += amount * (path[k] + GROUP_INDEX * distance)
    for i in range(n):
        if expected[i] > 0.0:
            time[i] /= expected[i] * SPEED_OF_LIGHT_CM_PER_NS
    return expected, time
