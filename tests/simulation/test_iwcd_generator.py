"""The generator as a whole: seeds, ranges, and the hit counts of the real samples (specification 7 and 8, G25)."""

from __future__ import annotations

import functools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest

from physics.particles import MASS_MEV, THRESHOLD_MEV
from physics.tank import dwall, preset
from simulation.iwcd import PARTICLES, Event, Light, Sample

TANK = preset("short")
SMALL, FULL = 200, 3000
MEAN_HITS = {"e-": 1281, "gamma": 1381, "mu-": 950, "pi0": 1528}  # specification 7, 3000 real events each
MAXIMUM = {"e-": 4299, "mu-": 3903, "gamma": 4168, "pi0": 4645}  # end of the published axis
SLICE_MEANS = {
    "e-": (261, 637, 828, 1129, 1272, 1496, 1618, 1866, 1796, 2061), "mu-": (115, 375, 631, 807, 1011, 1113, 1231, 1337, 1538, 1434),
    "gamma": (289, 662, 918, 1141, 1338, 1522, 1759, 1822, 1984, 2135), "pi0": (735, 981, 1161, 1326, 1455, 1707, 1855, 1864, 2094, 2131),
}  # fmt: skip


@functools.cache
def summary(particle: str, size: int, light: Light = Light()) -> dict[str, np.ndarray]:  # noqa: B008
    """Truth and hit counts of ``size`` events of one particle."""
    start = PARTICLES.index(particle) * size
    rows = [
        (e.energy_mev, *e.vertex_cm, *e.direction, e.veto, e.fully_contained, len(e.hits.pmt), e.hits.charge_pe.sum())
        for e in Sample(size, 12345, light=light).events(start, start + size)
    ]
    table = np.array(rows, dtype=float)
    names = {"energy": 0, "vertex": slice(1, 4), "direction": slice(4, 7), "veto": 7, "contained": 8, "nhits": 9, "charge": 10}
    return {name: table[:, column] for name, column in names.items()}


def same(a: Event, b: Event) -> bool:
    truth = a.energy_mev == b.energy_mev and np.array_equal(a.vertex_cm, b.vertex_cm) and a.particle == b.particle
    return truth and all(np.array_equal(x, y) for x, y in zip(vars(a.hits).values(), vars(b.hits).values(), strict=True))


def test_an_event_depends_on_seed_particle_and_number_only() -> None:
    """Not on the size of the sample, the order, the events before it, or threads."""
    small, large = Sample(3, 7), Sample(5, 7)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(large.event, range(large.entries)))
    for label in range(4):
        for number in (2, 0):
            assert same(small.event(3 * label + number), together[5 * label + number])
    assert not same(small.event(0), Sample(3, 8).event(0))
    assert not same(small.event(0), small.event(1))


def test_rows_are_blocks_of_particles_in_the_order_of_the_labels() -> None:
    assert [event.particle for event in Sample(2, 1).events()] == ["gamma", "gamma", "e-", "e-", "mu-", "mu-", "pi0", "pi0"]
    assert len(list(Sample(2, 1).events(6))) == 2
    assert len(list(Sample(2, 1).events(6, 99))) == 2


def test_data_are_a_mixture_and_never_events_of_the_simulation() -> None:
    fractions = {"gamma": 0.6, "mu-": 0.4}
    mixture = Sample(200, 12345, fractions)
    assert mixture.entries == 200
    found = list(mixture.events())
    count = Counter(event.particle for event in found)
    assert set(count) == set(fractions)
    assert count["gamma"] == pytest.approx(120, abs=3 * np.sqrt(200 * 0.24))
    energies = np.concatenate([summary(name, SMALL)["energy"] for name in fractions])
    assert not set(energies) & {event.energy_mev for event in found}
    assert same(Sample(10, 12345, fractions).event(4), found[4])


@pytest.mark.parametrize("particle", PARTICLES)
def test_vertices_directions_and_energies_are_uniform(particle: str) -> None:
    events = summary(particle, SMALL)
    x, y, z = events["vertex"].T
    lowest = MASS_MEV["pi0"] if particle == "pi0" else THRESHOLD_MEV[particle]
    uniform = {
        "r2": (x**2 + z**2) / 400**2, "y": (y + 300) / 600, "azimuth": np.arctan2(z, x) / (2 * np.pi) + 0.5,
        "cos": (events["direction"][:, 1] + 1) / 2, "energy": (events["energy"] - lowest) / 1000,
    }  # fmt: skip
    for name, values in uniform.items():
        assert kstest(values, "uniform").pvalue > 1e-3, name
    assert np.all(dwall(events["vertex"], TANK) >= 0)
    np.testing.assert_allclose(np.linalg.norm(events["direction"], axis=1), 1.0)


@pytest.mark.parametrize("particle", PARTICLES)
def test_mean_hits_are_those_of_the_real_sample(particle: str) -> None:
    nhits = summary(particle, SMALL)["nhits"]
    assert nhits.mean() == pytest.approx(MEAN_HITS[particle], abs=0.08 * MEAN_HITS[particle] + 2 * nhits.std() / np.sqrt(SMALL))
    assert np.all((nhits == 0) | (nhits >= 20))
    assert summary(particle, SMALL)["charge"].sum() / nhits.sum() == pytest.approx(1.9, abs=0.25)


