"""The closed form against minimisers that know nothing of it, and against the limits of much and of no simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import xlogy

from fits.barlow_beeston import exact, profiled


def slow(count: float, s: np.ndarray, events: np.ndarray, observed: np.ndarray) -> float:
    """The minimum over the factors of one bin, found numerically."""

    def nll(log_gamma: np.ndarray) -> float:
        gamma = np.exp(log_gamma)
        f = float((gamma * s).sum())
        templates = events * gamma - observed + xlogy(observed, observed) - xlogy(observed, events * gamma)
        return f - count + xlogy(count, count) - xlogy(count, f) + float(templates.sum())

    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 6000, "maxfev": 6000}
    return min(minimize(nll, start * np.ones(len(s)), method="Nelder-Mead", options=options).fun for start in (0.0, -2.0))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 60), st.lists(st.tuples(st.floats(0.01, 30), st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=2))
def test_minimum_over_the_factors_is_that_of_a_numerical_minimiser(count: int, samples: list[tuple[float, int, int]]) -> None:
    s, events, observed = (np.array(values, float) for values in zip(*samples, strict=True))
    found = profiled(np.array([float(count)]), s[:, None], events[:, None], observed[:, None])
    assert float(found.nll[0]) == pytest.approx(slow(count, s, events, observed), abs=2e-5)
    assert float(found.nll[0]) <= slow(count, s, events, observed) + 1e-8  # a minimum: nobody finds a lower one


def test_one_sample_shares_the_difference_between_data_and_template() -> None:
    # d events and tau template events of one mean: gamma s = s (d + tau)/(s + tau), the pooled estimate.
    d, s, tau = np.array([30.0]), np.array([[10.0]]), np.array([[40.0]])
    found = profiled(d, s, tau)
    assert found.gamma[0, 0] == pytest.approx((30 + 40) / (10 + 40))
    assert found.u[0] == pytest.approx(1 - 30 / found.expected[0])


def test_infinite_statistics_are_exact_templates() -> None:
    random = np.random.default_rng(3)
    d, s = random.poisson(20, 8).astype(float), random.uniform(1, 15, (3, 8))
    many, fixed = profiled(d, s, np.full((3, 8), 1e9)), exact(d, s)
    assert np.allclose(many.nll, fixed.nll, atol=1e-6)
    assert np.allclose(many.slope, fixed.slope, atol=1e-6)


def test_slope_is_the_derivative() -> None:
    random = np.random.default_rng(5)
    d, s, tau = random.poisson(9, 6).astype(float), random.uniform(0.5, 9, (3, 6)), random.integers(1, 30, (3, 6)).astype(float)
    observed = random.poisson(tau).astype(float)
    step = 1e-6
    for sample in range(3):
        shifted = [profiled(d, s + sign * step * (np.arange(3) == sample)[:, None], tau, observed).nll for sign in (1, -1)]
        assert np.allclose((shifted[0] - shifted[1]) / (2 * step), profiled(d, s, tau, observed).slope[sample], atol=1e-5)


def test_empty_template_takes_what_nothing_else_explains() -> None:
    # 40 events where 1 is expected from a well-known sample: the empty template's factor rises, at a price of 1/s each.
    found = profiled(np.array([40.0]), np.array([[1.0], [5.0]]), np.array([[1e6], [1.0]]), np.array([[1e6], [0.0]]))
    assert found.gamma[1, 0] * 5.0 == pytest.approx(40 / (1 + 1 / 5) - 1, rel=1e-3)
    little = profiled(np.array([1.0]), np.array([[1.0], [5.0]]), np.array([[1e6], [1.0]]), np.array([[1e6], [0.0]]))
    assert little.gamma[1, 0] == 0.0


def test_value_is_smooth_beside_empty_templates_of_vanishing_samples() -> None:
    # Rounding once went into the factor of a sample that expects nothing: the likelihood had steps of 1e-4.
    random = np.random.default_rng(1)
    tau = random.integers(1, 9, (3, 30)).astype(float)
    observed = random.poisson(tau).astype(float)
    d, s = random.poisson(50, 30).astype(float), random.uniform(5, 30, (3, 30))
    observed[2, ::2], s[2, ::2] = 0.0, 0.0
    values = [profiled(d, s * (1 + shift), tau, observed).nll.sum() for shift in np.linspace(0, 1e-6, 7)]
    assert np.abs(np.diff(values, 2)).max() < 1e-8
