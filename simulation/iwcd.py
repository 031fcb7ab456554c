"""Event generator of the water-Cherenkov analysis: a particle gun in the short tank, down to hits on photomultipliers.

For demonstration and tests, not physics truth: tracks are tuned to the hit counts of real samples. Every event has a random stream of its own,
so event i of a particle is the same whatever the size of the sample, the blocks or the number of workers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from configs.iwcd import THRESHOLD_MEV
from physics.particles import MASS_MEV
from physics.tank import Tank, direction_from_angles, outside, preset, towall
from physics.tank_geometry import short_tank
from simulation import iwcd_hits
from simulation.iwcd_hits import Detection, Hits, Photons
from simulation.iwcd_light import expected_light
from simulation.iwcd_tracks import Steps, Track, joined, steps, tracks

Array = NDArray[np.float64]

PARTICLES = ("gamma", "e-", "mu-", "pi0")  # by label 0-3
SIMULATION_STREAM, DATA_STREAM, CLASSIFIER_STREAM = 1, 2, 3  # first entry of a spawn key: data never repeat simulated events
MAX_ENERGY_MEV = 1000.0  # visible; kinetic for pi0
VETO_MEV = {"mu-": 166.0, "e-": 2.0}
VETO_LOSS_MEV_PER_CM = 2.0  # of the writer's second veto


@dataclass(frozen=True)
class Light:
    """What the generator's light depends on. ``pair_model: independent`` is a negative control: photons that are easily told from electrons."""

    electron_pe: float = 1640.0  # p.e. cm^2 sr per MeV of visible energy
    muon_pe: float = 1781.0
    scatter: float = 0.10  # fraction of photo-electrons that arrive elsewhere and late
    charge_scale: float = 1.0
    pair_model: Literal["tuned", "independent"] = "tuned"


@dataclass(frozen=True)
class Event:
    """One event: truth, and either hits or single photo-electrons. Energy in MeV (total), vertex in cm; direction a unit vector."""

    particle: str
    energy_mev: float
    vertex_cm: Array
    direction: Array
    veto: bool
    veto2: bool
    fully_contained: bool
    hits: Hits | Photons


@dataclass(frozen=True)
class Sample:
    """``size`` events of every particle in label order, or with ``fractions`` a mixture of ``size`` events in random order."""

    size: int
    seed: int
    fractions: Mapping[str, float] | None = None
    light: Light = field(default_factory=Light)
    photons: bool = False  # single photo-electrons (truehit) in place of hits

    @property
    def entries(self) -> int:
        """Number of events."""
        return self.size if self.fractions is not None else self.size * len(PARTICLES)

    def events(self, start: int = 0, stop: int | None = None) -> Iterator[Event]:
        """Events of rows ``start`` to ``stop``."""
        for row in range(start, self.entries if stop is None else min(stop, self.entries)):
            yield self.event(row)

    def event(self, row: int) -> Event:
        """The event of one row, from its own random stream."""
        if self.fractions is not None:
            rng = np.random.default_rng(SeedSequence(self.seed, spawn_key=(DATA_STREAM, row)))
            shares = np.array(list(self.fractions.values()))
            particle = list(self.fractions)[rng.choice(len(shares), p=shares / shares.sum())]
        else:
            label, number = divmod(row, self.size)
            rng = np.random.default_rng(SeedSequence(self.seed, spawn_key=(SIMULATION_STREAM, label, number)))
            particle = PARTICLES[label]
        return generate_event(rng, particle, self.light, photons=self.photons)


def generate_event(rng: Generator, particle: str, light: Light = Light(), *, photons: bool = False) -> Event:
    """Throw one event of a particle: vertex uniform in the tank, direction isotropic, visible energy uniform up to 1000 MeV.

    The energy of pi0 is uniform in kinetic energy, as in the reference files. Returns truth and hits (or single photo-electrons).
    """
    energy = MAX_ENERGY_MEV * rng.uniform() + (MASS_MEV["pi0"] if particle == "pi0" else THRESHOLD_MEV[particle])
    vertex, direction = _gun(rng, tank())
    charged = tracks(rng, particle, energy, vertex, direction, light.pair_model)
    detection = _detected(rng, charged, light)
    hits = iwcd_hits.photons(rng, detection) if photons else iwcd_hits.digitise(rng, detection, light.charge_scale)
    return Event(particle, energy, vertex, direction, *_vetoes(charged, tank()), hits)


@functools.cache
def tank() -> Tank:
    """The short tank."""
    return preset("short")


@functools.cache
def _photomultipliers() -> tuple[Array, Array]:
    geometry = short_tank()
    return np.ascontiguousarray(geometry.position_cm), np.ascontiguousarray(geometry.orientation)


def _gun(rng: Generator, tank: Tank) -> tuple[Array, Array]:
    radius, azimuth = tank.radius_cm * np.sqrt(rng.uniform()), rng.uniform(0.0, 2.0 * np.pi)
    vertex = np.array([radius * np.cos(azimuth), rng.uniform(-tank.half_height_cm, tank.half_height_cm), radius * np.sin(azimuth)])
    return vertex, direction_from_angles(np.arccos(rng.uniform(-1.0, 1.0)), rng.uniform(0.0, 2.0 * np.pi))


def _detected(rng: Generator, charged: list[Track], light: Light) -> Detection:
    position, orientation = _photomultipliers()
    shining = [(light.muon_pe if track.particle == "mu-" else light.electron_pe, steps(rng, track)) for track in charged]
    inside = [_inside(scale, part) for scale, part in shining]
    if not inside:
        return iwcd_hits.detect(rng, np.zeros(len(position)), np.zeros(len(position)), light.scatter)
    expected, time = expected_light(joined(inside), position, orientation)
    return iwcd_hits.detect(rng, expected, time, light.scatter)


def _inside(scale: float, part: Steps) -> Steps:
    """Steps in the tank only, their light in expected p.e. (cm^2 sr)."""
    kept = ~outside(part.position_cm, tank())
    columns = {name: values[kept] for name, values in vars(part).items()}
    return Steps(**{**columns, "light_mev": scale * columns["light_mev"]})


def _vetoes(charged: list[Track], tank: Tank) -> tuple[bool, bool, bool]:
    """Two vetoes and containment as the public writer defines them: does a track above threshold end outside; does one cross the wall above it.

    The second veto asks for the energy at the end of a straight track that loses 2 MeV/cm.
    """
    veto = veto2 = False
    contained = True
    for track in charged:
        threshold, energy = VETO_MEV[track.particle], track.kinetic_mev + MASS_MEV[track.particle]
        own = replace(track, shape_mev=track.kinetic_mev)
        veto |= energy > threshold and bool(outside(track.end_cm, tank))
        veto2 |= energy - VETO_LOSS_MEV_PER_CM * own.range_cm > threshold and bool(outside(own.end_cm, tank))
        to_wall = float(towall(track.start_cm, track.direction, tank))
        contained &= to_wall >= track.range_cm or track.kinetic_at(to_wall) <= threshold
    return veto, veto2, contained
