"""The one entry point on generated outputs with scores: what it says, what it leaves out and why, and that it survives a file."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import classifier_case as case
import numpy as np
import pytest
from scipy.stats import norm

from configs.errors import InputError
from fits.classifier.mirror import CLASS_INFORMATION
from fits.classifier.performance import Context, performance
from records.results import load_results, save_results

CONTEXT = Context(rows_in_file=1800, seed=5)


@pytest.fixture(scope="module")
def result():
    outputs, events = case.generated()
    splits = {"test_idxs": np.arange(0, 1800, 2), "train_idxs": np.arange(1, 1800, 2)}
    return performance(outputs, events, case.options(), replace(CONTEXT, splits=splits))


def test_auc_is_that_of_the_generated_scores(result) -> None:
    curve = {(tuple(one.signal), one.background): one for one in result.roc}
    truth = norm.cdf(1.5 * np.sqrt(2) / np.sqrt(2))  # logit difference N(+-1.5, sqrt 2): d = 3 / sqrt 2
    assert set(curve) == {(("e-",), "gamma"), (("e-",), "mu-")}
    for one in curve.values():
        assert one.auc == pytest.approx(truth, abs=4 * one.auc_error)
        assert (one.n_signal, one.n_background) == (300, 300)


def test_working_points_of_the_published_rejections(result) -> None:
    assert [(one.background, one.rejection) for one in result.working_points] == [("gamma", 0.80), ("mu-", 0.999)]
    point = result.working_points[0]
    assert point.misidentification.value == pytest.approx(0.2)
    assert set(point.curves) == {"evis", "dwall", "cos_zenith", "azimuth"}
    assert sum(one.total for one in point.curves["evis"].efficiency) == 300


def test_all_parts_are_there(result) -> None:
    assert result.join.proof == "indices match split test_idxs (900/900)"
    assert result.mirror.verdict == CLASS_INFORMATION
    assert {test.variable for test in result.position.tests} == {"r2", "y", "dwall", "cos_zenith", "azimuth", "evis", "nhits"}
    assert sum(map(sum, result.confusion.counts)) == result.n_events == 900
    assert result.scores.brier < 0.5
    assert result.notes == []


def test_result_survives_its_file(result, tmp_path: Path) -> None:
    save_results(tmp_path / "first.json", "iwcd", "n", {"performance": result})
    loaded = load_results(tmp_path / "first.json")["performance"]
    assert (loaded.confusion, loaded.mirror, loaded.join, loaded.scores) == (result.confusion, result.mirror, result.join, result.scores)
    save_results(tmp_path / "second.json", "iwcd", "n", {"performance": loaded})  # rates of empty bins are NaN, which equals nothing
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()


def test_order_of_events_does_not_matter(result) -> None:
    """The published programs took slices [:200] and [200:400] for classes."""
    outputs, events = case.generated()
    order = np.random.default_rng(9).permutation(900)
    shuffled = case.Arrays(outputs.indices[order], outputs.labels[order], None, outputs.softmax[order])
    turned = {name: values[::-1] for name, values in events.items()}
    again = performance(shuffled, turned, case.options(), CONTEXT)
    assert again.confusion == result.confusion
    assert again.roc == result.roc
    assert again.mirror == result.mirror
    assert again.position == result.position


def test_events_cut_away_are_counted() -> None:
    outputs, events = case.generated()
    kept = {name: values[events["dwall"] > 50] for name, values in events.items()}
    cut = performance(outputs, kept, case.options(), CONTEXT)
    assert cut.n_events + cut.join.rows_without_event == 900
    with pytest.raises(InputError, match="rows of the outputs are not among"):
        performance(outputs, kept, case.options())


def test_regression_outputs_are_compared_with_the_truth() -> None:
    outputs, events = case.generated()
    rows = outputs.indices
    vertex = np.column_stack([events[axis][rows] for axis in "xyz"])
    predicted = {"energies": events["energy"][rows] + 10.0, "positions": vertex + np.array([0.0, 30.0, 0.0]), "zenith": rows}
    result = performance(replace(outputs, predicted=predicted), events, case.options(), CONTEXT)
    found = {one.target: one for one in result.regression}
    assert found["energy"].mean.value == pytest.approx(10.0)
    assert found["distance"].resolution.value == pytest.approx(30.0)
    assert set(found) == {"energy", "along", "across", "distance"}
    assert any("predicted_zenith has no true values" in note for note in result.notes)


def test_names_are_checked_first() -> None:
    outputs, events = case.generated()
    with pytest.raises(InputError, match="signal: 'e' is not among classes"):
        performance(outputs, events, case.options(signal=["e"]), CONTEXT)
    with pytest.raises(InputError, match="mirror.classes: 'pi0' is not among classes"):
        performance(outputs, events, case.options(mirror={"classes": ["pi0", "e-"]}), CONTEXT)
    with pytest.raises(InputError, match="softmax has 3 columns, label set has 4"):
        performance(outputs, events, case.options(classes=["gamma", "e-", "mu-", "pi0"]), CONTEXT)


def test_signal_alone_has_no_curve() -> None:
    outputs, events = case.generated()
    electrons = outputs.labels == 1
    alone = case.Arrays(outputs.indices[electrons], outputs.labels[electrons], None, outputs.softmax[electrons])
    with pytest.raises(InputError, match=r"needs both classes \(found only e-\)"):
        performance(alone, events, case.options(), CONTEXT)


def test_ten_thousand_permutations_of_everything_take_about_a_second() -> None:
    outputs, events = case.generated(3000)
    started = time.process_time()
    performance(outputs, events, case.options(permutations=10_000), replace(CONTEXT, rows_in_file=6000))
    assert time.process_time() - started < 6.0
