"""Outputs of a classifier joined to the events they were made from, with proof that they belong together.

Only ``indices`` says which event a row is. Equal labels are necessary but prove nothing: two splits of one file can have the same
sequence of labels. A split file proves it: the set of indices is that of one split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest
from records.performance import JoinSummary

SUM_TOLERANCE = 1e-4  # of a softmax row
Duplicates = Literal["drop_identical", "refuse"]


class Outputs(Protocol):
    """What a classifier left behind, in the sampler's order: arrays (n,), scores (n, classes) or None."""

    @property
    def indices(self) -> NDArray: ...  # noqa: D102
    @property
    def labels(self) -> NDArray: ...  # noqa: D102
    @property
    def predictions(self) -> NDArray | None: ...  # noqa: D102
    @property
    def softmax(self) -> NDArray | None: ...  # noqa: D102


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


@dataclass(frozen=True)
class Joined:
    """Rows with the event columns of the same events (equal order), and the summary of the join."""

    rows: Rows
    events: Mapping[str, NDArray]
    summary: JoinSummary

    def columns(self, classes: Sequence[str]) -> dict[str, NDArray]:
        """One flat table: index, label, prediction, ``probability_<class>`` and the event columns (but row and label)."""
        table: dict[str, NDArray] = {"index": self.rows.indices, "label": self.rows.labels, "prediction": self.rows.predictions}
        if self.rows.softmax is not None:
            table |= {f"probability_{name}": self.rows.softmax[:, column] for column, name in enumerate(classes)}
        return table | {name: values for name, values in self.events.items() if name not in {"row", "label", "index", "prediction"}}


def order_rows(outputs: Outputs, classes: Sequence[str], n_rows: int | None = None, duplicates: Duplicates = "drop_identical") -> Rows:
    """Check the outputs by themselves and sort them by index.

    ``classes``: names in the order of labels and softmax columns. ``n_rows``: events in the file, where known. Raises InputError for
    lengths that differ, indices that are no whole numbers or out of range, labels or predictions outside the classes, a softmax that has
    NaN, another number of columns or rows that do not sum to one, predictions other than the largest probability, conflicting duplicates.
    """
    indices = _whole(outputs.indices, "indices")
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


def _whole(values: ArrayLike, name: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or (np.isfinite(array).all() and np.all(array == np.round(array)))):
        raise InputError(f"{name}: expected one whole number for each row, found {array.dtype} of shape {array.shape}")
    return array.astype(np.int64)


def _codes(values: ArrayLike, name: str, classes: Sequence[str], length: int) -> NDArray[np.int64]:
    codes = _whole(values, name)
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


def check_splits(splits: Mapping[str, ArrayLike], n_rows: int | None = None) -> dict[str, NDArray[np.int64]]:
    """Split name -> sorted row numbers. Raises InputError for repeated, overlapping, negative or too large row numbers."""
    checked = {name: np.sort(_whole(values, name)) for name, values in splits.items()}
    for name, rows in checked.items():
        repeated = rows[1:][rows[1:] == rows[:-1]]
        if repeated.size:
            raise InputError(f"split {name} repeats {repeated.size} row numbers, e.g. {repeated[0]}; make the splits again")
        outside = rows[(rows < 0) | (rows >= (n_rows if n_rows is not None else np.iinfo(np.int64).max))]
        if outside.size:
            raise InputError(
                f"split {name}: {outside.size} row numbers outside the file (0..{(n_rows or 0) - 1}), e.g. {outside[0]}; another file's splits"
            )
    names = list(checked)
    for position, first in enumerate(names):
        for second in names[position + 1 :]:
            both = np.intersect1d(checked[first], checked[second], assume_unique=True)
            if both.size:
                raise InputError(f"splits {first} and {second} overlap in {both.size} rows, e.g. row {both[0]}; make the splits again")
    return checked


def overlaps(indices: NDArray, splits: Mapping[str, NDArray]) -> dict[str, int]:
    """Split -> how many of the (unique) indices it holds."""
    return {name: int(np.isin(indices, rows).sum()) for name, rows in splits.items()}


def fitting_splits(indices: NDArray, splits: Mapping[str, NDArray]) -> list[str]:
    """Names of the splits whose rows are exactly these indices."""
    return [name for name, rows in splits.items() if len(rows) == len(indices) and np.array_equal(np.sort(indices), rows)]


