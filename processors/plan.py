"""The plan of a run: what goes in, the keys of the journal, inspected files, chunks."""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from coffea.processor import ProcessorABC

from configs.errors import InputError
from processors import content, source_code
from processors.account import Failure
from processors.chunks import Chunk, EventFile, Span, chunksize_for, cut
from processors.executors import Executor, Lost
from processors.journal import Journal
from processors.registry import source_files
from processors.work import Inspection, Work, inspect, oversize, trial

FORMAT = 1  # of the journal's keys and values
ONE_CHUNK = 1000  # entries of a data set that are not worth a trial
UNKNOWN_CHUNKSIZE = 1 << 16  # when the trial failed
BYTES_PER_BIN = 8
STARTED_NS = time.time_ns()  # source of the project that changed later is not the code that runs here


@dataclass(frozen=True)
class DatasetInput:
    """One data set of a run.

    ``options``: what the processor was made with, as JSON values (null: its pickled state stands for it); ``source_files``: the source
    it relies on (null: found from its class); ``folder``: where the user's own modules lie.
    """

    name: str
    kind: str
    files: tuple[EventFile, ...]
    processor: ProcessorABC
    metadata: Mapping[str, Any] = field(default_factory=dict)
    options: Any = None
    source_files: tuple[Path, ...] | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Plan:
    """The chunks of a run in merge order with their journal keys, and what inspection found of every file."""

    chunks: tuple[tuple[str, Chunk], ...]
    inspections: Mapping[str, Sequence[tuple[EventFile, Inspection]]]
    keys: frozenset[str]  # everything of this run in the journal
    digest: str  # of all that the result depends on, however it is cut into chunks


def check(datasets: Sequence[DatasetInput], max_histogram_bytes: float) -> None:
    """Refuse, before any work, a data set or file given twice and histograms that are too large. Raises ``InputError``."""
    for name, count in Counter(dataset.name for dataset in datasets).items():
        if count > 1:
            raise InputError(f"data set {name!r} is given {count} times; names of data sets must differ")
    for dataset in datasets:
        paths = Counter(str(Path(path).resolve()) if "://" not in path else path for file in dataset.files for path in file.paths)
        if twice := [path for path, count in paths.items() if count > 1]:
            raise InputError(f"data set {dataset.name!r}: {twice[0]} is given more than once; its events would count twice. Remove one")
        for name, axes in _axes(dataset.processor).items():
            size = BYTES_PER_BIN * float(np.prod([float(axis.extent) for axis in axes]))
            if size > max_histogram_bytes:
                raise InputError(f"data set {dataset.name!r}: {oversize(name, axes, size, max_histogram_bytes)}")


def dataset_key(dataset: DatasetInput, work: Work) -> str:
    """Digest of all that the result of a data set depends on, its files apart: name, kind, metadata, processor, source code, versions."""
    files = source_of(dataset)
    processor = type(dataset.processor)
    options = dataset.options if dataset.options is not None else hashlib.sha256(pickle.dumps(vars(dataset.processor))).hexdigest()
    return _key(
        "data set", dataset.name, dataset.kind, dataset.metadata, _opener(work), f"{processor.__module__}.{processor.__qualname__}", options,
        {name: [[str(axis), np.asarray(axis.edges).tolist()] for axis in axes] for name, axes in _axes(dataset.processor).items()},
        _running_code(files), source_code.versions(source_code.imported_packages(files)),
    )  # fmt: skip


def source_of(dataset: DatasetInput) -> tuple[Path, ...]:
    """The source files that a data set's result relies on."""
    if dataset.source_files is not None:
        return dataset.source_files
    module = sys.modules.get(type(dataset.processor).__module__)
    return source_files(getattr(module, "__file__", None), dataset.folder)


def make(datasets: Sequence[DatasetInput], work: Work, executor: Executor, journal: Journal, chunksize: int | None) -> Plan:
    """Inspect every file, choose chunk sizes (``chunksize`` where given) and cut. What is in the journal is not done again."""
    inspected, keys = _inspect_all(datasets, work, executor, journal)
    dataset_keys = {dataset.name: dataset_key(dataset, work) for dataset in datasets}
    wholes = {name: [_whole(file, found) for file, found in results if found.failure is None] for name, results in inspected.items()}
    sizes = dict.fromkeys(wholes, chunksize) if chunksize else _sizes(wholes, dataset_keys, work, executor, journal, keys)
    chunks = [(_chunk_key(dataset_keys[name], chunk), chunk) for name, spans in wholes.items() for chunk in cut(name, spans, sizes[name])]
    keys.update(key for key, _ in chunks)
    digest = _key("run", dataset_keys, {name: [_span_key(span) for span in spans] for name, spans in wholes.items()})
    return Plan(tuple(chunks), inspected, frozenset(keys), digest)


