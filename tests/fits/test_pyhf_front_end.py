"""The HistFactory form of the model: the same expectation to rounding, the same fit to 1e-3 of an error, a workspace others can read."""

from __future__ import annotations

import builtins
import json

import numpy as np
import pytest
from generated_case import generated
from surrogate_case import likelihood, toy_counts

from configs.diffuse import ParameterOptions, Prior
from configs.errors import InputError
from fits.engines import minimiser
from fits.frontends import pyhf as front_end
from fits.minimise import minimise
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from fits.parameters import FitParameter, configure
from physics.spectra import BrokenPowerLaw, ExponentialCutoff, FreeBreak, LogParabola, PowerLaw

pyhf = pytest.importorskip("pyhf")

SPECTRA = [PowerLaw(), LogParabola(), ExponentialCutoff(), BrokenPowerLaw()]


def with_options(nll: NegativeLogLikelihood, **options: ParameterOptions) -> NegativeLogLikelihood:
    return NegativeLogLikelihood(nll.model, nll.counts, parameters=configure(nll.parameters, options))


def displaced(nll: NegativeLogLikelihood, step: float) -> list[float]:
    """Parameters away from their starts, inside their bounds."""
    return [float(np.clip(one.start + step, one.lower, one.upper)) for one in nll.parameters]


def expectation(model: Model) -> np.ndarray:
    return model.expected([one.start for one in model.parameters])


