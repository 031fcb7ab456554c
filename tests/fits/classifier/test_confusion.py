"""Confusion matrix: closed forms, scikit-learn, invariants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact

from fits.classifier.confusion import cohen_kappa, confusion, confusion_counts, homogeneity, matthews_correlation, mutual_information_bits

NAMES = ["gamma", "e-", "mu-", "pi0"]


@pytest.fixture
def sample() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    truth = random.integers(0, 4, 500)
    return truth, np.where(random.uniform(size=500) < 0.4, truth, random.integers(0, 4, 500))


def test_equals_scikit_learn(sample: tuple[np.ndarray, np.ndarray]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, predicted = sample
    table = confusion_counts(truth, predicted, 4)
    ours = confusion(table, NAMES)
    assert np.array_equal(table, metrics.confusion_matrix(truth, predicted))
    assert [one.value for one in ours.recall] == pytest.approx(metrics.recall_score(truth, predicted, average=None))
    assert [one.value for one in ours.precision] == pytest.approx(metrics.precision_score(truth, predicted, average=None))
    assert ours.f1 == pytest.approx(metrics.f1_score(truth, predicted, average=None))
    assert ours.kappa == pytest.approx(metrics.cohen_kappa_score(truth, predicted))
    assert ours.mcc == pytest.approx(metrics.matthews_corrcoef(truth, predicted))
    assert ours.mutual_information_bits == pytest.approx(metrics.mutual_info_score(truth, predicted) / math.log(2))
    assert ours.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))


def test_order_of_events_and_names_of_classes_do_not_matter(sample: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = sample
    shuffled = np.random.default_rng(1).permutation(len(truth))
    table = confusion_counts(truth, predicted, 4)
    assert np.array_equal(table, confusion_counts(truth[shuffled], predicted[shuffled], 4))
    other = table[np.ix_([2, 0, 3, 1], [2, 0, 3, 1])]
    for statistic in (cohen_kappa, matthews_correlation, mutual_information_bits):
        assert statistic(other) == pytest.approx(statistic(table), rel=1e-12)


def test_perfect_and_blind_classifiers() -> None:
    perfect = confusion(np.diag([50, 50, 50, 50]), NAMES)
    assert (perfect.accuracy.value, perfect.kappa, perfect.mcc) == pytest.approx((1, 1, 1))
    assert perfect.mutual_information_bits == pytest.approx(2.0)
    assert perfect.pairs[0].odds_ratio == math.inf
    blind = confusion(np.full((4, 4), 10), NAMES)
    assert (blind.kappa, blind.mcc, blind.mutual_information_bits) == pytest.approx((0, 0, 0), abs=1e-12)
    assert [pair.one_point_auc for pair in blind.pairs] == pytest.approx([0.5] * 6)
    constant = confusion([[10, 0], [10, 0]], ["a", "b"])
    assert (constant.kappa, constant.mcc) == (0.0, 0.0)
    assert math.isnan(constant.precision[1].value)


def test_matrices_sum_to_one_along_their_axis(sample: tuple[np.ndarray, np.ndarray]) -> None:
    ours = confusion(confusion_counts(*sample, 4), NAMES)
    recall = np.array([[one.value for one in row] for row in ours.recall_matrix])
    precision = np.array([[one.value for one in row] for row in ours.precision_matrix])
    np.testing.assert_allclose(recall.sum(axis=1), 1.0)
    np.testing.assert_allclose(precision.sum(axis=0), 1.0)
    assert ours.recall_matrix[2][2] == ours.recall[2]
    assert ours.precision_matrix[1][1] == ours.precision[1]


def test_class_without_events_is_named_and_takes_no_part() -> None:
    ours = confusion([[5, 3, 0], [2, 6, 0], [0, 0, 0]], ["gamma", "e-", "mu-"])
    assert math.isnan(ours.recall[2].value)
    assert ours.balanced_accuracy == pytest.approx((5 / 8 + 6 / 8) / 2)
    assert [pair.classes for pair in ours.pairs] == [("gamma", "e-")]
    assert [one.name for one in ours.one_versus_rest] == ["gamma", "e-"]


def test_pair_tests_equal_scipy() -> None:
    table = np.array([[30, 12, 5], [18, 25, 9], [1, 2, 40]])
    pair = confusion(table, ["a", "b", "c"]).pairs[0]
    expected = chi2_contingency(table[:2], correction=False)
    assert (pair.chi2, pair.degrees_of_freedom, pair.chi2_p) == pytest.approx((expected.statistic, expected.dof, expected.pvalue))
    assert pair.fisher_p == pytest.approx(fisher_exact(table[:2, :2]).pvalue)
    assert pair.odds_ratio == pytest.approx(30 * 25 / (12 * 18))


def test_homogeneity_of_what_cannot_vary() -> None:
    assert homogeneity(np.array([[3, 4], [0, 0]])) == (0.0, 0, 1.0)
    assert homogeneity(np.array([[3, 0], [5, 0]])) == (0.0, 0, 1.0)
