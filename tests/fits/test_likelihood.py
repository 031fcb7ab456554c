"""Kernels against golden numbers, many-digit arithmetic, brute force and each other."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.effective_likelihood import barlow_beeston, exact, exact_slopes, textbook
from scipy.special import gammaln
from scipy.stats import poisson as scipy_poisson

from configs.errors import InputError
from fits.likelihood import bb_lite, poisson, prepare, say

GOLDEN = [  # k, mu, s2, ln L: specification diffuse G3, computed with 80 digits
    (3, 1, 0.5, -2.209647097335),
    (3, 1, 1e-2, -2.767282117567),
    (3, 1, 1e-8, -2.791759444228),
    (3, 1, 1e-16, -2.791759469228),
    (3, 1, 0, -2.791759469228),
    (0, 0.25, 0.01, -0.284350170361),
    (1, 0.003, 2e-6, -5.612804184382),
    (5, 4.2, 0.7, -1.865481303865),
    (12, 7.5, 3, -3.033848296293),
    (200, 180, 50, -4.511650600220),
    (2, 1e-9, 1e-12, -13.818507559964),
    (2.5, 1.3, 0.2, -1.789836110029),
    (2.5, 1.3, 1e-9, -1.845062940782),
]
GOLDEN_SLOPES = [  # k, mu, s2, d ln L/d mu, d ln L/d s2
    (3, 1, 0.5, 0.511472900901, 0.488527099099),
    (5, 4.2, 0.7, 0.153973691537, -0.074165972571),
    (0, 0.25, 0.01, -0.845651042279, -3.371669663815),
    (3, 1, 1e-12, 2, 2.5),
]
COUNTS = [0, 1, 2, 3, 12, 64, 65, 200, 1e-3, 0.5, 2.5, 150.2]


def test_golden_3_effective_likelihood() -> None:
    k, mu, s2, expected = np.array(GOLDEN).T
    np.testing.assert_allclose(-say(k, mu, s2)[0], expected, rtol=0, atol=1e-11)


def test_golden_3_slopes_of_the_effective_likelihood() -> None:
    k, mu, s2, in_mu, in_s2 = np.array(GOLDEN_SLOPES).T
    _, got_mu, got_s2 = say(k, mu, s2)
    np.testing.assert_allclose(-got_mu, in_mu, rtol=0, atol=1e-11)
    np.testing.assert_allclose(-got_s2, in_s2, rtol=0, atol=1.1e-11)  # at s2 = 1e-12 the true slope is 2.5 - 1.07e-11


@settings(max_examples=150, deadline=None)
@given(k=st.sampled_from(COUNTS), log_mu=st.floats(-6, 2.5), log_ratio=st.floats(-20, 2))
def test_effective_likelihood_agrees_with_many_digits_down_to_vanishing_variance(k: float, log_mu: float, log_ratio: float) -> None:
    mu = 10.0**log_mu
    s2 = mu**2 * 10.0**log_ratio
    nll, in_mu, in_s2 = (float(one) for one in say(k, mu, s2))
    with mpmath.workdps(80):
        truth = float(-exact(k, mu, s2))
    slope_mu, slope_s2 = (float(-one) for one in exact_slopes(k, mu, s2))
    assert nll == pytest.approx(truth, rel=4e-15, abs=2e-13 * max(1.0, k / 50))
    assert in_mu == pytest.approx(slope_mu, rel=1e-10, abs=1e-10 * (1.0 + k / mu))
    assert in_s2 == pytest.approx(slope_s2, rel=1e-9, abs=1e-9 * max(0.5 / mu, abs(slope_s2)))


def test_digits_lost_by_the_textbook_formula() -> None:
    """Defect of the reference program (specification 9): wrong by 4e-7 at s2 = 1e-8, by 0.01 at 1e-12, meaningless at 1e-16."""
    truth = -2.791759469228  # at s2 -> 0
    assert abs(textbook(3, 1, 1e-12) - truth) > 1e-4
    assert abs(textbook(3, 1, 1e-14) - truth) > 1e-2
    for s2 in (1e-12, 1e-14, 1e-16, 1e-30, 0.0):
        assert -say(3, 1, s2)[0] == pytest.approx(truth, abs=1e-11)


def test_difference_of_gamma_functions_of_the_specification_is_no_better_than_1e_11_below_its_switch() -> None:
    """The specification switches from lnG(z+k) - lnG(z) to a series at z = 1e4 and claims 1e-12; ours switches at z = 32."""
    k, mu = 2.5, 1.3
    z = np.linspace(5e3, 9.9e3, 300)
    r = mu / (z - 1.0)
    with mpmath.workdps(60):
        truth = np.array([float(exact(k, mu, mu * one)) for one in r])
    as_specified = -mu * np.log1p(r) / r - (k + 1) * np.log1p(r) + k * np.log(r) + gammaln(z + k) - gammaln(z) - gammaln(k + 1)
    assert np.abs(as_specified - truth).max() > 3e-12
    assert np.abs(-say(k, mu, mu * r)[0] - truth).max() < 1e-13


@settings(max_examples=60, deadline=None)
@given(k=st.integers(0, 60), mu=st.floats(1e-3, 100.0))
def test_without_variance_all_likelihoods_are_poisson(k: int, mu: float) -> None:
    truth = -float(scipy_poisson.logpmf(k, mu))
    for nll, in_mu, _ in (poisson(k, mu), say(k, mu, 0.0), bb_lite(k, mu, 0.0)):
        assert float(nll) == pytest.approx(truth, rel=1e-12, abs=1e-12)
        assert float(in_mu) == pytest.approx(1.0 - k / mu, rel=1e-11, abs=1e-11)


def test_effective_likelihood_is_a_probability() -> None:
    k = np.arange(0, 3000)
    assert np.exp(-say(k, 3.0, 0.7)[0]).sum() == pytest.approx(1.0, abs=1e-11)


def test_direct_sums_and_gamma_functions_join_smoothly() -> None:
    """Counts up to 64 are summed term by term, larger ones are not: recurrence L(k+1) - L(k) over the seam."""
    k, mu, s2 = np.array([63.0, 64.0, 65.0, 66.0]), 60.0, 40.0
    r = s2 / mu
    step = -np.diff(say(k, mu, s2)[0])
    np.testing.assert_allclose(step, np.log(mu + k[1:] * r) - np.log1p(r) - np.log(k[1:]), atol=1e-12)


@settings(max_examples=80, deadline=None)
@given(k=st.integers(0, 30), mu=st.floats(0.01, 50.0), relative=st.floats(0.02, 1.5))
def test_barlow_beeston_is_the_minimum_over_its_factor(k: int, mu: float, relative: float) -> None:
    s2 = (relative * mu) ** 2
    assert float(bb_lite(k, mu, s2)[0]) == pytest.approx(barlow_beeston(k, mu, s2), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("kernel", [say, bb_lite, lambda k, mu, s2: poisson(k, mu)], ids=["say", "bb_lite", "poisson"])
@settings(max_examples=60, deadline=None)
@given(k=st.sampled_from([0, 1, 3, 12, 80, 0.4, 2.5]), mu=st.floats(0.05, 60.0), relative=st.floats(0.05, 0.9))
def test_slopes_are_those_of_the_value(kernel, k: float, mu: float, relative: float) -> None:
    s2 = (relative * mu) ** 2
    _, in_mu, in_s2 = kernel(k, mu, s2)
    h_mu, h_s2 = 1e-5 * mu, 1e-5 * s2
    numeric_mu = (kernel(k, mu + h_mu, s2)[0] - kernel(k, mu - h_mu, s2)[0]) / (2 * h_mu)
    numeric_s2 = (kernel(k, mu, s2 + h_s2)[0] - kernel(k, mu, s2 - h_s2)[0]) / (2 * h_s2)
    scale = 1.0 + k / mu
    assert float(in_mu) == pytest.approx(float(numeric_mu), rel=1e-6, abs=1e-6 * scale)
    assert float(in_s2) == pytest.approx(float(numeric_s2), rel=1e-5, abs=1e-5 * scale / mu)


@pytest.mark.parametrize("name", ["poisson", "say", "bb_lite"])
def test_empty_expectation(name: str) -> None:
    nll, in_mu, in_s2 = prepare(name, [0.0, 2.0])(np.zeros(2), np.zeros(2))
    assert nll[0] == 0.0
    assert nll[1] == math.inf
    assert in_mu[1] < 0  # towards larger mu
    assert np.all(np.isfinite(in_s2))


def test_unknown_likelihood_and_bad_counts() -> None:
    with pytest.raises(InputError, match=r"'poison' does not exist; did you mean 'poisson'"):
        prepare("poison", [1.0])
    with pytest.raises(InputError, match=r"finite and not negative; the smallest is -1"):
        prepare("say", [-1.0, 2.0])
