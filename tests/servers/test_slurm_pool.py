"""The one-node Slurm of the tests: it takes arrays, reports failures, and listens on loopback only."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers.children import listening_elsewhere
from servers.slurm_pool import SlurmPool


def submit(pool: SlurmPool, folder: Path, script: str, *options: str) -> str:
    path = folder / "job.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    job = pool.call("sbatch", "--parsable", f"--partition={pool.queue}", "--time=1", *options, str(path), folder=folder).strip()
    pool.wait_for_job(job)
    return job


def test_array_of_tasks(slurm_pool: SlurmPool, tmp_path: Path) -> None:
    submit(slurm_pool, tmp_path, 'echo "$SLURM_ARRAY_TASK_ID" > "task_$SLURM_ARRAY_TASK_ID"', "--array=0-3", "--output=%A_%a.out")
    assert sorted((path.name, path.read_text().strip()) for path in tmp_path.glob("task_*")) == [(f"task_{task}", str(task)) for task in range(4)]


def test_failed_task_is_told(slurm_pool: SlurmPool, tmp_path: Path) -> None:
    job = submit(slurm_pool, tmp_path, "exit 3", "--output=out")
    told = slurm_pool.call("scontrol", "show", "job", job)
    assert "JobState=FAILED" in told
    assert "ExitCode=3:0" in told


def test_jobs_do_not_inherit_the_libraries_of_the_server(slurm_pool: SlurmPool, tmp_path: Path) -> None:
    submit(slurm_pool, tmp_path, 'echo "<$LD_LIBRARY_PATH>" > seen', "--output=out")
    assert (tmp_path / "seen").read_text() == "<>\n"


def test_every_socket_is_on_loopback(slurm_pool: SlurmPool) -> None:
    assert listening_elsewhere(slurm_pool.pids) == []


def test_sockets_elsewhere_are_seen() -> None:
    """The check itself: a socket of this process on all interfaces, which is closed at once."""
    import os
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.2", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"0200007F:{port:04X}" in listening_elsewhere([os.getpid()])
    assert f"0200007F:{port:04X}" not in listening_elsewhere([os.getpid()])


def test_require_turns_a_skip_into_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from servers.programs import absent

    monkeypatch.setenv("DYNODE_REQUIRE", "s3,slurm")
    with pytest.raises(pytest.fail.Exception, match="DYNODE_REQUIRE names slurm, but: slurmctld not found"):
        absent("slurm", "slurmctld not found")
    with pytest.raises(pytest.skip.Exception, match="no network namespace"):
        absent("xrootd", "no network namespace")
