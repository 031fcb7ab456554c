"""Segments as a spectrum like the others: sums over events, derivatives, an independent minimiser, toys, unified intervals, other models."""

from __future__ import annotations

import functools
import math
import pickle

import numpy as np
import pytest
from detector_case import write_tables
from generated_case import expectation, generated, official_bins, reference_weights
from official_case import Official, official, response_of
from scipy.optimize import minimize
from surrogate_case import PUBLISHED, counting_experiment, likelihood, observed_counts, surrogate_response, toy_counts

from configs.diffuse import Model as ModelOptions
from configs.diffuse import ParameterOptions
from configs.errors import InputError
from fits.asimov_exposures import exposed, exposure
from fits.conditional import conditional
from fits.feldman_cousins import feldman_cousins
from fits.frontends.linear_shape import plain_model
from fits.hypothesis import ComparisonStudy, compare, hypothesis_test
from fits.minimise import minimise
from fits.model import Model
from fits.model_comparison import compared_model
from fits.nll import NegativeLogLikelihood
from fits.official_model import OfficialModel
from fits.parameters import configure
from fits.response import Response
from fits.spectrum_choice import IntoSegments, spectrum_of
from fits.toys import ToyStudy, run_toys, summarise
from physics.constants import HESE_LIVETIME_S
from physics.segmented_spectrum import PUBLISHED_EDGES_GEV, Segmented
from physics.spectra import LogParabola, PowerLaw, flux_per_gev_cm2_s_sr
from records.diffuse_studies import ModelComparison
from records.results import decode_result, encode_result
from records.summary import rows
from simulation.diffuse import Sample

EDGES = (4.0e4, 8.83e4, 3.91e5, 1.73e6, 1.0e7)
PHI = np.array([1.6, 0.0, 0.9, 0.3])
REAL_PHI = [1.629353058e-08, 2.604450593e-08, 3.0705916e-09, 4.847559e-10, 9.394935744e-09]  # with norms of the atmosphere alone


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Official:
    """Generated events with made-up detector tables."""
    return official(write_tables(tmp_path_factory.mktemp("tables")))


@functools.cache
def divided() -> tuple[Response, np.ndarray, np.ndarray, np.ndarray]:
    """Response with the segments' edges as breakpoints; bin, energy and reference weights of the same selected events."""
    blocks = list(Sample(30_000, 6, HESE_LIVETIME_S).blocks())
    events = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    flat = official_bins(events)
    taken = flat >= 0
    response = response_of(events, None, true_energy={"max_gev": 1.0e8, "breakpoints": list(EDGES)})
    weights = reference_weights(events, HESE_LIVETIME_S)
    return response, flat[taken], events["primaryEnergy"][taken], np.stack([weights["astro"][taken], weights["atmosphere"][taken]])


def test_folding_is_the_sum_over_events() -> None:
    """E^2 Phi constant in each segment, event by event: six species share 3 phi 1e-18 (E / 100 TeV)^-2; nothing outside."""
    response, flat, energy, (astro, atmosphere) = divided()
    segment = np.searchsorted(EDGES, energy, side="right") - 1
    inside = (segment >= 0) & (segment < PHI.size)
    phi = np.where(inside, PHI[np.clip(segment, 0, PHI.size - 1)], 0.0)
    w = 3.0 * phi * astro * (energy / 1e5) ** 0.5 + 1.2 * atmosphere
    model, n = Model(response, Segmented(EDGES)), len(response.bins)
    mu, s2 = np.bincount(flat, w, n), np.bincount(flat, w * w, n)
    assert model.flux.n_shared == 0
    theta = [*PHI, 1.2]
    np.testing.assert_allclose(model.expected(theta)[mu > 1e-4], mu[mu > 1e-4], rtol=1e-5)
    np.testing.assert_allclose(model.variance(theta)[mu > 1e-4], s2[mu > 1e-4], rtol=1e-4)
    assert model.check_fold(theta) < 1e-4


