"""Executor ``futures``: one persistent pool of processes on this machine.

Workers come from a fork server on Linux (started clean, before any thread; it imports the heavy packages once, then a worker starts in
milliseconds). They are spawned elsewhere, and where the folder for temporary files has too long a path for the server's socket (the scratch
of a batch job). Forking this process itself would copy locks that other threads hold.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any

from configs.errors import InputError
from processors.executors import LARGE, Lost, Pooled, call_shipped

SOCKET_FOLDER = 70  # longest path of the folder for temporary files in which a fork server's socket has room (108 bytes with its own name)
PRELOADED = ["processors.work", "readers"]


class Futures(Pooled):
    """A ``ProcessPoolExecutor`` that is started when first needed, and again when a worker died."""

    def __init__(self, workers: int, stall_timeout_s: float) -> None:
        super().__init__(workers, stall_timeout_s)
        self._pool: ProcessPoolExecutor | None = None
        self._processes: list[Any] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def prepared(self, function: bytes) -> Callable[[bytes], Any]:
        """A large function goes through a file, which every worker reads once."""
        if len(function) < LARGE:
            return super().prepared(function)
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="dynode-function-")
        path = Path(self._folder.name) / hashlib.sha256(function).hexdigest()
        path.write_bytes(function)
        return partial(call_file, str(path))

    def submit(self, task: Callable[[bytes], Any], item: bytes) -> Future[Any]:
        """Hand out one item, in a new pool when there is none or a worker of the old one died."""
        try:
            return self._submit(task, item)
        except BrokenProcessPool:
            self.abandon()
            return self._submit(task, item)

    def wait(self, futures: Collection[Future[Any]]) -> Collection[Future[Any]]:
        """Futures that are done."""
        return wait(futures, timeout=self.stall_timeout_s, return_when=FIRST_COMPLETED).done

    def result(self, future: Future[Any]) -> Any:
        """The result, or ``Lost`` when the pool broke."""
        try:
            return future.result()
        except BrokenProcessPool:
            return Lost(f"its worker process died{self._signals()} (killed, out of memory, or a crash in compiled code), also when it ran alone")

    def abandon(self) -> None:
        """Kill the workers."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        pool.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.kill()

    def condition(self) -> str:
        """Executor and workers in words."""
        return f"executor futures, {self.workers} workers"

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._pool is not None and error is None:
            self._pool.shutdown(wait=True)
            self._pool = None
        self.abandon()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _submit(self, task: Callable[[bytes], Any], item: bytes) -> Future[Any]:
        if self._pool is None:
            self._pool = self._started()
        future = self._pool.submit(task, item)
        self._processes = list((getattr(self._pool, "_processes", None) or {}).values())  # kill_workers() is public from Python 3.14 on
        return future

    def _signals(self) -> str:
        """The signals that ended workers, but for the one by which the pool ends the others of a broken pool."""
        codes = {-process.exitcode for process in self._processes if (process.exitcode or 0) < 0} - {signal.SIGTERM}
        return f" of {', '.join(signal.Signals(code).name for code in sorted(codes))}" if codes else ""

    def _started(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context(start_method())
        if context.get_start_method() == "forkserver":
            context.set_forkserver_preload(PRELOADED)
        pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=start_worker, initargs=(dict(os.environ),))
        try:
            pool.submit(os.getpid).result(timeout=self.stall_timeout_s)
        except (BrokenProcessPool, TimeoutError) as error:
            pool.shutdown(wait=False, cancel_futures=True)
            raise InputError(
                f"worker processes do not start ({type(error).__name__}); a script that starts a run must do so below "
                f"`if __name__ == '__main__':`; executor.kind = iterative works without workers"
            ) from None
        return pool


def call_file(path: str, item: bytes) -> Any:
    """On a worker: call the pickled function in a file with a pickled item."""
    return call_shipped(_content(path), item)


@lru_cache(maxsize=2)
def _content(path: str) -> bytes:
    return Path(path).read_bytes()


def start_method() -> str:
    """How worker processes begin on this machine."""
    return "forkserver" if sys.platform == "linux" and len(os.fsencode(tempfile.gettempdir())) <= SOCKET_FOLDER else "spawn"


def start_worker(environment: dict[str, str]) -> None:
    """In a new worker: leave Ctrl-C to the main process, and end when the main process is gone.

    ``environment``: that of the main process now (keys of stores); a fork server has kept the one of its own start.
    """
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
