"""Distances to the wall: closed forms of the uniform cylinder, published cases, invariants, every awkward direction."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from configs.errors import InputError
from physics.tank import PRESETS, Tank, angles_from_direction, direction_from_angles, dwall, outside, preset, towall

SHORT = preset("short")


def uniform(count: int, seed: int, tank: Tank = SHORT) -> np.ndarray:
    rng = np.random.default_rng(seed)
    r, phi, y = tank.radius_cm * np.sqrt(rng.uniform(size=count)), rng.uniform(0, 2 * np.pi, count), rng.uniform(-1, 1, count)
    return np.stack([r * np.cos(phi), tank.half_height_cm * y, r * np.sin(phi)], axis=1)


def isotropic(count: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def marched(position: np.ndarray, direction: np.ndarray, tank: Tank) -> float:
    """The distance by bisection: another way to the same number."""
    low, high = 0.0, 4 * (tank.radius_cm + tank.half_height_cm)
    for _ in range(80):
        middle = (low + high) / 2
        point = position + middle * direction
        inside = np.hypot(point[0], point[2]) <= tank.radius_cm and abs(point[1]) <= tank.half_height_cm
        low, high = (middle, high) if inside else (low, middle)
    return low


@pytest.mark.parametrize(
    ("position", "direction", "distance", "to_wall"),
    [
        ((0, 0, 0), (1, 0, 0), 400, 300),
        ((0, 0, 0), (0, 1, 0), 300, 300),
        ((399, 0, 0), (1, 0, 0), 1, 1),
        ((399, 0, 0), (-1, 0, 0), 799, 1),
        ((100, -200, 50), (0.6, 0.48, 0.64), 334.2728, 100),
        ((200, 100, -300), (0, -0.6, 0.8), 666.6667, 39.4449),
        ((300, 0, 0), (1e-9, 1, 0), 300, 100),
        ((410, 0, 0), (-1, 0, 0), 0, -10),
    ],
)
def test_known_cases(position: tuple, direction: tuple, distance: float, to_wall: float) -> None:
    assert towall(position, direction, SHORT) == pytest.approx(distance, abs=1e-4)
    assert dwall(position, SHORT) == pytest.approx(to_wall, abs=1e-4)
    assert outside(position, SHORT) == (to_wall < 0)


def test_the_distances_of_a_uniform_cylinder_are_the_closed_forms() -> None:
    """P(dwall > d) = (1 - d/R)^2 (1 - d/H); its integral is 89.0625 cm; the mean chord of a convex body is 4 V / S."""
    position, direction = uniform(400_000, 1), isotropic(400_000, 2)
    to_wall, along = dwall(position, SHORT), towall(position, direction, SHORT)
    for depth in (10, 50, 120, 250):
        expected = (1 - depth / 400) ** 2 * (1 - depth / 300)
        assert np.mean(to_wall > depth) == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 400_000))
    assert to_wall.mean() == pytest.approx(89.0625, abs=4 * to_wall.std() / np.sqrt(400_000))
    assert along.mean() == pytest.approx(304.2, abs=0.3 + 3 * along.std() / np.sqrt(400_000))
    assert np.mean(along < 100) == pytest.approx(0.1993, abs=0.003)
    # Chords through uniform points are weighted by their length: E[1/chord] over them is 1 / (mean chord of isotropic lines).
    chord = along + towall(position, -direction, SHORT)
    volume, area = np.pi * 400**2 * 600, 2 * np.pi * 400 * (400 + 600)
    assert 1 / np.mean(1 / chord) == pytest.approx(4 * volume / area, rel=0.01)
    assert 4 * volume / area == pytest.approx(480)


@given(st.integers(0, 10**6), st.sampled_from([*PRESETS.values(), Tank(10.0, 1000.0)]))
def test_it_is_the_distance_at_which_the_ray_leaves(seed: int, tank: Tank) -> None:
    position, direction = uniform(8, seed, tank), isotropic(8, seed + 1)
    expected = [marched(point, vector, tank) for point, vector in zip(position, direction, strict=True)]
    np.testing.assert_allclose(towall(position, direction, tank), expected, rtol=1e-9, atol=1e-7)


@given(st.floats(-400, 400), st.floats(-300, 300), st.floats(-1e-7, 1e-7), st.sampled_from([0, 1, 2]))
def test_near_the_axes_it_stays_finite_and_silent(x: float, y: float, tilt: float, axis: int) -> None:
    direction = np.full(3, tilt)
    direction[axis] = 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = towall([x, y, 0.0], direction, SHORT)
    assert np.isfinite(found)
    assert 0 <= found <= 1000.001


def test_no_direction_and_no_place_gives_nan_or_a_warning() -> None:
    """The framework's formula divides by d_y and by a: vertical, horizontal and outside tracks gave NaN or infinity."""
    corners = np.array([-400.0, -1e-300, 0.0, 1e-300, 300.0, 400.0, 1e6, 1e200])
    position = np.stack(np.meshgrid(corners, corners, corners), axis=-1).reshape(-1, 1, 3)
    direction = np.array([[0, 1, 0], [0, -1, 0], [1, 0, 0], [0, 0, -1], [1e-8, 1, 0], [1, 1e-15, 0], [1e-200, 1, 1e-200], [0.6, 0, 0.8]])
    with np.errstate(all="raise", under="ignore"):
        found = towall(position, direction, SHORT)
    assert np.isfinite(found).all()
    assert np.all(found[dwall(position[:, 0], SHORT) < 0] == 0)


