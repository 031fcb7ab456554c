"""What the likelihood of a ``diffuse`` fit looks like: contours, profiles, critical values, correlations, pulls, toys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from fits.priors import prior_sigma
from plotting import curves, matrix, toys
from plotting.canvas import Array, Scale
from plotting.contour import Points, Region, contour
from plotting.curves import Critical, Published
from plotting.diffuse_samples import contours_alone
from plotting.drawn import DrawnFigure
from plotting.fit_view import FitView
from plotting.published import source_name
from plotting.symbols import axis_label, of_sample, symbol, with_error
from records.results import FeldmanCousinsResult, GoodnessOfFit, HypothesisTest, ProfileResult, ScanResult, ToysResult

Draw = Callable[[], DrawnFigure]

CONTOURS = ("0.6827", "0.9545")
RANGES = {"astro_gamma": (1.7, 3.8), "astro_norm": (0.0, 15.0)}
PROJECTIONS = {"all": "All bins", "energy": "Energy", "zenith": "Zenith", "topology": "Topology"}
MODELS = {
    "power_law": "power law", "log_parabola": "log-parabola", "cutoff": "power law with cut-off", "broken_power_law": "broken power law",
    "segmented": "segments",
}  # fmt: skip


def contours(fit: FitView) -> dict[str, Draw]:
    """The two-dimensional scan beside the published one."""
    return {"contour": partial(_contour, fit, fit.others["scan"])} if "scan" in fit.others else {}


def profiles(fit: FitView) -> dict[str, Draw]:
    """One figure for each profiled parameter."""
    found = {name.removeprefix("profile."): result for name, result in fit.others.items() if name.startswith("profile.")}
    return {f"profile_{'_'.join(filter(None, of_sample(name)))}": partial(_profile, fit, result) for name, result in found.items()}


def feldman_cousins(fit: FitView) -> dict[str, Draw]:
    """Critical values beside the data's test statistic, a figure for each parameter."""
    return {name.replace(".", "_"): partial(_feldman_cousins, fit, result) for name, result in _unified(fit).items()}


def _unified(fit: FitView) -> dict[str, FeldmanCousinsResult]:
    return {name: result for name, result in fit.others.items() if isinstance(result, FeldmanCousinsResult)}


def correlation(fit: FitView) -> dict[str, Draw]:
    """The correlation matrix of the parameters that were free."""
    return {"correlation": partial(_correlation, fit)} if fit.result.valid and len(_free(fit)) > 1 else {}


def pulls(fit: FitView) -> dict[str, Draw]:
    """Pulls of the parameters with a prior."""
    return {"pulls": partial(_pulls, fit)} if fit.result.valid and _constrained(fit) else {}


def toy_pulls(fit: FitView) -> dict[str, Draw]:
    """Pulls of toys beside the unit Gaussian."""
    return {"toys": partial(_toys, fit, fit.others["toys"])} if "toys" in fit.others and fit.others["toys"].valid else {}


def goodness(fit: FitView) -> dict[str, Draw]:
    """Goodness of fit of the data and of toys."""
    return {"gof": partial(_goodness, fit, fit.others["gof"])} if "gof" in fit.others else {}


def hypothesis_test(fit: FitView) -> dict[str, Draw]:
    """The test statistic of a wider model in toys and data; nothing without either."""
    return {"test": partial(_test, fit, fit.others["test"])} if "test" in fit.others and fit.others["test"].valid else {}


def _contour(fit: FitView, scan: ScanResult) -> DrawnFigure:
    others, points, external = contours_alone(fit), [], scan.external or {}
    ours = Region("Joint fit" if others else "This fit", {level: scan.contours[level] for level in CONTOURS if scan.contours.get(level)}, scan.best)
    if external.get("contours"):
        label = f"Scan, {source_name(_asked(fit, 'compare') or str(external.get('source', 'external')))}"
        others.append(Region(label, {level: external["contours"][level] for level in CONTOURS if external["contours"].get(level)}))
    if external.get("contour_points"):
        label = f"Published 68 %, {source_name(_asked(fit, 'compare_contour') or 'external')}"
        points.append(Points(label, *np.asarray(external["contour_points"], float).T))
    if {scan.x_name, scan.y_name} <= set(fit.result.published):
        x, y = fit.result.published[scan.x_name], fit.result.published[scan.y_name]
        others.append(Region("Published value, 68 % errors", {}, (x[0], y[0]), (x[1:], y[1:])))
    scales = [Scale(axis_label(name), limits=RANGES.get(name)) for name in (scan.x_name, scan.y_name)]
    text = [] if scan.holds_best else ["Best fit outside the scanned grid"]
    return contour(ours, *scales, others=others, points=points, text=text, style=fit.style, caption=fit.caption)


