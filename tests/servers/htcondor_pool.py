"""HTCondor with one node in a root folder of its own (tests/servers/fetch.sh), every socket on loopback, everything as an ordinary user."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers import children, programs

USER = 1000  # HTCondor runs no jobs as root
ABSENT = (
    "no HTCondor in DYNODE_TEST_SERVERS: its daemons need Debian trixie or newer and root for the chroot; tests/servers/fetch.sh FOLDER htcondor "
    "unpacks them (some 130 packages, 60 MB)"
)
CALL_S = 300.0
PROJECT = Path(__file__).resolve().parents[2]
COMMANDS = ("condor_submit", "condor_transfer_data", "condor_q", "condor_rm", "condor_status", "condor_history", "condor_hold", "condor_release")


@dataclass(frozen=True)
class HTCondorPool:
    """A running pool. Its commands and its jobs see ``folder``, the project and this Python at the same paths as the tests do.

    ``environment``: PATH with scripts of the commands' names, which enter the pool's root folder (in the working directory of the caller).
    """

    folder: Path
    environment: dict[str, str]
    enter: tuple[str, ...]
    pids: tuple[int, ...]

    def call(self, *command: str | Path, folder: Path | None = None, environment: Mapping[str, str] | None = None, check: bool = True) -> str:
        """Run a command as the pool's user inside its root folder; returns what it writes."""
        words = [*self.enter, *(f"{name}={value}" for name, value in (environment or {}).items()), *map(str, command)]
        done = subprocess.run(words, cwd=folder or self.folder, capture_output=True, text=True, timeout=CALL_S, check=False)
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr}{done.stdout}"
        return done.stdout

    def workspace(self, name: str) -> Path:
        """A new folder that jobs may write, and the tests too."""
        place = self.folder / "work" / name
        place.mkdir(parents=True)
        os.chown(place, USER, USER)
        return place

    def wait_until_done(self, cluster: str, limit_s: float = 120.0) -> None:
        """Wait until every job of a cluster is completed or gone."""
        end = time.monotonic() + limit_s
        while set(self.call("condor_q", cluster, "-af", "JobStatus").split()) - {"3", "4"}:
            assert time.monotonic() < end, f"cluster {cluster} is not done after {limit_s:g} s\n{self.call('condor_q', '-better-analyze', cluster)}"
            time.sleep(0.5)


def _root() -> Path:
    given = programs.unpacked_root()
    if given is None or not (given / "htcondor_root" / ".complete").exists():
        programs.absent("htcondor", ABSENT)
    if os.geteuid() != 0:
        programs.absent("htcondor", "HTCondor's root folder needs root for the chroot and its mounts")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        programs.absent("htcondor", "no permission for a mount namespace: HTCondor's root folder cannot be entered")
    if Path(sys.base_prefix) == Path("/usr"):
        programs.absent("htcondor", "this Python belongs to /usr, which a root folder of another Debian release cannot share; use another Python")
    return given / "htcondor_root"


def _configuration(folder: Path) -> str:
    port = children.free_port()
    local = {name: folder / name.lower() for name in ("LOG", "SPOOL", "EXECUTE", "LOCK", "RUN")}
    for place in local.values():
        place.mkdir()
        os.chown(place, USER, USER)
    hosts = {f"ALLOW_{what}": "127.0.0.1" for what in ("READ", "WRITE", "DAEMON", "ADMINISTRATOR", "NEGOTIATOR")}
    slots = {
        "NUM_CPUS": 2,
        "MEMORY": 6000,
        "DISK": 10000000,
        "NUM_SLOTS": 1,
        "NUM_SLOTS_TYPE_1": 1,
        "SLOT_TYPE_1": "100%",
        "SLOT_TYPE_1_PARTITIONABLE": True,
    }
    quick = {"NEGOTIATOR_INTERVAL": 5, "NEGOTIATOR_MIN_INTERVAL": 2, "NEGOTIATOR_CYCLE_DELAY": 2, "SCHEDD_INTERVAL": 5, "UPDATE_INTERVAL": 10}
    settings = {
        "LOCAL_DIR": folder, **local, "RELEASE_DIR": "/usr", "LIB": "/usr/lib/condor", "LIBEXEC": "/usr/libexec/condor", "BIN": "/usr/bin",
        "SBIN": "/usr/sbin", "CONDOR_HOST": "127.0.0.1", "FULL_HOSTNAME": "localhost", "NETWORK_HOSTNAME": "localhost",
        "NETWORK_INTERFACE": "127.0.0.1", "PRIVATE_NETWORK_INTERFACE": "127.0.0.1", "BIND_ALL_INTERFACES": False, "NO_DNS": True,
        "DEFAULT_DOMAIN_NAME": "local", "UID_DOMAIN": "local", "FILESYSTEM_DOMAIN": "local", "COLLECTOR_PORT": port,
        "COLLECTOR_HOST": f"127.0.0.1:{port}", "SHARED_PORT_PORT": port, "USE_SHARED_PORT": True, "DAEMON_SOCKET_DIR": folder / "lock",
        "DAEMON_LIST": "MASTER COLLECTOR NEGOTIATOR SCHEDD STARTD", **hosts, "SEC_DEFAULT_AUTHENTICATION": "OPTIONAL",
        "SEC_CLIENT_AUTHENTICATION_METHODS": "FS,CLAIMTOBE", "SEC_DEFAULT_AUTHENTICATION_METHODS": "FS,CLAIMTOBE", **slots, **quick,
        "DISCARD_SESSION_KEYRING_ON_STARTUP": False, "CREATE_LOCKS_ON_LOCAL_DISK": False, "USE_PROCD": True, "BASE_CGROUP": "",
        "STARTD_DETECT_GPUS": "", "JOB_DEFAULT_REQUESTMEMORY": 200,
    }  # fmt: skip
    text = "use SECURITY:HOST_BASED\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())
    return text + "use POLICY:ALWAYS_RUN_JOBS\n"


