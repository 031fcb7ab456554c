"""Outputs of classifiers, splits, positions, geometries: what is read, and every file that is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_info.catalogue import resolve_folder
from physics.tank_geometry import short_tank
from readers import SourceError
from readers.classifier_outputs import read_classifier_outputs, read_positions, read_splits
from readers.geometry_file import read_geometry

SOFTMAX = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])


def outputs(folder: Path, **arrays: Any) -> Path:
    for name, values in {"indices": [4, 2], "labels": [0, 1], **arrays}.items():
        if values is not None:
            np.save(folder / f"{name}.npy", values)
    return folder


def test_everything_that_a_run_leaves(tmp_path: Path) -> None:
    folder = outputs(
        tmp_path, softmax=SOFTMAX.astype("f4"), predictions=np.array([[0], [1]]), predicted_positions=np.ones((2, 1, 3)),
        positions=np.zeros((2, 1, 3)), predicted_energies=np.array([400.0, 500.0]),
    )  # fmt: skip
    found = read_classifier_outputs(folder)
    assert len(found) == 2
    assert (found.indices.tolist(), found.labels.tolist(), found.predictions) == ([4, 2], [0, 1], pytest.approx([0, 1]))
    np.testing.assert_allclose(found.softmax, SOFTMAX, rtol=1e-6)
    assert {name: values.shape for name, values in found.predicted.items()} == {"positions": (2, 3), "energies": (2,)}
    assert found.truth.keys() == {"positions"}


def test_either_softmax_or_predictions_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert read_classifier_outputs(outputs(tmp_path / "a", softmax=SOFTMAX)).predictions is None
    assert read_classifier_outputs(outputs(tmp_path / "b", predictions=[1, 1], labels=None, targets=[0, 1]), "targets").softmax is None


REFUSED = {
    "no indices": ({"indices": None, "predictions": [0, 1]}, "no indices.npy; known: labels, predictions; a classifier's outputs"),
    "no labels": ({"labels": None, "label": [0, 1], "predictions": [0, 1]}, "no labels.npy; did you mean 'label'"),
    "nothing predicted": ({}, "neither softmax.npy nor predictions.npy nor predicted_<target>.npy; found: indices, labels"),
    "lengths": ({"predictions": [0, 1, 1]}, "indices has 2 rows, predictions 3; the files are not from one run"),
    "float indices": ({"indices": [4.0, np.nan], "predictions": [0, 1]}, r"indices.npy: float64 of shape \(2,\); one integer for each row"),
    "flat softmax": ({"softmax": [0.5, 0.5]}, r"softmax.npy: float64 of shape \(2,\); needed are rows of one number for each class"),
    "text": ({"predictions": ["e-", "mu-"]}, "predictions.npy: <U3 of shape .*; one integer"),
    "pickled": ({"predictions": np.array([None, {}])}, "predictions.npy: refused: needs unpickling"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_outputs_that_are_refused(tmp_path: Path, name: str) -> None:
    arrays, message = REFUSED[name]
    with pytest.raises(SourceError, match=message):
        read_classifier_outputs(outputs(tmp_path, **arrays))


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such directory; give the one with indices.npy"):
        read_classifier_outputs(tmp_path / "absent")


def test_splits(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", test_idxs=np.array([5, 1]), val_idxs=np.array([2], dtype=np.int32))
    found = read_splits(tmp_path / "a.npz")
    assert {name: values.tolist() for name, values in found.items()} == {"test_idxs": [5, 1], "val_idxs": [2]}
    assert {values.dtype for values in found.values()} == {np.dtype(np.int64)}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"test_idxs": [0.5]}, r"test_idxs is float64 of shape \(1,\); a split is a list of row numbers"),
        ({}, "no arrays; a split file holds test_idxs"),
        ({"test_idxs": np.array([[1], [2, 3]], dtype=object)}, "array 'test_idxs': refused: needs unpickling"),
    ],
)
def test_splits_that_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(SourceError, match=message):
        read_splits(tmp_path / "a.npz")


def test_one_array_is_no_archive_and_back(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", [1])
    np.savez(tmp_path / "b.npz", a=[1])
    with pytest.raises(SourceError, match="a.npy: one array, not an .npz archive"):
        read_splits(tmp_path / "a.npy")
    (tmp_path / "indices.npy").write_bytes((tmp_path / "b.npz").read_bytes())
    np.save(tmp_path / "labels.npy", [0])
    np.save(tmp_path / "predictions.npy", [0])
    with pytest.raises(SourceError, match="indices.npy: an .npz archive, not the one array"):
        read_classifier_outputs(tmp_path)
    (tmp_path / "c.npz").write_bytes((tmp_path / "b.npz").read_bytes()[:60])
    with pytest.raises(SourceError, match="c.npz: wrong content or truncated"):
        read_splits(tmp_path / "c.npz")


def test_positions(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", index=[7, 9], label=[0, 1], position=np.arange(6.0).reshape(2, 3).astype("f4"))
    found = read_positions(tmp_path / "a.npz")
    assert {name: values.tolist() for name, values in found.items()} == {"row": [7, 9], "label": [0, 1], "x": [0, 3], "y": [1, 4], "z": [2, 5]}
    np.savez(tmp_path / "b.npz", index=[7, 9], labels=[0, 1], position=np.zeros((2, 3)))
    with pytest.raises(SourceError, match="no array 'label'; did you mean 'labels'"):
        read_positions(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", index=[7, 9], label=[0, 1], position=np.zeros((3, 3)))
    with pytest.raises(SourceError, match=r"arrays do not belong together \(index int64 \(2,\), label int64 \(2,\), position float64 \(3, 3\)\)"):
        read_positions(tmp_path / "c.npz")


def geometry(path: Path, **changes: Any) -> Path:
    tank = short_tank()
    arrays = {"tube_no": np.arange(1, len(tank) + 1), "position": tank.position_cm, "orientation": tank.orientation}
    np.savez(path, **{name: values for name, values in (arrays | changes).items() if values is not None})
    return path


def test_a_geometry_comes_back_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    tank, order = short_tank(), np.random.default_rng(0).permutation(10184)
    path = geometry(tmp_path / "a.npz", tube_no=order + 1, position=tank.position_cm[order], orientation=tank.orientation[order])
    found = read_geometry(path)
    np.testing.assert_array_equal(found.position_cm, tank.position_cm)
    np.testing.assert_array_equal(found.orientation, tank.orientation)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"orientation": None}, "no array 'orientation'; .*a geometry holds tube_no, position, orientation"),
        ({"position": np.zeros((3, 3))}, r"position \(3, 3\).*; needed are \(n,\), \(n, 3\), \(n, 3\)"),
        ({"tube_no": np.arange(10184)}, "tube_no must be the numbers 1 to 10184, each once"),
        ({"orientation": 2 * short_tank().orientation}, "orientations unit vectors"),
        ({"position": np.full((10184, 3), np.nan)}, "positions must be finite"),
        ({"tube_no": np.array([None] * 10184)}, "array 'tube_no': refused: needs unpickling"),
    ],
)
def test_geometries_that_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_geometry(geometry(tmp_path / "a.npz", **changes))


@pytest.mark.public_data
def test_the_real_outputs_are_those_of_the_test_split(public_data: Path) -> None:
    """Numbers of the specification (G1): 600 of 600 in the test split, none in the others, which are disjoint and complete."""
    folder = resolve_folder("iwcd/train_out")
    assert folder.resolve() == public_data / "iwcd" / "train_out"
    found = read_classifier_outputs(folder)
    splits = read_splits(folder / "IWCD_mPMT_Short_1000_evts_gme.npz")
    assert {name: int(np.isin(found.indices, rows).sum()) for name, rows in splits.items()} == {"test_idxs": 600, "val_idxs": 0, "train_idxs": 0}
    assert sorted(np.concatenate(list(splits.values()))) == list(range(3000))
    assert set(splits["test_idxs"]) == {*range(1000, 1200), *range(200), *range(2000, 2200)}
    confusion = np.zeros((3, 3), int)
    assert found.predictions is not None
    np.add.at(confusion, (found.labels, found.predictions), 1)
    assert confusion.tolist() == [[79, 105, 16], [57, 118, 25], [15, 40, 145]]


@pytest.mark.public_data
def test_the_real_validation_positions_are_of_other_rows(public_data: Path) -> None:
    positions = read_positions(public_data / "iwcd" / "val_positions.npz")
    outputs_ = read_classifier_outputs(public_data / "iwcd" / "train_out")
    assert np.isin(positions["row"], outputs_.indices).sum() == 0
    np.testing.assert_array_equal(positions["label"], outputs_.labels)  # the trap: equal labels prove nothing
