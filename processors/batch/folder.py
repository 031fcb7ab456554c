"""The folder of a batch: its plan, its shards, and what was submitted.

``plan.json`` and ``submitted.json`` for the commands, ``shards/``, ``out/``, ``logs/``, and the files that start jobs (``submit_files``).
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from configs.errors import InputError
from processors.batch.scheduler import Submitted
from processors.batch.shards import Kind, Shard, save_shard, shard_name
from processors.batch.submit_files import INPUTS, LOGS, OUT, SHARDS
from records.atomic import replacing, write_text

PLAN, SUBMITTED = "plan.json", "submitted.json"
UNSAFE = re.compile(r"[\s,;\"'$()]")  # characters of a file name that submit files give a meaning


@dataclass(frozen=True)
class PlannedShard:
    """A job of the plan: keys and names of its tasks."""

    number: int
    keys: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class BatchPlan:
    """The content of ``plan.json``."""

    name: str
    plan: str  # its identity
    kind: Kind
    door: str
    config: str
    transfer: bool
    python: str
    shards: tuple[PlannedShard, ...] = field(repr=False)


def new_plan_id() -> str:
    """A name for a plan that no other has."""
    return secrets.token_hex(8)


def write_plan(folder: Path, plan: BatchPlan, shards: Sequence[Shard], files: Mapping[str, bytes]) -> None:
    """Write plan and shards into an emptied folder, with ``files`` (the code, the configuration) beside them."""
    for name in (SHARDS, OUT, INPUTS):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (SHARDS, OUT, LOGS, INPUTS):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / SUBMITTED).unlink(missing_ok=True)
    for shard in shards:
        save_shard(folder / SHARDS / shard_name(shard.number), shard)
    _link_inputs(folder, shards)
    for name, content in files.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    write_text(folder / PLAN, json.dumps(asdict(plan), indent=1) + "\n")


def load_plan(folder: Path) -> BatchPlan:
    """The plan of a folder. Raises ``InputError`` when there is none."""
    try:
        values = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        shards = tuple(PlannedShard(one["number"], tuple(one["keys"]), tuple(one["names"])) for one in values["shards"])
        return BatchPlan(**{**values, "shards": shards})
    except FileNotFoundError:
        raise InputError(f"{folder}: no batch is planned here; begin with `plan --jobs N`") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / PLAN}: not the plan of a batch ({type(error).__name__}: {error}); run `plan --jobs N` again") from None


def load_submitted(folder: Path) -> list[Submitted]:
    """What was submitted, oldest first."""
    try:
        found = json.loads((folder / SUBMITTED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [Submitted(**{**one, "shards": tuple(one["shards"])}) for one in found]


def transferred_names(paths: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A name in the job's folder for every path: its own where that is free and plain, else with a number before it.

    >>> transferred_names(["/a/run.root", "/b/run.root", "/b/run 2.root"])
    {'/a/run.root': 'run.root', '/b/run.root': '1_run.root', '/b/run 2.root': '2_run_2.root'}
    """
    names: dict[str, str] = {}
    used = set(taken)
    for number, path in enumerate(dict.fromkeys(paths)):
        plain = UNSAFE.sub("_", Path(path).name)
        names[path] = f"{number}_{plain}" if plain in used or plain != Path(path).name or UNSAFE.search(path) else plain
        used.add(names[path])
    return names


def _link_inputs(folder: Path, shards: Sequence[Shard]) -> None:
    """Links under the name in the job's folder, for files that have another name here."""
    for path, (name, _) in {path: moved for shard in shards for path, moved in shard.transferred.items()}.items():
        if Path(path).name != name:
            (folder / INPUTS / name).symlink_to(Path(path).resolve())
