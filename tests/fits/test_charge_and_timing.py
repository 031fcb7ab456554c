"""Errors of the mean charge against toys, the core of the transit times against truth whatever the bins."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fits.pmt_measured import charge_above
from fits.sample_moments import ChargeMoments
from fits.timing import full_width_at_half_maximum, timing
from records.gain import Pedestal


def test_error_of_the_mean_is_not_the_spread() -> None:
    """The published chain quotes the standard deviation; the error of a mean of 500 is 22 times smaller, and it covers."""
    generator = np.random.default_rng(1)
    inside = 0
    for _ in range(1000):
        q = generator.gamma(4.0, 0.8, 500)
        found = charge_above(ChargeMoments.from_charges(q), Pedestal("off", 400, 0.0, 0.0, 0.1))
        assert found.mean_error_pc == pytest.approx(found.spread_pc / math.sqrt(500))
        inside += abs(found.mean_pc - 3.2) < found.mean_error_pc
    assert inside / 1000 == pytest.approx(0.6827, abs=0.03)


def test_pedestal_moves_the_mean_and_widens_its_error() -> None:
    q = np.array([1.0, 2.0, 3.0, 4.0])
    found = charge_above(ChargeMoments.from_charges(q), Pedestal("off", 100, 0.5, 0.3, 3.0))
    assert found.mean_pc == 2.0
    assert found.mean_error_pc == pytest.approx(math.hypot(np.std(q, ddof=1) / 2.0, 0.3))
    assert found.spread_pc == pytest.approx(np.std(q, ddof=1))


def histogram(times: np.ndarray, width_ns: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    edges = np.arange(0.0, 100.0 + width_ns / 2, width_ns)
    return np.histogram(times, edges)[0].astype(float), edges


@pytest.mark.parametrize("sigma_ns", [0.06, 0.3, 1.2])
def test_core_of_a_gaussian(sigma_ns: float) -> None:
    """The bins are integrated, so that a core narrower than a bin is measured too."""
    generator = np.random.default_rng(11)
    pulls = []
    for _ in range(60):
        found = timing(*histogram(generator.normal(47.33, sigma_ns, 2000)))
        assert found.valid, found.reason
        pulls.append([(found.tts_sigma_ns - sigma_ns) / found.tts_sigma_error_ns, (found.core_ns - 47.33) / found.core_error_ns])
        assert found.spread_ns == pytest.approx(sigma_ns, rel=0.12)
    assert np.mean(pulls, axis=0) == pytest.approx([0.0, 0.0], abs=0.45)
    assert np.std(pulls, axis=0) == pytest.approx([1.0, 1.0], abs=0.4)


def test_tail_widens_the_spread_and_not_the_core() -> None:
    generator = np.random.default_rng(3)
    times = np.concatenate([generator.normal(40.0, 0.4, 5000), 40.0 + generator.exponential(8.0, 400)])
    found = timing(*histogram(times))
    assert found.tts_sigma_ns == pytest.approx(0.4, abs=0.03)
    assert found.spread_ns > 2.0
    assert found.fwhm_ns == pytest.approx(2.3548 * 0.4, rel=0.12)


def test_time_shift_moves_the_times_alone() -> None:
    generator = np.random.default_rng(5)
    times = generator.normal(30.0, 0.5, 800)
    here, there = timing(*histogram(times)), timing(*histogram(times + 12.0))
    assert there.core_ns - here.core_ns == pytest.approx(12.0, abs=1e-4)
    assert there.tts_sigma_ns == pytest.approx(here.tts_sigma_ns, rel=1e-3)


@pytest.mark.parametrize(("n", "width_ns", "known"), [(500, 0.025, True), (5000, 0.1, False), (80, 0.025, False)])
def test_full_width_is_given_where_bins_resolve_it(n: int, width_ns: float, known: bool) -> None:
    """A core of 55 ps: bins of 0.1 ns would make it a third wider, and of 80 triggers the highest bin holds fifteen."""
    widths = [timing(*histogram(np.random.default_rng(seed).normal(47.4, 0.055, n), width_ns)).fwhm_ns for seed in range(30)]
    assert np.isfinite(widths).mean() == pytest.approx(float(known), abs=0.2)
    if known:
        assert np.nanmean(widths) == pytest.approx(2.3548 * 0.055, rel=0.08)


def test_half_maximum_of_a_triangle() -> None:
    counts = np.array([0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0])
    assert full_width_at_half_maximum(counts, np.arange(8.0)) == pytest.approx(3.0)


def test_few_times_have_a_mean_and_no_core() -> None:
    found = timing(*histogram(np.linspace(40.0, 41.0, 12)))
    assert not found.valid
    assert found.reason == "12 triggers with a crossing time; the core fit needs 30"
    assert found.transit_time_ns == pytest.approx(40.5, abs=0.06)
    assert math.isnan(found.tts_sigma_ns)


def test_times_in_one_bin_have_no_width() -> None:
    found = timing(*histogram(np.full(50, 40.05)))
    assert found.reason == "the times lie in one bin of 0.1 ns"
    assert timing(*histogram(np.empty(0))).reason == "0 triggers with a crossing time"
