"""Figures of classifiers: confusion, recall and precision, ROC, working points, calibration, dependence on position, the mirror question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from fits.classifier import binomial
from fits.classifier.binomial import Method
from plotting.canvas import Array, Scale
from plotting.drawn import DrawnFigure
from plotting.iwcd_view import ResultView
from plotting.map_panels import MapPanel, maps
from plotting.mirror import mirror
from plotting.points import Points, importances, points_and_curves
from plotting.rates import RatePanel, confusion_matrix, percent, rate_bars, rate_panels
from plotting.roc import Roc, roc
from plotting.style import BLUE, GREEN, GREY, ORANGE, VERMILLION, Component, looks
from records.performance import (
    Calibration,
    DiscriminantModel,
    DiscriminantResult,
    Mirror,
    PerformanceResult,
    PositionTest,
    Rate,
    RatesByBin,
    WorkingPoint,
)

Figures = dict[str, Callable[[], DrawnFigure]]

FEWEST = 10  # events of each kind in a bin that is drawn

VARIABLES = {
    "r2": "Vertex r²/R²", "y": "Vertex y [cm]", "dwall": "Distance to wall [cm]", "towall": "Distance to wall along track [cm]",
    "cos_zenith": "cos(zenith)", "azimuth": "Azimuth [rad]", "evis": "Visible energy [MeV]", "nhits": "Number of hits",
    "momentum": "True momentum [MeV]",
}  # fmt: skip
MODELS = {"logistic": BLUE, "gbdt": VERMILLION}


def performance(view: ResultView) -> Figures:
    """Figures of a ``PerformanceResult``; those that need scores or vertices exist only with them."""
    result: PerformanceResult = view.result
    figures: Figures = {"confusion": partial(_confusion, view), "recall": partial(_recall, view)}
    if result.roc:
        figures["roc"] = partial(_roc, view)
    for point in result.working_points:
        if point.curves:
            figures[f"working_point_{point.background}"] = partial(_working_point, view, point)
    if result.scores is not None:
        figures["calibration"] = partial(_calibration, view, result.scores.calibration)
    if result.position is not None and result.position.tests:
        figures["position"] = partial(_position, view, result.position.tests)
    if result.mirror is not None:
        figures |= {"recall_map": partial(_recall_map, view, result.mirror), "mirror": partial(_mirror, view, result.mirror)}
    return {view.named(name): draw for name, draw in figures.items()}


def discriminant(view: ResultView) -> Figures:
    """For each pair of a ``DiscriminantResult``: ROC of all models with the published areas, importance of features and calibration of each model."""
    result: DiscriminantResult = view.result
    figures: Figures = {}
    for pair in dict.fromkeys(model.pair for model in result.models):
        models = [model for model in result.models if model.pair == pair]
        ending = "_".join(pair)
        figures[f"roc_{ending}"] = partial(_pair_roc, view, models)
        for model in models:
            figures[f"importance_{ending}_{model.model}"] = partial(_importance, view, model)
        figures[f"calibration_{ending}"] = partial(_calibration, view, [model.calibration for model in models], [model.model for model in models])
    return {view.named(name): draw for name, draw in figures.items()}


def _importance(view: ResultView, model: DiscriminantModel) -> DrawnFigure:
    values, errors = (np.array([getattr(one, name) for one in model.importance]) for name in ("auc_drop", "error"))
    names = [one.feature for one in model.importance]
    label = f"Loss of AUC when shuffled ({' against '.join(_pair_names(model))}, {model.model})"
    return importances(names, values, errors, label, style=view.style, caption=view.caption)


def _pair_names(model: DiscriminantModel) -> tuple[str, str]:
    look = looks(model.pair)
    return look[model.pair[0]].label, look[model.pair[1]].label


def _names(view: ResultView) -> list[str]:
    return [one.label for one in looks(view.result.classes).values()]


def _confusion(view: ResultView) -> DrawnFigure:
    found = view.result.confusion
    return confusion_matrix(
        _names(view), found.counts, found.recall_matrix, label="Fraction of the true class", style=view.style, caption=view.caption
    )


def _recall(view: ResultView) -> DrawnFigure:
    found = view.result.confusion
    level = f"{100 * view.result.level:.4g} % {view.result.interval.title()}"
    text = (f"Accuracy {percent(found.accuracy)}, balanced {100 * found.balanced_accuracy:.1f} %", f"Intervals: {level}")
    measures = {"Recall": found.recall, "Precision": found.precision}
    return rate_bars(_names(view), measures, (BLUE, ORANGE), text=text, style=view.style, caption=view.caption)


def _roc(view: ResultView) -> DrawnFigure:
    result: PerformanceResult = view.result
    look = looks(result.classes)
    signal = "+".join(look[name].label for name in result.roc[0].signal)
    curves = {
        one.background: Roc(one, Component(f"{signal} against {look[one.background].label}", look[one.background].colour)) for one in result.roc
    }  # fmt: skip
    return roc(curves, result.working_points, style=view.style, caption=view.caption)


def _pair_roc(view: ResultView, models: Sequence[DiscriminantModel]) -> DrawnFigure:
    signal, background = _pair_names(models[0])
    curves = {}
    for number, model in enumerate(models):
        look = Component(f"{signal} against {background}, {model.model}", MODELS.get(model.model, GREEN))
        curves[model.model] = Roc(model.roc, look, model.published if number == 0 else None)
    return roc(curves, style=view.style, caption=view.caption)


def _working_point(view: ResultView, point: WorkingPoint) -> DrawnFigure:
    look = looks(view.result.classes)
    signal = "+".join(look[name].label for name in point.signal)
    names = {
        "efficiency": Component(f"{signal} efficiency", BLUE),
        "misidentification": Component(f"{look[point.background].label} mis-id.", VERMILLION),
    }
    panels = []
    for number, (variable, found) in enumerate(point.curves.items()):
        text = (f"{100 * point.rejection:.4g} % rejection", "one cut" if point.mode == "global" else "one cut per bin") if number == 0 else ()
        edges, rates = joined(found, view.result.level, view.result.interval)
        panels.append(RatePanel(Scale(VARIABLES.get(variable, variable)), edges, rates, text))
    return rate_panels(panels, names, "Fraction passing", columns=3, style=view.style, caption=view.caption)


def joined(found: RatesByBin, level: float, method: Method) -> tuple[Array, dict[str, list[Rate]]]:
    """Neighbouring bins joined until each has ``FEWEST`` events of signal and background; empty bins at the ends are left out.

    The bins of a result are those asked for; at few events they are mostly empty and their intervals cover the page.
    """
    events = np.array([[one.events for one in rates] for rates in (found.efficiency, found.misidentification)])
    groups = groups_of(np.round(events, 6))  # ten equal weights are ten events
    edges = np.array([found.edges[group[0]] for group in groups] + [found.edges[groups[-1][-1] + 1]])
    both = {"efficiency": found.efficiency, "misidentification": found.misidentification}
    return edges, {name: [binomial.joined([of[i] for i in group], level, method) for group in groups] for name, of in both.items()}


def groups_of(events: Array) -> list[range]:
    """Runs of bins in which every row of ``events`` (samples, bins) has ``FEWEST`` events; the rest belongs to the last, without empty bins.

    >>> groups_of(np.array([[12.0, 4.0, 7.0, 3.0, 0.0]]))
    [range(0, 1), range(1, 4)]
    """
    filled = np.flatnonzero(events.sum(axis=0))
    end = int(filled[-1]) + 1 if filled.size else events.shape[1]
    starts = [0]
    for number in range(1, end):
        if events[:, starts[-1] : number].sum(axis=1).min() >= FEWEST and events[:, number:].sum(axis=1).min() >= FEWEST:
            starts.append(number)
    return [range(first, last) for first, last in zip(starts, [*starts[1:], end], strict=True)]


def _calibration(view: ResultView, calibrations: Sequence[Calibration], labels: Sequence[str] = ()) -> DrawnFigure:
    series = {}
    names = [one.name for one in calibrations]
    for number, one in enumerate(calibrations):
        colour = MODELS.get(labels[number], GREEN) if labels else looks(names)[one.name].colour
        title = labels[number] if labels else looks(names)[one.name].label
        label = f"{title}: Brier {one.brier:.3f}, ECE {one.expected_calibration_error:.3f}"
        series[label] = _rate_points(np.array(one.mean_probability), one.observed, colour)
    diagonal = {"Perfect": (np.array([0.0, 1.0]), np.array([0.0, 1.0]), GREY)}
    x, y = Scale("Mean predicted probability", limits=(0.0, 1.0)), Scale("Observed fraction", limits=(0.0, 1.0))
    return points_and_curves(series, diagonal, x, y, corner="lower right", style=view.style, caption=view.caption)


def _rate_points(x: Array, rates: Sequence[Rate], colour: str) -> Points:
    values = np.array([one.value for one in rates])
    errors = np.array([[one.value - one.low for one in rates], [one.high - one.value for one in rates]])
    return Points(x, None, values, errors, colour, np.array([one.events < FEWEST for one in rates]))


def _position(view: ResultView, tests: Sequence[PositionTest]) -> DrawnFigure:
    """Recall of every class against each variable, each class in its own equal-count bins, with its corrected p-value."""
    look = looks(view.result.classes)
    panels = []
    for variable in dict.fromkeys(test.variable for test in tests):
        mine = [test for test in tests if test.variable == variable]
        unit = view.tank.radius_cm**2 if variable == "r2" else 1.0
        labels = {test.name: f"{look[test.name].label}: Holm p = {test.p_permutation_holm:.2g}" for test in mine}
        edges = {test.name: np.array(test.edges) / unit for test in mine}
        panels.append(RatePanel(Scale(VARIABLES[variable]), edges, {test.name: test.recall for test in mine}, labels=labels))
    return rate_panels(panels, look, "Recall", columns=3, style=view.style, caption=view.caption)


def _recall_map(view: ResultView, found: Mirror) -> DrawnFigure:
    r = np.array(found.r_edges_cm) / view.tank.radius_cm
    y = np.array(found.y_edges_cm)
    shape = len(r) - 1, len(y) - 1
    look = looks(found.classes)
    panels = []
    for name, recall, events in zip(found.classes, found.recall, found.events, strict=True):
        cells = np.array([f"{percent(one)}\n{count} events" for one, count in zip(recall, events, strict=True)]).reshape(shape)
        tests = {test.variable: test.p_permutation_holm for test in (view.result.position.tests if view.result.position else []) if test.name == name}
        note = ", ".join(f"p({variable}) = {tests[key]:.2g}" for key, variable in (("r2", "r²"), ("y", "y")) if key in tests)
        panels.append(
            MapPanel(f"{look[name].label} ({sum(events)})", np.array([one.value for one in recall]).reshape(shape), cells=cells.tolist(), note=note)
        )
    return maps(panels, (r**2, y), Scale("Vertex r²/R²"), Scale("Vertex y [cm]"), "Recall", log=False, limits=(0.0, 1.0), style=view.style,
                caption=view.caption)  # fmt: skip


def _mirror(view: ResultView, found: Mirror) -> DrawnFigure:
    look = looks(found.classes)
    return mirror(found, (look[found.classes[0]], look[found.classes[1]]), style=view.style, caption=view.caption)
