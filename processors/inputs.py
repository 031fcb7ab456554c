"""The data sets of a configuration as inputs of the engine: files found or generated, one source for each, a processor for each data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from configs.command_line import Progress
from configs.errors import InputError, nearest
from configs.schema import Config, DarkMatterConfig, Dataset, PmtGainConfig, StoppingMuonsConfig
from data_info.files import find_files
from data_info.remote_files import obtain
from processors.chunks import DatasetInput, EventFile
from processors.registry import build
from readers.files import accessing, is_url
from readers.registry import BATCHED, MERGED_BY_COLUMN, detect_format, formats
from readers.source import ReadError, SourceError

FILES_PER_BATCH = 500  # small files that are one source
SURROGATE = "surrogate"  # a format that is generated and lies in Parquet files


def dataset_inputs(config: Config, progress: Progress | None = None) -> list[DatasetInput]:
    """Resolve every data set of a configuration.

    Examples are generated when absent; ``pmt_gain`` gives one data set for each point (``processors.pmt_inputs``), ``stopping_muons`` reads its
    simulation once for its trees (``processors.stopping_muons_inputs``).
    Raises ``InputError`` for patterns without a match, unknown formats and processors that cannot be built.
    """
    if isinstance(config, PmtGainConfig):
        from processors.pmt_inputs import point_inputs

        return point_inputs(config, progress)
    if isinstance(config, StoppingMuonsConfig):
        from processors.stopping_muons_inputs import muon_inputs  # brings compiled code: imported for this analysis only

        _check_formats(config)
        return muon_inputs(config, {name: event_files(_paths(config, name, dataset), dataset) for name, dataset in config.datasets.items()}, progress)
    processors = {name: build(config, name) for name in config.datasets}  # all, before a file is looked for, downloaded or generated
    _check_formats(config)
    inputs = []
    for name, dataset in config.datasets.items():
        built = processors[name]
        had = obtain(_paths(config, name, dataset), dataset, progress)
        found = event_files(had.paths, dataset, had.unavailable)
        metadata = _metadata(config, name, dataset, found)
        inputs.append(DatasetInput(name, dataset.kind, found, built.processor, metadata, built.options, built.source_files, built.folder))
    return inputs


def _metadata(config: Config, name: str, dataset: Dataset, files: tuple[EventFile, ...]) -> dict[str, Any]:
    """What the configuration says of a data set, and what an analysis adds to it."""
    if not isinstance(config, DarkMatterConfig):
        return dataset.metadata
    from processors.dark_matter_checks import season_metadata

    return {**dataset.metadata, **season_metadata(config, name, [path for file in files for path in file.paths])}


def _check_formats(config: Config) -> None:
    """Refuse a format that no reader has: a mistake in the configuration, not in each of its files."""
    for name, dataset in config.datasets.items():
        if dataset.format is not None and dataset.format not in (*formats(), SURROGATE):
            raise InputError(
                f"{config.source}: datasets.{name}.format: {dataset.format!r} is not a format{nearest(dataset.format, (*formats(), SURROGATE))}"
            )


def event_files(paths: Sequence[str], dataset: Dataset, unavailable: Mapping[str, str] = MappingProxyType({})) -> tuple[EventFile, ...]:
    """One source for each file, sorted by path; formats that spread columns over files make one source of all, many small files one of each batch.

    ``unavailable``: path -> why the file could not be fetched; each is a source of its own that gives nothing but its reason.
    """
    form = None if dataset.format == SURROGATE else dataset.format
    source = partial(EventFile, tree=dataset.tree, columns=dataset.columns, remote=dataset.remote)
    ordered = sorted(path for path in paths if path not in unavailable)
    found = (form or _detected(ordered[0], dataset)) if ordered else None
    if len(paths) > 1 and found in MERGED_BY_COLUMN:
        return (source(tuple(sorted(paths)), form, unavailable=_reasons(unavailable)),)
    there = [source(group, found) for group in _batches(ordered)] if found in BATCHED else [source((path,), form) for path in ordered]
    return (*there, *(source((path,), form, unavailable=unavailable[path]) for path in sorted(unavailable)))


def _reasons(unavailable: Mapping[str, str]) -> str:
    return "; ".join(f"{path}: {reason}" for path, reason in unavailable.items())


def _batches(paths: Sequence[str]) -> list[tuple[str, ...]]:
    """Small files, those of folders too, as many together as one source takes."""
    from readers.trc import expand

    files = [file for path in paths for file in expand(path)]
    return [tuple(files[start : start + FILES_PER_BATCH]) for start in range(0, len(files), FILES_PER_BATCH)]


def _paths(config: Config, name: str, dataset: Dataset) -> list[str]:
    if dataset.example is not None or (dataset.format == SURROGATE and not (dataset.files or dataset.filelist or dataset.catalogue)):
        from simulation.registry import generate

        return [str(path) for path in generate(config, name, config.output / "example")]
    return find_files(name, dataset, config.source)


def _detected(path: str, dataset: Dataset) -> str | None:
    """The format by the reader's own rules; nothing when the file cannot tell: opening it will say why."""
    if not is_url(path) and not Path(path).exists():
        return None
    try:
        with accessing(dataset.remote):
            return detect_format(path)
    except (SourceError, ReadError):
        return None
