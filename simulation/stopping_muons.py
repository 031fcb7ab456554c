"""Atmospheric muons at IceCube's depth, from the surface flux to reconstructed quantities, with their truth; all in numpy.

Surface flux after Gaisser with an effective cosine (coefficients after Chirkin, hep-ph/0407078); generation on a cylinder around the detector;
losses dE/dX = a + b E with 70 % of b in discrete losses dN/dv = k / v; a detector that is parametrised. Lengths in m, energies in GeV, flat ice.
Numbers are random streams of their own for each data set and block: a block is the same whatever else is generated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import ArrayLike, NDArray

from physics.atmospheric_muons import surface_flux
from physics.ice_geometry import DETECTOR, Cylinder
from physics.muon_range import TOY_ICE

Array = NDArray[np.float64]

CENTRE_DEPTH_M = 1950.0
GENERATION = Cylinder(800.0, 800.0)
ENERGY_RANGE_GEV = (300.0, 1e6)
GENERATED_INDEX = -2.2
COS_MIN = 0.1
HARD_SHARE, SMALLEST_LOSS = 0.7, 0.01
RANGE_END_GEV = 0.11  # a muon below is at rest
BLOCK = 250_000


@dataclass(frozen=True)
class Detector:
    """Knobs of the detector: efficiency of the sensors, absorption of the ice, scale of energies. Nominal 1; arrays give one value for each muon."""

    dom_eff: ArrayLike = 1.0
    ice_abs: ArrayLike = 1.0
    escale: ArrayLike = 1.0

    def of(self, chosen: NDArray) -> Detector:
        """The knobs of some of the muons."""
        return Detector(*(value if np.ndim(value) == 0 else np.asarray(value)[chosen] for value in (self.dom_eff, self.ice_abs, self.escale)))


KNOBS = tuple(one.name for one in fields(Detector))


@dataclass(frozen=True)
class Flux:
    """The true flux: ``norm`` times the surface flux times (E / TeV)^-delta_gamma."""

    norm: float = 1.0
    delta_gamma: float = 0.0

    def per_gev_m2_s_sr(self, energy_gev: ArrayLike, cos_zenith: ArrayLike) -> Array:
        """At the ice surface."""
        energy = np.asarray(energy_gev, float)
        return self.norm * surface_flux(energy, cos_zenith) * (energy / 1e3) ** -self.delta_gamma


@dataclass(frozen=True)
class Muons:
    """n generated muons. ``point`` (n, 3) on the generation cylinder; ``weight_hz``: their rates add up to that of the flux."""

    energy_gev: Array
    cos_zenith: Array
    point_m: Array
    weight_hz: Array

    def __len__(self) -> int:
        return len(self.energy_gev)

    @cached_property
    def direction(self) -> Array:
        """Downwards in the x-z plane: (sqrt(1 - c^2), 0, -c)."""
        c = self.cos_zenith
        return np.stack([np.sqrt(1 - c**2), np.zeros_like(c), -c], axis=1)

    def of(self, chosen: NDArray) -> Muons:
        """Some of the muons."""
        return Muons(self.energy_gev[chosen], self.cos_zenith[chosen], self.point_m[chosen], self.weight_hz[chosen])


def energy_density(energy_gev: ArrayLike) -> Array:
    """Probability density of the generated energies, per GeV."""
    power = GENERATED_INDEX + 1
    low, high = ENERGY_RANGE_GEV
    return np.asarray(energy_gev, float) ** GENERATED_INDEX * power / (high**power - low**power)


def etendue_m2_sr() -> float:
    """2 pi times the integral of the generation area over the cosine."""
    return GENERATION.etendue_m2_sr(COS_MIN)


def generate(rng: Generator, count: int, total: int, flux: Flux) -> Muons:
    """``count`` of ``total`` weighted muons."""
    energy, cosine = _energies(rng, count), _cosines(rng, count)
    weight = flux.per_gev_m2_s_sr(energy, cosine) / energy_density(energy) * etendue_m2_sr() / total
    return Muons(energy, cosine, _points(rng, cosine), weight)


def natural(rng: Generator, livetime_s: float, flux: Flux) -> Iterator[Muons]:
    """Unweighted muons of a livetime, in blocks: weighted ones taken with probability w / w_max. Their weight is 1 / livetime."""
    largest = _largest_ratio(flux)
    mean_ratio = _rate_hz(flux) / etendue_m2_sr()
    wanted = int(rng.poisson(mean_ratio * etendue_m2_sr() * livetime_s))
    while wanted:
        tried = min(BLOCK * 4, int(wanted * largest / mean_ratio * 1.02) + 100)
        energy, cosine = _energies(rng, tried), _cosines(rng, tried)
        kept = np.flatnonzero(rng.random(tried) * largest < flux.per_gev_m2_s_sr(energy, cosine) / energy_density(energy))[:wanted]
        energy, cosine = energy[kept], cosine[kept]
        wanted -= len(kept)
        yield Muons(energy, cosine, _points(rng, cosine), np.full(len(kept), 1 / livetime_s))


def _grid() -> tuple[Array, Array]:
    return np.geomspace(*ENERGY_RANGE_GEV, 1201), np.linspace(COS_MIN, 1.0, 401)


def _largest_ratio(flux: Flux) -> float:
    """Upper bound of flux over generated density."""
    energy, cosine = _grid()
    return 1.001 * float(np.max(flux.per_gev_m2_s_sr(energy[:, None], cosine) / energy_density(energy)[:, None]))


def _rate_hz(flux: Flux) -> float:
    """Rate of muons through the generation cylinder, by Simpson's rule in ln E and cosine: 3.016e5 Hz for the nominal flux."""
    from scipy.integrate import simpson

    energy, cosine = _grid()
    area = GENERATION.projected_area_m2(cosine)
    inner = simpson(flux.per_gev_m2_s_sr(energy[:, None], cosine) * area, x=cosine, axis=1)
    return float(2 * np.pi * simpson(inner * energy, x=np.log(energy)))


