"""Studies after a fit: closed forms, the numbers of the specification (G13), what a run of the stage leaves and refuses."""

from __future__ import annotations

import csv
import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import gamma
from surrogate_case import PUBLISHED, counting_experiment, likelihood, surrogate_response, toy_counts

from configs.diffuse import Fit
from configs.diffuse_studies import Posterior
from configs.errors import InputError
from fits.asimov_exposures import exposed, exposure
from fits.diffuse_inputs import Inputs
from fits.diffuse_studies import check
from fits.ensembles import ConvergenceError
from fits.event_table import event_table, true_energy_quantiles, true_energy_weights
from fits.impacts import impacts
from fits.minimise import minimise
from fits.model import Model
from fits.model_comparison import compared_model, null_model
from fits.nll import NegativeLogLikelihood
from fits.sampling import posterior, thinned
from fits.spectrum_choice import Embedding
from physics.constants import HESE_LIVETIME_S
from physics.spectra import ExponentialCutoff, LogParabola, PowerLaw
from records.diffuse_studies import AsimovStudy, ImpactResult, ModelComparison
from records.event_tables import save_event_tables
from records.results import decode_result, encode_result
from records.summary import rows

THETA = list(PUBLISHED.values())


def test_an_impact_is_the_correlation_times_the_error() -> None:
    """For a parabola: the conditional minimum moves by cov(i, j) / sigma_j (G. Cowan, PDG, section 40.2.2.2)."""
    nll = likelihood()
    minimum = minimise(nll)
    found = impacts(nll, minimum)
    assert list(found.impacts) == ["atmos_norm"]
    one = found.impacts["atmos_norm"]
    for name in ("astro_norm", "astro_gamma"):
        linear = minimum.covariance[nll.names.index(name), 2] / minimum.errors["atmos_norm"]
        assert 0.5 * (one.shift_up[name] - one.shift_down[name]) == pytest.approx(linear, rel=0.05)
    assert one.pull == pytest.approx(0.0, abs=1e-3)
    assert one.constraint == pytest.approx(0.335 / 0.4, rel=0.01)  # specification G13
    assert found.failed == []


def test_nuisances_are_held_within_their_bounds_and_ranked_by_size() -> None:
    nll = likelihood(np.zeros(441), prior=False)  # no events: every norm at 0
    minimum = minimise(likelihood(toy_counts(1), prior=False))
    at_zero = dataclasses.replace(minimum, values={**minimum.values, "atmos_norm": 0.1}, errors={**minimum.errors, "atmos_norm": 0.5})
    found = impacts(nll, at_zero).impacts["atmos_norm"]
    assert (found.held_down, found.held_up) == (0.0, pytest.approx(0.6))
    assert found.pull is None
    assert math.isnan(found.constraint)
    small, large = (dataclasses.replace(found, shift_down={"a": 0.0}, shift_up={"a": size}) for size in (0.1, -3.0))
    missing = dataclasses.replace(found, shift_down={"a": math.nan}, shift_up={"a": math.nan})
    assert ImpactResult({"a": 1.0}, {"lost": missing, "small": small, "large": large}, []).ranked("a") == ["large", "small", "lost"]


def test_a_failed_impact_is_named() -> None:
    nll = likelihood()
    minimum = minimise(nll)

    def failing(*args, **kwargs):
        return dataclasses.replace(minimum, valid=False, reason="no")

    found = impacts(nll, minimum, fit=failing)
    assert found.failed == ["atmos_norm down", "atmos_norm up"]
    assert math.isnan(found.impacts["atmos_norm"].shift_up["astro_gamma"])
    assert ("FAILED", "atmos_norm up", "") in rows(found)


def test_signalness_adds_up_to_the_astrophysical_expectation() -> None:
    """One event in every bin: sum of mu signalness is the expectation of the component."""
    model = Model(surrogate_response(), PowerLaw())
    table = event_table(model, THETA, np.ones(model.n_bins))
    assert np.sum(np.array(table.expected) * np.nan_to_num(table.signalness)) == pytest.approx(50.34, rel=3e-3)  # specification G11
    assert table.n_unexplained == np.sum(model.expected(THETA) == 0)


