"""The script that unpacks servers: where a machine cannot, it says so in one line and fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("fetch.sh")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder for PATH with the ordinary programs that the script calls, and none of Debian's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "cat", "mkdir", "mktemp", "rm", "awk", "head", "tail", "touch", "wc"):
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return folder


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def fetch(path: Path, *arguments: str) -> tuple[int, str, str]:
    words = [str(path / "bash"), str(SCRIPT), *arguments]
    done = subprocess.run(words, env={**os.environ, "PATH": str(path)}, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_machine_without_debian_packages(bare: Path, tmp_path: Path) -> None:
    assert fetch(bare, str(tmp_path / "servers")) == (1, "", "tests/servers/fetch.sh: apt-get not found: this machine has no Debian packages\n")


def test_package_that_is_not_to_be_had(bare: Path, tmp_path: Path) -> None:
    program(bare, "dpkg-deb", "exit 1")
    program(bare, "apt-get", 'echo "E: Unable to locate package slurmctld" >&2; exit 100')
    status, _, told = fetch(bare, str(tmp_path / "servers"), "slurm")
    assert status == 1
    assert "slurm: no packages slurmctld slurmd slurm-client here (E: Unable to locate package slurmctld); run apt-get update" in told


def test_server_that_is_installed_already_is_left_to_the_system(bare: Path, tmp_path: Path) -> None:
    program(bare, "dpkg-deb", "exit 1")
    program(bare, "apt-get", "exit 0")
    for told in ("xrootd: 0 packages unpacked into", "xrootd: is in"):
        status, shown, error = fetch(bare, str(tmp_path / "servers"), "xrootd")
        assert (status, error) == (0, "")
        assert told in shown


def test_unknown_server(bare: Path, tmp_path: Path) -> None:
    for name in ("dpkg-deb", "apt-get"):
        program(bare, name, "exit 0")
    status, _, told = fetch(bare, str(tmp_path / "servers"), "pbs")
    assert (status, told) == (1, "tests/servers/fetch.sh: pbs: unknown; give slurm, xrootd or htcondor\n")
