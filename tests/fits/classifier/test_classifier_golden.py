"""The real outputs of the published classifier: numbers of the specification (G1 to G11, G22), and the pairing that must be refused."""

from __future__ import annotations

from pathlib import Path

import classifier_case as case
import numpy as np
import pytest

from configs.errors import InputError
from fits.classifier.confusion import confusion, confusion_counts
from fits.classifier.mirror import NO_DISCRIMINATION, Cells, mirror_test
from fits.classifier.performance import Context, performance
from fits.classifier.position import Options, position_dependence
from fits.classifier.splits import check_splits, fitting_splits, overlaps

pytestmark = pytest.mark.public_data


@pytest.fixture(scope="module")
def result(public_data: Path) -> object:
    return performance(case.real_outputs(public_data), None, case.options(), Context(case.real_splits(public_data), rows_in_file=3000))


def test_indices_are_the_test_split_and_nothing_else(public_data: Path, result) -> None:
    splits = check_splits(case.real_splits(public_data), 3000)
    indices = case.real_outputs(public_data).indices
    assert fitting_splits(indices, splits) == ["test_idxs"]
    assert overlaps(indices, splits) == {"test_idxs": 600, "val_idxs": 0, "train_idxs": 0}
    assert np.array_equal(np.sort(np.concatenate(list(splits.values()))), np.arange(3000))
    assert np.array_equal(indices, np.r_[1000:1200, 0:200, 2000:2200])
    assert result.join.proof == "indices match split test_idxs (600/600)"


def test_confusion_matrix_and_recalls_clopper_pearson(result) -> None:
    table = result.confusion
    assert table.counts == [[79, 105, 16], [57, 118, 25], [15, 40, 145]]
    assert table.accuracy.value == pytest.approx(0.570)
    assert (table.accuracy.low, table.accuracy.high) == pytest.approx((0.5489, 0.5909), abs=1e-4)
    assert [(one.value, one.low, one.high) for one in table.recall] == [
        pytest.approx((0.395, 0.3586, 0.4325), abs=1e-4),
        pytest.approx((0.590, 0.5523, 0.6267), abs=1e-4),
        pytest.approx((0.725, 0.6898, 0.7578), abs=1e-4),
    ]


def test_recalls_wilson(public_data: Path) -> None:
    outputs = case.real_outputs(public_data)
    table = confusion(confusion_counts(outputs.labels, outputs.predictions, 3), case.CLASSES, 0.6827, "wilson")
    assert [(one.low, one.high) for one in table.recall] == [
        pytest.approx((0.3610, 0.4300), abs=1e-4),
        pytest.approx((0.5549, 0.6242), abs=1e-4),
        pytest.approx((0.6924, 0.7554), abs=1e-4),
    ]


def test_summary_numbers(result) -> None:
    table = result.confusion
    assert [one.value for one in table.precision] == pytest.approx([0.5232, 0.4487, 0.7796], abs=5e-5)
    assert table.f1 == pytest.approx([0.4501, 0.5097, 0.7513], abs=5e-5)
    assert table.balanced_accuracy == pytest.approx(0.570)
    assert (table.kappa, table.mcc, table.mutual_information_bits) == pytest.approx((0.3550, 0.35996, 0.30290), abs=5e-5)


def test_gamma_electron_pair_and_muon_against_the_rest(result) -> None:
    pair = result.confusion.pairs[0]
    assert (pair.classes, pair.table) == (("gamma", "e-"), [[79, 105], [57, 118]])
    assert (pair.odds_ratio, pair.fisher_p, pair.one_point_auc) == pytest.approx((1.5576, 0.0502, 0.5518), abs=5e-5)
    assert (pair.chi2, pair.degrees_of_freedom, pair.chi2_p) == pytest.approx((6.292, 2, 0.0430), abs=5e-4)
    muon = result.confusion.one_versus_rest[2]
    assert (muon.true_positive.value, muon.false_positive.value, muon.one_point_auc) == pytest.approx((0.725, 0.1025, 0.8113), abs=1e-4)


