"""Plain batch: whatever happens to jobs, the result is bitwise that of a run here, or the account says what is missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from batch_case import calls, fake_pool, make_case

from configs.command_line import DONE, INCOMPLETE, WRONG_INPUT

HERE = {"python": sys.executable, "retries": 1}


@pytest.mark.parametrize(
    ("kind", "job"),
    [("htcondor", {**HERE, "spool": True}), ("htcondor", {**HERE, "filesystem": "shared"}), ("slurm", {})],
    ids=["HTCondor, spool and transfer", "HTCondor, shared file system", "Slurm"],
)
def test_jobs_give_bitwise_the_local_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str, job: dict[str, object]
) -> None:
    case = make_case(tmp_path, job, kind=kind)
    fake_pool(tmp_path, monkeypatch)
    local = case.local()
    assert case.call("plan", "--jobs", "2") == DONE
    assert case.call("status") == INCOMPLETE
    assert "2 not submitted of 2 jobs" in capsys.readouterr().out
    assert case.call("submit") == DONE
    assert case.call("status") == DONE
    shown = capsys.readouterr().out
    assert "2 done of 2 jobs" in shown
    assert "reason" not in shown  # no table without a row
    assert case.call("collect") == DONE
    assert case.digest() == local
    submitted = [line for line in calls(tmp_path) if line.startswith(("condor_submit", "sbatch"))]
    assert submitted == [{"slurm": "sbatch job.sbatch"}.get(kind, "condor_submit -spool job.sub" if "spool" in job else "condor_submit job.sub")]
    assert case.call("submit") == DONE
    assert "nothing to submit" in capsys.readouterr().out
    assert case.call("plan", "--jobs", "2") == DONE
    assert "nothing is left to do" in capsys.readouterr().out


def test_a_run_that_is_done_leaves_nothing_for_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = make_case(tmp_path)
    assert case.call("--executor", "iterative") == DONE
    capsys.readouterr()
    assert case.call("plan", "--jobs", "2") == DONE
    assert capsys.readouterr().out == f"nothing is left to do for jobs: python run_processor.py {case.config}\n"
    assert case.call("collect") == WRONG_INPUT
    assert "no batch is planned here; begin with `plan --jobs N`" in capsys.readouterr().err


def test_what_is_lost_is_submitted_again_by_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The machine of job 1 goes away with everything on it."""
    case = make_case(tmp_path, HERE)
    rules = fake_pool(tmp_path, monkeypatch)
    rules.write_text(json.dumps({"lost": [1]}))
    assert case.call("plan", "--jobs", "3") == DONE
    assert case.call("submit") == DONE
    assert case.call("status") == INCOMPLETE
    shown = capsys.readouterr().out
    assert "2 done, 1 missing of 3 jobs" in shown
    assert "nothing came back; job_1.err ends: the machine went away" in shown
    assert case.call("collect") == INCOMPLETE
    account = json.loads((case.output / "processing.json").read_text())["datasets"]["mc"]
    assert (account["processed"], account["expected"]) == (120, 180)
    assert {failure["reason"] for failure in account["failed"]} == {
        "job 1 of the batch is missing: nothing came back; job_1.err ends: the machine went away"
    }
    assert sum(failure["stop"] - failure["start"] for failure in account["failed"]) == 60
    rules.unlink()
    assert case.call("submit") == DONE
    assert "1 of 3 jobs submitted" in capsys.readouterr().out
    assert (case.batch / "jobs.csv").read_text().startswith("1, shards/shard_1.bin, ")
    assert case.call("collect") == DONE
    assert case.digest() == case.local()


def test_a_task_that_kills_its_process_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = tmp_path / "mended"
    case = make_case(tmp_path, {**HERE, "retries": 0}, poison=True, act="kill")
    fake_pool(tmp_path, monkeypatch)
    assert case.call("plan", "--jobs", "1") == DONE
    assert case.call("submit") == DONE
    assert case.call("status") == INCOMPLETE
    shown = " ".join(capsys.readouterr().out.split())
    assert "0 failed 8/9 1 of 9 tasks: mc:" in shown
    assert "its worker process died of SIGKILL (killed, out of memory, or a crash in compiled code), also when it ran alone" in shown
    assert case.call("collect", "--allow-partial") == DONE
    account = json.loads((case.output / "processing.json").read_text())["datasets"]["mc"]
    assert (account["processed"], account["expected"]) == (160, 180)
    (failure,) = account["failed"]
    assert failure["file"].endswith("night 1/run.parquet")
    assert (failure["start"], failure["stop"]) == (20, 40)
    assert not marker.exists()


