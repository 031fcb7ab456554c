"""Unfolding, 40 x 10 bins with flow and 3 nuisances: likelihood, minimum and chains, beside one walker at a time and beside a cell-by-cell loop.

Targets: 3 us per likelihood and walker, a minimum in 50 ms, 500 effective samples per second.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import emcee
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fits" / "unfolding"))

from reference import unfolding_literal
from smeared_problem import smeared
from stopwatch import least_s

from fits.unfolding.posterior import Posterior

WALKERS = 100


def walkers(problem) -> tuple[Posterior, np.ndarray]:
    fit = problem.map()
    random = np.random.default_rng(0)
    return Posterior(problem), random.multivariate_normal(fit.theta, fit.covariance_theta, WALKERS)


@pytest.mark.parametrize("mc_stat", ["none", "say", "bb_lite"])
@pytest.mark.parametrize("rows_only", [True, False], ids=["rows", "cells"])
def test_likelihood_per_walker(benchmark, mc_stat: str, rows_only: bool) -> None:
    posterior, thetas = walkers(smeared(nuisances=3, rows_only=rows_only, tau=3e-4, mc_stat=mc_stat))
    assert np.isfinite(benchmark(posterior.values, thetas)).all()
    benchmark.extra_info["us_per_walker"] = least_s(lambda: posterior.values(thetas)) / WALKERS * 1e6


def test_many_walkers_beat_one_at_a_time(benchmark) -> None:
    posterior, thetas = walkers(smeared(nuisances=3, tau=3e-4, mc_stat="say"))
    together = least_s(lambda: posterior.values(thetas))
    apart = least_s(lambda: [posterior.value(theta) for theta in thetas], 3)
    benchmark.extra_info["ratio"] = apart / together
    benchmark.pedantic(posterior.values, (thetas,), rounds=3)
    assert apart > 8 * together


def test_arrays_beat_loops_over_cells(benchmark) -> None:
    problem = smeared(nuisances=3, tau=3e-4)
    posterior, thetas = walkers(problem)
    loops = least_s(lambda: unfolding_literal.objective(problem, thetas[0]), 3)
    ours = least_s(lambda: posterior.values(thetas)) / WALKERS
    benchmark.extra_info["ratio"] = loops / ours
    benchmark.pedantic(posterior.values, (thetas,), rounds=3)
    assert loops > 50 * ours


@pytest.mark.parametrize("mc_stat", ["none", "say", "bb_lite"])
def test_minimum(benchmark, mc_stat: str) -> None:
    problem = smeared(nuisances=3, tau=3e-4, mc_stat=mc_stat)
    assert benchmark(problem.map).valid
    benchmark.extra_info["ms"] = least_s(problem.map) * 1e3


def test_chains_beat_a_scalar_likelihood(benchmark) -> None:
    """Effective samples per second, ours with all checks; emcee as it comes calls the same likelihood once for each walker."""
    problem = smeared(nuisances=3, tau=3e-4, mc_stat="say")
    posterior, thetas = walkers(problem)
    start = time.perf_counter()
    found = problem.sample(seed=1)
    ours = found.convergence.effective_samples / (time.perf_counter() - start)
    n = problem.n
    sampler = emcee.EnsembleSampler(WALKERS, posterior.size, lambda theta: float(theta[:n].sum() - posterior.value(theta)))
    sampler.random_state = np.random.RandomState(1).get_state()
    start = time.perf_counter()
    sampler.run_mcmc(thetas, 300)
    per_step = (time.perf_counter() - start) / 300
    stretch = 100.0  # autocorrelation of the stretch move on such posteriors, in its favour
    scalar = WALKERS / stretch / per_step
    benchmark.extra_info.update(effective_per_second=ours, scalar_per_second=scalar, ratio=ours / scalar, tau_steps=found.convergence.tau_steps)
    benchmark.pedantic(posterior.values, (thetas,), rounds=3)
    assert ours > 5 * scalar


def test_toys(benchmark) -> None:
    """300 toys in less than 10 s."""
    problem = smeared(nuisances=0, tau=3e-4)
    assert benchmark.pedantic(problem.coverage, (50,), rounds=1).n_valid == 50
