"""What a job does: take its shard, check that this Python can do the work, do it in worker processes, leave report and results whatever happens.

A task that kills its process costs itself alone. Finished tasks are saved every minute, so that a job that is killed keeps them.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import time
import traceback
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from configs.command_line import DONE, INCOMPLETE, WRONG_INPUT
from configs.errors import InputError
from processors import handshake
from processors.batch.reports import Done, Report, load_results, problem, report_name, results_name, save_report, save_results
from processors.batch.shards import Shard, load_header, load_shard, shard_name

CHECKPOINT_S = 60.0
EXIT_STATUS = {"complete": DONE, "incomplete": INCOMPLETE, "failed": WRONG_INPUT}


class Terminated(InputError):
    """The batch system ends the job."""


@dataclass(frozen=True)
class Attempt:
    """A pickled result, or why there is none; both for a result that says itself what is missing."""

    content: bytes = b""
    reason: str = ""
    traceback: str = ""


def run_shard(number: int, count: int, inbox: Path, outbox: Path) -> Report:
    """Do the work of job ``number`` of ``count`` and write ``outcome_<number>.json`` and its results into ``outbox``, also when it fails.

    The report tells what was wrong; ``EXIT_STATUS`` of its status is what the job ends with. Nothing is raised but what keeps even the report
    from being written (a full disk).
    """
    began = time.monotonic()
    work = _Work(Report(number, count, "", "hists", "started", host=socket.gethostname()), outbox)
    try:
        work.take(inbox / shard_name(number))
        work.do()
    except BaseException as error:
        reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        work.report = replace(work.report, status="failed", reason=reason, traceback=traceback.format_exc())
    work.report = replace(work.report, seconds=round(time.monotonic() - began, 3))
    work.save()
    return work.report


class _Work:
    """The tasks of a job while they are worked on."""

    def __init__(self, report: Report, outbox: Path) -> None:
        self.report, self.outbox = report, outbox
        self.attempts: dict[str, Attempt] = {}
        self.shard: Shard | None = None
        self.saved_s = time.monotonic()
        save_report(outbox / report_name(report.shard), report)

    def take(self, path: Path) -> None:
        """Read the shard once it is clear that this Python can."""
        header = load_header(path)
        self.report = replace(self.report, plan=header.plan, kind=header.kind)
        if (header.number, header.count) != (self.report.shard, self.report.count):
            raise InputError(f"{path} is shard {header.number}/{header.count}, not {self.report.shard}/{self.report.count}; submit again")
        if problems := handshake.check(header.environment):
            raise InputError(handshake.told(f"{socket.gethostname()} ({os.uname().sysname}, shard {header.number})", problems))
        for name, (local, size) in header.transferred.items():
            if not Path(local).is_file() or Path(local).stat().st_size != size:
                raise InputError(f"{name}: {local} is not in the job's folder with its {size} bytes; was it changed or not transferred?")
        self.shard = load_shard(path)

    def do(self) -> None:
        """Do every task that an earlier start of this job did not finish."""
        from processors.process_pool import Futures

        assert self.shard is not None
        shard = self.shard
        earlier = load_results(self.outbox / results_name(shard.kind, shard.number), [task.key for task in shard.tasks])
        self.attempts = {key: attempt for key, content in earlier.items() if not (attempt := _judged(content)).reason}
        waiting = [task for task in shard.tasks if task.key not in self.attempts]
        self.save()
        signal.signal(signal.SIGTERM, _terminated)

        def on_done(index: int, result: Any) -> None:
            self._on_done(waiting[index].key, result)

        with Futures(shard.workers, shard.stall_timeout_s) as executor:
            executor.map(partial(attempt_task, shard.function), [task.item for task in waiting], on_done)
        self.report = replace(self.report, status="complete" if all(not one.reason for one in self.attempts.values()) else "incomplete")

    def _on_done(self, key: str, result: Any) -> None:
        self.attempts[key] = result if isinstance(result, Attempt) else Attempt(reason=result.reason)
        if time.monotonic() - self.saved_s > CHECKPOINT_S:
            self.save()

    def save(self) -> None:
        """Write results, then the report on them."""
        shard, folder = self.shard, self.outbox
        results = folder / results_name(self.report.kind, self.report.shard)
        if shard is not None:
            tasks = ((task, self.attempts.get(task.key, Attempt(reason="not done: the job ended before"))) for task in shard.tasks)
            done = tuple(Done(task.key, task.name, not one.reason, one.reason, one.traceback) for task, one in tasks)
            save_results(results, {key: one.content for key, one in self.attempts.items() if one.content})
            self.report = replace(self.report, tasks=done)
        elif not results.exists():
            results.touch()  # what file transfer waits for
        save_report(folder / report_name(self.report.shard), self.report)
        self.saved_s = time.monotonic()


def attempt_task(function: bytes, item: bytes) -> Attempt:
    """On a worker process: call the pickled function of a shard with the pickled argument of a task."""
    from processors.executors import call_shipped

    try:
        value = call_shipped(function, item)
    except Exception as error:
        return Attempt(b"", f"{type(error).__name__}: {error}", traceback.format_exc())
    return Attempt(pickle.dumps(value, protocol=5), *problem(value))


def _judged(content: bytes) -> Attempt:
    return Attempt(content, *problem(pickle.loads(content)))


def _terminated(number: int, frame: Any) -> NoReturn:
    raise Terminated("the batch system ended the job (SIGTERM: time limit, memory limit or preemption); submit again for what is not done")
