"""The join: only proven pairs, in any order of rows, and refusals that say which split fits."""

from __future__ import annotations

from dataclasses import replace

import classifier_case as case
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import InputError
from fits.classifier.event_table import UNKNOWN, class_codes, direction, with_vertex_variables
from fits.classifier.join import join, without_events
from fits.classifier.rows import order_rows
from fits.classifier.splits import check_splits, describe_overlaps

SPLITS = {"test_idxs": np.arange(0, 6), "val_idxs": np.arange(6, 12)}
EVENTS = {"row": np.arange(12)[::-1], "label": (np.arange(12) % 3)[::-1], "energy": 100.0 * np.arange(12)[::-1]}
OUTPUTS = case.Arrays(np.array([4, 0, 2, 5, 1, 3]), np.array([4, 0, 2, 5, 1, 3]) % 3, np.array([0, 1, 2, 0, 1, 2]))


def rows(outputs: case.Arrays = OUTPUTS, **changes: object):
    return order_rows(replace(outputs, **changes), case.CLASSES, 12)


def test_each_row_gets_its_own_event() -> None:
    joined = join(rows(), EVENTS, splits=check_splits(SPLITS, 12), split="test_idxs")
    assert joined.rows.indices.tolist() == [0, 1, 2, 3, 4, 5]
    assert joined.rows.predictions.tolist() == [1, 1, 2, 2, 0, 0]
    assert joined.events["energy"].tolist() == [0, 100, 200, 300, 400, 500]
    assert joined.summary.proof == "indices match split test_idxs (6/6)"
    assert joined.summary.overlaps == {"test_idxs": 6, "val_idxs": 0}
    table = joined.columns(case.CLASSES)
    assert list(table) == ["index", "label", "prediction", "energy"]


@given(st.permutations(range(6)), st.permutations(range(12)))
def test_order_of_outputs_and_of_events_does_not_matter(order: list[int], event_order: list[int]) -> None:
    shuffled = case.Arrays(*(getattr(OUTPUTS, name)[order] for name in ("indices", "labels", "predictions")))
    joined = join(order_rows(shuffled, case.CLASSES), {name: values[event_order] for name, values in EVENTS.items()})
    assert joined.rows.predictions.tolist() == [1, 1, 2, 2, 0, 0]
    assert joined.events["row"].tolist() == [0, 1, 2, 3, 4, 5]


def test_equal_labels_alone_are_called_no_proof() -> None:
    assert join(rows(), EVENTS).summary.proof == "labels equal; no split file: not a proof"
    assert without_events(rows()).summary.proof == "no events and no split file: nothing to prove"


def test_wrong_split_says_which_fits() -> None:
    splits = check_splits(SPLITS)
    with pytest.raises(InputError, match=r"wrong split: indices match split test_idxs \(6/6\), not val_idxs \(0/6\)"):
        join(rows(), EVENTS, splits=splits, split="val_idxs")
    with pytest.raises(InputError, match=r"wrong split: indices match split test_idxs \(6/6\), not val_idxs \(0/6\)"):
        without_events(rows(), splits, "val_idxs")
    assert describe_overlaps(np.array([5, 6]), splits) == "indices match no split: test_idxs (1/6), val_idxs (1/6)"
    with pytest.raises(InputError, match="split 'tst_idxs' is not in the split file; did you mean 'test_idxs'"):
        join(rows(), EVENTS, splits=splits, split="tst_idxs")
    shorter = {"test_idxs": np.arange(5), "val_idxs": np.arange(6, 12)}
    with pytest.raises(InputError, match=r"indices match no split: test_idxs \(5/5\), val_idxs \(0/6\)"):
        join(rows(), EVENTS, splits=shorter, split="test_idxs")


def test_missing_events_are_an_error_unless_a_selection_dropped_them() -> None:
    kept = {name: values[EVENTS["row"] != 3] for name, values in EVENTS.items()}
    with pytest.raises(InputError, match="1 of 6 rows of the outputs are not among the 11 events"):
        join(rows(), kept)
    joined = join(rows(), kept, complete=False)
    assert joined.rows.indices.tolist() == [0, 1, 2, 4, 5]
    assert joined.summary.rows_without_event == 1
    with pytest.raises(InputError, match="6 of 6 rows of the outputs are not among the 0 events"):
        join(rows(), {name: values[:0] for name, values in EVENTS.items()}, complete=False)


def test_label_mismatch_names_the_first_three() -> None:
    wrong = {**EVENTS, "label": np.where(EVENTS["row"] < 4, 2, EVENTS["label"])}
    with pytest.raises(InputError, match=r"label mismatch in 3 of 6 rows \(index 0: 0 in the outputs, 2 in the file, index 1: .*index 3: "):
        join(rows(), wrong)


