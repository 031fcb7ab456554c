"""Reliability of probabilities and residuals of reconstructed quantities."""

from __future__ import annotations

import math

import numpy as np
import pytest

from configs.errors import InputError
from fits.classifier.binomial import ONE_SIGMA
from fits.classifier.calibration import calibration, score_quality
from fits.classifier.regression import angle_between, mean_estimate, position_residuals, quantile_estimate, residuals


def test_probabilities_that_are_right_lie_on_the_diagonal() -> None:
    random = np.random.default_rng(0)
    p = random.uniform(size=50_000)
    result = calibration("e-", p, random.uniform(size=50_000) < p)
    assert [one.total for one in result.observed] == [5000] * 10
    assert [one.value for one in result.observed] == pytest.approx(result.mean_probability, abs=0.025)
    assert result.expected_calibration_error < 0.012
    assert result.brier == pytest.approx(1 / 6, abs=0.003)  # mean of p (1 - p)


def test_overconfident_probabilities_are_seen() -> None:
    random = np.random.default_rng(0)
    p = random.uniform(size=20_000)
    sharp = p**3 / (p**3 + (1 - p) ** 3)
    assert calibration("e-", sharp, random.uniform(size=20_000) < p).expected_calibration_error > 0.1


def test_proper_scores_equal_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(1)
    softmax = random.dirichlet([1, 1, 1], 400)
    labels = random.integers(0, 3, 400)
    ours = score_quality(softmax, labels, ["gamma", "e-", "mu-"])
    assert ours.log_loss == pytest.approx(metrics.log_loss(labels, softmax))
    assert ours.brier == pytest.approx(sum(metrics.brier_score_loss(labels == c, softmax[:, c]) for c in range(3)))
    assert ours.brier == pytest.approx(sum(one.brier for one in ours.calibration))


def test_certain_and_wrong_is_finite() -> None:
    assert math.isfinite(score_quality(np.array([[1.0, 0.0]]), np.array([1]), ["a", "b"]).log_loss)
    assert len(calibration("a", [0.1, 0.9], [False, True]).observed) == 2


@pytest.mark.parametrize(("probability", "n"), [(0.5, 60), (0.6827, 100), (0.9, 200)])
def test_quantile_interval_covers(probability: float, n: int) -> None:
    random = np.random.default_rng(2)
    truth = -math.log(1 - probability)
    found = [quantile_estimate(random.exponential(size=n), probability) for _ in range(600)]
    coverage = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.64 < coverage < 0.84  # distribution-free: at least the level, within its discreteness


def test_quantile_without_enough_values_is_open() -> None:
    assert quantile_estimate([1.0, 2.0], 0.99).high == math.inf
    assert math.isnan(quantile_estimate([], 0.5).value)
    assert mean_estimate([3.0]).high == math.inf


def test_bias_and_resolution_of_a_gaussian() -> None:
    random = np.random.default_rng(3)
    true = random.uniform(100, 900, 20_000)
    result = residuals("energy", "MeV", true + random.normal(0, 20, 20_000), true)
    assert result.mean.low < result.mean.high
    assert result.mean.value == pytest.approx(0, abs=0.6)
    assert result.resolution.value == pytest.approx(20, rel=0.02)
    assert result.resolution.high - result.resolution.low < 1.0
    assert result.mean.high - result.mean.low == pytest.approx(2 * 20 / math.sqrt(20_000), rel=0.02)
    with pytest.raises(InputError, match="energy: 1 reconstructed values for 2 true ones"):
        residuals("energy", "MeV", [1.0], [1.0, 2.0])


def test_resolution_is_no_standard_error_of_the_mean() -> None:
    """The reference framework printed sigma / sqrt(n) as resolution (specification 9.10): a hundred times the events make no better detector."""
    random = np.random.default_rng(4)
    few, many = (residuals("energy", "MeV", random.normal(0, 20, n), np.zeros(n)) for n in (500, 50_000))
    assert many.resolution.value == pytest.approx(few.resolution.value, rel=0.1) == pytest.approx(20, rel=0.1)
    assert many.mean.high - many.mean.low == pytest.approx((few.mean.high - few.mean.low) / 10, rel=0.1)


def test_each_statistic_is_its_own() -> None:
    """A list of the reference framework held the last of its statistics everywhere (specification 9.10). Of exp(-x): 1, ln 2, -ln(1 - 0.6827)."""
    values = np.random.default_rng(5).exponential(size=40_000)
    found = residuals("t", "ns", values, np.zeros(len(values)))
    expected = [1.0, math.log(2), -math.log(1 - ONE_SIGMA)]
    assert [found.mean.value, found.median.value, found.resolution.value] == pytest.approx(expected, abs=0.03)
    estimates = [found.mean, found.median, found.resolution]
    assert all(one.low < one.value < one.high for one in estimates)
    assert len({one.value for one in estimates}) == 3


def test_position_is_split_along_and_across_the_direction() -> None:
    direction = np.tile([0.6, 0.0, 0.8], (5, 1))
    along, across, distance = position_residuals(3.0 * direction + [0.0, 4.0, 0.0], np.zeros((5, 3)), direction)
    assert (along.mean.value, across.mean.value, distance.mean.value) == pytest.approx((3, 4, 5))


def test_small_angles_are_exact() -> None:
    tiny = np.array([[1.0, 1e-9, 0.0]])
    assert angle_between([[1.0, 0.0, 0.0]], tiny)[0] == pytest.approx(1e-9, rel=1e-12)
    assert angle_between([[1.0, 0, 0]], [[-1.0, 0, 0]])[0] == pytest.approx(math.pi)
