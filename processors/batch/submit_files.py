"""The files that start jobs: ``job.sh`` (what every job runs), HTCondor's submit file with its list of jobs, and Slurm's array script."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from configs.jobs import Job
from processors.batch.reports import report_name, results_name
from processors.batch.shards import Kind

CODE = "code.tar.gz"
SCRIPT, CONDOR, CONDOR_JOBS, SLURM = "job.sh", "job.sub", "jobs.csv", "job.sbatch"
SHARDS, OUT, LOGS, INPUTS = "shards", "out", "logs", "inputs"
RESERVED = ("queue", "executable", "arguments", "transfer_output_files", "transfer_output_remaps", "when_to_transfer_output")  # ours alone


@dataclass(frozen=True)
class Jobs:
    """What the files say of a batch: name, shards in all, the door that does a shard, the configuration's file name, options of a job."""

    name: str
    count: int
    door: str
    config: str
    kind: Kind
    job: Job
    transfer: bool  # files travel with the job
    python: str
    logs: str = LOGS


def job_script(jobs: Jobs) -> str:
    """``job.sh SHARD``: sets up, unpacks the code, does the shard; report and results exist afterwards whatever happens."""
    job = jobs.job
    code = 'tar -xzf code.tar.gz -C "$scratch"\nexport PYTHONPATH="$scratch${PYTHONPATH:+:$PYTHONPATH}"\n' if job.ship else ""
    door = f'"$scratch/{jobs.door}.py"' if job.ship else f"-m {jobs.door}"
    report, results = report_name("$shard"), results_name(jobs.kind, "$shard")
    return f"""#!/bin/bash
# One job of the batch {jobs.name}, started in this folder as: bash {SCRIPT} SHARD
set -eu
shard=${{1:?say which shard: bash job.sh 0}}
inbox=. outbox=.
if [ -d {SHARDS} ]; then inbox={SHARDS} outbox={OUT}; fi
scratch=$(mktemp -d)
rm -f "$outbox/{report}"

finish() {{
    status=$?
    trap - EXIT
    rm -rf "$scratch"  # first: it makes room on a full disk
    if [ ! -s "$outbox/{report}" ]; then
        cat > "$outbox/{report}" << END || true
{{"shard": $shard, "count": {jobs.count}, "plan": "", "kind": "{jobs.kind}", "status": "failed", "exit_status": $status, "host": "$(uname -n)",
 "reason": "the job ended before its work began: see its log"}}
END
    elif [ "$status" -ne 0 ]; then
        sed -i 's/"status": "started"/"status": "killed"/; s/"exit_status": null/"exit_status": '"$status"'/' "$outbox/{report}" || true
    fi
    [ -e "$outbox/{results}" ] || : > "$outbox/{results}" || true
    exit "$status"
}}
trap finish EXIT

export OMP_NUM_THREADS={job.cpus} OPENBLAS_NUM_THREADS={job.cpus} NUMBA_NUM_THREADS={job.cpus}
export PYTHONDONTWRITEBYTECODE=1 NUMBA_CACHE_DIR="$scratch/numba"
{_lines(job.prologue)}{code}{jobs.python} {door} {shlex.quote(jobs.config)} --shard "$shard/{jobs.count}" --inbox "$inbox" --outbox "$outbox"
"""


def condor_file(jobs: Jobs) -> str:
    """HTCondor's submit file; the jobs stand in ``jobs.csv``.

    Results come back however a job ends (ON_EXIT): with ON_SUCCESS a failed job leaves nothing in the spool and fetching stops at it.
    """
    job = jobs.job
    report, results = report_name("$(shard)"), results_name(jobs.kind, "$(shard)")
    sent = ", ".join([*([CODE] if job.ship else []), jobs.config, *job.transfer, "$(inputs)"])
    moved = {
        "transfer_input_files": sent, "should_transfer_files": "YES", "when_to_transfer_output": "ON_EXIT",
        "transfer_output_files": f"{report}, {results}",
        "transfer_output_remaps": f'"{report} = {OUT}/{report}; {results} = {OUT}/{results}"',
    }  # fmt: skip
    values: dict[str, object] = {
        "universe": "container" if job.image else "vanilla",
        **({"container_image": job.image} if job.image else {}),
        "executable": SCRIPT,
        "arguments": "$(shard)",
        **(moved if jobs.transfer else {"should_transfer_files": "NO"}),
        "output": f"{jobs.logs}/job_$(shard).out",
        "error": f"{jobs.logs}/job_$(shard).err",
        "log": f"{jobs.logs}/cluster.log",
        "max_retries": job.retries,
        "request_cpus": job.cpus,
        "request_memory": f"{job.memory_mb}MB",
        "request_disk": f"{job.disk_mb}MB",
        **({"getenv": ", ".join(job.environment)} if job.environment else {}),
        **({"accounting_group": job.account} if job.account else {}),
        **({"max_materialize": job.max_running} if job.max_running else {}),
        **job.directives,
    }
    width = max(map(len, values))
    head = f"# Batch {jobs.name}: condor_submit {'-spool ' if job.spool else ''}{CONDOR}\n"
    return head + "".join(f"{key:<{width}} = {value}\n" for key, value in values.items()) + f"queue shard, inputs from {CONDOR_JOBS}\n"


def condor_jobs(inputs: Mapping[int, Sequence[str]]) -> str:
    """``jobs.csv``: shard number and the files that travel with it (HTCondor gives the rest of a line to the last variable).

    >>> condor_jobs({0: ["shards/shard_0.bin", "/data/a.root"]})
    '0, shards/shard_0.bin, /data/a.root\\n'
    """
    return "".join(f"{', '.join([str(number), *files])}\n" for number, files in inputs.items())


def slurm_script(jobs: Jobs, numbers: Sequence[int]) -> str:
    """Slurm's array script for the shards ``numbers``."""
    job = jobs.job
    limit = f"%{job.max_running}" if job.max_running else ""
    values: dict[str, object] = {
        "job-name": f"dynode-{jobs.name}",
        "array": f"{ranges(numbers)}{limit}",
        "time": job.walltime,
        "mem": f"{job.memory_mb}M",
        "cpus-per-task": job.cpus,
        "output": f"{jobs.logs}/%A_%a.out",
        **({"partition": job.queue} if job.queue else {}),
        **({"account": job.account} if job.account else {}),
        **({"export": ",".join(["PATH", "HOME", *job.environment])} if job.environment else {}),
        **{name: value for name, value in job.directives.items() if not name.startswith("+")},  # +NAME is HTCondor's
    }
    inside = f'apptainer exec --bind "$PWD" {shlex.quote(job.image)} ' if job.image else ""
    lines = "".join(f"#SBATCH --{key}={value}\n" for key, value in values.items())
    return f'#!/bin/bash\n{lines}set -eu\n{inside}bash {SCRIPT} "$SLURM_ARRAY_TASK_ID"\n'


def ranges(numbers: Sequence[int]) -> str:
    """Numbers as Slurm's array ranges.

    >>> ranges([0, 1, 2, 5, 7, 8])
    '0-2,5,7-8'
    """
    ordered = sorted(numbers)
    starts = [ordered[0], *(after for before, after in pairwise(ordered) if after != before + 1)]
    ends = [*(before for before, after in pairwise(ordered) if after != before + 1), ordered[-1]]
    return ",".join(f"{start}" if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True))


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
