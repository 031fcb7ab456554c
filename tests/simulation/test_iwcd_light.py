"""Cones and light: sums over the sphere, Gauss' law, the inverse square, the slow twin."""

from __future__ import annotations

import numpy as np
import pytest
from reference.iwcd_light_loops import expected_light as slow_light
from scipy.special import dawsn

from simulation.iwcd_cones import (
    COSINE_BINS,
    COSINE_CONE,
    MUON_COSINES,
    MUON_OFFSET,
    MUON_WIDTHS_RAD,
    WIDTHS_RAD,
    cone_table,
    electron_row,
    muon_row,
    smeared_cones,
)
from simulation.iwcd_light import expected_light
from simulation.iwcd_tracks import ROWS, Steps, Track, joined, steps

CENTRES = (np.arange(COSINE_BINS) + 0.5) * 2 / COSINE_BINS - 1


def sphere(n: int, radius_cm: float) -> tuple[np.ndarray, np.ndarray]:
    """Points spread evenly over a sphere (golden-angle spiral), facing inwards."""
    z = 1 - (2 * np.arange(n) + 1) / n
    azimuth = np.pi * (1 + np.sqrt(5)) * np.arange(n)
    outwards = np.stack([np.sqrt(1 - z**2) * np.cos(azimuth), np.sqrt(1 - z**2) * np.sin(azimuth), z], axis=1)
    return radius_cm * outwards, -outwards


def one_step(position=(0.0, 0.0, 0.0), axis=(0.0, 1.0, 0.0), light=1.0, row=0, path=0.0) -> Steps:
    rows = np.zeros((1, ROWS), dtype=np.int64)
    shares = np.zeros((1, ROWS))
    rows[0, 0], shares[0, 0] = row, 1.0
    return Steps(np.array([position], float), np.array([axis], float), np.array([light], float), np.array([path], float), rows, shares)


def test_every_row_integrates_to_one_over_the_sphere() -> None:
    assert cone_table().shape == (MUON_OFFSET + len(MUON_COSINES) * len(MUON_WIDTHS_RAD), COSINE_BINS)
    np.testing.assert_allclose(cone_table().sum(axis=1) * 4 * np.pi / COSINE_BINS, 1.0, rtol=1e-12)
    assert cone_table().min() >= -1e-12


def test_an_unsmeared_cone_shines_at_the_cherenkov_angle_only() -> None:
    density = smeared_cones(np.array([COSINE_CONE]), np.array([1e-6]), COSINE_BINS)[0]
    lit = np.flatnonzero(density > 1e-9)
    assert len(lit) == 1
    assert abs(CENTRES[lit[0]] - COSINE_CONE) <= 1 / COSINE_BINS
    assert np.degrees(np.arccos(COSINE_CONE)) == pytest.approx(41.4, abs=0.05)


@pytest.mark.parametrize("row", [5, 25, 40])
def test_mean_cosine_of_a_tilted_cone(row: int) -> None:
    """Tilt t, azimuth uniform: E[c] = cos C E[cos t]; for Rayleigh t E[cos t] = 1 - sqrt(2) s D(s/sqrt 2) with Dawson's integral D."""
    width = WIDTHS_RAD[row]
    mean = CENTRES @ cone_table()[row] * 4 * np.pi / COSINE_BINS
    assert mean == pytest.approx(COSINE_CONE * (1 - np.sqrt(2) * width * dawsn(width / np.sqrt(2))), rel=0.01, abs=1e-3)


def test_smeared_cone_against_thrown_directions() -> None:
    rng = np.random.default_rng(3)
    width, cosine, n = 0.3, 0.85, 200_000
    tilt, azimuth = rng.rayleigh(width, n), rng.uniform(0, 2 * np.pi, n)
    thrown = np.cos(tilt) * cosine + np.sin(tilt) * np.sqrt(1 - cosine**2) * np.cos(azimuth)
    counts = np.histogram(thrown, bins=40, range=(-1, 1))[0] / n
    table = smeared_cones(np.array([cosine]), np.array([width]), COSINE_BINS)[0].reshape(40, -1).sum(axis=1) * 4 * np.pi / COSINE_BINS
    np.testing.assert_allclose(table, counts, atol=0.004)


def test_rows_are_the_nearest_ones() -> None:
    np.testing.assert_array_equal(electron_row(WIDTHS_RAD), np.arange(60))
    np.testing.assert_array_equal(electron_row([1e-5, 99.0]), [0, 59])
    cosine, width = np.meshgrid(MUON_COSINES, MUON_WIDTHS_RAD, indexing="ij")
    np.testing.assert_array_equal(muon_row(cosine, width).ravel(), MUON_OFFSET + np.arange(cosine.size))
    assert muon_row(1.0, 5.0) == len(cone_table()) - 1


@pytest.mark.parametrize("row", [0, 30, 59, 700])
@pytest.mark.parametrize("position", [(0.0, 0.0, 0.0), (120.0, -90.0, 60.0)])
def test_all_light_of_a_step_crosses_a_closed_surface(row: int, position: tuple) -> None:
    """Gauss' law: the integral of density x cos(eta) / r^2 over a sphere around the source is the light."""
    radius, n = 300.0, 40_000
    expected, _ = expected_light(one_step(position, (0.6, 0.0, 0.8), 7.0, row), *sphere(n, radius))
    assert expected.sum() * 4 * np.pi * radius**2 / n == pytest.approx(7.0, rel=0.01)


def test_inverse_square_cosine_and_time_of_a_photomultiplier() -> None:
    axis = np.array([np.sqrt(1 - COSINE_CONE**2), COSINE_CONE, 0.0])  # the photomultipliers on y sit on the cone
    position = np.array([[0.0, 100.0, 0.0], [0.0, 200.0, 0.0], [0.0, 5.0, 0.0], [0.0, 100.0, 0.0], [0.0, 100.0, 0.0]])
    orientation = np.array([[0, -1, 0], [0, -1, 0], [0, -1, 0], [0, -0.5, np.sqrt(0.75)], [0, 1, 0]], dtype=float)
    expected, time = expected_light(one_step(axis=axis, path=29.9792458), position, orientation)
    assert expected[0] / expected[1] == pytest.approx(4.0)
    assert expected[2] / expected[0] == pytest.approx(100**2 / 400)  # no nearer than 20 cm
    assert expected[3] / expected[0] == pytest.approx(0.5)
    assert expected[4] == time[4] == 0.0  # looks away
    np.testing.assert_allclose(time[:3], 1.0 + np.array([100, 200, 5]) * 1.38 / 29.9792458)


@pytest.mark.parametrize("particle", ["e-", "mu-"])
def test_compiled_loop_is_the_slow_one(particle: str) -> None:
    rng = np.random.default_rng(8)
    tracks = [Track(particle, rng.uniform(-100, 100, 3), np.array([0.48, 0.6, 0.64]), energy, energy, 5.0) for energy in (90.0, 800.0)]
    both = joined([steps(rng, track) for track in tracks])
    position, orientation = sphere(500, 600.0)
    fast, slow = expected_light(both, position, orientation), slow_light(both, position, orientation)
    np.testing.assert_allclose(fast[0], slow[0], rtol=1e-12)
    np.testing.assert_allclose(fast[1], slow[1], rtol=1e-12)
    assert fast[0].sum() > 0
