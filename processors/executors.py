"""How a function is applied to many items: here, in a pool of processes, or on a dask cluster; chunks, trials and toys all go this way.

Every executor has the same contract. ``map(function, items, on_done)`` calls ``on_done(index, result)`` in this process as results come,
in any order. A worker that dies gives ``Lost`` for its own item only. As coffea's executors, each is also callable as
``executor(items, function, accumulator)``.
"""

from __future__ import annotations

import functools
import pickle
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import cloudpickle
from coffea.processor import accumulate

from configs import schema
from configs.errors import InputError

WINDOW = 2  # items handed out per worker: one at work, one waiting for it
LARGE = 1_000_000  # bytes of a pickled function (toys hold a whole response) that are not sent with every item
NAMED = 3  # unfinished items named in a message

OnDone = Callable[[int, Any], None]


@dataclass(frozen=True)
class Lost:
    """In place of a result: the worker died on this item alone."""

    reason: str


class Stalled(InputError):
    """No worker, or no progress, for too long."""


class Executor(ABC):
    """A context manager; workers live until it is left."""

    own: Mapping[str, Path] = MappingProxyType({})  # files of the user's that go with the code, by their place beside the configuration
    logs: Path | None = None  # where workers that are jobs leave their logs

    @abstractmethod
    def map(self, function: Callable[[Any], Any], items: Sequence[Any], on_done: OnDone) -> None:
        """Apply ``function`` to every item. An exception of ``function`` or ``on_done`` ends the run and is raised here."""

    def __call__(self, items: Sequence[Any], function: Callable[[Any], Any], accumulator: Any) -> tuple[Any, int]:
        """Add the results to ``accumulator`` in the order of the items: coffea's call contract. Raises ``RuntimeError`` when a worker died."""
        waiting: dict[int, Any] = {}
        added = [accumulator]

        def on_done(index: int, result: Any) -> None:
            if isinstance(result, Lost):
                raise RuntimeError(f"{item_name(items, index)}: {result.reason}")
            waiting[index] = result
            while (following := len(added) - 1) in waiting:
                added[0] = accumulate([added[0], waiting.pop(following)])
                added.append(None)

        self.map(function, items, on_done)
        return added[0], 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        return None


class Iterative(Executor):
    """One after the other in this process: for debugging and small runs. Nothing can watch over it: a call that hangs, hangs."""

    def map(self, function: Callable[[Any], Any], items: Sequence[Any], on_done: OnDone) -> None:
        """Apply ``function`` to every item in order."""
        for index, item in enumerate(items):
            on_done(index, function(item))


class Pooled(Executor):
    """What executors with worker processes share: a window of items at work, suspicion, and the watchdog.

    When a worker dies, every item that was handed out may be the reason. These suspects run again at the end, one by one with nothing
    beside them; one that kills its worker again is ``Lost``.
    """

    def __init__(self, workers: int, stall_timeout_s: float) -> None:
        self.workers = workers
        self.stall_timeout_s = stall_timeout_s

    def prepared(self, function: bytes) -> Callable[[bytes], Any]:
        """What is handed out with every item: calls the pickled function. One that is large had better go to a worker once (``LARGE``)."""
        return functools.partial(call_shipped, function)

    @abstractmethod
    def submit(self, task: Callable[[bytes], Any], item: bytes) -> Any:
        """Hand out one item; return a future (hashable)."""

    @abstractmethod
    def wait(self, futures: Collection[Any]) -> Collection[Any]:
        """Futures that are done, at least one; none when ``stall_timeout_s`` passed."""

    @abstractmethod
    def result(self, future: Any) -> Any:
        """The result of a done future, or ``Lost``; raises what the function raised."""

    @abstractmethod
    def abandon(self) -> None:
        """Stop all work now."""

    @abstractmethod
    def condition(self) -> str:
        """Executor and workers in words, for the message of the watchdog."""

    def map(self, function: Callable[[Any], Any], items: Sequence[Any], on_done: OnDone) -> None:
        """Apply ``function`` to every item on the workers. Raises ``Stalled`` when nothing happens for ``stall_timeout_s``."""
        task = self.prepared(cloudpickle.dumps(function))
        try:
            suspects = self._together(task, items, on_done)
            for index in suspects:
                on_done(index, self._alone(task, items, index))
        except BaseException:
            self.abandon()
            raise

    def _together(self, task: Callable[[bytes], Any], items: Sequence[Any], on_done: OnDone) -> list[int]:
        waiting = deque(range(len(items)))
        running: dict[Any, int] = {}
        suspects = []
        while waiting or running:
            while waiting and len(running) < WINDOW * self.workers:
                index = waiting.popleft()
                running[self.submit(task, cloudpickle.dumps(items[index]))] = index
            for future in self._done(running, items):
                index = running.pop(future)
                result = self.result(future)
                if isinstance(result, Lost):
                    suspects.append(index)
                else:
                    on_done(index, result)
        return sorted(suspects)

    def _alone(self, task: Callable[[bytes], Any], items: Sequence[Any], index: int) -> Any:
        future = self.submit(task, cloudpickle.dumps(items[index]))
        self._done({future: index}, items)
        return self.result(future)

    def _done(self, running: dict[Any, int], items: Sequence[Any]) -> list[Any]:
        done = self.wait(running)
        if not done:
            unfinished = sorted(running.values())
            names = ", ".join(item_name(items, index) for index in unfinished[:NAMED])
            more = f" and {len(unfinished) - NAMED} more" if len(unfinished) > NAMED else ""
            raise Stalled(
                f"no progress for executor.stall_timeout_s = {self.stall_timeout_s:g} s ({self.condition()}); unfinished: {names}{more}; "
                f"what is finished stays in the journal: run the command again, with a larger stall_timeout_s if a chunk needs it"
            )
        return sorted(done, key=running.__getitem__)


def create(options: schema.Executor) -> Executor:
    """The executor that the configuration asks for. Raises ``InputError`` when dask is wanted and not installed, or a batch system not there."""
    if options.kind == "iterative":
        return Iterative()
    if options.kind == "futures":
        from processors.process_pool import Futures

        return Futures(options.workers, options.stall_timeout_s)
    if options.kind == "dask":
        from processors.dask_cluster import Dask

        return Dask(options.workers, options.stall_timeout_s, options.address, ship=options.job.ship)
    from processors.job_cluster import JobCluster

    return JobCluster(options)


def call_shipped(function: bytes, item: bytes) -> Any:
    """On a worker: call a pickled function with a pickled item. Pickled by value where a worker could not import it."""
    return _shipped(function)(pickle.loads(item))


@functools.lru_cache(maxsize=2)
def _shipped(function: bytes) -> Callable[[Any], Any]:
    return pickle.loads(function)


def item_name(items: Sequence[Any], index: int) -> str:
    """How messages call an item: its ``name`` or its number."""
    return getattr(items[index], "name", None) or f"item {index} of {len(items)}"
