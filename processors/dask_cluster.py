"""Executor ``dask``: a local cluster, or a running scheduler by its address."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from configs.errors import InputError
from processors import worker_code
from processors.executors import LARGE, Lost, Pooled, Stalled, call_shipped

CONNECT_S = 10.0
ANSWER_S = 30.0  # of a scheduler that is asked for its workers
POLL_S = 5.0  # between looks at workers
SETTINGS = {
    "distributed.admin.large-graph-warning-threshold": "100 GB",  # a large function is sent once
    "distributed.scheduler.allowed-failures": 0,  # lost items are retried here, one by one
    "distributed.deploy.lost-worker-timeout": "365 days",  # else a worker that is being restarted after this time is given up for good
}


class Dask(Pooled):
    """Workers of ``dask.distributed``. Those of a scheduler elsewhere get the code, if theirs differs, and are checked before any work.

    Cluster or connection start with the first item: a run that finds everything in the journal needs neither.
    """

    def __init__(self, workers: int, stall_timeout_s: float, address: str | None = None, *, ship: bool = True) -> None:
        """``workers`` processes of a local cluster, or the scheduler at ``address``, whose workers get the code with ``ship``.

        Raises ``InputError`` when dask is not installed.
        """
        super().__init__(workers, stall_timeout_s)
        try:
            import distributed
        except ImportError:
            raise InputError("executor.kind = dask needs the extra `dask`: pip install 'dynode[dask]'") from None
        self.distributed = distributed
        self.address = address
        self.ship = ship
        self._known: set[str] = set()  # workers that were found able to do the work
        self._open = ExitStack()
        self._client: Any = None

    def prepared(self, function: bytes) -> Any:
        """A large function is a task of its own, of which a worker keeps the result: a worker that dies takes no more than its copy with it."""
        if len(function) < LARGE:
            return super().prepared(function)
        client = self.client
        with self._answering():
            return client.submit(bytes, function, pure=False)

    @property
    def client(self) -> Any:
        """The client, once connected. Raises ``InputError`` when no cluster can be started or reached."""
        if self._client is None:
            self._client = self._connected()
        return self._client

    def submit(self, task: Any, item: bytes) -> Any:
        """Hand out one item; raises as ``client``, and ``InputError`` when the scheduler is gone."""
        client = self.client
        with self._answering():
            if isinstance(task, self.distributed.Future):
                return client.submit(call_shipped, task, item, pure=False)
            return client.submit(task, item, pure=False)

    def wait(self, futures: Collection[Any]) -> Collection[Any]:
        """Futures that are done. Raises ``InputError`` when the scheduler is gone."""
        end = time.monotonic() + self.stall_timeout_s
        while (left := end - time.monotonic()) > 0.0:
            with self._answering():
                with contextlib.suppress(TimeoutError):  # a scheduler that is silent: the watchdog's business
                    self._look_after_workers(min(left, ANSWER_S))
                with contextlib.suppress(TimeoutError), self._client.as_current():
                    return self.distributed.wait(list(futures), timeout=min(left, POLL_S), return_when="FIRST_COMPLETED").done
        return ()

    def result(self, future: Any) -> Any:
        """The result, or ``Lost`` when the worker died under it. Raises ``InputError`` when the scheduler is gone or a worker lacks dynode."""
        try:
            return self._fetched(future)
        except TimeoutError:
            if future.status == "error":
                raise
            raise Stalled(f"a result cannot be fetched ({self.condition()}); run the command again: what is finished stays in the journal") from None
        except self.distributed.KilledWorker:
            return Lost("its dask worker died (killed, out of memory, or a crash in compiled code), also when it ran alone")
        except (asyncio.CancelledError, concurrent.futures.CancelledError, self.distributed.comm.CommClosedError):
            raise self._gone() from None
        except ModuleNotFoundError as error:
            raise InputError(f"a dask worker of {self._place()} cannot import {error.name}; install the same version of dynode there") from None

    def _fetched(self, future: Any) -> Any:
        """The result of a done future; one that was lost with its worker is computed again, by a new worker if need be."""
        end = time.monotonic() + self.stall_timeout_s
        while (left := end - time.monotonic()) > POLL_S:
            try:
                return future.result(timeout=POLL_S)
            except TimeoutError:
                if future.status == "error":
                    raise
                with contextlib.suppress(TimeoutError):
                    self._look_after_workers(min(left, ANSWER_S))
        return future.result(timeout=max(left, 0.1))

    def abandon(self) -> None:
        """Cancel what is not done; ``__exit__`` ends the workers."""
        if self._client is not None:
            with contextlib.suppress(*self._silence):
                self._client.cancel(list(self._client.futures), force=True)

    def condition(self) -> str:
        """Executor and workers in words."""
        try:
            workers = len(worker_code.within(CONNECT_S, self._client, self._client.nthreads))
        except (OSError, TimeoutError):
            return f"dask scheduler {self._place()} does not answer"
        return f"dask {self._place()}, {workers or 'no'} workers"

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._open.close()

    def _look_after_workers(self, answer_s: float) -> None:
        """Check workers that are new. Raises ``InputError`` saying what keeps one from doing the work, ``TimeoutError`` without an answer."""
        if self.address is not None:
            self._known |= worker_code.check_new(self._client, self._known, answer_s)

    @property
    def _silence(self) -> tuple[type[BaseException], ...]:
        """What a call raises when no scheduler answers."""
        return OSError, asyncio.CancelledError, concurrent.futures.CancelledError, self.distributed.client.ClosedClientError

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """For calls that raise these errors for no other reason than a scheduler that is gone."""
        try:
            yield
        except self._silence:
            raise self._gone() from None

    def _gone(self) -> InputError:
        return InputError(f"the dask scheduler {self._place()} went away; the journal keeps what is finished: run the command again")

    def _place(self) -> str:
        return "local cluster" if self.address is None else f"at {self.address}"

    def _connected(self) -> Any:
        import dask

        try:
            cluster = self._open.enter_context(self._local_cluster()) if self.address is None else None
            self._open.enter_context(dask.config.set({key: SETTINGS[key] for key in SETTINGS if key.startswith("distributed.admin")}))
            client = self.distributed.Client(cluster or self.address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError, RuntimeError) as error:
            raise InputError(
                f"executor.address = {self.address}: no dask scheduler answers ({type(error).__name__}: {error}); start one with "
                f"`dask scheduler`, or leave the address out for a local cluster"
                if self.address
                else f"a local dask cluster does not start ({type(error).__name__}: {error}); executor.kind = futures needs none"
            ) from None
        self._open.enter_context(client)
        if self.address is not None:
            with self._answering():
                self._introduce(client)
            self.workers = max(self.workers, len(self._known))
        return client

    def _introduce(self, client: Any) -> None:
        """Give the code to workers, those that come later too, and check those that are there."""
        if self.ship:
            worker_code.ship(client, self.own)
        self._known |= worker_code.check_new(client, self._known, ANSWER_S)

    def _local_cluster(self) -> Any:
        import dask

        self._open.enter_context(dask.config.set(SETTINGS))
        return self.distributed.LocalCluster(
            n_workers=self.workers, threads_per_worker=1, processes=True, memory_limit=None, silence_logs=logging.CRITICAL,
            dashboard_address=":0", scheduler_kwargs={"dashboard": False}, worker_dashboard_address=None,
        )  # fmt: skip
