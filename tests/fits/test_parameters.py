"""What a configuration may change about a parameter, and what is refused."""

from __future__ import annotations

import math

import pytest

from configs.diffuse import ParameterOptions
from configs.errors import InputError
from fits.parameters import ATMOSPHERIC_PRIOR, FitParameter, configure
from fits.priors import Flat, Gaussian

PARAMETERS = (FitParameter("astro_norm", (6.0,), 0.0), FitParameter("astro_gamma", (2.5,), 1.0, 5.0), FitParameter("atmos_norm", (1.0,), 0.0))


def test_nothing_given_nothing_changed() -> None:
    assert configure(PARAMETERS, {}) == PARAMETERS


def test_default_priors_give_way_to_the_configuration() -> None:
    defaults = {"atmos_norm": ATMOSPHERIC_PRIOR}
    assert configure(PARAMETERS, {}, defaults)[2].prior == Gaussian(1.0, 0.4)
    options = {"atmos_norm": ParameterOptions(prior={"gaussian": (1.0, 0.1)})}
    assert configure(PARAMETERS, options, defaults)[2].prior == Gaussian(1.0, 0.1)
    assert configure(PARAMETERS, {"atmos_norm": ParameterOptions(start=1.2)}, defaults)[2].prior == Gaussian(1.0, 0.4)
    assert configure(PARAMETERS, {"atmos_norm": ParameterOptions(prior=None)}, defaults)[2].prior is None


def test_several_starts_bounds_and_fixed() -> None:
    norm, gamma, _ = configure(
        PARAMETERS, {"astro_norm": ParameterOptions(bounds=(None, 20.0), fixed=True), "astro_gamma": ParameterOptions(start=[2.0, 3.0])}
    )
    assert (norm.lower, norm.upper, norm.fixed) == (-math.inf, 20.0, True)
    assert gamma.starts == (2.0, 3.0)
    assert gamma.start == 2.0


def test_a_flat_prior_sets_limits() -> None:
    gamma = configure(PARAMETERS, {"astro_gamma": ParameterOptions(prior={"flat": (2.0, 9.0)})})[1]
    assert gamma.prior == Flat(2.0, 9.0)
    assert (gamma.lower, gamma.upper) == (2.0, 5.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"astro_gama": ParameterOptions()}, r"'astro_gama' is not a parameter of this model; did you mean 'astro_gamma'"),
        ({"astro_gamma": ParameterOptions(start=7.0)}, r"parameter astro_gamma: start 7.0 lies outside its bounds \[1.0, 5.0\]"),
        ({"astro_gamma": ParameterOptions(bounds=(3.0, 4.0))}, r"parameter astro_gamma: start 2.5 lies outside its bounds \[3.0, 4.0\]"),
        ({"astro_norm": ParameterOptions(bounds=(3.0, 3.0))}, r"parameter astro_norm: bounds \[3.0, 3.0\] are not ascending"),
    ],
)
def test_bad_options_are_refused(options, message: str) -> None:
    with pytest.raises(InputError, match=message):
        configure(PARAMETERS, options)
