"""Chains: closed forms, convergence that raises, and what the reference program gets wrong."""

from __future__ import annotations

import numpy as np
import pytest
from golden_problem import golden
from scipy import stats
from smeared_problem import smeared

from configs.errors import InputError
from fits.ensembles import ConvergenceError
from fits.unfolding import NuisanceTemplate, UnfoldingProblem
from fits.unfolding.diagnostics import autocorrelation_time, split_r_hat
from fits.unfolding.intervals import central_interval, shortest_interval, upper_limit

SHORT = {"n_burn_steps": 200, "n_used_steps": 1500}


def test_counts_without_prior_have_gamma_posteriors() -> None:
    """One proxy bin for each truth bin, prior flat in f: f_j ~ Gamma(g_j + 1); an empty bin gets the limit 2.303 at 90 %."""
    counts = np.array([100.0, 30.0, 0.0])
    problem = UnfoldingProblem(np.eye(3) * 1000, np.eye(3), counts, mc_stat="none")
    found = problem.sample(seed=1, n_burn_steps=500, n_used_steps=3000)
    exact = stats.gamma(counts + 1)
    assert found.mean[:2] == pytest.approx(counts[:2] + 1, rel=0.01)
    assert found.sd[:2] == pytest.approx(exact.std()[:2], rel=0.03)
    assert found.lower[:2] == pytest.approx(exact.ppf(0.1587)[:2], rel=0.01)
    assert found.upper[:2] == pytest.approx(exact.ppf(0.8413)[:2], rel=0.01)
    median, q16 = exact.ppf(0.5)[2], exact.ppf(0.1587)[2]
    assert found.f[2] == pytest.approx(median, rel=0.05)
    assert q16 > 0.1  # an empty bin of its own is no limit by the rule of 0.1 events
    assert found.unconstrained.tolist() == [False, False, False]


def test_prior_flat_in_ln_f() -> None:
    """Then f_j ~ Gamma(g_j)."""
    counts = np.array([100.0, 30.0, 10.0])
    problem = UnfoldingProblem(np.eye(3) * 1000, np.eye(3), counts, mc_stat="none")
    found = problem.sample(seed=2, prior_f="log_flat", **SHORT)
    assert found.mean == pytest.approx(counts, rel=0.02)
    assert found.sd == pytest.approx(np.sqrt(counts), rel=0.05)


def test_vanishing_bin_gets_an_upper_limit() -> None:
    """Far fewer events than the neighbours' share: the 16 % quantile is below 0.1, the limit is quoted."""
    w = np.array([[500.0, 0, 0], [0, 500.0, 300.0], [0, 0, 200.0], [500.0, 500.0, 500.0]])
    problem = UnfoldingProblem(w, w, np.array([200.0, 100.0, 0.0, 280.0]), mc_stat="none", tau=None)
    found = problem.sample(seed=3, **SHORT)
    low = float(np.exp(np.quantile(found.chain[..., 2], 0.1587)))
    assert (low < 0.1) == bool(found.unconstrained[2])
    assert np.isnan(found.upper_limit[2]) == (not found.unconstrained[2])


def test_seed_decides() -> None:
    one, same, other = (golden(tau=0.03).sample(seed=seed, **SHORT) for seed in (5, 5, 6))
    assert np.array_equal(one.chain, same.chain)
    assert not np.array_equal(one.chain, other.chain)
    assert np.abs(one.f - other.f) / one.sd == pytest.approx(np.zeros(4), abs=0.1)


def test_flat_start_without_burn_in_raises() -> None:
    """The reference program returns such chains: medians up to 23 sigma off and widths wrong by 3 to 50, without an error."""
    problem = smeared(nuisances=3, tau=3e-4, bins=20)
    with pytest.raises(ConvergenceError, match=r"the chains have not converged \(tau = 0.0003\): .* needed; .*smaller = stronger") as caught:
        problem.sample(start="flat", n_burn_steps=0, n_used_steps=200, max_extend=1)
    failed = caught.value.convergence
    assert len(failed.failures) >= 2
    assert failed.r_hat > 1.01


