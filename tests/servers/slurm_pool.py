"""Slurm with one node, every socket on loopback: no database, no munge, as whoever runs the tests."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import children, programs

DAEMONS = {"slurmctld": ("slurmctld-wlm",), "slurmd": ("slurmd-wlm",), "slurmstepd": ("slurmstepd-wlm",)}
COMMANDS = ("sbatch", "srun", "squeue", "sinfo", "scancel", "scontrol")
ABSENT = (
    "{} not found on PATH or in DYNODE_TEST_SERVERS; Debian: apt-get install slurmctld slurmd slurm-client, or tests/servers/fetch.sh FOLDER slurm "
    "unpacks them"
)
QUEUE = "main"
COMMAND_S = 30.0


@dataclass(frozen=True)
class SlurmPool:
    """A running pool. ``environment`` has what its commands need (PATH and SLURM_CONF); jobs go to the partition ``queue``."""

    folder: Path
    environment: dict[str, str]
    cpus: int
    memory_mb: int
    pids: tuple[int, ...]
    queue: str = QUEUE

    def call(self, *command: str, folder: Path | None = None) -> str:
        """Run one of Slurm's commands; returns what it writes."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=COMMAND_S, check=False)
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def wait_for_job(self, job: str, limit_s: float = 60.0) -> None:
        """Wait until no task of a job is in the queue."""
        end = time.monotonic() + limit_s
        while self.call("squeue", "--noheader", "--jobs", job, "--states=PENDING,RUNNING,CONFIGURING,COMPLETING").strip():
            assert time.monotonic() < end, f"job {job} is still in the queue after {limit_s:g} s"
            time.sleep(0.2)


def _programs() -> dict[str, Path]:
    found = {}
    for name in (*DAEMONS, *COMMANDS):
        program = programs.find(name, DAEMONS.get(name, ()))
        if program is None and name == "slurmstepd":
            continue  # an installed slurmd knows its own
        if program is None:
            programs.absent("slurm", ABSENT.format(name))
        found[name] = program
    return found


def _host() -> str:
    host = socket.gethostname().partition(".")[0]
    try:
        address = socket.gethostbyname(host)
    except OSError:
        address = "nothing"
    if address != "127.0.0.1":
        programs.absent("slurm", f"the name of this machine ({host}) means {address} and not 127.0.0.1 (/etc/hosts): Slurm would leave loopback")
    return host


def _configuration(folder: Path, host: str, cpus: int, memory_mb: int, plugins: Path | None) -> str:
    user = getpass.getuser()
    lines = [
        "ClusterName=loopback", f"SlurmctldHost={host}(127.0.0.1)", f"SlurmctldPort={children.free_port()}", f"SlurmdPort={children.free_port()}",
        "AuthType=auth/none", "CredType=cred/none", f"SlurmUser={user}", f"SlurmdUser={user}",
        f"StateSaveLocation={folder}/state", f"SlurmdSpoolDir={folder}/spool", f"SlurmctldPidFile={folder}/slurmctld.pid",
        f"SlurmdPidFile={folder}/slurmd.pid", f"SlurmctldLogFile={folder}/slurmctld.log", f"SlurmdLogFile={folder}/slurmd.log",
        *([f"PluginDir={plugins}"] if plugins else []),
        "ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none", "JobAcctGatherType=jobacct_gather/none",
        "AccountingStorageType=accounting_storage/none", "SelectType=select/cons_tres", "SelectTypeParameters=CR_Core",
        "SchedulerType=sched/backfill",
        "SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=10000,batch_sched_delay=0",  # a task starts within a second
        "MpiDefault=none", "SwitchType=switch/none",
        "ReturnToService=2", "KillWait=2", "MinJobAge=86400", "MaxArraySize=1001",
        "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny",  # both daemons bind 127.0.0.1
        f"NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN",
        f"PartitionName={QUEUE} Nodes={host} Default=YES MaxTime=INFINITE State=UP",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


@contextmanager
def running(folder: Path) -> Iterator[SlurmPool]:
    """Start the daemons below ``folder``, give the pool, end what was started. Skips with a reason where the machine cannot."""
    found, host = _programs(), _host()
    for name in ("bin", "state", "spool"):
        (folder / name).mkdir()
    scripts = {name: programs.wrap(program, name, folder / "bin") for name, program in found.items()}
    root = programs.unpacked_root()
    unpacked = root is not None and found["slurmctld"].is_relative_to(root)
    plugins = next(root.glob("usr/lib/*/slurm-wlm"), None) if root is not None and unpacked else None
    cpus = min(os.cpu_count() or 1, 2)
    memory_mb = min(8000, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 // 2)
    conf = folder / "slurm.conf"
    conf.write_text(_configuration(folder, host, cpus, memory_mb, plugins))
    environment = {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "SLURM_CONF": str(conf)}
    step = ["-d", scripts["slurmstepd"]] if unpacked else []
    control = children.start([scripts["slurmctld"], "-D", "-f", conf], folder / "slurmctld.out")
    started = [control]
    pool = None
    try:
        time.sleep(1.0)
        started.append(children.start([scripts["slurmd"], "-D", "-f", conf, "-N", host, *step], folder / "slurmd.out"))
        pool = SlurmPool(folder, environment, cpus, memory_mb, tuple(child.process.pid for child in started))
        children.await_ready(lambda: _idle(pool), started, "Slurm")
        yield pool
        assert children.listening_elsewhere(pool.pids) == []
    finally:
        _end(pool, started)


def _idle(pool: SlurmPool) -> bool:
    done = subprocess.run(
        ["sinfo", "-h", "-o", "%T"], env={**os.environ, **pool.environment}, capture_output=True, text=True, timeout=COMMAND_S, check=False
    )
    return done.returncode == 0 and done.stdout.strip() == "idle"


def _end(pool: SlurmPool | None, started: list[children.Child]) -> None:
    """Cancel what still runs, then end the daemons in the order that lets them say goodbye."""
    seen = children.with_descendants([child.process.pid for child in started])
    if pool is not None and all(child.process.poll() is None for child in started):
        environment = {**os.environ, **pool.environment}
        subprocess.run(["scancel", "--quiet", "--partition", QUEUE], env=environment, capture_output=True, timeout=COMMAND_S, check=False)
    for child in reversed(started):
        child.stop()
    children.end_all(seen - {child.process.pid for child in started})  # what outlived its daemon
