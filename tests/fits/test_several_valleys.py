"""Likelihoods with two valleys in a nuisance parameter: what scans, limits and test statistics find where the better valley changes on the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fits.conditional import conditional, lowest, valleys
from fits.feldman_cousins import feldman_cousins, likelihood_ratio
from fits.limits import upper_limit
from fits.minimise import Minimum, minimise
from fits.parameters import FitParameter
from fits.profiles import profile
from fits.scans import scan_general

WALL = 30.0


@dataclass(frozen=True)
class Ridge:
    """A Gaussian measurement of x + tilt y, and a nuisance y that is near -1 or +1; z does nothing but be there.

    NLL = (x - x0)^2/2 + 30 (y^2 - 1)^2 + slope x y + z^2/2: for x > 0 the valley of y = -1 is the lower one, for x < 0 that of +1.
    """

    x0: float = 0.5
    slope: float = 0.6
    parameters: tuple[FitParameter, ...] = (
        FitParameter("x", (0.5,), -10.0, 10.0), FitParameter("y", (-1.0, 1.0), -3.0, 3.0), FitParameter("z", (0.0,), -5.0, 5.0)
    )  # fmt: skip
    names: tuple[str, ...] = ("x", "y", "z")
    priors: dict[str, Any] = field(default_factory=dict)
    model: Any = field(default_factory=lambda: SimpleNamespace(flux=SimpleNamespace(norms=("norm",), names=("norm",))))

    def value_and_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        x, y, z = theta
        value = 0.5 * (x - self.x0) ** 2 + WALL * (y**2 - 1) ** 2 + self.slope * x * y + 0.5 * z**2
        return value, np.array([x - self.x0 + self.slope * y, 4 * WALL * y * (y**2 - 1) + self.slope * x, z])

    def value(self, theta: np.ndarray) -> float:
        return self.value_and_gradient(np.asarray(theta))[0]

    def exact(self, x: float) -> float:
        """The lower of both valleys, from a fine grid of y."""
        y = np.linspace(-1.3, 1.3, 200_001)
        return float((0.5 * (x - self.x0) ** 2 + WALL * (y**2 - 1) ** 2 + self.slope * x * y).min())


@pytest.fixture
def best() -> Minimum:
    found = minimise(Ridge())
    assert found.values["y"] == pytest.approx(-1.0, abs=0.05)
    return found


def test_a_fit_stays_in_the_valley_where_it_begins(best: Minimum) -> None:
    """Why all of this is needed."""
    alone = conditional(Ridge(), {"x": -2.0}, best.values)
    assert alone.valid
    assert alone.nll == pytest.approx(lowest(Ridge(), {"x": -2.0}, best.values).nll + 2.0 * 2.0 * 0.6, rel=0.01)


def test_each_start_of_a_free_parameter_is_a_valley() -> None:
    nll = Ridge()
    near = {"x": 1.0, "y": -0.9, "z": 0.2}
    assert valleys(nll, near) == [near, {**near, "y": 1.0}]
    assert valleys(nll, near, {"y": -0.9}) == [near]
    held = replace(nll, parameters=tuple(replace(one, fixed=one.name == "y") for one in nll.parameters))
    assert valleys(held, near) == [near]


def test_a_profile_changes_valleys(best: Minimum) -> None:
    nll = Ridge()
    found = profile(nll, best, "x", (-3.0, 3.0, 25))
    np.testing.assert_allclose(np.array(found.delta_nll) + best.nll, [nll.exact(x) for x in found.x], atol=1e-5)
    y = np.array(found.nuisances["y"])
    assert (np.sign(y) == np.where(np.array(found.x) > 0, -1, 1))[np.array(found.x) != 0].all()


def test_a_scan_changes_valleys(best: Minimum) -> None:
    nll = Ridge()
    x, z = np.linspace(-3.0, 3.0, 7), np.linspace(-1.0, 1.0, 3)
    values, thetas = scan_general(nll, best, "x", "z", x, z)
    np.testing.assert_allclose(values, [[nll.exact(one) + 0.5 * other**2 for other in z] for one in x], atol=1e-5)
    assert (np.sign(thetas[x < 0, :, 1]) == 1).all()


def test_a_limit_lies_in_the_valley_that_is_lower_there() -> None:
    """From a best fit at x < 0 to a limit at x > 0, where the valley of the best fit is too high and the limit in it too low."""
    nll = Ridge(x0=-0.1)
    best = minimise(nll)
    assert best.values["x"] < 0.0
    limit = upper_limit(nll, best, "x", 0.95)
    x = np.linspace(best.values["x"], 5.0, 2001)
    height = np.array([nll.exact(one) for one in x]) - best.nll
    assert limit == pytest.approx(np.interp(1.3528, height[np.argmax(x > 0.3) :], x[np.argmax(x > 0.3) :]), abs=0.01)


def test_the_test_statistic_is_that_of_the_lowest_minima() -> None:
    nll = Ridge()
    near = {"x": -1.5, "y": -1.0, "z": 0.0}  # the wrong valley there
    expected = 2.0 * (nll.exact(-1.5) - minimise(nll).nll)
    assert likelihood_ratio(nll, "x", near) == pytest.approx(expected, abs=1e-4)


def test_points_of_feldman_cousins_are_profiled_in_every_valley(best: Minimum, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fits.feldman_cousins.throw", lambda nll, *_: nll)
    nll = Ridge()
    found = feldman_cousins(nll, best, "x", [-2.0, -1.0, 0.5, 2.0], toys=2, cl=[0.9], seed=1)
    assert found.ts_data == pytest.approx([2.0 * (nll.exact(x) - best.nll) for x in found.grid], abs=1e-4)