def test_the_flux_is_that_of_the_power_law_of_index_2() -> None:
    """Units: phi = 2 is six species of norm 6 at 100 TeV, wherever the pivot lies; no flux outside, an edge belongs to the upper segment."""
    energy = np.array([3e4, 5e4, 1e5, 2e6, 2e7])
    expected = flux_per_gev_cm2_s_sr(PowerLaw(), energy, 6.0, [2.0]) * [0, 1, 1, 0.5, 0]
    for pivot in (1e5, 3e5):
        segments = Segmented((4e4, 1e5, 1e6, 1e7), pivot)
        np.testing.assert_allclose(flux_per_gev_cm2_s_sr(segments, energy, 1.0, [2.0, 2.0, 1.0], pivot_gev=pivot), expected, rtol=1e-12)
    whole = Model(surrogate_response(), Segmented((4e4, 1e5, 1e6, 1e7), 3e5), pivot_gev=3e5).expected([2.0, 2.0, 1.0, 0.0])
    np.testing.assert_allclose(whole, Model(surrogate_response(), Segmented((4e4, 1e5, 1e6, 1e7))).expected([2.0, 2.0, 1.0, 0.0]), rtol=1e-12)


@pytest.mark.parametrize(("kind", "second"), [("poisson", 0.0), ("bb_lite", 0.0), ("say", 0.02)])
def test_gradient_is_that_of_the_value_also_at_zero(kind: str, second: float) -> None:
    """Central differences, s2 included; the expectation continues below 0. The effective likelihood has a kink in bins that expect nothing at all."""
    response, flat, *_ = divided()
    model, theta, h = Model(response, Segmented((5e4, 1.5e5, 6e5, 9e6))), np.array([1.3, second, 0.7, 1.1]), 3e-6
    counts = np.where(model.expected(theta) > 1e-2, np.minimum(np.bincount(flat, minlength=model.n_bins), 2), 0)
    nll = NegativeLogLikelihood(model, counts, kind)
    differences = [(nll.value(theta + h * row) - nll.value(theta - h * row)) / (2 * h) for row in np.eye(4)]
    assert nll.value_and_gradient(theta)[1] == pytest.approx(differences, rel=1e-6, abs=1e-6)
    mu, gradient = nll.model.mu_and_gradient(theta)
    np.testing.assert_allclose(theta @ gradient, mu, rtol=1e-12)  # linear in all parameters


@pytest.mark.parametrize("kind", ["poisson", "say", "bb_lite"])
@pytest.mark.parametrize("axes", [("energy", "zenith", "topology"), ("energy",)])
def test_gradient_with_nuisance_parameters(case: Official, kind: str, axes: tuple[str, ...]) -> None:
    model = OfficialModel(case.response, Segmented(EDGES), axes=axes)
    assert model.names[:5] == ("phi_1", "phi_2", "phi_3", "phi_4", "conv_norm")
    assert "astro_norm" not in model.names
    nll = NegativeLogLikelihood(model, model.reachable.astype(float), kind)
    theta = np.array([one.start for one in model.parameters]) + 3e-3
    theta[1] = 0.02
    differences = [(nll.value(theta + step) - nll.value(theta - step)) / 2e-5 for step in 1e-5 * np.eye(len(theta))]
    assert nll.value_and_gradient(theta)[1] == pytest.approx(differences, rel=1e-6, abs=1e-6)


