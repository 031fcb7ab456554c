"""What the terminal shows of the studies of ``diffuse``: (quantity, value, published value) of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from records.diffuse_predictive import PredictiveResult
from records.diffuse_studies import AsimovStudy, ComparedModel, EventTable, ImpactResult, ModelComparison, PosteriorResult
from records.surrogate_study import SurrogateStudy, SurrogateVariation
from records.value import Parameter

Row = tuple[str, str, str]
HIGHEST = 10  # events shown
FLAVOURS = ("e", "mu", "tau")
LARGEST = 5  # variations of the surrogate shown


def of_impacts(result: ImpactResult) -> list[Row]:
    """Shifts of each parameter of interest, the largest first."""
    shown = []
    for name, error in result.errors.items():
        for nuisance in result.ranked(name):
            one = result.impacts[nuisance]
            shown.append((f"{name} by {nuisance}", f"{one.shift_down[name]:+.3g} {one.shift_up[name]:+.3g} (error {error:.3g})", ""))
    return shown + [("FAILED", one, "") for one in result.failed]


def of_events(result: EventTable) -> list[Row]:
    """How many events are astrophysical, and those of the highest deposited energies."""
    shown = [("events", f"{len(result.channel)}, {result.expected_signal:.1f} of them astrophysical", "")]
    if result.n_unexplained:
        shown.append(("not explained", f"{result.n_unexplained} in bins without expectation", ""))
    deposited = result.deposited_gev
    for i in sorted(range(len(result.channel)), key=lambda i: -deposited[i])[:HIGHEST]:
        low, median, high = (result.true_energy_gev[share][i] / 1e3 for share in ("0.16", "0.5", "0.84"))
        shown.append((_event(result, i), f"signalness {result.signalness[i]:.3f}, neutrino {median:.3g} TeV [{low:.3g}, {high:.3g}]", ""))
    return shown


def _event(result: EventTable, i: int) -> str:
    """Which event, by what is known of it."""
    if not result.identified:
        return f"{result.channel[i]}, {result.energy_low_gev[i] / 1e3:.4g}-{result.energy_high_gev[i] / 1e3:.4g} TeV"
    file = f"{result.file[i]} " if len(set(result.file)) > 1 else ""
    return f"{file}entry {result.entry[i]}: {result.channel[i]}, {result.energy_gev[i] / 1e3:.4g} TeV, cos zenith {result.coszen[i]:+.2f}"


def of_exposures(result: AsimovStudy) -> list[Row]:
    """Expected errors of the norm and the index by exposure."""
    shown = []
    for one in result.exposures:
        head = f"livetime x {one.factor:g}"
        if not one.valid:
            shown.append((head, f"INVALID: {one.reason}", ""))
            continue
        errors = ", ".join(f"{name} {_errors(one.parameters[name])}" for name in one.parameters if one.parameters[name].minos)
        without = "not tested, its fit failed" if math.isnan(one.significance) else f"{one.significance:.1f} sigma"
        shown.append((head, f"{errors}; no flux: {without}", ""))
    return shown


def of_models(result: ModelComparison) -> list[Row]:
    """A row for each spectrum."""
    shown = [(name, _model(one, result.models[result.null].nll), "") for name, one in result.models.items()]
    return shown + ([("FAILED", result.reason, "")] if result.reason else [])


def of_posterior(result: PosteriorResult) -> list[Row]:
    """Median with central intervals, and how well the chains have mixed."""
    shown = []
    for name in result.names:
        low, high = result.intervals["0.6827"][name]
        shown.append((name, f"{result.median[name]:.4g}, 68 %: [{low:.4g}, {high:.4g}]", ""))
    chains = f"{result.effective_samples:.0f} effective samples, R-hat {result.r_hat:.4f}, acceptance {result.acceptance:.2f}"
    return [*shown, ("chains", f"{result.walkers} walkers, {result.steps} steps, tau {result.tau_steps:.0f}; {chains}", "")]


def of_predictive(result: PredictiveResult) -> list[Row]:
    """How well the data lie within what is predicted, for each projection."""
    shown = []
    for name, one in result.projections.items():
        inside = f"{one.outside_95} of {len(one.observed)} bins outside 95 %, p = {one.p_value:.2f}" if one.observed else "no data"
        shown.append((f"{name} ({result.source})", inside, ""))
    return shown


def of_surrogate(result: SurrogateStudy) -> list[Row]:
    """Shifts in quadrature by group beside the errors of the fit, the variations that move it most, and those that failed."""
    shown = [] if result.valid else [("INVALID", result.reason, "")]
    for name, error in result.errors.items():
        parts = [f"{group} {result.together(choices, name):.2g}" for group, choices in result.groups.items()]
        shown.append((f"{name}, all choices", f"\u00b1 {result.total(name):.2g} (error {error:.2g}): {', '.join(parts)}", ""))
    if result.composition is not None:
        moved = [
            f"{name} {best:.2f} \u00b1 {result.composition_shift(k):.2f}"
            for k, (name, best) in enumerate(zip(FLAVOURS, result.composition, strict=True))
        ]
        shown.append(("composition, all choices", ", ".join(moved), ""))
    order = sorted((one for one in result.variations if one.valid), key=lambda one: -_largest(one, result.errors))
    shown += [(f"{one.choice}: {one.change}", _shifts(one, result.errors), "") for one in order[:LARGEST]]
    return shown + [(f"{one.choice}: {one.change}", f"FAILED: {one.reason}", "") for one in result.variations if not one.valid]


def _largest(one: SurrogateVariation, errors: Mapping[str, float]) -> float:
    return max((abs(one.shift[name]) / error for name, error in errors.items() if error > 0.0), default=0.0)


def _shifts(one: SurrogateVariation, errors: Mapping[str, float]) -> str:
    moved = [f"{name} {one.shift[name]:+.2g} (error x {one.error[name] / error:.3f})" for name, error in errors.items()]
    return f"{', '.join(moved)}, -ln L {one.delta_nll:+.2f}"


def _errors(one: Parameter) -> str:
    down, up = one.minos or (-one.error, one.error)
    sides = [max(down, up, key=abs)] if one.at_bound else [down, up]
    return " ".join(f"{side:+.2g}" for side in sides)


def _model(one: ComparedModel, null: float) -> str:
    if not one.valid:
        return f"INVALID: {one.reason}"
    shown = f"-ln L {one.nll:.3f} ({one.nll - null:+.3f}), AIC {one.aic:.2f}, {one.n_free} parameters"
    if math.isnan(one.ts):  # of the null, or of a failed test
        return shown
    return f"{shown}, TS {one.ts:.2f}, {_p_value(one)}"


def _p_value(one: ComparedModel) -> str:
    if not math.isnan(one.p_toys):
        return f"p = {one.p_toys:.3f} \u00b1 {one.p_toys_error:.3f}"
    return f"p = {one.p_chi2:.3f} (asymptotic)" if one.nested else "not nested: p needs toys"


ROWS: dict[type, Callable[[Any], list[Row]]] = {
    ImpactResult: of_impacts,
    EventTable: of_events,
    AsimovStudy: of_exposures,
    ModelComparison: of_models,
    PosteriorResult: of_posterior,
    PredictiveResult: of_predictive,
    SurrogateStudy: of_surrogate,
}
