"""The profiled scan of 51 x 41 points and the toys, beside the same work point by point with Minuit (``make bench``).

Targets: scan below 0.2 s (issue, item 5), 1000 toys in one call at no more than 6 ms each (specification 11). Times are of the processor, so that
neighbours do not count.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from stopwatch import least_s
from surrogate_case import PUBLISHED, likelihood, toy_counts

from fits.contours import Surface, contours
from fits.minimise import minimise
from fits.scans import scan_general, scan_linear
from fits.toys import ToyStudy, generator, run_toys, throw

pytestmark = pytest.mark.benchmark(timer=time.process_time)

GAMMA, NORM = np.linspace(2.0, 4.0, 51), np.linspace(0.0, 12.0, 41)
SCAN_TARGET_S, TOY_TARGET_S = 0.2, 6e-3


def test_profiled_scan(benchmark) -> None:
    benchmark.group = "scan 51 x 41"
    values, _ = benchmark(scan_linear, likelihood(toy_counts(1)), "astro_gamma", "astro_norm", GAMMA, NORM)
    assert values.shape == (51, 41)
    benchmark.extra_info["share of target"] = round(benchmark.stats.stats.min / SCAN_TARGET_S, 3)


def test_scan_point_by_point(benchmark) -> None:
    """One point in 21 of the same grid by Minuit; the ratio to the vectorised scan is for each point."""
    benchmark.group = "scan 51 x 41"
    nll = likelihood(toy_counts(1))
    best = minimise(nll)
    slow = benchmark.pedantic(scan_general, (nll, best, "astro_gamma", "astro_norm", GAMMA[::5], NORM[::5]), rounds=2)
    start = time.process_time()
    fast = scan_linear(nll, "astro_gamma", "astro_norm", GAMMA, NORM)
    fast_s = time.process_time() - start
    np.testing.assert_allclose(fast[0][::5, ::5], slow[0], rtol=0, atol=1e-6)
    ratio = benchmark.stats.stats.min / slow[0].size / (fast_s / fast[0].size)
    benchmark.extra_info["point by point / vectorised"] = round(ratio, 1)
    assert ratio > 20


def test_contours(benchmark) -> None:
    benchmark.group = "scan 51 x 41"
    nll = likelihood(toy_counts(1))
    values, _ = scan_linear(nll, "astro_gamma", "astro_norm", GAMMA, NORM)
    lines = benchmark(lambda: contours(Surface(GAMMA, NORM, values - values.min())))
    assert set(lines) == {"0.6827", "0.9545", "0.9973"}


def test_a_thousand_toys_in_one_call(benchmark) -> None:
    benchmark.group = "toys"
    fits = benchmark.pedantic(run_toys, (ToyStudy(likelihood(), PUBLISHED, seed=1), 1000), rounds=1)
    assert all(fit.valid for fit in fits)
    benchmark.extra_info["share of target"] = round(benchmark.stats.stats.min / 1000 / TOY_TARGET_S, 3)


def test_a_toy_costs_little_more_than_its_fit(benchmark, capsys) -> None:
    """Throwing, copying the likelihood and counting, beside one fit with its Hessian: less than half of it."""
    benchmark.group = "toys"
    study = ToyStudy(likelihood(), PUBLISHED, seed=1)
    number = iter(range(10_000))
    toy = least_s(lambda: [study(next(number)) for _ in range(20)], 5, time.process_time) / 20
    prepared = [throw(study.nll, PUBLISHED, generator(1, "toys", i)) for i in range(20)]
    fit = least_s(lambda: [minimise(one, starts=[PUBLISHED]) for one in prepared], 5, time.process_time) / 20
    with capsys.disabled():
        print(f"\ntoy {1e3 * toy:.2f} ms, its fit {1e3 * fit:.2f} ms: ratio {toy / fit:.2f}")
    benchmark.pedantic(study, (0,), rounds=5)
    benchmark.extra_info["toy / fit"] = round(toy / fit, 2)
    assert toy < 1.5 * fit


def test_two_hundred_toys_with_minos(benchmark) -> None:
    benchmark.group = "toys"
    fits = benchmark.pedantic(run_toys, (ToyStudy(likelihood(), PUBLISHED, seed=1, minos=("astro_gamma",)), 200), rounds=1)
    assert all("astro_gamma" in fit.minos for fit in fits)