def _energies(rng: Generator, count: int) -> Array:
    power = GENERATED_INDEX + 1
    low, high = (edge**power for edge in ENERGY_RANGE_GEV)
    return (low + rng.random(count) * (high - low)) ** (1 / power)


def _cosines(rng: Generator, count: int) -> Array:
    """Distributed as the projected area, by rejection."""
    largest = np.hypot(np.pi * GENERATION.radius_m**2, 4 * GENERATION.radius_m * GENERATION.half_height_m)
    found: list[Array] = []
    missing = count
    while missing > 0:
        cosine = COS_MIN + (1 - COS_MIN) * rng.random(int(missing * 1.3) + 16)
        kept = cosine[rng.random(len(cosine)) * largest < GENERATION.projected_area_m2(cosine)][:missing]
        found.append(kept)
        missing -= len(kept)
    return np.concatenate(found)


def _points(rng: Generator, cosine: Array) -> Array:
    """Entry points on top (uniform in the circle) or on the mantle, in proportion to their projected areas."""
    radius, half = GENERATION.radius_m, GENERATION.half_height_m
    top = rng.random(len(cosine)) * GENERATION.projected_area_m2(cosine) < np.pi * radius**2 * cosine
    first, second = rng.random((2, len(cosine)))
    r, angle = radius * np.sqrt(first), 2 * np.pi * second
    y = radius * (2 * first - 1)
    return np.stack([
        np.where(top, r * np.cos(angle), -np.sqrt(radius**2 - y**2)),
        np.where(top, r * np.sin(angle), y),
        np.where(top, half, half * (2 * second - 1)),
    ], axis=1)  # fmt: skip


def propagate(rng: Generator, energy_gev: ArrayLike) -> Array:
    """Way of each muon from the surface to where it stops, m.

    Between discrete losses energy falls by a and the soft part of b; a discrete loss takes the share v, dN/dv = k / v on [0.01, 1], k = 0.7 b / 0.99.
    """
    a, b_soft = TOY_ICE.a_gev_per_m, (1 - HARD_SHARE) * TOY_ICE.b_per_m
    critical = a / b_soft
    mean_free_m = (1 - SMALLEST_LOSS) / (HARD_SHARE * TOY_ICE.b_per_m * -np.log(SMALLEST_LOSS))
    energy = np.array(energy_gev, float)
    length = np.zeros(len(energy))
    alive = np.arange(len(energy))
    while len(alive):
        way = rng.standard_exponential(len(alive)) * mean_free_m
        to_rest = np.log1p(energy / critical) / b_soft
        moving = way < to_rest
        length[alive] += np.where(moving, way, to_rest)
        alive, way, energy = alive[moving], way[moving], energy[moving]
        energy = ((energy + critical) * np.exp(-b_soft * way) - critical) * (1 - SMALLEST_LOSS ** rng.random(len(way)))
        above = energy >= RANGE_END_GEV
        alive, energy = alive[above], energy[above]
    return length


