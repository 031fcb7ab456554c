"""Event generator of the diffuse analysis: weighted neutrinos and atmospheric muons with the columns of the HESE release.

The response behind the events is the surrogate's (``simulation.response_tables``), not a first-principles simulation. Events come in blocks, each
from its own random stream, so a sample depends on seed and size only and any size fits in memory.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from data_info.hese_tables import NODE_CENTRES_GEV, TRUE_CENTRES_GEV, HeseTables, load_tables
from physics.binning import MORPHOLOGY
from physics.constants import FULL_SKY_SR, M2_TO_CM2, N_SPECIES, PIVOT_GEV
from simulation.response_tables import (
    CASCADE_SMEARING_RAD,
    DCASCADE_FRACTION,
    TRACK_FRACTION,
    TRACK_SMEARING_RAD,
    TRACK_Y_MAX,
    angular_shape,
    cascade_cdf,
)

Array = NDArray[np.float64]
Events = Mapping[str, NDArray[Any]]

BLOCK = 1 << 16  # events of one random stream; changing it changes every sample
NEUTRINO_STREAM, MUON_STREAM = 1, 2
SPECIES = np.array([12, -12, 14, -14, 16, -16])
ENERGY_RANGE_GEV = (4.0e4, 1.0e7)
NEUTRINOS_PER_MUON = 100
MUON_TYPE = 13
MUON_EDEP_RANGE_GEV = (6.0e4, 1.0e7)
MUON_INDEX = 3.5  # of the power law in deposited energy
MUON_TRUE_OVER_DEPOSITED = 10.0
MUON_TRACK_FRACTION = 0.8
LENGTH_DECADES = (1.0, 2.5)  # log10 of the length of double cascades in m [convention]
# Conventional flux per flavour, nu + nubar, A e^{-(b + c x) x} with x = ln(E / 100 TeV), times h(cos zenith): fits to HKKM-2006 with the H3a knee.
CONVENTIONAL = {12: (0.83e-19, 3.87, 0.104), 14: (2.7e-18, 3.86, 0.107)}
NEUTRINO_SHARE = 0.63  # the antineutrinos have the rest
KAON_SHARE = 0.8  # the pions have the rest
PROMPT = (0.65e-19, 2.8)  # per species of e and mu: A e^{-b x}
VETO_KAPPA = {12: 0.48, 14: 1.85}  # passing fraction of down-going atmospheric neutrinos: e^{-kappa cos zenith}

COLUMNS: dict[str, tuple[str, ...]] = {
    "HESE_mc_observable.json": ("recoDepositedEnergy", "recoMorphology", "recoLength", "recoZenith"),
    "HESE_mc_flux.json": ("pionFlux", "kaonFlux", "promptFlux", "conventionalSelfVetoCorrection", "promptSelfVetoCorrection"),
    "HESE_mc_truth.json": ("primaryType", "primaryEnergy", "primaryZenith", "weightOverFluxOverLivetime", "muonWeightOverLivetime"),
}  # by file of the release


@dataclass(frozen=True)
class Sample:
    """A generated sample: number of neutrinos, seed, and the livetime in s in which its muons amount to one event."""

    size: int
    seed: int
    livetime_s: float

    @property
    def muons(self) -> int:
        """Number of atmospheric muons."""
        return max(1, self.size // NEUTRINOS_PER_MUON)

    @property
    def entries(self) -> int:
        """Number of events."""
        return self.size + self.muons

    def blocks(self) -> Iterator[Events]:
        """The events, block by block, as columns of the release: energies in GeV, angles in rad, lengths in m."""
        for block, n in _block_sizes(self.size):
            yield _neutrinos(_stream(self.seed, NEUTRINO_STREAM, block), n, self.size)
        for block, n in _block_sizes(self.muons):
            yield _muons(_stream(self.seed, MUON_STREAM, block), n, self.muons, self.livetime_s)


def _block_sizes(total: int) -> Iterator[tuple[int, int]]:
    for block, start in enumerate(range(0, total, BLOCK)):
        yield block, min(BLOCK, total - start)


def _stream(seed: int, kind: int, block: int) -> Generator:
    return np.random.default_rng(SeedSequence(seed, spawn_key=(kind, block)))


@functools.cache
def _tables() -> HeseTables:
    return load_tables()


@functools.cache
def _shape() -> Array:
    """S(node, cos zenith bin), mean 1."""
    return angular_shape(_tables(), NODE_CENTRES_GEV)


@functools.cache
def _inverse_cdf(j: int) -> tuple[Array, Array]:
    """Cumulative distribution of y = log10(Edep / E) of cascades on a fine grid, strictly increasing so that it can be inverted."""
    cdf = cascade_cdf(_tables(), j)
    y = np.linspace(cdf.x[0], cdf.x[-1], 20_001)
    value, first = np.unique(cdf(y), return_index=True)
    return value, y[first]


def _neutrinos(rng: Generator, n: int, total: int) -> Events:
    """Species, ln E and cos zenith uniform; weights make them any flux (specification 7, event generator)."""
    species = SPECIES[rng.integers(0, len(SPECIES), n)]
    log_low, log_high = np.log(ENERGY_RANGE_GEV)
    energy = np.exp(rng.uniform(log_low, log_high, n))
    coszen = rng.uniform(-1.0, 1.0, n)
    flavour = (np.abs(species) - 12) // 2
    node = np.clip(np.floor((np.log10(energy) - 4.0) / 0.05).astype(int), 0, len(NODE_CENTRES_GEV) - 1)
    angle = np.clip(np.floor((coszen + 1.0) / 0.2).astype(int), 0, 9)
    area_cm2 = 0.5 * M2_TO_CM2 * _tables().flavour_area_m2[flavour, node] * _shape()[node, angle]
    morphology = _morphologies(rng, flavour)
    track = morphology == MORPHOLOGY["track"]
    length = 10.0 ** rng.uniform(*LENGTH_DECADES, n)
    return {
        "recoDepositedEnergy": energy * 10.0 ** _deposited(rng, energy, track),
        "recoMorphology": morphology,
        "recoLength": np.where(morphology == MORPHOLOGY["dcascade"], length, np.nan),
        "recoZenith": np.arccos(smeared_coszen(rng, coszen, np.where(track, TRACK_SMEARING_RAD, CASCADE_SMEARING_RAD))),
        **_atmospheric_fluxes(species, energy, coszen),
        "primaryType": species,
        "primaryEnergy": energy,
        "primaryZenith": np.arccos(coszen),
        "weightOverFluxOverLivetime": area_cm2 * FULL_SKY_SR * energy * (log_high - log_low) * N_SPECIES / total,
        "muonWeightOverLivetime": np.zeros(n),
    }


def _morphologies(rng: Generator, flavour: NDArray[np.intp]) -> NDArray[np.int64]:
    u = rng.random(len(flavour))
    track, double = TRACK_FRACTION[flavour], DCASCADE_FRACTION[flavour]
    return np.select([u < track, u < track + double], [MORPHOLOGY["track"], MORPHOLOGY["dcascade"]], MORPHOLOGY["cascade"])


def _deposited(rng: Generator, energy_gev: Array, track: NDArray[np.bool_]) -> Array:
    """y = log10(Edep / E) by the table of the nearest true-energy bin; tracks from the Gaussian below its truncation."""
    tables = _tables()
    position = (np.log10(energy_gev) - np.log10(TRUE_CENTRES_GEV[0])) / 0.15
    nearest = np.clip(np.rint(position).astype(int), tables.first_migration_bin, len(TRUE_CENTRES_GEV) - 1)
    u = rng.random(len(energy_gev))
    y = np.empty_like(energy_gev)
    for j in range(tables.first_migration_bin, len(TRUE_CENTRES_GEV)):
        here = (nearest == j) & ~track
        y[here] = np.interp(u[here], *_inverse_cdf(j))
    row = nearest[track] - tables.first_area_bin
    bias, width = tables.track_bias[row], tables.track_width[row]
    y[track] = bias + width * ndtri(u[track] * ndtr((TRACK_Y_MAX - bias) / width))
    return y


def smeared_coszen(rng: Generator, coszen: Array, sigma_rad: ArrayLike) -> Array:
    """cos zenith of directions at an angle psi (Rayleigh distributed, parameter ``sigma_rad``) and a uniform azimuth about the true ones."""
    psi = np.asarray(sigma_rad) * rng.rayleigh(1.0, len(coszen))
    azimuth = rng.uniform(0.0, 2.0 * np.pi, len(coszen))
    smeared = np.cos(psi) * coszen + np.sin(psi) * np.sqrt(1.0 - coszen**2) * np.cos(azimuth)
    return np.clip(smeared, -1.0, 1.0)


def _atmospheric_fluxes(species: NDArray[np.int64], energy_gev: Array, coszen: Array) -> Events:
    """Fluxes in GeV^-1 cm^-2 s^-1 sr^-1 and self-veto passing fractions."""
    x = np.log(energy_gev / PIVOT_GEV)
    slant = 0.390 / (np.abs(coszen) + 0.067)
    conventional, prompt, passing = np.zeros_like(x), np.zeros_like(x), np.ones_like(x)
    for flavour, (norm, slope, curvature) in CONVENTIONAL.items():
        here = np.abs(species) == flavour
        share = np.where(species[here] > 0, NEUTRINO_SHARE, 1.0 - NEUTRINO_SHARE)
        conventional[here] = share * norm * np.exp(-(slope + curvature * x[here]) * x[here]) * slant[here]
        prompt[here] = PROMPT[0] * np.exp(-PROMPT[1] * x[here])
        passing[here] = np.exp(-VETO_KAPPA[flavour] * np.maximum(coszen[here], 0.0))
    return {
        "pionFlux": (1.0 - KAON_SHARE) * conventional,
        "kaonFlux": KAON_SHARE * conventional,
        "promptFlux": prompt,
        "conventionalSelfVetoCorrection": passing,
        "promptSelfVetoCorrection": passing,
    }


def _muons(rng: Generator, n: int, total: int, livetime_s: float) -> Events:
    """Atmospheric muons that pass the veto: down-going, mostly tracks; one event in all."""
    low, high = (edge ** (1.0 - MUON_INDEX) for edge in MUON_EDEP_RANGE_GEV)
    deposited = np.clip((low + rng.random(n) * (high - low)) ** (1.0 / (1.0 - MUON_INDEX)), *MUON_EDEP_RANGE_GEV)
    zenith = np.arccos(rng.uniform(0.2, 1.0, n))
    zero = np.zeros(n)
    return {
        "recoDepositedEnergy": deposited,
        "recoMorphology": np.where(rng.random(n) < MUON_TRACK_FRACTION, MORPHOLOGY["track"], MORPHOLOGY["cascade"]),
        "recoLength": np.full(n, np.nan),
        "recoZenith": zenith,
        "pionFlux": zero,
        "kaonFlux": zero,
        "promptFlux": zero,
        "conventionalSelfVetoCorrection": np.ones(n),
        "promptSelfVetoCorrection": np.ones(n),
        "primaryType": np.full(n, MUON_TYPE),
        "primaryEnergy": MUON_TRUE_OVER_DEPOSITED * deposited,
        "primaryZenith": zenith,
        "weightOverFluxOverLivetime": zero,
        "muonWeightOverLivetime": np.full(n, 1.0 / (total * livetime_s)),
    }
