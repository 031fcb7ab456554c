"""Particles in water as short straight steps that shine: where, along which axis, how much, with which angular profile, and when.

A description with few parameters, tuned to the hit counts of real samples (specification 7); not a simulation of physics processes. Lengths in cm,
energies in MeV, the time of a step as the path travelled so far in cm (all particles at the speed of light).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import gammainc

from physics.particles import MASS_MEV, REFRACTIVE_INDEX
from simulation.iwcd_cones import electron_row, muon_row

Array = NDArray[np.float64]

RADIATION_LENGTH_CM = 36.08
CRITICAL_ENERGY_MEV = 78.33
KINETIC_THRESHOLD_MEV = {"e-": 0.264, "mu-": 54.6}  # Cherenkov thresholds in water (WatChMaL job generator)
STEP_CM = 20.0
STEP_COUNT = (2, 25)
ELECTRON_RANGE_CM_PER_MEV = 0.485
LONGITUDINAL_SPREAD = 0.22  # of the logarithm of the shower length
LIGHT_SPREAD = 0.03
ENERGY_SHARES = np.array([0.08, 0.2, 0.4, 0.7, 1.0])  # of the electrons that shine, in units of the local energy
SCATTERING_MEV = 13.6  # multiple scattering (Highland constant)
NARROW_SHARE, WIDE_RAD = 0.65, 1.05  # electrons
MUON_NARROW_SHARE, MUON_WIDE_RAD = 0.8, 0.8
MUON_LOSS_MEV_PER_CM = 2.1
AXIS_SMEARING_RAD = 0.03
PAIR_OPENING_FACTOR = 1.6
CONVERSION_LENGTH_CM = 46.4
ROWS = len(ENERGY_SHARES) + 1


@dataclass(frozen=True)
class Track:
    """A charged particle: start, unit direction, range, kinetic energy, path travelled before it started."""

    particle: str  # e- or mu-
    start_cm: Array
    direction: Array
    kinetic_mev: float
    shape_mev: float  # energy that sets the shower's length; the kinetic energy of a single electron
    path_cm: float = 0.0

    @property
    def range_cm(self) -> float:
        """Length of the straight track."""
        if self.particle == "mu-":
            return max(0.0, self.kinetic_mev - KINETIC_THRESHOLD_MEV["mu-"]) / MUON_LOSS_MEV_PER_CM
        return ELECTRON_RANGE_CM_PER_MEV * self.shape_mev + 0.5

    @property
    def end_cm(self) -> Array:
        """Where the straight track ends."""
        return self.start_cm + self.range_cm * self.direction

    def kinetic_at(self, depth_cm: float) -> float:
        """Kinetic energy in MeV after ``depth_cm`` of the range."""
        if self.particle == "mu-":
            return self.kinetic_mev - MUON_LOSS_MEV_PER_CM * depth_cm
        return self.kinetic_mev * max(0.0, 1.0 - depth_cm / self.range_cm)


@dataclass(frozen=True)
class Steps:
    """Shining steps: position (n, 3), axis (n, 3), light (n,) in MeV, path (n,) in cm, and the mixture of cone-table rows (n, ``ROWS``)."""

    position_cm: Array
    axis: Array
    light_mev: Array
    path_cm: Array
    rows: NDArray[np.int64]
    shares: Array


def tracks(rng: Generator, particle: str, energy_mev: float, vertex_cm: Array, direction: Array, pair_model: str = "tuned") -> list[Track]:
    """The charged particles of one primary of total energy ``energy_mev``; ``particle`` is gamma, e-, mu- or pi0."""
    if particle == "gamma":
        return _pair(rng, energy_mev, vertex_cm, _tilted(rng, direction, _rayleigh(rng, AXIS_SMEARING_RAD)), pair_model)
    if particle == "pi0":
        return [track for photon in _decay(rng, energy_mev, direction) for track in _converted(rng, *photon, vertex_cm, pair_model)]
    kinetic = energy_mev - MASS_MEV[particle]
    if particle == "e-":
        direction = _tilted(rng, direction, _rayleigh(rng, AXIS_SMEARING_RAD))
    return [Track(particle, vertex_cm, direction, kinetic, kinetic)]


def steps(rng: Generator, track: Track) -> Steps:
    """The steps of one track, those outside the tank included."""
    n = int(np.clip(math.ceil(track.range_cm / STEP_CM), *STEP_COUNT))
    edges = np.linspace(0.0, track.range_cm, n + 1)
    depth = 0.5 * (edges[1:] + edges[:-1])
    light, rows, shares = _muon_light(track, edges, depth) if track.particle == "mu-" else _electron_light(rng, track, edges, depth)
    axis = np.broadcast_to(track.direction, (n, 3))
    return Steps(track.start_cm + depth[:, None] * track.direction, axis, light, track.path_cm + depth, rows, shares)


def joined(parts: Sequence[Steps]) -> Steps:
    """The steps of several tracks as one."""
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return Steps(*(np.concatenate(column) for column in columns))


def _electron_light(rng: Generator, track: Track, edges: Array, depth: Array) -> tuple[Array, NDArray[np.int64], Array]:
    total = max(0.0, track.kinetic_mev - KINETIC_THRESHOLD_MEV["e-"]) * rng.normal(1.0, LIGHT_SPREAD)
    stretch = math.exp(rng.normal(0.0, LONGITUDINAL_SPREAD))
    local = np.maximum(track.shape_mev * np.maximum(0.02, 1.0 - depth / track.range_cm) ** 1.5, 2.0)
    energy = np.maximum(ENERGY_SHARES * local[:, None], 1.0) + 3.0
    width = SCATTERING_MEV / energy * np.clip(np.sqrt(depth / RADIATION_LENGTH_CM), 0.15, 1.0)[:, None]
    wide = np.full((len(depth), 1), electron_row(WIDE_RAD))
    shares = np.array([NARROW_SHARE / len(ENERGY_SHARES)] * len(ENERGY_SHARES) + [1.0 - NARROW_SHARE])
    rows = np.hstack([electron_row(width), wide])
    return total * depth_profile(track.shape_mev, edges, stretch), rows, np.broadcast_to(shares, rows.shape)


def depth_profile(shape_mev: float, edges_cm: Array, stretch: float = 1.0) -> Array:
    """Share of a shower's light in each step, sum 1: a gamma distribution in depth, mixed into a uniform one below 180 MeV.

    After E. Longo, I. Sestili, Nucl. Instrum. Meth. 128 (1975) 283, with parameters tuned to real hit counts.
    """
    uniform = np.full(len(edges_cm) - 1, 1.0 / (len(edges_cm) - 1))
    growth = max(0.0, math.log(shape_mev / CRITICAL_ENERGY_MEV) - 0.5) if shape_mev > 0 else 0.0
    if growth == 0.0:
        return uniform
    weights = np.diff(gammainc(1.0 + 0.4 * growth, edges_cm / (2.0 * RADIATION_LENGTH_CM * stretch)))
    mix = min(max((shape_mev - 30.0) / 150.0, 0.0), 1.0)
    return mix * weights / weights.sum() + (1.0 - mix) * uniform


def _muon_light(track: Track, edges: Array, depth: Array) -> tuple[Array, NDArray[np.int64], Array]:
    kinetic = track.kinetic_mev - MUON_LOSS_MEV_PER_CM * depth
    gamma = 1.0 + kinetic / MASS_MEV["mu-"]
    cosine = np.minimum(1.0, 1.0 / (REFRACTIVE_INDEX * np.sqrt(1.0 - gamma**-2)))
    light = MUON_LOSS_MEV_PER_CM * np.diff(edges) * (1.0 - cosine**2) / (1.0 - REFRACTIVE_INDEX**-2)
    width = 0.02 + 0.9 * SCATTERING_MEV / np.maximum(kinetic + 40.0, 40.0) * np.sqrt(np.maximum(depth, 0.5) / RADIATION_LENGTH_CM)
    rows = np.zeros((len(depth), ROWS), dtype=np.int64)
    rows[:, 0], rows[:, 1] = muon_row(cosine, width), electron_row(MUON_WIDE_RAD)
    shares = np.zeros(rows.shape)
    shares[:, 0], shares[:, 1] = MUON_NARROW_SHARE, 1.0 - MUON_NARROW_SHARE
    return light, rows, shares


def _pair(rng: Generator, energy_mev: float, vertex: Array, direction: Array, pair_model: str, path_cm: float = 0.0) -> list[Track]:
    """Conversion at ``vertex``. "tuned": both electrons make a shower almost as long as the photon's; "independent": each its own."""
    kinetic = energy_mev - 2.0 * MASS_MEV["e-"]
    if kinetic <= 0.0:
        return []
    split = rng.uniform(0.02, 0.98)
    opening = PAIR_OPENING_FACTOR * MASS_MEV["e-"] / energy_mev
    pair = []
    for share in (split, 1.0 - split):
        shape = kinetic * (share if pair_model == "independent" else 0.85 + 0.15 * share)
        pair.append(Track("e-", vertex, _tilted(rng, direction, _rayleigh(rng, opening)), share * kinetic, shape, path_cm))
    return pair


