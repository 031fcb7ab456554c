"""A scan over a likelihood with two valleys finds the lower one at every point, whatever side it came from."""

from __future__ import annotations

import numpy as np
import pytest

from fits.minimise import Minimum, minimise
from fits.parameters import FitParameter
from fits.valleys import into_lower_valleys

X, Y = np.linspace(-1.0, 1.0, 9), np.linspace(-1.0, 1.0, 7)


class DoubleWell:
    """(t^2 - 1)^2 + 0.3 t (x + y / 2): valleys near t = -1 and +1, the lower one on the side of -(x + y / 2)."""

    names = ("x", "y", "t")

    def __init__(self, starts: tuple[float, ...] = (-1.0, 1.0)) -> None:
        self.parameters = (FitParameter("x", (0.0,), -2.0, 2.0), FitParameter("y", (0.0,), -2.0, 2.0), FitParameter("t", starts, -3.0, 3.0))

    def value_and_gradient(self, theta):
        x, y, t = theta
        tilt = 0.3 * (x + 0.5 * y)
        return (t * t - 1.0) ** 2 + tilt * t, np.array([0.3 * t, 0.15 * t, 4.0 * t * (t * t - 1.0) + tilt])


def at(well: DoubleWell, point: tuple[int, int], t: float) -> Minimum:
    held = {"x": float(X[point[0]]), "y": float(Y[point[1]])}
    return minimise(well, starts=[{**held, "t": t}], fixed=held, hesse=False)


def scanned(well: DoubleWell, t: float) -> tuple[np.ndarray, np.ndarray]:
    """The whole grid from one start."""
    found = [[at(well, (i, j), t) for j in range(Y.size)] for i in range(X.size)]
    return np.array([[one.nll for one in row] for row in found]), np.array([[one.theta for one in row] for row in found])


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_every_point_ends_in_the_lower_valley(side: float) -> None:
    well = DoubleWell()
    values, thetas = scanned(well, side)
    lowest = np.minimum(scanned(well, -1.0)[0], scanned(well, 1.0)[0])
    assert (values - lowest).max() > 0.5  # far from it before
    calls: list[tuple[int, int]] = []

    def refit(point: tuple[int, int], start: np.ndarray) -> Minimum:
        calls.append(point)
        return at(well, point, float(start[2]))

    moved = into_lower_valleys(well.parameters, values, thetas, refit)
    np.testing.assert_allclose(values, lowest, atol=1e-4)
    slope = X[:, None] + 0.5 * Y[None, :]
    decided = np.abs(slope) > 1e-9
    assert (np.sign(thetas[..., 2]) == -np.sign(slope))[decided].all()
    assert moved == pytest.approx(0.5 * values.size, abs=5)
    assert len(calls) < 2 * values.size  # the border between the valleys, not every point from every side


def test_a_failed_point_takes_the_first_valid_fit() -> None:
    well = DoubleWell()
    values, thetas = scanned(well, 1.0)
    good = np.minimum(scanned(well, -1.0)[0], values)
    values[4, 4] = np.nan
    into_lower_valleys(well.parameters, values, thetas, lambda point, start: at(well, point, float(start[2])))
    assert values[4, 4] == pytest.approx(good[4, 4], abs=1e-4)


def test_parameters_of_one_start_are_left_alone() -> None:
    well = DoubleWell(starts=(1.0,))
    values, thetas = scanned(well, 1.0)
    before = values.copy()

    def never(point: tuple[int, int], start: np.ndarray) -> Minimum:
        raise AssertionError(f"refitted at {point} from {start}")

    assert into_lower_valleys(well.parameters, values, thetas, never) == 0
    np.testing.assert_array_equal(values, before)