def test_nuisance_parameters_at_their_nominal_values_change_nothing(case: Official) -> None:
    """Full model at nominal detector, no tilt, no prompt flux: the plain model of the same segments, in mu and in s2."""
    full, plain = OfficialModel(case.response, Segmented(EDGES)), Model(case.response, Segmented(EDGES))
    nominal = {"epsilon_dom": 0.99, "cr_delta_gamma": 0.0, "prompt_norm": 0.0}
    theta = [*PHI, *(nominal.get(one.name, one.start) for one in full.parameters[4:])]
    np.testing.assert_allclose(full.expected(theta), plain.expected([*PHI, 1.0]), rtol=1e-9)
    np.testing.assert_allclose(full.variance(theta), plain.variance([*PHI, 1.0]), rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(sum(full.components(theta).values()), full.expected(theta), rtol=1e-12)


@pytest.mark.public_data
def test_real_events_have_the_numbers_of_the_model_in_matrices(public_data) -> None:
    """Values of the earlier, separate model of segments; likelihood and gradient at one point, and the minimum."""
    nll = likelihood(observed_counts(public_data), spectrum=Segmented())
    value, gradient = nll.value_and_gradient([1.1, 0.7, 0.3, 0.2, 0.9, 0.01, 0.02, 1.1])
    assert value == pytest.approx(133.3458166367585, rel=1e-12)
    assert gradient[[0, 5, 7]] == pytest.approx([-3.1462790872331063, 0.423648801031277, -5.7114621711137215], rel=1e-10)
    found = minimise(nll)
    assert found.nll == pytest.approx(123.128777157319, abs=1e-7)
    assert [1e-8 * value for value in list(found.values.values())[:5]] == pytest.approx(REAL_PHI, rel=1e-6)
    assert found.at_bound == ("phi_6", "phi_7")


@pytest.mark.parametrize("number", [1, 2])
def test_the_minimum_is_that_of_an_independent_minimiser(number: int) -> None:
    """-ln L is convex: L-BFGS-B on the matrix of expectations per unit norm finds the same minimum."""
    counts = toy_counts(number)
    nll = likelihood(counts, spectrum=Segmented())
    matrix = nll.model.mu_and_gradient(np.ones(8))[1]
    seen = counts > 0

    def value_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        mu, pull = theta @ matrix, (theta[-1] - 1.0) / 0.4
        slope = matrix.sum(axis=1) - matrix[:, seen] @ (counts[seen] / mu[seen])
        slope[-1] += pull / 0.4
        return mu.sum() - counts[seen] @ np.log(mu[seen]) + 0.5 * pull**2, slope

    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 5000}
    other = minimize(value_and_gradient, np.full(8, 0.5), jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * 8, options=options)
    ours = minimise(nll)
    assert nll.value(other.x) == pytest.approx(ours.nll, abs=1e-6)
    np.testing.assert_allclose(other.x, ours.theta, atol=2e-3 * max(ours.errors.values()))


def test_toys_are_unbiased_and_cover_on_one_side() -> None:
    """Twenty times the livetime, energies alone; truth without flux in the middle segment, into which the upper one leaks.

    A parameter whose truth is its bound is covered by a one-sided 68 % interval in Phi(1) = 84 % of the toys, a well-filled one in 68 %.
    """
    response = exposed(surrogate_response().project(["energy"]), 20.0)
    model = Model(response, Segmented((4.0e4, 2.0e5, 1.0e6, 7.0e6)))
    truth = {"phi_1": 1.5, "phi_2": 0.0, "phi_3": 0.8, "atmos_norm": 1.0}
    nll = NegativeLogLikelihood(model, model.expected(list(truth.values())), parameters=configure(model.parameters, {}))
    study = ToyStudy(nll, truth, seed=8, minos=("phi_1", "phi_2"))
    found = summarise(study, run_toys(study, 200))
    assert found.n_failed == 0
    assert found.near_bound["phi_2"] == pytest.approx(0.5, abs=0.11)
    for name in ("phi_1", "phi_3"):
        assert found.pull_mean[name] == pytest.approx(0.0, abs=0.25)  # 3.5 standard deviations, and the bias of the neighbour at its bound
    assert found.coverage_68["phi_1"] == pytest.approx(0.683, abs=0.10)
    assert found.coverage_68["phi_2"] == pytest.approx(0.841, abs=0.08)


def test_unified_interval_of_a_segment() -> None:
    """One bin: the counting experiment of the other tests, whose toys are the same numbers; without events the profile ends at 0.5 above."""
    counting = counting_experiment(1.0, 0.5)
    model = Model(counting.model.response, Segmented((5e4, 2e5)))
    events = model.mu_and_gradient([1.0, 0.0])[1][0, 0]
    parameters = configure(model.parameters, {"atmos_norm": ParameterOptions(fixed=True)})
    nll, grid = NegativeLogLikelihood(model, [1.0], parameters=parameters), [0.0, 1.0, 2.2, 3.2]
    ours = feldman_cousins(nll, minimise(nll), "phi_1", (np.array(grid) / events).tolist(), toys=40, cl=[0.6827], seed=1)
    theirs = feldman_cousins(counting, minimise(counting), "astro_norm", grid, toys=40, cl=[0.6827], seed=1)
    np.testing.assert_allclose(ours.ts_data, theirs.ts_data, atol=1e-6)
    np.testing.assert_allclose(events * np.array(ours.interval["0.6827"]), theirs.interval["0.6827"], atol=1e-4)
    empty = minimise(nll.with_counts([0.0]), minos=["phi_1"])
    assert empty.at_bound == ("phi_1",)
    assert events * empty.minos["phi_1"][1] == pytest.approx(0.5, abs=3e-3)


