"""What one job of a batch system gets, and how Python starts in it: ``executor.job``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt

from configs.strict import Strict

Filesystem = Literal["shared", "transfer"]


def _clock(value: Any) -> Any:
    """YAML reads 1:30:00 without quotes as a number of seconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value // 3600:02d}:{value // 60 % 60:02d}:{value % 60:02d}"
    return value


Walltime = Annotated[str, BeforeValidator(_clock), Field(pattern=r"^(\d+-)?\d{1,3}:\d{2}:\d{2}$")]
Line = Annotated[str, Field(pattern=r"^[^\n]*$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Job(Strict):
    """Resources, container, start and site lines of a job. Slurm shares its file system unless told otherwise; HTCondor transfers files."""

    cpus: PositiveInt = 1
    memory_mb: PositiveInt = 2000
    disk_mb: PositiveInt = 2000  # HTCondor
    walltime: Walltime = "01:00:00"  # Slurm
    queue: Line | None = None  # Slurm: partition
    account: Line | None = None
    image: Line | None = None  # container: HTCondor's container universe; Slurm: apptainer exec
    prologue: list[str] = []  # shell lines before Python starts: modules, environments, proxies
    python: Line | None = None  # null: this one where it can be reached, else python3
    log_dir: str | None = None  # of job logs; null: logs/ in the folder of the batch
    filesystem: Filesystem | None = None  # whether jobs see the same paths as this machine; null: slurm shared, htcondor transfer
    spool: bool = False  # HTCondor: the schedd is elsewhere (condor_submit -spool)
    retries: Annotated[int, Field(ge=0)] = 3  # HTCondor: of a job that ends with another status than 0
    ship: bool = True  # send the code and the modules beside the configuration; false: dynode is installed where jobs run
    transfer: list[str] = []  # more files that HTCondor brings
    environment: list[Variable] = []  # names of variables that jobs get from here
    directives: dict[str, str | int | float] = {}  # further lines of the submit file: {"+OWNER": '"me"'}, {constraint: avx2}
    max_running: PositiveInt | None = None  # jobs at a time
    interface: str | None = None  # dask: network interface of the scheduler (ib0, lo)
