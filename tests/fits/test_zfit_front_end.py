"""The same model in zfit: both losses give our minimum, errors and intervals. One process pays the import of TensorFlow once."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from surrogate_case import likelihood, toy_counts

from configs.diffuse import ParameterOptions, Prior
from configs.errors import InputError
from fits.engines import minimiser
from fits.frontends import zfit as front_end
from fits.minimise import minimise
from fits.nll import NegativeLogLikelihood
from fits.parameters import configure
from physics.spectra import LogParabola


def agree(theirs, ours, names) -> None:
    assert theirs.valid
    for name in names:
        assert abs(theirs.values[name] - ours.values[name]) < 1e-3 * ours.errors[name]
        assert theirs.errors[name] == pytest.approx(ours.errors[name], rel=2e-3)


@pytest.mark.zfit
def test_binned_pdf_agrees_to_a_thousandth_of_an_error_g16() -> None:
    nll = likelihood(toy_counts(1))
    ours = minimise(nll, minos=nll.names)
    theirs = minimiser("zfit")(nll, minos=nll.names)
    agree(theirs, ours, nll.names)
    for name in nll.names:
        assert theirs.minos[name] == pytest.approx(ours.minos[name], rel=2e-3)
    assert theirs.nll == pytest.approx(ours.nll, abs=1e-5)


@pytest.mark.zfit
def test_our_likelihood_as_a_loss_of_zfit() -> None:
    nll = likelihood(toy_counts(2), spectrum=LogParabola())
    loss = front_end.simple_loss(nll)
    theta = [one.start for one in nll.parameters]
    assert float(loss.value()) == pytest.approx(nll.value(theta), rel=1e-12)
    np.testing.assert_allclose(loss.gradient(), nll.value_and_gradient(theta)[1], rtol=1e-12)
    agree(front_end.minimise(nll, loss=loss), minimise(nll), nll.names)


@pytest.mark.zfit
def test_differences_of_the_binned_likelihood_are_ours() -> None:
    """Only differences: zfit's ln k! is Stirling's approximation."""
    nll = likelihood(toy_counts(3), spectrum=LogParabola())
    with_fixed = configure(nll.parameters, {"atmos_norm": ParameterOptions(fixed=True)})
    loss = front_end.binned_loss(NegativeLogLikelihood(nll.model, nll.counts, parameters=with_fixed))
    parameters = {parameter.name: parameter for parameter in loss.get_params(floating=True)}
    assert set(parameters) == {"astro_norm", "astro_gamma", "beta"}
    values = []
    for theta in ([6.0, 2.5, 0.0, 1.0], [4.0, 3.1, 0.3, 1.0], [9.0, 2.2, -0.2, 1.0]):
        for name, value in zip(nll.names, theta, strict=True):
            if name in parameters:
                parameters[name].set_value(value)
        values.append((float(loss.value()), nll.value(theta)))
    theirs, ours = np.array(values).T
    np.testing.assert_allclose(np.diff(theirs), np.diff(ours), rtol=1e-9)


def test_what_cannot_be_expressed_is_refused_before_the_import() -> None:
    lognormal = configure(likelihood().parameters, {"atmos_norm": ParameterOptions(prior=Prior(lognormal=(1.0, 0.4)))})
    with pytest.raises(InputError, match="prior of atmos_norm is LogNormal"):
        front_end.binned_loss(NegativeLogLikelihood(likelihood().model, toy_counts(1), parameters=lognormal))


def test_absent_package_names_the_extra(monkeypatch) -> None:
    known = builtins.__import__

    def without(name, *arguments, **options):
        if name == "zfit":
            raise ImportError(name)
        return known(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'dynode\[zfit\]'"):
        front_end.minimise(likelihood(toy_counts(1)))
