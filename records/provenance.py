"""Facts on what made a result: versions, git commit, identities of files, digest of the source code."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data_info.download import sha256_of

HOUSE = Path(__file__).resolve().parents[1]
DISTRIBUTION = "dynode"
PACKAGES = (
    "awkward", "boost-histogram", "coffea", "h5py", "hist", "iminuit", "matplotlib", "mplhep", "numpy", "pyarrow", "pyhf", "scipy", "uhi",
    "uproot", "zfit",
)  # fmt: skip
DIGEST_UP_TO_BYTES = 64_000_000  # larger inputs are told apart by size and time of change


def dynode_version() -> str:
    """Version of this project as installed, or ``"unknown"`` when it runs uninstalled."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def package_versions() -> dict[str, str]:
    """Python's version and those of the installed packages that results depend on."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an optional package
    return versions


def git_commit(folder: Path = HOUSE) -> str | None:
    """Commit of the checkout that holds ``folder``, with ``+changes`` when its tracked files differ; None outside git or without git."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}+changes" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def file_identity(path: str | Path) -> dict[str, Any]:
    """``{"size", "sha256"}`` of a file."""
    return {"size": Path(path).stat().st_size, "sha256": sha256_of(path)}


def input_identities(paths: Iterable[str]) -> dict[str, dict[str, Any]]:
    """``{path: {"size", "sha256"}}`` for the manifest; large files have ``mtime_ns`` in place of a digest, missing files and URLs neither."""
    return {path: _input_identity(Path(path)) for path in paths}


def _input_identity(path: Path) -> dict[str, Any]:
    if not path.is_file():  # nor is a URL
        return {"size": None, "sha256": None}
    found = path.stat()
    if found.st_size > DIGEST_UP_TO_BYTES:
        return {"size": found.st_size, "sha256": None, "mtime_ns": found.st_mtime_ns}
    return file_identity(path)


def source_digest(packages: Iterable[str], house: Path = HOUSE) -> str:
    """SHA-256 over the Python modules and data tables of the named packages of this project."""
    total = hashlib.sha256()
    for package in sorted(packages):
        for path in sorted((house / package).rglob("*")):
            if path.is_file() and path.suffix in {".py", ".csv", ".txt"}:
                total.update(str(path.relative_to(house)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def value_digest(value: Any) -> str:
    """SHA-256 of a plain JSON value, independent of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
