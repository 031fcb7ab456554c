"""Particles: conservation laws, energies, profiles."""

from __future__ import annotations

import numpy as np
import pytest

from physics.particles import MASS_MEV, THRESHOLD_MEV, cherenkov_angle
from simulation import iwcd_tracks
from simulation.iwcd_tracks import MUON_LOSS_MEV_PER_CM, Track, depth_profile, steps, tracks

UP = np.array([0.0, 1.0, 0.0])
ORIGIN = np.zeros(3)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("energy", [134.977, 200.0, 1134.0])
def test_two_photons_carry_energy_and_momentum_of_a_pi0(energy: float) -> None:
    direction = np.array([0.36, 0.48, 0.8])
    for seed in range(20):
        first, second = iwcd_tracks._decay(rng(seed), energy, direction)
        assert first[0] + second[0] == pytest.approx(energy)
        total = first[0] * first[1] + second[0] * second[1]
        np.testing.assert_allclose(total, np.sqrt(energy**2 - 134.977**2) * direction, atol=1e-9 * energy)
        mass = np.sqrt(2 * first[0] * second[0] * (1 - first[1] @ second[1]))
        assert mass == pytest.approx(134.977, rel=1e-9)


def test_pi0_decay_is_isotropic_in_its_frame() -> None:
    """The energy of a photon is uniform between (E - p)/2 and (E + p)/2."""
    generator, energy = rng(4), 500.0
    momentum = np.sqrt(energy**2 - 134.977**2)
    u = np.array([(iwcd_tracks._decay(generator, energy, UP)[0][0] - (energy - momentum) / 2) / momentum for _ in range(2000)])
    assert u.mean() == pytest.approx(0.5, abs=3 / np.sqrt(12 * 2000))
    assert u.std() == pytest.approx(np.sqrt(1 / 12), rel=0.05)


@pytest.mark.parametrize("model", ["tuned", "independent"])
def test_pair_shares_the_photons_energy_and_its_length(model: str) -> None:
    """Specification 7.4: shape energies T (0.85 + 0.15 f), or f T for independent showers."""
    first, second = tracks(rng(2), "gamma", 501.022, ORIGIN, UP, model)
    assert first.kinetic_mev + second.kinetic_mev == pytest.approx(500.0)
    np.testing.assert_array_equal(first.start_cm, ORIGIN)
    share = first.kinetic_mev / 500
    expected = share if model == "independent" else 0.85 + 0.15 * share
    assert first.shape_mev == pytest.approx(500 * expected)
    assert first.direction @ second.direction > np.cos(0.05)


def test_photons_of_a_pi0_convert_after_a_path_that_delays_them() -> None:
    generator = rng(3)
    paths = []
    for _ in range(500):
        pairs = tracks(generator, "pi0", 900.0, ORIGIN, UP)
        assert {track.particle for track in pairs} == {"e-"}
        for track in pairs:
            assert np.linalg.norm(track.start_cm) == pytest.approx(track.path_cm)
        paths += [pair.path_cm for pair in pairs[::2]]
    assert np.mean(paths) == pytest.approx(46.4, rel=0.1)


def test_photon_too_soft_for_a_pair_makes_nothing() -> None:
    assert tracks(rng(), "gamma", 1.0, ORIGIN, UP) == []


@pytest.mark.parametrize(("particle", "energy"), [("gamma", 401.55), ("e-", 400.775)])
def test_light_of_a_shower_is_its_visible_energy(particle: str, energy: float) -> None:
    generator = rng(5)
    light = [sum(steps(generator, track).light_mev.sum() for track in tracks(generator, particle, energy, ORIGIN, UP)) for _ in range(400)]
    assert energy - THRESHOLD_MEV[particle] == pytest.approx(400)
    assert np.mean(light) == pytest.approx(400.0, rel=0.005)  # 3 % for each electron


def test_light_of_a_fast_muon_is_its_energy_loss_and_ends_at_threshold() -> None:
    kinetic = 1054.6
    track = tracks(rng(), "mu-", kinetic + MASS_MEV["mu-"], ORIGIN, UP)[0]
    assert track.range_cm == pytest.approx(1000 / 2.1)
    shine = steps(rng(), track)
    step = track.range_cm / len(shine.light_mev)
    assert shine.light_mev[0] == pytest.approx(MUON_LOSS_MEV_PER_CM * step, rel=0.02)
    energy = kinetic + MASS_MEV["mu-"] - MUON_LOSS_MEV_PER_CM * shine.path_cm
    angle = cherenkov_angle(energy, MASS_MEV["mu-"])  # light goes with sin^2 of it
    np.testing.assert_allclose(shine.light_mev, MUON_LOSS_MEV_PER_CM * step * np.sin(angle) ** 2 / (1 - 1 / 1.333**2), rtol=1e-9)
    np.testing.assert_allclose(track.kinetic_at(track.range_cm), 54.6)


@pytest.mark.parametrize("energy", [0.3, 60.0, 140.0, 400.0, 1000.0])
def test_depth_profile_is_a_probability(energy: float) -> None:
    edges = np.linspace(0, 0.485 * energy + 0.5, 12)
    profile = depth_profile(energy, edges)
    assert profile.sum() == pytest.approx(1.0)
    assert profile.min() >= 0
    if energy < 129:  # ln(T / 78.33) < 1/2
        np.testing.assert_allclose(profile, 1 / 11)


def test_showers_grow_longer_with_energy_and_stretch() -> None:
    edges = np.linspace(0, 400, 101)
    centres = 0.5 * (edges[1:] + edges[:-1])

    def depth(energy: float, stretch: float) -> float:
        return float(centres @ depth_profile(energy, edges, stretch))

    assert depth(1000, 1.0) > depth(300, 1.0) + 10
    assert depth(1000, 1.3) > depth(1000, 1.0) + 10


@pytest.mark.parametrize("particle", ["e-", "mu-"])
@pytest.mark.parametrize("kinetic", [0.01, 30.0, 100.0, 990.0])
def test_steps_divide_the_range(particle: str, kinetic: float) -> None:
    start = np.array([10.0, 20.0, 30.0])
    track = Track(particle, start, np.array([0.6, 0.0, 0.8]), kinetic, kinetic, 7.0)
    shine = steps(rng(), track)
    n = len(shine.light_mev)
    assert n == min(max(int(np.ceil(track.range_cm / 20)), 2), 25)
    np.testing.assert_allclose(np.linalg.norm(shine.position_cm - start, axis=1), (np.arange(n) + 0.5) * track.range_cm / n, atol=1e-12)
    np.testing.assert_allclose(shine.path_cm, 7.0 + (np.arange(n) + 0.5) * track.range_cm / n)
    np.testing.assert_allclose(shine.shares.sum(axis=1), 1.0)
    assert np.all(shine.light_mev >= 0)


@pytest.mark.parametrize("direction", [UP, np.array([0.0, 0.0, 1.0]), np.array([0.48, -0.6, 0.64])])
def test_rotated_vectors_are_unit_and_at_the_angle(direction: np.ndarray) -> None:
    turned = np.array([iwcd_tracks._rotated(direction, 0.3, azimuth) for azimuth in np.arange(8) * np.pi / 4])
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), 1.0)
    np.testing.assert_allclose(turned @ direction, np.cos(0.3))
    np.testing.assert_allclose(turned.mean(axis=0), np.cos(0.3) * direction, atol=1e-12)  # all around
