"""What a worker does: inspect a file, time a trial, process a chunk. It never raises: what went wrong is part of the outcome."""

from __future__ import annotations

import functools
import pickle
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import boost_histogram as bh

from configs.errors import InputError
from processors import content, packing, source_code
from processors.account import Failure, Stage
from processors.chunks import Chunk, EventFile, Span
from readers.files import accessing
from readers.source import ReadError, Source, SourceError
from records.tables import Table

DEFINITE = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)  # trying again cannot help
TRIAL_ENTRIES = 256
TRIAL_GROWTH = 8
TRIAL_S = 0.05  # a trial span that takes so long is measured well enough

OpenSource = Callable[[EventFile], Source]
Returned = dict[str, packing.Packed]


def open_file(file: EventFile) -> Source:
    """Open an event file with the readers of the project."""
    from readers import open_source

    path = file.paths[0] if len(file.paths) == 1 else list(file.paths)
    return open_source(path, file.format, tree=file.tree, columns=file.columns)


@dataclass(frozen=True)
class DatasetWork:
    """What a worker must know of a data set: its processor, pickled, so that every chunk starts from the same fresh one."""

    kind: str
    metadata: Mapping[str, Any]
    processor: bytes


@dataclass(frozen=True)
class Work:
    """What every worker of a run must know."""

    datasets: Mapping[str, DatasetWork]
    open_file: OpenSource = open_file
    retries: int = 2
    backoff_s: float = 0.5
    max_histogram_bytes: float = 512e6
    identity: content.Identity = "stat"
    search_path: tuple[str, ...] = ()  # folders with the user's own modules
    project_files: tuple[str, ...] = ()  # relative to the project
    project_digest: str = ""


