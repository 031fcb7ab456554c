"""The nuisance profiled at many points at once, against closed forms and against SciPy point by point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import norm, poisson

from fits.linear import profile_linear


def direct(nu: float, k: np.ndarray, a: np.ndarray, b: np.ndarray, prior: tuple[float, float] | None) -> float:
    value = -poisson.logpmf(k, a + nu * b).sum()
    return value if prior is None else value - norm.logpdf(nu, *prior)


def test_without_fixed_part_the_nuisance_is_the_ratio_of_sums() -> None:
    k, b = np.array([3.0, 0.0, 7.0]), np.array([1.0, 2.0, 4.0])
    nu, nll = profile_linear(k, np.zeros((2, 3)), b)
    np.testing.assert_allclose(nu, 10.0 / 7.0, rtol=1e-12)
    np.testing.assert_allclose(nll, -poisson.logpmf(k, nu[0] * b).sum(), rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), prior=st.sampled_from([None, (1.0, 0.4), (0.3, 0.05)]))
def test_agrees_with_a_scalar_minimiser(seed: int, prior: tuple[float, float] | None) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.exponential(0.5, (4, 12)), rng.exponential(0.3, 12)
    k = rng.poisson(a[0] + b).astype(float)
    nu, nll = profile_linear(k, a, b, prior=prior, bounds=(0.0, 50.0))
    for point in range(4):
        found = minimize_scalar(direct, bounds=(0.0, 50.0), args=(k, a[point], b, prior), method="bounded", options={"xatol": 1e-9})
        assert nll[point] == pytest.approx(direct(nu[point], k, a[point], b, prior), rel=1e-12)
        assert nll[point] <= found.fun + 1e-9
        assert nll[point] == pytest.approx(found.fun, abs=1e-6)


def test_bounds_hold_where_the_zero_lies_beyond() -> None:
    k, b = np.array([2.0, 1.0]), np.array([1.0, 1.0])
    nu, _ = profile_linear(k, np.array([[5.0, 5.0], [0.1, 0.1]]), b, bounds=(0.0, 1.2))
    np.testing.assert_array_equal(nu, [0.0, 1.2])


def test_a_bin_that_nothing_can_fill_costs_infinity() -> None:
    nu, nll = profile_linear(np.array([1.0, 1.0]), np.array([[0.0, 0.5], [0.2, 0.5]]), np.array([0.0, 1.0]))
    assert np.isinf(nll[0])
    assert np.isfinite(nll[1])
    assert np.isfinite(nu).all()


def test_many_data_sets_at_once_are_each_their_own_problem() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.exponential(0.5, 9), rng.exponential(0.3, 9)
    k = rng.poisson(a + b, (20, 9)).astype(float)
    together = profile_linear(k, np.broadcast_to(a, k.shape), b, prior=(1.0, 0.4))
    alone = [profile_linear(row, a, b, prior=(1.0, 0.4)) for row in k]
    np.testing.assert_allclose(together[0], [nu[0] for nu, _ in alone], rtol=1e-9)
    np.testing.assert_allclose(together[1], [nll[0] for _, nll in alone], rtol=1e-12)


def test_expectation_without_slope_leaves_the_prior() -> None:
    nu, nll = profile_linear(np.array([2.0]), np.array([[3.0]]), np.array([0.0]), prior=(1.0, 0.4))
    assert nu[0] == pytest.approx(1.0)
    assert nll[0] == pytest.approx(direct(1.0, np.array([2.0]), np.array([3.0]), np.array([0.0]), (1.0, 0.4)))
