"""Tests of position dependence: uniform p-values without one, power with one, independence of event order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import chi2_contingency, kstest

from fits.classifier.multiple_tests import detectable_difference, holm, permutation_p, permuted_counts
from fits.classifier.position import Options, equal_count_edges, homogeneity_statistic, position_dependence, position_test, slope_ratio

CLASSES = ["gamma", "e-"]


def sample(n: int, seed: int, recall: object = 0.55) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Two classes; ``recall``: a number or a function of r2/R2."""
    random = np.random.default_rng(seed)
    labels = np.arange(2 * n) % 2
    columns = {"r2": random.uniform(size=2 * n), "y": random.uniform(-300, 300, 2 * n), "azimuth": random.uniform(-np.pi, np.pi, 2 * n)}
    chance = recall(columns["r2"]) if callable(recall) else recall
    return labels, np.where(random.uniform(size=2 * n) < chance, labels, 1 - labels), columns


def test_classifier_that_ignores_position_has_uniform_p_values() -> None:
    p = [
        [(test.p_permutation, test.p_slope, test.p_ks) for test in position_dependence(*sample(150, seed), CLASSES, Options(permutations=400)).tests]
        for seed in range(70)
    ]
    permutation, slope, ks = np.array(p).reshape(-1, 3).T  # 70 x 6 independent tests
    for values in (permutation, slope):
        assert kstest(values, "uniform").pvalue > 0.001
    assert np.mean(ks < 0.05) < 0.08  # exact, discrete: conservative


def test_family_of_tests_rejects_at_its_level() -> None:
    rejected = [
        any(
            min(t.p_permutation_holm, t.p_slope_holm, t.p_ks_holm) < 0.05
            for t in position_dependence(*sample(100, seed), CLASSES, Options(4, 400)).tests
        )
        for seed in range(120)
    ]
    assert np.mean(rejected) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)


def test_dependence_on_radius_is_found_and_named() -> None:
    labels, predictions, columns = sample(800, 3, lambda r2: 0.4 + 0.3 * r2)
    result = position_dependence(labels, predictions, columns, CLASSES, Options(permutations=2000))
    found = {(test.name, test.variable) for test in result.tests if test.p_slope_holm < 0.05}
    assert found == {("gamma", "r2"), ("e-", "r2")}
    assert result.sentence.startswith("recall depends on the event: gamma on r2")
    assert "corrected for 18 tests" in result.sentence


def test_dependence_on_an_angle_is_found_wherever_it_starts() -> None:
    random = np.random.default_rng(0)
    azimuth = random.uniform(-np.pi, np.pi, 2000)
    for shift in (0.0, 1.0, np.pi):
        correct = random.uniform(size=2000) < 0.5 + 0.2 * np.cos(azimuth - shift)
        ratio, degrees = slope_ratio(azimuth, correct, periodic=True)
        assert degrees == 2
        assert ratio > 40


def test_order_of_events_and_further_variables_change_nothing() -> None:
    labels, predictions, columns = sample(200, 5)
    order = np.random.default_rng(0).permutation(400)
    first = position_dependence(labels, predictions, columns, CLASSES, Options(permutations=500, seed=9))
    again = position_dependence(
        labels[order], predictions[order], {k: v[order] for k, v in columns.items()}, CLASSES, Options(permutations=500, seed=9)
    )
    alone = position_dependence(labels, predictions, {"y": columns["y"]}, CLASSES, Options(permutations=500, seed=9))
    for one, other in zip(first.tests, again.tests, strict=True):
        assert (one.recall, one.chi2, one.p_permutation, one.ks) == (other.recall, other.chi2, other.p_permutation, other.ks)
        assert one.slope_ratio == pytest.approx(other.slope_ratio, abs=1e-8)
    assert [t.p_permutation for t in alone.tests] == [t.p_permutation for t in first.tests if t.variable == "y"]


