"""Whether another Python can do this work: its versions against ours, and imports, in words. Standard library only.

Sent by value to workers that may lack the project, and called first in a job.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

NEEDED = ("numpy", "awkward", "boost-histogram", "hist", "coffea", "cloudpickle", "h5py", "uproot", "pyarrow", "pydantic")  # for any result
MODULES = ("processors.work", "readers")  # that every worker imports


@dataclass(frozen=True)
class Environment:
    """A Python: its version, versions of packages (null: not installed), where it runs."""

    python: str
    packages: Mapping[str, str | None]
    host: str = ""
    executable: str = ""


def environment(packages: Iterable[str] = NEEDED) -> Environment:
    """This Python."""
    import sys

    return Environment(platform.python_version(), {name: _version(name) for name in packages}, socket.gethostname(), sys.executable)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def differences(wanted: Environment, found: Environment) -> list[str]:
    """What differs, in words: minor version of Python (pickled code needs the same) and versions of packages.

    >>> differences(Environment("3.11.2", {"numpy": "2.4.0"}), Environment("3.12.1", {"numpy": None}))
    ['Python 3.12.1 there, 3.11.2 here', 'numpy is not installed there, 2.4.0 here']
    """
    found_out = []
    if wanted.python.split(".")[:2] != found.python.split(".")[:2]:
        found_out.append(f"Python {found.python} there, {wanted.python} here")
    for name, version in wanted.packages.items():
        there = found.packages.get(name)
        if there != version:
            found_out.append(f"{name} {there} there, {version} here" if there else f"{name} is not installed there, {version} here")
    return found_out


def failing_imports(modules: Iterable[str] = MODULES) -> list[str]:
    """Modules that this Python cannot import, each with the reason."""
    failing = []
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            failing.append(f"import {name} fails there: {type(error).__name__}: {error}")
    return failing


def check(wanted: Environment, modules: Iterable[str] = MODULES) -> list[str]:
    """Everything that keeps this Python from doing the work of ``wanted``; empty when nothing does. Imports only where versions agree."""
    return differences(wanted, environment(wanted.packages)) or failing_imports(modules)


def told(place: str, problems: Iterable[str]) -> str:
    """The message on a Python that cannot do the work."""
    return (
        f"{place} cannot do this work: {'; '.join(problems)}. Give jobs the same environment (executor.job.image, executor.job.prologue or "
        f"executor.job.python), or start this command in theirs"
    )
