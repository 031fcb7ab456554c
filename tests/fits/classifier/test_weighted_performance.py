"""Performance of events with weights: unit weights are counts, whole weights are repeated events, the size of weights does not matter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import classifier_case as case
import numpy as np
import pytest

from fits.classifier.binomial import joined, rate, rates, weighted_rate, weighted_rates
from fits.classifier.confusion import confusion, confusion_counts, weighted_confusion
from fits.classifier.performance import Context, performance
from fits.classifier.working_points import Scores, cut_for_rejection, working_point
from records.performance import PerformanceResult, Rate

CONTEXT = Context(rows_in_file=1800, seed=5)
CLASSES = ["gamma", "e-", "mu-"]


def with_weights(weight: Any) -> PerformanceResult:
    outputs, events = case.generated()
    columns = events if weight is None else {**events, "weight": np.broadcast_to(np.asarray(weight, float), np.shape(events["row"]))}
    return performance(outputs, columns, case.options(interval="wilson", permutations=20), CONTEXT)


def all_rates(result: PerformanceResult) -> list[Rate]:
    found = result.confusion
    listed = [*found.recall, *found.precision, *(one for row in found.recall_matrix + found.precision_matrix for one in row), found.accuracy]
    for point in result.working_points:
        listed += [point.efficiency, point.misidentification]
        listed += [one for curve in point.curves.values() for one in (*curve.efficiency, *curve.misidentification)]
    return listed


def numbers(rate: Rate) -> list[float]:
    return [rate.value, rate.low, rate.high]


@pytest.mark.parametrize("weight", [1.0, 0.01, 300.0])
def test_equal_weights_of_any_size_are_counts(weight: float) -> None:
    plain, weighted = with_weights(None), with_weights(weight)
    np.testing.assert_allclose([numbers(one) for one in all_rates(weighted)], [numbers(one) for one in all_rates(plain)], rtol=1e-9, atol=1e-12)
    assert weighted.confusion.counts == plain.confusion.counts
    assert weighted.confusion.balanced_accuracy == pytest.approx(plain.confusion.balanced_accuracy, rel=1e-12)
    assert any("events have weights" in note for note in weighted.notes)
    assert not any("events have weights" in note for note in plain.notes)
    assert replace(weighted, confusion=plain.confusion, notes=plain.notes, working_points=plain.working_points) == plain


def labels_and_weights(seed: int = 3, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, n)
    predictions = np.where(random.uniform(size=n) < 0.6, labels, random.integers(0, 3, n))
    return labels, predictions, random.integers(1, 5, n)


def test_whole_weights_are_repeated_events_with_wider_intervals() -> None:
    labels, predictions, weights = labels_and_weights()
    counted = confusion(confusion_counts(labels, predictions, 3), CLASSES, method="wilson")
    found = weighted_confusion(counted, labels, predictions, weights)
    often = [np.repeat(values, weights) for values in (labels, predictions)]
    repeated = confusion(confusion_counts(*often, 3), CLASSES, method="wilson")
    for kind in ("recall", "precision"):
        for one, more in zip(getattr(found, kind), getattr(repeated, kind), strict=True):
            assert (one.value, one.passed, one.total) == pytest.approx((more.value, more.passed, more.total), rel=1e-12)
            assert one.high - one.low > more.high - more.low
    np.testing.assert_allclose([[one.value for one in row] for row in found.recall_matrix],
                               [[one.value for one in row] for row in repeated.recall_matrix], rtol=1e-12)  # fmt: skip
    np.testing.assert_allclose([[one.value for one in row] for row in found.precision_matrix],
                               [[one.value for one in row] for row in repeated.precision_matrix], rtol=1e-12)  # fmt: skip


def test_intervals_are_those_of_the_effective_number() -> None:
    """(sum w)^2 / sum w^2 events (specification 4.2)."""
    labels, predictions, weights = labels_and_weights()
    found = weighted_confusion(confusion(confusion_counts(labels, predictions, 3), CLASSES), labels, predictions, weights)
    mine = weights[labels == 1].astype(float)
    effective = mine.sum() ** 2 / np.square(mine).sum()
    (expected,) = rates([found.recall[1].value * effective], [effective], method="wilson")
    assert numbers(found.recall[1]) == pytest.approx(numbers(expected), rel=1e-12)


def test_a_working_point_rejects_weight() -> None:
    random = np.random.default_rng(1)
    score, weights = random.normal(0, 1, 500), random.integers(1, 6, 500)
    assert cut_for_rejection(score, 0.8, weights) == cut_for_rejection(np.repeat(score, weights), 0.8)
    background, signal = Scores(score, {"weight": weights.astype(float)}), Scores(score + 1, {"weight": weights.astype(float)})
    repeated = [Scores(np.repeat(one.score, weights), {}) for one in (signal, background)]
    point, expected = working_point(signal, background, (["e-"], "gamma"), 0.8), working_point(*repeated, (["e-"], "gamma"), 0.8)
    assert (point.cut, point.efficiency.value, point.misidentification.value) == pytest.approx(
        (expected.cut, expected.efficiency.value, expected.misidentification.value), rel=1e-12
    )


@pytest.mark.parametrize("scale", [1.0, 1e-3, 40.0])
def test_joined_groups_are_the_fraction_of_all_their_events(scale: float) -> None:
    """A sum of weights is no number of events: joined bins of small weights are not empty, those of large ones not certain."""
    labels, predictions, weights = labels_and_weights()
    every = weighted_rate(predictions == labels, scale * weights)
    parts = joined(weighted_rates(predictions == labels, scale * weights, labels, 4))  # the fourth group is empty
    assert [*numbers(parts), parts.events] == pytest.approx([*numbers(every), every.events], rel=1e-12)
    nothing = weighted_rates([], [], np.zeros(0, int), 2)
    assert [one.events for one in (*nothing, joined(nothing))] == [0, 0, 0]


def test_joined_counts_are_counts() -> None:
    assert joined(rates([3, 1, 0], [10, 2, 0])) == rate(4, 12)
