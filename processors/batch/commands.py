"""What ``plan``, ``submit`` and ``status`` do and print, for every door; and a job's ``--shard``."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs import command_line
from configs.command_line import DONE, INCOMPLETE, show
from configs.errors import InputError, command
from processors.batch import scheduler
from processors.batch.folder import PLAN, BatchPlan, load_plan
from processors.batch.states import states
from processors.batch.submission import fetch_all, submit
from processors.journal import Journal


@dataclass(frozen=True)
class Kind:
    """A door's batch: its name, its folder, its journal, ``plan(config, jobs, fresh=, progress=)``, and whether a journalled value is whole.

    ``options``: what the door is called with besides, so that the commands that are shown mean this batch.
    """

    door: str
    folder: Callable[[Any], Path]
    journal: Callable[[Any], Path]
    plan: Callable[..., BatchPlan | None]
    finished: Callable[[Any], bool]
    options: str = ""

    def command(self, config: Any) -> str:
        """The door's command on a configuration, to be followed by one of the four."""
        return f"{command(f'{self.door}.py', config.source)} {self.options}".rstrip()


def do_shard(arguments: argparse.Namespace) -> int:
    """``--shard K/N``: nothing heavier than the standard library is imported before the job knows that it is there."""
    from processors.batch.job import EXIT_STATUS, run_shard

    report = run_shard(arguments.shard[0], arguments.shard[1], arguments.inbox, arguments.outbox)
    if report.status != "complete":
        wrong = [f"{task.name}: {task.reason}" for task in report.tasks if not task.ok]
        command_line.complain("\n".join([f"shard {report.shard}/{report.count}: {report.status} {report.reason}".rstrip(), *wrong]))
    return EXIT_STATUS[report.status]


def run(kind: Kind, config: Any, arguments: argparse.Namespace) -> int:
    """``plan``, ``submit`` or ``status``; returns the exit status."""
    return {"plan": _plan, "submit": _submit, "status": _status}[arguments.command](kind, config, arguments)


def _plan(kind: Kind, config: Any, arguments: argparse.Namespace) -> int:
    if arguments.jobs is None:
        raise InputError("plan: say into how many jobs the work is to be cut: plan --jobs N")
    with command_line.progress_bar() as progress:
        planned = kind.plan(config, arguments.jobs, fresh=getattr(arguments, "fresh", False), progress=progress)
    again = kind.command(config)
    if planned is None:
        there = (kind.folder(config) / PLAN).exists()  # without a batch the command by itself finds everything done, or has nothing for jobs
        show(f"nothing is left to do for jobs: {again}{' collect' if there else ''}")
        return DONE
    tasks = sum(len(shard.keys) for shard in planned.shards)
    show(f"{len(planned.shards)} jobs for {tasks} tasks in {kind.folder(config)}\nnext: {again} submit")
    return DONE


def _submit(kind: Kind, config: Any, arguments: argparse.Namespace) -> int:
    folder = kind.folder(config)
    planned = load_plan(folder)
    system = scheduler.choose(config.executor.kind)
    with Journal(kind.journal(config)) as journal:
        numbers = submit(folder, planned, config.executor.job, system, journal, kind.finished)
    again = kind.command(config)
    if numbers:
        show(f"{len(numbers)} of {len(planned.shards)} jobs submitted to {system}\nnext: {again} status, then collect")
    else:
        show(f"nothing to submit: every job is done or in the queue\nnext: {again} status, then collect")
    return DONE


def _status(kind: Kind, config: Any, arguments: argparse.Namespace) -> int:
    """A table of jobs, those that are done in one line; exit status 3 while anything is not done."""
    from records.summary import batch_table

    folder = kind.folder(config)
    planned = load_plan(folder)
    for wrong in fetch_all(folder):
        command_line.complain(f"condor_transfer_data: {wrong}")
    found = states(folder, planned)
    if open_jobs := [(f"{one.number}", one.state, f"{one.finished}/{one.tasks}", one.reason) for one in found if one.state != "done"]:
        show(batch_table(open_jobs))
    counts = Counter(one.state for one in found)
    show(", ".join(f"{number} {state}" for state, number in sorted(counts.items())) + f" of {len(found)} jobs")
    if all(one.state == "done" for one in found):
        show(f"next: {kind.command(config)} collect")
        return DONE
    if any(one.open for one in found):
        show(f"next: {kind.command(config)} submit (only what is failed or missing)")
    return INCOMPLETE
