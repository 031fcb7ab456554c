"""An XRootD server in a private network namespace: it has no directive to bind one address, and so listens where nothing else can reach it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from servers import children, programs

PORT = 11094  # of the namespace, in which nothing else listens
CALL_S = 120.0
UP = Path(__file__).with_name("loopback_up.py")
ABSENT = (
    "xrootd not found on PATH or in DYNODE_TEST_SERVERS; Debian: apt-get install xrootd-server, or tests/servers/fetch.sh FOLDER xrootd unpacks it"
)
NO_NAMESPACE = "no permission for a network namespace: XRootD would listen on all interfaces"


@dataclass(frozen=True)
class XrootdStore:
    """A running server; what is put below ``data`` is at ``url/...`` for those who are called inside."""

    data: Path
    enter: tuple[str, ...]
    url: str = f"root://127.0.0.1:{PORT}//data"

    def call(self, *command: str | Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the server's network namespace."""
        words = [*self.enter, *map(str, command)]
        return subprocess.run(words, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=CALL_S, check=False)

    def python(self, code: str, *arguments: str | Path) -> str:
        """Run Python code in the namespace; returns what it writes, fails with its error."""
        done = self.call(sys.executable, "-c", code, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def running() -> Iterator[XrootdStore]:
    """Start it; skips with a reason where a program, the client or the permission is missing."""
    program = programs.find("xrootd")
    if program is None:
        programs.absent("xrootd", ABSENT)
    if find_spec("XRootD") is None or find_spec("fsspec_xrootd") is None:
        programs.absent("xrootd", "the XRootD client is not installed: packages xrootd and fsspec-xrootd (extra remote)")
    isolate = _isolate()
    folder = Path(tempfile.mkdtemp(prefix="dynode-xrootd-"))  # the user nobody must reach it, which a folder of pytest does not allow
    try:
        folder.chmod(0o755)
        data = folder / "files" / "data"
        data.mkdir(parents=True)
        for name in ("admin", "run"):
            (folder / name).mkdir()
            (folder / name).chmod(0o777)
        (folder / "xrd.cf").write_text(_configuration(folder))
        server = programs.wrap(program, "xrootd", folder)
        as_nobody = ["-R", "nobody"] if os.geteuid() == 0 else []
        command = [*isolate, sys.executable, UP, server, "-I", "v4", "-c", folder / "xrd.cf", *as_nobody]
        child = children.start(command, folder / "xrootd.log")
        try:
            children.await_ready(lambda: "initialization completed" in child.told(), [child], "XRootD")
            yield XrootdStore(data, _enter(child.process.pid))
        finally:
            child.stop()
    finally:
        shutil.rmtree(folder)


def _configuration(folder: Path) -> str:
    return (
        f"all.role server\nall.export /data\noss.localroot {folder / 'files'}\nall.adminpath {folder / 'admin'}\nall.pidpath {folder / 'run'}\n"
        f"xrd.port {PORT}\nxrd.network nodnr\n"
    )


def _isolate() -> list[str]:
    """The command that starts another in a new network namespace."""
    for command in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        if shutil.which("unshare") and not subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
            return command
    return programs.absent("xrootd", NO_NAMESPACE)


def _enter(pid: int) -> tuple[str, ...]:
    user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    return ("nsenter", "--target", str(pid), *user, "--net")
