"""Files to histograms and tables, with nothing lost and nothing hidden: plan, work, journal, merge, account."""

from __future__ import annotations

import contextlib
import pickle
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

import cloudpickle
import hist

from configs import schema
from configs.command_line import Progress
from configs.errors import InputError
from processors import executors, keys, packing, plan, shipping, source_code
from processors.account import Account, DatasetAccount, Failure
from processors.chunks import Chunk, DatasetInput
from processors.executors import Lost
from processors.journal import Journal
from processors.plan import Plan, Session
from processors.work import DatasetWork, OpenSource, Outcome, Work, lost, open_file, process_chunk
from records.tables import Table

MEGABYTE = 1e6


@dataclass(frozen=True)
class RunOutcome:
    """Histograms and tables by data set and name, the account, and the digest of all that they depend on."""

    hists: Mapping[str, Mapping[str, hist.Hist]]
    account: Account
    digest: str
    tables: Mapping[str, Mapping[str, Table]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every entry of every file is in the histograms."""
        return self.account.complete


def run(
    datasets: Sequence[DatasetInput],
    options: schema.Executor | None = None,
    *,
    journal: Path | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
    executor: executors.Executor | None = None,
    open_source: OpenSource = open_file,
) -> RunOutcome:
    """Process data sets into histograms, and tables where processors return them (their rows in the order of files and entries).

    ``journal``: directory of finished work, by which a second run resumes (null: a temporary one); ``fresh`` discards it. ``progress`` is
    called with what is being done, how much is done, and how much there is.
    ``executor``: one that is open already and stays open, in place of that of ``options``.

    For equal chunks the histograms are bitwise the same whatever executor, workers, order of completion and interruptions; for sums that
    are exact (counts, weights on a binary grid) also whatever the chunks. Files that fail, entries that fail and killed workers are in
    the account of the outcome. Raises ``InputError`` for input that no run can process (see ``plan.check``), for a processor that does not
    return histograms or tables, when the journal cannot be written, and ``executors.Stalled`` when nothing moves.
    """
    with opened(datasets, options, journal=journal, fresh=fresh, progress=progress, executor=executor, open_source=open_source) as (planned, session):
        _process(planned, session)
        outcome = _merge(datasets, planned, session)
        if outcome.complete:
            session.journal.keep_only(planned.keys)
        return outcome


@contextlib.contextmanager
def opened(
    datasets: Sequence[DatasetInput],
    options: schema.Executor | None = None,
    *,
    journal: Path | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
    executor: executors.Executor | None = None,
    open_source: OpenSource = open_file,
) -> Iterator[tuple[Plan, Session]]:
    """What ``run`` does before the first chunk: every file opened, chunks cut; journal and executor stay open in the block.

    Arguments as of ``run``.
    """
    options = options or schema.Executor()
    plan.check(datasets, options.max_histogram_mb * MEGABYTE)
    work = _work(datasets, options, open_source)
    own = contextlib.nullcontext(executor) if executor else executors.create(options)
    with _journal(journal, fresh) as entries, own as at_work:
        at_work.own = shipping.own_files(datasets)
        at_work.logs = None if journal is None else journal.parent / "logs"
        session = Session(work, at_work, entries, progress or (lambda what, done, total: None))
        yield plan.make(datasets, session, options.chunksize), session


def _work(datasets: Sequence[DatasetInput], options: schema.Executor, open_source: OpenSource) -> Work:
    project = sorted({path for dataset in datasets for path in keys.source_of(dataset) if path.is_relative_to(source_code.PROJECT)})
    project = [path for path in project if path.relative_to(source_code.PROJECT).parts[0] in source_code.FOLLOWED]
    return Work(
        datasets={dataset.name: DatasetWork(dataset.kind, dataset.metadata, _pickled(dataset)) for dataset in datasets},
        open_file=open_source,
        retries=options.retries,
        backoff_s=options.backoff_s,
        max_histogram_bytes=options.max_histogram_mb * MEGABYTE,
        identity=options.identity,
        search_path=tuple(dict.fromkeys(str(dataset.folder) for dataset in datasets if dataset.folder)),
        project_files=tuple(str(path.relative_to(source_code.PROJECT)) for path in project),
        project_digest=source_code.digest(project),
    )


def _pickled(dataset: DatasetInput) -> bytes:
    try:
        return cloudpickle.dumps(dataset.processor)
    except Exception as error:
        raise InputError(
            f"data set {dataset.name!r}: the processor {type(dataset.processor).__name__} cannot be sent to workers ({type(error).__name__}: "
            f"{error}); keep only plain values in it: no open files, locks, generators or lambdas with such"
        ) from error


@contextlib.contextmanager
def _journal(directory: Path | None, fresh: bool) -> Iterator[Journal]:
    with contextlib.ExitStack() as stack:
        place = directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dynode-journal-")))
        yield stack.enter_context(Journal(place, fresh=fresh))


def _process(planned: Plan, session: Session) -> None:
    """Bring every chunk into the journal. Only finished chunks without failures are taken over from earlier runs."""
    waiting = [(key, chunk) for key, chunk in planned.chunks if not finished(session.journal.read(key))]
    done = [len(planned.chunks) - len(waiting)]
    session.report("processing", done[0], len(planned.chunks))

    def on_done(index: int, result: Outcome | Lost) -> None:
        key, chunk = waiting[index]
        outcome = lost(chunk, result.reason) if isinstance(result, Lost) else result
        if outcome.fatal:
            raise InputError(outcome.fatal)
        session.journal.write(key, outcome)
        done[0] += 1
        session.report("processing", done[0], len(planned.chunks))

    session.executor.map(partial(process_chunk, session.work), [chunk for _, chunk in waiting], on_done)


def finished(outcome: object) -> bool:
    """Whether what the journal holds of a chunk is whole; anything else is done again."""
    return isinstance(outcome, Outcome) and not outcome.failures


def _merge(datasets: Sequence[DatasetInput], planned: Plan, session: Session) -> RunOutcome:
    """Add up the chunks in the planned order, one in memory at a time, and keep the account."""
    totals = {dataset.name: packing.Totals() for dataset in datasets}
    processed: dict[str, int] = defaultdict(int)
    failed: dict[str, list[Failure]] = defaultdict(list)
    for number, (key, chunk) in enumerate(planned.chunks, start=1):
        outcome = session.journal.read(key)
        if not isinstance(outcome, Outcome):
            outcome = lost(chunk, "its journal entry cannot be read back (damaged disk?); run the command again", "journal")
        _add(totals[chunk.dataset], outcome, chunk)
        processed[chunk.dataset] += outcome.entries
        failed[chunk.dataset] += outcome.failures
        session.report("merging", number, len(planned.chunks))
    hists = {dataset.name: _postprocessed(dataset, totals[dataset.name].hists) for dataset in datasets}
    accounts = {dataset.name: _account(dataset, planned, processed[dataset.name], failed[dataset.name]) for dataset in datasets}
    return RunOutcome(hists, Account(accounts), planned.digest, {name: total.tables() for name, total in totals.items()})


def _add(total: packing.Totals, outcome: Outcome, chunk: Chunk) -> None:
    try:
        total.add(pickle.loads(outcome.hists) if outcome.hists else {})
    except InputError as error:
        raise InputError(f"{chunk.name}: {error}") from None


def _account(dataset: DatasetInput, planned: Plan, processed: int, failed: Sequence[Failure]) -> DatasetAccount:
    found = planned.inspections[dataset.name]
    expected = sum(inspection.entries for inspection in found)
    missing = expected - processed - sum((failure.stop or 0) - (failure.start or 0) for failure in failed)
    if missing:
        raise RuntimeError(f"data set {dataset.name!r}: {missing} of {expected} entries are neither processed nor failed: a mistake in dynode")
    files, unopened = (sum(getattr(inspection, name) for inspection in found) for name in ("files", "unopened"))
    lost, remarks = (tuple(chain.from_iterable(getattr(inspection, name) for inspection in found)) for name in ("losses", "remarks"))
    return DatasetAccount(dataset.kind, files, expected, processed, unopened, (*lost, *failed), dict(dataset.metadata), remarks)


def _postprocessed(dataset: DatasetInput, hists: dict[str, hist.Hist]) -> dict[str, hist.Hist]:
    """What the processor's ``postprocess`` makes of the sums; one that returns nothing leaves them, or changed them in place."""
    result = dataset.processor.postprocess(hists)
    return hists if result is None else dict(result)
