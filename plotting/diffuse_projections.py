"""Energy, zenith and length of ``diffuse`` events: data over the stacked expectation, for all events and by topology, before and after the fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from plotting.canvas import Array, Scale
from plotting.drawn import DrawnFigure
from plotting.fit_view import Below, FitView
from plotting.predicted import PredictedPanel, predicted_counts
from plotting.projections import Expectation
from plotting.stack import Projection, Words, stacked
from records.diffuse_predictive import Predicted, PredictiveResult

Draw = Callable[[], DrawnFigure]

TITLES = {"cascade": "Cascades", "track": "Tracks", "dcascade": "Double cascades"}
QUANTITIES = {"energy": "reco_energy_gev", "reco_coszen": "reco_coszen", "reco_length": "reco_length_m"}  # name in the numbers
LABELS = {"energy": "Deposited energy [GeV]", "reco_coszen": "cos(zenith)", "reco_length": "Length [m]"}
AXES = {"energy": "energy", "reco_coszen": "zenith", "reco_length": "length"}  # axis -> name of its figures
LOGARITHMIC = ("energy", "reco_length")
LOWEST_EVENTS = 0.1  # lower end of a logarithmic event axis, at most
LOWEST_SHARE = 0.2  # and at most this share of the highest bin of the expectation
TINY = 1e-9  # events: an empty projection still has an axis
HIGHEST_EVENTS = 40.0  # its upper end, at least


def energy(fit: FitView) -> dict[str, Draw]:
    """Energy projections: all topologies together, and each its own panel."""
    return _figures(fit, "energy", "energy")


def zenith(fit: FitView) -> dict[str, Draw]:
    """Zenith projections of the topologies that are binned in it."""
    return _figures(fit, "zenith", "reco_coszen") if "zenith" in fit.options.axes else {}


def length(fit: FitView) -> dict[str, Draw]:
    """Length of double cascades, where the binning has it."""
    return _figures(fit, "length", "reco_length") if "zenith" in fit.options.axes else {}


def predictive(fit: FitView) -> dict[str, Draw]:
    """What the posterior or toys predict for the counts, in each axis: all topologies, and each its own panel."""
    result = fit.others.get("predictive")
    if not isinstance(result, PredictiveResult):
        return {}
    figures: dict[str, Draw] = {}
    for axis, name in AXES.items():
        whole = [one for key, one in result.projections.items() if key == axis]
        parts = [one for key, one in result.projections.items() if key.startswith(f"{axis}.")]
        figures |= {f"predictive_{name}": partial(_draw_predicted, fit, result, whole)} if whole else {}
        figures |= {f"predictive_{name}_by_topology": partial(_draw_predicted, fit, result, parts)} if parts else {}
    return figures


def _figures(fit: FitView, name: str, axis: str) -> dict[str, Draw]:
    """Figures by name; those before the fit, which do not depend on it, belong to the configuration's first fit alone."""
    channels = fit.expectation().channels(None if axis == "energy" else axis)
    if not channels:
        return {}
    figures: dict[str, Draw] = {name: partial(_draw, fit, axis, [channels], False)}
    if fit.first:
        figures[f"{name}_prefit"] = partial(_draw, fit, axis, [channels], True)
    if len(channels) > 1 and "topology" in fit.options.axes:
        figures[f"{name}_by_topology"] = partial(_draw, fit, axis, [[channel] for channel in channels], False)
        if fit.first:
            figures[f"{name}_by_topology_prefit"] = partial(_draw, fit, axis, [[channel] for channel in channels], True)
    return figures


def _draw(fit: FitView, axis: str, groups: list[list[str]], prefit: bool) -> DrawnFigure:
    expectation = fit.expectation(prefit=prefit)
    projections = [expectation.along(axis, channels, _title(expectation, channels)) for channels in groups]
    below = fit.below if axis == "energy" and fit.counts is not None else None
    if below is not None and any(counts.any() for counts in below.counts.values()):
        projections = [replace(one, below=(below.edges_gev, _sum(below, channels))) for one, channels in zip(projections, groups, strict=True)]
    log = axis in LOGARITHMIC
    first, edges = projections[0].below, projections[0].edges
    x = Scale(LABELS[axis], log, (float(edges[0] if first is None else first[0][0]), float(edges[-1])))
    y = Scale(f"Events per {fit.days}" if fit.days else "Events", log, _event_range(projections, log))
    words = Words(
        fit.text(prefit=prefit),
        "Simulation statistics" if prefit else "Fit uncertainty",
        "Data / prefit" if prefit else "Data / fit",
        QUANTITIES[axis],
    )
    return stacked(projections, x, y, style=fit.style, caption=fit.caption, words=words, threshold=_threshold(fit, axis))


def _sum(below: Below, channels: list[str]) -> Array:
    return np.sum([below.counts[name] for name in channels if name in below.counts], axis=0)


def _title(expectation: Expectation, channels: list[str]) -> str:
    """Name of a panel; nothing when it shows every event."""
    if channels == expectation.channels():
        return ""
    words = " and ".join(TITLES.get(channel, channel).lower() for channel in channels)
    return words[:1].upper() + words[1:]


def _event_range(projections: list[Projection], log: bool) -> tuple[float, float]:
    """Lower and upper end of the event axis: it shows the highest bin of the expectation, and every bar from above."""
    expected = max(float(one.total.max()) for one in projections)
    bars = [float(pair[1].max()) for one in projections for pair in (one.bars, one.band) if pair is not None]
    highest = max([expected, *bars])
    if not log:
        return 0.0, 1.1 * max(highest, TINY)
    return max(min(LOWEST_EVENTS, LOWEST_SHARE * expected), TINY), max(HIGHEST_EVENTS if expected > 1.0 else 0.0, 2.0 * highest, 10.0 * TINY)


def _threshold(fit: FitView, axis: str) -> float | None:
    """The lowest energy that the selection keeps, in GeV: bins below it take no part in the fit."""
    selection = getattr(fit.config.processor, "selection", None)
    return selection.edep_min_gev if axis == "energy" and selection is not None else None


def _draw_predicted(fit: FitView, result: PredictiveResult, shown: list[Predicted]) -> DrawnFigure:
    axis = shown[0].axis
    log = axis in LOGARITHMIC
    edges = np.asarray(shown[0].edges)
    highest = max(max([*one.counts_95_high, *one.observed]) for one in shown)
    limits = (LOWEST_EVENTS, 2.0 * max(highest, HIGHEST_EVENTS / 2.0)) if log else (0.0, 1.1 * max(highest, 1.0))
    x = Scale(LABELS[axis], log, (float(edges[0]), float(edges[-1])))
    y = Scale(f"Events per {fit.days}" if fit.days else "Events", log, limits)
    bands = [
        PredictedPanel(
            _title(fit.expectation(), one.channels), edges, np.asarray(one.median), (np.asarray(one.expected_low), np.asarray(one.expected_high)),
            (np.asarray(one.counts_68_low, float), np.asarray(one.counts_68_high, float)),
            (np.asarray(one.counts_95_low, float), np.asarray(one.counts_95_high, float)),
            np.asarray(one.observed, float) if one.observed else None, one.p_value,
        )
        for one in shown
    ]  # fmt: skip
    source = "Posterior predictive" if result.source == "posterior" else "Predicted by toys"
    return predicted_counts(bands, x, y, source, QUANTITIES[axis], style=fit.style, caption=fit.caption)
