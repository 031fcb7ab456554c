"""Particles in a water-Cherenkov tank: masses, energies at which light begins, visible energy, momentum, Cherenkov angle. MeV and rad.

Particles go by name (``gamma``, ``e-``, ``mu-``, ``pi0`` ...); a class code that no name belongs to is ``unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.iwcd import THRESHOLD_MEV

UNKNOWN = "unknown"
# Particle Data Group, rounded as in the public job generator of the samples (WatChMaL, build_mac.sh).
MASS_MEV = {
    "gamma": 0.0, "e-": 0.511, "e+": 0.511, "mu-": 105.658, "mu+": 105.658, "pi-": 139.570, "pi+": 139.570, "pi0": 134.977,
}  # fmt: skip
REFRACTIVE_INDEX = 1.333  # of water, for the Cherenkov cone
SPEED_OF_LIGHT_CM_PER_NS = 29.9792458

__all__ = ["MASS_MEV", "THRESHOLD_MEV", "UNKNOWN", "by_label", "cherenkov_angle", "momentum", "particle_names", "visible_energy"]


def particle_names(labels: ArrayLike, label_map: Mapping[int, str]) -> NDArray[np.str_]:
    """Name of the particle of each class code; ``unknown`` for codes that ``label_map`` does not hold (-1 in particular).

    >>> particle_names([1, -1, 0], {0: "gamma", 1: "e-"}).tolist()
    ['e-', 'unknown', 'gamma']
    """
    codes = np.asarray(labels)
    names = np.full(codes.shape, UNKNOWN, dtype=f"<U{max(map(len, [UNKNOWN, *label_map.values()]))}")
    for code, name in label_map.items():
        names[codes == code] = name
    return names


def by_label(labels: ArrayLike, label_map: Mapping[int, str], values: Mapping[str, float]) -> NDArray[np.float64]:
    """The value of each event's particle (its mass, its threshold), NaN where the code or the value is unknown.

    >>> by_label([1, -1], {0: "gamma", 1: "e-"}, MASS_MEV).tolist()
    [0.511, nan]
    """
    codes = np.asarray(labels)
    found = np.full(codes.shape, np.nan)
    for code, name in label_map.items():
        found[codes == code] = values.get(name, np.nan)
    return found


def visible_energy(energy_mev: ArrayLike, threshold_mev: ArrayLike) -> NDArray[np.float64]:
    """Total energy above the total energy at which light begins, in MeV; negative where a label is wrong, NaN where a threshold is unknown."""
    return np.asarray(energy_mev, dtype=np.float64) - np.asarray(threshold_mev, dtype=np.float64)


def momentum(energy_mev: ArrayLike, mass_mev: ArrayLike) -> NDArray[np.float64]:
    """sqrt(E^2 - m^2) of the total energy in MeV; NaN for an unknown mass and for an energy below the mass."""
    energy, mass = np.asarray(energy_mev, dtype=np.float64), np.asarray(mass_mev, dtype=np.float64)
    squared = (energy - mass) * (energy + mass)
    return np.sqrt(np.where(squared >= 0, squared, np.nan))


def cherenkov_angle(energy_mev: ArrayLike, mass_mev: ArrayLike, refractive_index: float = REFRACTIVE_INDEX) -> NDArray[np.float64]:
    """Half opening angle of the Cherenkov cone in rad: cos = 1 / (n beta); NaN below the threshold.

    >>> float(np.degrees(cherenkov_angle(500.0, MASS_MEV["e-"]))).__round__(1)
    41.4
    """
    energy = np.asarray(energy_mev, dtype=np.float64)
    speed = momentum(energy, mass_mev) / np.where(energy > 0, energy, np.nan)
    cosine = 1.0 / (refractive_index * np.where(speed > 0, speed, np.nan))
    return np.arccos(np.where(cosine <= 1, cosine, np.nan))
