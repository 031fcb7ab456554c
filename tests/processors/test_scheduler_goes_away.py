"""A dask scheduler that is killed, or freezes, in the middle of a run: told, what is finished is kept, and the run that goes on gives the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from engine_case import Spectrum, dataset, raw, write_events

from configs import schema
from configs.errors import InputError
from processors import engine
from processors.engine import RunOutcome
from processors.executors import Stalled

distributed = pytest.importorskip("distributed")
CHUNKS = 16
KILLED_AFTER = 4


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of dask on loopback."""
    seen = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-m", f"distributed.cli.dask_{arguments[0]}", *arguments[1:], "--host", "127.0.0.1", "--no-dashboard"]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": seen}, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def address_in(file: Path) -> str:
    end = time.monotonic() + 60.0
    while time.monotonic() < end:
        if file.exists():
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.05)
    raise AssertionError("no scheduler")


# What happens to the scheduler -> how it is done, how long the run waits without progress, what is said.
ENDS: dict[str, tuple[Callable[[subprocess.Popen[bytes]], None], float, str]] = {
    "killed": (lambda process: process.kill(), 60.0, "the dask scheduler at {} went away; the journal keeps what is finished: run the command again"),
    "frozen": (
        lambda process: process.send_signal(signal.SIGSTOP),
        8.0,
        r"no progress for executor.stall_timeout_s = 8 s \(dask scheduler at {} does not answer\); unfinished: .*run the command again",
    ),
}


@pytest.mark.parametrize("how", ENDS)
def test_what_is_finished_is_kept(tmp_path: Path, how: str) -> None:
    end, stall_s, said = ENDS[how]
    files = [write_events(tmp_path / f"run_{number}.parquet", 40, number) for number in range(2)]
    events = dataset(files, Spectrum(sleep_s=0.1))

    def go(address: str, progress: engine.Progress, stall_timeout_s: float = 60.0) -> RunOutcome:
        options = schema.Executor(kind="dask", address=address, workers=1, chunksize=5, stall_timeout_s=stall_timeout_s)
        return engine.run([events], options, journal=tmp_path / "journal", progress=progress)

    with ExitStack() as stack:
        scheduler = stack.enter_context(running("scheduler", "--port", "0", "--scheduler-file", str(tmp_path / "scheduler.json")))
        address = address_in(tmp_path / "scheduler.json")
        stack.enter_context(running("worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path), "--death-timeout", "1"))
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=60.0)

        def stop(what: str, done: int, total: int) -> None:
            assert (what != "processing") or total == CHUNKS
            if (what, done) == ("processing", KILLED_AFTER):
                end(scheduler)

        with pytest.raises((InputError, Stalled), match=said.format(address)):
            go(address, stop, stall_s)
    steps: list[int] = []
    with distributed.LocalCluster(n_workers=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        outcome = go(cluster.scheduler_address, lambda what, done, total: steps.append(done) if what == "processing" else None)
    assert steps == list(range(KILLED_AFTER, CHUNKS + 1))
    assert outcome.account.describe() == ""
    assert raw(outcome.hists["mc"]) == raw(engine.run([dataset(files)], schema.Executor(chunksize=5)).hists["mc"])
