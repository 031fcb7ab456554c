"""The release's nuisance parameters as a HistFactory workspace: exact at its centre and one standard deviation away, what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from detector_case import write_tables
from official_case import Official, official

from configs.diffuse import ParameterOptions, Prior
from configs.errors import InputError
from fits.frontends import pyhf as front_end
from fits.frontends.pyhf_nuisances import expectations
from fits.minimise import minimise
from fits.nll import NegativeLogLikelihood
from fits.official_model import OfficialModel
from fits.parameters import configure
from physics.spectra import PowerLaw

pyhf = pytest.importorskip("pyhf")

KNOWN = "muon_norm conv_norm kpi_ratio nunubar_ratio cr_delta_gamma epsilon_dom epsilon_head_on anisotropy_scale".split()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Official:
    return official(write_tables(tmp_path_factory.mktemp("tables")))


def likelihood(case: Official, axes: tuple[str, ...] = ("energy", "topology"), **options: Any) -> NegativeLogLikelihood:
    model = OfficialModel(case.response, PowerLaw(), axes=axes)
    parameters = configure(model.parameters, {name: ParameterOptions(**one) for name, one in options.items()})
    counts = np.random.default_rng(4).poisson(model.expected(start(model.parameters)))
    return NegativeLogLikelihood(model, counts, parameters=parameters)


def start(parameters: Any, **changed: float) -> list[float]:
    return [changed.get(one.name, one.start) for one in parameters]


def test_nodes_add_up_to_the_astrophysical_expectation(case: Official) -> None:
    for axes in (("energy", "zenith", "topology"), ("energy",)):
        model = OfficialModel(case.response, PowerLaw(), axes=axes)
        theta = start(model.parameters, epsilon_dom=1.1, astro_gamma=3.1)
        np.testing.assert_allclose(model.astro_by_node(theta).sum(axis=1), model.components(theta)["astro"], rtol=1e-12)


def test_expected_counts_are_ours_at_the_centre_and_one_deviation_away(case: Official) -> None:
    """One parameter at a time; also for any norm of the flux and any prompt norm, which are factors."""
    nll = likelihood(case)
    model, kept = front_end.build(nll), front_end.kept_bins(nll)
    points = [start(nll.parameters), start(nll.parameters, astro_norm=3.3, prompt_norm=2.7)]
    for one in nll.parameters:
        if one.name in KNOWN:
            assert one.prior is not None
            points += [start(nll.parameters, **{one.name: one.start + sign * one.prior.sigma}) for sign in (-1.0, 1.0)]
    assert len(points) == 2 + 2 * len(KNOWN)
    for theta in points:
        np.testing.assert_allclose(front_end.expected(nll, model, theta), nll.model.expected(theta)[kept], rtol=1e-12)


def test_the_index_is_nearly_exact(case: Official) -> None:
    """Moments become mean energies of the nodes: 1 % in bins with events (specification 3.2)."""
    nll = likelihood(case)
    theta = start(nll.parameters, astro_gamma=3.2)
    ours = nll.model.expected(theta)[front_end.kept_bins(nll)]
    theirs = front_end.expected(nll, front_end.build(nll), theta)
    assert np.abs(theirs / ours - 1.0)[ours > 0.1].max() < 0.01


def test_the_fit_is_near_ours_and_tries_both_starts(case: Official) -> None:
    nll = likelihood(case)
    ours, theirs = minimise(nll), front_end.minimise(nll, minos=["astro_gamma"])
    assert theirs.valid
    distance = {name: abs(theirs.values[name] - ours.values[name]) / ours.errors[name] for name in nll.names if name not in ours.at_bound}
    assert distance["astro_gamma"] < 0.05
    assert max(distance.values()) < 0.4
    assert theirs.errors["astro_gamma"] == pytest.approx(ours.errors["astro_gamma"], rel=0.15)
    assert theirs.starts_tried == 2  # of epsilon_dom
    assert theirs.minos["astro_gamma"][1] > 0.0


def test_the_workspace_is_valid_and_says_that_it_is_approximate(case: Official) -> None:
    nll = likelihood(case)
    text = front_end.workspace_json(nll)
    with front_end.numpy_backend():
        opened = pyhf.Workspace(json.loads(text))
        model = opened.model(measurement_name=front_end.APPROXIMATE, modifier_settings=front_end.WITH_NUISANCES)
    assert "code4p" in opened.measurement_names[0]
    assert "approximate" in opened.measurement_names[0]
    assert set(model.config.par_names) == set(nll.names)
    aux = dict(zip(model.config.auxdata_order, model.config.auxdata, strict=True))
    assert aux["epsilon_dom"] == pytest.approx((0.99 - 0.95) / 0.1)  # the prior stands where it stood
    assert aux["kpi_ratio"] == 0.0
    kaons = next(one for one in opened["channels"][0]["samples"] if one["name"] == "conventional")
    assert "kpi_ratio" in [one["name"] for one in kaons["modifiers"]]


def test_a_fixed_parameter_stays_where_it_is(case: Official) -> None:
    nll = likelihood(case, epsilon_head_on={"prior": None, "fixed": True, "start": 0.4}, anisotropy_scale={"fixed": True, "start": 1.1})
    model = front_end.build(nll)
    assert "epsilon_head_on" not in model.config.par_names
    theta = start(nll.parameters)
    np.testing.assert_allclose(front_end.expected(nll, model, theta), nll.model.expected(theta)[front_end.kept_bins(nll)], rtol=1e-12)
    found = front_end.minimise(nll)
    assert (found.values["epsilon_head_on"], found.errors["epsilon_head_on"]) == (0.4, 0.0)
    assert found.values["anisotropy_scale"] == pytest.approx(1.1)


REFUSED = {
    "a shift without prior": ({"epsilon_dom": {"prior": None}}, "epsilon_dom has no gaussian prior, and HistFactory constrains what changes bins"),
    "a prior beyond the tables": ({"epsilon_dom": {"prior": Prior(gaussian=(0.99, 0.3))}}, r"from the start of epsilon_dom, at 0\.65 and 1\.25"),
    "a lognormal prior": ({"conv_norm": {"prior": Prior(lognormal=(1.0, 0.4))}}, "prior of conv_norm is LogNormal"),
}


@pytest.mark.parametrize("which", REFUSED)
def test_what_cannot_be_written_is_refused(case: Official, which: str) -> None:
    options, message = REFUSED[which]
    with pytest.raises(InputError, match=message):
        front_end.workspace(likelihood(case, **options))


def test_samples_are_nodes_and_components(case: Official) -> None:
    nll = likelihood(case)
    found = expectations(nll.model, dict(zip(nll.names, start(nll.parameters), strict=True)))
    assert {name for name in found if not name.startswith("node_")} == {"conventional", "prompt", "muon"}
    np.testing.assert_allclose(sum(found.values()), nll.model.expected(start(nll.parameters)), rtol=1e-12)
