"""Trials and toys as a batch: what a fit asks its map for becomes tasks, and the fit itself runs on what came back.

A fit is run with a map that takes results from a journal and notes what is missing. A study that builds on the results of another asks in a
second round: `plan` then finds new tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cloudpickle

from configs.errors import InputError
from configs.schema import Config
from processors import keys
from processors.batch import planning
from processors.batch.folder import PLAN, BatchPlan, load_plan
from processors.batch.shards import Task
from processors.batch.states import states
from processors.batch.submission import fetch_all, receive
from processors.handshake import NEEDED, environment
from processors.journal import Journal
from processors.trials import Calls, Execute, Later, blocks, identity

DOOR = "run_fit"
FIT = "fit"
PACKAGES = ("iminuit", "numba", "scipy")
Fit = Callable[[Execute], Any]  # does the fits of a configuration with a map


class Missing(InputError):
    """Trials have not come back, or were not planned."""


def folder(config: Config, study: str = FIT) -> Path:
    """Where the batch of a configuration's fits lies, or that of a study beside them."""
    return config.output / f"batch_{study}"


def journal(config: Config, study: str = FIT) -> Path:
    """The journal of finished trials."""
    return config.output / f"journal_{study}"


class JournalledMap:
    """A map whose results come from a journal; what is not there is noted as a task, and asking for it raises ``Later``.

    ``depends``: digest of all that the results depend on besides function and items.
    """

    def __init__(self, entries: Journal, depends: str) -> None:
        self.entries, self.depends = entries, depends
        self.tasks: dict[str, Task] = {}
        self.functions: dict[str, bytes] = {}

    def __call__(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Note every block that is missing, now; give results in order when they are asked for."""
        name = identity(function)
        cut = blocks(list(items))
        block_keys = [keys.digest("trials", self.depends, name, identity(block)) for block in cut]
        for number, (key, block) in enumerate(zip(block_keys, cut, strict=True)):
            if self.entries.read(key) is None:
                self.functions.setdefault(name, cloudpickle.dumps(function))
                called = f"{_called(function)}: block {number + 1} of {len(cut)}"
                self.tasks[key] = Task(key, called, cloudpickle.dumps((name, block)), len(block))
        return self._results(block_keys)

    def _results(self, block_keys: Sequence[str]) -> Iterator[Any]:
        for key in block_keys:
            if key in self.tasks:
                raise Later(self.tasks[key].name)
            yield from self.entries.read(key) or ()


def _called(function: Any) -> str:
    """The name of what is mapped, for people."""
    inner = getattr(function, "func", function)
    return getattr(inner, "__name__", type(inner).__name__)


def plan(config: Config, jobs: int, fit: Fit, depends: str, *, study: str = FIT, fresh: bool = False) -> BatchPlan | None:
    """Do the fits up to their trials and write the folder of a batch with those that are missing; nothing when none is."""
    place = folder(config, study)
    with Journal(journal(config, study), fresh=fresh) as entries:
        if not fresh and (place / PLAN).exists():
            receive(place, load_plan(place), entries)
        wanted = JournalledMap(entries, depends)
        try:
            fit(wanted)
        except Later:
            called = Calls(wanted.functions)
            batch = planning.Batch(config, place, DOOR, "trials", {}, environment(sorted({*NEEDED, *PACKAGES})))
            return planning.write(batch, list(wanted.tasks.values()), lambda names: called, jobs)
    return None


def collect(config: Config, fit: Fit, depends: str, *, study: str = FIT) -> Any:
    """Take over what came back and do the fits. Raises ``Missing`` naming the jobs that trials are missing from."""
    place = folder(config, study)
    planned = load_plan(place)
    fetch_all(place)
    with Journal(journal(config, study)) as entries:
        receive(place, planned, entries)
        wanted = JournalledMap(entries, depends)
        try:
            return fit(wanted)
        except Later:
            raise Missing(_missing(place, planned, wanted.tasks)) from None


def _missing(place: Path, planned: BatchPlan, tasks: Mapping[str, Task]) -> str:
    owners = {key: shard.number for shard in planned.shards for key in shard.keys}
    found = {state.number: state for state in states(place, planned)}
    jobs = sorted({owners[key] for key in tasks if key in owners})
    lines = [f"  job {number} is {found[number].state}: {found[number].reason}".rstrip(": ") for number in jobs]
    if new := [task.name for key, task in tasks.items() if key not in owners]:
        lines.append(f"  {len(new)} blocks are new (they build on what came back, or something changed): {new[0]} ...; run `plan` and `submit` again")
    return "\n".join([f"{len(tasks)} blocks of trials have not come back; `submit` again does what failed:", *lines])
