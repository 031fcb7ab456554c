"""The fits of the water-Cherenkov analysis: every entry of ``fits:`` to its result, named as in the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import hist
import numpy as np

from configs import iwcd
from configs.command_line import Progress
from configs.errors import InputError, TooFewEvents
from configs.schema import IwcdConfig
from data_info.catalogue import Unavailable
from fits.classifier.discriminant import discriminant
from fits.classifier.fitqun import fitqun_outputs
from fits.classifier.performance import Context, performance
from fits.energy_response import fit_response
from fits.generator_check import compare_hits
from fits.iwcd_fractions import fractions
from fits.iwcd_inputs import EVENTS, Inputs, Sample, array_files, check_sources, digest, halves, is_fitqun, located, numbers
from fits.light_scale import fit_scale
from fits.sample_summary import COLUMNS, sample_summary
from physics.particles import UNKNOWN
from processors.iwcd_expression import parse
from readers.classifier_outputs import read_classifier_outputs, read_splits
from readers.fitqun import read_fitqun
from records.failed_fit import FailedFit
from records.scores import save_scores
from records.tables import load_table, table_path

Fitted = tuple[Any, tuple[Path, ...]]  # a result and the files behind it
SCORES = "scores"  # folder of the output directory with scores of our own discriminants


def fit_all(config: IwcdConfig, account: Mapping[str, Any] | None, progress: Progress | None = None) -> tuple[dict[str, Any], list[Path]]:
    """Run every fit of the configuration: result name -> result, and the files that were read.

    ``account``: the content of processing.json, None where no data set was processed. Tables are read from the output directory. Discriminants
    come first and leave their scores in ``<output>/scores/<fit>/<signal>-<background>.<model>``, which a performance fit may name as its outputs.
    Data that do not suffice for a fit, or public files that cannot be had, leave a ``FailedFit`` and the others go on. Raises InputError for
    everything that cannot be fitted as asked; names are checked before the first fit.
    """
    inputs = Inputs(config, account)
    check_sources(inputs, SCORES)
    results: dict[str, Any] = {}
    used: list[Path] = []
    order = sorted(config.fits, key=lambda name: config.fits[name].kind != "discriminant")
    for done, name in enumerate(order):
        if progress is not None:
            progress(name, done, len(order))
        result, paths = _fitted_or_failed(inputs, name, progress)
        results[name] = replace(result, input_digest=digest(paths), partial=inputs.partial)
        used += [path for path in paths if path not in used]
    if progress is not None and order:
        progress(order[-1], len(order), len(order))
    return {name: results[name] for name in config.fits}, used


def summaries(config: IwcdConfig, hists: Mapping[str, Mapping[str, hist.Hist]], account: Mapping[str, Any] | None) -> dict[str, Any]:
    """What each data set holds, as result ``events.<data set>``; none of a data set whose processor left no table of events."""
    inputs = Inputs(config, account)
    found = {}
    for name in config.datasets:
        path = table_path(config.output, name, EVENTS)
        table = load_table(path) if path.is_file() else None
        if table is not None and set(COLUMNS) <= set(table.columns):
            summary = sample_summary(name, table.columns, hists.get(name, {}).get("cutflow"))
            found[f"events.{name}"] = replace(summary, input_digest=digest((path,)), partial=inputs.partial)
    return found


def _fitted_or_failed(inputs: Inputs, name: str, progress: Progress | None) -> Fitted:
    try:
        return _fitted(inputs, name, progress)
    except (TooFewEvents, Unavailable) as error:
        return FailedFit(False, str(error), inputs.config.fits[name].kind), ()


def _fitted(inputs: Inputs, name: str, progress: Progress | None) -> Fitted:
    options, where = inputs.config.fits[name], f"fits.{name}"
    match options:
        case iwcd.Performance():
            return _performance(inputs, options, where)
        case iwcd.Discriminant():
            return _discriminant(inputs, options, name)
        case iwcd.Fractions():
            report = None if progress is None else lambda done, total: progress(f"{name}: pseudo-experiments", done, total)
            return fractions(inputs, options, where, report)
        case iwcd.Scale():
            return _scale(inputs, options, where)
        case iwcd.Response():
            sample = inputs.events(options.dataset, f"{where}.dataset")
            return fit_response(sample.columns, options), sample.paths
        case iwcd.Generator():
            return _generator(inputs, options, where)


def _performance(inputs: Inputs, options: iwcd.Performance, where: str) -> Fitted:
    """Outputs joined to the events of a data set, to a file of positions, or to nothing."""
    if options.dataset is not None and options.positions is not None:
        raise InputError(f"{where}: dataset and positions both say where the events were; give one")
    if options.outputs.startswith(f"{SCORES}/") and not (inputs.config.output / options.outputs).is_dir():
        raise TooFewEvents(f"{where}.outputs: {options.outputs} was not made, because its discriminant failed")
    if is_fitqun(options.outputs):
        return _fitqun(inputs, options, where)
    folder = inputs.folder(options.outputs, f"{where}.outputs")
    splits = None if options.split_file is None else inputs.file(options.split_file)
    sample, n_rows = _events_of(inputs, options, folder, where)
    context = Context(None if splits is None else read_splits(splits), inputs.labels, n_rows, inputs.config.seed)
    result = performance(read_classifier_outputs(folder), None if sample is None else sample.columns, options, context)
    files = (*array_files(folder), *(() if splits is None else (splits,)), *(() if sample is None else sample.paths))
    return result, files


def _fitqun(inputs: Inputs, options: iwcd.Performance, where: str) -> Fitted:
    """Fits of fiTQun joined to the events of a data set by file and entry."""
    if options.dataset is None:
        raise InputError(f"{where}: fits of fiTQun hold no truth; give dataset, the data set of the events that were fitted")
    sample, fits = inputs.events(options.dataset, f"{where}.dataset"), read_fitqun(inputs.file(options.outputs))
    columns = {**sample.columns, "row": np.arange(len(sample.columns["row"]))}
    outputs, notes = fitqun_outputs(fits, columns, inputs.labels, options.classes, options.pi0_mass_factor)
    result = performance(outputs, columns, options, Context(None, inputs.labels, None, inputs.config.seed))
    proof = "file and entry of every fit are those of its event"
    return replace(result, join=replace(result.join, proof=proof), notes=[*notes, *result.notes]), (*fits.paths, *sample.paths)


def _events_of(inputs: Inputs, options: iwcd.Performance, folder: Path, where: str) -> tuple[Sample | None, int | None]:
    """Events and, where it is known, how many rows the file has of which indices are numbers."""
    if options.positions is not None:
        return located(inputs, options.positions), None
    if options.dataset is None:
        return None, None
    sample = inputs.events(options.dataset, f"{where}.dataset")
    if inputs.single_file(options.dataset):
        return sample, None if inputs.partial else sample.n_rows
    if inputs.config.output / SCORES in folder.parents:  # our own scores count the rows of the table
        return Sample({**sample.columns, "row": np.arange(len(sample.columns["row"]))}, sample.paths, sample.n_rows), None
    return sample, None


def _discriminant(inputs: Inputs, options: iwcd.Discriminant, name: str) -> Fitted:
    sample = inputs.events(options.dataset, f"fits.{name}.dataset")
    selected = parse(options.preselection, list(sample.columns)).mask(sample.columns)
    if not selected.any():
        raise InputError(f"fits.{name}.preselection: {options.preselection!r} keeps 0 of {len(selected)} events; loosen it")
    result, scores = discriminant(sample.columns, options, selected=selected, seed=inputs.config.seed)
    folders = {key: f"{SCORES}/{name}/{key}" for key in scores}
    for key, folder in folders.items():
        save_scores(inputs.config.output / folder, scores[key])
    return replace(result, outputs=folders), sample.paths


def _scale(inputs: Inputs, options: iwcd.Scale, where: str) -> Fitted:
    template = numbers(inputs, options.templates, f"{where}.templates")
    data = numbers(inputs, options.data, f"{where}.data")
    if options.templates == options.data:
        template, data = halves(template)
    chosen = [_of_particle(sample, options.particle, where) for sample in (template, data)]
    return fit_scale(chosen[0].columns, chosen[1].columns, options), (*template.paths, *data.paths)


def _generator(inputs: Inputs, options: iwcd.Generator, where: str) -> Fitted:
    """Real electrons that cannot be had leave a note: the published table stands without them."""
    sample = inputs.events(options.dataset, f"{where}.dataset", every_one=True)  # events without hits count
    if options.real is None:
        return compare_hits(sample.columns), sample.paths
    try:
        real = numbers(inputs, options.real, f"{where}.real")
    except Unavailable as error:
        return replace(compare_hits(sample.columns), notes=[f"without the real electrons: {error}"]), sample.paths
    return compare_hits(sample.columns, real.columns), (*sample.paths, *real.paths)


def _of_particle(sample: Sample, particle: str | None, where: str) -> Sample:
    """Events of one particle; a sample without labels is taken as it is."""
    names = sample.columns.get("particle")
    if particle is None or names is None or np.all(names == UNKNOWN):
        return sample
    if not np.any(names == particle):
        raise InputError(f"{where}.particle: no {particle!r} in {sample.paths[0]} (found {', '.join(np.unique(names))})")
    return Sample({name: values[names == particle] for name, values in sample.columns.items()}, sample.paths, sample.n_rows)
