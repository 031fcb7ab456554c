"""Short tables for the terminal: what was processed, what was fitted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from records import diffuse_summary, gain_summary, muon_summary, study_summary
from records import results as kinds
from records.comparison import ComparisonReport
from records.dark_matter import CombinationResult, ReferenceModeResult
from records.iwcd_fits import ProfileCurve, Saturated
from records.performance import Rate
from records.samples import Distribution

if TYPE_CHECKING:
    from rich.table import Table

LONGEST = 6  # decimals of a value
Row = tuple[str, str, str]


def account_table(processing: Mapping[str, Any]) -> Table:
    """Data sets, files and entries of the content of ``processing.json``."""
    table = _table("data set", "kind", "files", "entries", "processed")
    for name, dataset in processing["datasets"].items():
        share = "all" if dataset["fraction"] == 1 else f"{dataset['processed']:,} ({dataset['fraction']:.1%})"
        unopened = f" ({dataset['unopened']} not opened)" if dataset.get("unopened") else ""
        table.add_row(name, dataset["kind"], f"{dataset['files']}{unopened}", f"{dataset['expected']:,}", share)
    return table


def batch_table(jobs: Sequence[tuple[str, str, str, str]]) -> Table:
    """Jobs of a batch: number, state, finished tasks of all, and why a job is not done."""
    table = _table("job", "state", "tasks", "reason")
    for job in jobs:
        table.add_row(*job)
    return table


def results_table(results: Mapping[str, Any]) -> Table:
    """One row for each parameter of each fit and for each further result; a column of published values where there are any."""
    shown = {name: rows(result) for name, result in results.items()}
    compared = any(published for found in shown.values() for *_, published in found)
    table = _table("result", "quantity", "value", *(["published"] if compared else []))
    for name, found in shown.items():
        for row in found:
            table.add_row(name, *(row if compared else row[:2]))
            name = ""
    return table


def _table(*columns: str) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    for column in columns:
        table.add_column(column)
    return table


@singledispatch
def rows(result: Any) -> list[Row]:
    """(quantity, value, published value) of a result, ready to be shown."""
    return [("", type(result).__name__, "")]


@rows.register
def _(result: kinds.FitResult) -> list[Row]:
    head = [] if result.valid else [("INVALID", result.reason, "")]
    shown = [(name, _with_errors(parameter), as_published(result.published.get(name))) for name, parameter in result.parameters.items()]
    partial = " (from an incomplete run)" if result.partial else ""
    observed = f"{result.n_observed:g} events in {result.n_bins} bins{_without_simulation(result)}{partial}"
    return [*head, *shown, ("observed", observed, ""), ("-ln L", f"{result.nll:.4f}", "")]


@rows.register
def _(result: kinds.ScanResult) -> list[Row]:
    outside = "" if result.holds_best else " (OUTSIDE the grid: widen x_grid, y_grid)"
    rows = [(f"{result.x_name}, {result.y_name}", f"minimum at {result.best[0]:.4g}, {result.best[1]:.4g}{outside}", "")]
    if result.comparison:
        rows.append(("published scan", _compared(result.comparison), ""))
    if result.n_failed:
        rows.append(("not converged", f"{result.n_failed} of {len(result.x) * len(result.y)} points", ""))
    return rows + [("not compared", reason.splitlines()[0], "") for reason in result.not_compared]


@rows.register
def _(result: ComparisonReport) -> list[Row]:
    """None here: the report is a table of its own (``records.comparison_table``)."""
    return []


@rows.register
def _(result: kinds.ProfileResult) -> list[Row]:
    rows = [(result.parameter, f"68 %: {_range(result.interval_68, result.x)}, 95 %: {_range(result.interval_95, result.x)}", "")]
    return rows + ([("not converged", f"{result.n_failed} of {len(result.x)} points", "")] if result.n_failed else [])


@rows.register
def _(result: kinds.ToysResult) -> list[Row]:
    bounds = {name: f", {fraction:.1%} at a bound" if fraction else "" for name, fraction in result.near_bound.items()}
    pulls = [
        (f"pull of {name}", f"mean {mean:+.3f}, width {result.pull_width[name]:.3f}{bounds.get(name, '')}", "")
        for name, mean in result.pull_mean.items()
    ]
    head = [("toys", f"{result.n_valid} of {result.n_requested} valid", "")]
    return [*head, *pulls] if result.valid else [("FAILED", result.reason, "")]


@rows.register
def _(result: kinds.GoodnessOfFit) -> list[Row]:
    return [(f"p-value ({axes})", f"{p:.3f} \u00b1 {result.p_error.get(axes, float('nan')):.3f}", "") for axes, p in result.p_value.items()]


@rows.register
def _(result: kinds.FeldmanCousinsResult) -> list[Row]:
    rows = [(f"{result.parameter} at {float(level):.2%}", _range(interval, result.grid), "") for level, interval in result.interval.items()]
    return rows + [("left out", f"{result.parameter} = {value:g}: no fit to the data or to any toy converged", "") for value in result.failed_points]


@rows.register
def _(result: kinds.LimitResult) -> list[Row]:
    expected = f" (expected {result.expected['0']:.4g})" if result.expected and "0" in result.expected else ""
    found = "no limit: a fit with the parameter held did not converge" if math.isnan(result.observed) else f"< {result.observed:.4g} {result.unit}"
    rows = [(result.parameter, f"{found} at {result.cl:.0%}{expected}", "")]
    return rows + ([("not expected", result.not_expected, "")] if result.not_expected else [])


@rows.register
def _(result: kinds.HypothesisTest) -> list[Row]:
    rows = [] if result.valid else [("FAILED", result.reason, "")]
    if math.isnan(result.ts):
        return rows
    p = f"p = {result.p_chi2:.3f} (asymptotic)" if math.isnan(result.p_toys) else f"p = {result.p_toys:.3f} \u00b1 {result.p_toys_error:.3f}"
    return [*rows, (f"{result.alternative} against {result.null}", f"TS {result.ts:.2f}, {p}", "")]


@rows.register
def _(result: kinds.PerformanceResult) -> list[Row]:
    """Recall of each class, what the scores allow, and the two questions on position."""
    found = result.confusion
    shown = [(f"recall {name}", _rate(rate), "") for name, rate in zip(found.classes, found.recall, strict=True)]
    shown += [("accuracy", _rate(found.accuracy), f"{result.n_events} events{_partial(result.partial)}"), ("pairing", result.join.proof, "")]
    shown += [(f"AUC {'+'.join(one.signal)} / {one.background}", f"{one.auc:.4f} \u00b1 {one.auc_error:.4f}", "") for one in result.roc]
    for point in result.working_points:
        shown.append((f"efficiency at {point.rejection:.1%} rejection of {point.background}", _rate(point.efficiency), ""))
    shown += [("position", result.position.sentence, "")] if result.position is not None else []
    shown += [("mirror", result.mirror.sentence, "")] if result.mirror is not None else []
    return [*shown, *_notes(result.notes)]


@rows.register
def _(result: kinds.DiscriminantResult) -> list[Row]:
    shown = [("events", f"{result.n_selected} of {result.n_events} selected{_partial(result.partial)}", result.preselection)]
    for one in result.models:
        published = ", ".join(f"{name} {value:.4g}" for name, value in one.published.items())
        shown.append((f"AUC {one.pair[0]} / {one.pair[1]}, {one.model}", f"{one.auc:.4f} \u00b1 {one.auc_error:.4f}", published))
        shown += [("WARNING", one.warning, "")] if one.warning else []
    return [*shown, *_notes(result.notes)]


@rows.register
def _(result: kinds.FractionsResult) -> list[Row]:
    """Events of each group with errors, or with profile intervals where errors are withheld."""
    shown = [] if result.valid else [("INVALID", result.reason, "")]
    for name, one in result.yields.items():
        value = _profiled(one, result.profiles.get(name)) if result.errors_withheld else _with_errors(one)
        shown.append((f"events of {name}", value, f"true {result.truth[name]:g}" if name in result.truth else ""))
    shown += [(name, _with_errors(one), "") for name, one in result.nuisances.items()]
    shown += [("no symmetric errors", result.errors_withheld, "")] if result.errors_withheld else []
    shown += [("goodness of fit", _goodness(result.goodness), ""), ("observed", f"{result.n_observed} events in {len(result.bins.labels)} bins", "")]
    for name, check in result.crosschecks.items():
        shown.append((f"{name} instead", f"differs by {check.difference:.2g} errors" if check.valid else f"INVALID: {check.reason}", ""))
    return [*shown, *_notes(result.notes)]


@rows.register
def _(result: kinds.FailedFit) -> list[Row]:
    return [("FAILED", result.reason, ""), *_notes(result.notes)]


@rows.register
def _(result: kinds.ScaleResult) -> list[Row]:
    shown = [] if result.valid else [("INVALID", result.reason, "")]
    shown += [(name, _with_errors(one), "") for name, one in result.parameters.items()]
    events = f"{result.n_data} data, {result.n_template} template events{_partial(result.partial)}"
    return [*shown, ("goodness of fit", _goodness(result.goodness), ""), ("observed", events, ""), *_notes(result.notes)]


@rows.register
def _(result: kinds.ResponseResult) -> list[Row]:
    shown = [(f"charge, {name}", _with_errors(one), "") for name, one in result.linearity.parameters.items()]
    shown += [(f"resolution, {name}", _with_errors(one), "") for name, one in result.resolution.parameters.items()]
    fitted = sum(one.valid for one in result.slices)
    shown.append(("linear within", f"{result.largest_deviation:.1%} ({fitted} of {len(result.slices)} slices)", ""))
    return [*shown, ("contained", f"{result.n_contained} of {result.n_events} {result.particle}", result.containment), *_notes(result.notes)]


@rows.register
def _(result: kinds.SampleSummary) -> list[Row]:
    """Events of each particle, their mean and median hits and charges, and how hits follow the energy."""
    shown = []
    for name, one in result.particles.items():
        hits, charge = one.nhits, one.charge_pe
        shown.append((name, f"{one.n} events, {one.selected} selected, {one.zero_hit} without hits{_partial(result.partial)}", ""))
        shown.append(("", f"hits {hits.mean:.0f} \u00b1 {hits.mean_error:.0f}, median {hits.median:.0f}, 5-95 % {_span(hits)}", ""))
        shown.append(("", f"charge {charge.mean:.0f} \u00b1 {charge.mean_error:.0f} p.e., median {charge.median:.0f}, 5-95 % {_span(charge)}", ""))
        shown.append(("", f"hits and energy: Pearson {one.pearson_nhits:.3f}, Spearman {one.spearman_nhits:.3f}", ""))
    return [*shown, *_notes(result.notes)]


def _span(one: Distribution) -> str:
    return f"{one.quantiles['0.05']:.0f}-{one.quantiles['0.95']:.0f}"


@rows.register
def _(result: kinds.GeneratorResult) -> list[Row]:
    """Mean number of hits of each particle beside the real one's, the largest deviation of a slice of energy, shapes of electrons."""
    shown = []
    for name, one in result.particles.items():
        real = f"{one.total_mean_real:.0f} \u00b1 {one.total_mean_real_error:.0f}"
        shown.append((f"mean hits of {name}", f"{one.total_mean:.0f} \u00b1 {one.total_mean_error:.0f}", real))
        slices = f"ratio of means within {one.largest_deviation:.1%} of 1, chi2 {one.chi2:.1f} for {len(one.n)}, p = {one.chi2_p:.2g}"
        shown.append((f"slices of {name}", slices, ""))
        if one.shape is not None:
            shown.append((f"hits of {name}", f"Kolmogorov-Smirnov distance {one.shape.ks_distance:.3f}, p = {one.shape.ks_p:.2g}", ""))
        if one.zero_fraction_real is not None:
            shown.append((f"{name} without hits", f"{one.zero_fraction:.2%}", f"{one.zero_fraction_real:.2%}"))
    return [*shown, *_notes(result.notes)]


