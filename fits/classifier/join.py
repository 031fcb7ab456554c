"""Outputs of a classifier joined to the events they were made from, with proof that they belong together.

Only ``indices`` says which event a row is. Equal labels are necessary but prove nothing: two splits of one file can have the same
sequence of labels. A split file proves it: the set of indices is that of one split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest
from fits.classifier.rows import Rows
from fits.classifier.splits import describe_overlaps, fitting_splits, overlaps, prove_split, whole_numbers
from records.performance import JoinSummary


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
    rows = whole_numbers(columns["row"], "row")
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


def without_events(rows: Rows, splits: Mapping[str, NDArray] | None = None, split: str | None = None) -> Joined:
    """Rows of which no events are at hand; with ``splits`` the indices must still be those of ``split``."""
    proof = prove_split(rows.indices, splits, split or "") if splits else "no events and no split file: nothing to prove"
    shared = overlaps(rows.indices, splits) if splits else {}
    return Joined(rows, {}, JoinSummary(len(rows), rows.duplicates_dropped, split if splits else None, shared, 0, proof))
