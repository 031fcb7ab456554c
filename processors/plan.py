"""The plan of a run: every file opened once, chunk sizes, chunks with their keys."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from configs.command_line import Progress
from configs.errors import InputError
from processors import keys
from processors.account import Failure
from processors.chunks import Chunk, DatasetInput, EventFile, Span, chunksize_for, cut
from processors.content import is_url
from processors.executors import Executor, Lost
from processors.journal import Journal
from processors.work import Inspection, Work, inspect, oversize, trial

ONE_CHUNK = 1000  # entries of a data set that are not worth a trial
UNKNOWN_CHUNKSIZE = 1 << 16  # when the trial failed
BYTES_PER_BIN = 8


@dataclass(frozen=True)
class Session:
    """What a run works with."""

    work: Work
    executor: Executor
    journal: Journal
    report: Progress


@dataclass(frozen=True)
class Plan:
    """The chunks of a run in merge order with their journal keys, and what opening told of every file."""

    chunks: tuple[tuple[str, Chunk], ...]
    inspections: Mapping[str, Sequence[Inspection]]
    keys: frozenset[str]  # everything of this run in the journal
    digest: str  # of all that the result depends on, however it is cut into chunks


def check(datasets: Sequence[DatasetInput], max_histogram_bytes: float) -> None:
    """Refuse, before any work, a data set or file given twice and histograms that are too large. Raises ``InputError``."""
    names = Counter(dataset.name for dataset in datasets)
    if repeated := [name for name, count in names.items() if count > 1]:
        raise InputError(f"data set {repeated[0]!r} is given {names[repeated[0]]} times; names of data sets must differ")
    measured: dict[str, str] = {}  # file -> data set of kind data
    for dataset in datasets:
        paths = Counter(_resolved(path for file in dataset.files for path in file.paths))
        if twice := [path for path, count in paths.items() if count > 1]:
            raise InputError(f"data set {dataset.name!r}: {twice[0]} is given more than once; its events would count twice. Remove one")
        if dataset.kind == "data":
            if shared := [path for path in paths if path in measured]:
                both = f"data sets {measured[shared[0]]!r} and {dataset.name!r}, both of kind data"
                raise InputError(f"{both}: {shared[0]} is in each; its events would count twice. Remove it from one of them")
            measured |= dict.fromkeys(paths, dataset.name)
        _check_sizes(dataset, max_histogram_bytes)


def _resolved(paths: Iterable[str]) -> Iterator[str]:
    """Paths without links. A folder is resolved once, however many of its files are given: resolving a path costs more than reading a small file."""
    folders: dict[str, str] = {}
    for path in paths:
        if is_url(path):
            yield path
            continue
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        yield os.path.realpath(path) if name in ("", ".", "..") or os.path.islink(path) else os.path.join(folders[folder], name)  # noqa: PTH114, PTH118


def _check_sizes(dataset: DatasetInput, max_bytes: float) -> None:
    for name, axes in keys.axes_of(dataset.processor).items():
        size = BYTES_PER_BIN * float(np.prod([float(axis.extent) for axis in axes]))
        if size > max_bytes:
            raise InputError(f"data set {dataset.name!r}: {oversize(name, axes, size, max_bytes)}")


def make(datasets: Sequence[DatasetInput], session: Session, chunksize: int | None) -> Plan:
    """Open every file, choose chunk sizes (``chunksize`` where given) and cut. What the journal knows is not done again.

    Raises ``InputError`` where the processor's ``check_columns(names, metadata)``, if it has one, refuses every file of a data set.
    """
    files = [file for dataset in datasets for file in dataset.files]
    opener = keys.opener(session.work)
    file_keys = [keys.inspection_key(file, opener, session.work.identity) for file in files]
    found = _inspect(files, file_keys, session)
    inspections = {dataset.name: [next(found) for _ in dataset.files] for dataset in datasets}
    for dataset in datasets:
        _check_columns(dataset, inspections[dataset.name])
        _tell(dataset.name, inspections[dataset.name])
    wholes = {dataset.name: list(_wholes(dataset.files, inspections[dataset.name])) for dataset in datasets}
    dataset_keys = {dataset.name: keys.dataset_key(dataset, opener) for dataset in datasets}
    sizes = dict.fromkeys(wholes, chunksize) if chunksize else _sizes(wholes, dataset_keys, session)
    chunks = tuple(_chunks(wholes, dataset_keys, sizes))
    used = {*filter(None, file_keys), *(key for key, _ in chunks), *map(keys.chunksize_key, dataset_keys.values())}
    return Plan(chunks, inspections, frozenset(used), keys.run_key(dataset_keys, wholes))


def _check_columns(dataset: DatasetInput, found: Sequence[Inspection]) -> None:
    """Columns that suit the processor in no file are a mistake of the configuration; where other files suit, each file answers for itself."""
    check = getattr(dataset.processor, "check_columns", None)
    refused: list[InputError] = []
    for file, inspection in zip(dataset.files, found, strict=True):
        if check is None or inspection.failure is not None:
            continue
        try:
            check(inspection.columns, {**dataset.metadata, "dataset": dataset.name, "kind": dataset.kind, "filename": file.name})
            return
        except InputError as error:
            refused.append(error)
    if refused:
        raise InputError(f"data set {dataset.name!r}: {refused[0]}") from refused[0]


def _tell(name: str, found: Sequence[Inspection]) -> None:
    """Warn of what readers remark of files that they accept."""
    for remark in (remark for inspection in found for remark in inspection.remarks):
        warnings.warn(f"data set {name!r}: {remark}", stacklevel=3)


def _chunks(wholes: Mapping[str, Sequence[Span]], dataset_keys: Mapping[str, str], sizes: Mapping[str, int]) -> Iterator[tuple[str, Chunk]]:
    for name, spans in wholes.items():
        for chunk in cut(name, spans, sizes[name]):
            key = keys.chunk_key(dataset_keys[name], chunk)
            yield key, replace(chunk, key=key)


def _inspect(files: Sequence[EventFile], file_keys: Sequence[str | None], session: Session) -> Iterator[Inspection]:
    """What opening told of every file, from the journal where it knows; failures are not remembered."""
    known = {number: session.journal.read(key) for number, key in enumerate(file_keys) if key}
    found: dict[int, Inspection] = {number: value for number, value in known.items() if isinstance(value, Inspection)}
    missing = [number for number in range(len(files)) if number not in found]
    session.report("opening files", len(found), len(files))

    def on_done(index: int, result: Inspection | Lost) -> None:
        number = missing[index]
        key = file_keys[number]
        if isinstance(result, Lost):
            result = Inspection(failure=Failure(files[number].name, "open", result.reason))
        elif result.failure is None and not result.refused and key:
            session.journal.write(key, result)
        found[number] = result
        session.report("opening files", len(found), len(files))

    session.executor.map(partial(inspect, session.work), [files[number] for number in missing], on_done)
    return (found[number] for number in range(len(files)))


def _wholes(files: Sequence[EventFile], found: Sequence[Inspection]) -> Iterator[Span]:
    for file, inspection in zip(files, found, strict=True):
        if inspection.failure is None:
            of_entries = inspection.entries if file.count > 1 else None
            yield Span(file, 0, inspection.entries, inspection.identity, inspection.unchanged, of_entries)


def _sizes(wholes: Mapping[str, Sequence[Span]], dataset_keys: Mapping[str, str], session: Session) -> dict[str, int]:
    """Chunk sizes from a timed trial on the first file, remembered in the journal so that a resumed run has the same chunks."""
    known = {name: session.journal.read(keys.chunksize_key(dataset_keys[name])) for name in wholes}
    sizes = {name: size if isinstance(size, int) else ONE_CHUNK for name, size in known.items()}
    large = [name for name, spans in wholes.items() if known[name] is None and sum(span.entries for span in spans) > ONE_CHUNK]

    def on_done(index: int, result: tuple[float, float] | Lost | None) -> None:
        name = large[index]
        sizes[name] = UNKNOWN_CHUNKSIZE if result is None or isinstance(result, Lost) else chunksize_for(*result)
        session.journal.write(keys.chunksize_key(dataset_keys[name]), sizes[name])

    items = [(name, next(span for span in wholes[name] if span.entries)) for name in large]
    session.executor.map(partial(trial, session.work), items, on_done)
    return sizes
