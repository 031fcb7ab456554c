"""Unified intervals: toys against the exact intervals of a Poisson count, order statistics, interpolation."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from counting_case import Count, exact_fit
from surrogate_case import counting_experiment, likelihood, toy_counts

from configs.errors import InputError
from fits.feldman_cousins import PointStudy, accepted_interval, critical_value, feldman_cousins, likelihood_ratio
from fits.intervals import poisson_interval
from fits.minimise import minimise

STEP = 0.04


@pytest.mark.parametrize("k", [2, 4])
def test_golden_5_toys_find_the_exact_interval_of_a_count(k: int) -> None:
    exact = poisson_interval(k, 0.6827)
    grid = np.concatenate([np.arange(-4, 5) * STEP + end for end in exact])
    nll = Count(float(k))
    result = feldman_cousins(nll, exact_fit(nll), "signal", grid, toys=2000, cl=[0.6827], seed=11, fit=exact_fit)
    assert result.interval["0.6827"] == pytest.approx(exact, abs=2 * STEP)
    assert result.n_failed == 0
    np.testing.assert_allclose(result.ts_data, 2 * (grid - k - k * np.log(grid / k)), atol=1e-12)


def test_no_events_give_an_upper_end_and_the_bound() -> None:
    nll = Count(0.0)
    result = feldman_cousins(nll, exact_fit(nll), "signal", [0.0, 0.5, 1.0, 1.24, 1.27, 1.32, 1.36], toys=3000, cl=[0.6827], seed=4, fit=exact_fit)
    assert result.interval["0.6827"][0] == 0.0
    assert result.interval["0.6827"][1] == pytest.approx(1.2904, abs=0.05)


def test_background_as_published() -> None:
    """PRD 57 (1998) 3873, table IV, 90 %: three events over a background of 1.0 give [0.10, 6.42]."""
    nll = Count(3.0, background=1.0)
    grid = [0.02, 0.06, 0.10, 0.14, 0.18, 2.0, 6.3, 6.36, 6.42, 6.48, 6.54]
    result = feldman_cousins(nll, exact_fit(nll), "signal", grid, toys=4000, cl=[0.9], seed=9, fit=exact_fit)
    assert result.interval["0.9"] == pytest.approx((0.10, 6.42), abs=0.08)


def test_critical_values_of_a_chi_square_and_their_error() -> None:
    ts = np.random.default_rng(1).chisquare(1, (60, 1000))
    found = np.array([critical_value(row, 0.6827) for row in ts])
    assert found[:, 0].mean() == pytest.approx(1.0, abs=0.02)
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.25)
    assert critical_value([math.nan, 3.0, 1.0, 2.0, math.nan], 0.6) == (2.0, pytest.approx(1.0))
    assert all(math.isnan(value) for value in critical_value([math.nan], 0.6))


def test_interval_by_interpolation_and_open_sides() -> None:
    grid = [0.0, 1.0, 2.0, 3.0, 4.0]
    ts = [9.0, 1.0, 0.0, 1.0, 9.0]
    assert accepted_interval(grid, ts, np.full(5, 5.0), best=2.0) == pytest.approx((0.5, 3.5))
    assert accepted_interval(grid, ts, np.full(5, 20.0), best=2.0) == (-math.inf, math.inf)
    assert accepted_interval(grid, ts, np.full(5, 20.0), best=2.0, bounds=(0.0, 10.0)) == (0.0, math.inf)
    narrow = accepted_interval([0.0, 1.0, 2.0], [40.0, 10.0, 10.0], [1.0, 1.0, 1.0], best=1.5)
    assert narrow == pytest.approx((1.45, 1.55))
    with pytest.raises(InputError, match="move the grid"):
        accepted_interval([5.0, 6.0, 7.0], [9.0, 16.0, 25.0], np.ones(3), best=2.0)


def test_equal_statistics_are_accepted_whatever_the_last_digit() -> None:
    """With few events the statistic of the data is one of those of the toys, found by other fits."""
    ts, critical = np.array([4.0, 1.0 + 1e-7, 0.2, 1.0 + 1e-7, 4.0]), np.ones(5)
    assert accepted_interval([0.0, 1.0, 2.0, 3.0, 4.0], ts, critical, best=2.0) == (1.0, 3.0)


def test_a_count_fitted_with_minuit_has_the_exact_interval() -> None:
    """Two events over a background of 3 at 68.27 %: the exact construction accepts signals up to 1.41, and a fit's rounding must not matter."""
    nll = counting_experiment(2.0, background=3.0)
    grid = [0.0, 0.5, 1.0, 2.4]
    result = feldman_cousins(nll, minimise(nll), "astro_norm", grid, toys=150, cl=[0.6827], seed=3)
    low, high = result.interval["0.6827"]
    assert low == 0.0
    assert 1.0 <= high < 2.4