def test_row_numbers_of_several_files_are_ambiguous() -> None:
    with pytest.raises(InputError, match="row numbers of the event table are not unique"):
        join(rows(), {name: np.tile(values, 2) for name, values in EVENTS.items()})
    with pytest.raises(InputError, match="no column 'row'"):
        join(rows(), {"label": EVENTS["label"]})


def test_padding_of_distributed_runs_is_dropped_and_counted() -> None:
    padded = case.Arrays(*(np.r_[values, values[:2]] for values in (OUTPUTS.indices, OUTPUTS.labels, OUTPUTS.predictions)))
    assert join(rows(padded), EVENTS).summary.duplicates_dropped == 2
    assert rows(padded).indices.tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(InputError, match="2 repeated indices, first index 0; set duplicates"):
        order_rows(padded, case.CLASSES, 12, "refuse")
    conflicting = replace(padded, predictions=np.r_[OUTPUTS.predictions, 2, 2])
    with pytest.raises(InputError, match="conflicting duplicates: 2 repeated indices with different outputs, first index 0"):
        rows(conflicting)


SOFTMAX = np.full((6, 3), 1 / 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indices": np.array([4, 0, 2, 5, 1, 12])}, r"index out of range: 1 of 6 indices outside 0..11, first row 5 with 12"),
        ({"indices": np.array([4, 0, 2, 5, 1, -1])}, "index out of range"),
        ({"indices": np.array([4, 0, 2, 5, 1, 2.5])}, "indices: expected one whole number"),
        ({"labels": np.array([0, 1, 2, 0, 1, 3])}, r"labels: 1 rows outside the label set \(0 gamma, 1 e-, 2 mu-\), first row 5 with 3"),
        ({"labels": np.array([0, 1])}, "labels has 2 rows, indices 6"),
        ({"predictions": np.array([0, 1, 2, 0, 1, -1])}, "predictions: 1 rows outside the label set"),
        ({"softmax": np.full((6, 4), 0.25)}, "softmax has 4 columns, label set has 3"),
        ({"softmax": SOFTMAX[:5]}, "softmax has 5 rows, indices 6"),
        ({"softmax": np.where(np.arange(6)[:, None] == 4, np.nan, SOFTMAX)}, "softmax: 1 rows with non-finite values, first row 4"),
        ({"softmax": 2 * SOFTMAX}, "softmax is not normalised: 6 rows, first row 0 sums to 2"),
        ({"softmax": np.tile([0.5, 0.3, 0.2], (6, 1))}, "predictions differ from the largest softmax in 4 rows, first row 1"),
        ({"predictions": None}, "need predictions.npy or softmax.npy"),
    ],
)
def test_damaged_outputs(changes: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rows(**changes)


def test_softmax_alone_predicts_the_largest() -> None:
    softmax = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    assert rows(predictions=None, softmax=softmax).predictions.tolist() == rows().predictions.tolist()


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"a": [0, 1, 1]}, "split a repeats 1 row numbers, e.g. 1"),
        ({"a": [0, 1], "b": [1, 2]}, "splits a and b overlap in 1 rows, e.g. row 1"),
        ({"a": [0, 12]}, r"split a: 1 row numbers outside the file \(0..11\), e.g. 12"),
        ({"a": [0.5]}, "a: expected one whole number"),
    ],
)
def test_damaged_splits(splits: dict[str, list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_splits(splits, 12)


def test_label_codes_go_through_the_label_map() -> None:
    assert class_codes([3, 0, -1, 2], {0: "gamma", 2: "mu-", 3: "pi0"}, ["mu-", "gamma"]).tolist() == [UNKNOWN, 1, UNKNOWN, 0]
    assert class_codes([], {0: "gamma"}, ["gamma"]).tolist() == []


def test_variables_of_the_vertex_are_added_where_they_lack() -> None:
    columns = with_vertex_variables({"x": [100.0], "y": [-200.0], "z": [50.0]}, case.TANK)
    assert (columns["r2"][0], columns["dwall"][0]) == (12500.0, 100.0)
    assert with_vertex_variables({**columns, "dwall": [1.0]}, case.TANK)["dwall"][0] == 1.0
    with pytest.raises(InputError, match="events without column 'z': a vertex needs x, y, z"):
        with_vertex_variables({"x": [1.0], "y": [2.0]}, case.TANK)


def test_direction_is_a_unit_vector_with_y_up() -> None:
    d = direction({"cos_zenith": np.array([1.0, 0.0, 0.48]), "azimuth": np.array([2.0, np.pi / 2, 0.3])})
    np.testing.assert_allclose(np.linalg.norm(d, axis=1), 1.0)
    np.testing.assert_allclose(d[:2], [[0, 1, 0], [0, 0, 1]], atol=1e-15)
