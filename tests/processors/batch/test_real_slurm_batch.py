"""Plain batch on the real one-node Slurm of the tests: an array, a task that is killed, the same command again."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest
from batch_case import Case, make_case

from configs.command_line import DONE, INCOMPLETE


def wait_until_ended(case: Case, capsys: pytest.CaptureFixture[str], limit_s: float = 120.0) -> str:
    """Ask ``status`` until no job is in the queue; returns what it showed last."""
    end = time.monotonic() + limit_s
    while True:
        case.call("status")
        shown = " ".join(capsys.readouterr().out.split())
        if not any(f" {state}" in shown for state in ("waiting", "running")):
            return shown
        assert time.monotonic() < end, shown
        time.sleep(0.5)


def test_arrays(slurm_pool: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in slurm_pool.environment.items():
        monkeypatch.setenv(name, value)
    once = f"if [ $shard = 1 ] && mkdir {tmp_path}/killed 2> /dev/null; then kill -9 $$; fi"  # the node dies under job 1, once
    job = {"memory_mb": 500, "walltime": "00:05:00", "queue": slurm_pool.queue, "prologue": [once], "python": sys.executable}
    case = make_case(tmp_path, job, kind="slurm")
    assert case.call("plan", "--jobs", "2") == DONE
    assert case.call("submit") == DONE
    assert case.call("submit") == DONE  # nothing is submitted twice
    assert "nothing to submit: every job is done or in the queue" in capsys.readouterr().out
    assert "1 done, 1 missing of 2 jobs" in wait_until_ended(case, capsys)
    assert case.call("collect") == INCOMPLETE
    assert json.loads((case.output / "processing.json").read_text())["datasets"]["mc"]["processed"] == 80
    assert case.call("submit") == DONE
    assert "1 of 2 jobs submitted to slurm" in capsys.readouterr().out
    assert "2 done of 2 jobs" in wait_until_ended(case, capsys)
    assert case.call("collect") == DONE
    assert case.digest() == case.local()
