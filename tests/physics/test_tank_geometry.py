"""The short tank's photomultipliers by formula: the published file, and what must hold of any such tank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from physics.tank import dwall, preset
from physics.tank_geometry import PLACES, short_tank

GEOMETRY = short_tank()


def test_numbers_of_the_specification() -> None:
    position, orientation = GEOMETRY.position_cm, GEOMETRY.orientation
    assert len(GEOMETRY) == 10184 == 536 * PLACES
    np.testing.assert_allclose(position[0], [396.522, 164.073, 30.730], atol=6e-4)
    np.testing.assert_allclose(orientation[0], [-0.799057, -0.587785, -0.126558], atol=1e-6)
    np.testing.assert_allclose(position[18], [391.240, 180.531, 29.894], atol=6e-4)
    np.testing.assert_allclose(position[6080], [-299.201, -296.448, -157.080], atol=6e-4)
    np.testing.assert_allclose(position[10183], [282.743, 291.100, 157.080], atol=6e-4)
    np.testing.assert_allclose(orientation[10183], [0, -1, 0], atol=1e-12)
    r = np.hypot(position[:, 0], position[:, 2])
    assert r.max() == pytest.approx(399.36, abs=0.005)
    assert np.abs(position[:, 1]).max() == pytest.approx(296.45, abs=0.005)


def test_every_photomultiplier_is_inside_looks_inwards_and_touches_none() -> None:
    position, orientation = GEOMETRY.position_cm, GEOMETRY.orientation
    assert np.all(dwall(position, preset("short")) > 0)
    np.testing.assert_allclose(np.linalg.norm(orientation, axis=1), 1, atol=1e-12)
    assert np.all(np.sum(position * orientation, axis=1) < 0)
    nearest = cKDTree(position).query(position, k=2)[0][:, 1]
    assert nearest.min() == pytest.approx(8.519, abs=0.001)


def test_modules_are_360_on_the_barrel_and_88_on_each_cap() -> None:
    centre = GEOMETRY.orientation[18::PLACES]
    assert np.sum(np.abs(centre[:, 1]) < 1e-9) == 360
    assert np.sum(centre[:, 1] > 0.5) == np.sum(centre[:, 1] < -0.5) == 88
    up = np.flatnonzero(centre[:, 1] > 0.5)
    assert (up.min(), up.max()) == (320, 407)


def test_places_of_a_module_lie_on_a_sphere_around_its_back() -> None:
    """P = C - 28 N + 28 O: all 19 look away from one point, at 0, 18 and 36 degrees to the module's axis."""
    modules = GEOMETRY.position_cm.reshape(-1, PLACES, 3)
    orientation = GEOMETRY.orientation.reshape(-1, PLACES, 3)
    back = modules - 28.0 * orientation
    np.testing.assert_allclose(back, np.broadcast_to(back[:, 18:19], back.shape), atol=1e-9)
    tilt = np.degrees(np.arccos(np.clip(np.sum(orientation * orientation[:, 18:19], axis=2), -1, 1)))
    np.testing.assert_allclose(tilt[:, :12], 36, atol=1e-6)
    np.testing.assert_allclose(tilt[:, 12:18], 18, atol=1e-6)


def test_a_quarter_turn_maps_the_tank_onto_itself() -> None:
    turned = GEOMETRY.position_cm @ np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], dtype=float)
    centres, moved = GEOMETRY.position_cm[18::PLACES], turned[18::PLACES]
    assert cKDTree(centres).query(moved)[0].max() < 1e-9


def test_the_one_geometry_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        GEOMETRY.position_cm[0, 0] = 0.0


@pytest.mark.public_data
def test_the_published_file_has_the_same_photomultipliers_in_the_same_order(public_data: Path) -> None:
    with np.load(public_data / "iwcd" / "short_tank_geometry.npz") as file:
        np.testing.assert_array_equal(file["tube_no"], np.arange(1, 10185))
        assert np.abs(file["position"] - GEOMETRY.position_cm).max() < 0.004
        assert np.abs(file["orientation"] - GEOMETRY.orientation).max() < 1e-7
