"""The figures of ``diffuse`` beside the published result: parameters of all fits, nuisance parameters, likelihood surfaces, segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from fits.compare_report import not_comparable, number
from fits.comparison import sided_difference
from fits.contours import CEILING, Surface
from fits.priors import prior_sigma
from fits.segmented_flux import agreement
from physics.segmented_spectrum import UNIT_GEV_CM2_S_SR
from plotting import compare_panels
from plotting.canvas import Array, Scale
from plotting.compare_panels import Compared, Surfaces
from plotting.diffuse_likelihood import CONTOURS
from plotting.drawn import DrawnFigure
from plotting.fit_view import FitView
from plotting.published import source_name
from plotting.symbols import E2_FLUX_UNIT, axis_label, symbol
from records.diffuse import SpectrumResult
from records.results import ScanResult

Draw = Callable[[], DrawnFigure]

FIRST = ("astro_norm", "astro_gamma")  # panels in this order, others behind
NEAR = 4.0  # Delta NLL of either surface up to which the difference is drawn: above the 95 % level


def parameters(views: Sequence[FitView]) -> dict[str, Draw]:
    """Every fit with published parameters beside them; nothing where there is none."""
    shown = [view for view in views if view.result.valid and view.result.published]
    return {"compare_fit": partial(_parameters, shown)} if shown else {}


def nuisances(fit: FitView) -> dict[str, Draw]:
    """Nuisance parameters of a fit beside the published best fit, in units of their priors."""
    names = _published_nuisances(fit)
    return {"compare_nuisances": partial(_nuisances, fit, names)} if names else {}


def surfaces(fit: FitView) -> dict[str, Draw]:
    """A scan less the external one, where they could be compared."""
    found = fit.others.get("scan")
    if not isinstance(found, ScanResult) or not found.comparison or not found.external or "x" not in found.external:
        return {}
    return {"compare_scan": partial(_surfaces, fit, found)}


def segments(fit: FitView) -> dict[str, Draw]:
    """The flux in segments beside the published one."""
    found = fit.others.get("segments")
    return {"compare_segments": partial(_segments, fit, found)} if isinstance(found, SpectrumResult) and found.valid and found.published else {}


def _parameters(views: Sequence[FitView]) -> DrawnFigure:
    names = sorted({name for view in views for name in view.result.published}, key=lambda one: (FIRST.index(one) if one in FIRST else 9, one))
    compared = []
    for name in names:
        published = next(view.result.published[name] for view in views if name in view.result.published)
        ours = [number(view.result.parameters[name]) if view.result.published.get(name) == published else None for view in views]
        differences = [np.nan if one is None else sided_difference(one, published) for one in ours]
        compared.append(Compared(axis_label(name), published, ours, differences))
    first = views[0]
    source = source_name(first.inputs.published.data) if first.inputs.published else ""
    return compare_panels.parameters([view.name for view in views], compared, source, style=first.style, caption=first.caption)


def _published_nuisances(fit: FitView) -> list[str]:
    """Nuisance parameters with a prior that the published best fit has too."""
    reference = fit.inputs.published
    if reference is None or not fit.result.valid or not_comparable(fit.options):
        return []
    with_prior = {one.name for one in fit.prepared.nll.parameters if one.prior is not None and one.name not in fit.result.published}
    return [name for name, one in fit.result.parameters.items() if name in with_prior & set(reference.best_fit) and not one.fixed]


def _nuisances(fit: FitView, names: Sequence[str]) -> DrawnFigure:
    assert fit.inputs.published is not None
    priors = {one.name: one.prior for one in fit.prepared.nll.parameters}
    ours, errors, published = [], [], []
    for name in names:
        prior, one = priors[name], fit.result.parameters[name]
        assert prior is not None
        ours.append(prior.pull(one.value))
        errors.append(one.error / prior_sigma(prior, one.value))
        published.append(prior.pull(fit.inputs.published.best_fit[name]))
    return compare_panels.nuisances(
        [symbol(name) for name in names], np.array(ours), np.array(errors), np.array(published), style=fit.style, caption=fit.caption
    )


def _surfaces(fit: FitView, found: ScanResult) -> DrawnFigure:
    assert found.external is not None
    x, y, theirs = (np.asarray(found.external[key], float) for key in ("x", "y", "delta_nll"))
    ours, published = Surface(found.x, found.y, found.delta_nll), Surface(x, y, theirs)
    at = np.meshgrid(x, y, indexing="ij")
    inside = (at[0] >= ours.x[0]) & (at[0] <= ours.x[-1]) & (at[1] >= ours.y[0]) & (at[1] <= ours.y[-1])
    mine = np.where(inside, np.minimum(ours.at(*at), CEILING), np.nan)
    both = {"This fit": found.contours, "Published": found.external["contours"]}
    kept = {label: {level: lines[level] for level in CONTOURS if lines.get(level)} for label, lines in both.items()}
    best = {"This fit": found.best, "Published": published.minimum()[:2]}
    (x_low, x_high), (y_low, y_high) = _around(kept)
    scales = (Scale(axis_label(found.x_name), limits=(x_low, x_high)), Scale(axis_label(found.y_name), limits=(max(y_low, 0.0), y_high)))
    words = (
        f"IoU 68 %: {found.comparison['iou_68']:.2f}, 95 %: {found.comparison['iou_95']:.2f}",
        f"rms difference {found.comparison['rms_delta_nll']:.2f}, published < 5",
    )
    return compare_panels.surfaces(Surfaces(x, y, mine, theirs, kept, best), *scales, NEAR, words, style=fit.style, caption=fit.caption)


def _around(contours: dict[str, dict[str, list[list[tuple[float, float]]]]]) -> list[tuple[float, float]]:
    points = np.concatenate([np.asarray(line) for found in contours.values() for lines in found.values() for line in lines])
    margin = 0.12 * np.ptp(points, axis=0)
    return [(float(low), float(high)) for low, high in zip(points.min(axis=0) - margin, points.max(axis=0) + margin, strict=True)]


def _segments(fit: FitView, found: SpectrumResult) -> DrawnFigure:
    value, low, high = (np.asarray(one) / UNIT_GEV_CM2_S_SR for one in (found.e2_flux, found.low, found.high))
    ours: Array = np.column_stack([value, value - low, high - value])
    published = np.asarray(found.published) / UNIT_GEV_CM2_S_SR
    pulls = agreement(found)
    return compare_panels.segments(
        np.asarray(found.edges_gev), ours, published, np.array([pulls[i] for i in range(len(value))]), rf"10$^{{-8}}$ {E2_FLUX_UNIT}",
        f"Published, {source_name(found.published_source)}", style=fit.style, caption=fit.caption,
    )  # fmt: skip
