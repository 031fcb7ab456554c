"""Muons in ice: continuous energy loss dE/dX = -(a + b E), range, and the length of a track from the surface to its end.

Chirkin and Rhode, hep-ph/0407075: a = 0.259 GeV/mwe, b = 3.63e-4 /mwe for ice; a metre of ice is 0.917 metres of water.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MWE_PER_M_ICE = 0.917
FOOT_M = 0.3048
EARTH_RADIUS_M = 6.371e6
DETECTOR_DEPTH_M = (9291.31 - 2900.0) * FOOT_M  # of the array's centre below the surface: 1948.07 m, constants of IceTray


@dataclass(frozen=True)
class EnergyLoss:
    """``a_gev_per_m``: ionisation, ``b_per_m``: radiative losses per energy."""

    a_gev_per_m: float = 0.259 * MWE_PER_M_ICE
    b_per_m: float = 3.63e-4 * MWE_PER_M_ICE

    def range_m(self, energy_gev: ArrayLike) -> Array:
        """R(E) = ln(1 + b E / a) / b.

        >>> EnergyLoss(0.24, 3.30e-4).range_m([500, 1000, 3000, 10000]).round().tolist()
        [1586.0, 2621.0, 4952.0, 8155.0]
        """
        return np.log1p(self.b_per_m * np.asarray(energy_gev, float) / self.a_gev_per_m) / self.b_per_m

    def energy_gev(self, range_m: ArrayLike) -> Array:
        """E(L) = (a / b) (exp(b L) - 1): the energy whose range is L."""
        return self.a_gev_per_m / self.b_per_m * np.expm1(self.b_per_m * np.asarray(range_m, float))

    def gev_per_m(self, range_m: ArrayLike) -> Array:
        """dE/dL = a exp(b L) along ``energy_gev``."""
        return self.a_gev_per_m * np.exp(self.b_per_m * np.asarray(range_m, float))

    def after(self, energy_gev: ArrayLike, distance_m: ArrayLike) -> Array:
        """Energy after a distance, (E + a / b) exp(-b x) - a / b; 0 beyond the range."""
        critical = self.a_gev_per_m / self.b_per_m
        left = (np.asarray(energy_gev, float) + critical) * np.exp(-self.b_per_m * np.asarray(distance_m, float)) - critical
        return np.maximum(left, 0.0)


ICE = EnergyLoss()
TOY_ICE = EnergyLoss(0.24, 3.30e-4)  # of the generator, and of ``energy_surface_proxy``


def track_length_m(depth_m: ArrayLike, cos_zenith: ArrayLike, *, flat: bool = False) -> Array:
    """Length of a straight track from the ice surface to a point at ``depth_m``.

    On a sphere of radius R: L = -(R - d) c + sqrt((R - d)^2 c^2 + 2 R d - d^2). ``flat``: d / c, which is longer (1.5 % at c = 0.10).
    Points above the surface, and for ``flat`` tracks from below, give NaN.
    """
    depth, cosine = np.asarray(depth_m, float), np.asarray(cos_zenith, float)
    if flat:
        return np.divide(depth, cosine, out=np.full(np.broadcast(depth, cosine).shape, np.nan), where=(depth >= 0) & (cosine > 0))
    inside = EARTH_RADIUS_M - depth
    squared = np.where(depth >= 0, (inside * cosine) ** 2 + depth * (2 * EARTH_RADIUS_M - depth), np.nan)
    return np.sqrt(squared) - inside * cosine


def propagation_length_m(stop_z_m: ArrayLike, cos_zenith: ArrayLike, *, flat: bool = False, centre_depth_m: float = DETECTOR_DEPTH_M) -> Array:
    """``track_length_m`` to a point given in detector coordinates (origin at the array's centre, z upwards)."""
    return track_length_m(centre_depth_m - np.asarray(stop_z_m, float), cos_zenith, flat=flat)
