"""Pseudo-experiments: coverage, the finite simulation, the choice of the prior's strength; and what is saved of all that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from golden_problem import golden
from scipy.stats import norm
from smeared_problem import response, smeared

from configs.errors import InputError
from fits.unfolding.coverage import Truth, cell_bootstrap, reference_truth, tilted_truth
from fits.unfolding.posterior import Posterior
from fits.unfolding.regularisation import Scan
from fits.unfolding.saved import closure_record, flux_record, scan_record, spectrum
from records.results import load_results, save_results


def test_g18_coverage_with_the_response_itself() -> None:
    """No prior, no error of the simulation, a response as good as that of the propagation length."""
    found = smeared(resolution=0.1, simulated=1_000_000).coverage(300, seed=2)
    assert found.n_valid == 300
    assert 0.64 < found.coverage.mean() < 0.72
    assert found.coverage.min() > 0.58
    assert found.coverage.max() < 0.78
    assert 0.93 < found.pull_width.mean() < 1.05
    assert np.abs(found.median_bias).max() < 0.025


def test_g19_finite_simulation_needs_its_term() -> None:
    """A response of few events, drawn anew for each toy: Poisson intervals are too short, both terms repair them."""
    problem = smeared(resolution=0.1, simulated=30_000)
    found = {name: problem.replace(mc_stat=name).coverage(150, mode="bootstrap", seed=3) for name in ("none", "say", "bb_lite")}
    assert found["none"].coverage.mean() == pytest.approx(0.631, abs=0.03)
    assert found["none"].pull_width.mean() == pytest.approx(1.13, abs=0.06)
    assert found["say"].coverage.mean() == pytest.approx(0.709, abs=0.03)
    assert found["bb_lite"].coverage.mean() == pytest.approx(0.703, abs=0.03)


def test_independent_pseudo_data() -> None:
    """Counts from a sample of their own: its fluctuation is common to all toys, and its variance restores the mean coverage."""
    w, s = response(150_000, 77, resolution=0.1)
    problem = smeared(resolution=0.1, simulated=1_000_000, mc_stat="say")
    scale = problem.g.sum() / w.sum()
    truth = Truth(scale * w.sum(axis=0), scale * w.sum(axis=1))
    total, squares = w.sum(axis=0), s.sum(axis=0)
    share = w / total
    own = ((1 - 2 * share) * s + share**2 * squares) / total**2
    without = problem.coverage(100, mode="independent", truth=truth, seed=4)
    with_own = problem.replace(extra_variance=own).coverage(100, mode="independent", truth=truth, seed=4)
    assert np.abs(without.pull_mean).max() > 0.4  # a constant pull, not a scatter
    assert with_own.coverage.mean() > without.coverage.mean()
    assert 0.60 < with_own.coverage.mean() < 0.90


def test_intervals_with_a_prior_cover_what_linear_theory_says() -> None:
    """H = H_data + H_prior, errors from C = H^-1; around the reference estimates scatter with C H_data C, which is less.

    Directions that the data do not know stay at the reference in every toy: intervals cover more than 0.68.
    """
    problem = smeared(simulated=1_000_000)
    problem = problem.replace(g=problem.expected(problem.f_reference))
    for tau in (1e-4, 1e-2):
        here = Posterior(problem.replace(tau=tau)).expansion(np.log(problem.f_reference))
        errors = np.linalg.inv(here.hessian)
        scatter = errors @ (here.hessian - here.hessian_penalty) @ errors
        width = np.sqrt(np.diag(scatter) / np.diag(errors))[problem.inside]
        found = problem.replace(tau=tau).coverage(200, seed=11)
        assert found.pull_width == pytest.approx(width, abs=0.15)
        assert found.coverage.mean() == pytest.approx(np.mean(2 * norm.cdf(1 / width) - 1), abs=0.03)
        assert width.mean() < 0.9  # well above 0.68 of the intervals hold the truth


def test_bootstrap_draws_the_variance_it_is_given() -> None:
    problem = golden()
    draw, generator = cell_bootstrap(problem), np.random.default_rng(0)
    drawn = np.array([draw(generator)[0] for _ in range(4000)])
    assert drawn.mean(axis=0) == pytest.approx(problem.W, rel=0.05)
    assert drawn.var(axis=0) == pytest.approx(problem.S, rel=0.15)


def test_tilted_truth_keeps_the_counts() -> None:
    problem = smeared()
    tilted, reference = tilted_truth(problem, 0.1), reference_truth(problem)
    assert tilted.expected.sum() == pytest.approx(reference.expected.sum())
    assert np.all(np.diff(np.log(tilted.f / reference.f)[1:-1]) == pytest.approx(0.1 * np.log(24) / 10, rel=1e-9))


def test_sampled_coverage_of_some_toys() -> None:
    found = golden(tau=0.03).coverage(3, sample_every=2, n_burn_steps=200, n_used_steps=1000)
    assert found.n_sampled == 2
    assert np.all((found.sampled >= 0) & (found.sampled <= 1))


@pytest.fixture(scope="module")
def scanned() -> Scan:
    return smeared(simulated=1_000_000).scan(np.geomspace(1e-6, 1.0, 9), toys=30, seed=5)


def test_g20_rule_finds_a_strength_that_does_not_decide_the_spectrum(scanned: Scan) -> None:
    """Too strong a prior decides between indices 0.1 apart (coverage 0); the rule avoids it although its error is smallest there."""
    assert scanned.spectra == ("reference", "-0.1", "+0.1")
    chosen = scanned.choose()
    place = int(np.flatnonzero(scanned.tau == chosen)[0])
    assert 1e-5 < chosen < 1e-2
    assert scanned.coverage[0].min() < 0.1
    assert not scanned.allowed[0]
    assert scanned.coverage[place].min() >= 0.60 - np.sqrt(0.24 / 30)
    assert scanned.bias_over_sigma[place].max() <= 1.0


def test_scan_has_no_missing_points_and_repeats(scanned: Scan) -> None:
    for values in (scanned.distance, scanned.roughness, scanned.correlation, scanned.n_eff, scanned.squared_error, scanned.coverage):
        assert np.all(np.isfinite(values))
    assert np.all(np.diff(scanned.n_eff) > 0)
    assert np.all(np.diff(scanned.distance) < 1e-6)  # weaker prior, closer to the data
    assert np.all(np.diff(scanned.roughness) > -1e-6)
    again = smeared(simulated=1_000_000).scan(scanned.tau[:3], toys=30, seed=5)
    assert again.squared_error == pytest.approx(scanned.squared_error[:3], rel=1e-6)


def test_other_rules(scanned: Scan) -> None:
    assert scanned.choose("correlation") == scanned.tau[np.argmin(scanned.correlation)]
    assert scanned.choose("l_curve") in scanned.tau[1:-1]
    with pytest.raises(InputError, match="did you mean 'l_curve'"):
        scanned.choose("lcurve")


def test_no_strength_qualifies_is_an_error_with_the_table() -> None:
    scanned = smeared(simulated=1_000_000).scan([1e-9, 1e-8, 1e-7], toys=5)
    with pytest.raises(InputError, match=r"no tau covers the truth in all spectra(.|\n)*sq. error(.|\n)*1e-09"):
        scanned.choose()
    record = scan_record(scanned)
    assert np.isnan(record.chosen)
    assert record.reason.startswith("no tau covers")


@pytest.mark.slow
def test_g20_full_size() -> None:
    found = smeared(simulated=2_000_000).scan(np.geomspace(1e-6, 1.0, 30), toys=60, seed=6)
    assert 3e-5 < found.choose() < 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("tau", [3e-4, None])
def test_coverage_of_chains(tau: float | None) -> None:
    found = smeared(resolution=0.1, simulated=1_000_000, tau=tau).coverage(300, sample_every=20, seed=7)
    assert found.n_sampled == 15
    assert 0.5 < found.sampled.mean() < 0.9


def test_records_come_back_from_their_file(tmp_path: Path) -> None:
    from fits.unfolding.flux import Exposure

    problem = smeared(nuisances=1, epsilon=0.1, tau=1e-3, mc_stat="say", bins=20)
    fit = problem.map()
    chain = golden(tau=0.03, epsilon=0.1).sample(n_burn_steps=200, n_used_steps=1000)
    flux = problem.to_flux(fit, Exposure(np.ones(10), np.ones(10), 1.0, 1.0))
    results = {
        "map": spectrum(problem, fit, notes=["a note"]),
        "mcmc": spectrum(golden(tau=0.03, epsilon=0.1), chain),
        "ibu": spectrum(problem, problem.ibu()),
        "tsvd": spectrum(problem, problem.tsvd(k=5)),
        "flux": flux_record(problem, flux, "m-2"),
        "scan": scan_record(problem.scan([1e-4, 1e-3, 1e-2], toys=3)),
        "closure": closure_record(problem, problem.coverage(5)),
    }
    save_results(tmp_path / "results.json", "stopping_muons", "test", results)
    loaded = load_results(tmp_path / "results.json")
    assert loaded["map"] == results["map"] or np.isnan(loaded["map"].upper_limit).all()
    assert loaded["map"].f == fit.f[1:-1].tolist()
    assert loaded["map"].underflow == pytest.approx((fit.f[0], np.sqrt(fit.covariance[0, 0])))
    assert loaded["map"].nuisances["n0"].pull == fit.nuisances["n0"][0]
    assert loaded["mcmc"].convergence.effective_samples == chain.convergence.effective_samples
    assert loaded["mcmc"].epsilon.value == chain.parameters["epsilon"][0]
    assert loaded["ibu"].iterations == problem.ibu().iterations
    assert loaded["tsvd"].singular_values == problem.tsvd(k=5).singular_values.tolist()
    assert np.array(loaded["flux"].covariances["statistical"]).shape == (10, 10)
    assert loaded["scan"].tau == [1e-4, 1e-3, 1e-2]
    assert loaded["closure"].n_valid == 5