def test_a_job_killed_for_memory_is_told_and_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole job dies in the middle, once; without retries of the pool the next `submit` does what is left."""
    job = {**HERE, "retries": 0, "prologue": ["export DYNODE_JOB=$$"], "python": f"exec {sys.executable}"}
    case = make_case(tmp_path, job, poison=True, act="kill job", marker=str(tmp_path / "killed"))
    fake_pool(tmp_path, monkeypatch)
    assert case.call("plan", "--jobs", "2") == DONE
    assert case.call("submit") == DONE
    assert case.call("status") == INCOMPLETE
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 done, 1 failed of 2 jobs" in shown
    assert "ended without a word (machine lost, or killed with all its processes)" in shown
    assert case.call("submit") == DONE
    assert case.call("collect") == DONE
    assert case.digest() == case.local()


def test_a_chunk_that_needs_more_memory_than_the_job_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A real limit of the job's address space; with a larger one `submit` does the chunk that failed."""
    limit = f"if [ ! -e {tmp_path}/room ]; then ulimit -v {4 << 20}; fi"
    case = make_case(tmp_path, {**HERE, "retries": 0, "prologue": [limit]}, poison=True, act="memory")
    fake_pool(tmp_path, monkeypatch)
    assert case.call("plan", "--jobs", "1") == DONE
    assert case.call("submit") == DONE
    assert case.call("status") == INCOMPLETE
    shown = " ".join(capsys.readouterr().out.split())
    assert "0 failed 8/9 1 of 9 tasks: mc:" in shown
    assert "Unable to allocate 4.00 GiB" in shown
    assert case.call("collect") == INCOMPLETE
    assert json.loads((case.output / "processing.json").read_text())["datasets"]["mc"]["processed"] == 160
    (tmp_path / "room").touch()
    assert case.call("submit") == DONE
    assert case.call("collect") == DONE
    assert case.digest() == case.local()


def test_a_full_disk_on_one_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Job 1 may not write its results (a limit on the size of files stands for the disk); job 0 can."""
    limit = f'if [ "$shard" = 1 ] && [ ! -e {tmp_path}/room ]; then ulimit -f 1000; fi'
    case = make_case(tmp_path, {**HERE, "retries": 0, "prologue": [limit]}, bins=400_000)
    fake_pool(tmp_path, monkeypatch)
    assert case.call("plan", "--jobs", "2") == DONE
    assert case.call("submit") == DONE
    assert case.call("status") == INCOMPLETE
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 done, 1 failed of 2 jobs" in shown
    assert case.call("collect") == INCOMPLETE
    assert "entries [20, 40): worker: job 1 of the batch is failed" in capsys.readouterr().err
    (tmp_path / "room").touch()
    assert case.call("submit") == DONE
    assert case.call("collect") == DONE
    assert case.digest() == case.local()


def test_a_scheduler_that_is_gone_is_told_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = make_case(tmp_path, HERE)
    fake_pool(tmp_path, monkeypatch)
    program = tmp_path / "pool" / "bin" / "condor_submit"
    there = program.read_text()
    program.write_text("#!/bin/sh\necho 'ERROR: Can'\\''t find address of local schedd' >&2\nexit 1\n")
    assert case.call("plan", "--jobs", "1") == DONE
    assert case.call("submit") == WRONG_INPUT
    assert "condor_submit job.sub in" in (told := capsys.readouterr().err)
    assert "failed (status 1): ERROR: Can't find address of local schedd" in told
    program.write_text(there)
    assert case.call("submit") == DONE
    assert case.call("collect") == DONE
    assert case.digest() == case.local()


def test_a_changed_processor_is_never_mixed_with_what_came_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = make_case(tmp_path, HERE)
    fake_pool(tmp_path, monkeypatch)
    assert case.call("plan", "--jobs", "1") == DONE
    assert case.call("submit") == DONE
    (tmp_path / "factors.py").write_text("FACTOR = 0.2\n")
    assert case.call("collect") == INCOMPLETE
    assert "not in the plan of the batch: input, options or code changed since; run `plan` and `submit` again" in capsys.readouterr().err
    assert json.loads((case.output / "processing.json").read_text())["datasets"]["mc"]["processed"] == 0