def test_recalls_of_the_bins_hold_every_event_of_the_class() -> None:
    labels, predictions, columns = sample(203, 6)
    for test in position_dependence(labels, predictions, columns, CLASSES, Options(permutations=10)).tests:
        assert sum(one.total for one in test.recall) == 203
        assert max(one.total for one in test.recall) - min(one.total for one in test.recall) <= 1


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=6))
def test_statistic_equals_scipy(pairs: list[tuple[int, int]]) -> None:
    table = np.array(pairs).T
    if table.sum(axis=1).min() == 0:
        return
    used = table[:, table.sum(axis=0) > 0]
    expected = chi2_contingency(used, correction=False).statistic if used.shape[1] > 1 else 0.0
    assert homogeneity_statistic(table[0], table.sum(axis=0)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_permuted_counts_have_the_moments_of_shuffled_events() -> None:
    totals, chosen = np.array([10, 30, 60]), 40
    drawn = permuted_counts(totals, chosen, 20_000, np.random.default_rng(1))
    marks = np.repeat([1, 0], [40, 60])
    random = np.random.default_rng(2)
    shuffled = np.array([np.add.reduceat(random.permutation(marks), [0, 10, 40]) for _ in range(20_000)])
    assert drawn.sum(axis=1).min() == drawn.sum(axis=1).max() == 40
    np.testing.assert_allclose(drawn.mean(axis=0), 0.4 * totals, atol=0.06)
    np.testing.assert_allclose(drawn.std(axis=0), shuffled.std(axis=0), rtol=0.03)


@pytest.mark.parametrize("separated", [False, True])
def test_logistic_slope_equals_a_general_minimiser(separated: bool) -> None:
    random = np.random.default_rng(8)
    x = random.normal(size=120)
    y = (x > 0.2) if separated else random.uniform(size=120) < 1 / (1 + np.exp(-0.8 * x))

    def nll(b: np.ndarray) -> float:
        eta = b[0] + b[1] * x
        return float((np.logaddexp(0, eta) - y * eta).sum())

    best = 0.0 if separated else minimize(nll, [0, 0], tol=1e-12).fun
    null = -(y.sum() * np.log(y.mean()) + (~y).sum() * np.log(1 - y.mean()))
    assert slope_ratio(x, y)[0] == pytest.approx(2 * (null - best), abs=1e-5)


def test_nothing_varies_nothing_is_tested() -> None:
    always = position_test("e-", "r2", np.linspace(0, 1, 50), np.ones(50, bool), Options(permutations=50), np.random.default_rng(0))
    assert (always.chi2, always.p_permutation, always.p_slope, always.p_ks) == (0.0, 1.0, 1.0, 1.0)
    constant = position_test("e-", "nhits", np.full(50, 3.0), np.arange(50) % 2 == 0, Options(permutations=50), np.random.default_rng(0))
    assert (len(constant.recall), constant.p_permutation, constant.slope_ratio) == (1, 1.0, 0.0)
    undefined = position_test("e-", "evis", np.full(3, np.nan), np.ones(3, bool), Options(permutations=5), np.random.default_rng(0))
    assert undefined.recall[0].total == 0


def test_edges_of_a_discrete_variable_are_merged() -> None:
    assert equal_count_edges([0, 0, 0, 0, 0, 0, 1, 2], 4).tolist() == [0.0, 0.25, 2.0]


def test_holm_permutation_p_and_power() -> None:
    assert holm([0.02, np.nan, 0.01]).tolist() == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert permutation_p(5.0, [1.0, 2.0, 3.0]) == 0.25
    assert permutation_p(2.0, [1.0, 2.0, 3.0]) == 0.75
    assert detectable_difference(0.5, 200) == pytest.approx(0.198, abs=5e-4)


def test_power_is_what_is_promised() -> None:
    random = np.random.default_rng(12)
    step = detectable_difference(0.5, 400)
    first, second = random.binomial(200, 0.5 - step / 2, 4000), random.binomial(200, 0.5 + step / 2, 4000)
    z = (second - first) / np.sqrt((first + second) * (1 - (first + second) / 400))
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.80, abs=0.025)