def prove_split(indices: NDArray, splits: Mapping[str, NDArray], split: str) -> str:
    """One sentence that the indices are those of ``split``; raises InputError that states which split fits and every overlap."""
    if split not in splits:
        raise InputError(f"split {split!r} is not in the split file{nearest(split, splits)}")
    if split in fitting_splits(indices, splits):
        return f"indices match split {split} ({len(indices)}/{len(splits[split])})"
    raise InputError(
        f"wrong split: {describe_overlaps(indices, splits, split)}; set split to the one that the outputs were made from, or give the right outputs"
    )


def describe_overlaps(indices: NDArray, splits: Mapping[str, NDArray], asked: str | None = None) -> str:
    """``indices match split test_idxs (600/600), not val_idxs (0/600)``: the asked-for split and all others, with overlaps."""
    shared = overlaps(indices, splits)
    matching = fitting_splits(indices, splits)
    counts = {name: f"{name} ({shared[name]}/{len(splits[name])})" for name in splits}
    others = sorted((name for name in splits if name not in matching), key=lambda name: name != asked)
    no = ", ".join(counts[name] for name in others)
    return f"indices match split {', '.join(counts[name] for name in matching)}, not {no}" if matching else f"indices match no split: {no}"


def join(
    rows: Rows, events: Mapping[str, ArrayLike], *, splits: Mapping[str, NDArray] | None = None, split: str | None = None, complete: bool = True
) -> Joined:
    """Pair each row of the outputs with its event.

    ``events``: columns (N,), among them ``row`` (row number in the file) and ``label`` (position in the list of classes, < 0 unknown).
    ``splits``: as from ``check_splits``; the indices must then be those of ``split``. ``complete``: every index must be among the events;
    else rows whose event a selection dropped are left out and counted. Raises InputError when the pairing is not proven, when events are
    missing, and when labels differ (first three mismatches).
    """
    proof = prove_split(rows.indices, splits, split or "") if splits else "labels equal; no split file: not a proof"
    columns = {name: np.asarray(values) for name, values in events.items()}
    event_rows = _event_rows(columns)
    order = np.argsort(event_rows)
    place = np.minimum(np.searchsorted(event_rows, rows.indices, sorter=order), max(len(order) - 1, 0))
    found = event_rows[order[place]] == rows.indices if len(order) else np.zeros(len(rows), bool)
    if not found.any() or (complete and not found.all()):
        raise InputError(_no_pairing(rows.indices, found, event_rows, splits or {}))
    kept, chosen = rows.take(found), order[place[found]]
    _refuse_other_labels(kept, columns["label"][chosen])
    shared = overlaps(rows.indices, splits) if splits else {}
    summary = JoinSummary(len(rows), rows.duplicates_dropped, split if splits else None, shared, int((~found).sum()), proof)
    return Joined(kept, {name: values[chosen] for name, values in columns.items()}, summary)


def _event_rows(columns: Mapping[str, NDArray]) -> NDArray[np.int64]:
    for name in ("row", "label"):
        if name not in columns:
            raise InputError(f"the event table has no column {name!r}, without which outputs cannot be joined{nearest(name, columns)}")
    rows = _whole(columns["row"], "row")
    if len(np.unique(rows)) != len(rows):
        raise InputError("row numbers of the event table are not unique: indices count the rows of one file; give a data set with that file alone")
    return rows


def _no_pairing(indices: NDArray, found: NDArray, event_rows: NDArray, splits: Mapping[str, NDArray]) -> str:
    """Why the outputs and the events do not belong together, with the splits of both."""
    missing = f"{int((~found).sum())} of {len(indices)} rows of the outputs are not among the {len(event_rows)} events"
    if not splits:
        return f"cannot pair outputs with events: {missing}; give the events of the same split (split_file proves which)"
    theirs = describe_overlaps(event_rows, splits)
    ours = describe_overlaps(indices, splits, next(iter(fitting_splits(event_rows, splits)), None))
    return f"cannot pair outputs with events: {missing}. Outputs: {ours}. Events: {theirs}. Give events and outputs of the same split"


def _refuse_other_labels(rows: Rows, labels: NDArray) -> None:
    wrong = np.flatnonzero(rows.labels != labels)
    if wrong.size:
        shown = ", ".join(f"index {rows.indices[i]}: {rows.labels[i]} in the outputs, {labels[i]} in the file" for i in wrong[:3])
        raise InputError(f"label mismatch in {wrong.size} of {len(rows)} rows ({shown}); wrong file, wrong split or wrong label map")
