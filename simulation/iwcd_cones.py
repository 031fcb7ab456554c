"""Angular density of Cherenkov light: the cone of a straight track, smeared by the tilts of the particles that make it.

One table holds all rows: first the electron rows (cone angle of speed c, 60 widths), then the muon rows (cone angle x width). Tables are functions of
the angle's cosine c between the nominal axis and the photon, in equal bins; a row integrates to 1 over the sphere.
"""

from __future__ import annotations

import functools
import math

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from physics.particles import REFRACTIVE_INDEX

Array = NDArray[np.float64]

COSINE_CONE = 1.0 / REFRACTIVE_INDEX  # of a particle at the speed of light
COSINE_BINS = 720
TILTS = 80  # quantiles of the Rayleigh distribution
WIDTHS_RAD = np.geomspace(0.02, 2.5, 60)
MUON_WIDTHS_RAD = np.geomspace(0.02, 0.6, 24)
MUON_COSINES = np.linspace(COSINE_CONE, 1.0, 49)[:-1]  # up to threshold, where the cone closes
MUON_OFFSET = len(WIDTHS_RAD)


@functools.cache
def cone_table() -> Array:
    """Density per sr, shape (rows, ``COSINE_BINS``)."""
    cosines = np.concatenate([np.full(len(WIDTHS_RAD), COSINE_CONE), np.repeat(MUON_COSINES, len(MUON_WIDTHS_RAD))])
    widths = np.concatenate([WIDTHS_RAD, np.tile(MUON_WIDTHS_RAD, len(MUON_COSINES))])
    table = smeared_cones(cosines, widths, COSINE_BINS)
    table.flags.writeable = False
    return table


def electron_row(width_rad: ArrayLike) -> NDArray[np.int64]:
    """Rows of electrons with the nearest (logarithmic) width."""
    return _nearest_log(np.asarray(width_rad, dtype=float), WIDTHS_RAD)


def muon_row(cosine: ArrayLike, width_rad: ArrayLike) -> NDArray[np.int64]:
    """Rows of muons with the nearest cosine of the cone angle and the nearest (logarithmic) width."""
    step = MUON_COSINES[1] - MUON_COSINES[0]
    angle = np.clip(np.rint((np.asarray(cosine) - MUON_COSINES[0]) / step), 0, len(MUON_COSINES) - 1).astype(np.int64)
    return MUON_OFFSET + angle * len(MUON_WIDTHS_RAD) + _nearest_log(np.asarray(width_rad, dtype=float), MUON_WIDTHS_RAD)


def _nearest_log(value: Array, grid: Array) -> NDArray[np.int64]:
    position = np.log(value / grid[0]) / np.log(grid[1] / grid[0])
    return np.clip(np.rint(position), 0, len(grid) - 1).astype(np.int64)


@numba.njit(cache=True)
def smeared_cones(cosines: Array, widths_rad: Array, n_bins: int) -> Array:
    """Density per sr in equal bins of c of cones whose axis is tilted by a Rayleigh(width) angle; one row for each (cosine of the cone, width).

    A cone tilted by t meets directions with cosine below c for the fraction 1 - arccos(x)/pi of its azimuth, x = (c - cos t cos C)/(sin t sin C).
    """
    cumulative = np.empty(n_bins + 1)
    table = np.empty((len(cosines), n_bins))
    for row in range(len(cosines)):
        cumulative[:] = 0.0
        cosine = cosines[row]
        for k in range(TILTS):
            tilt = widths_rad[row] * math.sqrt(-2.0 * math.log(1.0 - (k + 0.5) / TILTS))
            _add_tilted(cumulative, math.cos(tilt) * cosine, abs(math.sin(tilt)) * math.sqrt(1.0 - cosine * cosine))
        for bin_ in range(n_bins):
            table[row, bin_] = (cumulative[bin_ + 1] - cumulative[bin_]) / TILTS * n_bins / (4.0 * math.pi)
    return table


@numba.njit(cache=True)
def _add_tilted(cumulative: Array, centre: float, half_width: float) -> None:
    """Add the cumulative distribution of one tilted cone; arccos only where it is neither 0 nor 1."""
    n = len(cumulative) - 1
    for edge in range(n + 1):
        distance = 2.0 * edge / n - 1.0 - centre
        if edge == n or distance >= half_width:
            cumulative[edge] += 1.0
        elif distance > -half_width:
            cumulative[edge] += 1.0 - math.acos(distance / half_width) / math.pi
