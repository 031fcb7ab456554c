"""Processing as a batch: the unfinished chunks of a run as shards, and the run itself on what came back.

``plan`` and ``collect`` do what ``processors.stage.process`` does before and after the work on chunks, with the same journal: the result is
bitwise that of a run on one machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle

from configs import schema
from configs.command_line import Progress
from configs.schema import Config
from processors import engine, shipping, stage
from processors.batch import planning
from processors.batch.commands import Kind
from processors.batch.folder import PLAN, BatchPlan, load_plan
from processors.batch.shards import Task
from processors.batch.states import ShardState, states
from processors.batch.submission import fetch_all, receive, returned
from processors.batch.transferred import OpenTransferred, without_stamps
from processors.chunks import Chunk
from processors.executors import Iterative, Lost, OnDone
from processors.inputs import dataset_inputs
from processors.journal import Journal
from processors.keys import source_of
from processors.work import Outcome, Work, process_chunk

DOOR = "run_processor"


def folder(config: Config) -> Path:
    """Where the batch of a configuration lies."""
    return config.output / "batch"


def journal(config: Config) -> Path:
    """The journal of the run, that of a run on this machine too."""
    return config.output / stage.JOURNAL


def plan(config: Config, jobs: int, *, fresh: bool = False, progress: Progress | None = None) -> BatchPlan | None:
    """Cut what is not done yet into at most ``jobs`` jobs and write the folder of the batch; nothing when everything is done.

    Every file is opened here, as in a run on this machine. Raises ``InputError`` as ``engine.run``.
    """
    datasets = dataset_inputs(config, progress)
    place = folder(config)
    with engine.opened(datasets, _here(config.executor), journal=journal(config), fresh=fresh, progress=progress) as (planned, session):
        if not fresh and (place / PLAN).exists():
            receive(place, load_plan(place), session.journal)
        waiting = [chunk for key, chunk in planned.chunks if not engine.finished(session.journal.read(key))]
        if not waiting:
            return None
        sources = {path for dataset in datasets for path in source_of(dataset)}
        batch = planning.Batch(config, place, DOOR, "hists", shipping.own_files(datasets), planning.wanted_environment(sources))
        transfer = planning.travels(config.executor)
        return planning.write(batch, [_task(chunk, transfer) for chunk in waiting], partial(_function, session.work), jobs)


def _here(options: schema.Executor) -> schema.Executor:
    """The executor that opens files and times a trial: workers of this machine where the configured ones would be jobs."""
    return options.model_copy(update={"kind": "futures"}) if options.kind in ("slurm", "htcondor") else options


def _task(chunk: Chunk, transfer: bool) -> Task:
    inputs = tuple(dict.fromkeys(path for span in chunk.spans for path in span.file.paths)) if transfer else ()
    return Task(chunk.key, chunk.name, cloudpickle.dumps(without_stamps(chunk, inputs)), chunk.entries, inputs)


def _function(work: Work, names: Mapping[str, str]) -> Callable[[Chunk], Outcome]:
    return partial(process_chunk, replace(work, open_file=OpenTransferred(dict(names))) if names else work)


def collect(config: Config, *, allow_partial: bool = False, unblind: bool = False, progress: Progress | None = None) -> engine.RunOutcome:
    """Take over what came back and merge: the account says of every chunk that did not why. Raises ``InputError`` as ``stage.process``."""
    place = folder(config)
    planned = load_plan(place)
    fetch_all(place)
    with Journal(journal(config)) as entries:
        receive(place, planned, entries)
    back = Returned(returned(place, planned), planned, states(place, planned))
    return stage.process(config, allow_partial=allow_partial, unblind=unblind, progress=progress, executor=back)


KIND = Kind(DOOR, folder, journal, plan, engine.finished)


class Returned(Iterative):
    """In place of work on a chunk what its job left of it, or why there is nothing; everything else is done here."""

    def __init__(self, results: Mapping[str, Any], planned: BatchPlan, found: Sequence[ShardState]) -> None:
        self.results = results
        self.reasons = {key: _reason(state, key) for shard, state in zip(planned.shards, found, strict=True) for key in shard.keys}

    def map(self, function: Callable[[Any], Any], items: Sequence[Any], on_done: OnDone) -> None:
        """Tell what came back of every chunk."""
        if getattr(function, "func", None) is not process_chunk:
            super().map(function, items, on_done)
            return
        changed = "not in the plan of the batch: input, options or code changed since; run `plan` and `submit` again"
        for index, chunk in enumerate(items):
            on_done(index, self.results.get(chunk.key) or Lost(self.reasons.get(chunk.key, changed)))


def _reason(state: ShardState, key: str) -> str:
    """Why a task has no result: its own reason, else that of its job."""
    own = next((task.reason for task in state.report.tasks if task.key == key and not task.ok), "") if state.report else ""
    told = own or state.reason
    return f"job {state.number} of the batch is {state.state}{': ' if told else ''}{told}"