@rows.register
def _(result: CombinationResult) -> list[Row]:
    """Window, what can be seen, what is excluded, and the data or that they are blind."""
    limit, reach, unit = result.limit, result.sensitivity, result.unit
    low, high = result.window_gev
    side, factor = (">", "D") if result.mode == "decay" else ("<", "J")
    shown = [
        ("window", f"{low}-{high} GeV, {result.n_events} events, sigma_n {result.sigma_n:.4g}{_partial(result.partial)}", ""),
        ("sensitivity", f"{reach.value:.3g} {unit} ({reach.n:.4g} \u00b1 {reach.n_error:.2g} events)", ""),
        *((f"discovery, {key} sigma", f"{one.value:.3g} {unit} ({one.n:.4g} events)", "") for key, one in result.discovery.items()),
        (f"expected limit, {limit.cl:.0%} {limit.band_method}", f"{side} {limit.band['0']:.3g} {unit} ({factor}: {result.j_nuisance})", ""),
    ]
    if result.observation is None:
        return [*shown, ("observed", "blind", ""), *_notes(result.notes)]
    found = result.observation
    together = "" if math.isnan(found.p_global) else f", global {found.p_global:.3f} \u00b1 {found.p_global_error:.3f}"
    shown.append(("observed", f"{found.n_hat:.4g} events, TS {found.ts:.3f}, p = {found.p:.3f} \u00b1 {found.p_error:.3f}{together}", ""))
    shown.append((f"limit, {limit.cl:.0%} {limit.method}", f"{side} {limit.up:.3g} {unit} ({limit.n_up:.4g} events)", ""))
    return [*shown, *_notes(result.notes)]


