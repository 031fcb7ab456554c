"""Executors ``slurm`` and ``htcondor``: dask workers that are jobs of a batch system, through dask-jobqueue.

The scheduler runs in this process: workers must be able to reach this machine. Where no port is open, plain batch needs none (``batch``).
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

from configs import schema
from configs.errors import InputError
from configs.jobs import Job
from processors.dask_cluster import ANSWER_S, SETTINGS, Dask
from processors.executors import Stalled

PROGRAMS = {"slurm": "sbatch", "htcondor": "condor_submit"}
REPLACED_AFTER = "20 s"  # a worker that is gone for so long gets another job
LAST_LINES = 15
LOOPBACK = "127.0.0.1:0"


class JobCluster(Dask):
    """``options.workers`` jobs with one worker each. A job that ends is replaced; none, or no progress, ends the run with the tail of a job log."""

    def __init__(self, options: schema.Executor) -> None:
        """Raises ``InputError`` when dask-jobqueue or the batch system's program is not there."""
        super().__init__(options.workers, options.stall_timeout_s, f"{options.kind} jobs", ship=options.job.ship)
        self.kind, self.job = options.kind, options.job
        try:
            import dask_jobqueue
        except ImportError:
            raise InputError(f"executor.kind = {options.kind} needs the extra `batch`: pip install 'dynode[batch]'") from None
        if shutil.which(PROGRAMS[self.kind]) is None:
            raise InputError(
                f"executor.kind = {self.kind}: {PROGRAMS[self.kind]} is not on PATH; start the command on a machine from which jobs are submitted"
            )
        self.jobqueue = dask_jobqueue
        self._cluster: Any = None
        self._logs = Path()

    def condition(self) -> str:
        """Executor, workers, and the last lines of the newest job log."""
        try:
            workers = len(self._client.nthreads()) if self._client else 0
        except (OSError, TimeoutError):
            workers = 0
        return f"{self.kind}, {workers or 'no'} workers of {self.workers} jobs{self._tail()}"

    def _place(self) -> str:
        return f"of {self.kind} jobs"

    def _connected(self) -> Any:
        import dask

        self._open.enter_context(dask.config.set({**SETTINGS, "distributed.deploy.lost-worker-timeout": REPLACED_AFTER}))
        self._logs = self._log_folder()
        try:
            made = self.jobqueue.SLURMCluster if self.kind == "slurm" else self.jobqueue.HTCondorCluster
            self._cluster = self._open.enter_context(made(**cluster_options(self.kind, self.job, self._logs)))
            client = self._open.enter_context(self.distributed.Client(self._cluster, set_as_default=False))
        except (OSError, ValueError, TimeoutError, RuntimeError) as error:
            raise InputError(f"executor.kind = {self.kind}: the scheduler does not start here ({type(error).__name__}: {error})") from None
        if self.ship:
            from processors import worker_code

            worker_code.ship(client, self.own)
        self._cluster.scale(jobs=self.workers)
        try:
            client.wait_for_workers(1, timeout=self.stall_timeout_s)
        except TimeoutError:
            raise Stalled(
                f"no worker of {self.workers} {self.kind} jobs came within executor.stall_timeout_s = {self.stall_timeout_s:g} s (is the queue "
                f"long? then raise it){self._tail()}"
            ) from None
        self._introduce(client)
        return client

    def _introduce(self, client: Any) -> None:
        from processors import worker_code

        self._known |= worker_code.check_new(client, self._known, ANSWER_S)

    def _look_after_workers(self, answer_s: float) -> None:
        """Check new workers, and ask for jobs in place of those that ended."""
        super()._look_after_workers(answer_s)
        if len(self._client.nthreads()) < self.workers:
            self._cluster.scale(jobs=self.workers)

    def _log_folder(self) -> Path:
        folder = Path(self.job.log_dir).expanduser() if self.job.log_dir else self.logs or Path(tempfile.mkdtemp(prefix="dynode-logs-"))
        folder.mkdir(parents=True, exist_ok=True)
        return folder.resolve()

    def _tail(self) -> str:
        """The last lines of the job log that was written last."""
        logs = [path for path in self._logs.glob("*") if path.suffix in (".err", ".out") and path.stat().st_size] if self._logs != Path() else []
        if not logs:
            return f"; no job has written a log in {self._logs}"
        newest = max(logs, key=lambda path: path.stat().st_mtime_ns)
        lines = newest.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        return "; ".join([f"; {newest} ends", *lines])


def cluster_options(kind: str, job: Job, logs: Path) -> dict[str, Any]:
    """What dask-jobqueue is told. Dashboards stay on loopback: nobody looks at those of workers."""
    common = {
        "cores": job.cpus, "processes": 1, "memory": f"{job.memory_mb}MB", "interface": job.interface, "log_directory": str(logs),
        "job_script_prologue": [*job.prologue], "scheduler_options": {"dashboard_address": LOOPBACK},
        "worker_extra_args": ["--dashboard-address", LOOPBACK, "--nthreads", "1"], "silence_logs": logging.CRITICAL,
    }  # fmt: skip
    python = {"python": job.python} if job.python else {}
    lines = dict(job.directives)
    if kind == "slurm":
        inside = {"python": f"apptainer exec {job.image} {job.python or 'python3'}"} if job.image else python
        extra = [f"--{name}={value}" for name, value in lines.items()]
        return {**common, **inside, "queue": job.queue, "account": job.account, "walltime": job.walltime, "job_extra_directives": extra}
    container = {"universe": "container", "container_image": job.image} if job.image else {}
    getenv = {"getenv": ", ".join(job.environment)} if job.environment else {}
    extra_lines = {**({"accounting_group": job.account} if job.account else {}), **container, **getenv, **lines}
    python = python or ({"python": "python3"} if job.image else {})
    return {**common, **python, "disk": f"{job.disk_mb}MB", "job_extra_directives": extra_lines}
