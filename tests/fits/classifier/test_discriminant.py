"""Classifiers of our own on features with a known answer."""

from __future__ import annotations

import sys
from pathlib import Path

import classifier_case as case
import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from configs import iwcd
from configs.errors import InputError
from fits.classifier import models
from fits.classifier.discriminant import AMOUNTS, BLIND, KINEMATICS, SHAPES, best_feature, discriminant, feature_names, pair_sample, sanity_warning
from fits.classifier.performance import Context, performance
from readers.classifier_outputs import read_classifier_outputs
from records.results import load_results, save_results
from records.scores import save_scores

pytest.importorskip("sklearn")
PAIR = ("e-", "gamma")
SHIFT = 0.8  # of mean_angle between the classes, in its standard deviations


def events(n: int = 1200, seed: int = 0, background: str = "gamma", shift: float = SHIFT) -> dict[str, np.ndarray]:
    """Two classes that differ in one feature only, in files of 100 events; n of the signal, n/2 of the background, shuffled."""
    random = np.random.default_rng(seed)
    particle = np.repeat(["e-", background], [n, n // 2])
    table = {name: random.normal(size=len(particle)) for name in (*SHAPES, *BLIND, *KINEMATICS)}
    table["mean_angle"] = table["mean_angle"] + shift * (particle == "e-")
    table |= {"particle": particle, "row": np.arange(len(particle)), "label": np.where(particle == "e-", 1, 0)}
    table["root_file"] = np.array([f"{name}_{row // 100}.root" for name, row in zip(particle, table["row"], strict=True)])
    order = random.permutation(len(particle))
    return {name: values[order] for name, values in table.items()}


def options(**changes: object) -> iwcd.Discriminant:
    return iwcd.Discriminant.model_validate({"kind": "discriminant", "dataset": "mc", "pairs": [PAIR], **changes})


@pytest.fixture(scope="module")
def outcome() -> tuple:
    return discriminant(events(), options(), seed=3)


def test_auc_is_that_of_the_one_feature_that_differs(outcome: tuple) -> None:
    truth = norm.cdf(SHIFT / np.sqrt(2))
    logistic, gbdt = outcome[0].models
    assert (logistic.model, gbdt.model) == ("logistic", "gbdt")
    assert logistic.auc == pytest.approx(truth, abs=3 * logistic.auc_error)
    assert gbdt.auc == pytest.approx(truth, abs=5 * gbdt.auc_error)
    for one in outcome[0].models:
        assert (one.best_feature, one.n_signal, one.n_background) == ("mean_angle", 1200, 600)
        assert np.mean(one.fold_auc) == pytest.approx(one.auc, abs=0.02)
        assert one.roc.auc == one.auc
        assert one.published["4-class ResNet"] == 0.7184


def test_importance_finds_it_and_nothing_else(outcome: tuple) -> None:
    logistic = outcome[0].models[0]
    assert logistic.importance[0].feature == "mean_angle"
    assert logistic.importance[0].auc_drop == pytest.approx(logistic.auc - 0.5, abs=0.03)
    assert max(abs(one.auc_drop) for one in logistic.importance[1:]) < 0.02
    assert all(one.error < 0.03 for one in logistic.importance)


def test_probability_is_the_likelihood_ratio_for_equal_priors(outcome: tuple) -> None:
    """Twice as many signal events do not move it."""
    table, scores = events(), outcome[1]["e--gamma.logistic"]
    exact = expit(SHIFT * table["mean_angle"] - 0.5 * SHIFT**2)
    assert np.array_equal(scores.indices, table["row"])
    difference = scores.softmax[:, 0] - exact
    assert np.sqrt(np.mean(difference**2)) < 0.08  # 17 coefficients learned from 1350 events
    assert np.mean(difference) == pytest.approx(0.0, abs=0.03)  # the frequencies as prior would shift it by 0.14


def test_without_difference_there_is_no_separation() -> None:
    """Mean over samples: one cross-validated AUC scatters 1.6 times as much as DeLong's error, which takes the models as trained."""
    found = [discriminant(events(shift=0.0, seed=seed), options(models=["logistic"]), seed=3)[0].models[0] for seed in range(8)]
    error = np.sqrt((1200 + 600 + 1) / (12 * 1200 * 600))
    assert [one.auc_error for one in found] == pytest.approx([error] * 8, rel=0.03)
    assert np.mean([one.auc for one in found]) == pytest.approx(0.5, abs=3.5 * 1.6 * error / np.sqrt(8))


def test_scores_are_read_by_the_analysis_of_networks(outcome: tuple, tmp_path: Path) -> None:
    result, scores = outcome
    save_scores(tmp_path, scores["e--gamma.gbdt"])
    outputs = read_classifier_outputs(tmp_path)
    table = {name: values for name, values in events().items() if name not in {"particle", "root_file"}}
    settings = case.options(classes=["e-", "gamma"], signal=["e-"], mirror={"classes": ["gamma", "e-"]}, permutations=50)
    found = performance(outputs, table, settings, Context(labels={0: "gamma", 1: "e-"}, rows_in_file=1800))
    (curve,) = found.roc
    assert curve.auc == pytest.approx(result.models[1].auc, rel=1e-9)
    assert found.n_events == 1800


def test_result_survives_its_file(outcome: tuple, tmp_path: Path) -> None:
    save_results(tmp_path / "results.json", "iwcd", "n", {"own": outcome[0]})
    assert load_results(tmp_path / "results.json")["own"] == outcome[0]


def test_same_seed_same_scores_other_order_same_separation() -> None:
    first = discriminant(events(400), options(models=["gbdt"]), seed=1)
    again = discriminant(events(400), options(models=["gbdt"]), seed=1)
    assert first[0] == again[0]
    assert np.array_equal(first[1]["e--gamma.gbdt"].softmax, again[1]["e--gamma.gbdt"].softmax)


def test_events_of_a_file_are_never_divided_between_folds() -> None:
    table = events()
    sample = pair_sample(table, PAIR, SHAPES, 4)
    assert sample.groups is not None
    for train, test in models.folds_of(sample, 4, 0):
        assert not {*table["root_file"][train]} & {*table["root_file"][test]}
        assert 0 < sample.is_signal[test].sum() < len(test)
    few = pair_sample({**table, "root_file": table["particle"]}, PAIR, SHAPES, 4)
    assert few.groups is None


def test_every_event_is_judged_once_by_a_model_that_has_not_seen_it() -> None:
    """Features that name each event: a model that had seen it would be perfect."""
    table = events(400, shift=0.0)
    table["mean_angle"] = np.arange(600.0)
    found, scores = discriminant({name: values for name, values in table.items() if name != "root_file"}, options(models=["gbdt"]), seed=0)
    assert found.grouped_by == "event"
    assert found.models[0].auc == pytest.approx(0.5, abs=0.1)
    assert not np.isnan(scores["e--gamma.gbdt"].softmax).any()


def test_selection_and_features_that_are_not_finite() -> None:
    table = events(400)
    table["beta1"][:5] = np.nan
    found, scores = discriminant(table, options(models=["logistic"]), selected=np.arange(600) < 500, seed=0)
    assert (found.n_selected, found.n_events) == (495, 600)
    assert found.notes == ["5 selected events have features that are not finite and are left out"]
    assert set(scores["e--gamma.logistic"].indices) == set(table["row"][5:500])


def test_rows_of_several_files_count_the_table() -> None:
    table = events(400)
    table["row"] = table["row"] % 200
    found, scores = discriminant(table, options(models=["logistic"]), seed=0)
    assert np.array_equal(scores["e--gamma.logistic"].indices, np.arange(600))
    assert "count the rows of the event table" in found.notes[0]


def test_feature_sets() -> None:
    table = events(20)
    assert feature_names(table) == SHAPES + AMOUNTS
    assert feature_names(table, kinematics=True) == SHAPES + AMOUNTS + KINEMATICS
    assert feature_names({name: table[name] for name in (*BLIND, "particle", "row")}) == BLIND
    with pytest.raises(InputError, match="the event table lacks charge; did you mean 'charge_per_hit'"):
        feature_names({name: table[name] for name in (*BLIND, "particle", "row") if name != "charge"})


def test_best_feature_counts_either_direction() -> None:
    signal = np.repeat([True, False], 50)
    sample = models.Sample(("up", "down"), np.column_stack([np.arange(100) % 7, np.where(signal, 0.0, 1.0)]), signal)
    assert best_feature(sample) == ("down", 1.0)


def test_sanity_range_of_gamma_and_electron() -> None:
    assert sanity_warning(("gamma", "e-"), 0.72) == ""
    assert sanity_warning(("e-", "mu-"), 0.9999) == ""
    assert "two independent showers" in sanity_warning(PAIR, 0.952)
    assert "no separation" in sanity_warning(PAIR, 0.505)


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"needs both classes \(found only e-\) after the preselection"):
        discriminant(events(100, background="pi0"), options(), seed=0)
    with pytest.raises(InputError, match="4 folds need at least 4 events of each class, there are 3"):
        discriminant(events(6), options(), seed=0)
    with pytest.raises(InputError, match="unknown model 'gbd'; did you mean 'gbdt'"):
        models.build("gbd", 0)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(InputError, match=r'needs scikit-learn, which is not installed; pip install "dynode\[learn\]"'):
        models.build("gbdt", 0)
