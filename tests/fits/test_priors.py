"""Priors: normalised densities, gradients, throws; the published constants of the official fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from configs import diffuse
from configs.errors import InputError
from fits.priors import Asymmetric, Flat, Gaussian, LogNormal, describe, from_options

# Specification diffuse 4.2: prior means and sigmas of the official fit, and its published best fit.
OFFICIAL = {
    "cr_delta_gamma": (-0.05, 0.05, -0.05309302),
    "nunubar_ratio": (1.0, 0.1, 0.99815326),
    "anisotropy_scale": (1.0, 0.2, 1.000683),
    "conv_norm": (1.0, 0.4, 1.00621679),
    "epsilon_dom": (0.99, 0.1, 0.95192328),
    "epsilon_head_on": (0.0, 0.5, -0.0548763),
    "muon_norm": (1.0, 0.5, 1.18706341),
    "kpi_ratio": (1.0, 0.1, 1.00013744),
}


def test_golden_7_prior_part_of_the_published_fit() -> None:
    """G7: constants -6.4640022923, quadratic 0.1507115147 at the published point."""
    priors = [(Gaussian(mean, sigma), value) for mean, sigma, value in OFFICIAL.values()]
    constant = math.fsum(prior.constant for prior, _ in priors)
    quadratic = math.fsum(prior.quadratic(value) for prior, value in priors)
    assert constant == pytest.approx(-6.4640022923, abs=1e-9)
    assert quadratic == pytest.approx(0.1507115147, abs=1e-9)


def test_gaussian_is_scipys_density() -> None:
    prior = Gaussian(1.0, 0.4)
    for x in (-0.3, 1.0, 2.2):
        assert prior.quadratic(x) + prior.constant == pytest.approx(-norm.logpdf(x, 1.0, 0.4), rel=1e-14)


@pytest.mark.parametrize("prior", [Gaussian(1.0, 0.4), Asymmetric(1.0, 0.2, 0.7), Flat(-1.0, 3.0)])
def test_densities_integrate_to_one(prior) -> None:
    low, high = (prior.low, prior.high) if isinstance(prior, Flat) else (-6.0, 8.0)
    integral, _ = quad(lambda x: math.exp(-prior.quadratic(x) - prior.constant), low, high, points=[1.0])
    assert integral == pytest.approx(1.0, abs=1e-8)


def test_lognormal_is_the_density_of_the_measured_logarithm() -> None:
    prior = LogNormal(2.0, 0.3)
    assert prior.quadratic(3.0) + prior.constant == pytest.approx(-norm.logpdf(math.log(2.0), math.log(3.0), 0.3), rel=1e-13)
    assert prior.quadratic(0.0) == math.inf


@given(x=st.floats(0.05, 5.0))
def test_gradients(x: float) -> None:
    for prior in (Gaussian(1.0, 0.4), LogNormal(1.5, 0.3), Asymmetric(1.0, 0.2, 0.7)):
        h = 1e-6
        numeric = (prior.quadratic(x + h) - prior.quadratic(x - h)) / (2 * h)
        assert prior.gradient(x) == pytest.approx(numeric, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("prior", [Gaussian(1.0, 0.4), LogNormal(1.5, 0.3), Asymmetric(1.0, 0.2, 0.7)])
def test_thrown_centres_have_the_pulls_of_a_unit_normal(prior) -> None:
    """The auxiliary measurement of a truth: pull of the truth with respect to the thrown prior is standard normal in its quantiles."""
    random = np.random.default_rng(4)
    truth = 1.3
    pulls = np.array([prior.around(prior.throw(truth, random)).pull(truth) for _ in range(4000)])
    assert np.mean(np.abs(pulls) < 1.0) == pytest.approx(0.6827, abs=0.025)
    below = prior.down / (prior.down + prior.up) if isinstance(prior, Asymmetric) else 0.5
    assert np.mean(pulls < 0) == pytest.approx(below, abs=0.025)


def test_flat_prior_outside_its_bounds_is_an_error_not_an_infinity_without_gradient() -> None:
    prior = Flat(0.0, 2.0)
    assert prior.quadratic(2.0) == 0.0
    assert prior.gradient(1.0) == 0.0
    assert prior.pull(1.0) is None
    assert prior.around(7.0) == prior
    assert prior.throw(0.3, np.random.default_rng(1)) == prior.centre == 1.0
    with pytest.raises(InputError, match=r"value 2.1 lies outside its flat prior \[0.0, 2.0\]"):
        prior.quadratic(2.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gaussian(1.0, 0.0), r"sigma of a prior must be positive and finite, got 0.0"),
        (lambda: LogNormal(-1.0, 0.1), r"median of a prior must be positive"),
        (lambda: Asymmetric(1.0, 0.1, -2.0), r"upper sigma of a prior must be positive"),
        (lambda: Flat(2.0, 1.0), r"a flat prior needs low < high, got 2.0, 1.0"),
        (lambda: Gaussian(1.0, math.nan), r"sigma of a prior must be positive and finite, got nan"),
        (lambda: Gaussian(math.nan, 1.0), r"mean of a prior must be a finite number, got nan; for no prior write prior: null"),
        (lambda: Asymmetric(math.inf, 1.0, 1.0), r"mode of a prior must be a finite number, got inf"),
    ],
)
def test_bad_priors_are_refused(make, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_options_become_priors() -> None:
    assert from_options(diffuse.Prior(gaussian=(1.0, 0.4))) == Gaussian(1.0, 0.4)
    assert from_options(diffuse.Prior(lognormal=(1.0, 0.4))) == LogNormal(1.0, 0.4)
    assert from_options(diffuse.Prior(asymmetric=(1.0, 0.4, 0.5))) == Asymmetric(1.0, 0.4, 0.5)
    assert from_options(diffuse.Prior(flat=(0.0, 2.0))) == Flat(0.0, 2.0)
    assert describe(None) is None
    assert describe(Flat(0.0, 2.0)) == "flat(0, 2)"