@pytest.mark.parametrize("spectrum", SPECTRA, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("step", [-0.4, 0.0, 0.3, 1.2])
def test_expected_counts_equal_ours_g16(spectrum, step: float) -> None:
    nll = likelihood(toy_counts(1), spectrum=spectrum)
    theta = displaced(nll, step)
    expected = front_end.expected(nll, front_end.build(nll), theta)
    np.testing.assert_allclose(expected, nll.model.expected(theta)[front_end.kept_bins(nll)], rtol=1e-12)


@pytest.mark.parametrize("prior", [True, False])
def test_fit_agrees_to_a_thousandth_of_an_error(prior: bool) -> None:
    nll = likelihood(toy_counts(1), prior=prior)
    ours = minimise(nll, minos=nll.names)
    theirs = minimiser("pyhf")(nll, minos=nll.names)
    assert theirs.valid
    for name in nll.names:
        assert abs(theirs.values[name] - ours.values[name]) < 1e-3 * ours.errors[name]
        assert theirs.errors[name] == pytest.approx(ours.errors[name], rel=1e-3)
        assert theirs.minos[name] == pytest.approx(ours.minos[name], rel=2e-3, abs=1e-3 * ours.errors[name])
    assert theirs.nll == pytest.approx(ours.nll, abs=1e-5)
    np.testing.assert_allclose(theirs.correlation, ours.correlation, atol=2e-3)


@pytest.mark.parametrize("spectrum", SPECTRA[1:], ids=lambda one: type(one).__name__)
def test_wider_spectra_agree_too(spectrum) -> None:
    nll = likelihood(20 * toy_counts(1), spectrum=spectrum)
    ours, theirs = minimise(nll), front_end.minimise(nll)
    for name in nll.names:
        assert abs(theirs.values[name] - ours.values[name]) < 2e-3 * ours.errors[name]


def test_priors_and_fixed_parameters_are_those_of_ours() -> None:
    nll = with_options(
        likelihood(toy_counts(2)),
        astro_gamma=ParameterOptions(prior=Prior(gaussian=(2.6, 0.1))),
        astro_norm=ParameterOptions(prior=Prior(gaussian=(7.0, 0.5))),
        atmos_norm=ParameterOptions(start=1.1, fixed=True),
    )
    ours, theirs = minimise(nll, minos=["astro_gamma"]), front_end.minimise(nll, minos=["astro_gamma", "atmos_norm"])
    for name in ("astro_gamma", "astro_norm"):
        assert abs(theirs.values[name] - ours.values[name]) < 1e-3 * ours.errors[name]
    assert theirs.values["atmos_norm"] == pytest.approx(1.1)
    assert (theirs.errors["atmos_norm"], theirs.fixed) == (0.0, frozenset({"atmos_norm"}))
    assert set(theirs.minos) == {"astro_gamma"}


def test_the_workspace_is_valid_and_survives_its_file() -> None:
    nll = likelihood(toy_counts(1))
    text = front_end.workspace_json(nll)
    with front_end.numpy_backend():  # silences pyhf's deprecated call, too
        opened = pyhf.Workspace(json.loads(text))
        model = opened.model(measurement_name=front_end.MEASUREMENT, modifier_settings=front_end.INTERPOLATION)
    assert opened.measurement_names == ["normsys=code1 histosys=code0"]
    theta = [5.0, 3.1, 0.7]
    np.testing.assert_allclose(front_end.expected(nll, model, theta), nll.model.expected(theta)[front_end.kept_bins(nll)], rtol=1e-12)
    assert sum(opened.data(model, include_auxdata=False)) == nll.counts.sum()
    assert model.config.poi_name == "astro_norm"


def test_default_interpolation_is_nonsense_and_refused() -> None:
    nll = likelihood(toy_counts(1))
    with pytest.raises(InputError, match="'code4' does not reproduce a spectrum"):
        front_end.build(nll, normsys="code4")
    with front_end.numpy_backend():
        default = pyhf.Workspace(front_end.workspace(nll)).model()
    theta = [6.0, 2.87, 1.0]
    ratio = front_end.expected(nll, default, theta) / nll.model.expected(theta)[front_end.kept_bins(nll)]
    assert np.abs(ratio - 1.0).max() > 10.0


def test_moments_become_mean_energies() -> None:
    """A response from simulated events: order zero at the nodes' mean energies, good to 1 % in bins with events (specification 3.2)."""
    model = Model(generated().response.project(["energy", "topology"]), PowerLaw())
    nll = NegativeLogLikelihood(model, np.round(expectation(model)))
    theta = [6.4, 2.9, 1.0]
    kept = front_end.kept_bins(nll)
    ours, theirs = model.expected(theta)[kept], front_end.expected(nll, front_end.build(nll), theta)
    assert np.abs(theirs / ours - 1.0)[ours > 0.1].max() < 0.01


def test_the_backend_is_left_as_it_was() -> None:
    before = pyhf.get_backend()
    front_end.minimise(likelihood(toy_counts(1)))
    assert pyhf.get_backend() == before


def test_what_cannot_be_expressed_is_refused() -> None:
    nll = likelihood(toy_counts(1))
    with pytest.raises(InputError, match="not linear in its parameters"):
        front_end.workspace(likelihood(toy_counts(1), spectrum=FreeBreak()))
    with pytest.raises(InputError, match="prior of atmos_norm is LogNormal"):
        front_end.workspace(with_options(nll, atmos_norm=ParameterOptions(prior=Prior(lognormal=(1.0, 0.4)))))
    steep = with_options(nll, astro_gamma=ParameterOptions(prior=Prior(gaussian=(2.5, 400.0))))
    with pytest.raises(InputError, match="within its scale"):
        front_end.workspace(steep)
    model = Model(generated().response.project(["energy"]), PowerLaw())
    with pytest.raises(InputError, match="Poisson likelihood only, not 'say'"):
        front_end.workspace(NegativeLogLikelihood(model, np.round(expectation(model)), "say"))


def test_an_unbounded_parameter_gets_finite_bounds() -> None:
    settings = front_end._settings(front_end.Scaled(FitParameter("delta", (0.0,)), 0.0, 0.05))
    low, high = settings["bounds"][0]
    assert low == -high == pytest.approx(-20000.0)


def test_absent_package_names_the_extra(monkeypatch) -> None:
    known = builtins.__import__

    def without(name, *arguments, **options):
        if name == "pyhf":
            raise ImportError(name)
        return known(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'dynode\[pyhf\]'"):
        front_end.minimise(likelihood(toy_counts(1)))


def test_unknown_engines_are_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'zfit'"):
        minimiser("zift")