def test_errors_do_not_grow_with_segments_that_are_empty() -> None:
    """A norm at 0 without events has no curvature; its neighbour's error is that of the fit without it, not of a degenerate parabola."""
    counts = toy_counts(1)
    nll = likelihood(counts, spectrum=Segmented())
    minimum = minimise(nll, minos=["phi_2"])
    assert "phi_7" in minimum.at_bound
    held = minimise(nll, fixed=dict.fromkeys(minimum.at_bound, 0.0))
    for name in ("phi_1", "phi_2", "atmos_norm"):
        assert minimum.errors[name] == pytest.approx(held.errors[name], rel=1e-2)
    for name in minimum.at_bound:
        up = minimum.minos[name][1]  # not asked for
        risen = conditional(nll, {name: minimum.values[name] + up}, minimum.values)
        assert risen.nll - minimum.nll == pytest.approx(0.5, abs=0.01)
        assert 0.3 * up < minimum.errors[name] <= 1.01 * up  # the others held, at most that of the profile


def test_prompt_flux_at_zero_has_a_one_sided_interval(case: Official) -> None:
    """Counts as of a negative prompt flux: prompt_norm ends at its bound and gets the interval that nobody asked for."""
    model = OfficialModel(case.response, PowerLaw(), detector=False)
    fixed = {name: ParameterOptions(fixed=True) for name in ("kpi_ratio", "nunubar_ratio", "cr_delta_gamma", "muon_norm")}
    parameters = configure(model.parameters, {**fixed, "prompt_norm": ParameterOptions(start=0.1)})
    truth = [{"prompt_norm": 0.0}.get(one.name, one.start) for one in parameters]
    too_few = model.components([{"prompt_norm": 0.9}.get(one.name, one.start) for one in parameters])["prompt"]
    nll = NegativeLogLikelihood(model, model.expected(truth) - too_few, parameters=parameters)
    minimum = minimise(nll, minos=["astro_norm"])
    assert minimum.at_bound == ("prompt_norm",)
    down, up = minimum.minos["prompt_norm"]
    assert down == pytest.approx(0.0, abs=1e-4)
    assert conditional(nll, {"prompt_norm": up}, minimum.values).nll - minimum.nll == pytest.approx(0.5, abs=0.01)


def test_no_flux_at_all_in_longer_exposures() -> None:
    """The significance of several bounded norms lies below that of one with the same test statistic."""
    nll = likelihood(spectrum=Segmented((4e4, 3e5, 7e6)), axes=["energy"])
    truth = {"phi_1": 2.0, "phi_2": 0.4, "atmos_norm": 1.0}
    found = exposure(nll, truth, 1.0, HESE_LIVETIME_S)
    assert found.valid
    assert 3.0 < found.significance < math.sqrt(found.ts_background)
    without = conditional(nll, {"phi_1": 0.0, "phi_2": 0.0}, truth)
    assert without.values["phi_2"] == 0.0


def test_segments_beside_the_power_law() -> None:
    """Not nested: the test statistic may be negative, no chi-square p-value, toys count all the same."""
    null = likelihood(toy_counts(6))
    minimum = minimise(null)
    edges = np.array(PUBLISHED_EDGES_GEV)
    embedding = IntoSegments(PowerLaw(), 1e5, tuple(np.sqrt(edges[1:] * edges[:-1]).tolist()))
    start = embedding({**PUBLISHED, "astro_gamma": 2.0})
    assert start == pytest.approx({f"phi_{i}": PUBLISHED["astro_norm"] / 3.0 for i in range(1, 8)} | {"atmos_norm": 1.0})
    seven = compared_model(null, minimum, likelihood(toy_counts(6), spectrum=Segmented()), embedding, toys=6, seed=2)
    assert not seven.nested
    assert math.isnan(seven.p_chi2)
    assert seven.n_valid == 6
    assert 0.0 < seven.p_toys <= 1.0
    assert seven.n_free == 8
    assert seven.aic == pytest.approx(2 * (8 + seven.nll))
    assert seven.ts == pytest.approx(2 * (minimum.nll - seven.nll))
    centre = IntoSegments(PowerLaw(), 1e5, (5e5,))
    one = compared_model(null, minimum, likelihood(toy_counts(6), spectrum=Segmented((4e4, 7e6))), centre, toys=0, seed=2)
    assert one.ts < -1e-3  # E^-2 alone describes E^-2.87 worse, with fewer parameters: no failure
    assert one.valid
    said = dict(row[:2] for row in rows(ModelComparison("power_law", {"power_law": seven, "segmented": one}, 2, 0)))["segmented"]
    assert said.endswith("not nested: p needs toys")
    assert decode_result(encode_result(ModelComparison("power_law", {"segmented": seven}, 2, 6)), "").models["segmented"] == seven


