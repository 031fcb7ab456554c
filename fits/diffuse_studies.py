"""The studies that follow one fit of ``diffuse``: which are asked for, what each needs, and how their results are named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from configs import diffuse
from configs.errors import InputError
from fits.asimov_exposures import exposure
from fits.diffuse_inputs import Inputs, Prepared
from fits.event_table import event_table
from fits.impacts import impacts
from fits.joint_inputs import JointInputs
from fits.joint_model import JointModel
from fits.minimise import Minimum
from fits.model_comparison import compared_model, null_model
from fits.sampling import posterior
from fits.toys import Execute, Progress
from records.diffuse_studies import AsimovStudy, ComparedModel, EventTable, ModelComparison, PosteriorResult
from records.text_tables import Column, TextTable, save_text_table


@dataclass(frozen=True)
class StudiedFit:
    """One entry of ``fits:`` after its minimum; ``progress`` makes the reporter of a study from its name."""

    inputs: Inputs | JointInputs
    name: str
    options: diffuse.Fit
    prepared: Prepared
    minos: Sequence[str]
    progress: Callable[[str], Progress | None]
    execute: Execute = map


def check(options: diffuse.Fit, inputs: Inputs | JointInputs) -> None:
    """Refuse studies that are not possible with this fit. Messages begin with the key of the fit."""
    if options.events and (options.data == "asimov" or inputs.counts is None):
        raise InputError("events: there are no observed events in this fit; remove the key, or fit a data set of kind data (data: observed)")
    if options.model_comparison is not None and options.model.astro != "power_law":
        raise InputError(
            f"model_comparison: the wider spectra are compared with a power law, not with {options.model.astro}; set model.astro: power_law"
        )
    if options.model_comparison is not None and len(set(options.model_comparison.models)) < len(options.model_comparison.models):
        raise InputError(f"model_comparison.models: {', '.join(options.model_comparison.models)}: each once")


def works(fit: StudiedFit, minimum: Minimum) -> list[Callable[[], dict[str, Any]]]:
    """What the options ask for, to be called: result name (below the fit's) -> result."""
    options = fit.options
    asked: dict[str, tuple[bool, Callable[[], Any]]] = {
        "impacts": (options.impacts, partial(impacts, fit.prepared.nll, minimum)),
        "events": (options.events, partial(_events, fit, minimum)),
        "exposures": (bool(options.asimov_livetimes), partial(_exposures, fit, minimum)),
        "models": (options.model_comparison is not None, partial(_models, fit, minimum)),
        "posterior": (options.posterior is not None, partial(_posterior, fit, minimum)),
    }
    return [partial(_named, name, work) for name, (wanted, work) in asked.items() if wanted]


def save_event_tables(directory: Path, results: Mapping[str, Any]) -> list[Path]:
    """Write every event table as ``<fit>.events.csv`` and ``.tex``; those of earlier fits are removed."""
    found = {name: result for name, result in results.items() if isinstance(result, EventTable)}
    paths = [path for name, result in found.items() for path in save_text_table(directory, name, _text_table(result))]
    for old in [*directory.glob("*.events.csv"), *directory.glob("*.events.tex")]:
        if old not in paths:
            old.unlink()
    return paths


def _named(name: str, work: Callable[[], Any]) -> dict[str, Any]:
    return {name: work()}


def _events(fit: StudiedFit, minimum: Minimum) -> EventTable:
    assert fit.inputs.counts is not None
    assert not isinstance(fit.prepared.whole, JointModel)  # a joint fit has no table of events
    return event_table(fit.prepared.whole, minimum.theta, fit.inputs.counts)


def _exposures(fit: StudiedFit, minimum: Minimum) -> AsimovStudy:
    """Factor 1 first, for comparison."""
    factors = list(dict.fromkeys([1.0, *fit.options.asimov_livetimes]))
    options, found = fit.options.model_copy(update={"data": "asimov"}), []
    for factor in factors:
        longer = fit.inputs.exposed(factor)
        found.append(exposure(longer.prepare(fit.name, options).nll, minimum.values, factor, longer.livetime_s, minos=fit.minos))
    return AsimovStudy(dict(minimum.values), found)


def _models(fit: StudiedFit, minimum: Minimum) -> ModelComparison:
    options = fit.options.model_comparison
    assert options is not None
    rows: dict[str, ComparedModel] = {fit.options.model.astro: null_model(fit.prepared.nll, minimum)}
    for name in options.models:
        wider = fit.options.model_copy(update={"model": fit.options.model.model_copy(update={"astro": name}), "engine": "native"})
        alternative = fit.inputs.prepare(fit.name, wider).nll
        rows[name] = compared_model(
            fit.prepared.nll, minimum, alternative, name, toys=options.toys, seed=fit.inputs.config.seed,
            progress=fit.progress(f"comparison with {name}"), execute=fit.execute,
        )  # fmt: skip
    return ModelComparison(fit.options.model.astro, rows, fit.inputs.config.seed, options.toys)


def _posterior(fit: StudiedFit, minimum: Minimum) -> PosteriorResult:
    assert fit.options.posterior is not None
    return posterior(fit.prepared.nll, minimum, fit.options.posterior, fit.inputs.config.seed, where=f"fits.{fit.name}.posterior")


def _text_table(result: EventTable) -> TextTable:
    columns = [
        Column("topology", result.channel),
        Column("lowest deposited energy", result.energy_low_gev, "GeV", 0),
        Column("highest deposited energy", result.energy_high_gev, "GeV", 0),
        Column("third axis", result.third_axis),
        Column("lowest of third axis", result.third_low, digits=2),
        Column("highest of third axis", result.third_high, digits=2),
        Column("expected in the bin", result.expected, digits=3),
        Column("signalness", result.signalness, digits=3),
    ]
    columns += [Column(f"{float(share):.0%} true energy", values, "GeV", 0) for share, values in result.true_energy_gev.items()]
    return TextTable("Selected events: share of astrophysical events in the bin, quantiles of the neutrino energy if astrophysical", tuple(columns))