def _asked(fit: FitView, key: str) -> str | None:
    return None if fit.options.scan is None else getattr(fit.options.scan, key)


def _profile(fit: FitView, result: ProfileResult) -> DrawnFigure:
    name = result.parameter
    published = Published(*fit.result.published[name]) if name in fit.result.published else None
    unified = [one for one in _unified(fit).values() if one.parameter == name]
    return curves.profile(
        Scale(axis_label(name)), np.asarray(result.x), np.asarray(result.delta_nll), intervals=[result.interval_68, result.interval_95],
        critical=_critical(unified[0]) if unified else (), published=published,
        text=[line for line in fit.text() if line.startswith(symbol(name))], style=fit.style, caption=fit.caption,
    )  # fmt: skip


def _critical(result: FeldmanCousinsResult) -> list[Critical]:
    grid = np.asarray(result.grid)
    return [
        Critical(float(level), grid, np.asarray(values), np.asarray(result.critical_error[level]), result.interval[level])
        for level, values in result.critical.items()
    ]


def _feldman_cousins(fit: FitView, result: FeldmanCousinsResult) -> DrawnFigure:
    words = [f"{result.n_toys} toys at each point"] + ([f"{result.n_failed} failed"] if result.n_failed else [])
    return curves.feldman_cousins(
        Scale(axis_label(result.parameter)), np.asarray(result.ts_data), _critical(result), text=words, style=fit.style, caption=fit.caption
    )


def _free(fit: FitView) -> list[str]:
    return [name for name, parameter in fit.result.parameters.items() if not parameter.fixed]


def _correlation(fit: FitView) -> DrawnFigure:
    names = list(fit.result.parameters)
    kept = [names.index(name) for name in _free(fit)]
    table = np.asarray(fit.result.correlation, float)[np.ix_(kept, kept)]
    return matrix.correlation([symbol(name) for name in _free(fit)], table, style=fit.style, caption=fit.caption)


def _constrained(fit: FitView) -> list[str]:
    return [name for name, parameter in fit.result.parameters.items() if parameter.pull is not None and not parameter.fixed]


def _pulls(fit: FitView) -> DrawnFigure:
    names = _constrained(fit)
    priors = {one.name: one.prior for one in fit.prepared.nll.parameters}
    values = np.array([fit.result.parameters[name].pull for name in names], float)
    errors = np.array([fit.result.parameters[name].error / prior_sigma(priors[name], fit.result.parameters[name].value) for name in names])
    return matrix.pulls([symbol(name) for name in names], values, errors, style=fit.style, caption=fit.caption)


def _toys(fit: FitView, result: ToysResult) -> DrawnFigure:
    sets = [
        toys.PullSet(symbol(name), pulls_of(result, name), mean, result.pull_width[name], result.near_bound.get(name, 0.0))
        for name, mean in result.pull_mean.items()
    ]
    return toys.toy_pulls(sets, style=fit.style, caption=fit.caption)


def pulls_of(result: ToysResult, name: str) -> Array:
    """(fit - truth) / error of one parameter in each valid toy."""
    values, errors = np.asarray(result.values[name], float), np.asarray(result.errors[name], float)
    return np.divide(values - result.truth[name], errors, out=np.full(len(values), np.nan), where=errors > 0.0)


def _goodness(fit: FitView, result: GoodnessOfFit) -> DrawnFigure:
    sets = [
        toys.Goodness(PROJECTIONS.get(name, name), observed, np.asarray(result.toys[name]), result.p_value[name], result.p_error[name])
        for name, observed in result.observed.items()
    ]
    return toys.goodness(sets, "Saturated Poisson statistic", style=fit.style, caption=fit.caption)


def _test(fit: FitView, result: HypothesisTest) -> DrawnFigure:
    null, wider = (MODELS.get(name, name) for name in (result.null, result.alternative))
    text = (f"{wider.capitalize()} against {null}", f"p = {with_error(result.p_toys, result.p_toys_error)} (toys), {result.p_chi2:.2g} (asymptotic)")
    failed = (f"{result.n_failed} toys failed",) if result.n_failed else ()
    return toys.likelihood_ratio(
        np.asarray(result.ts_toys), result.ts, result.degrees_of_freedom, text=text + failed, style=fit.style, caption=fit.caption
    )
