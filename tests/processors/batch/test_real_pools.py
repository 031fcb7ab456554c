"""Whole runs on a real Slurm and a real HTCondor of one node: bitwise the run on this machine (Slurm's arrays: ``test_real_slurm_batch``)."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from batch_case import Case, make_case
from servers.htcondor_pool import PROJECT, USER, HTCondorPool
from servers.slurm_pool import SlurmPool

from configs.command_line import DONE

SLURM_JOB = {"python": sys.executable, "memory_mb": 2000, "queue": "main", "walltime": "00:05:00", "interface": "lo"}
CONDOR_JOB = {"python": sys.executable, "memory_mb": 1500, "disk_mb": 200, "interface": "lo"}
FINISHED_S = 240.0


@pytest.fixture
def on_slurm(slurm_pool: SlurmPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Case]:
    """Makes a configuration whose jobs go to the pool."""
    for name, value in slurm_pool.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return lambda **options: make_case(tmp_path / "run", SLURM_JOB, kind="slurm", **options)


def wait_for(done: Callable[[], bool]) -> None:
    end = time.monotonic() + FINISHED_S
    while not done():
        assert time.monotonic() < end, f"not done after {FINISHED_S:g} s"
        time.sleep(0.5)


def queue_is_empty(pool: SlurmPool) -> bool:
    return not pool.call("squeue", "--noheader").strip()


def test_dask_workers_that_are_jobs_of_slurm(on_slurm: Callable[..., Case], slurm_pool: SlurmPool) -> None:
    case = on_slurm()
    assert case.call() == DONE
    assert case.digest() == case.local()
    wait_for(lambda: queue_is_empty(slurm_pool))  # no job is left behind


class Inside:
    """A configuration in a folder of the pool, its commands as the pool's user."""

    def __init__(self, pool: HTCondorPool, name: str, job: dict[str, object]) -> None:
        self.pool = pool
        self.case = make_case(pool.workspace(name) / "run", job, kind="htcondor")
        for place in (self.case.folder, *self.case.folder.rglob("*")):
            os.chown(place, USER, USER)

    def call(self, *arguments: str) -> str:
        door = (sys.executable, PROJECT / "run_processor.py", self.case.config, *arguments)
        return self.pool.call(*door, folder=self.case.folder, environment={"PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"})

    def status(self) -> str:
        door = (sys.executable, PROJECT / "run_processor.py", self.case.config, "status")
        return self.pool.call(*door, folder=self.case.folder, environment={"PYTHONPATH": str(PROJECT)}, check=False)

    def digest(self, output: str = "outputs") -> str:
        return str(json.loads((self.case.folder / output / "sums" / "processing.json").read_text())["histogram_digest"])


@pytest.mark.parametrize("spool", [True, False], ids=["spool", "transfer"])
def test_jobs_of_htcondor_give_bitwise_the_local_result(htcondor_pool: HTCondorPool, spool: bool) -> None:
    inside = Inside(htcondor_pool, f"batch_{spool}", {**CONDOR_JOB, "spool": spool})
    inside.call("plan", "--jobs", "2")
    inside.call("submit")
    wait_for(lambda: "2 done of 2 jobs" in inside.status())
    inside.call("collect")
    inside.call("--set", f"output_dir={inside.case.folder / 'local'}", "--set", "executor.kind=iterative")
    assert inside.digest() == inside.digest("local")


def test_dask_workers_that_are_jobs_of_htcondor(htcondor_pool: HTCondorPool) -> None:
    inside = Inside(htcondor_pool, "dask", {**CONDOR_JOB, "filesystem": "shared"})
    inside.call()
    inside.call("--set", f"output_dir={inside.case.folder / 'local'}", "--set", "executor.kind=iterative")
    assert inside.digest() == inside.digest("local")
