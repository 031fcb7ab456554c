"""Likelihood and fit from 1e3 to 1e6 simulated events, beside a pass over all events (``make bench``).

(a) the exercise: one boolean mask over all events for each bin; (b) numpy bincount over all events; (c) a compiled loop over all events. Ratios are
taken in one process, so they hold on any machine; the targets are those of the specification, chapter 11.
"""

from __future__ import annotations

import functools
import time

import numpy as np
import pytest
from bench.stopwatch import least_s
from generated_case import Generated, expectation, generated
from reference.folding_compiled import compiled_nll_and_gradient
from reference.folding_loops import bin_mask_nll, bincount_nll_and_gradient, event_weights
from surrogate_case import likelihood, toy_counts

from fits.minimise import minimise
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from physics.spectra import PowerLaw

THETA = np.array([6.4, 2.87, 1.0])
SIZES = [1_000, 100_000, 1_000_000]


@functools.cache
def counts(size: int) -> np.ndarray:
    """Data thrown from the simulation's own expectation, so that no event falls in a bin without simulation."""
    return np.random.default_rng(60).poisson(expectation(generated(size), PowerLaw(), THETA)[0])


@functools.cache
def nll(size: int, name: str = "poisson") -> NegativeLogLikelihood:
    return NegativeLogLikelihood(Model(generated(size).response, PowerLaw()), counts(size), name)


def masks(case: Generated) -> np.ndarray:
    return case.bin == np.arange(len(case.response.bins))[:, None]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["poisson", "say"])
def test_value_and_gradient(benchmark, size: int, name: str) -> None:
    value, _ = benchmark(nll(size, name).value_and_gradient, THETA)
    assert np.isfinite(value)


@pytest.mark.parametrize("size", SIZES[1:])
def test_bincount_over_events(benchmark, size: int) -> None:
    case = generated(size)
    value, _ = benchmark.pedantic(bincount_nll_and_gradient, (counts(size), case.bin, case.x, case.weights, THETA), rounds=5)
    assert value == pytest.approx(nll(size).value(THETA), abs=1e-6)


def test_bin_masks_over_events(benchmark) -> None:
    """At 1e5 only: the masks of 1e6 events are 840 MB."""
    case = generated(SIZES[1])
    value = benchmark.pedantic(bin_mask_nll, (counts(SIZES[1]), masks(case), case.x, case.weights, THETA), rounds=3)
    assert value == pytest.approx(nll(SIZES[1]).value(THETA), abs=1e-6)


def test_asimov_value_and_gradient(benchmark) -> None:
    """Surrogate, 441 bins all with non-integer counts: no bin can be merged."""
    assert np.isfinite(benchmark(likelihood().value_and_gradient, THETA)[0])


@pytest.mark.parametrize("minos", [(), ("astro_norm", "astro_gamma")], ids=["hesse", "hesse+minos"])
def test_fit(benchmark, minos: tuple[str, ...]) -> None:
    assert benchmark(minimise, likelihood(toy_counts(3)), minos=minos).valid


def test_new_counts(benchmark) -> None:
    case = likelihood(toy_counts(3))
    assert benchmark(case.with_counts, toy_counts(4)).counts.sum() == toy_counts(4).sum()


def masks_s(size: int) -> float:
    """Time of one evaluation of the exercise with all its masks: measured with every tenth bin, as those of 1e6 events and all bins are 840 MB."""
    case, every = generated(size), np.arange(0, len(generated(size).response.bins), 10)
    some = case.bin == every[:, None]
    slow = least_s(lambda: bin_mask_nll(counts(size)[every], some, case.x, case.weights, THETA), 2, time.process_time)
    fixed = least_s(lambda: event_weights(case.x, case.weights, THETA), 2, time.process_time)
    return fixed + 10 * (slow - fixed)


def test_targets(benchmark, capsys) -> None:
    """Against events one by one at 1e6: 1000 times the exercise's masks, 50 times bincount and compiled loops; a fit with MINOS costs less than
    one evaluation of the masks. Our own time does not grow with the number of events. Times of the processor, so that neighbours do not count."""
    ours = {size: least_s(lambda size=size: nll(size).value_and_gradient(THETA), 400, time.process_time) for size in SIZES}
    million = SIZES[-1]
    case = generated(million)
    events = (counts(million), case.bin, case.x, case.weights, THETA)
    slow = {
        "masks": masks_s(million),
        "bincount": least_s(lambda: bincount_nll_and_gradient(*events), 5, time.process_time),
        "compiled": least_s(lambda: compiled_nll_and_gradient(*events), 5, time.process_time),
    }
    fit = least_s(lambda: minimise(likelihood(toy_counts(3)), minos=("astro_norm", "astro_gamma")), 20, time.process_time)
    ratios = {name: taken / ours[million] for name, taken in slow.items()}
    with capsys.disabled():
        print(f"\nvalue+gradient {', '.join(f'{size:.0e}: {1e6 * t:.0f} us' for size, t in ours.items())}; fit with MINOS {1e3 * fit:.1f} ms")
        print(f"at 1e6 events {', '.join(f'{name} {1e3 * taken:.1f} ms (ratio {ratios[name]:.0f})' for name, taken in slow.items())}")
    benchmark.extra_info.update(ratios=ratios, fit_with_minos_ms=1e3 * fit)
    benchmark(nll(million).value_and_gradient, THETA)
    assert compiled_nll_and_gradient(*events)[0] == pytest.approx(nll(million).value(THETA), abs=1e-6)
    assert ratios["masks"] >= 1000
    assert min(ratios["bincount"], ratios["compiled"]) >= 50
    assert ours[million] < 1.5 * ours[100_000]
    assert fit < slow["masks"]
