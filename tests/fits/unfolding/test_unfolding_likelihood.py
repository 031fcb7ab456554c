"""Likelihoods of counts against 60 digits, against limits, and their derivatives against differences."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from golden_problem import golden
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import unfolding_literal as literal

from configs.errors import InputError
from fits import likelihood as of_diffuse
from fits.unfolding import NuisanceTemplate
from fits.unfolding.gamma_ratio import log_gamma_ratio, ratio_derivatives
from fits.unfolding.likelihood import Likelihood
from fits.unfolding.posterior import Posterior

counts = st.integers(0, 20_000).map(float)
means = st.floats(1e-3, 2e4)
relative = st.floats(-9, 1).map(lambda power: 10.0**power)  # v/mu


@settings(max_examples=200, deadline=None)
@given(counts, means, relative)
def test_say_has_all_digits(g: float, mu: float, ratio: float) -> None:
    ours = float(Likelihood("say", [g]).total(np.array([mu]), np.array([mu * ratio])))
    assert ours == pytest.approx(literal.say(g, mu, mu * ratio), rel=1e-11, abs=1e-9)


@pytest.mark.parametrize("ratio", [1e-8, 1e-10, 0.0])
def test_say_does_not_cancel(ratio: float) -> None:
    """At mu = 1e4 the form of the paper is wrong by 0.003 at v/mu = 1e-8 and by 0.85 at 1e-10; the truth is Poisson within 1e-6."""
    g, mu = np.array([10_300.0]), np.array([1e4])
    assert float(Likelihood("say", g).total(mu, mu * ratio)) == pytest.approx(float(Likelihood("none", g).total(mu, mu)), abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5000).map(float), st.floats(0.1, 5e3), st.floats(1e-6, 5.0))
def test_bb_lite_profiles_its_factor(g: float, mu: float, ratio: float) -> None:
    ours = float(Likelihood("bb_lite", [g]).total(np.array([mu]), np.array([mu * ratio])))
    assert ours == pytest.approx(literal.bb_lite(g, mu, mu * ratio), rel=1e-8, abs=1e-7)


@settings(max_examples=100, deadline=None)
@given(counts, means, relative, st.sampled_from(["say", "bb_lite"]))
def test_same_as_the_likelihoods_of_the_other_analysis(g: float, mu: float, ratio: float, name: str) -> None:
    """``fits.likelihood`` sums the rising product term by term; value and first derivatives agree."""
    value, in_mu, in_v = getattr(of_diffuse, name)([g], [mu], [mu * ratio])
    ours = Likelihood(name, [g]).slopes(np.array([mu]), np.array([mu * ratio]))
    assert ours.nll == pytest.approx(value, rel=1e-10, abs=1e-8)
    assert ours.m == pytest.approx(in_mu, rel=1e-6, abs=1e-7)
    assert ours.v * mu * ratio == pytest.approx(in_v * mu * ratio, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", ["none", "say", "bb_lite"])
@pytest.mark.parametrize(("g", "mu", "v"), [(0.0, 2.0, 0.5), (3.0, 2.0, 0.5), (0.0, 2.0, 5.0), (120.0, 100.0, 3.0), (7.5, 9.0, 30.0)])
def test_derivatives(name: str, g: float, mu: float, v: float) -> None:
    likelihood = Likelihood(name, [g])
    h = 1e-5

    def at(x: float, y: float):
        return likelihood.slopes(np.array([x]), np.array([y]))

    here = at(mu, v)
    for first, second, low, high in (
        ("nll", "m", at(mu - h, v), at(mu + h, v)),
        ("nll", "v", at(mu, v - h), at(mu, v + h)),
        ("m", "mm", at(mu - h, v), at(mu + h, v)),
        ("m", "mv", at(mu, v - h), at(mu, v + h)),
        ("v", "mv", at(mu - h, v), at(mu + h, v)),
        ("v", "vv", at(mu, v - h), at(mu, v + h)),
    ):
        slope = (getattr(high, first) - getattr(low, first)) / (2 * h)
        assert getattr(here, second) == pytest.approx(slope, rel=1e-5, abs=1e-8), (first, second)


@pytest.mark.parametrize("a", [1.0, 1.5, 7.3, 15.9, 16.0, 40.0, 1e5, 1e12])
@pytest.mark.parametrize("g", [0.0, 1.0, 3.7, 500.0])
def test_gamma_ratio(a: float, g: float) -> None:
    with mpmath.workdps(50):
        exact = [float(mpmath.polygamma(k, mpmath.mpf(a) + g) - mpmath.polygamma(k, a)) for k in (0, 1)]
        value = float(mpmath.loggamma(mpmath.mpf(a) + g) - mpmath.loggamma(a))
    first, second = ratio_derivatives(np.array([a]), np.array([g]))
    assert log_gamma_ratio(np.array([a]), np.array([g]))[0] == pytest.approx(value, rel=1e-13, abs=1e-12)
    assert first[0] == pytest.approx(exact[0], rel=1e-11, abs=1e-300)
    assert second[0] == pytest.approx(exact[1], rel=1e-10, abs=1e-300)


@pytest.mark.parametrize("name", ["none", "say", "bb_lite"])
def test_impossible_bins_cost_everything_and_empty_ones_nothing(name: str) -> None:
    likelihood = Likelihood(name, [0.0, 2.0])
    found = likelihood.per_bin(np.array([[0.0, 2.0], [0.0, 0.0], [-1.0, 2.0]]), np.full((3, 2), 0.1))
    assert found[0, 0] == 0.0
    assert np.isfinite(found[0]).all()
    assert np.isinf(found[1, 1])
    assert np.isinf(found[2, 0])


def test_unknown_statistic_is_named() -> None:
    with pytest.raises(InputError, match="did you mean 'say'"):
        Likelihood("sya", [1.0])


def test_objective_equals_loops_over_cells() -> None:
    random = np.random.default_rng(5)
    templates = (
        NuisanceTemplate("rows", random.normal(0, 0.1, 6), random.normal(0, 0.01, 6)),
        NuisanceTemplate("cells", random.normal(0, 0.1, (6, 4)), random.normal(0, 0.01, (6, 4))),
    )
    problem = golden(tau=0.02, epsilon=0.1, templates=templates, background=np.arange(6.0))
    for _ in range(5):
        theta = Posterior(problem).start + random.normal(0, 0.2, 7)
        assert Posterior(problem).value(theta) == pytest.approx(literal.objective(problem, theta), rel=1e-12)