def test_events_without_hits_left_the_tank() -> None:
    events = summary("e-", SMALL)
    dark = events["nhits"] == 0
    bright = events["nhits"] > np.quantile(events["nhits"], 0.5)
    assert 0 < dark.mean() < 0.06
    assert events["veto"][dark].mean() > events["veto"][bright].mean()


@pytest.mark.parametrize("particle", PARTICLES)
def test_contained_events_shine_more(particle: str) -> None:
    events = summary(particle, SMALL)
    high = events["energy"] > np.median(events["energy"])
    contained = events["contained"].astype(bool)
    assert 0.1 < contained[high].mean() < 0.9
    assert events["nhits"][high & contained].mean() > 1.2 * events["nhits"][high & ~contained].mean()


def test_light_scales_with_its_options() -> None:
    """Charge scale multiplies charges and leaves hits; half the light is half the charge, but for dark noise and fluctuations."""
    plain = summary("mu-", 60)
    scaled = summary("mu-", 60, Light(charge_scale=1.15))
    np.testing.assert_array_equal(scaled["nhits"], plain["nhits"])
    np.testing.assert_allclose(scaled["charge"], 1.15 * plain["charge"], rtol=1e-5)
    half = summary("mu-", 60, Light(muon_pe=0.5 * 1781))
    assert half["charge"].sum() == pytest.approx(0.5 * plain["charge"].sum(), rel=0.01)


def test_single_photons_of_an_event_are_unsubtracted_and_many() -> None:
    single = Sample(3, 7, photons=True).event(4).hits
    hits = Sample(3, 7).event(4).hits
    assert len(single.pmt) >= hits.charge_pe.size
    assert len(single.pmt) == pytest.approx(hits.charge_pe.sum(), rel=0.1)
    assert single.time_ns.min() > 0


@pytest.mark.public_data
def test_hits_of_electrons_beside_the_real_ones(public_data: Path) -> None:
    real = np.load(public_data / "iwcd" / "electrons_nhits_energy.npz")
    assert (len(real["nhits"]), int(real["nhits"].sum())) == (3000, 3_841_984)  # specification 8, G16
    distance = ks_2samp(summary("e-", SMALL)["nhits"], real["nhits"]).statistic
    assert distance < 0.08 + 1.36 / np.sqrt(SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("particle", PARTICLES)
def test_calibration_of_3000_events(particle: str) -> None:
    """G25: mean within 8 %, slices within 20 % of the real sample's."""
    events = summary(particle, FULL)
    energy, nhits = events["energy"], events["nhits"]
    assert nhits.mean() == pytest.approx(MEAN_HITS[particle], rel=0.08)
    part = np.minimum((energy - energy.min()) // 100, 9)
    means = [nhits[part == number].mean() for number in range(10)]
    np.testing.assert_allclose(means, SLICE_MEANS[particle], rtol=0.20)


@pytest.mark.slow
@pytest.mark.public_data
def test_calibration_to_the_real_electrons(public_data: Path) -> None:
    """G25: zero fraction 1-4 %, Kolmogorov-Smirnov distance below 0.08; bright fraction and correlation as measured for the specification."""
    real = np.load(public_data / "iwcd" / "electrons_nhits_energy.npz")
    events = summary("e-", FULL)
    nhits = events["nhits"]
    assert 0.01 < np.mean(nhits == 0) < 0.04
    assert ks_2samp(nhits, real["nhits"]).statistic < 0.08
    assert np.mean(nhits > 2000) == pytest.approx(np.mean(real["nhits"] > 2000), abs=0.03)
    assert np.corrcoef(events["energy"], nhits)[0, 1] == pytest.approx(0.576, abs=0.04)
    assert nhits.max() == pytest.approx(real["nhits"].max(), rel=0.15)


@pytest.mark.slow
@pytest.mark.public_data
@pytest.mark.parametrize("particle", PARTICLES)
def test_energy_and_hits_in_the_plane(public_data: Path, particle: str) -> None:
    """Real samples decoded from published 50 x 50 histograms, in 5 x 5 cells: total variation distance below 0.09.

    Fluctuations of two equal samples of 3000 events alone give about 0.03.
    """
    real = np.load(public_data / "iwcd" / "nhits_energy_2d.npz")[particle.rstrip("-")]
    assert real.sum() == pytest.approx(3000, abs=1)
    events = summary(particle, FULL)
    energy = (events["energy"] - events["energy"].min()) / np.ptp(events["energy"])
    cells, _, _ = np.histogram2d(energy, events["nhits"] / MAXIMUM[particle], bins=5, range=((0, 1), (0, 1)))
    distance = 0.5 * np.abs(cells - real.reshape(5, 10, 5, 10).sum(axis=(1, 3))).sum() / FULL
    assert distance < 0.09
