"""The flat wall: joined where it should be, areas kept, rings where cones meet the wall."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physics.tank import direction_from_angles, dwall, preset
from physics.tank_geometry import short_tank
from physics.unrolled import cone, on_wall, ring_on_wall, surface, unroll

SHORT = preset("short")


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_caps_join_the_barrel_where_phi_is_zero(side: float) -> None:
    on_barrel, on_cap = [399.999, side * 299.99, 0.0], [399.99, side * 299.999, 0.0]
    assert (surface(on_barrel, SHORT), surface(on_cap, SHORT)) == (0, side)
    np.testing.assert_allclose(unroll(on_barrel, SHORT), unroll(on_cap, SHORT), atol=0.03)


def test_centres_of_the_walls() -> None:
    assert [float(part) for part in unroll([0, 300, 0], SHORT)] == [0, 700]
    assert [float(part) for part in unroll([0, -300, 0], SHORT)] == [0, -700]
    assert [float(part) for part in unroll([0, 10, 400], SHORT)] == pytest.approx([400 * np.pi / 2, 10])


def test_photomultipliers_fill_three_pieces_without_overlap() -> None:
    u, v = unroll(short_tank().position_cm, SHORT)
    side = surface(short_tank().position_cm, SHORT)
    assert [int(np.sum(side == which)) for which in (0, 1, -1)] == [360 * 19, 88 * 19, 88 * 19]
    assert np.all(np.abs(v[side == 0]) < 300)
    assert np.all(v[side == 1] > 300)
    assert np.all(v[side == -1] < -300)
    assert np.all(np.hypot(u[side == 1], v[side == 1] - 700) < 400)


@given(st.floats(-200, 200), st.floats(-250, 250), st.floats(0.05, 3.0), st.floats(-3, 3), st.floats(0.1, 0.8))
def test_a_ring_lies_on_the_wall_at_its_angle(x: float, y: float, theta: float, phi: float, angle: float) -> None:
    vertex, direction = np.array([x, y, 50.0]), direction_from_angles(theta, phi)
    ring = ring_on_wall(vertex, direction, angle, SHORT, 40)
    np.testing.assert_allclose(dwall(ring, SHORT), 0, atol=1e-8)
    seen = ring - vertex
    cosine = seen @ direction / np.linalg.norm(seen, axis=1)
    np.testing.assert_allclose(cosine, np.cos(angle), atol=1e-9)
    np.testing.assert_allclose(ring[0], ring[-1], atol=1e-6)


def test_the_axis_of_a_cone_without_opening_is_the_track() -> None:
    np.testing.assert_allclose(cone([0, 0, 2.0], 0.0, 5), np.tile([0, 0, 1.0], (5, 1)))
    np.testing.assert_allclose(on_wall([0, 0, 0], [0, 1, 0], SHORT), [0, 300, 0])