@rows.register
def _(result: ReferenceModeResult) -> list[Row]:
    """Trials of the published program's likelihood, and that they are no result."""
    low, high = result.window_gev
    return [
        ("window", f"{low}-{high} GeV, {result.n_events} events of every source{_partial(result.partial)}", ""),
        ("background TS", f"mean {result.ts_mean:.3f}, median {result.ts_median:.3f}, 90 % {result.ts_90:.3f} ({result.n_trials} trials)", ""),
        (f"sensitivity, signal TS {result.signal_ts}", f"{result.sensitivity_n:.4g} injected events", ""),
        ("note", "the published program's likelihood, for validation alone: not a result", ""),
    ]


for kind, of_kind in {**gain_summary.ROWS, **muon_summary.ROWS, **diffuse_summary.ROWS, **study_summary.ROWS}.items():
    rows.register(kind)(of_kind)


def _rate(rate: Rate) -> str:
    return f"{rate.value:.4g} [{rate.low:.4g}, {rate.high:.4g}]"


def _partial(partial: bool) -> str:
    return " (from an incomplete run)" if partial else ""


def _notes(notes: Sequence[str]) -> list[Row]:
    return [("note", note, "") for note in notes]


def _goodness(one: Saturated) -> str:
    p = f"p = {one.p_asymptotic:.3f}" if one.p_toys is None else f"p = {one.p_toys:.3f} ({one.n_toys} toys)"
    return f"-2 ln lambda = {one.statistic:.1f} for {one.degrees_of_freedom}, {p}" if one.degrees_of_freedom > 0 else "no degree of freedom is left"


