"""One entry ``kind: fractions`` of the configuration: samples, templates, fit, cross-checks, pseudo-experiments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from configs import iwcd
from configs.iwcd import FractionChannel
from fits.composition import Composition, lowest
from fits.fraction_studies import Report, with_toys
from fits.fractions import Origin, composition_result, yields
from fits.iwcd_inputs import PREDICTED, Inputs, Sample, classified, halves
from fits.minimise import Minimum
from fits.templates import Placed, bin_labels, binned, place
from physics.particles import UNKNOWN
from records.iwcd_fits import CrossCheck, FractionsResult


def fractions(inputs: Inputs, options: iwcd.Fractions, where: str, report: Report | None = None) -> tuple[FractionsResult, tuple[Path, ...]]:
    """The result and the files behind it. Raises InputError for samples that do not fit together."""
    template, data, channels = samples(inputs, options, where)
    placed = place(template.columns, channels, options.light_yield if options.template_errors else 0.0)
    in_data = place(data.columns, channels)
    likelihood = Composition(binned(placed, in_data.nominal, options.groups, bin_labels(channels)), options.template_errors)
    origin = Origin(options.groups, _template_events(placed, options), truth_of(in_data, options), inputs.config.seed, _notes(likelihood, options))
    minimum = _minimise(likelihood, options.engine, inputs.config.seed)
    result = composition_result(likelihood, minimum, origin, engine=options.engine)
    result = replace(result, crosschecks={engine: cross_check(likelihood, minimum, engine) for engine in options.crosscheck})
    if options.toys and minimum.valid:
        result = with_toys(result, likelihood, minimum, options.toys, inputs.config.seed, report)
    return result, (*template.paths, *data.paths)


def samples(inputs: Inputs, options: iwcd.Fractions, where: str) -> tuple[Sample, Sample, list[FractionChannel]]:
    """Templates, data and channels: data sets, or one directory of classifier outputs, of which even rows are templates and odd rows data."""
    same = options.templates == options.data
    if options.templates in inputs.config.datasets or not same:
        template = inputs.events(options.templates, f"{where}.templates")
        data = inputs.events(options.data, f"{where}.data")
        return (*(halves(template) if same else (template, data)), options.channels)
    sample = classified(inputs, options, f"{where}.templates")
    edges = [[place - 0.5 for place in range(len(options.classes) + 1)]]
    own = [FractionChannel(observables=[PREDICTED], edges=edges)]
    return (*halves(sample), options.channels if "channels" in options.model_fields_set else own)


def truth_of(data: Placed, options: iwcd.Fractions) -> dict[str, float]:
    """True numbers of the groups among the fitted events; empty where the data are not labelled."""
    inside = data.particle[data.nominal >= 0]
    if len(inside) == 0 or np.any(inside == UNKNOWN) or np.any(inside == ""):
        return {}
    return {group: float(np.isin(inside, names).sum()) for group, names in options.groups.items()}


def cross_check(likelihood: Composition, ours: Minimum, engine: str) -> CrossCheck:
    """The same fit by pyhf, or with exact templates by zfit and, to compare with, by ourselves."""
    if engine == "zfit":
        likelihood = Composition(likelihood.binned, template_errors=False)
        ours = lowest(likelihood)
    elif not ours.valid:
        ours = lowest(likelihood)
    theirs = _minimise(likelihood, engine)
    groups = likelihood.binned.groups
    native, covariance = yields(likelihood, ours)
    values, their_covariance = yields(likelihood, theirs)
    difference = float(np.max(np.abs(values - native) / np.sqrt(np.diag(covariance))))
    return CrossCheck(
        engine=engine,
        template_errors=likelihood.template_errors,
        yields=dict(zip(groups, values.tolist(), strict=True)),
        errors=dict(zip(groups, np.sqrt(np.diag(their_covariance)).tolist(), strict=True)),
        native=dict(zip(groups, native.tolist(), strict=True)),
        difference=difference,
        valid=theirs.valid,
        reason=theirs.reason,
    )


def _minimise(likelihood: Composition, engine: str, seed: int = 0) -> Minimum:
    if engine == "pyhf":
        from fits.frontends import iwcd_pyhf

        return iwcd_pyhf.minimise(likelihood)
    if engine == "zfit":
        from fits.frontends import iwcd_zfit

        return iwcd_zfit.minimise(likelihood)
    return lowest(likelihood, seed)


def _template_events(placed: Placed, options: iwcd.Fractions) -> dict[str, float]:
    inside = placed.particle[placed.nominal >= 0]
    return {group: float(np.isin(inside, names).sum()) for group, names in options.groups.items()}


def _notes(likelihood: Composition, options: iwcd.Fractions) -> tuple[str, ...]:
    if options.template_errors and options.light_yield and not likelihood.varies:
        return ("no observable depends on charge: light_yield has no effect",)
    return ()