def _mounts(folder: Path) -> list[Path]:
    """What the root folder shares with this machine, at the same paths."""
    environment = Path(sys.prefix)
    wanted = [folder, PROJECT, environment, environment.resolve(), Path(sys.base_prefix), Path("/dev"), Path("/sys")]
    shared = list(dict.fromkeys(path for path in wanted if path.is_dir()))
    return [path for path in shared if not any(other in path.parents for other in shared)]


def _script(root: Path, folder: Path) -> str:
    """Mounts that only the pool sees (they end with its last process), then the master, the first process of its own list."""
    lines = ["set -e", "mount --make-rprivate /", f"mkdir -p {root}/proc && mount -t proc proc {root}/proc"]
    for path in _mounts(folder):
        target = shlex.quote(f"{root}{path}")
        lines += [f"mkdir -p {target}", f"mount --rbind {shlex.quote(str(path))} {target}"]
    lines.append(f"exec chroot --userspec={USER}:{USER} {root} /usr/bin/env -i {_environment(folder)} /usr/sbin/condor_master -f")
    return "\n".join(lines)


def _environment(folder: Path) -> str:
    return f"CONDOR_CONFIG={folder}/condor_config HOME={folder}/home PATH=/usr/bin:/usr/sbin LANG=C.UTF-8"


def _prepare(root: Path, folder: Path) -> None:
    """A user, a home and a folder of scripts; the way to this Python must be open to others."""
    passwd = root / "etc" / "passwd"
    text = passwd.read_text() if passwd.exists() else "root:x:0:0:root:/root:/bin/sh\n"
    if f":{USER}:" not in text:
        passwd.write_text(f"{text}pool:x:{USER}:{USER}:pool:/tmp:/bin/sh\n")
        (root / "etc" / "group").write_text(f"root:x:0:\npool:x:{USER}:\n")
    (root / "root").chmod(0o755)
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for name in ("home", "work"):
        (folder / name).mkdir()
        os.chown(folder / name, USER, USER)
    (folder / "condor_config").write_text(_configuration(folder))


def _enter(pid: int, root: Path, folder: Path) -> tuple[str, ...]:
    inside = 'cd "$1" && shift && exec "$@"'
    as_user = ("chroot", f"--userspec={USER}:{USER}", str(root), "/usr/bin/env", "-i", *_environment(folder).split())
    script = folder / "enter"
    script.write_text(
        f'#!/bin/sh\nexec nsenter --target {pid} --mount --pid -- {shlex.join(as_user)} /bin/sh -c {shlex.quote(inside)} sh "$PWD" env "$@"\n'
    )
    script.chmod(0o755)
    (folder / "bin").mkdir()
    for name in COMMANDS:
        command = folder / "bin" / name
        command.write_text(f'#!/bin/sh\nexec {script} {name} "$@"\n')
        command.chmod(0o755)
    return (str(script),)


def _first(master: children.Child) -> int:
    """The first process of the pool, 0 where it is not there."""
    return min(children.with_descendants([master.process.pid]) - {master.process.pid}, default=0)


@contextmanager
def running() -> Iterator[HTCondorPool]:
    """Start the pool, give it, end what was started. Skips with a reason where the machine cannot."""
    root = _root()
    folder = Path(tempfile.mkdtemp(prefix="dynode-htcondor-"))  # the pool's user must reach it, which a folder of pytest does not allow
    folder.chmod(0o755)
    master = None
    try:
        _prepare(root, folder)
        isolate = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]  # HTCondor fails at processes of others in its list of all
        master = children.start([*isolate, "/bin/sh", "-c", _script(root, folder)], folder / "master.out")
        children.await_ready(lambda: bool(_first(master)), [master], "HTCondor")
        enter = _enter(_first(master), root, folder)
        pool = HTCondorPool(folder, {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}, enter, (master.process.pid,))
        children.await_ready(lambda: "slot1" in pool.call("condor_status", "-af", "Name", check=False), [master], "HTCondor")
        yield pool
        assert children.listening_elsewhere(pool.pids) == []
        assert "died due to signal" not in (folder / "log" / "MasterLog").read_text()
    finally:
        if master is not None:
            if first := _first(master):
                os.kill(first, signal.SIGTERM)
                children.await_ready(lambda: not _first(master), [], "HTCondor's end")
            master.stop()  # with it every process of its list ends
        shutil.rmtree(folder, ignore_errors=True)