def _profiled(one: kinds.Parameter, curve: ProfileCurve | None) -> str:
    if curve is None:
        return f"{one.value:.4g}"
    value = f"{one.value:.0f} (at its bound)" if one.at_bound else f"{one.value:.4g}"
    return f"{value}, 68 %: {_range(curve.interval_68, curve.x)}, 95 %: {_range(curve.interval_95, curve.x)}"


def _with_errors(parameter: kinds.Parameter) -> str:
    if parameter.fixed:
        return f"{parameter.value:.4g} (fixed)"
    down, up = parameter.minos or (-parameter.error, parameter.error)
    if parameter.at_bound and parameter.minos is not None:
        return f"{one_sided(parameter.value, up if abs(up) > abs(down) else down)} {parameter.unit}".rstrip() + " (at its bound)"
    bound = " (at its bound)" if parameter.at_bound else ""
    return f"{rounded(parameter.value, down, up)} {parameter.unit}".rstrip() + bound


def one_sided(value: float, error: float) -> str:
    """A value at its bound and the error away from it, to the second digit of that."""
    decimals = 1 - math.floor(math.log10(abs(error))) if 0 < abs(error) < math.inf else -1
    return f"{value:.{decimals}f} {error:+.{decimals}f}" if 0 <= decimals <= LONGEST else f"{value:.4g} {error:+.2g}"


def rounded(value: float, down: float, up: float) -> str:
    """Value and errors to the second digit of the smaller error; in general form where that is too long or an error is 0 or not finite."""
    smaller = min(abs(down), abs(up))
    decimals = 1 - math.floor(math.log10(smaller)) if 0 < smaller < math.inf else -1
    if not (0 <= decimals <= LONGEST and abs(up) < math.inf and abs(down) < math.inf):
        return f"{value:.4g} {down:+.2g} {up:+.2g}"
    return f"{value:.{decimals}f} {down:+.{decimals}f} {up:+.{decimals}f}"


def as_published(published: tuple[float, float, float] | None) -> str:
    """A published value with the digits that it was published with."""
    if published is None:
        return ""
    decimals = max(len(f"{number:g}".partition(".")[2]) for number in published)
    return f"{published[0]:.{decimals}f} {-abs(published[1]):+.{decimals}f} {published[2]:+.{decimals}f}"


def _range(interval: tuple[float, float], grid: Sequence[float]) -> str:
    """An interval in words where it is open because the grid ended before the curve had risen far enough."""
    low, high = interval
    if math.isinf(low) and math.isinf(high):
        return f"open (grid from {grid[0]:.4g} to {grid[-1]:.4g})"
    if math.isinf(low):
        return f"< {high:.4g} (grid begins at {grid[0]:.4g})"
    if math.isinf(high):
        return f"> {low:.4g} (grid ends at {grid[-1]:.4g})"
    return f"[{low:.4g}, {high:.4g}]"


def _without_simulation(result: kinds.FitResult) -> str:
    """What became of data in bins that no simulated event reaches."""
    if not result.dropped_bins:
        return ""
    bins = f"{len(result.dropped_bins)} bins"
    return f", {result.n_dropped:g} in {bins} without simulation left out" if result.n_dropped else f", {bins} without simulation at the floor"


def _compared(comparison: Mapping[str, float]) -> str:
    """Overlap with the regions of a published scan and difference of the curves."""
    regions = ", ".join(f"{share} % {comparison[key]:.2f}" for share, key in ((68, "iou_68"), (95, "iou_95")) if key in comparison)
    difference = f"; rms difference of -ln L {comparison['rms_delta_nll']:.2f}" if "rms_delta_nll" in comparison else ""
    return f"overlap of regions {regions} (intersection over union){difference}"
