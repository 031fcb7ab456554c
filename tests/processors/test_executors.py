"""The executors' contract: every item once, a dead worker costs its own item, nothing hangs for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs import schema
from configs.errors import InputError
from processors.executors import Executor, Lost, Stalled, create

KINDS = ["iterative", "futures", "dask"]


def options(kind: str, **more: Any) -> schema.Executor:
    return schema.Executor(kind=kind, workers=2, **more)


def collect(executor: Executor, function: Any, items: list[Any]) -> dict[int, Any]:
    results: dict[int, Any] = {}

    def on_done(index: int, result: Any) -> None:
        assert index not in results
        results[index] = result

    executor.map(function, items, on_done)
    return results


def kill_at_three(item: int) -> int:
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


@pytest.mark.parametrize("kind", KINDS)
def test_every_item_is_done_once(opened: dict[str, Executor], kind: str) -> None:
    offset = 5
    assert collect(opened[kind], lambda item: item + offset, list(range(30))) == {item: item + offset for item in range(30)}
    assert collect(opened[kind], abs, []) == {}


@pytest.mark.parametrize("kind", ["futures", "dask"])
def test_a_large_function_goes_to_a_worker_once(opened: dict[str, Executor], kind: str) -> None:
    """Toys hold a whole response; it survives the worker that has it, and its arrival is no warning."""
    response = np.random.default_rng(1).normal(size=2_000_000)  # 16 MB
    results = collect(opened[kind], lambda item: (kill_at_three(item), response[item])[1], list(range(8)))
    assert isinstance(results.pop(3), Lost)
    assert results == {item: response[item] for item in range(8) if item != 3}


@pytest.mark.parametrize("kind", KINDS)
def test_coffea_call_contract_adds_in_the_order_of_the_items(opened: dict[str, Executor], kind: str) -> None:
    weights = [1e16, 1.0, -1e16, 1.0, 0.1, 0.2, 0.3]  # a sum that depends on the order
    total, status = opened[kind](weights, np.float64, np.float64(0.5))
    expected = np.float64(0.5)
    for weight in weights:
        expected = expected + weight
    assert (total, status) == (expected, 0)


@pytest.mark.parametrize("kind", ["futures", "dask"])
def test_a_killed_worker_costs_its_own_item_only(opened: dict[str, Executor], kind: str) -> None:
    results = collect(opened[kind], kill_at_three, list(range(12)))
    assert {item: result for item, result in results.items() if item != 3} == {item: item * item for item in range(12) if item != 3}
    assert isinstance(results[3], Lost)
    assert results[3].reason.startswith({"futures": "its worker process died of SIGKILL (", "dask": "its dask worker died ("}[kind])
    with pytest.raises(RuntimeError, match=r"item 3 of 5: its .*worker.* died"):
        opened[kind](list(range(5)), kill_at_three, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_of_the_function_is_raised_here(opened: dict[str, Executor], kind: str) -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        collect(opened[kind], lambda item: 1 / item, [1, 2, 0, 4])
    assert collect(opened[kind], abs, [-1]) == {0: 1}


def test_workers_see_the_environment_of_the_moment_they_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bug: the fork server of an earlier run gave workers the environment of its own start, without the keys of a store set since."""
    with create(options("futures")) as first:
        collect(first, os.getenv, ["DYNODE_SET_LATER"])
    monkeypatch.setenv("DYNODE_SET_LATER", "yes")
    with create(options("futures")) as second:
        assert collect(second, os.getenv, ["DYNODE_SET_LATER"]) == {0: "yes"}


def test_workers_are_kept_between_calls(opened: dict[str, Executor]) -> None:
    first, second = (set(collect(opened["futures"], lambda item: os.getpid(), list(range(8))).values()) for _ in range(2))
    assert os.getpid() not in first
    assert len(first | second) <= 2


@pytest.mark.parametrize("kind", ["futures", "dask"])
def test_the_watchdog_ends_a_run_without_progress(kind: str) -> None:
    with create(schema.Executor(kind=kind, workers=1, stall_timeout_s=60.0)) as executor:
        assert collect(executor, abs, [-1]) == {0: 1}
        executor.stall_timeout_s = 0.3
        started = time.monotonic()
        with pytest.raises(
            Stalled, match=r"no progress for executor.stall_timeout_s = 0.3 s \(.*1 workers\); unfinished: item 0 of 1; .*run the command again"
        ):
            collect(executor, time.sleep, [600])
        assert time.monotonic() - started < 5


def test_the_watchdog_ends_a_run_without_workers() -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        create(options("dask", address=cluster.scheduler_address, stall_timeout_s=0.3)) as executor,
        pytest.raises(Stalled, match=r"dask at .*, no workers"),
    ):
        collect(executor, abs, [-1])


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.dask_cluster.CONNECT_S", 0.3)
    message = r"executor.address = tcp://127.0.0.1:9: no dask scheduler answers"
    with create(options("dask", address="tcp://127.0.0.1:9")) as executor, pytest.raises(InputError, match=message):
        collect(executor, abs, [-1])


def test_dask_that_is_not_installed_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"executor.kind = dask needs the extra `dask`: pip install 'dynode\[dask\]'"):
        create(options("dask"))


def test_dask_is_imported_only_when_asked_for() -> None:
    code = "import sys, processors.stage; print(sorted({'dask', 'distributed', 'matplotlib', 'zfit', 'pyhf'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_script_without_main_guard_is_told(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from configs import schema\nfrom processors.executors import create\n"
        "with create(schema.Executor(kind='futures', workers=1)) as executor:\n    executor.map(abs, [1], print)\n"
    )
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode != 0
    assert "a script that starts a run must do so below `if __name__ == '__main__':`" in result.stderr


def test_workers_end_when_the_main_process_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(
        "import os, time\nfrom pathlib import Path\nfrom configs import schema\nfrom processors.executors import create\n\n\n"
        f"def note(item):\n    (Path({str(tmp_path)!r}) / f'pid_{{os.getpid()}}').touch()\n    time.sleep(600)\n\n\n"
        "if __name__ == '__main__':\n    with create(schema.Executor(kind='futures', workers=2)) as executor:\n"
        "        executor.map(note, [0, 1], print)\n"
    )
    process = subprocess.Popen([sys.executable, str(script)])
    try:
        pids = _wait_for(lambda: [int(path.name.removeprefix("pid_")) for path in tmp_path.glob("pid_*")], lambda found: len(found) == 2)
    finally:
        process.kill()
        process.wait()
    assert _wait_for(lambda: [pid for pid in pids if _alive(pid)], lambda left: not left) == []


def test_a_pool_is_safe_beside_threads_that_hold_locks(opened: dict[str, Executor]) -> None:
    lock = threading.Lock()
    with lock:  # a forked copy of this process would inherit it locked
        assert collect(opened["futures"], abs, [-3, -4]) == {0: 3, 1: 4}


def _wait_for(look: Any, good: Any, timeout_s: float = 30.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not good(found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_dask_workers_that_are_being_restarted_are_never_given_up() -> None:
    """distributed closes a worker that is not back 15 s after it died; with a few poisonous chunks in a row no worker was left."""
    dask = pytest.importorskip("dask")
    before = dask.config.get("distributed.deploy.lost-worker-timeout")
    with create(schema.Executor(kind="dask", workers=1, stall_timeout_s=60.0)) as executor:
        assert collect(executor, lambda item: item, [1]) == {0: 1}
        assert dask.config.get("distributed.deploy.lost-worker-timeout") == "365 days"
    assert dask.config.get("distributed.deploy.lost-worker-timeout") == before
