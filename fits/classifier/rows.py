"""The outputs of a classifier, checked by themselves and brought into the order of their indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from fits.classifier.splits import whole_numbers

SUM_TOLERANCE = 1e-4  # of a softmax row
Duplicates = Literal["drop_identical", "refuse"]


class Outputs(Protocol):
    """What a classifier left behind, in the sampler's order: arrays (n,), scores (n, classes) or None."""

    @property
    def indices(self) -> NDArray:
        """Row numbers in the file (n,)."""

    @property
    def labels(self) -> NDArray:
        """True classes (n,)."""

    @property
    def predictions(self) -> NDArray | None:
        """Predicted classes (n,), or None: those of the largest probability."""

    @property
    def softmax(self) -> NDArray | None:
        """Probabilities (n, classes), or None."""


@dataclass(frozen=True)
class Rows:
    """Outputs in order of index, each index once. ``labels`` and ``predictions`` are positions in the list of classes."""

    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    softmax: NDArray[np.float64] | None
    duplicates_dropped: int = 0
    order: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # rows of the outputs that were kept

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, keep: NDArray) -> Rows:
        """The rows at ``keep`` (positions or booleans)."""
        softmax = None if self.softmax is None else self.softmax[keep]
        return Rows(self.indices[keep], self.labels[keep], self.predictions[keep], softmax, self.duplicates_dropped, self.order[keep])


def order_rows(outputs: Outputs, classes: Sequence[str], n_rows: int | None = None, duplicates: Duplicates = "drop_identical") -> Rows:
    """Check the outputs by themselves and sort them by index.

    ``classes``: names in the order of labels and softmax columns. ``n_rows``: events in the file, where known. Raises InputError for
    lengths that differ, indices that are no whole numbers or out of range, labels or predictions outside the classes, a softmax that has
    NaN, another number of columns or rows that do not sum to one, predictions other than the largest probability, conflicting duplicates.
    """
    indices = whole_numbers(outputs.indices, "indices")
    labels = _codes(outputs.labels, "labels", classes, len(indices))
    softmax = None if outputs.softmax is None else _softmax(outputs.softmax, classes, len(indices))
    if outputs.predictions is not None:
        predictions = _codes(outputs.predictions, "predictions", classes, len(indices))
        _refuse_other_predictions(predictions, softmax)
    elif softmax is not None:
        predictions = np.argmax(softmax, axis=1)
    else:
        raise InputError("classifier outputs need predictions.npy or softmax.npy, neither is there")
    _refuse_out_of_range(indices, n_rows)
    order = np.argsort(indices, kind="stable")
    rows = Rows(indices[order], labels[order], predictions[order], None if softmax is None else softmax[order], 0, order)
    return _drop_duplicates(rows, duplicates)


def _codes(values: ArrayLike, name: str, classes: Sequence[str], length: int) -> NDArray[np.int64]:
    codes = whole_numbers(values, name)
    if len(codes) != length:
        raise InputError(f"{name} has {len(codes)} rows, indices {length}; the files are not from one run of the classifier")
    wrong = np.flatnonzero((codes < 0) | (codes >= len(classes)))
    if wrong.size:
        known = ", ".join(f"{code} {class_name}" for code, class_name in enumerate(classes))
        raise InputError(f"{name}: {wrong.size} rows outside the label set ({known}), first row {wrong[0]} with {codes[wrong[0]]}; set classes")
    return codes


def _softmax(values: ArrayLike, classes: Sequence[str], length: int) -> NDArray[np.float64]:
    softmax = np.asarray(values, float)
    if softmax.ndim != 2 or softmax.shape[1] != len(classes):
        columns = softmax.shape[1] if softmax.ndim == 2 else 1
        raise InputError(
            f"softmax has {columns} columns, label set has {len(classes)} ({', '.join(classes)}); set classes in the order of the columns"
        )
    if len(softmax) != length:
        raise InputError(f"softmax has {len(softmax)} rows, indices {length}; the files are not from one run of the classifier")
    bad = np.flatnonzero(~np.isfinite(softmax).all(axis=1))
    if bad.size:
        raise InputError(f"softmax: {bad.size} rows with non-finite values, first row {bad[0]}; the training diverged or the file is damaged")
    off = np.flatnonzero((np.abs(softmax.sum(axis=1) - 1.0) > SUM_TOLERANCE) | (softmax < 0).any(axis=1))
    if off.size:
        raise InputError(
            f"softmax is not normalised: {off.size} rows, first row {off[0]} sums to {softmax[off[0]].sum():.6g}; give probabilities, not logits"
        )
    return softmax


def _refuse_other_predictions(predictions: NDArray, softmax: NDArray | None) -> None:
    if softmax is None:
        return
    chosen = softmax[np.arange(len(softmax)), predictions]
    other = np.flatnonzero(chosen < softmax.max(axis=1))
    if other.size:
        raise InputError(f"predictions differ from the largest softmax in {other.size} rows, first row {other[0]}; the files are not from one run")


def _refuse_out_of_range(indices: NDArray, n_rows: int | None) -> None:
    wrong = np.flatnonzero((indices < 0) | (indices >= (n_rows if n_rows is not None else np.iinfo(np.int64).max)))
    if wrong.size:
        raise InputError(
            f"index out of range: {wrong.size} of {len(indices)} indices outside 0..{n_rows - 1 if n_rows is not None else ''}, first row {wrong[0]} "
            f"with {indices[wrong[0]]}; the outputs belong to another file"
        )


def _drop_duplicates(rows: Rows, duplicates: Duplicates) -> Rows:
    """Padding of distributed runs repeats rows: equal copies are dropped, different ones are an error."""
    repeated = np.flatnonzero(rows.indices[1:] == rows.indices[:-1])
    if repeated.size == 0:
        return rows
    different = (rows.labels[repeated] != rows.labels[repeated + 1]) | (rows.predictions[repeated] != rows.predictions[repeated + 1])
    if rows.softmax is not None:
        different |= np.any(rows.softmax[repeated] != rows.softmax[repeated + 1], axis=1)
    if different.any():
        first = rows.indices[repeated[np.argmax(different)]]
        raise InputError(
            f"conflicting duplicates: {int(different.sum())} repeated indices with different outputs, first index {first}; evaluate again"
        )
    if duplicates == "refuse":
        raise InputError(
            f"{repeated.size} repeated indices, first index {rows.indices[repeated[0]]}; set duplicates: drop_identical to drop equal copies"
        )
    keep = np.ones(len(rows), bool)
    keep[repeated + 1] = False
    kept = rows.take(keep)
    return Rows(kept.indices, kept.labels, kept.predictions, kept.softmax, int(repeated.size), kept.order)
