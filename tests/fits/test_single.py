"""One free parameter: the direct zero of the derivative against closed forms and against Minuit, for every likelihood."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from counting_case import Count
from generated_case import generated
from surrogate_case import likelihood, toy_counts

from configs.diffuse import ParameterOptions, Prior
from fits.conditional import conditional
from fits.minimise import minimise
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from fits.parameters import ATMOSPHERIC_PRIOR, FitParameter, configure
from fits.single import minimise_single
from physics.spectra import PowerLaw


@pytest.mark.parametrize("start", [1e-3, 0.7, 5.0, 400.0])
@pytest.mark.parametrize(("k", "background", "signal"), [(6.0, 1.5, 4.5), (0.0, 2.0, 0.0), (1.0, 3.0, 0.0), (900.0, 0.0, 900.0)])
def test_a_count_is_minimised_from_any_start(k: float, background: float, signal: float, start: float) -> None:
    found = minimise_single(Count(k, background), {}, {"signal": start})
    assert found is not None
    assert found.values["signal"] == pytest.approx(signal, rel=1e-6, abs=1e-9)
    assert found.at_bound == (("signal",) if signal == 0.0 else ())
    if signal > 0.0:
        assert found.errors["signal"] == pytest.approx(np.sqrt(k), rel=0.05)
    assert found.calls < 40


def test_an_upper_limit_of_the_parameter_holds() -> None:
    nll = replace(Count(6.0), parameters=(FitParameter("signal", (1.0,), 0.0, 2.0),))
    found = minimise_single(nll, {}, {"signal": 1.0})
    assert found is not None
    assert found.values["signal"] == 2.0
    assert found.at_bound == ("signal",)


@pytest.mark.parametrize("name", ["poisson", "say", "bb_lite"])
@pytest.mark.parametrize("prior", [None, ATMOSPHERIC_PRIOR])
def test_every_likelihood_agrees_with_minuit(name: str, prior) -> None:
    model = Model(generated().response, PowerLaw())
    counts = np.random.default_rng(4).poisson(model.expected([6.4, 2.87, 1.0]))
    nll = NegativeLogLikelihood(model, counts, name, parameters=configure(model.parameters, {}, {} if prior is None else {"atmos_norm": prior}))
    for norm, gamma in ((2.0, 2.2), (6.4, 2.87), (11.0, 3.6)):
        held = {"astro_norm": norm, "astro_gamma": gamma}
        found = minimise_single(nll, held, {"atmos_norm": 1.0})
        assert found is not None
        minuit = minimise(nll, fixed=held)
        assert found.nll <= minuit.nll + 1e-8
        assert found.nll == pytest.approx(minuit.nll, abs=1e-6)
        assert found.values["astro_gamma"] == gamma
        if not found.at_bound:
            assert found.values["atmos_norm"] == pytest.approx(minuit.values["atmos_norm"], abs=1e-3)
            assert found.errors["atmos_norm"] == pytest.approx(minuit.errors["atmos_norm"], rel=0.05)


def test_more_or_fewer_free_parameters_are_left_to_minuit() -> None:
    nll = likelihood(toy_counts(1))
    assert minimise_single(nll, {"astro_norm": 6.0}, {}) is None
    assert minimise_single(nll, {"astro_norm": 6.0, "astro_gamma": 2.5, "atmos_norm": 1.0}, {}) is None
    both = conditional(nll, {"astro_norm": 6.0}, {"astro_gamma": 2.6, "atmos_norm": 1.0})
    assert both.valid
    assert both.nll == pytest.approx(minimise(nll, fixed={"astro_norm": 6.0}).nll, abs=1e-6)


def test_parameters_fixed_by_the_configuration_keep_their_start() -> None:
    base = likelihood(toy_counts(1))
    fixed = configure(
        base.parameters, {"astro_gamma": ParameterOptions(start=3.0, fixed=True), "atmos_norm": ParameterOptions(prior=Prior(lognormal=(1, 0.4)))}
    )
    nll = NegativeLogLikelihood(base.model, base.counts, parameters=fixed)
    found = minimise_single(nll, {"astro_norm": 6.0}, {"astro_gamma": 2.0, "atmos_norm": 1.2})
    assert found is not None
    assert found.values["astro_gamma"] == 3.0
    assert found.nll == pytest.approx(minimise(nll, fixed={"astro_norm": 6.0}).nll, abs=1e-6)


def test_a_likelihood_of_zero_is_left_to_minuit() -> None:
    assert minimise_single(Count(3.0), {}, {"signal": 0.0}) is None