def test_interval_of_the_spectral_index_is_near_the_profile_one() -> None:
    nll = likelihood(toy_counts(1))
    best = minimise(nll, minos=["astro_gamma"])
    gamma, (down, up) = best.values["astro_gamma"], best.minos["astro_gamma"]
    grid = [gamma + step for step in (2.0 * down, 1.1 * down, 0.7 * down, 0.7 * up, 1.1 * up, 2.0 * up)]
    result = feldman_cousins(nll, best, "astro_gamma", grid, toys=40, cl=[0.6827], seed=3)
    low, high = result.interval["0.6827"]
    assert 0.5 * down > low - gamma > 1.8 * down
    assert 0.5 * up < high - gamma < 1.8 * up
    assert result.n_failed == 0
    assert result.n_toys == 40
    assert all(error > 0 for error in result.critical_error["0.6827"])


def test_statistic_is_not_negative_and_belongs_to_its_number() -> None:
    nll = likelihood(toy_counts(2))
    study = PointStudy(nll, "astro_gamma", {"astro_norm": 6.0, "astro_gamma": 2.7, "atmos_norm": 1.0}, point=0, seed=5)
    values = [study(i) for i in range(10)]
    assert min(values) >= -1e-6
    assert pickle.loads(pickle.dumps(study))(7) == values[7]


def test_a_free_fit_that_misses_is_repeated_and_never_floored() -> None:
    nll = Count(4.0)

    def misses(target: Count, **options):
        found = exact_fit(target, **options)
        lost = options.get("fixed") is None and options.get("starts") == [{"signal": 3.5}]
        return exact_fit(target, fixed={"signal": 30.0}) if lost else found

    assert likelihood_ratio(nll, "signal", {"signal": 3.5}, fit=misses) == pytest.approx(2 * (3.5 - 4.0 - 4.0 * math.log(3.5 / 4.0)))

    def always_misses(target: Count, **options):
        return exact_fit(target, fixed=options.get("fixed") or {"signal": 30.0})

    assert math.isnan(likelihood_ratio(nll, "signal", {"signal": 3.5}, fit=always_misses))


def test_wrong_requests_are_refused() -> None:
    nll = Count(2.0)
    with pytest.raises(InputError, match="did you mean 'signal'"):
        feldman_cousins(nll, exact_fit(nll), "signl", [1.0, 2.0, 3.0], toys=5, cl=[0.9], seed=1, fit=exact_fit)
    with pytest.raises(InputError, match="3 ascending values"):
        feldman_cousins(nll, exact_fit(nll), "signal", [1.0, 3.0, 2.0], toys=5, cl=[0.9], seed=1, fit=exact_fit)
    with pytest.raises(InputError, match="toys need a seed"):
        feldman_cousins(nll, exact_fit(nll), "signal", [1.0, 2.0, 3.0], toys=5, cl=[0.9], seed=None, fit=exact_fit)


def test_a_grid_point_whose_fit_does_not_converge_is_left_out_and_named() -> None:
    def fit(nll, *, fixed=None, **options):
        found = exact_fit(nll, fixed=fixed, **options)
        return replace(found, valid=False, reason="stuck", nll=found.nll + 100.0) if (fixed or {}).get("signal") == 2.0 else found

    nll = Count(2.0)
    grid = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    found = feldman_cousins(nll, exact_fit(nll), "signal", grid, toys=200, cl=[0.6827], seed=1, fit=fit)
    assert found.failed_points == [2.0]
    assert found.grid == [value for value in grid if value != 2.0]
    assert found.interval["0.6827"] == pytest.approx((0.7358, 4.2504), abs=0.6)  # Feldman-Cousins 1998 for 2 events without background


def test_a_point_without_toys_is_left_out_of_the_interval() -> None:
    """It has no critical value; taking it for refused would end the interval there."""

    def lost(nll: Count, *, fixed=None, **options):
        toy_at_4 = nll is not data and (fixed or {}).get("signal") == 4.0
        return replace(exact_fit(nll, fixed=fixed, **options), valid=not toy_at_4)

    data = Count(3.0)
    options = {"toys": 200, "cl": [0.6827], "seed": 2}
    whole = feldman_cousins(data, exact_fit(data), "signal", [1.0, 2.0, 4.0, 5.0, 6.0], fit=exact_fit, **options)
    found = feldman_cousins(data, exact_fit(data), "signal", [1.0, 2.0, 4.0, 5.0, 6.0], fit=lost, **options)
    assert found.failed_points == [4.0]
    assert found.n_failed == 200
    assert np.isfinite(found.critical["0.6827"]).all()
    assert found.interval["0.6827"][1] == pytest.approx(whole.interval["0.6827"][1], abs=0.8)
    assert found.interval["0.6827"][1] > 4.0