def test_rows_follow_the_counts() -> None:
    model = Model(surrogate_response(), PowerLaw())
    counts = toy_counts(3)
    table = event_table(model, THETA, counts)
    assert len(table.channel) == counts.sum()
    assert [table.channel.count(name) for name in ("cascade", "track", "dcascade")] == [
        sum(int(n) for n, one in zip(counts, model.response.bins, strict=True) if one.channel == name) for name in ("cascade", "track", "dcascade")
    ]
    energies = np.array(list(table.true_energy_gev.values()))
    assert (np.diff(energies, axis=0) > 0).all()
    assert decode_result(encode_result(table), "") == table


def test_true_energy_quantiles_are_those_of_the_nodes() -> None:
    """Against a sum over the nodes that ends within one of them, with the spectrum written out."""
    response = surrogate_response()
    model = Model(response, PowerLaw())
    energy_gev = np.exp(response.ln_energy)
    number = int(np.argmax(model.expected(THETA)))
    weights = response.moments["all", "astro"][0, number] * (energy_gev / 1e5) ** (2.5 - PUBLISHED["astro_gamma"])
    np.testing.assert_allclose(true_energy_weights(model, THETA)[number], weights, rtol=1e-12)
    median = true_energy_quantiles(model, THETA, [0.5])[0, number]
    inside = np.clip((np.log(median) - response.ln_energy) / response.width + 0.5, 0.0, 1.0)
    assert inside @ weights == pytest.approx(0.5 * weights.sum())


def test_a_harder_spectrum_has_higher_neutrino_energies() -> None:
    model = Model(surrogate_response(), PowerLaw())
    soft, hard = (true_energy_quantiles(model, [6.0, index, 1.0], [0.5])[0] for index in (3.5, 2.0))
    reached = np.isfinite(soft)
    assert (hard[reached] >= soft[reached]).all()


def test_expected_errors_are_those_of_the_specification() -> None:
    """G13: Asimov errors and the test of no flux, Poisson in 441 bins."""
    found = exposure(likelihood(), PUBLISHED, 1.0, HESE_LIVETIME_S, minos=["astro_norm", "astro_gamma"])
    assert found.valid
    assert found.parameters["astro_gamma"].minos == (pytest.approx(-0.1877, rel=0.01), pytest.approx(0.2013, rel=0.01))
    assert found.parameters["astro_norm"].minos == (pytest.approx(-1.241, rel=0.01), pytest.approx(1.383, rel=0.01))
    assert found.ts_background == pytest.approx(122.9, rel=0.01)
    assert found.significance == pytest.approx(math.sqrt(found.ts_background))


def test_errors_fall_with_the_root_of_the_livetime() -> None:
    """The index is limited by events alone; the test statistic of no flux grows about as fast as the exposure."""
    whole = surrogate_response()
    nll = likelihood()

    def longer(factor: float):
        model = Model(exposed(whole, factor), PowerLaw())
        return exposure(NegativeLogLikelihood(model, nll.counts, parameters=nll.parameters), PUBLISHED, factor, factor * HESE_LIVETIME_S)

    once, tenfold = longer(1.0), longer(10.0)
    assert tenfold.n_expected == pytest.approx(10.0 * once.n_expected)
    ratio = once.parameters["astro_gamma"].error / tenfold.parameters["astro_gamma"].error
    assert ratio == pytest.approx(math.sqrt(10.0), rel=0.03)
    assert 5.0 < tenfold.ts_background / once.ts_background < 10.0  # the prior on the atmosphere does not become narrower
    untested = dataclasses.replace(once, ts_background=math.nan, significance=math.nan)
    assert rows(AsimovStudy(PUBLISHED, [untested]))[0][1].endswith("no flux: not tested, its fit failed")
    assert "livetime x 10" in [quantity for quantity, *_ in rows(AsimovStudy(PUBLISHED, [once, tenfold]))]


