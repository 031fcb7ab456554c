"""Tables of first order (the anisotropy of the ice) have corners at their nodes: rounded, so that a minimum that lies in one is found."""

from __future__ import annotations

import numpy as np
import pytest

from fits.detector_factors import ROUNDED, _lagrange
from fits.minimise import minimise
from fits.parameters import FitParameter

NODES = np.array([0.0, 0.4, 1.0, 1.5])
VALUES = np.array([2.0, 1.0, 0.2, 1.7])


def table(value: float) -> tuple[float, float]:
    first, weights = _lagrange(NODES, 1, value)
    found, slope = weights @ VALUES[first : first + weights.shape[1]]
    return float(found), float(slope)


class Corner:
    """A table and a wide prior: the minimum lies in the corner at 1."""

    names = ("x",)
    parameters = (FitParameter("x", (0.3,), 0.0, 1.5),)

    def __init__(self, *, rounded: bool) -> None:
        self.rounded = rounded

    def value_and_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        x = float(theta[0])
        if self.rounded:
            found, slope = table(x)
        else:
            i = min(int(np.searchsorted(NODES, x, side="right")), NODES.size - 1) - 1
            slope = float((VALUES[i + 1] - VALUES[i]) / (NODES[i + 1] - NODES[i]))
            found = float(VALUES[i] + slope * (x - NODES[i]))
        return found + 0.5 * (x - 0.9) ** 2, np.array([slope + x - 0.9])


def test_lines_between_the_corners() -> None:
    for x in (0.0, 0.1, 0.37, 0.43, 0.7, 0.97, 1.03, 1.5):
        assert table(x)[0] == pytest.approx(np.interp(x, NODES, VALUES), abs=1e-14)


def test_corners_keep_the_nodes_and_hardly_move_what_is_beside_them() -> None:
    assert [table(float(x))[0] for x in NODES] == pytest.approx(VALUES.tolist(), abs=1e-15)  # the nominal value is one
    x = np.linspace(0.0, 1.5, 15_001)
    largest = (3.0 + 4.0 / 3.0) * 0.5 * ROUNDED * 0.5 * 4.0 / 27.0  # change of slope, half of it, reach, maximum of u (1 - u)^2
    assert np.abs(np.array([table(one)[0] for one in x]) - np.interp(x, NODES, VALUES)).max() == pytest.approx(largest, rel=1e-3)


def test_the_slope_is_continuous_and_that_of_the_value() -> None:
    x = np.linspace(0.0, 1.5, 30_001)
    value, slope = np.array([table(one) for one in x]).T
    assert np.abs(np.diff(slope)).max() < 0.1  # of a change by 4.3
    np.testing.assert_allclose(np.diff(value) / np.diff(x), 0.5 * (slope[1:] + slope[:-1]), atol=0.03)


def test_a_minimum_in_a_corner_is_found() -> None:
    found = minimise(Corner(rounded=True))
    assert found.valid
    assert found.values["x"] == pytest.approx(1.0, abs=ROUNDED * 0.5)
    assert found.calls < minimise(Corner(rounded=False)).calls / 10  # which has tried everything
