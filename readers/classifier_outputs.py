"""What a classifier leaves behind (WatChMaL: one .npy file for each quantity), the splits it was trained with, and positions of its events.

The order of rows is the sampler's; only ``indices`` says which event of the file a row is. Here files are read and their shapes and types checked;
whether the values are sound and belong to the events is for ``fits.classifier``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import nearest
from readers.plain_arrays import read_npy, read_npz
from readers.source import SourceError

INDICES, SOFTMAX, PREDICTIONS = "indices", "softmax", "predictions"
PREDICTED = "predicted_"


@dataclass(frozen=True, eq=False)
class ClassifierOutputs:
    """One row for each evaluated event, in the sampler's order (distributed runs may repeat rows)."""

    path: str
    indices: NDArray[np.int64]  # (n,) row numbers in the HDF5 file
    labels: NDArray[Any]  # (n,) true values of the target: class codes
    predictions: NDArray[np.int64] | None = None  # (n,) predicted class codes
    softmax: NDArray[np.float64] | None = None  # (n, classes) probabilities
    predicted: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)  # regression: target -> (n,) or (n, width)
    truth: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # target -> true values, as far as the directory has them

    def __len__(self) -> int:
        return len(self.indices)


def read_classifier_outputs(directory: str | Path, target: str = "labels") -> ClassifierOutputs:
    """Read ``indices.npy``, ``<target>.npy``, ``softmax.npy`` and/or ``predictions.npy``, and every ``predicted_<name>.npy`` of a directory.

    Raises ``SourceError`` for files that are missing (what is there is listed), hold other types or shapes, differ in length, or need unpickling.
    """
    folder = Path(directory)
    present = _present(folder)
    for name in (INDICES, target):
        if name not in present:
            raise SourceError(
                f"{folder}: no {name}.npy{nearest(name, present)}; a classifier's outputs are indices, {target}, softmax or predictions"
            )
    regression = [name.removeprefix(PREDICTED) for name in present if name.startswith(PREDICTED)]
    if not {SOFTMAX, PREDICTIONS} & present.keys() and not regression:
        raise SourceError(f"{folder}: neither softmax.npy nor predictions.npy nor predicted_<target>.npy; found: {', '.join(present)}")
    indices = _integers(present[INDICES])
    outputs = ClassifierOutputs(
        str(folder), indices, _integers(present[target]),
        _integers(present[PREDICTIONS]) if PREDICTIONS in present else None,
        _numbers(present[SOFTMAX], dimensions=(2,)) if SOFTMAX in present else None,
        {name: _numbers(present[PREDICTED + name]) for name in regression},
        {name: _numbers(present[name]) for name in regression if name in present},
    )  # fmt: skip
    _check_lengths(outputs, target)
    return outputs


def read_splits(path: str | Path) -> dict[str, NDArray[np.int64]]:
    """Split name (``test_idxs``, ``val_idxs``, ``train_idxs``) -> row numbers of one HDF5 file, in the order of the file.

    Raises ``SourceError`` for arrays that are no lists of integers and for a file without any.
    """
    arrays = read_npz(path)
    if not arrays:
        raise SourceError(f"{path}: no arrays; a split file holds test_idxs, val_idxs, train_idxs")
    for name, values in arrays.items():
        if values.ndim != 1 or values.dtype.kind not in "iu":
            raise SourceError(f"{path}: {name} is {values.dtype} of shape {values.shape}; a split is a list of row numbers")
    return {name: values.astype(np.int64) for name, values in arrays.items()}


def read_positions(path: str | Path) -> dict[str, NDArray[Any]]:
    """Columns ``row``, ``label``, ``x``, ``y``, ``z`` (cm) of an .npz file with ``index``, ``label`` and ``position`` (n, 3).

    Raises ``SourceError`` for arrays that are missing or do not belong together.
    """
    arrays = read_npz(path)
    if missing := [name for name in ("index", "label", "position") if name not in arrays]:
        raise SourceError(f"{path}: no array {missing[0]!r}{nearest(missing[0], arrays)}; needed are index, label, position")
    rows, labels, position = arrays["index"], arrays["label"], arrays["position"]
    if rows.dtype.kind not in "iu" or labels.dtype.kind not in "iu" or position.shape != (len(rows), 3) or labels.shape != rows.shape:
        shapes = ", ".join(f"{name} {values.dtype} {values.shape}" for name, values in arrays.items())
        raise SourceError(f"{path}: arrays do not belong together ({shapes}); needed are integers index (n,), label (n,) and position (n, 3)")
    x, y, z = position.astype(np.float64).T
    return {"row": rows.astype(np.int64), "label": labels.astype(np.int64), "x": x, "y": y, "z": z}


def _present(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such directory; give the one with indices.npy, labels.npy, softmax.npy or predictions.npy")
    return {path.stem: path for path in sorted(folder.glob("*.npy"))}


def _integers(path: Path) -> NDArray[np.int64]:
    values = read_npy(path)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise SourceError(f"{path}: {values.dtype} of shape {values.shape}; one integer for each row is needed")
    return values.astype(np.int64)


def _numbers(path: Path, dimensions: tuple[int, ...] = (1, 2, 3)) -> NDArray[np.float64]:
    """Values (n,) or (n, width); further axes of one row are laid side by side."""
    values = read_npy(path)
    if values.ndim not in dimensions or values.dtype.kind not in "iuf":
        wanted = "rows of one number for each class" if dimensions == (2,) else "one number, or some, for each row"
        raise SourceError(f"{path}: {values.dtype} of shape {values.shape}; needed are {wanted}")
    return values.astype(np.float64).reshape(values.shape if values.ndim < 3 else (len(values), -1))


def _check_lengths(outputs: ClassifierOutputs, target: str) -> None:
    arrays: dict[str, NDArray[Any] | None] = {target: outputs.labels, PREDICTIONS: outputs.predictions, SOFTMAX: outputs.softmax}
    arrays |= {PREDICTED + name: values for name, values in outputs.predicted.items()} | dict(outputs.truth)
    wrong = [f"{name} {len(values)}" for name, values in arrays.items() if values is not None and len(values) != len(outputs)]
    if wrong:
        raise SourceError(f"{outputs.path}: indices has {len(outputs)} rows, {', '.join(wrong)}; the files are not from one run of the classifier")
