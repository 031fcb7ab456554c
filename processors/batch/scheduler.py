"""The commands of HTCondor and Slurm: submit a batch, ask what became of its jobs, fetch what lies in a spool."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from configs.errors import InputError
from processors.batch.submit_files import CONDOR, SLURM

System = Literal["htcondor", "slurm"]
PROGRAMS: dict[System, str] = {"htcondor": "condor_submit", "slurm": "sbatch"}
BY_HAND = "run the jobs yourself (`bash job.sh 0`, `bash job.sh 1` ... in the folder of the batch)"
COMMAND_S = 120.0
CONDOR_STATES = {"1": "waiting", "2": "running", "3": "removed", "4": "ended", "5": "held", "6": "returning", "7": "suspended"}
ENDED = ("removed", "ended", "completed", "failed", "cancelled", "timeout", "out_of_memory", "node_fail", "boot_fail", "deadline", "preempted")


@dataclass(frozen=True)
class Submitted:
    """Jobs handed to a batch system together: job ``i`` of ``cluster`` does ``shards[i]`` (HTCondor), or the shard of its number (Slurm)."""

    system: System
    cluster: str
    shards: tuple[int, ...]
    spool: bool = False


@dataclass(frozen=True)
class Queued:
    """A job that the batch system knows: its state in lower case, and why it is held."""

    state: str
    reason: str = ""

    @property
    def alive(self) -> bool:
        """Whether the job may still run."""
        return self.state not in ENDED


def choose(wanted: str) -> System:
    """The batch system: ``wanted`` (executor.kind) where it is one, else the one whose program is there. Raises ``InputError``."""
    found: list[System] = [system for system, program in PROGRAMS.items() if shutil.which(program)]
    for system in PROGRAMS:
        if wanted == system:
            if system not in found:
                raise InputError(f"{PROGRAMS[system]} is not on PATH: submit on a machine of the pool, or {BY_HAND}")
            return system
    if len(found) != 1:
        programs = " or ".join(PROGRAMS.values())
        there = "both are" if found else "neither is"
        raise InputError(f"{there} on PATH: {programs}; say which with executor.kind: slurm or htcondor, or {BY_HAND}")
    return found[0]


def submit(folder: Path, system: System, shards: Sequence[int], *, spool: bool) -> Submitted:
    """Hand the submit file in ``folder`` to the batch system. Raises ``InputError`` with what its program said."""
    command = ["sbatch", SLURM] if system == "slurm" else ["condor_submit", *(["-spool"] if spool else []), CONDOR]
    said = _run(command, folder)
    pattern = r"Submitted batch job (\d+)" if system == "slurm" else r"submitted to cluster (\d+)"
    if said.returncode or not (match := re.search(pattern, said.stdout)):
        raise InputError(f"{' '.join(command)} in {folder} failed (status {said.returncode}): {(said.stderr or said.stdout).strip()}")
    return Submitted(system, match[1], tuple(shards), spool and system == "htcondor")


def queued(submitted: Submitted) -> dict[int, Queued]:
    """Shard -> what the batch system says of its job; empty when it knows none of them (ended, or its program cannot be asked)."""
    if submitted.system == "slurm":
        said = _run(["squeue", "--noheader", "--array", "--jobs", submitted.cluster, "--format", "%K %T %r"])
        rows = [line.split(None, 2) for line in said.stdout.splitlines()] if said.returncode == 0 else []
        return {int(row[0]): Queued(_slurm_state(row[1]), *row[2:]) for row in rows if len(row) > 1 and row[0].isdigit()}
    said = _run(["condor_q", submitted.cluster, "-af", "ProcId", "JobStatus", "HoldReason"])
    rows = [line.split(None, 2) for line in said.stdout.splitlines()] if said.returncode == 0 else []
    numbers = {str(at): number for at, number in enumerate(submitted.shards)}
    return {
        numbers[row[0]]: Queued(CONDOR_STATES.get(row[1], row[1]), "" if row[2:] in ([], ["undefined"]) else row[2])
        for row in rows if len(row) > 1 and row[0] in numbers
    }  # fmt: skip


def fetch(submitted: Submitted, folder: Path) -> str:
    """Bring what lies in the spool of the schedd; returns what went wrong, empty when nothing did."""
    if not submitted.spool:
        return ""
    said = _run(["condor_transfer_data", submitted.cluster], folder)
    return said.stderr.strip() if said.returncode else ""


def _slurm_state(word: str) -> str:
    return {"pending": "waiting", "configuring": "waiting", "completing": "running"}.get(word.lower(), word.lower())


def _run(command: Sequence[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=COMMAND_S, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 127, "", f"{type(error).__name__}: {error}")
