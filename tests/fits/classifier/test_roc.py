"""ROC curves: closed forms, the slow definition, toys, scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import norm

from configs.errors import InputError
from fits.classifier.roc import CURVE_POINTS, auc, binormal_efficiency, compare, logit_score, roc_curve, roc_points, simultaneous_half_widths

NAMES = (["e-"], "gamma")


def slow_auc(signal: list[float], background: list[float]) -> tuple[float, float]:
    """The definition, pair by pair: psi = 1, 1/2 or 0."""
    psi = np.array([[1.0 if s > b else 0.5 if s == b else 0.0 for b in background] for s in signal])
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    return psi.mean(), math.sqrt(v10.var(ddof=1) / len(signal) + v01.var(ddof=1) / len(background))


@pytest.mark.parametrize(
    ("signal", "background", "value", "error"),
    [([0.9, 0.8, 0.4], [0.7, 0.3, 0.2, 0.1], 0.916667, 0.117851), ([1, 1, 0], [1, 0, 0, 0], 0.708333, 0.208333)],
)
def test_worked_examples(signal: list[float], background: list[float], value: float, error: float) -> None:
    found = auc(signal, background)
    assert (found.value, found.error) == pytest.approx((value, error), abs=1e-6)


@given(st.lists(st.integers(0, 6), min_size=2, max_size=30), st.lists(st.integers(0, 6), min_size=2, max_size=30))
def test_midranks_equal_the_pairwise_definition(signal: list[int], background: list[int]) -> None:
    found = auc(signal, background)
    assert (found.value, found.error) == pytest.approx(slow_auc(signal, background), rel=1e-9, abs=1e-9)


def test_monotone_change_of_the_score_and_exchange_of_classes() -> None:
    random = np.random.default_rng(0)
    s, b = random.normal(1, 1, 300), random.normal(0, 1, 200)
    found = auc(s, b)
    assert (auc(expit(s), expit(b)).value, auc(b, s).value) == pytest.approx((found.value, 1 - found.value), rel=1e-12)
    assert auc(b, s).error == pytest.approx(found.error, rel=1e-9)


def test_two_gaussians_value_error_and_coverage() -> None:
    random = np.random.default_rng(7)
    truth = norm.cdf(1 / math.sqrt(2))
    assert truth == pytest.approx(0.76025, abs=1e-5)
    found = [auc(random.normal(1, 1, 1000), random.normal(0, 1, 1000)) for _ in range(300)]
    values, errors = np.array([one.value for one in found]), np.array([one.error for one in found])
    assert errors.mean() == pytest.approx(0.0105, abs=0.0002)
    assert values.mean() == pytest.approx(truth, abs=4 * 0.0105 / math.sqrt(300))
    assert np.mean(np.abs(values - truth) < errors) == pytest.approx(0.683, abs=0.09)


def test_paired_comparison_sees_what_separate_errors_hide() -> None:
    random = np.random.default_rng(3)
    s, b = random.normal(1, 1, 500), random.normal(0, 1, 500)
    better, worse = auc(s, b), auc(s + random.normal(0, 0.4, 500), b + random.normal(0, 0.4, 500))
    paired = compare(better, worse)
    assert paired.difference == better.value - worse.value
    assert paired.error < 0.5 * math.hypot(better.error, worse.error)
    assert paired.p == pytest.approx(2 * norm.sf(abs(paired.difference) / paired.error), rel=1e-9)
    assert compare(better, better) == compare(worse, worse)
    assert (compare(better, better).error, compare(better, better).p) == (0.0, 1.0)


def test_paired_comparison_is_calibrated() -> None:
    random = np.random.default_rng(5)
    p = []
    for _ in range(400):
        common = random.normal(size=160)
        first, second = (common + random.normal(0, 0.7, 160) + np.repeat([1.0, 0.0], 80) for _ in range(2))
        p.append(compare(auc(first[:80], first[80:]), auc(second[:80], second[80:])).p)
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.035)


def test_curve_equals_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(2)
    s, b = random.integers(0, 40, 150) + 5, random.integers(0, 40, 250)
    curve = roc_curve(s, b, NAMES)
    false, true, _ = metrics.roc_curve(np.repeat([1, 0], [150, 250]), np.r_[s, b], drop_intermediate=False)
    ours = np.column_stack([curve.misidentification, curve.efficiency])[1:]  # scikit-learn passes events at the cut, this module above it
    np.testing.assert_allclose(ours, np.column_stack([false, true]), atol=1e-12)
    assert curve.auc == pytest.approx(metrics.roc_auc_score(np.repeat([1, 0], [150, 250]), np.r_[s, b]))


def test_curve_runs_from_nothing_to_everything_inside_its_bands() -> None:
    random = np.random.default_rng(2)
    curve = roc_curve(random.normal(1, 1, 4000), random.normal(0, 1, 4000), NAMES)
    assert len(curve.cut) <= CURVE_POINTS + 2
    assert (curve.cut[0], curve.efficiency[0], curve.misidentification[0]) == (math.inf, 0.0, 0.0)
    assert (curve.cut[-1], curve.efficiency[-1], curve.misidentification[-1]) == (-math.inf, 1.0, 1.0)
    for rate, low, high in (
        (curve.efficiency, curve.efficiency_low, curve.efficiency_high),
        (curve.misidentification, curve.misidentification_low, curve.misidentification_high),
    ):
        assert np.all(np.diff(rate) >= 0)
        assert np.all(np.asarray(low) <= rate)
        assert np.all(rate <= np.asarray(high))
    assert np.trapezoid(curve.efficiency, curve.misidentification) == pytest.approx(curve.auc, abs=2e-4)


def test_simultaneous_band_covers_the_whole_curve() -> None:
    random, inside = np.random.default_rng(11), []
    widths = simultaneous_half_widths(60, 80, 0.6827)
    for _ in range(300):
        s, b = np.sort(random.uniform(size=60)), np.sort(random.uniform(size=80))
        distances = [np.max(np.maximum(np.arange(1, n + 1) / n - x, x - np.arange(n) / n)) for x, n in ((s, 60), (b, 80))]
        inside.append(all(d <= w for d, w in zip(distances, widths, strict=True)))
    assert np.mean(inside) == pytest.approx(0.6827, abs=0.08)


def test_score_is_the_log_of_the_ratio_even_where_the_probability_rounds_to_one() -> None:
    softmax = np.array([[0.1, 0.7, 0.2], [1e-30, 1.0, 1e-40], [0.0, 0.0, 1.0]])
    assert logit_score(softmax, [1], [0]) == pytest.approx([math.log(7), math.log(1e30), 0.0], rel=1e-9)
    assert logit_score(softmax[:1], [1, 2], [0]) == pytest.approx([math.log(9)])


def test_points_count_strictly_above() -> None:
    points = roc_points([1, 2, 2], [2, 0])
    assert points.cut.tolist() == [math.inf, 2, 1, 0, -math.inf]
    assert points.signal_above.tolist() == [0, 0, 2, 3, 3]
    assert points.background_above.tolist() == [0, 0, 1, 1, 2]


def test_binormal_efficiency_of_equal_gaussians() -> None:
    d = 1.3
    assert binormal_efficiency(norm.cdf(d / math.sqrt(2)), 0.8) == pytest.approx(norm.sf(norm.ppf(0.8), loc=d), rel=1e-12)


def test_one_class_only() -> None:
    with pytest.raises(InputError, match=r"needs both classes \(found only e-\)"):
        roc_curve([1.0], [], NAMES)
    with pytest.raises(InputError, match="same events for both scores"):
        compare(auc([1, 2], [0, 1]), auc([1, 2, 3], [0, 1]))
    assert math.isnan(auc([1.0], [0.0, 0.5]).error)