def _inspect_all(
    datasets: Sequence[DatasetInput], work: Work, executor: Executor, journal: Journal
) -> tuple[dict[str, list[tuple[EventFile, Inspection]]], set[str]]:
    files = [file for dataset in datasets for file in dataset.files]
    readers = _key(_running_code(source_code.always_used()), source_code.versions(), work.identity, _opener(work))
    keys = [_inspection_key(readers, file) for file in files]
    found: list[Any] = [journal.read(key) if key else None for key in keys]
    missing = [number for number, inspection in enumerate(found) if inspection is None]

    def on_done(index: int, result: Inspection | Lost) -> None:
        number = missing[index]
        if isinstance(result, Lost):
            result = Inspection(failure=Failure(files[number].name, "open", result.reason))
        found[number] = result
        if result.failure is None and (key := keys[number]):
            journal.write(key, result)

    executor.map(partial(inspect, work), [files[number] for number in missing], on_done)
    results = iter(zip(files, found, strict=True))
    return {dataset.name: [next(results) for _ in dataset.files] for dataset in datasets}, {key for key in keys if key}


def _sizes(
    wholes: Mapping[str, Sequence[Span]], dataset_keys: Mapping[str, str], work: Work, executor: Executor, journal: Journal, keys: set[str]
) -> dict[str, int]:
    """Chunk sizes from a timed trial on the first file, remembered in the journal so that a resumed run has the same chunks."""
    sizes, trials = {}, []
    for name, spans in wholes.items():
        total = sum(span.entries for span in spans)
        if total <= ONE_CHUNK:
            sizes[name] = ONE_CHUNK
            continue
        key = _key("chunksize", dataset_keys[name], [_span_key(span) for span in spans])
        keys.add(key)
        if (known := journal.read(key)) is not None:
            sizes[name] = known
        else:
            trials.append((name, next(span for span in spans if span.entries), key))

    def on_done(index: int, result: tuple[float, float] | Lost | None) -> None:
        name, _, key = trials[index]
        sizes[name] = UNKNOWN_CHUNKSIZE if result is None or isinstance(result, Lost) else chunksize_for(*result)
        journal.write(key, sizes[name])

    executor.map(partial(trial, work), [(name, span) for name, span, _ in trials], on_done)
    return sizes


def _axes(processor: ProcessorABC) -> Mapping[str, Sequence[Any]]:
    return processor.axes() if hasattr(processor, "axes") else {}


def _whole(file: EventFile, found: Inspection) -> Span:
    return Span(file, 0, found.entries, found.identity, found.unchanged)


def _inspection_key(readers: str, file: EventFile) -> str | None:
    if any(content.is_url(path) for path in file.paths):
        return None
    try:
        return _key("inspection", readers, vars(file), content.stat_identity(file.paths))
    except OSError:
        return None


def _chunk_key(dataset: str, chunk: Chunk) -> str:
    return _key("chunk", dataset, [_span_key(span) for span in chunk.spans])


def _span_key(span: Span) -> list[Any]:
    return [vars(span.file), span.identity, span.start, span.stop]


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps([FORMAT, *parts], sort_keys=True, default=str).encode()).hexdigest()


def _running_code(files: Sequence[Path]) -> str:
    """The digest of the source; another in each process when project source changed after this Python started, for then the source on disk is
    not what runs here and nothing of this run may be taken over by a later one."""
    edited = any(path.is_relative_to(source_code.PROJECT) and path.stat().st_mtime_ns > STARTED_NS for path in files)
    return f"{source_code.digest(files)} {STARTED_NS}" if edited else source_code.digest(files)


def _opener(work: Work) -> str:
    return f"{getattr(work.open_file, '__module__', '')}.{getattr(work.open_file, '__qualname__', '')}"
