"""Pseudo-experiments of the stack per CPU second, beside a scan of whole numbers and beside an unbinned fit with SciPy (``make bench``).

All in one process on the same sky of 29 galaxies, muon pairs at 100 GeV, 32,600 events, so that the ratios hold on any machine.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from dark_matter_campaign import result, shared
from dark_matter_case import stacked
from reference.stack_scan import integer_scan
from scipy.optimize import minimize_scalar

from fits.dark_matter.bank import Bank, Uncertain
from fits.dark_matter.sky import RatioBins
from fits.dark_matter.stack_fit import fit, largest_share
from fits.dark_matter.trials import Hypotheses

N_EVENTS = 32_600
TRIALS = 20_000
WIDEST = 1000  # whole numbers of the scan


@functools.cache
def bins() -> RatioBins:
    return replace(stacked(), n_events=N_EVENTS)


def bank(engine: str = "numba") -> Bank:
    return Bank(bins(), 1, "Mu", 100.0, "poisson", engine)  # type: ignore[arg-type]


def background(engine: str = "numba", count: int = TRIALS) -> float:
    """Sum of TS of new trials; the groups of a new bank are empty."""
    return float(bank(engine).background(count).ts.sum())


def limit_trials(spread: float) -> float:
    """Signal trials with q at their own number, as limits need them."""
    n = 2.0 * bins().sigma_n
    return float(bank().tested_signal(n, TRIALS, Hypotheses((n,), spread), Uncertain(spread)).q.sum())


@functools.cache
def counts() -> np.ndarray:
    return np.random.default_rng(3).multinomial(N_EVENTS, bins().background + 2e-3 * (bins().signal - bins().scrambled)).astype(float)


@functools.cache
def ratio_of_events() -> np.ndarray:
    return np.repeat(bins().ratio, counts().astype(int))


def unbinned_fit() -> float:
    """One fit as written by hand: every event, SciPy's bounded search."""
    r = ratio_of_events()
    found = minimize_scalar(
        lambda n: -np.log1p(n / N_EVENTS * r).sum(), bounds=(0.0, largest_share(bins().ratio) * N_EVENTS), method="bounded", options={"xatol": 1e-3}
    )
    return float(found.x)


def cpu_seconds(function: Callable[[], object], repeat: int) -> float:
    """Best of ``repeat`` calls, CPU time of this process."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_background_trials(benchmark, engine: str) -> None:
    count = TRIALS if engine == "numba" else 2000
    assert benchmark.pedantic(background, (engine, count), rounds=3, warmup_rounds=1) > 0.0


@pytest.mark.parametrize("spread", [0.0, 0.455])
def test_limit_trials(benchmark, spread: float) -> None:
    assert benchmark.pedantic(limit_trials, (spread,), rounds=3, warmup_rounds=1) > 0.0


def test_one_combination(benchmark) -> None:
    """Everything of one channel and mass with 10,000 background trials."""
    common = shared(
        trials={"background": 10_000, "per_limit_point": 5_000, "signal_per_point": 2_000, "points": 9}, statistics={"target_error": 0.02}
    )
    found = benchmark.pedantic(result, (common, "Mu", 100.0), rounds=1, warmup_rounds=1)
    assert found.background.n_trials == 10_000


def test_targets(benchmark, capsys) -> None:
    """One trial, drawn and fitted, at least a thousand times faster than a scan of its whole numbers and a hundred times than an unbinned fit."""
    background("numba", 10)
    per_trial = cpu_seconds(background, 3) / TRIALS
    numpy_trial = cpu_seconds(lambda: background("numpy", 2000), 2) / 2000
    scan = cpu_seconds(lambda: integer_scan(counts(), bins().ratio, WIDEST), 2)
    unbinned = cpu_seconds(unbinned_fit, 3)
    assert unbinned_fit() == pytest.approx(fit(counts(), bins().ratio).n_hat, abs=0.05)
    with capsys.disabled():
        print(
            f"\n  trials per CPU second, K = {len(bins().ratio)}: {1 / per_trial:,.0f} (target 100,000), NumPy engine {1 / numpy_trial:,.0f} "
            f"(20,000)"
            f"\n  one trial: {per_trial * 1e6:.2f} us; scan of {WIDEST} whole numbers {scan / per_trial:,.0f} times that, unbinned fit with SciPy "
            f"{unbinned / per_trial:,.0f} times"
        )
    assert scan > 1000.0 * per_trial
    assert unbinned > 100.0 * per_trial
    benchmark.pedantic(background, rounds=1)