def test_shapes_broadcast_and_arguments_stay() -> None:
    position, direction = uniform(5, 3), np.array([0.0, 1.0, 0.0])
    before = position.copy()
    assert towall(position, direction, SHORT).shape == (5,)
    assert towall(position[:, np.newaxis], isotropic(4, 1), SHORT).shape == (5, 4)
    np.testing.assert_array_equal(position, before)
    assert np.isnan(dwall([np.nan, 0, 0], SHORT))


@given(st.floats(0, np.pi), st.floats(-3.1415, 3.1415))
def test_angles_and_directions_are_inverse(theta: float, phi: float) -> None:
    direction = direction_from_angles(theta, phi)
    assert np.linalg.norm(direction) == pytest.approx(1)
    assert direction[1] == pytest.approx(np.cos(theta), abs=1e-12)
    back = angles_from_direction(direction)
    assert back[0] == pytest.approx(theta, abs=1e-7)
    if 1e-3 < theta < 3.14:
        assert back[1] == pytest.approx(phi, abs=1e-9)


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(InputError, match="'shrt' is not a tank; did you mean 'short'"):
        preset("shrt")


@pytest.mark.public_data
def test_vertices_of_the_real_validation_events(public_data: Path) -> None:
    """Uniform in r^2 and y, not in z; numbers of the specification (G12), from independent code."""
    with np.load(public_data / "iwcd" / "val_positions.npz") as file:
        position = file["position"].astype(float)
    to_wall = dwall(position, SHORT)
    found = [to_wall.min(), np.median(to_wall), to_wall.mean(), to_wall.max()]
    np.testing.assert_allclose(found, [0.196, 79.12, 92.72, 289.69], atol=0.006)
    assert np.sum(to_wall > 50) == 389
    r2 = (position[:, 0] ** 2 + position[:, 2] ** 2) / 400**2
    assert stats.kstest(r2, "uniform").pvalue == pytest.approx(0.0115, rel=0.02)
    assert stats.kstest((position[:, 1] + 300) / 600, "uniform").pvalue == pytest.approx(0.972, rel=0.01)
    assert stats.kstest((position[:, 2] + 400) / 800, "uniform").pvalue == pytest.approx(6e-6, rel=0.15)
