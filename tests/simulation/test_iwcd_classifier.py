"""Classifier outputs with a known answer: AUC, position dependence, mirror; splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata

from physics.tank import preset
from records.scores import save_scores
from simulation.iwcd_classifier import ToyClassifier, shuffled_scores, split_rows, toy_softmax

TANK = preset("short")
N = 20_000


def events(seed: int = 1) -> tuple[np.random.Generator, np.ndarray, np.ndarray]:
    """Generator, labels 0 and 1 alternately, positions uniform in the tank."""
    rng = np.random.default_rng(seed)
    r, azimuth = 400 * np.sqrt(rng.uniform(size=N)), rng.uniform(0, 2 * np.pi, N)
    return rng, np.arange(N) % 2, np.stack([r * np.cos(azimuth), rng.uniform(-300, 300, N), r * np.sin(azimuth)], axis=1)


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Mann-Whitney."""
    n = positive.sum()
    return float((rankdata(score)[positive].sum() - n * (n + 1) / 2) / (n * (~positive).sum()))


def error(value: float) -> float:
    return 3 * np.sqrt(value * (1 - value) / N * 2)


@pytest.mark.parametrize("value", [0.3, 0.5, 0.7, 0.76025, 0.95])
def test_auc_is_the_one_asked_for(value: float) -> None:
    rng, label, position = events()
    logit = ToyClassifier(value).logit(rng, label, position, TANK)
    assert auc(logit, label == 1) == pytest.approx(value, abs=error(value))
    if value == 0.76025:  # specification G22: two Gaussians one sigma apart
        assert logit[label == 1].mean() - logit[label == 0].mean() == pytest.approx(1.0, abs=0.05)
        assert logit[label == 1].std() == pytest.approx(1.0, abs=0.02)


def test_softmax_holds_the_logit_and_tells_the_other_classes() -> None:
    rng, label, position = events()
    label = np.arange(N) % 4
    logit = ToyClassifier(0.7).logit(rng, label, position, TANK)
    softmax = toy_softmax(rng, label, logit)
    np.testing.assert_allclose(softmax.sum(axis=1), 1.0)
    np.testing.assert_allclose(np.log(softmax[:, 1] / softmax[:, 0]), logit, atol=1e-9)
    for code in (2, 3):
        chosen = (label == 1) | (label == code)
        assert auc(-softmax[chosen, code], label[chosen] == 1) > 0.99


def halves(classifier: ToyClassifier) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng, label, position = events(2)
    inner = position[:, 0] ** 2 + position[:, 2] ** 2 < TANK.radius_cm**2 / 2
    return classifier.logit(rng, label, position, TANK), label == 1, inner


def test_injected_position_dependence_separates_better_outside() -> None:
    logit, positive, inner = halves(ToyClassifier(0.75, position_slope=0.8))
    assert auc(logit[~inner], positive[~inner]) - auc(logit[inner], positive[inner]) > 0.15
    logit, positive, inner = halves(ToyClassifier(0.75))
    assert abs(auc(logit[~inner], positive[~inner]) - auc(logit[inner], positive[inner])) < 2 * error(0.75)


def test_pure_mirror_knows_the_place_and_not_the_class() -> None:
    logit, positive, inner = halves(ToyClassifier(0.5, mirror=1.0))
    for cell in (inner, ~inner):
        assert auc(logit[cell], positive[cell]) == pytest.approx(0.5, abs=2 * error(0.5))
    recall = {name: ((logit > 0) == positive)[positive == sign] for name, sign in (("e", True), ("gamma", False))}
    cells = {"e": inner[positive], "gamma": inner[~positive]}
    for cell in (True, False):
        both = sum(recall[name][cells[name] == cell].mean() for name in recall)
        assert both == pytest.approx(1.0, abs=0.04)  # what one class gains the other loses
    assert recall["gamma"][cells["gamma"]].mean() - recall["gamma"][~cells["gamma"]].mean() > 0.3


def test_splits_are_disjoint_complete_and_alike() -> None:
    label = np.repeat([0, 1, 2, 3], 100)
    parts = split_rows(np.random.default_rng(1), label)
    rows = np.concatenate(list(parts.values()))
    np.testing.assert_array_equal(np.sort(rows), np.arange(400))
    assert {name: len(chosen) for name, chosen in parts.items()} == {"test_idxs": 200, "val_idxs": 40, "train_idxs": 160}
    for chosen in parts.values():
        assert len(set(np.bincount(label[chosen]))) == 1
        assert np.all(np.diff(chosen) > 0)


def test_outputs_are_shuffled_and_found_again_by_their_index(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    indices = np.arange(50, 150)
    label = indices % 3
    probabilities = np.eye(3)[label] * 0.8 + 0.2 / 3
    paths = save_scores(tmp_path, shuffled_scores(rng, indices, label, probabilities, ("gamma", "e-", "mu-")))
    assert [path.name for path in paths] == ["indices.npy", "labels.npy", "predictions.npy", "softmax.npy"]
    found, labels, predictions, softmax = (np.load(path) for path in paths)
    assert np.any(np.diff(found) < 0)
    np.testing.assert_array_equal(np.sort(found), indices)
    np.testing.assert_array_equal(labels, found % 3)
    np.testing.assert_array_equal(predictions, labels)
    np.testing.assert_allclose(softmax.sum(axis=1), 1.0, atol=1e-6)
