"""What a job leaves: ``outcome_k.json``, a report for people and for ``status``, and beside it ``hists_k.h5`` or ``trials_k.h5`` with its results.

The report imports the standard library only: a job whose Python lacks a package can still write it. Results are private, like the journal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from processors.batch.shards import Kind
from records.atomic import replacing, write_text

Status = Literal["started", "killed", "failed", "incomplete", "complete"]


@dataclass(frozen=True)
class Done:
    """What became of a task, for people."""

    key: str
    name: str
    ok: bool
    reason: str = ""
    traceback: str = ""


@dataclass(frozen=True)
class Report:
    """The content of ``outcome_k.json``. ``started`` is what a job leaves that was killed without a word."""

    shard: int
    count: int
    plan: str
    kind: Kind
    status: Status
    reason: str = ""
    tasks: tuple[Done, ...] = ()
    traceback: str = ""
    host: str = ""
    seconds: float = 0.0
    exit_status: int | None = None


def report_name(number: int | str) -> str:
    """File with the report on shard ``number``."""
    return f"outcome_{number}.json"


def results_name(kind: Kind, number: int | str) -> str:
    """File with the results of shard ``number``."""
    return f"{kind}_{number}.h5"


def save_report(path: Path, report: Report) -> None:
    """Write a report."""
    write_text(path, json.dumps(asdict(report), indent=1) + "\n")


def load_report(path: Path) -> Report | None:
    """A report; nothing when there is none or it cannot be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Report(**{**values, "tasks": tuple(Done(**task) for task in values.get("tasks", ()))})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def save_results(path: Path, results: Mapping[str, bytes]) -> None:
    """Write pickled results by key, each with its SHA-256."""
    import h5py
    import numpy as np

    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for key, content in results.items():
            stored = file.create_dataset(key, data=np.frombuffer(content, np.uint8))
            stored.attrs["sha256"] = hashlib.sha256(content).hexdigest()


def load_results(path: Path, keys: Iterable[str]) -> dict[str, bytes]:
    """The pickled results of ``keys`` that are there and whole; a file that is missing or damaged has none."""
    import h5py
    import numpy as np

    found = {}
    try:
        with h5py.File(path, "r") as file:
            for key in keys:
                if key in file:
                    content = np.asarray(file[key][...], np.uint8).tobytes()
                    if hashlib.sha256(content).hexdigest() == file[key].attrs.get("sha256"):
                        found[key] = content
    except (OSError, KeyError, RuntimeError):
        return found
    return found


def problem(value: Any) -> tuple[str, str]:
    """Reason and traceback of a task that failed: of an outcome with failures; empty for any other value."""
    failures = getattr(value, "failures", ())
    fatal = getattr(value, "fatal", "")
    if fatal:
        return fatal, ""
    return ("; ".join(map(str, failures[:3])), failures[0].traceback) if failures else ("", "")
