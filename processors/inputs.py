"""The data sets of a configuration as inputs of the engine: files found or generated, one source for each, a processor for each data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from configs.errors import InputError, nearest
from configs.schema import Config, Dataset
from data_info.files import find_files
from processors.chunks import EventFile
from processors.plan import DatasetInput
from processors.registry import build
from readers.files import is_url
from readers.registry import MERGED_BY_COLUMN, detect_format
from readers.source import ReadError, SourceError

SURROGATE = "surrogate"  # a format that is generated and lies in Parquet files


def dataset_inputs(config: Config, files: Mapping[str, Sequence[str]] | Sequence[str] | None = None) -> list[DatasetInput]:
    """Resolve every data set of a configuration.

    ``files`` replaces the configured files: ``{data set: paths or patterns}``, or a list of ``data set=pattern`` in which the name may be
    left out when there is one data set; ``@list.txt`` in place of a pattern names a file list. Examples are generated when absent.
    Raises ``InputError`` for unknown data sets, patterns without a match, and processors that cannot be built.
    """
    datasets = replaced(config.datasets, files)
    inputs = []
    for name, dataset in datasets.items():
        built = build(config, name)
        found = event_files(_paths(config, name, dataset), dataset)
        inputs.append(DatasetInput(name, dataset.kind, found, built.processor, dataset.metadata, built.options, built.source_files, built.folder))
    return inputs


def replaced(datasets: Mapping[str, Dataset], files: Mapping[str, Sequence[str]] | Sequence[str] | None) -> dict[str, Dataset]:
    """The data sets with their files replaced by those given on the command line. Raises ``InputError`` for an unknown data set."""
    result = dict(datasets)
    for name, patterns in _by_dataset(datasets, files or {}).items():
        if name not in datasets:
            raise InputError(f"--files: {name!r} is not a data set of the configuration{nearest(name, datasets)}")
        lists = [pattern.removeprefix("@") for pattern in patterns if pattern.startswith("@")]
        if lists and len(patterns) > 1:
            raise InputError(f"--files: give data set {name!r} either one file list or files, not {', '.join(patterns)}")
        given = {"filelist": lists[0], "files": None} if lists else {"files": list(patterns), "filelist": None}
        form = None if datasets[name].format == SURROGATE else datasets[name].format
        result[name] = datasets[name].model_copy(update={**given, "catalogue": None, "example": None, "format": form})
    return result


def event_files(paths: Sequence[str], dataset: Dataset) -> tuple[EventFile, ...]:
    """One source for each file, sorted by path; formats that spread columns over files make one source of all."""
    form = None if dataset.format == SURROGATE else dataset.format
    ordered = sorted(paths)
    if len(ordered) > 1 and (form or _detected(ordered[0])) in MERGED_BY_COLUMN:
        return (EventFile(tuple(ordered), form, dataset.tree, dataset.columns),)
    return tuple(EventFile((path,), form, dataset.tree, dataset.columns) for path in ordered)


def _by_dataset(datasets: Mapping[str, Dataset], files: Mapping[str, Sequence[str]] | Sequence[str]) -> dict[str, list[str]]:
    if isinstance(files, Mapping):
        return {name: list(patterns) for name, patterns in files.items()}
    result: dict[str, list[str]] = {}
    for entry in files:
        name, equals, pattern = entry.partition("=")
        if not equals or (name not in datasets and len(datasets) == 1 and not name.isidentifier()):
            if len(datasets) > 1:
                raise InputError(f"--files {entry}: which data set? give data_set=path with one of {', '.join(datasets)}")
            name, pattern = next(iter(datasets)), entry
        result.setdefault(name, []).append(pattern)
    return result


def _paths(config: Config, name: str, dataset: Dataset) -> list[str]:
    if dataset.example is not None or (dataset.format == SURROGATE and not (dataset.files or dataset.filelist or dataset.catalogue)):
        from simulation.registry import generate

        return [str(path) for path in generate(config, name, config.output / "example")]
    return find_files(name, dataset, config.source)


def _detected(path: str) -> str | None:
    """The format by the reader's own rules; nothing when the file cannot tell: opening it will say why."""
    if not is_url(path) and not Path(path).is_file():
        return None
    try:
        return detect_format(path)
    except (SourceError, ReadError):
        return None