def test_variance_of_the_simulation_grows_with_the_square_of_the_exposure() -> None:
    response = dataclasses.replace(surrogate_response(), pairs={("all", "astro", "astro"): np.ones((3, 441, 60))})
    longer = exposed(response, 3.0)
    assert longer.livetime_s == pytest.approx(3.0 * HESE_LIVETIME_S)
    np.testing.assert_array_equal(longer.pairs["all", "astro", "astro"], 9.0)
    np.testing.assert_allclose(longer.moments["all", "astro"], 3.0 * response.moments["all", "astro"])


def test_models_beside_each_other() -> None:
    """Nested models on the Asimov set of the power law: nothing to gain, whatever is added; AIC counts the parameter."""
    null = likelihood()
    minimum = minimise(null)
    first = null_model(null, minimum)
    found = {
        name: compared_model(null, minimum, likelihood(spectrum=spectrum), Embedding(name), toys=0, seed=1)
        for name, spectrum in (("log_parabola", LogParabola()), ("cutoff", ExponentialCutoff()))
    }
    for one in found.values():
        assert one.ts == pytest.approx(0.0, abs=1e-4)
        assert math.isnan(one.p_toys)
        assert one.aic - first.aic == pytest.approx(2.0, abs=1e-3)
        assert one.n_free == first.n_free + 1
    assert found["log_parabola"].p_chi2 == pytest.approx(1.0, abs=0.02)
    assert found["cutoff"].p_chi2 == pytest.approx(0.5, abs=0.02)  # at the boundary (Chernoff 1954)
    table = ModelComparison("power_law", {"power_law": first, **found}, 1, 0)
    assert [row[0] for row in rows(table)] == ["power_law", "log_parabola", "cutoff"]


def test_a_curved_truth_is_found() -> None:
    """Data of a strong cut-off: a large test statistic, and fewer toys of the power law beyond it than the error of the p-value allows."""
    curved = likelihood(spectrum=ExponentialCutoff())
    counts = 20.0 * curved.model.expected([6.0, 2.0, 5.0, 1.0])
    null, wider = likelihood(counts), likelihood(counts, spectrum=ExponentialCutoff())
    found = compared_model(null, minimise(null), wider, Embedding("cutoff"), toys=4, seed=2)
    assert found.valid
    assert found.ts > 20.0
    assert (found.n_valid, found.n_failed) == (4, 0)
    assert found.p_toys == pytest.approx(0.0, abs=0.25)
    assert found.parameters["inverse_cutoff_per_pev"].value > 1.0


def test_the_posterior_of_a_counting_experiment_is_a_gamma_distribution() -> None:
    """Flat prior, Poisson with k events and known background b, s >= 0: density ~ (s + b)^k e^-(s + b), a gamma distribution cut off at b."""
    k, background = 9, 3.0
    nll = counting_experiment(k, background)
    found = posterior(nll, minimise(nll), Posterior(walkers=16, burn=100, steps=800), 7)
    cut = gamma(k + 1)
    quantiles = cut.ppf(cut.cdf(background) + cut.sf(background) * np.array([0.15865, 0.5, 0.84135])) - background
    low, high = found.intervals["0.6827"]["astro_norm"]
    np.testing.assert_allclose([low, found.median["astro_norm"], high], quantiles, atol=0.15)
    assert found.names == ["astro_norm"]
    assert found.r_hat < 1.01
    assert min(found.samples["astro_norm"]) >= 0.0
    assert decode_result(encode_result(found), "") == found
    again = posterior(nll, minimise(nll), Posterior(walkers=16, burn=100, steps=800), 7)
    assert again == found  # the seed alone decides


