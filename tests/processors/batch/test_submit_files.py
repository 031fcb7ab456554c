"""What is handed to HTCondor and Slurm, against files that were read line by line (tests/processors/batch/golden)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from fake_batch import install

from configs.errors import InputError
from configs.jobs import Job
from processors.batch import scheduler
from processors.batch.scheduler import Submitted
from processors.batch.submit_files import Jobs, condor_file, condor_jobs, job_script, slurm_script

GOLDEN = Path(__file__).parent / "golden"
CYGNO = Job(
    image="docker://example/dynode:1", memory_mb=3000, disk_mb=4000, spool=True, environment=["AWS_ENDPOINT_URL_S3"], transfer=["proxy.pem"],
    directives={"+OWNER": '"cygno"'}, prologue=["export X509_USER_PROXY=$PWD/proxy.pem"], max_running=50,
)  # fmt: skip
ICECUBE = Job(
    cpus=2, walltime="8:00:00", queue="long", account="icecube", directives={"constraint": "avx2"}, max_running=10, environment=["DYNODE_DATA"]
)  # fmt: skip


def jobs(job: Job, *, transfer: bool, count: int = 20) -> Jobs:
    return Jobs("gain", count, "run_processor", "gain.yaml", "hists", job, transfer, "python3")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spool.sub", condor_file(jobs(CYGNO, transfer=True))),
        ("shared.sub", condor_file(jobs(Job(), transfer=False))),
        ("jobs.csv", condor_jobs({0: ["shards/shard_0.bin", "/data/a.root", "inputs/1_a.root"], 3: ["shards/shard_3.bin"]})),
        ("array.sbatch", slurm_script(jobs(ICECUBE, transfer=False), range(20))),
        ("again.sbatch", slurm_script(jobs(Job(image="dynode.sif"), transfer=False), [1, 2, 3, 7])),
        ("job.sh", job_script(jobs(CYGNO, transfer=True))),
    ],
)
def test_golden_files(name: str, text: str) -> None:
    assert text == (GOLDEN / name).read_text()


def test_lines_of_htcondor_are_not_given_to_slurm() -> None:
    assert "OWNER" in condor_file(jobs(CYGNO, transfer=True))
    assert "OWNER" not in slurm_script(jobs(CYGNO, transfer=False), [0])


def test_the_traps_of_file_transfer_are_avoided() -> None:
    """ON_SUCCESS leaves nothing of a failed job in the spool, and fetching stops there; both files of a job are remapped."""
    text = condor_file(jobs(CYGNO, transfer=True))
    assert re.search(r"^when_to_transfer_output += ON_EXIT$", text, re.MULTILINE)
    outputs = re.search(r"^transfer_output_files += (.*)$", text, re.MULTILINE)
    assert outputs is not None
    assert all(f"{name} = out/{name}" in text for name in outputs[1].split(", "))


@pytest.mark.parametrize(("door", "status"), [("kill -9 $$", 137), ("exit 5", 5), ("exit 0", 0)])
def test_report_and_results_exist_however_the_job_ends(tmp_path: Path, door: str, status: int) -> None:
    """A job that is killed after it began keeps its report, marked; one that never began gets one."""
    (tmp_path / "began").write_text('{\n "status": "started",\n "exit_status": null\n}\n')
    begins = f"sh -c 'cp began outcome_3.json; {door}' --"
    for python, said in ((begins, '"killed"' if status else '"started"'), (f"sh -c '{door}' --", '"failed"')):
        (tmp_path / "outcome_3.json").unlink(missing_ok=True)
        (tmp_path / "job.sh").write_text(job_script(Jobs("gain", 4, "run_processor", "gain.yaml", "hists", Job(ship=False), True, python)))
        ended = subprocess.run(["bash", "job.sh", "3"], cwd=tmp_path, check=False, capture_output=True, timeout=30)
        assert ended.returncode == status
        report = (tmp_path / "outcome_3.json").read_text()
        assert f'"status": {said}' in report
        assert f'"exit_status": {status if status or "failed" in said else "null"}' in report
        assert (tmp_path / "hists_3.h5").exists()


def test_a_prologue_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text(job_script(jobs(Job(prologue=["source /no/such/environment.sh"]), transfer=True, count=4)))
    assert subprocess.run(["bash", "job.sh", "0"], cwd=tmp_path, check=False, capture_output=True, timeout=30).returncode == 1
    assert '"reason": "the job ended before its work began: see its log"' in (tmp_path / "outcome_0.json").read_text()


def program(folder: Path, name: str, text: str, status: int = 0) -> None:
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\ncat << 'END'\n{text}\nEND\nexit {status}\n")
    path.chmod(0o755)


def test_what_the_queue_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{install(tmp_path)}:/usr/bin:/bin")
    held = "Transfer output files failure at the execution point"
    program(tmp_path, "condor_q", f"0 2 undefined\n1 5 {held}\n2 1 undefined\n3 4 undefined")
    found = scheduler.queued(Submitted("htcondor", "7", (4, 6, 9, 11)))
    assert {number: (job.state, job.alive) for number, job in found.items()} == {
        4: ("running", True), 6: ("held", True), 9: ("waiting", True), 11: ("ended", False),
    }  # fmt: skip
    assert found[6].reason == held
    program(tmp_path, "squeue", "3 PENDING Priority\n5 RUNNING None\n6 COMPLETING None\n7 OUT_OF_MEMORY None")
    found = scheduler.queued(Submitted("slurm", "8", (3, 5, 6, 7)))
    assert {number: job.state for number, job in found.items()} == {3: "waiting", 5: "running", 6: "running", 7: "out_of_memory"}
    assert not found[7].alive
    program(tmp_path, "squeue", "slurm_load_jobs error: Invalid job id specified", 1)
    assert scheduler.queued(Submitted("slurm", "8", (3,))) == {}


def test_which_batch_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(install(tmp_path / "slurm", "sbatch")))
    assert scheduler.choose("slurm") == scheduler.choose("futures") == "slurm"
    with pytest.raises(InputError, match=r"condor_submit is not on PATH: submit on a machine of the pool, or run the jobs yourself \(`bash job"):
        scheduler.choose("htcondor")
    monkeypatch.setenv("PATH", str(install(tmp_path / "both")))
    assert scheduler.choose("htcondor") == "htcondor"
    with pytest.raises(InputError, match="both are on PATH: condor_submit or sbatch; say which with executor.kind"):
        scheduler.choose("iterative")
