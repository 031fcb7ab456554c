"""Linearity and resolution: known curves come back, the Crystal Ball is scipy's, and what cannot be fitted is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import crystalball

from configs.errors import InputError
from configs.iwcd import Response
from fits.energy_response import contained, crystal_ball, fit_response, fit_slice
from records.iwcd_fits import Curve

S, C, YIELD = 0.54, 0.036, 6.2


def options(**changes: Any) -> Response:
    return Response(kind="response", dataset="mc", **changes)


def known(n: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Contained electrons with a known resolution, and as many that are not contained and have half the light."""
    random = np.random.default_rng(seed)
    evis = random.uniform(0, 1000, 2 * n)
    inside = np.arange(2 * n) % 2 == 0
    ratio = random.normal(1.0, np.sqrt(S**2 / evis + C**2)) * np.where(inside, YIELD, 0.5 * YIELD)
    return {
        "particle": np.full(2 * n, "e-"), "evis": evis, "charge": np.maximum(ratio, 0.1) * evis, "dwall": np.full(2 * n, 150.0),
        "towall": np.where(inside, 500.0, 100.0),
    }  # fmt: skip


def pulls(curve: Curve, truth: dict[str, float]) -> list[float]:
    return [(curve.parameters[name].value - true) / curve.parameters[name].error for name, true in truth.items()]


def test_known_resolution_and_yield_come_back() -> None:
    found = fit_response(known(8000), options())
    assert (found.n_events, found.n_contained) == (16_000, 8000)
    assert all(one.valid for one in found.slices)
    truth = {"stochastic": S, "constant": C}
    assert np.abs(pulls(found.resolution, truth)).max() < 3.5
    assert np.abs(pulls(found.resolution_from_width, truth)).max() < 3.5
    assert found.largest_deviation < 0.02
    assert_allclose([one.peak for one in found.slices], YIELD, rtol=0.02)
    slope = found.linearity.parameters["b"].value + 2 * found.linearity.parameters["c"].value * 500
    assert slope == pytest.approx(YIELD, rel=0.01)


def test_errors_of_width_and_peak_are_those_of_repeated_samples() -> None:
    random = np.random.default_rng(7)
    slices = [fit_slice(np.full(300, 500.0), random.normal(6.2, 0.3, 300), (400, 600)) for _ in range(60)]
    for value, error in (("peak", "peak_error"), ("half_width", "half_width_error")):
        spread = np.std([getattr(one, value) for one in slices], ddof=1)
        assert spread == pytest.approx(np.mean([getattr(one, error) for one in slices]), rel=0.35)


@pytest.mark.parametrize(("start", "power"), [(0.7, 1.5), (1.5, 3.0), (4.0, 40.0)])
def test_crystal_ball_is_that_of_scipy(start: float, power: float) -> None:
    x = np.linspace(-20, 6, 400)
    assert_allclose(crystal_ball(x, 1.0, 1.3, start, power), crystalball.cdf(x, start, power, loc=1.0, scale=1.3), atol=1e-10)


def test_low_tail_does_not_move_the_peak() -> None:
    sample = crystalball.rvs(1.0, 4.0, loc=6.2, scale=0.3, size=4000, random_state=3)
    found = fit_slice(np.full(4000, 500.0), sample, (400, 600))
    assert found.peak == pytest.approx(6.2, abs=4 * found.peak_error)
    assert found.sigma == pytest.approx(0.3, abs=4 * found.sigma_error)
    assert found.median < found.peak
    assert sum(found.expected) == pytest.approx(4000)
    assert sum(found.counts) == 4000


def test_containment_asks_for_room_ahead() -> None:
    assert contained([100, 100, 1000], [101, 99, 101], [221, 500, 399]).tolist() == [True, False, False]


def test_small_slices_are_named() -> None:
    columns = known(300)
    found = fit_response(columns, options(max_mev=1200))
    assert found.notes[-1] == "1100-1200 MeV: 0 events, fewer than 20"
    assert not found.slices[-1].valid
    assert np.isnan(found.slices[-1].peak)


@pytest.mark.parametrize(
    ("columns", "changes", "message"),
    [
        ({"particle": np.array(["e-"])}, {}, "no column 'evis'"),
        (known(10), {"particle": "mu"}, "no event of 'mu'"),
        (known(10), {}, r"10 of 20 events are contained .* and 0 slices of 10 can be fitted"),
    ],
)
def test_impossible_samples_are_refused(columns: dict[str, np.ndarray], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_response(columns, options(**changes))
