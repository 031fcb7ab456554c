"""Executor ``dask``: a local cluster, or a running scheduler by its address."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable, Collection
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from configs.errors import InputError
from processors.executors import Lost, Pooled, Stalled

CONNECT_S = 10.0
SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,  # lost items are retried here, one by one
    "distributed.deploy.lost-worker-timeout": "365 days",  # else a worker that is being restarted after this time is given up for good
}


class Dask(Pooled):
    """Workers of ``dask.distributed``. The function and the user's own modules are shipped by value; dynode itself must be installed there.

    Cluster or connection start with the first item: a run that finds everything in the journal needs neither.
    """

    def __init__(self, workers: int, stall_timeout_s: float, address: str | None = None) -> None:
        """``workers`` processes of a local cluster, or the scheduler at ``address``. Raises ``InputError`` when dask is not installed."""
        super().__init__(workers, stall_timeout_s)
        try:
            import distributed
        except ImportError:
            raise InputError("executor.kind = dask needs the extra `dask`: pip install 'dynode[dask]'") from None
        self.distributed = distributed
        self.address = address
        self._open = ExitStack()
        self._client: Any = None

    def submit(self, task: Callable[[bytes], Any], item: bytes) -> Any:
        """Hand out one item. Raises ``InputError`` when no cluster can be started or reached."""
        if self._client is None:
            self._client = self._connected()
        return self._client.submit(task, item, pure=False)

    def wait(self, futures: Collection[Any]) -> Collection[Any]:
        """Futures that are done."""
        try:
            with self._client.as_current():
                return self.distributed.wait(list(futures), timeout=self.stall_timeout_s, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            return ()

    def result(self, future: Any) -> Any:
        """The result, or ``Lost`` when the worker died under it. Raises ``InputError`` when the scheduler is gone or a worker lacks dynode."""
        try:
            return future.result(timeout=self.stall_timeout_s)
        except TimeoutError:
            if future.status == "error":
                raise
            raise Stalled(f"a result cannot be fetched ({self.condition()}); run the command again: what is finished stays in the journal") from None
        except self.distributed.KilledWorker:
            return Lost("its dask worker died (killed, out of memory, or a crash in compiled code), also when it ran alone")
        except (asyncio.CancelledError, concurrent.futures.CancelledError, self.distributed.comm.CommClosedError):
            raise InputError(f"the dask scheduler {self._place()} went away; the journal keeps what is finished: run the command again") from None
        except ModuleNotFoundError as error:
            raise InputError(f"a dask worker of {self._place()} cannot import {error.name}; install the same version of dynode there") from None

    def abandon(self) -> None:
        """Cancel what is not done; ``__exit__`` ends the workers."""
        if self._client is not None:
            self._client.cancel(list(self._client.futures), force=True)

    def condition(self) -> str:
        """Executor and workers in words."""
        try:
            workers = len(self._client.nthreads())
        except (OSError, TimeoutError):
            return f"dask scheduler {self._place()} does not answer"
        return f"dask {self._place()}, {workers or 'no'} workers"

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._open.close()

    def _place(self) -> str:
        return "local cluster" if self.address is None else f"at {self.address}"

    def _connected(self) -> Any:
        try:
            cluster = self._open.enter_context(self._local_cluster()) if self.address is None else None
            client = self.distributed.Client(cluster or self.address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError, RuntimeError) as error:
            raise InputError(
                f"executor.address = {self.address}: no dask scheduler answers ({type(error).__name__}: {error}); start one with "
                f"`dask scheduler`, or leave the address out for a local cluster"
                if self.address
                else f"a local dask cluster does not start ({type(error).__name__}: {error}); executor.kind = futures needs none"
            ) from None
        if self.address is not None:
            self.workers = max(self.workers, len(client.nthreads()))
        return self._open.enter_context(client)

    def _local_cluster(self) -> Any:
        import dask

        self._open.enter_context(dask.config.set(SETTINGS))
        return self.distributed.LocalCluster(
            n_workers=self.workers, threads_per_worker=1, processes=True, memory_limit=None, silence_logs=logging.CRITICAL,
            dashboard_address=":0", scheduler_kwargs={"dashboard": False}, worker_dashboard_address=None,
        )  # fmt: skip
