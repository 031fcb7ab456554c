"""Tasks -> a folder that any batch system can take: shards, the code, the configuration, the files that start jobs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle

from configs.errors import InputError
from configs.schema import Config, Executor
from processors import shipping, source_code
from processors.batch.folder import BatchPlan, PlannedShard, new_plan_id, transferred_names, write_plan
from processors.batch.shards import Kind, Shard, Task, split
from processors.batch.submission import write_submit_files
from processors.batch.submit_files import CODE
from processors.handshake import NEEDED, Environment, environment
from readers.files import is_url


@dataclass(frozen=True)
class Batch:
    """What is to be cut into jobs: where its folder lies, the door that does a shard, the user's own files, the packages that must agree."""

    config: Config
    folder: Path
    door: str
    kind: Kind
    own: Mapping[str, Path]
    environment: Environment


def wanted_environment(files: Iterable[Path] = ()) -> Environment:
    """This Python with the versions that jobs must have too: of what every result needs, and of what ``files`` import."""
    named = {*NEEDED, *source_code.versions(source_code.imported_packages(files))} - {"python", "dynode"}
    return environment(sorted(named))


def travels(options: Executor) -> bool:
    """Whether files travel with a job, because it does not see the paths of this machine."""
    return (options.job.filesystem or ("transfer" if options.kind == "htcondor" else "shared")) == "transfer"


def write(batch: Batch, tasks: Sequence[Task], function: Callable[[Mapping[str, str]], Any], jobs: int) -> BatchPlan:
    """Write the folder of a batch of at most ``jobs`` jobs.

    ``function(names)`` is what a job calls with the argument of each task; ``names``: path -> name in the job's folder, of files that travel.
    """
    options = batch.config.executor
    moved = _moved(batch, tasks) if travels(options) else {}
    called = cloudpickle.dumps(function({path: name for path, (name, _) in moved.items()}))
    groups = split(tasks, jobs)
    plan_id = new_plan_id()
    shards = [
        Shard(
            number, len(groups), plan_id, batch.kind, batch.environment, called, tuple(group), options.job.cpus, options.stall_timeout_s,
            {path: moved[path] for task in group for path in task.inputs if path in moved},
        )
        for number, group in enumerate(groups)
    ]  # fmt: skip
    planned = tuple(PlannedShard(one.number, tuple(task.key for task in one.tasks), tuple(task.name for task in one.tasks)) for one in shards)
    plan = BatchPlan(
        batch.config.name, plan_id, batch.kind, batch.door, batch.config.source.name, travels(options), _python(options), planned,
    )  # fmt: skip
    files = {batch.config.source.name: batch.config.source.read_bytes() if batch.config.source.is_file() else b""}
    write_plan(batch.folder, plan, shards, {CODE: shipping.code_archive(batch.own), **files})
    write_submit_files(batch.folder, plan, options.job, range(len(shards)))
    return plan


def _moved(batch: Batch, tasks: Sequence[Task]) -> dict[str, tuple[str, int]]:
    """Path -> name in the job's folder and size, of every local file that tasks read."""
    taken = [CODE, batch.config.source.name, *(Path(path).name for path in batch.config.executor.job.transfer)]
    names = transferred_names((path for task in tasks for path in task.inputs if not is_url(path)), taken)
    try:
        return {path: (name, Path(path).stat().st_size) for path, name in names.items()}
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be sent with a job ({error.strerror})") from None


def _python(options: Executor) -> str:
    if options.job.python:
        return options.job.python
    return "python3" if options.job.image or travels(options) else sys.executable