def test_toys_of_models_that_are_not_nested() -> None:
    null, wide = likelihood(toy_counts(2)), likelihood(toy_counts(2), spectrum=Segmented((4e4, 7e6)))
    study = ComparisonStudy(null, wide, PUBLISHED, IntoSegments(PowerLaw(), 1e5, (5e5,)), 3, nested=False)
    data = compare(null, wide, embed=study.embed, nested=False)
    outcome = hypothesis_test(study, data, 5)
    assert outcome.n_failed == 0
    assert math.isnan(outcome.p_chi2)
    assert pickle.loads(pickle.dumps(study))(2) == outcome.ts_toys[2]
    assert math.isnan(compare(null, wide, embed=study.embed).ts)  # of nested models it would be a failed fit


def test_options() -> None:
    assert spectrum_of(ModelOptions(astro="segmented"), None) == Segmented()
    assert spectrum_of(ModelOptions(astro="segmented", edges_gev=[1e5, 1e6], pivot_gev=2e5), None) == Segmented((1e5, 1e6), 2e5)
    with pytest.raises(ValueError, match="edges_gev: segments have no effect with astro: power_law; set astro: segmented"):
        ModelOptions(edges_gev=[1e5, 1e6])
    with pytest.raises(ValueError, match=r"edges_gev: \[1000000.0, 100000.0\] are not ascending"):
        ModelOptions(astro="segmented", edges_gev=[1e6, 1e5])
    with pytest.raises(InputError, match="engine pyhf: a flux in segments has no common norm, .*use engine: native"):
        plain_model(likelihood(spectrum=Segmented()), "pyhf")


def test_a_bin_beyond_the_segments_cannot_be_explained() -> None:
    """Data that only energies outside the segments could make are named, not given a tiny expectation."""
    whole = surrogate_response()
    bare = Response(whole.bins, whole.ln_energy, whole.width, {("all", "astro"): whole.moments["all", "astro"]}, {})
    model = Model(bare, Segmented((4e4, 1e5)))
    above = np.array([one.energy_gev[0] > 3e5 for one in whole.bins])
    beyond = int(np.argmax(Model(bare, PowerLaw()).expected([6.0, 2.0, 0.0]) * above))
    counts = np.zeros(model.n_bins)
    counts[beyond] = 1.0
    with pytest.raises(InputError, match="1 events lie in 1 bins without any simulated event"):
        NegativeLogLikelihood(model, counts)
    dark = NegativeLogLikelihood(Model(bare, Segmented((4e4, 2e5, 7e6))), counts)
    assert dark.value([1.0, 0.0, 0.0]) == math.inf
    assert dark.value_and_gradient([1.0, 0.0, 0.0])[1][1] < 0.0  # points inside


@pytest.mark.parametrize("spectrum", [PowerLaw(), LogParabola()])
def test_other_spectra_are_what_they_were(spectrum) -> None:
    """A spectrum without a linear factor: the sum over events of the generated sample."""
    sample = generated()
    theta = np.array([6.0, 2.7, *([0.1] if isinstance(spectrum, LogParabola) else []), 1.1])
    exact = expectation(sample, spectrum, theta)[0]
    mu = Model(sample.response, spectrum).expected(theta)
    np.testing.assert_allclose(mu[exact > 1e-4], exact[exact > 1e-4], rtol=2e-5)
