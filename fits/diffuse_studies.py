"""The studies that follow one fit of ``diffuse``: which are asked for, what each needs, and how their results are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from configs import diffuse
from configs.errors import InputError
from fits.asimov_exposures import exposure
from fits.attempts import FAILURES
from fits.diffuse_inputs import Inputs, Prepared
from fits.event_table import event_table
from fits.impacts import impacts
from fits.joint_inputs import JointInputs
from fits.joint_model import JointModel
from fits.minimise import Minimum
from fits.model_comparison import compared_model, failed_model, null_model
from fits.nll import NegativeLogLikelihood
from fits.sampling import posterior
from fits.segmented_flux import segmented
from fits.spectrum_choice import Embedding, IntoSegments
from fits.surrogate_study import check_surrogate_study, surrogate_study
from fits.toys import Execute, Progress
from physics.segmented_spectrum import PUBLISHED_EDGES_GEV, Segmented
from records.diffuse_studies import AsimovStudy, ComparedModel, EventTable, ModelComparison, PosteriorResult
from records.surrogate_study import SurrogateStudy

SEGMENTED = "segmented"


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
    if options.predictive and options.posterior is None and options.toys is None:
        raise InputError("predictive: the bands are made of samples of the posterior or of toys, and this fit has neither; add posterior: {} or toys")
    if options.surrogate_study and isinstance(inputs, Inputs):
        check_surrogate_study(options.surrogate_study, inputs)
    if options.model_comparison is not None:
        _check_models(options.model_comparison.models, options.model.astro)


def _check_models(models: Sequence[str], own: str) -> None:
    """A power law is nested in the wider spectra; segments may stand beside any other."""
    if own == SEGMENTED or (own != "power_law" and list(models) != [SEGMENTED]):
        only = "" if own == SEGMENTED else "; beside another spectrum stands models: [segmented] alone"
        raise InputError(f"model_comparison: the wider spectra are compared with a power law, not with {own}; set model.astro: power_law{only}")
    if len(set(models)) < len(models):
        raise InputError(f"model_comparison.models: {', '.join(models)}; name each once")


def check_segments(options: diffuse.Fit, inputs: Inputs | JointInputs, name: str, prepared: Prepared) -> None:
    """Refuse a comparison of the fit ``name`` with segments in which no simulation lies."""
    if options.model_comparison is not None and SEGMENTED in options.model_comparison.models:
        _other(inputs, name, options, prepared, SEGMENTED)


def works(fit: StudiedFit, minimum: Minimum) -> dict[str, Callable[[], Any]]:
    """What the options ask for: result name (below the fit's) -> what makes it when it is called."""
    options = fit.options
    asked: dict[str, tuple[bool, Callable[[], Any]]] = {
        "impacts": (options.impacts, partial(impacts, fit.prepared.nll, minimum)),
        "events": (options.events, partial(_events, fit, minimum)),
        "exposures": (bool(options.asimov_livetimes), partial(_exposures, fit, minimum)),
        "models": (options.model_comparison is not None, partial(_models, fit, minimum)),
        "posterior": (options.posterior is not None, partial(_posterior, fit, minimum)),
        "surrogate": (bool(options.surrogate_study), partial(_surrogate, fit)),
    }
    return {name: work for name, (wanted, work) in asked.items() if wanted}


def _events(fit: StudiedFit, minimum: Minimum) -> EventTable:
    assert isinstance(fit.inputs, Inputs)  # a joint fit has no table of events
    assert not isinstance(fit.prepared.whole, JointModel)
    assert fit.inputs.counts is not None
    return event_table(fit.prepared.whole, minimum.theta, fit.inputs.counts, fit.inputs.events)


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
        alternative = _other(fit.inputs, fit.name, fit.options, fit.prepared, name).nll
        embedding = _embedding(fit.prepared, alternative, name)
        progress = fit.progress(f"comparison with {name}")
        seed = fit.inputs.config.seed
        try:
            rows[name] = compared_model(
                fit.prepared.nll, minimum, alternative, embedding, toys=options.toys, seed=seed, progress=progress, execute=fit.execute
            )
        except FAILURES as error:
            rows[name] = failed_model(alternative, str(error))
    return ModelComparison(fit.options.model.astro, rows, fit.inputs.config.seed, options.toys)


def _other(inputs: Inputs | JointInputs, fit: str, options: diffuse.Fit, prepared: Prepared, name: str) -> Prepared:
    """The likelihood of the same fit with another spectrum."""
    if name == SEGMENTED:
        edges = options.segments.edges if options.segments is not None else PUBLISHED_EDGES_GEV
        return inputs.prepare(fit, segmented(options, edges, prepared.nll.model.flux.names))
    return inputs.prepare(fit, options.model_copy(update={"model": options.model.model_copy(update={"astro": name}), "engine": "native"}))


def _embedding(prepared: Prepared, alternative: NegativeLogLikelihood, name: str) -> Embedding | IntoSegments:
    """Where the fit of another spectrum may start."""
    segments, model = alternative.model.spectrum, prepared.nll.model
    if not isinstance(segments, Segmented):
        return Embedding(name)
    edges = np.array(segments.edges_gev)
    simulated = np.exp(model.response.ln_energy[[0, -1]])
    centres = np.clip(np.sqrt(edges[1:] * edges[:-1]), *simulated)
    return IntoSegments(model.spectrum, model.pivot_gev, tuple(centres.tolist()))


def _posterior(fit: StudiedFit, minimum: Minimum) -> PosteriorResult:
    assert fit.options.posterior is not None
    return posterior(fit.prepared.nll, minimum, fit.options.posterior, fit.inputs.config.seed, where=f"fits.{fit.name}.posterior")


def _surrogate(fit: StudiedFit) -> SurrogateStudy:
    assert isinstance(fit.inputs, Inputs)  # a joint fit has none
    return surrogate_study(fit.inputs, fit.name, fit.options, fit.prepared, fit.progress("recipes of the surrogate"))
