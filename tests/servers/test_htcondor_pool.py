"""The one-node HTCondor of the tests: files travel both ways, failures are tried again, and it listens on loopback only."""

from __future__ import annotations

import sys

from servers.children import listening_elsewhere
from servers.htcondor_pool import PROJECT, HTCondorPool

SUBMIT = """
universe = vanilla
executable = /bin/sh
arguments = job.sh $(number)
transfer_executable = False
transfer_input_files = job.sh
should_transfer_files = YES
when_to_transfer_output = ON_EXIT
transfer_output_files = result
transfer_output_remaps = "result=result_$(number)"
output = job_$(number).out
error = job_$(number).err
log = cluster.log
max_retries = 1
request_cpus = 1
request_memory = 100
request_disk = 1000
queue number in (1, 2)
"""


def test_results_come_back_under_their_names_also_of_jobs_that_fail(htcondor_pool: HTCondorPool) -> None:
    folder = htcondor_pool.workspace("travel")
    (folder / "job.submit").write_text(SUBMIT)
    (folder / "job.sh").write_text('echo "number $1" > result\necho "$_CONDOR_JOB_AD" > /dev/null\n[ "$1" = 1 ] || exit 3\n')
    cluster = htcondor_pool.call("condor_submit", "-terse", "job.submit", folder=folder).split(".")[0]
    htcondor_pool.wait_until_done(cluster)
    assert [(folder / f"result_{number}").read_text() for number in (1, 2)] == ["number 1\n", "number 2\n"]
    log = (folder / "cluster.log").read_text()
    assert log.count("Job executing on host") == 3  # the one that fails is started twice


def test_this_python_and_the_project_are_there_for_jobs(htcondor_pool: HTCondorPool) -> None:
    code = "import readers, processors.engine, os; print(os.getuid(), readers.__file__)"
    told = htcondor_pool.call(sys.executable, "-c", code, environment={"PYTHONPATH": str(PROJECT)}).split()
    assert told == ["1000", str(PROJECT / "readers" / "__init__.py")]


def test_every_socket_is_on_loopback(htcondor_pool: HTCondorPool) -> None:
    assert listening_elsewhere(htcondor_pool.pids) == []