def _decay(rng: Generator, energy_mev: float, direction: Array) -> list[tuple[float, Array]]:
    """Two photons (energy in MeV, direction), isotropic in the frame of the pi0."""
    mass = MASS_MEV["pi0"]
    momentum = math.sqrt(max(0.0, energy_mev**2 - mass**2))
    cosine, azimuth = rng.uniform(-1.0, 1.0), rng.uniform(0.0, 2.0 * math.pi)
    photons = []
    for sign in (1.0, -1.0):
        energy = 0.5 * (energy_mev + sign * momentum * cosine)
        along = 0.5 * (momentum + sign * energy_mev * cosine)
        transverse = 0.5 * mass * math.sqrt(1.0 - cosine**2)
        photons.append((energy, _rotated(direction, math.atan2(transverse, along), azimuth + (0.0 if sign > 0 else math.pi))))
    return photons


def _converted(rng: Generator, energy_mev: float, direction: Array, vertex: Array, pair_model: str) -> list[Track]:
    path = rng.exponential(CONVERSION_LENGTH_CM)
    return _pair(rng, energy_mev, vertex + path * direction, direction, pair_model, path)


def _rayleigh(rng: Generator, width_rad: float) -> float:
    return min(rng.rayleigh(width_rad), math.pi)


def _tilted(rng: Generator, direction: Array, angle_rad: float) -> Array:
    return _rotated(direction, angle_rad, rng.uniform(0.0, 2.0 * math.pi))


def _rotated(direction: Array, angle_rad: float, azimuth_rad: float) -> Array:
    """Unit vector at ``angle_rad`` from ``direction``; azimuth counts from an arbitrary but fixed normal."""
    x, y, z = direction
    other = (0.0, 1.0, 0.0) if abs(y) < 0.9 else (1.0, 0.0, 0.0)
    first = np.array([y * other[2] - z * other[1], z * other[0] - x * other[2], x * other[1] - y * other[0]])
    first /= math.sqrt(first @ first)
    second = np.array([y * first[2] - z * first[1], z * first[0] - x * first[2], x * first[1] - y * first[0]])
    around = math.cos(azimuth_rad) * first + math.sin(azimuth_rad) * second
    return math.cos(angle_rad) * direction + math.sin(angle_rad) * around
