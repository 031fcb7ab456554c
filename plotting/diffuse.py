"""Which figures a run of ``diffuse`` leaves: histograms and results -> figures by name, each drawn when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hist

from configs.errors import InputError, command
from configs.schema import DiffuseConfig
from data_info.catalogue import Unavailable
from data_info.files import find_file
from fits.diffuse import prepare_fits
from fits.effective_areas import effective_areas
from plotting import diffuse_compare, diffuse_likelihood, diffuse_projections, diffuse_response, diffuse_studies
from plotting.diffuse_flavour import flavours
from plotting.diffuse_flux import flux
from plotting.diffuse_samples import each_sample
from plotting.diffuse_surrogate import surrogate
from plotting.drawn import DrawnFigure, Plan
from plotting.fit_view import Below, FitView
from plotting.published import read_segments, source_name
from plotting.spectrum import Segments
from plotting.style import style
from records.failed_fit import FailedFit
from records.results import FitResult, failures

Hists = Mapping[str, Mapping[str, hist.Hist]]

FIGURES: dict[str, Callable[[FitView], dict[str, Callable[[], DrawnFigure]]]] = {
    "energy": diffuse_projections.energy,
    "zenith": diffuse_projections.zenith,
    "length": diffuse_projections.length,
    "contour": diffuse_likelihood.contours,
    "profile": diffuse_likelihood.profiles,
    "correlation": diffuse_likelihood.correlation,
    "pulls": diffuse_likelihood.pulls,
    "toys": diffuse_likelihood.toy_pulls,
    "gof": diffuse_likelihood.goodness,
    "feldman_cousins": diffuse_likelihood.feldman_cousins,
    "test": diffuse_likelihood.hypothesis_test,
    "response": diffuse_response.response,
    "flavour": flavours,
    "impacts": diffuse_studies.impacts,
    "events": diffuse_studies.events,
    "exposures": diffuse_studies.exposures,
    "models": diffuse_studies.models,
    "posterior": diffuse_studies.posterior,
    "predictive": diffuse_projections.predictive,
    "surrogate": surrogate,
    "compare_fit": diffuse_compare.nuisances,
    "compare_scan": diffuse_compare.surfaces,
    "compare_segments": diffuse_compare.segments,
}
OF_ALL: dict[str, Callable[[Sequence[FitView]], dict[str, Callable[[], DrawnFigure]]]] = {"compare_fit": diffuse_compare.parameters}
FIGURE_OF = {"scan": "contour", "segments": "spectrum"}  # result (its first word) -> figure, where their names differ
OF_EVENTS = ("energy", "zenith", "length")  # drawn for each sample of a joint fit
WHY_NOT = {
    "energy": "no bins in energy",
    "zenith": "no topology is binned in zenith, or no fit has this axis",
    "length": "no topology is binned in length (binning: official)",
    "contour": "no fit has a scan; add fits.<name>.scan",
    "profile": "no fit has profiles; add fits.<name>.profiles",
    "spectrum": "no valid fit",
    "correlation": "no valid fit of two or more free parameters",
    "pulls": "no valid fit has a parameter with a prior",
    "toys": "no fit has toys; add fits.<name>.toys",
    "gof": "no fit has toys with a goodness of fit; add fits.<name>.toys with gof: true",
    "feldman_cousins": "no fit has it; add fits.<name>.feldman_cousins",
    "test": "no fit has a test; add fits.<name>.test",
    "response": "no response",
    "flavour": "no fit has a scan of flavours; add fits.<name>.flavour_scan",
    "impacts": "no fit has impacts, or a nuisance parameter; add fits.<name>.impacts: true",
    "events": "no fit has a table of events; add fits.<name>.events: true",
    "exposures": "no fit has longer exposures, or the livetime is not stated; add fits.<name>.asimov_livetimes",
    "models": "no fit has a comparison of models; add fits.<name>.model_comparison",
    "posterior": "no fit has a posterior; add fits.<name>.posterior",
    "predictive": "no fit has bands of predicted counts; add fits.<name>.predictive: true",
    "surrogate": "no fit has varied the surrogate's recipe; add fits.<name>.surrogate_study: true",
    "compare_fit": "no valid fit has published parameters; add fits.<name>.published, or compare: hese75 where the events are these",
    "compare_scan": "no scan has been compared with an external one; add fits.<name>.scan.compare",
    "compare_segments": "no fit has segments beside published ones; add fits.<name>.segments.compare",
}


def plan(config: DiffuseConfig, hists: Hists, account: Mapping[str, Any], results: Mapping[str, Any]) -> Plan:
    """What to draw: the first fit's figures have plain names (``energy``), those of other fits the fit's name before (``loose.energy``).

    ``hists``: data set -> name -> histogram; ``account``: content of processing.json; ``results``: result name -> result. Raises
    ``InputError`` when a fit's result is missing or stems from other histograms.
    """
    views = fit_views(config, hists, account, results)
    skipped: dict[str, str] = {}
    segments = _segments(config, skipped)
    figures: dict[str, Callable[[], DrawnFigure]] = {}
    for kind in config.plots.figures:
        found = OF_ALL.get(kind, lambda _: {})(views)
        for view in views:
            own = _figures(view, kind, segments)
            found |= {name if view.first else f"{view.name}.{name}": draw for name, draw in own.items()}
            skipped |= _failed(view, kind, drawn=bool(own))
        if not found and not any(_failed(view, kind, drawn=False) for view in views):
            skipped[kind] = _without(views) or WHY_NOT[kind]
        if kind == "contour":
            skipped |= {f"{view.name}: published contour": reason for view in views if (reason := "; ".join(_not_compared(view)))}
        figures |= found
    return Plan(figures, skipped, style(config.plots.style))


def _figures(view: FitView, kind: str, segments: Sequence[Segments]) -> dict[str, Callable[[], DrawnFigure]]:
    """The figures of one kind that a fit has, by name."""
    if kind == "spectrum":
        return flux(view, segments)
    return each_sample(view, FIGURES[kind]) if kind in OF_EVENTS else FIGURES[kind](view)


def fit_views(config: DiffuseConfig, hists: Hists, account: Mapping[str, Any], results: Mapping[str, Any]) -> list[FitView]:
    """One view per fit of the configuration, in its order."""
    again = f"run: {command('run_fit.py', config.source)}"
    if missing := [name for name in config.fits if name not in results]:
        raise InputError(f"{config.output / 'results.json'}: no result of the fit {missing[0]!r}; {again}")
    prepared = prepare_fits(config, hists, account)
    preset = style(config.plots.style)
    areas, below = (effective_areas(hists, account), Below.of(hists, account)) if config.datasets else (None, None)
    views = []
    for number, (name, one) in enumerate(prepared.items()):
        _check(config, name, results[name], one.inputs.digest)
        own = {key.removeprefix(f"{name}."): result for key, result in results.items() if key.startswith(f"{name}.")}
        others = {key: result for key, result in own.items() if not isinstance(result, FailedFit)}
        failed = {key: own[key] for key in failures(own)}
        views.append(FitView(name, number == 0, config, preset, one.inputs, one, results[name], others, one.inputs.account, failed, below, areas))
    return views


def _check(config: DiffuseConfig, name: str, result: FitResult, digest: str) -> None:
    again = f"run: {command('run_fit.py', config.source)}"
    if result.input_digest and digest and result.input_digest != digest:
        raise InputError(f"{config.output / 'results.json'}: the fit {name!r} was made from other histograms than hists.h5 holds now; {again}")


def _not_compared(view: FitView) -> list[str]:
    """Why a published scan or contour that was asked for is not on the figure."""
    return view.others["scan"].not_compared if "scan" in view.others else []


def _failed(view: FitView, kind: str, *, drawn: bool) -> dict[str, str]:
    """Result -> why it is not drawn, of those behind a kind of figure; ``drawn``: there is a figure of what is left."""
    failed = {name: one for name, one in view.failed.items() if FIGURE_OF.get(name.partition(".")[0], name.partition(".")[0]) == kind}
    return {f"{view.name}.{name}": f"it failed: {one.reason}" for name, one in failed.items() if not drawn or isinstance(one, FailedFit)}


def _without(views: Sequence[FitView]) -> str:
    """The fits that did not converge, in words; nothing follows them."""
    return "; ".join(f"the fit {view.name} did not converge" for view in views if not view.result.valid)


def _segments(config: DiffuseConfig, skipped: dict[str, str]) -> list[Segments]:
    """The published spectrum to draw beside ours; a catalogue file that cannot be had leaves a reason and no points."""
    wanted = config.plots.compare_spectrum
    if wanted is None or "spectrum" not in config.plots.figures:
        return []
    try:
        return [read_segments(find_file(wanted, config.source), f"Published segments, {source_name(wanted)}")]
    except Unavailable as error:
        skipped["spectrum: published segments"] = str(error)
        return []
