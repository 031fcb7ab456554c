"""Batch systems without a server: programs named condor_submit, sbatch ... that run the jobs on this machine as the real ones would.

Jobs of a list or an array run to their end before ``condor_submit`` or ``sbatch`` returns; a single job (a dask worker) runs in the background.
``DYNODE_FAKE_RULES``: a JSON file with {"lost": [shards whose jobs leave nothing]}.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAMS = ("condor_submit", "condor_q", "condor_transfer_data", "condor_rm", "sbatch", "squeue", "scancel")
LIMIT_S = 300


def install(folder: Path, *programs: str) -> Path:
    """Put the programs (all, or those named) into ``folder``/bin, to be the first on PATH; what they were called with is in ``folder``/calls."""
    place = folder / "bin"
    place.mkdir(parents=True)
    for name in programs or PROGRAMS:
        script = place / name
        here = str(Path(__file__).parent)
        lines = [f"#!{sys.executable}", "import sys", f"sys.path.insert(0, {here!r})", "import fake_batch"]
        script.write_text("\n".join([*lines, f"fake_batch.main({str(folder)!r}, {name!r})", ""]))
        script.chmod(0o755)
    return place


def main(folder: str, program: str) -> None:
    """One of the programs."""
    home = Path(folder)
    with (home / "calls").open("a") as calls:
        calls.write(shlex.join([program, *sys.argv[1:]]) + "\n")
    sys.exit({"condor_submit": condor_submit, "condor_transfer_data": condor_transfer_data, "sbatch": sbatch,
              "condor_rm": cancel, "scancel": cancel}.get(program, lambda home: 0)(home))  # fmt: skip


def rules() -> dict[str, list[int]]:
    """What is to go wrong."""
    path = os.environ.get("DYNODE_FAKE_RULES")
    return json.loads(Path(path).read_text()) if path and Path(path).exists() else {}


def next_cluster(home: Path) -> int:
    """A number for what is submitted."""
    counter = home / "clusters"
    number = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(number))
    return number


def condor_submit(home: Path) -> int:
    """Run what a submit file says, job by job, each in a folder of its own; with -spool results wait for condor_transfer_data."""
    arguments = [one for one in sys.argv[1:] if not one.startswith("-")]
    cluster = next_cluster(home)
    text = Path(arguments[-1]).read_text()
    values = {key.strip().lower(): value.strip() for key, value in re.findall(r"^([\w.+]+)\s*=\s*(.*)$", text, re.MULTILINE)}
    queue = re.search(r"^queue\s*(.*)$", text, re.MULTILINE | re.IGNORECASE)
    assert queue is not None
    listed = re.match(r"(.*) from (.*)", queue[1])
    if listed is None:
        where = {"$(LogDirectory)": values.get("logdirectory", "."), "$F(MY.JobId)": f"{cluster}.0"}
        log = values["error"]
        for name, value in where.items():
            log = log.replace(name, value)
        background(home, cluster, [values["executable"], *condor_words(values["arguments"])], Path(log))
    else:
        names = [name.strip() for name in listed[1].split(",")]
        for line in Path(listed[2]).read_text().splitlines():
            row = dict(zip(names, re.split(r"\s*,\s*|\s+", line, maxsplit=len(names) - 1), strict=True))
            back = home / "spool" / str(cluster) if "-spool" in sys.argv else Path.cwd()
            condor_job(
                {key: re.sub(r"\$\((\w+)\)", lambda match, row=row: row[match[1].lower()], value) for key, value in values.items()}, Path.cwd(), back
            )
    sys.stdout.write(f"Submitting job(s).\n1 job(s) submitted to cluster {cluster}.\n")
    return 0


def background(home: Path, cluster: int, command: list[str], log: Path) -> None:
    """Start a job in a session of its own."""
    with log.open("w") as words:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True)
    (home / f"{cluster}.pid").write_text(str(process.pid))


def condor_words(text: str) -> list[str]:
    """HTCondor's quoting of arguments: double quotes around all, single quotes around one."""
    return shlex.split(text.strip('"').replace('""', '"').replace("''", "'\"'\"'"))


def condor_job(job: dict[str, str], home: Path, back: Path) -> None:
    """One job, again while it fails and ``max_retries`` allows; its files come back however it ends (ON_EXIT)."""
    assert job["universe"] in ("vanilla", "container")
    moved = job["should_transfer_files"] == "YES"
    shard = int(job["arguments"])
    for _ in range(int(job.get("max_retries", "0")) + 1):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) if moved else home
            for path in [job["executable"], *re.split(r"\s*,\s*", job["transfer_input_files"])] if moved else []:
                shutil.copy(home / path, folder / Path(path).name)
            status = run_job(["bash", job["executable"], job["arguments"]], folder, home / job["output"], home / job["error"], shard)
            if moved and shard not in rules().get("lost", []):
                assert job["when_to_transfer_output"] == "ON_EXIT"
                bring_back(job, folder, back)
        if status == 0:
            return


def bring_back(job: dict[str, str], folder: Path, back: Path) -> None:
    """Bring files under their remapped names; the real one holds a job that lacks a file."""
    remaps = dict(re.split(r"\s*=\s*", pair) for pair in re.split(r"\s*;\s*", job["transfer_output_remaps"].strip('"')))
    for name in re.split(r"\s*,\s*", job["transfer_output_files"]):
        target = back / remaps.get(name, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / name, target)


def run_job(command: list[str], folder: Path, output: Path, error: Path, shard: int) -> int:
    """Run a job to its end, or as the rules want it."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "TMPDIR": str(folder)}
    environment |= {name: os.environ[name] for name in ("DYNODE_DATA",) if name in os.environ}
    if shard in rules().get("lost", []):
        error.write_text("the machine went away\n")
        return 1
    with output.open("w") as out, error.open("w") as err:
        return subprocess.run(command, cwd=folder, stdout=out, stderr=err, env=environment, timeout=LIMIT_S, check=False).returncode


def condor_transfer_data(home: Path) -> int:
    """Bring the results of a cluster from the spool."""
    spool = home / "spool" / sys.argv[1]
    if spool.exists():
        shutil.copytree(spool, Path.cwd(), dirs_exist_ok=True)
    return 0


def sbatch(home: Path) -> int:
    """Run the jobs of an array script one after the other, or a single job in the background."""
    cluster = next_cluster(home)
    script = Path(sys.argv[-1]).resolve()
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)$", script.read_text(), re.MULTILINE))
    if "array" not in options:
        named = re.search(r"^#SBATCH -e (\S+)$", script.read_text(), re.MULTILINE)
        log = Path(named[1].replace("%J", str(cluster))) if named else home / f"{cluster}.err"
        kept = shutil.copy(script, home / f"{cluster}.sh")  # the caller removes its own
        background(home, cluster, ["bash", str(kept)], log)
    for part in options.get("array", "").partition("%")[0].split(",") if "array" in options else []:
        first, _, last = part.partition("-")
        for number in range(int(first), int(last or first) + 1):
            log = Path(options["output"].replace("%A", str(cluster)).replace("%a", str(number)))
            os.environ["SLURM_ARRAY_TASK_ID"] = str(number)
            run_job(["env", f"SLURM_ARRAY_TASK_ID={number}", "bash", str(script)], Path.cwd(), log, log.with_suffix(".err"), number)
    sys.stdout.write(f"Submitted batch job {cluster}\n")
    return 0


def cancel(home: Path) -> int:
    """End a background job and its children."""
    for job in sys.argv[1:]:
        path = home / f"{job.partition('.')[0]}.pid"
        if path.exists():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(path.read_text()), signal.SIGTERM)
            path.unlink()
    return 0
