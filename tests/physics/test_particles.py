"""Masses, thresholds and the Cherenkov cone: published numbers, closed forms, and what unknown labels give."""

from __future__ import annotations

import numpy as np
import pytest

from physics.particles import MASS_MEV, THRESHOLD_MEV, by_label, cherenkov_angle, momentum, particle_names, visible_energy

LABELS = {0: "gamma", 1: "e-", 2: "mu-", 3: "pi0"}


@pytest.mark.parametrize(("particle", "kinetic_mev"), [("e-", 0.264), ("e+", 0.264), ("mu-", 54.6), ("mu+", 54.6), ("pi-", 72.1), ("pi+", 72.1)])
def test_thresholds_are_mass_plus_kinetic_threshold(particle: str, kinetic_mev: float) -> None:
    assert THRESHOLD_MEV[particle] == pytest.approx(MASS_MEV[particle] + kinetic_mev, abs=0.001)


def test_a_photon_needs_a_pair_and_a_neutral_pion_two_photons() -> None:
    assert THRESHOLD_MEV["gamma"] == pytest.approx(2 * THRESHOLD_MEV["e-"])
    assert THRESHOLD_MEV["pi0"] == pytest.approx(2 * THRESHOLD_MEV["gamma"])


def test_files_of_one_energy_range_begin_at_zero_visible_energy() -> None:
    """The public "E0to1000MeV" files: total energies 0.775 to 1000.8 (e), 1.55 to 1001.6 (gamma), 160.3 to 1160.3 MeV (mu)."""
    low, high = np.array([1.55, 0.775, 160.258]), np.array([1001.55, 1000.775, 1160.258])
    threshold = by_label([0, 1, 2], LABELS, THRESHOLD_MEV)
    np.testing.assert_allclose(visible_energy(low, threshold), 0, atol=1e-9)
    np.testing.assert_allclose(visible_energy(high, threshold), 1000, atol=1e-9)


def test_unknown_labels_have_no_mass_not_that_of_the_pion() -> None:
    labels = np.array([3, -1, 7, 0])
    assert particle_names(labels, LABELS).tolist() == ["pi0", "unknown", "unknown", "gamma"]
    mass = by_label(labels, LABELS, MASS_MEV)
    np.testing.assert_array_equal(mass, [134.977, np.nan, np.nan, 0.0])
    np.testing.assert_allclose(momentum(500.0, mass), [np.sqrt(500**2 - 134.977**2), np.nan, np.nan, 500.0])
    assert np.isnan(visible_energy([500.0], by_label([-1], LABELS, THRESHOLD_MEV))).all()
    assert particle_names(np.array([], dtype=int), {}).tolist() == []


def test_momentum_is_the_hypotenuse_without_energy() -> None:
    p = np.array([0.0, 1e-3, 50.0, 1e4])
    np.testing.assert_allclose(momentum(np.hypot(p, 105.658), 105.658), p, rtol=1e-7, atol=1e-6)
    assert np.isnan(momentum(100.0, 105.658))


def test_the_cone_closes_where_light_begins() -> None:
    """At the threshold beta = 1/n; the total energies of the job generator lie a little above (visible light needs some)."""
    assert np.degrees(cherenkov_angle(1e5, 0.511)) == pytest.approx(np.degrees(np.arccos(1 / 1.333)), abs=1e-3)
    gamma = 1 / np.sqrt(1 - 1 / 1.333**2)
    below, above = 105.658 * gamma * np.array([0.999, 1.001])
    assert np.isnan(cherenkov_angle(below, 105.658))
    assert 0 < cherenkov_angle(above, 105.658) < 0.06
    assert THRESHOLD_MEV["mu-"] == pytest.approx(105.658 * gamma, rel=0.01)
    assert np.isnan(cherenkov_angle([0.0, 50.0], 105.658)).all()
