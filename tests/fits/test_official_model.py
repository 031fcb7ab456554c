"""The release's 11-parameter model: golden numbers (G6, G7), gradients, both minima, projections, against the per-event program (G10), refusals."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from detector_case import write_tables
from official_case import Official, official, response_of, vector
from reference.official_per_event import POINT_B, PUBLISHED, PerEvent, hand_made

from configs.diffuse import Model as ModelOptions
from configs.diffuse import ParameterOptions
from configs.errors import InputError
from fits.detector_factors import DetectorFactors
from fits.likelihood import say
from fits.minimise import minimise
from fits.nll import NegativeLogLikelihood
from fits.official_model import OfficialModel
from fits.parameters import configure
from physics.spectra import LogParabola, PowerLaw

WEIGHTS_A = [0.285607078, 0.0457401924, 0.0130510469, 0.314403272, 7.39771058e-06, 0.0810912102]
WEIGHTS_B = [0.501214103, 0.0585488033, 0.0234952386, 0.359007994, 4.05225866e-05, 0.0478187152]
GRADIENT_A = {
    "cr_delta_gamma": -0.36119488, "nunubar_ratio": 0.048223941, "anisotropy_scale": -0.0065008514, "astro_gamma": -0.065458446,
    "astro_norm": 0.089508227, "conv_norm": 0.08854883, "epsilon_dom": 0.63265424, "epsilon_head_on": -0.0087966856, "muon_norm": 0.06831245,
    "kpi_ratio": 0.071583766, "prompt_norm": 0.11843668,
}  # fmt: skip


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Official:
    return official(write_tables(tmp_path_factory.mktemp("tables")))


def counts_of(model: OfficialModel, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(model.expected(vector(model))).astype(float)


@pytest.mark.public_data
@pytest.mark.parametrize(("point", "weights"), [(PUBLISHED, WEIGHTS_A), (POINT_B, WEIGHTS_B)])
def test_golden_6_weights_of_the_hand_made_events(public_data: Path, point: dict[str, float], weights: list[float]) -> None:
    found, _ = PerEvent(hand_made(), public_data / "hese/splines").weights_and_gradient(point)
    assert found == pytest.approx(weights, rel=1e-7)


@pytest.mark.public_data
def test_golden_6_gradient_and_likelihood_of_one_bin(public_data: Path) -> None:
    weights, gradient = PerEvent(hand_made(), public_data / "hese/splines").weights_and_gradient(PUBLISHED)
    assert {name: float(values.sum()) for name, values in gradient.items()} == pytest.approx(GRADIENT_A, rel=1e-7)
    assert -say(2, weights.sum(), (weights**2).sum())[0] == pytest.approx(-1.8152682827, abs=1e-9)


@pytest.mark.public_data
@pytest.mark.parametrize(("point", "weights"), [(PUBLISHED, WEIGHTS_A), (POINT_B, WEIGHTS_B)])
def test_golden_6_through_histograms_and_cells(public_data: Path, point: dict[str, float], weights: list[float]) -> None:
    """Each event is alone in its bin: a mean over the cell is its own factor; what is left is the parabola of the folding within a node."""
    events = {**hand_made(), "primaryZenith": np.ones(6)}
    model = OfficialModel(response_of(events, public_data / "hese/splines"), PowerLaw())
    found = np.sort(model.expected(vector(model, point)))[-6:]
    assert found == pytest.approx(np.sort(weights), rel=2e-6)


@pytest.mark.public_data
def test_golden_6_factors_of_each_table(public_data: Path) -> None:
    """Detector factors of the first event at B: optical modules, holes, anisotropy."""
    factors = PerEvent(hand_made(), public_data / "hese/splines").factors
    expected = {"astro": (1.1071988, 0.99677832, 1.00320066), "atmConv": (1.31858279, 0.9786598, 1.003345)}
    for component, values in expected.items():
        found = [factors[name, component].at(POINT_B[name])[0][0] for name in ("epsilon_dom", "epsilon_head_on", "anisotropy_scale")]
        assert found == pytest.approx(values, rel=1e-7)


def test_golden_7_prior_part_at_the_published_point(case: Official) -> None:
    model = case.model
    likelihood = NegativeLogLikelihood(model, counts_of(model), "say", empty_bins="skip")
    data, prior, constant = likelihood.parts(vector(model))
    assert (prior + constant, constant) == pytest.approx((-6.3132907776, -6.4640022923), abs=1e-9)
    assert likelihood.value(vector(model)) == pytest.approx(data + prior + constant, abs=1e-12)


def test_eleven_parameters_with_the_priors_of_the_release(case: Official) -> None:
    found = {one.name: (one.start, one.prior and (one.prior.mean, one.prior.sigma), one.lower, one.upper) for one in case.model.parameters}
    assert found == {
        "cr_delta_gamma": (-0.05, (-0.05, 0.05), -0.5, 0.5), "nunubar_ratio": (1.0, (1.0, 0.1), 0.0, 2.0),
        "anisotropy_scale": (1.0, (1.0, 0.2), 0.0, 2.0), "astro_gamma": (2.5, None, 1.0, 5.0), "astro_norm": (6.0, None, 0.0, math.inf),
        "conv_norm": (1.0, (1.0, 0.4), 0.0, math.inf), "epsilon_dom": (0.95, (0.99, 0.1), 0.8, 1.2037),
        "epsilon_head_on": (0.0, (0.0, 0.5), -3.82, 1.5833), "muon_norm": (1.0, (1.0, 0.5), 0.0, math.inf),
        "kpi_ratio": (1.0, (1.0, 0.1), 0.0, math.inf), "prompt_norm": (1.0, None, 0.0, math.inf),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["poisson", "say", "bb_lite"])
@pytest.mark.parametrize("axes", [("energy", "zenith", "topology"), ("energy",)])
@pytest.mark.parametrize("spectrum", [PowerLaw(), LogParabola()])
def test_golden_10_gradient_is_that_of_the_value(case: Official, kind: str, axes: tuple[str, ...], spectrum: PowerLaw) -> None:
    model = OfficialModel(case.response, spectrum, axes=axes)
    likelihood = NegativeLogLikelihood(model, model.reachable.astype(float), kind)
    theta = np.array([{**POINT_B, "beta": 0.1}[name] for name in model.names]) + 1e-3
    _, gradient = likelihood.value_and_gradient(theta)
    steps = 1e-5 * np.eye(len(theta))
    differences = [(likelihood.value(theta + step) - likelihood.value(theta - step)) / 2e-5 for step in steps]
    assert gradient == pytest.approx(differences, rel=1e-6, abs=1e-6)


def test_derivatives_of_the_expectation(case: Official) -> None:
    model, step = case.model, 1e-5
    theta = vector(model, POINT_B) + 1e-3
    mu, gradient = model.mu_and_gradient(theta)
    differences = [(model.expected(theta + step * row) - model.expected(theta - step * row)) / (2 * step) for row in np.eye(len(theta))]
    assert gradient == pytest.approx(np.array(differences), rel=1e-6, abs=1e-8)
    assert mu == pytest.approx(sum(model.components(theta).values()), rel=1e-12)


@pytest.mark.parametrize("point", [PUBLISHED, POINT_B])
def test_golden_10_without_detector_every_bin_is_the_sum_over_events(case: Official, point: dict[str, float]) -> None:
    nominal = {**point, "epsilon_dom": 0.99, "epsilon_head_on": 0.0, "anisotropy_scale": 1.0}
    mu, s2 = case.per_event.expected(nominal, case.bin, 840)
    found = case.model.at(vector(case.model, nominal), variance=True)
    filled = mu > 1e-4
    assert found.mu[filled] == pytest.approx(mu[filled], rel=4e-5)
    assert found.s2[filled] == pytest.approx(s2[filled], rel=3e-4)
    assert found.mu.sum() == pytest.approx(mu.sum(), rel=1e-7)


def test_nominal_factors_are_one(case: Official) -> None:
    assert case.response.cells is not None
    ln_t, slopes = DetectorFactors(case.response.cells).ln_and_slopes([0.99, 0.0, 1.0])
    assert np.abs(ln_t).max() < 1e-14
    assert slopes.shape == (3, 9, 840)
    assert (np.abs(slopes).max(axis=(1, 2)) > 0.01).all()


@pytest.mark.public_data
def test_golden_10_cell_averages_against_the_events_with_the_tables_of_the_release(public_data: Path) -> None:
    """At the published point, where all three detector parameters are off their nominal values, and far from it."""
    made = official(public_data / "hese/splines", size=60_000)
    model, reference = made.model, made.per_event
    counts = counts_of(model)
    likelihood = NegativeLogLikelihood(model, counts, "say")
    for point, mean, in_nll in ((PUBLISHED, 2e-4, 3e-3), (POINT_B, 1e-3, 8e-3)):
        mu, _ = reference.expected(point, made.bin, 840)
        filled = mu > 0.01
        found = model.expected(vector(model, point))
        assert np.mean(np.abs(found[filled] / mu[filled] - 1)) < mean
        assert np.abs(found - mu).sum() / mu.sum() < mean / 2
        exact, _ = reference.nll_and_gradient(counts, point, made.bin)
        assert likelihood.parts(vector(model, point))[0] == pytest.approx(exact, abs=in_nll)


def test_projection_sums_the_bins_of_the_whole(case: Official) -> None:
    """Detector factors stay those of the single bins: only the expectation is summed."""
    projected = OfficialModel(case.response, PowerLaw(), axes=("energy",))
    theta = vector(case.model, POINT_B)
    whole, summed = case.model.at(theta, variance=True), projected.at(theta, variance=True)
    group, _ = case.response.groups(("energy",))
    assert summed.mu == pytest.approx(np.bincount(group, whole.mu), rel=1e-12)
    assert summed.s2 == pytest.approx(np.bincount(group, whole.s2), rel=1e-12)


def test_fit_starts_on_both_sides_of_nominal_and_records_both_minima(case: Official) -> None:
    model = case.model
    found = minimise(NegativeLogLikelihood(model, counts_of(model), "say"), minos=("astro_gamma",))
    assert found.valid
    assert len(found.minima) == 2
    assert found.nll == min(value for _, value in found.minima)
    assert abs(found.values["astro_gamma"] - PUBLISHED["astro_gamma"]) < 3 * found.errors["astro_gamma"]


def test_response_without_cells(case: Official) -> None:
    without = dataclasses.replace(case.response, cells=None)
    with pytest.raises(InputError, match=r"built without cell averages .*; set processor\.systematics"):
        OfficialModel(without, PowerLaw())
    assert "epsilon_dom" not in OfficialModel(without, PowerLaw(), detector=False).names


def test_bounds_beyond_the_tables_are_refused_with_both_numbers(case: Official) -> None:
    """The release's own bounds, 0.8..1.25, reach beyond its tables, where they fade to 0: arbitrary weights (specification 9)."""
    model = case.model
    wide = configure(model.parameters, {"epsilon_dom": ParameterOptions(bounds=(0.8, 1.25))})
    with pytest.raises(InputError, match=r"epsilon_dom: bounds 0\.8\.\.1\.25 leave the range of the detector tables, 0\.75375\.\.1\.20375"):
        NegativeLogLikelihood(model, counts_of(model), "say", parameters=wide)
    tilt = configure(model.parameters, {"cr_delta_gamma": ParameterOptions(bounds=(-1.0, 0.5))})
    with pytest.raises(InputError, match=r"cr_delta_gamma: bounds -1\.\.0\.5 leave the tabulated range of the tilt, -0\.5\.\.0\.5"):
        NegativeLogLikelihood(model, counts_of(model), "say", parameters=tilt)


def test_say_without_pairs_is_refused(case: Official) -> None:
    without = OfficialModel(dataclasses.replace(case.response, pairs={}), PowerLaw())
    with pytest.raises(InputError, match="the response has no pair moments"):
        NegativeLogLikelihood(without, counts_of(without), "say")


def test_model_official_for_short() -> None:
    assert ModelOptions.model_validate("official") == ModelOptions(nuisances="official")
    with pytest.raises(ValueError, match=r"'offical' is not a model.*'official'"):
        ModelOptions.model_validate("offical")
