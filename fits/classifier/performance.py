"""How good is a classifier, and where does it fail: outputs and events -> one result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs import iwcd
from configs.errors import InputError, TooFewEvents, nearest
from fits.classifier import regression
from fits.classifier.calibration import score_quality
from fits.classifier.confusion import confusion, confusion_counts, weighted_confusion
from fits.classifier.event_table import class_codes, direction
from fits.classifier.join import Joined, join, without_events
from fits.classifier.mirror import Cells, mirror_test
from fits.classifier.position import Options, position_dependence
from fits.classifier.roc import logit_score, roc_curve
from fits.classifier.rows import Outputs, Rows, order_rows
from fits.classifier.splits import check_splits
from fits.classifier.working_points import Scores, working_point
from records.performance import Confusion, Mirror, PerformanceResult, Regression, RocCurve, WorkingPoint

LABELS = iwcd.Processor().labels
POSITION_COLUMNS = {"r2", "y"}


@dataclass(frozen=True)
class Context:
    """What is known beside outputs and events: splits of the file, its label map, how many events it has, the seed of permutations."""

    splits: Mapping[str, ArrayLike] | None = None
    labels: Mapping[int, str] | None = None  # None: the default map of the analysis
    rows_in_file: int | None = None  # with it, events may lack rows that a selection dropped
    seed: int = 0


def performance(
    outputs: Outputs, events: Mapping[str, ArrayLike] | None, options: iwcd.Performance, context: Context = Context()
) -> PerformanceResult:
    """Join outputs to events with proof, and measure everything that they allow.

    ``outputs``: arrays as ``readers.classifier_outputs`` reads them; labels and predictions are positions in ``options.classes``.
    ``events``: columns with ``row`` and ``label`` (code of the file) and any of the variables (``fits.classifier.event_table``), or None:
    then nothing is said on positions. What cannot be computed is left out with its reason in ``notes``. Raises InputError for outputs
    that are damaged, of the wrong split or of other events, and for options that name unknown classes.
    """
    _check_names(options)
    joined = join_outputs(outputs, events, options, context)
    rows, columns = joined.rows, joined.events
    notes = []
    if rows.softmax is None:
        notes.append("hard labels only (no softmax): ROC curves, working points and calibration need scores")
    curves, points = _curves(rows, columns, options, notes) if rows.softmax is not None else ([], [])
    located = columns.keys() >= POSITION_COLUMNS
    if not located:
        notes.append("no vertices of these events are at hand: dependence on position and the mirror question cannot be answered")
    tested = Options(options.position_bins, options.permutations, context.seed, options.level, options.interval)
    return PerformanceResult(
        outputs=options.outputs,
        classes=list(options.classes),
        n_events=len(rows),
        interval=options.interval,
        level=options.level,
        join=joined.summary,
        confusion=_confusion(rows, columns, options, notes),
        roc=curves,
        working_points=points,
        scores=None if rows.softmax is None else score_quality(rows.softmax, rows.labels, options.classes, options.level, options.interval),
        position=position_dependence(rows.labels, rows.predictions, columns, options.classes, tested) if columns else None,
        mirror=_mirror(rows, columns, options, context.seed, notes) if located else None,
        regression=_regressions(outputs, joined, options.level, notes),
        notes=notes,
        seed=context.seed,
    )


def _confusion(rows: Rows, columns: Mapping[str, NDArray], options: iwcd.Performance, notes: list[str]) -> Confusion:
    counts = confusion_counts(rows.labels, rows.predictions, len(options.classes))
    found = confusion(counts, options.classes, options.level, options.interval)
    if "weight" not in columns:
        return found
    notes.append("events have weights: recall, precision, accuracy and efficiencies are of weight, Wilson at n_eff; all else counts events")
    return weighted_confusion(found, rows.labels, rows.predictions, columns["weight"], options.level)


def join_outputs(outputs: Outputs, events: Mapping[str, ArrayLike] | None, options: iwcd.Performance, context: Context = Context()) -> Joined:
    """Outputs in order of index, with their events; the proof is in ``summary``. Errors as in ``performance``."""
    rows = order_rows(outputs, options.classes, context.rows_in_file, options.duplicates)
    splits = check_splits(context.splits, context.rows_in_file) if context.splits is not None else None
    if events is None:
        return without_events(rows, splits, options.split)
    columns = {name: np.asarray(values) for name, values in events.items()}
    if "label" in columns:
        columns["label"] = class_codes(columns["label"], LABELS if context.labels is None else context.labels, options.classes)
    return join(rows, columns, splits=splits, split=options.split, complete=context.rows_in_file is None)


def _check_names(options: iwcd.Performance) -> None:
    for where, names in (("signal", options.signal), ("mirror.classes", options.mirror.classes)):
        for name in names:
            if name not in options.classes:
                raise InputError(f"{where}: {name!r} is not among classes{nearest(name, options.classes)}")
    if len(set(options.classes)) != len(options.classes):
        raise InputError(f"classes: a name stands twice in {options.classes}")


def _curves(rows: Rows, columns: Mapping[str, NDArray], options: iwcd.Performance, notes: list[str]) -> tuple[list[RocCurve], list[WorkingPoint]]:
    """ROC curves of the signal against each other class that has events, working points where a rejection is asked for."""
    assert rows.softmax is not None
    signal = [options.classes.index(name) for name in options.signal]
    is_signal = np.isin(rows.labels, signal)
    present = [options.classes[code] for code in np.unique(rows.labels)]
    backgrounds = [name for name in present if name not in options.signal]
    if not is_signal.any() or not backgrounds:
        raise TooFewEvents(f"a ROC curve needs both classes (found only {', '.join(present)}); set signal, or give outputs with other classes")
    notes += [f"no {name} events: its ROC curve is left out" for name in options.classes if name not in present]
    curves, points = [], []
    for name in backgrounds:
        code = options.classes.index(name)
        score = logit_score(rows.softmax, signal, [code])
        names, mine = (options.signal, name), rows.labels == code
        curves.append(roc_curve(score[is_signal], score[mine], names, options.level, options.interval))
        if name in options.rejection:
            passing, rejected = (Scores(score[keep], {key: values[keep] for key, values in columns.items()}) for keep in (is_signal, mine))
            rejection = options.rejection[name]
            points.append(working_point(passing, rejected, names, rejection, options.cut, options.level, options.interval))
    return curves, points


def _mirror(rows: Rows, columns: Mapping[str, NDArray], options: iwcd.Performance, seed: int, notes: list[str]) -> Mirror | None:
    grid = options.mirror
    cells = Cells(tuple(grid.r_edges_cm), tuple(grid.y_edges_cm))
    cell = cells.number(np.sqrt(columns["r2"]), columns["y"])
    first, second = (options.classes.index(name) for name in grid.classes)
    if not all(np.any(rows.labels[cell >= 0] == code) for code in (first, second)):
        notes.append(f"the mirror question needs events of both {' and '.join(grid.classes)} inside its cells")
        return None
    if (outside := int((cell < 0).sum())) > 0:
        notes.append(f"{outside} events lie outside the cells of the mirror test")
    return mirror_test(
        rows.labels,
        rows.predictions,
        cell,
        (first, second),
        options.classes,
        cells,
        permutations=options.permutations,
        seed=seed,
        level=options.level,
        method=options.interval,
    )


def _regressions(outputs: Outputs, joined: Joined, level: float, notes: list[str]) -> list[Regression]:
    """Residuals of ``predicted_<target>`` arrays against event columns: energies, positions, angles."""
    results: list[Regression] = []
    for target, values in getattr(outputs, "predicted", {}).items():
        predicted, columns = np.asarray(values, float)[joined.rows.order], joined.events
        if target == "energies" and "energy" in columns:
            results.append(regression.residuals("energy", "MeV", predicted, columns["energy"], level))
        elif target == "positions" and columns.keys() >= {"x", "y", "z", "cos_zenith", "azimuth"}:
            vertex = np.column_stack([columns[axis] for axis in "xyz"])
            results += regression.position_residuals(predicted.reshape(-1, 3), vertex, direction(columns), level)
        elif target == "angles" and columns.keys() >= {"cos_zenith", "azimuth"}:
            found = direction({"cos_zenith": np.cos(predicted[:, 0]), "azimuth": predicted[:, 1]})
            opening = np.degrees(regression.angle_between(found, direction(columns)))
            results.append(regression.summary("direction", "deg", opening, level))
        elif target in (truth := getattr(outputs, "truth", {})):
            results.append(regression.residuals(target, "", predicted, np.asarray(truth[target], float)[joined.rows.order], level))
        else:
            notes.append(f"predicted_{target} has no true values among the event columns nor beside it: no residuals")
    return results