def test_without_vertices_nothing_is_said_on_positions(result) -> None:
    assert (result.position, result.mirror, result.roc) == (None, None, [])
    assert any("mirror question cannot be answered" in note for note in result.notes)
    assert any("hard labels only" in note for note in result.notes)


def test_predictions_of_the_test_split_are_not_paired_with_positions_of_the_validation_split(public_data: Path) -> None:
    outputs, events = case.real_outputs(public_data), case.real_positions(public_data)
    assert np.array_equal(outputs.labels, events["label"])  # why nothing failed in the published analysis
    context = Context(case.real_splits(public_data))
    with pytest.raises(InputError, match=r"600 of 600 rows of the outputs are not among .*test_idxs \(600/600\), not val_idxs \(0/600\)"):
        performance(outputs, events, case.options(), context)
    with pytest.raises(InputError, match=r"wrong split: indices match split test_idxs \(600/600\), not val_idxs \(0/600\)"):
        performance(outputs, events, case.options(split="val_idxs"), context)
    with pytest.raises(InputError, match="600 of 600 rows of the outputs are not among the 600 events; give the events of the same split"):
        performance(outputs, events, case.options())


def wrong_pairing(public_data: Path) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """The published mistake, on purpose: predictions of one split beside the vertices of another."""
    outputs = case.real_outputs(public_data)
    return outputs.labels, outputs.predictions, case.real_positions(public_data)


def test_even_the_published_pairing_shows_no_mirror(public_data: Path) -> None:
    labels, predictions, events = wrong_pairing(public_data)
    cell = Cells().number(np.sqrt(events["r2"]), events["y"])
    result = mirror_test(labels, predictions, cell, (0, 1), case.CLASSES, permutations=10_000, seed=12345)
    tests = (result.class_information, result.cell_response, result.interaction)
    assert [test.ratio for test in tests] == pytest.approx([1.714, 3.948, 5.592], abs=1e-3)
    assert [test.degrees_of_freedom for test in tests] == [1, 8, 8]
    assert [test.p for test in tests] == pytest.approx([0.190, 0.862, 0.693], abs=1e-3)
    assert result.pearson_r == pytest.approx(-0.0195, abs=1e-4)
    assert result.pearson_p == pytest.approx(0.96, abs=0.01)
    assert result.pearson_spread == pytest.approx(0.355, abs=0.01)
    assert result.p_cell_permutation == pytest.approx(result.cell_response.p, abs=0.03)
    assert result.verdict == NO_DISCRIMINATION
    assert "no position dependence seen (detectable effect >= 0.14)" in result.sentence


def test_even_the_published_pairing_shows_no_dependence_on_the_wall(public_data: Path) -> None:
    labels, predictions, events = wrong_pairing(public_data)
    settings = Options(permutations=10_000, seed=1, edges={"dwall": [0, 20, 50, 100, 150, 300]})
    result = position_dependence(labels, predictions, events, case.CLASSES, settings)
    on_wall = {test.name: test for test in result.tests if test.variable == "dwall"}
    assert [on_wall[name].p_asymptotic for name in ("gamma", "e-")] == pytest.approx([0.138, 0.886], abs=1e-3)
    assert [on_wall[name].p_permutation for name in ("gamma", "e-")] == pytest.approx([0.138, 0.886], abs=0.02)
    by_axis = position_dependence(labels, predictions, {"y": events["z"], "r2": events["x"], "dwall": events["dwall"]}, case.CLASSES[:2])
    assert min(test.p_ks for test in by_axis.tests) == pytest.approx(0.055, abs=1e-3)
    assert result.detectable_difference["gamma"] == pytest.approx(0.194, abs=1e-3)
    assert result.sentence.startswith("no dependence of recall seen in 27 tests")