@dataclass(frozen=True)
class Inspection:
    """A file as it was when the run was planned: its entries, or why it could not be opened.

    A batch of small files is one source: ``refused`` are those of it that are left out, ``remarks`` what must be known of the others.
    """

    entries: int = 0
    identity: str = ""  # enters the journal's keys
    unchanged: str = ""  # size and time, compared again when a span has been processed
    columns: tuple[str, ...] = ()
    failure: Failure | None = None
    files: int = 1
    refused: tuple[Failure, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def unopened(self) -> int:
        """Files that give no entries."""
        return len(self.refused) if self.failure is None else self.files

    @property
    def losses(self) -> tuple[Failure, ...]:
        """Every file that gives no entries by its own reason, or the one reason for all."""
        return self.refused or (() if self.failure is None else (self.failure,))


@dataclass(frozen=True)
class Outcome:
    """What became of a chunk. ``fatal`` says that the processor itself is not acceptable: the run ends."""

    entries: int = 0
    hists: bytes = field(default=b"", repr=False)
    failures: tuple[Failure, ...] = ()
    fatal: str = ""


class _SpanError(Exception):
    def __init__(self, stage: Stage, cause: BaseException, *, retry: bool) -> None:
        super().__init__(stage, cause)
        self.stage, self.cause, self.retry = stage, cause, retry


class _NotAcceptable(Exception):
    """The processor returned something that no chunk may return."""


def inspect(work: Work, file: EventFile) -> Inspection:
    """Open a file, count its entries, take its identity. I/O errors are tried again; never raises."""
    try:
        return _retried(work, functools.partial(_inspect, work, file))
    except _SpanError as error:
        return Inspection(failure=_failure(file, error), files=file.count, refused=_refused(getattr(error.cause, "refused", {})))


def process_chunk(work: Work, chunk: Chunk) -> Outcome:
    """Run the data set's processor over the spans of a chunk and add histograms and tables up in order; never raises.

    A span that fails is a failure of the outcome, the others count.
    """
    try:
        _check_code(work.project_files, work.project_digest)
    except (RuntimeError, OSError) as error:
        return lost(chunk, str(error))
    total = packing.Totals()
    failures = []
    entries = 0
    for span in chunk.spans:
        try:
            total.add(_retried(work, functools.partial(_process, work, chunk.dataset, span)))
            entries += span.entries
        except (_NotAcceptable, InputError) as error:
            return Outcome(fatal=f"{replace(chunk, spans=(span,)).name}: {error}")
        except _SpanError as error:
            failures.append(_failure(span.file, error, span))
    return Outcome(entries, pickle.dumps(total.packed(), protocol=5), tuple(failures))


def lost(chunk: Chunk, reason: str, stage: Stage = "worker") -> Outcome:
    """The outcome of a chunk of which nothing came back."""
    return Outcome(failures=tuple(Failure(span.file.name, stage, reason, span.start, span.stop) for span in chunk.spans))


def trial(work: Work, item: tuple[str, Span]) -> tuple[float, float] | None:
    """Time what a chunk costs whatever its size (opening, large histograms) and an entry, in seconds, on growing spans; nothing when it fails."""
    dataset, whole = item
    try:
        processor = _processor(work, dataset)
        started = time.perf_counter()
        with accessing(whole.file.remote), work.open_file(whole.file) as source:
            opening_s = time.perf_counter() - started
            first = min(TRIAL_ENTRIES, whole.stop)
            _fill(work, processor, dataset, source, Span(whole.file, 0, first))  # imports and compilation, once per worker
            smallest_s = _timed(work, processor, dataset, source, Span(whole.file, 0, first))
            entries, took_s = first, smallest_s
            while entries < whole.stop and (took_s < TRIAL_S or took_s < 2.0 * smallest_s):
                entries = min(TRIAL_GROWTH * entries, whole.stop)
                took_s = _timed(work, processor, dataset, source, Span(whole.file, 0, entries))
            per_entry_s = (took_s - smallest_s) / (entries - first) if entries > first else took_s / entries
            if per_entry_s <= 0.0:
                return opening_s + smallest_s, took_s / entries
            return opening_s + max(smallest_s - first * per_entry_s, 0.0), per_entry_s
    except (Exception, SystemExit):
        return None  # the work itself will meet the same error and report it


def _timed(work: Work, processor: Any, dataset: str, source: Source, span: Span) -> float:
    started = time.perf_counter()
    _fill(work, processor, dataset, source, span)
    return time.perf_counter() - started


def _retried(work: Work, attempt: Callable[[], Any]) -> Any:
    for again in range(work.retries):
        try:
            return attempt()
        except _SpanError as error:
            if not error.retry:
                raise
            time.sleep(work.backoff_s * 2**again)
    return attempt()


@contextmanager
def _stage(stage: Stage) -> Iterator[None]:
    """Name the stage in which an error happened, and whether trying again can help.

    An ``OSError`` of the processor's own code is a mistake to be reported, not an I/O error to be tried again.
    """
    try:
        yield
    except (_SpanError, _NotAcceptable):
        raise
    except ReadError as error:
        raise _SpanError("open" if stage == "open" else "read", error, retry=True) from error
    except SourceError as error:
        raise _SpanError("open" if stage == "open" else "read", error, retry=False) from error
    except OSError as error:
        raise _SpanError(stage, error, retry=stage != "process" and not isinstance(error, DEFINITE)) from error
    except (Exception, SystemExit) as error:
        raise _SpanError(stage, error, retry=False) from error


def _inspect(work: Work, file: EventFile) -> Inspection:
    with accessing(file.remote), _stage("open"), _available(work, file) as source:
        unchanged = content.stat_identity(file.paths)
        identity = unchanged if work.identity == "stat" else content.identity(file.paths, work.identity)
        refused = _refused(getattr(source, "refused", {}))
        remarks = tuple(getattr(source, "remarks", ()))
        return Inspection(len(source), identity, unchanged, tuple(source.columns), None, getattr(source, "file_count", file.count), refused, remarks)


def _refused(reasons: Mapping[str, str]) -> tuple[Failure, ...]:
    """The files of a batch that its reader left out."""
    return tuple(Failure(path, "open", reason) for path, reason in reasons.items())


def _available(work: Work, file: EventFile) -> Source:
    if file.unavailable:
        raise SourceError(f"{file.name}: {file.unavailable}")
    return work.open_file(file)


def _process(work: Work, dataset: str, span: Span) -> Returned:
    with accessing(span.file.remote):
        return _opened_and_filled(work, dataset, span)


def _opened_and_filled(work: Work, dataset: str, span: Span) -> Returned:
    with _stage("open"):
        source = work.open_file(span.file)
    with _stage("read"), source:
        if len(source) < span.stop or (span.of_entries is not None and len(source) != span.of_entries):
            raise InputError(f"{span.file.name}: {len(source)} entries, {_instead(span)} when the run was planned; run the command again")
        with _stage("process"):
            processor = _processor(work, dataset)
        hists = _fill(work, processor, dataset, source, span)
        if span.unchanged and content.stat_identity(span.file.paths) != span.unchanged:
            raise InputError(f"{span.file.name}: the file changed while it was processed; run the command again")
        return hists


def _instead(span: Span) -> str:
    return "fewer than" if span.of_entries is None else f"not the {span.of_entries} there were"


def _fill(work: Work, processor: Any, dataset: str, source: Source, span: Span) -> Returned:
    from readers.events import with_metadata

    about = work.datasets[dataset]
    ours = {"dataset": dataset, "kind": about.kind, "filename": span.file.name, "entrystart": span.start, "entrystop": span.stop}
    with _stage("read"):
        events = source.events(span.start, span.stop)
        if len(events) != span.entries:
            raise InputError(f"{span.file.name} entries [{span.start}, {span.stop}): the reader gave {len(events)} events")
        events = with_metadata(events, {**about.metadata, **ours})
    with _stage("process"):
        returned = processor.process(events)
    return _checked(returned, type(processor).__name__, work.max_histogram_bytes)


def _checked(returned: Any, processor: str, max_bytes: float) -> Returned:
    advice = "process(events) must return {name: hist.Hist or Table}"
    if not isinstance(returned, Mapping):
        raise _NotAcceptable(f"{processor}.process returned {type(returned).__name__}; {advice}")
    for name, value in returned.items():
        if not isinstance(name, str) or not isinstance(value, bh.Histogram | Table):
            raise _NotAcceptable(f"{processor}.process returned {type(value).__name__} under {name!r}; {advice} (a sum is a histogram with one bin)")
        if isinstance(value, bh.Histogram) and (size := packing.size_bytes(value)) > max_bytes:
            raise _NotAcceptable(oversize(name, value.axes, size, max_bytes))
    return {name: value if isinstance(value, Table) else packing.pack(value) for name, value in returned.items()}


def oversize(name: str, axes: Any, size: float, max_bytes: float) -> str:
    """The message that refuses a histogram: its axes with their numbers of bins (flow bins included), its size, the limit and the cure."""
    shape = " x ".join(f"{axis.name or f'axis {number}'} ({axis.extent} bins)" for number, axis in enumerate(axes))
    return (
        f"histogram {name!r} takes {size / 1e6:.4g} MB, more than executor.max_histogram_mb = {max_bytes / 1e6:.4g}: {shape}; "
        f"use fewer bins or raise the limit"
    )


def _processor(work: Work, dataset: str) -> Any:
    for folder in work.search_path:
        if folder not in sys.path:
            sys.path.append(folder)
    return pickle.loads(work.datasets[dataset].processor)


@functools.cache
def _check_code(project_files: tuple[str, ...], expected: str) -> None:
    """Refuse to compute with other source code than the run was planned with (a worker elsewhere, a file edited meanwhile)."""
    files = [source_code.PROJECT / name for name in project_files]
    if expected and source_code.digest(files) != expected:
        raise RuntimeError("this worker has other source code than the run was planned with; install the same version there, or run again")


def _failure(file: EventFile, error: _SpanError, span: Span | None = None) -> Failure:
    cause = error.cause
    reason = str(cause) if isinstance(cause, InputError) else f"{type(cause).__name__}: {cause}"
    start, stop = (span.start, span.stop) if span else (None, None)
    return Failure(file.name, error.stage, reason, start, stop, "".join(traceback.format_exception(cause)))
