"""Tracks through volumes: against points along the track, against the hull of the same volume, areas by integration and by throwing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from physics.ice_geometry import DETECTOR, ConvexHull, Cylinder, enters, stopping_events, stops

GENERATION = Cylinder(800.0, 800.0)


def tracks(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal((count, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    return rng.uniform(-1200, 1200, (count, 3)), direction, rng.uniform(0, 3000, count)


def inside(points: np.ndarray) -> np.ndarray:
    return (np.hypot(points[..., 0], points[..., 1]) <= 500) & (np.abs(points[..., 2]) <= 500)


def test_crossings_against_points_along_the_track() -> None:
    point, direction, length = tracks(400)
    first, last = DETECTOR.crossing(point, direction)
    t = np.linspace(-4000, 4000, 8001)
    along = inside(point[:, None] + t[:, None] * direction[:, None])
    for row in range(len(point)):
        where = np.flatnonzero(along[row])
        if len(where):
            assert first[row] == pytest.approx(t[where[0]], abs=1.01)
            assert last[row] == pytest.approx(t[where[-1]], abs=1.01)
        else:
            assert last[row] - first[row] < 2.0  # missed, or cut between two points
    entered = enters(DETECTOR, point, direction, length)
    seen = np.any(along & (t >= 0) & (t <= length[:, None]), axis=1)
    assert np.mean(entered == seen) > 0.98
    assert not np.any(seen & ~entered)
    ended = inside(point + length[:, None] * direction)
    np.testing.assert_array_equal(stops(DETECTOR, point, direction, length), ended)


@pytest.mark.parametrize(
    ("point", "direction", "length", "entering", "stopping"),
    [
        ((0, 0, 800), (0, 0, -1), 299.0, False, False),
        ((0, 0, 800), (0, 0, -1), 301.0, True, True),
        ((0, 0, 800), (0, 0, -1), 1301.0, True, False),
        ((600, 0, 800), (0, 0, -1), 1000.0, False, False),  # vertical, outside r
        ((-800, 0, 0), (1, 0, 0), 400.0, True, True),  # horizontal: unbounded in z
        ((-800, 0, 600), (1, 0, 0), 400.0, False, False),
        ((0, 0, 0), (0, 0, -1), 100.0, True, True),  # begins inside
        ((0, 0, -600), (0, 0, -1), 100.0, False, False),  # begins below: t2 < 0
    ],
)
def test_cases_by_hand(point, direction, length: float, entering: bool, stopping: bool) -> None:
    arguments = (DETECTOR, [point], [direction], [length])
    assert (bool(enters(*arguments)[0]), bool(stops(*arguments)[0])) == (entering, stopping)


def test_the_hull_of_a_cylinder_is_the_cylinder() -> None:
    angle = np.linspace(0, 2 * np.pi, 361)[:-1]
    ring = np.stack([500 * np.cos(angle), 500 * np.sin(angle)], axis=1)
    hull = ConvexHull.around(np.concatenate([np.column_stack([ring, np.full(360, z)]) for z in (-500.0, 500.0)]))
    point, direction, length = tracks(3000, seed=2)
    assert np.mean(stops(hull, point, direction, length) == stops(DETECTOR, point, direction, length)) > 0.998
    assert np.mean(enters(hull, point, direction, length) == enters(DETECTOR, point, direction, length)) > 0.998


def test_faces_of_a_cube_along_its_axes() -> None:
    cube = ConvexHull.around([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    first, last = cube.crossing([[0, 0, 5], [3, 0, 5], [0, 0, 0]], [[0, 0, -1], [0, 0, -1], [1, 0, 0]])
    assert (first[0], last[0]) == (4, 6)
    assert first[1] > last[1]
    assert (first[2], last[2]) == (-1, 1)


def test_projected_area_and_its_integral() -> None:
    assert float(GENERATION.projected_area_m2(0.5)) == pytest.approx(3.222335e6, rel=1e-6)
    integral, _ = quad(lambda c: float(GENERATION.projected_area_m2(c)), 0.1, 1.0)
    assert GENERATION.etendue_m2_sr(0.1) == pytest.approx(2 * np.pi * integral, rel=1e-9)
    assert GENERATION.etendue_m2_sr(0.1) == pytest.approx(1.72807e7, rel=1e-5)
    rng = np.random.default_rng(3)
    c, s = 0.3, np.sqrt(1 - 0.09)
    side = 4000.0
    across = rng.uniform(-side / 2, side / 2, (200_000, 2))
    points = across[:, :1] * np.array([c, 0, s]) + across[:, 1:] * np.array([0.0, 1.0, 0.0])
    first, last = GENERATION.crossing(points, np.broadcast_to([s, 0, -c], points.shape))
    assert np.mean(first < last) * side**2 == pytest.approx(float(GENERATION.projected_area_m2(c)), rel=0.02)


def test_all_muons_that_enter_must_stop() -> None:
    """Events: one stops; one stops and one goes through; one stops and one never enters; none enters."""
    event = np.array([0, 1, 1, 2, 2, 3])
    entering = np.array([True, True, True, True, False, False])
    stopping = np.array([True, True, False, True, False, False])
    assert stopping_events(entering, stopping, event, 5).tolist() == [True, False, True, False, False]
