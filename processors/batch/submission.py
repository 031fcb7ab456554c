"""Submitting a batch, again and again until nothing is missing: what came back goes into the journal, the rest into the queue."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from configs.jobs import Job
from processors.batch import scheduler, submit_files
from processors.batch.folder import SUBMITTED, BatchPlan, load_submitted
from processors.batch.reports import Report, load_results, problem, report_name, results_name, save_report
from processors.batch.shards import load_shard, reduced, save_shard, shard_name
from processors.batch.states import states
from processors.batch.submit_files import INPUTS, LOGS, OUT, SHARDS, Jobs
from processors.journal import Journal
from records.atomic import write_text


def fetch_all(folder: Path) -> list[str]:
    """Bring what lies in spools; returns what went wrong."""
    return [wrong for one in load_submitted(folder) if (wrong := scheduler.fetch(one, folder))]


def receive(folder: Path, plan: BatchPlan, journal: Journal) -> None:
    """Take finished tasks that came back over into the journal."""
    for key, value in returned(folder, plan).items():
        if not problem(value)[0] and journal.read(key) is None:
            journal.write(key, value)


def returned(folder: Path, plan: BatchPlan) -> dict[str, Any]:
    """Results that came back, by key of the task, those with failures too."""
    found: dict[str, Any] = {}
    for shard in plan.shards:
        contents = load_results(folder / OUT / results_name(plan.kind, shard.number), shard.keys)
        found |= {key: pickle.loads(content) for key, content in contents.items()}
    return found


def submit(folder: Path, plan: BatchPlan, job: Job, system: scheduler.System, journal: Journal, finished: Callable[[Any], bool]) -> list[int]:
    """Submit every shard that is not done and not in the queue, each with its unfinished tasks only; returns their numbers."""
    fetch_all(folder)
    receive(folder, plan, journal)
    wanted = [state.number for state in states(folder, plan) if state.open]
    wanted = [number for number in wanted if _renewed(folder, plan, number, journal, finished)]
    if not wanted:
        return []
    write_submit_files(folder, plan, job, wanted)
    done = scheduler.submit(folder, system, wanted, spool=job.spool)
    write_text(folder / SUBMITTED, json.dumps([asdict(one) for one in [*load_submitted(folder), done]], indent=1) + "\n")
    return wanted


def _renewed(folder: Path, plan: BatchPlan, number: int, journal: Journal, finished: Callable[[Any], bool]) -> bool:
    """Reduce a shard to its unfinished tasks and forget what its last job left; whether anything is left to do."""
    path = folder / SHARDS / shard_name(number)
    shard = load_shard(path)
    left = tuple(task for task in shard.tasks if not finished(journal.read(task.key)))
    report = folder / OUT / report_name(number)
    if not left:
        save_report(report, Report(number, shard.count, plan.plan, plan.kind, "complete"))
        return False
    report.unlink(missing_ok=True)
    (folder / OUT / results_name(plan.kind, number)).unlink(missing_ok=True)
    if len(left) < len(shard.tasks):
        save_shard(path, reduced(shard, left))
    return True


def write_submit_files(folder: Path, plan: BatchPlan, job: Job, numbers: Sequence[int]) -> None:
    """Write what starts the jobs of the shards ``numbers``, for both batch systems."""
    logs = LOGS if job.log_dir is None else str(Path(job.log_dir).expanduser().resolve())
    (folder / logs).mkdir(parents=True, exist_ok=True)
    jobs = Jobs(plan.name, len(plan.shards), plan.door, plan.config, plan.kind, job, plan.transfer, plan.python, logs)
    inputs = {number: [f"{SHARDS}/{shard_name(number)}", *(_sent(folder, number) if plan.transfer else [])] for number in numbers}
    write_text(folder / submit_files.SCRIPT, submit_files.job_script(jobs))
    write_text(folder / submit_files.CONDOR, submit_files.condor_file(jobs))
    write_text(folder / submit_files.CONDOR_JOBS, submit_files.condor_jobs(inputs))
    write_text(folder / submit_files.SLURM, submit_files.slurm_script(jobs, numbers))


def _sent(folder: Path, number: int) -> list[str]:
    shard = load_shard(folder / SHARDS / shard_name(number))
    return [path if Path(path).name == name else f"{INPUTS}/{name}" for path, (name, _) in shard.transferred.items()]
