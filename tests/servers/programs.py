"""Programs of test servers: on PATH, or only unpacked below DYNODE_TEST_SERVERS (tests/servers/fetch.sh)."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

INTERPRETER = re.compile(rb"/lib[\w./-]*/ld[\w.-]*\.so\.\d+")
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")


def absent(server: str, reason: str) -> NoReturn:
    """Skip with the reason, or fail where DYNODE_REQUIRE (names with commas) says that this server must be there."""
    if server in os.environ.get("DYNODE_REQUIRE", "").split(","):
        pytest.fail(f"DYNODE_REQUIRE names {server}, but: {reason}", pytrace=False)
    pytest.skip(reason)


def unpacked_root() -> Path | None:
    """The folder with unpacked packages, if there is one."""
    given = os.environ.get("DYNODE_TEST_SERVERS")
    return Path(given).resolve() if given else None


def find(name: str, variants: Sequence[str] = ()) -> Path | None:
    """A program by name (or by one of its other names) on PATH, else below DYNODE_TEST_SERVERS."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS])
    root = unpacked_root()
    for candidate in (name, *variants):
        if found := shutil.which(candidate, path=path):
            return Path(found)
        for folder in ("usr/bin", "usr/sbin") if root else ():
            if (root / folder / candidate).is_file():
                return root / folder / candidate
    return None


def library_folders(root: Path) -> list[Path]:
    """Where unpacked packages keep their libraries."""
    folders = [folder for pattern in ("usr/lib/*-linux-*", "lib/*-linux-*") for folder in sorted(root.glob(pattern))]
    return [place for folder in folders for place in (folder, folder / "slurm-wlm") if place.is_dir()]


def wrap(program: Path, name: str, folder: Path) -> Path:
    """A script ``folder/name`` that starts the program.

    One that is only unpacked is started through the system's loader, which is told where the libraries are: LD_LIBRARY_PATH would reach the
    jobs that a server starts, and the Python packages of the tests have libraries of the same names.
    """
    root = unpacked_root()
    command = f'"{program}"'
    if root is not None and program.is_relative_to(root):
        libraries = ":".join(map(str, library_folders(root)))
        command = f'{_loader(program)} --argv0 {name} --library-path "{libraries}" "{program}"'
    script = folder / name
    script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    script.chmod(0o755)
    return script


def _loader(program: Path) -> str:
    match = INTERPRETER.search(program.read_bytes()[:4096])
    assert match, f"{program} is no program for this machine"
    return match[0].decode()
