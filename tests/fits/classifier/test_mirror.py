"""The mirror verdict: calibrated under every truth (G27), and the nested models against an independent fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import chdtrc

from configs.errors import InputError
from fits.classifier.mirror import (
    CLASS_INFORMATION,
    MIRROR,
    NO_DISCRIMINATION,
    POSITION_DEPENDENT,
    Cells,
    likelihood_ratios,
    mirror_test,
    nested_ratios,
    recall_correlation,
)

CLASSES = ["gamma", "e-", "mu-"]
TOYS = 4000
EVENTS = np.full((2, 9), [[22, 22, 22, 22, 23, 22, 23, 22, 22]])


def rejections(probability: object) -> np.ndarray:
    """Fraction of toys with p < 5 % in each of the three tests, for a response probability (2, cells) in 200 + 200 events."""
    response = np.random.default_rng(27).binomial(EVENTS, np.broadcast_to(probability, (2, 9)), size=(TOYS, 2, 9))
    p = np.array([chdtrc(degrees, ratio) for degrees, ratio in zip((1, 8, 8), nested_ratios(response, EVENTS), strict=True)])
    assert [test.p for test in likelihood_ratios(response[0], EVENTS)] == pytest.approx(p[:, 0], rel=1e-9)
    return (p < 0.05).mean(axis=1)


def test_nothing_there_each_test_rejects_at_its_level() -> None:
    assert np.all((rejections(0.55) > 0.02) & (rejections(0.55) < 0.08))


def test_class_information_is_seen_by_the_first_test_only() -> None:
    found = rejections([[0.45], [0.65]])
    assert found[0] > 0.90
    assert np.all((found[1:] > 0.02) & (found[1:] < 0.09))


def test_pure_mirror_is_seen_by_the_second_test_only() -> None:
    found = rejections(np.linspace(0.3, 0.8, 9))
    assert found[1] >= 0.99
    assert np.all((found[[0, 2]] > 0.02) & (found[[0, 2]] < 0.09))


def test_opposite_trends_are_seen_by_the_third_test() -> None:
    assert rejections([np.linspace(0.2, 0.8, 9), np.linspace(0.8, 0.2, 9)])[2] >= 0.99


def verdict(probability: object, seed: int = 0, n: int = 300) -> object:
    """Mirror test of ``n`` events of each class over a 3 x 3 grid with a response probability (2, 9)."""
    random = np.random.default_rng(seed)
    labels, cell = np.repeat([0, 1], n), random.integers(0, 9, 2 * n)
    chance = np.broadcast_to(probability, (2, 9))[labels, cell]
    return mirror_test(labels, (random.uniform(size=2 * n) < chance).astype(int), cell, (0, 1), CLASSES, permutations=500)


def test_verdicts() -> None:
    mirror = verdict(np.linspace(0.2, 0.8, 9))
    assert mirror.verdict == MIRROR
    assert "what no discrimination between gamma and e- looks like" in mirror.sentence
    assert mirror.pearson_r < -0.8
    assert mirror.pearson_p < 0.01
    assert mirror.p_cell_permutation < 0.01
    informed = verdict([[0.3], [0.7]])
    assert informed.verdict == CLASS_INFORMATION
    assert "no position dependence seen (detectable effect >= 0.11)" in informed.sentence
    both = verdict([np.linspace(0.1, 0.6, 9), np.linspace(0.4, 0.9, 9)])
    assert both.verdict == CLASS_INFORMATION
    assert "varies with the vertex in the same way for both" in both.sentence
    opposite = verdict([np.linspace(0.1, 0.9, 9), np.linspace(0.9, 0.1, 9)])
    assert opposite.verdict == POSITION_DEPENDENT
    assert verdict(0.5).verdict == NO_DISCRIMINATION


def test_output_that_ignores_the_class_has_recalls_that_sum_to_one() -> None:
    mirror = verdict(np.linspace(0.2, 0.8, 9), n=20_000)
    total = np.array([[one.value for one in row] for row in mirror.recall]).sum(axis=0)
    np.testing.assert_allclose(total, 1.0, atol=0.06)
    assert mirror.pearson_r < -0.99


def slow_log_likelihood(response: np.ndarray, events: np.ndarray) -> float:
    """Class + cell logit model by a general minimiser."""
    cells = events.shape[1]
    start = np.zeros(cells + 1)

    def nll(b: np.ndarray) -> float:
        eta = b[:cells] + np.array([[0.0], [b[cells]]])
        return float((events * np.logaddexp(0, eta) - response * eta).sum())

    return -float(minimize(nll, start, method="BFGS", options={"gtol": 1e-7}).fun)


@pytest.mark.parametrize("seed", range(5))
def test_additive_model_equals_a_general_minimiser(seed: int) -> None:
    random = np.random.default_rng(seed)
    events = random.integers(3, 30, (2, 6))
    response = random.binomial(events, 0.5)
    constant = response.sum() / events.sum()
    null = float((response * np.log(constant) + (events - response) * np.log(1 - constant)).sum())
    first, second, _ = nested_ratios(response, events)
    assert 0.5 * (first + second) == pytest.approx(slow_log_likelihood(response, events) - null, abs=1e-4)


@given(st.lists(st.tuples(*[st.integers(0, 8)] * 4), min_size=2, max_size=6))
def test_models_are_nested_whatever_the_table(cells: list[tuple[int, int, int, int]]) -> None:
    """Empty cells, cells with one class, classes that always answer the same: finite ratios, not negative, that sum to the saturated model."""
    table = np.array(cells).T
    events, response = table[:2] + table[2:], table[:2]
    if events.sum() == 0 or not events.sum(axis=1).all():
        return
    ratios = np.array(nested_ratios(response, events))
    assert np.isfinite(ratios).all()
    swapped = np.array(nested_ratios(events - response, events))
    np.testing.assert_allclose(swapped, ratios, atol=1e-6)
    exchanged = np.array(nested_ratios(response[::-1], events[::-1]))
    np.testing.assert_allclose(exchanged, ratios, atol=1e-6)


def test_tables_at_once_equal_one_by_one() -> None:
    response = np.random.default_rng(0).binomial(EVENTS, 0.5, size=(20, 2, 9))
    together = np.array(nested_ratios(response, EVENTS))
    np.testing.assert_allclose(together.T, [nested_ratios(one, EVENTS) for one in response], atol=1e-12)


def test_cells_follow_r_and_y_with_the_wall_inside() -> None:
    cells = Cells()
    assert cells.count == 9
    assert cells.number([0, 230, 400, 400.1], [-300, -100, 300, 0]).tolist() == [0, 4, 8, -1]


def test_correlation_needs_three_cells_and_some_spread() -> None:
    assert np.isnan(recall_correlation(np.array([[1, 2], [2, 1]]), np.array([[4, 4], [4, 4]])))
    assert np.isnan(recall_correlation(np.array([[2, 2, 2], [2, 1, 0]]), np.full((2, 3), 4)))
    assert recall_correlation(np.array([[0, 1, 2], [2, 1, 0]]), np.full((2, 3), 4)) == pytest.approx(-1.0)


def test_both_classes_are_needed() -> None:
    with pytest.raises(InputError, match="needs events of both classes gamma and e- inside its cells"):
        mirror_test([0, 0], [0, 1], [0, 1], (0, 1), CLASSES)