def test_autocorrelation_is_that_of_the_chain_after_burn_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference program counts the burn-in. Here, from a start far off, the steps that were used are kept, without the way to the minimum."""
    monkeypatch.setattr("fits.unfolding.mcmc.KEPT", 10**9)  # not thinned
    found = golden(tau=0.03).sample(start="flat", n_burn_steps=600, n_used_steps=1200, seed=3)
    assert found.chain.shape[0] == found.convergence.steps < 600 + 1200
    halves = np.split(found.chain, 2, axis=1)  # the two ensembles
    tau = max(autocorrelation_time(chain).max() for chain in halves)
    assert found.convergence.tau_steps == pytest.approx(tau, rel=1e-9)
    first, last = np.exp(found.chain[:50]).mean(axis=(0, 1)), np.exp(found.chain[-50:]).mean(axis=(0, 1))
    assert np.all(np.abs(first - last) < 0.5 * found.sd)


def test_the_same_case_converges_from_the_minimum() -> None:
    problem = smeared(nuisances=1, tau=3e-4, bins=20)
    found = problem.sample(n_walkers=100, n_burn_steps=500, n_used_steps=1000, seed=8)
    assert found.convergence.failures == []
    assert found.convergence.steps > 1000  # extended by itself
    assert found.convergence.walkers * found.convergence.ensembles >= 100
    best = problem.map()
    assert np.all(np.abs(found.mean - best.f)[1:-1] < 0.5 * found.sd[1:-1])
    assert found.sd[1:-1] / (best.f * best.error)[1:-1] == pytest.approx(np.ones(10), abs=0.1)
    assert found.parameters["n0"][0] == pytest.approx(best.nuisances["n0"][0], abs=0.2)


def test_negative_pull_is_found() -> None:
    """The reference program forbids values of a nuisance below 0."""
    template = NuisanceTemplate("down", np.linspace(0.3, -0.3, 6), np.zeros(6))
    problem = golden(tau=1e-4, templates=(template,))
    moved = problem.replace(g=problem.g * np.exp(-0.5 * np.linspace(0.3, -0.3, 6)))
    found = moved.sample(seed=9, **SHORT)
    shift = found.parameters["down"][0] - problem.map().nuisances["down"][0]
    assert shift == pytest.approx(-0.5, abs=0.15)


def test_autocorrelation_and_r_hat_of_known_chains() -> None:
    """AR(1) with coefficient rho: tau = (1 + rho)/(1 - rho). Shifted ensembles: R-hat rises."""
    random, rho = np.random.default_rng(0), 0.9
    chain = np.zeros((20_000, 10, 1))
    noise = random.normal(0, np.sqrt(1 - rho**2), chain.shape)
    for step in range(1, chain.shape[0]):
        chain[step] = rho * chain[step - 1] + noise[step]
    assert autocorrelation_time(chain) == pytest.approx([(1 + rho) / (1 - rho)], rel=0.1)
    assert np.isinf(autocorrelation_time(np.zeros((100, 4, 1)))[0])
    assert split_r_hat(np.array([chain, chain[::-1]]))[0] < 1.005
    assert split_r_hat(np.array([chain, chain + 1.0]))[0] == pytest.approx(np.sqrt(1 + 1 / 3), rel=0.02)


def test_no_chain_without_a_minimum() -> None:
    class Broken(UnfoldingProblem):
        def map(self, **options: object):  # type: ignore[override]
            return super().map(start=np.full(4, 800.0))

    base = golden()
    with pytest.raises(InputError, match="no sampling without a minimum"):
        Broken(base.W, base.S, base.g).sample()


def test_probability_is_not_a_percentage() -> None:
    """The reference program takes the 0.95 % quantile of exponential samples of mean 0.05 (0.00047) for the 95 % limit (0.150)."""
    samples = np.random.default_rng(1).exponential(0.05, 400_000)
    assert upper_limit(samples, 0.95) == pytest.approx(-0.05 * np.log(0.05), rel=0.01)
    with pytest.raises(InputError, match="not a percentage"):
        upper_limit(samples, 95)


def test_shortest_interval_is_the_most_probable() -> None:
    """The reference program takes the least probable samples; N(50, 1) gives [49, 51]."""
    samples = np.random.default_rng(2).normal(50, 1, (400_000, 2))
    low, high = shortest_interval(samples)
    assert low == pytest.approx([49, 49], abs=0.05)
    assert high == pytest.approx([51, 51], abs=0.05)
    one_sided = np.random.default_rng(3).exponential(1.0, 200_000)
    low, high = shortest_interval(one_sided, 0.9)
    assert (float(low), float(high)) == pytest.approx((0.0, -np.log(0.1)), abs=0.03)


def test_central_interval() -> None:
    median, low, high = central_interval(np.arange(100_001) / 1000.0)
    assert (float(median), float(low), float(high)) == pytest.approx((50.0, 15.8655, 84.1345), abs=1e-3)
