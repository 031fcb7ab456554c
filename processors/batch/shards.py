"""The work of one job as a file. Private to its user, like the journal: a pickle behind a SHA-256, and before it what can be read without unpickling.

Imports the standard library only, so that a job can say what its Python lacks.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Literal

from configs.errors import InputError
from processors.handshake import Environment
from records.atomic import replacing

MAGIC = b"dynode shard 1\n"
Kind = Literal["hists", "trials"]  # what the tasks give: the name of the file with the results


@dataclass(frozen=True)
class Task:
    """One piece of work: its key in the journal, its name in messages, the pickled argument of the shard's function, its weight."""

    key: str
    name: str
    item: bytes = field(repr=False)
    entries: int = 1
    inputs: tuple[str, ...] = ()  # local files that it reads


@dataclass(frozen=True)
class Shard:
    """The work of job ``number`` of ``count``: a pickled function for every task, and what the job must know before it unpickles anything."""

    number: int
    count: int
    plan: str  # identity of the plan
    kind: Kind
    environment: Environment
    function: bytes = field(repr=False)
    tasks: tuple[Task, ...] = field(repr=False)
    workers: int = 1
    stall_timeout_s: float = 300.0
    transferred: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # path -> name in the job's folder, size in bytes


def reduced(shard: Shard, tasks: Sequence[Task]) -> Shard:
    """A shard with some of its tasks only, and the files that these read."""
    needed = {path for task in tasks for path in task.inputs}
    return replace(shard, tasks=tuple(tasks), transferred={path: moved for path, moved in shard.transferred.items() if path in needed})


def shard_name(number: int) -> str:
    """File of shard ``number``."""
    return f"shard_{number}.bin"


def split(tasks: Sequence[Task], jobs: int) -> list[list[Task]]:
    """Tasks in at most ``jobs`` contiguous groups, none empty, of about equal weight.

    >>> [[task.name for task in group] for group in split([Task("", name, b"", entries) for name, entries in zip("abcd", (3, 1, 1, 1))], 2)]
    [['a'], ['b', 'c', 'd']]
    """
    weights = [max(task.entries, 1) for task in tasks]
    groups: list[list[Task]] = [[] for _ in range(jobs)]
    for task, weight, end in zip(tasks, weights, accumulate(weights), strict=True):
        groups[int((end - 0.5 * weight) * jobs / sum(weights))].append(task)
    return [group for group in groups if group]


def save_shard(path: Path, shard: Shard) -> None:
    """Write a shard."""
    header = {**asdict(shard), "function": None, "tasks": None}
    body = zlib.compress(pickle.dumps((shard.function, shard.tasks), protocol=5), level=1)  # responses are mostly empty
    lines = MAGIC + json.dumps(header).encode() + b"\n" + hashlib.sha256(body).hexdigest().encode() + b"\n"
    with replacing(path) as temporary:
        temporary.write_bytes(lines + body)


def load_header(path: Path) -> Shard:
    """A shard without function and tasks: nothing is unpickled. Raises ``InputError`` for what is no shard."""
    return _header(_content(path), path)


def load_shard(path: Path) -> Shard:
    """A whole shard. Raises ``InputError`` when it is damaged."""
    content = _content(path)
    header = _header(content, path)
    digest, _, body = content.split(b"\n", 2)[2].partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise InputError(f"{path}: this shard is damaged (cut off on its way?); submit again")
    function, tasks = pickle.loads(zlib.decompress(body))
    return Shard(**{**vars(header), "function": function, "tasks": tasks})


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read the work of this job ({error.strerror}); `plan` writes it, --inbox says where it lies") from None


def _header(content: bytes, path: Path) -> Shard:
    if not content.startswith(MAGIC):
        raise InputError(f"{path}: not a shard of this version of dynode; run `plan` again")
    values = json.loads(content.split(b"\n", 2)[1])
    about = Environment(**values.pop("environment"))
    moved = {name: (local, size) for name, (local, size) in values.pop("transferred").items()}
    return Shard(**{**values, "environment": about, "transferred": moved, "function": b"", "tasks": ()})
