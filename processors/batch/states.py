"""What is known of the jobs of a batch: from their reports, from the batch system, from their logs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from processors.batch import scheduler
from processors.batch.folder import BatchPlan, PlannedShard, load_submitted
from processors.batch.reports import Report, load_report, report_name
from processors.batch.scheduler import Queued
from processors.batch.submit_files import LOGS, OUT


@dataclass(frozen=True)
class ShardState:
    """What is known of a job: ``done``, ``running``, ``waiting``, ``held``, ``failed``, ``missing`` or ``not submitted``; finished tasks; why."""

    number: int
    state: str
    finished: int
    tasks: int
    reason: str = ""
    report: Report | None = None

    @property
    def open(self) -> bool:
        """Whether `submit` has to see to it."""
        return self.state in ("failed", "missing", "not submitted")


def states(folder: Path, plan: BatchPlan) -> list[ShardState]:
    """What is known of every job, by its report, by what the batch system says, and by whether it was submitted at all."""
    submitted = load_submitted(folder)
    known = {number for one in submitted for number in one.shards}
    jobs: dict[int, Queued] = {}
    for one in submitted:
        jobs |= scheduler.queued(one)
    return [_state(folder, plan, shard, jobs.get(shard.number), shard.number in known) for shard in plan.shards]


def _state(folder: Path, plan: BatchPlan, shard: PlannedShard, job: Queued | None, submitted: bool) -> ShardState:
    report = _report(folder, plan, shard.number)
    total = len(shard.keys)
    if report is not None and report.status == "complete":
        return ShardState(shard.number, "done", total, total, report=report)
    finished = total - sum(not task.ok for task in report.tasks) if report is not None and report.tasks else 0
    if job is not None and job.alive:
        return ShardState(shard.number, job.state, finished, total, job.reason, report)
    if report is not None:
        return ShardState(shard.number, "failed", finished, total, _why(report), report)
    return ShardState(shard.number, "missing" if submitted else "not submitted", 0, total, _last_words(folder, shard.number) if submitted else "")


def _report(folder: Path, plan: BatchPlan, number: int) -> Report | None:
    """What a job of this plan left, not one of an earlier plan."""
    report = load_report(folder / OUT / report_name(number))
    return report if report is not None and report.plan in ("", plan.plan) else None


def _why(report: Report) -> str:
    """Why a job is not done, by its report."""
    failed = [task for task in report.tasks if not task.ok]
    if report.status == "killed":
        return f"killed (exit status {report.exit_status}; 137: out of memory, or by the batch system)"
    if report.status == "started":
        return "ended without a word (machine lost, or killed with all its processes)"
    if report.status == "incomplete" and failed:
        return f"{len(failed)} of {len(report.tasks)} tasks: {failed[0].name}: {failed[0].reason}"
    return report.reason


def _last_words(folder: Path, number: int) -> str:
    """The last line of the job's log."""
    logs = [*folder.glob(f"{LOGS}/job_{number}.err"), *sorted(folder.glob(f"{LOGS}/*_{number}.out"))]
    for path in reversed(logs):
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if lines:
            return f"nothing came back; {path.name} ends: {lines[-1]}"
    return "nothing came back, and no log"
