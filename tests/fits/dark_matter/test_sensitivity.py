import math

import numpy as np
import pytest
from dark_matter_stack import bank, bins
from scipy import stats

from configs.errors import InputError
from fits.dark_matter.sensitivity import fit_curve, median_threshold, p_of_sigmas, search, threshold


def probit_trials(slope: float, offset: float, count: int = 2000, seed: int = 1):
    """Trials that pass with probability Phi(offset + slope n); the same for the same n."""

    def passing(n: float) -> tuple[int, int]:
        generator = np.random.default_rng([seed, int(n * 1e6)])
        return int(generator.binomial(count, stats.norm.cdf(offset + slope * n))), count

    return passing


@pytest.mark.parametrize("start", [0.2, 0.5, 1.0, 3.0, 8.0])
def test_crossing_is_found_from_anywhere(start: float) -> None:
    """Also where the first share is above the target, where an interpolation of shares has nothing to interpolate."""
    expected = (1.2816 + 0.4) / 0.02
    found = search(probit_trials(0.02, -0.4), 0.9, start * expected, error=0.02)
    assert found.n == pytest.approx(expected, rel=0.03)
    assert found.error < 0.02 * found.n
    assert abs(found.n - expected) < 4.0 * found.error


def test_error_is_the_scatter() -> None:
    found = [search(probit_trials(0.02, -0.4, seed=seed), 0.9, 80.0, error=0.05) for seed in range(60)]
    scatter = np.std([one.n for one in found])
    assert scatter == pytest.approx(np.mean([one.error for one in found]), rel=0.35)
    pulls = [(one.n - 84.08) / one.error for one in found]
    assert abs(np.mean(pulls)) < 0.5


def test_nothing_passes() -> None:
    found = search(lambda n: (0, 2000), 0.9, 10.0, largest=50.0)
    assert found.n == math.inf
    assert max(found.points) <= 50.0


def test_curve_of_noiseless_shares() -> None:
    n, total = np.linspace(10.0, 100.0, 9), np.full(9, 1e7)
    curve, covariance = fit_curve(n, total * stats.norm.cdf(-1.0 + 0.03 * n - 5e-5 * n**2), total)
    assert curve == pytest.approx([-1.0, 0.03, -5e-5], rel=1e-3)
    assert (np.linalg.eigvalsh(covariance * np.outer([1, 50, 2500], [1, 50, 2500])) > 0).all()


def test_thresholds() -> None:
    """Quantiles where trials are enough, else the tail of half a chi-square: 9 at 3 and 25 at 5 standard deviations."""
    generator = np.random.default_rng(3)
    ts = np.where(generator.uniform(size=200_000) < 0.5, 0.0, generator.standard_normal(200_000) ** 2)
    from_trials, tail = threshold(ts, p_of_sigmas(3.0)), threshold(ts, p_of_sigmas(5.0))
    assert (from_trials.origin, tail.origin) == ("trials", "fitted tail")
    assert from_trials.ts == pytest.approx(9.0, rel=0.05)
    assert tail.ts == pytest.approx(25.0, rel=0.07)
    assert (ts > from_trials.ts).mean() == pytest.approx(1.35e-3, rel=0.01)
    assert median_threshold(np.where(ts < 0.01, 0.0, ts)).ts == 0.0
    assert p_of_sigmas(3.0) == pytest.approx(1.350e-3, rel=1e-3)
    with pytest.raises(InputError, match="150 background trials are too few for a threshold; ask for 200 or more"):
        threshold(ts[:150], 0.1)


def test_golden_21_sensitivity_and_discovery_in_units_of_the_width() -> None:
    one = bank(3)
    sigma_n = bins().sigma_n
    background = one.background(20_000).ts
    for above, target, asymptotic, low, high in (
        (median_threshold(background), 0.9, 1.28, 1.27, 1.31),
        (threshold(background, p_of_sigmas(3.0)), 0.5, 3.0, 2.95, 3.05),
    ):
        found = search(lambda n, ts=above.ts: (int((one.signal(n, 5000).ts > ts).sum()), 5000), target, asymptotic * sigma_n, error=0.01)
        assert low - 2 * found.error / sigma_n < found.n / sigma_n < high + 2 * found.error / sigma_n


def test_sensitivity_goes_with_the_root_of_the_events() -> None:
    """The published program took the number of events of a trial from the command line."""
    numbers = [search_sensitivity(events) for events in (10_000, 40_000)]
    assert numbers[1] / numbers[0] == pytest.approx(2.0, rel=0.05)


def search_sensitivity(n_events: int) -> float:
    one = bank(n_events=n_events)
    median = median_threshold(one.background(2000).ts).ts
    return search(lambda n: (int((one.signal(n, 2000).ts > median).sum()), 2000), 0.9, 1.28 * one.bins.sigma_n).n
