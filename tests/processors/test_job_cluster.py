"""Workers that are jobs: code and handshake before any work, dead jobs replaced, and a run without workers ended with the tail of a log."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_case import Spectrum, dataset, raw, write_events
from fake_batch import install

from configs import schema
from configs.errors import InputError
from configs.jobs import Job
from processors import engine
from processors.executors import Executor, Stalled, create
from processors.job_cluster import cluster_options

pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed: extra `dynode[batch]`")
Make = Callable[..., Executor]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setenv("PATH", f"{install(tmp_path / 'pool')}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)  # a worker imports from its working directory first
    monkeypatch.setattr("processors.dask_cluster.POLL_S", 0.5)
    monkeypatch.setattr("processors.job_cluster.REPLACED_AFTER", "1 s")

    def made(kind: str = "slurm", workers: int = 1, stall_timeout_s: float = 120.0, **job: Any) -> Executor:
        job = {"interface": "lo", "log_dir": str(tmp_path / "logs"), "memory_mb": 4000, **job}
        return create(schema.Executor(kind=kind, workers=workers, stall_timeout_s=stall_timeout_s, job=Job(**job)))

    return made


def collect(executor: Executor, function: Any, items: list[Any]) -> dict[int, Any]:
    results: dict[int, Any] = {}
    with executor:
        executor.map(function, items, results.__setitem__)
    return results


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder that a job finds before the project, with another code under the project's names."""
    for name in ("processors", "configs"):
        (tmp_path / "foreign" / name).mkdir(parents=True)
        (tmp_path / "foreign" / name / "__init__.py").write_text("raise ImportError('an old installation')\n")
    return tmp_path / "foreign"


def test_code_reaches_jobs_that_have_another(make: Make, foreign: Path, tmp_path: Path) -> None:
    """Over a slow start: the run of the engine, by jobs with foreign code, is bitwise that of this process."""
    files = [write_events(tmp_path / f"run_{number}.parquet", 30, number) for number in range(2)]
    with make(prologue=[f"export PYTHONPATH={foreign}:{Path(__file__).parent}:$PYTHONPATH"]) as executor:
        found = engine.run([dataset(files)], schema.Executor(chunksize=10), executor=executor)
    here = engine.run([dataset(files)], schema.Executor(chunksize=10))
    assert found.account.describe() == ""
    assert raw(found.hists["mc"]) == raw(here.hists["mc"])


def test_without_shipping_the_handshake_says_what_is_wrong(make: Make, foreign: Path) -> None:
    message = r"the dask worker tcp://127.0.0.1:\d+ \(.*\) cannot do this work: import processors.work fails there: ImportError: an old installation"
    with pytest.raises(InputError, match=message):
        collect(make(ship=False, prologue=[f"export PYTHONPATH={foreign}:$PYTHONPATH"]), abs, [1])


def test_the_handshake_names_versions_that_differ(make: Make, tmp_path: Path) -> None:
    import hist

    about = tmp_path / "other" / "hist-0.0.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: hist\nVersion: 0.0.1\n")
    with pytest.raises(InputError, match=rf"hist 0\.0\.1 there, {hist.__version__} here\. Give jobs the same environment \(executor\.job\.image"):
        collect(make("htcondor", prologue=[f"export PYTHONPATH={about.parent}:$PYTHONPATH"]), abs, [1])


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "killed"


def test_a_job_that_dies_is_replaced_and_its_item_done_again(make: Make, marker: Path) -> None:
    """The node dies under the third item, with nanny and worker; the only job left is a new one."""

    def square(item: int) -> int:
        if item == 3 and not marker.exists():
            marker.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        return item * item

    assert collect(make(), square, list(range(6))) == {item: item * item for item in range(6)}
    assert marker.exists()


def test_a_run_without_workers_ends_with_the_tail_of_a_job_log(make: Make, tmp_path: Path) -> None:
    message = r"no worker of 1 slurm jobs came within executor.stall_timeout_s = 4 s .*dask-worker-1.err ends; .*no-such-python"
    with pytest.raises(Stalled, match=message):
        collect(make(stall_timeout_s=4.0, python="no-such-python"), abs, [1])


def test_a_missing_batch_system_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"executor.kind = htcondor: condor_submit is not on PATH"):
        create(schema.Executor(kind="htcondor"))


def test_dask_jobqueue_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(InputError, match=r"executor.kind = slurm needs the extra `batch`: pip install 'dynode\[batch\]'"):
        create(schema.Executor(kind="slurm"))


def test_what_dask_jobqueue_is_told() -> None:
    job = Job(
        cpus=2, memory_mb=3000, walltime="12:00:00", queue="long", account="icecube", image="dynode.sif", prologue=["module load python"],
        directives={"constraint": "avx2"},
    )  # fmt: skip
    slurm = cluster_options("slurm", job, Path("/logs"))
    assert slurm["python"] == "apptainer exec dynode.sif python3"
    assert (slurm["queue"], slurm["account"], slurm["walltime"], slurm["memory"]) == ("long", "icecube", "12:00:00", "3000MB")
    assert slurm["job_extra_directives"] == ["--constraint=avx2"]
    assert slurm["job_script_prologue"] == ["module load python"]
    condor = cluster_options("htcondor", Job(image="docker://dynode", account="cygno", directives={"+OWNER": '"me"'}), Path("/logs"))
    assert condor["job_extra_directives"] == {
        "accounting_group": "cygno", "universe": "container", "container_image": "docker://dynode", "+OWNER": '"me"',
    }  # fmt: skip
    assert (condor["disk"], condor["python"]) == ("2000MB", "python3")


@pytest.mark.parametrize("workers", [2])
def test_real_slurm(slurm_pool: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workers: int) -> None:
    """Workers in jobs of a real Slurm: bitwise the result of this process; one worker is killed on the way; every socket is on loopback."""
    for name, value in slurm_pool.environment.items():
        monkeypatch.setenv(name, value)
    files = [write_events(tmp_path / f"run_{number}.parquet", 40, number) for number in range(2)]
    seen = [f"export PYTHONPATH={Path(__file__).parent}:$PYTHONPATH"]  # the processor's module
    job = Job(interface="lo", log_dir=str(tmp_path / "logs"), prologue=seen, memory_mb=1000, queue=slurm_pool.queue, walltime="00:10:00")
    with create(schema.Executor(kind="slurm", workers=workers, job=job)) as executor:
        found = engine.run([dataset(files, Spectrum(sleep_s=0.2))], schema.Executor(chunksize=10), executor=executor)
    assert raw(found.hists["mc"]) == raw(engine.run([dataset(files)], schema.Executor(chunksize=10)).hists["mc"])
