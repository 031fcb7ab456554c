"""What the terminal shows of the results of ``stopping_muons`` and of unfolding: (quantity, value, published value) of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from records import stopping_muons as muons
from records.unfolding import ClosureTable, FluxSpectrum, RegularisationScan, UnfoldedSpectrum
from records.value import Parameter

Row = tuple[str, str, str]
INVALID = "INVALID"


def of_spectrum(result: UnfoldedSpectrum) -> list[Row]:
    """Strength of the prior, what it leaves, nuisances, convergence; events of every bin with errors."""
    if not result.valid:
        return [(INVALID, result.reason, "")]
    tau = result.settings.tau
    shown: list[Row] = []
    if result.method in ("map", "mcmc"):
        shown.append(("tau", "none" if tau is None else ", ".join(f"{one:.3g}" for one in dict.fromkeys(tau)), ""))
        shown += [(f"events {_bin(result.edges, j)}", _event(result, j), "") for j in range(len(result.f))]
    shown += [(name, _value(one), "") for name, one in result.nuisances.items()]
    if result.convergence is not None:
        one = result.convergence
        reached = f"{one.steps} steps, autocorrelation {one.tau_steps:.0f}, {one.effective_samples:.0f} effective samples, R-hat {one.r_hat:.4f}"
        shown.append(("chains", reached, ""))
    return [*shown, ("observed", f"{result.n_observed:g} events", ""), *(("note", note, "") for note in result.notes)]


def _event(result: UnfoldedSpectrum, j: int) -> str:
    if result.unconstrained[j]:
        return f"< {result.upper_limit[j]:.4g} at 90 %"
    return f"{result.f[j]:.5g} [{result.lower[j]:.5g}, {result.upper[j]:.5g}]"


def of_flux(result: FluxSpectrum) -> list[Row]:
    """Flux and total error of every bin."""
    partial = " (from an incomplete run)" if result.partial else ""
    shown = [("unit", f"{result.unit}, method {result.method}{partial}", "")]
    for j, value in enumerate(result.flux):
        variance = sum(one[j][j] for one in result.covariances.values())
        shown.append((_bin(result.edges, j), f"{value:.4g} \u00b1 {math.sqrt(max(variance, 0.0)):.2g}", ""))
    return shown


def of_scan(result: RegularisationScan) -> list[Row]:
    """What the rule chose."""
    found = f"{result.chosen:.3g}" if math.isfinite(result.chosen) else f"none: {result.reason}"
    tried = f"{sum(result.allowed)} of {len(result.tau)} from {result.tau[0]:.3g} to {result.tau[-1]:.3g}"
    return [(f"tau by rule {result.rule}", found, ""), ("allowed", tried, "")]


def of_closure(result: ClosureTable) -> list[Row]:
    """Coverage, pulls, bias over all bins."""
    low, high = min(result.coverage), max(result.coverage)
    toys = f"{result.n_valid} of {result.n_toys} pseudo-experiments"
    bias = max(result.median_bias, key=abs)
    return [
        ("coverage", f"{_mean(result.coverage):.3f}, bins {low:.2f} ... {high:.2f} ({toys})", ""),
        ("pull width", f"{_mean(result.pull_width):.2f}", ""),
        ("largest median bias", f"{bias:+.1%}", ""),
        *((reason, f"{count} pseudo-experiments", "") for reason, count in result.failures.items()),
    ]


def of_area(result: muons.EffectiveArea) -> list[Row]:
    """Area and error of every bin."""
    values = zip(result.area_m2, result.error_m2, strict=True)
    return [(_bin(result.edges, j), f"{area:.4g} \u00b1 {error:.2g} m\u00b2", "") for j, (area, error) in enumerate(values)]


def of_response(result: muons.ResponseSummary) -> list[Row]:
    """Size and condition of the response."""
    return [("bins", f"{len(result.matrix)} measured, {len(result.matrix[0])} true, condition number {result.condition_number:.3g}", "")]


def of_templates(result: muons.TemplateSummary) -> list[Row]:
    """Which parameters there are, and how many sets each has."""
    sets = {name: len(result.points.get(name, [])) for name in result.curves}
    return [(name, f"{count} discrete sets" if count else "a set in which it varies from event to event", "") for name, count in sets.items()]


def of_fit(result: muons.SpectrumFit) -> list[Row]:
    """Parameters beside the truth where it is known, and chi-square."""
    shown = [] if result.valid else [(INVALID, result.reason, "")]
    for name, one in result.parameters.items():
        shown.append((name, _value(one), f"true {result.truth[name]:.4g}" if name in result.truth else ""))
    shown.append(("chi2", f"{result.chi2:.1f} for {result.ndf}, p = {result.p_value:.2g}; correlation {result.correlation:+.2f}", ""))
    return [*shown, *(("note", note, "") for note in result.notes)]


def of_sectors(result: muons.SectorComparison) -> list[Row]:
    """Chi-square of the sectors against the full result, and what statistics do not explain, by bin."""
    rows = zip(result.chi2, result.systematic, result.mean, strict=True)
    return [
        (_bin(result.edges, j), f"chi2 {chi2:.1f}, systematic {100 * part / mean:.1f} %" if mean == mean else "not seen by every sector", "")
        for j, (chi2, part, mean) in enumerate(rows)
    ]


def of_theory(result: muons.TheorySpectrum) -> list[Row]:
    """Whose it is."""
    return [("spectrum", f"{result.name}, {len(result.flux)} bins in {result.unit}", "")]


def of_score(result: muons.ScorePerformance) -> list[Row]:
    """Area under the ROC curve and suggested cut."""
    return [("AUC", f"{result.auc:.4f} \u00b1 {result.auc_error:.4f}", ""), ("suggested cut", f"{result.suggested_cut:.3g}", "")]


def of_multiplicity(result: muons.Multiplicity) -> list[Row]:
    """Share of single muons by cut."""
    return [(f"single muons, score \u2265 {cut:g}", f"{share[0]:.1%}", "") for cut, share in zip(result.cut, result.share, strict=True)]


def of_correlation(result: muons.CorrelationSummary) -> list[Row]:
    """Pearson's and Spearman's."""
    return [("correlation", f"{result.pearson:.3f} (Pearson), {result.spearman:.3f} (Spearman)", "")]


def of_agreement(result: muons.DataMcAgreement) -> list[Row]:
    """Rates and chi-square."""
    rates = f"{result.rate_data_hz:.4g} Hz in data, {result.rate_mc_hz:.4g} Hz simulated"
    return [("rates", rates, ""), ("chi2", f"{result.chi2:.1f} for {result.ndf}, p = {result.p_value:.2g}", "")]


def of_information(result: muons.MutualInformation) -> list[Row]:
    """Nats of each proxy."""
    return [
        (f"{proxy} on {target}", f"{value:.3f} \u00b1 {result.error[target][proxy]:.3f} nats", "")
        for target, proxies in result.nats.items()
        for proxy, value in proxies.items()
    ]


def _bin(edges: Sequence[float], j: int) -> str:
    return f"{edges[j]:.4g} ... {edges[j + 1]:.4g}"


def _value(one: Parameter) -> str:
    bound = " (at its bound)" if one.at_bound else ""
    return f"{one.value:.4g} \u00b1 {one.error:.2g} {one.unit}".rstrip() + bound


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


ROWS: dict[type, Callable[[Any], list[Row]]] = {
    UnfoldedSpectrum: of_spectrum, FluxSpectrum: of_flux, RegularisationScan: of_scan, ClosureTable: of_closure,
    muons.EffectiveArea: of_area, muons.ResponseSummary: of_response, muons.TemplateSummary: of_templates, muons.SpectrumFit: of_fit,
    muons.SectorComparison: of_sectors, muons.TheorySpectrum: of_theory, muons.ScorePerformance: of_score, muons.Multiplicity: of_multiplicity,
    muons.CorrelationSummary: of_correlation, muons.DataMcAgreement: of_agreement, muons.MutualInformation: of_information,
}  # fmt: skip
