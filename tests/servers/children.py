"""Servers as child processes of a test run: started with their words in a file, awaited, ended by their process numbers, kept on loopback."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

READY_S = 60.0
STOP_S = 10.0
LAST_LINES = 20
PR_SET_PDEATHSIG = 1
LISTENING = "0A"
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}  # as /proc/net/tcp and tcp6 write them


@dataclass(frozen=True)
class Child:
    """A server process and the file of its words."""

    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        """End it: asked first, then by force; nothing else is touched."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_S)

    def told(self) -> str:
        """The last lines of its words."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]) if self.log.exists() else ""


def start(command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Child:
    """Start a server in a session of its own; it is told to end when this process dies, however that happens."""
    words = [str(word) for word in command]
    with log.open("wb") as out:
        about: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out, "env": environment, "cwd": folder}
        process = subprocess.Popen(words, **about, start_new_session=True, preexec_fn=_end_with_parent)
    return Child(process, log)


def _end_with_parent() -> None:
    """Linux: the signal that a child gets when its parent dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def await_ready(ready: Callable[[], bool], children: Sequence[Child], what: str, limit_s: float = READY_S) -> None:
    """Poll until ``ready()``; fails with the last lines of the logs when a server ended or the limit passed."""
    end = time.monotonic() + limit_s
    while not ready():
        ended = [child for child in children if child.process.poll() is not None]
        if ended or time.monotonic() > end:
            why = f"ended with status {ended[0].process.returncode}" if ended else f"is not ready after {limit_s:g} s"
            pytest.fail(f"{what} {why}\n" + "\n".join(f"{child.log}:\n{child.told()}" for child in children), pytrace=False)
        time.sleep(0.1)


def free_port() -> int:
    """A port of loopback on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def with_descendants(pids: Sequence[int]) -> set[int]:
    """The processes and all that they started."""
    parents: dict[int, list[int]] = {}
    for pid in _processes():
        try:
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        parents.setdefault(int(words[1]), []).append(pid)
    found: set[int] = set()
    waiting = list(pids)
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting += [child for child in parents.get(pid, []) if child not in found]
    return found


def listening_elsewhere(pids: Sequence[int]) -> list[str]:
    """Addresses (as /proc writes them) other than loopback on which the processes and their children listen."""
    sockets = {inode for pid in with_descendants(pids) for inode in _sockets(pid)}
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:] if Path(table).exists() else []:
            words = line.split()
            if words[3] == LISTENING and words[9] in sockets and words[1].partition(":")[0] not in LOOPBACK:
                found.append(words[1])
    return found


def end_all(pids: set[int]) -> None:
    """Kill the processes that are still there."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _processes() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _sockets(pid: int) -> Iterator[str]:
    try:
        handles = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return
    for handle in handles:
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", str(handle.readlink()))
        except OSError:
            continue
        if match:
            yield match[1]