@dataclass(frozen=True)
class Tracks:
    """Muons that were followed: ``length_m`` from the surface to the end, ``inside_m`` of it beyond the entry point (< 0: not reached)."""

    muons: Muons
    length_m: Array
    inside_m: Array

    @classmethod
    def followed(cls, rng: Generator, muons: Muons) -> Tracks:
        """Follow muons from the surface."""
        length = propagate(rng, muons.energy_gev)
        return cls(muons, length, length - (CENTRE_DEPTH_M - muons.point_m[:, 2]) / muons.cos_zenith)

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Whether a muon reaches the generation cylinder."""
        return self.inside_m > 0

    @cached_property
    def stop_m(self) -> Array:
        """Stopping point (n, 3), detector coordinates."""
        return self.muons.point_m + self.inside_m[:, None] * self.muons.direction

    @cached_property
    def is_stopping(self) -> NDArray[np.bool_]:
        """Whether the stopping point is in the detector."""
        x, y, z = self.stop_m.T
        return self.reached & (np.hypot(x, y) < DETECTOR.radius_m) & (np.abs(z) < DETECTOR.half_height_m)

    def of(self, chosen: NDArray) -> Tracks:
        """Some of the tracks."""
        return Tracks(self.muons.of(chosen), self.length_m[chosen], self.inside_m[chosen])


@dataclass(frozen=True)
class Reconstruction:
    """What the detector says of n triggered muons; ``num_muons`` is a label: muons at entry."""

    score: Array
    zenith_rad: Array
    stop_z_m: Array
    length_m: Array
    energy_entry_gev: Array
    energy_surface_gev: Array
    num_muons: NDArray[np.int64]


def triggered(rng: Generator, tracks: Tracks, detector: Detector) -> NDArray[np.bool_]:
    """Whether the muons that reach the cylinder trigger."""
    c = tracks.muons.cos_zenith
    seen = np.clip((DETECTOR.half_height_m - tracks.stop_m[:, 2]) / c, 0, 1500)
    argument = np.log10(np.maximum(seen, 1)) * np.sqrt(detector.dom_eff) - 1.7 * np.asarray(detector.ice_abs)
    return tracks.reached & (rng.random(len(c)) < 1 / (1 + np.exp(-argument / 0.12)))


def reconstruct(rng: Generator, tracks: Tracks, detector: Detector) -> Reconstruction:
    """Quantities of a parametrised detector, chapter 7 step 4."""
    n, stop_z = len(tracks.length_m), tracks.stop_m[:, 2]
    normal = rng.standard_normal((4, n))
    width = 30 / np.sqrt(detector.dom_eff) * np.where(np.abs(stop_z) > 350, 1.5, 1.0)
    z = stop_z + width * normal[0]
    zenith = np.arccos(tracks.muons.cos_zenith) + np.deg2rad(1.2) * np.asarray(detector.ice_abs) * normal[1]
    cosine = np.clip(np.cos(zenith), 0.05, 1)
    length = (CENTRE_DEPTH_M - z) / cosine
    scale = np.asarray(detector.dom_eff) * np.asarray(detector.escale)
    entry = 0.39 * np.maximum(tracks.inside_m, 1) * scale * 10 ** (0.18 * normal[2])
    surface = TOY_ICE.energy_gev(np.maximum(length, 100)) * 10 ** (0.02 * normal[3])
    stopping = tracks.is_stopping
    score = np.where(stopping, rng.beta(6, 1.2, n), rng.beta(1.2, 7, n))
    bundle = rng.random(n) < np.where(stopping, 0.02 + 0.5 * (1 - score), 0.45)
    number = np.where(bundle, 2 + rng.poisson(0.8, n), 1)
    return Reconstruction(score, np.arccos(cosine), z, length, entry, surface, number)


def stream(seed: int, *key: int) -> Generator:
    """The random numbers of one block."""
    return np.random.default_rng(SeedSequence(seed, spawn_key=key))