def test_chains_that_have_not_converged_are_no_result() -> None:
    nll = counting_experiment(9, 3.0)
    with pytest.raises(ConvergenceError, match=r"fits\.main\.posterior: the chains have not converged: .*effective samples.*max_extend") as caught:
        posterior(nll, minimise(nll), Posterior(walkers=8, burn=0, steps=20, max_extend=1.0), 7, where="fits.main.posterior")
    assert caught.value.convergence.steps == 20


def test_saved_samples_come_from_every_walker() -> None:
    """Every eighth sample of two ensembles of 16 walkers would be of two walkers each."""
    ensemble, step, walker = np.meshgrid(np.arange(2), np.arange(100), np.arange(16), indexing="ij")
    kept = thinned(np.stack([ensemble, step, walker], axis=-1).astype(float), 400)
    assert len(kept) == 416
    assert len(np.unique(kept[:, [0, 2]], axis=0)) == 32
    np.testing.assert_array_equal(np.unique(kept[:, 1]), np.arange(0, 100, 8))


def test_a_posterior_needs_a_seed() -> None:
    nll = counting_experiment(9, 3.0)
    with pytest.raises(InputError, match="posterior: toys need a seed"):
        posterior(nll, minimise(nll), Posterior(), None)


def test_events_are_a_table_for_people(tmp_path) -> None:
    model = Model(surrogate_response(), PowerLaw())
    table = event_table(model, THETA, toy_counts(3))
    (tmp_path / "gone.events.csv").write_text("old")
    paths = save_event_tables(tmp_path, {"main.events": table, "main": None})
    assert [path.name for path in paths] == ["main.events.csv", "main.events.tex"]
    assert not (tmp_path / "gone.events.csv").exists()
    read = list(csv.DictReader((tmp_path / "main.events.csv").read_text().splitlines()))
    assert len(read) == len(table.channel)
    assert [float(row["signalness"]) for row in read] == pytest.approx(table.signalness)


REFUSED = {
    "events of an Asimov set": ({"events": True, "data": "asimov"}, "events: there are no observed events in this fit"),
    "a wider null": ({"model_comparison": {}, "model": {"astro": "cutoff"}}, "model_comparison: .* not with cutoff; set model.astro: power_law"),
    "a model twice": ({"model_comparison": {"models": ["cutoff", "cutoff"]}}, "model_comparison.models: cutoff, cutoff; name each once"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_studies_that_cannot_be_are_refused(case: str) -> None:
    options, message = REFUSED[case]
    inputs = Inputs(None, surrogate_response(), np.zeros(441, dtype=np.int64), HESE_LIVETIME_S, "", False, "")
    with pytest.raises(InputError, match=message):
        check(Fit.model_validate(options), inputs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"asimov_livetimes": [0]}, "asimov_livetimes.0[\\s\\S]*greater than 0"),
        ({"posterior": {"walkers": 2}}, "posterior.walkers[\\s\\S]*greater than or equal to 8"),
        ({"model_comparison": {"models": []}}, "model_comparison.models[\\s\\S]*at least 1 item"),
        ({"model_comparison": {"models": ["kinked"]}}, "model_comparison.models.0[\\s\\S]*log_parabola"),
        ({"impact": True}, "impact[\\s\\S]*Extra inputs"),
    ],
)
def test_wrong_options_are_named(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        Fit.model_validate(options)


def test_the_terminal_says_what_was_found() -> None:
    table = event_table(Model(surrogate_response(), PowerLaw()), THETA, toy_counts(3))
    (first, *events) = rows(table)
    assert first[1] == f"{len(table.channel)}, {table.expected_signal:.1f} of them astrophysical"
    assert len(events) == 10
    highest = int(np.argmax(table.energy_low_gev))
    assert f"signalness {table.signalness[highest]:.3f}" in events[0][1]
    nll = counting_experiment(9, 3.0)
    names = [quantity for quantity, *_ in rows(posterior(nll, minimise(nll), Posterior(walkers=16, burn=50, steps=600), 7))]
    assert names == ["astro_norm", "chains"]
