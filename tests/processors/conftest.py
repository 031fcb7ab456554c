"""Executors that all tests of the processors share: starting workers is what takes long."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from configs import schema
from processors.executors import Executor, create


@pytest.fixture(scope="session")
def opened() -> Iterator[dict[str, Executor]]:
    """One open executor of each kind; they outlive what happens to their workers."""
    kinds = {kind: create(schema.Executor(kind=kind, workers=2, stall_timeout_s=60.0)) for kind in ("iterative", "futures", "dask")}
    with kinds["iterative"], kinds["futures"], kinds["dask"]:
        yield kinds


@pytest.fixture(autouse=True)
def _source_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source that was edited since the tests started counts as what runs: these tests share journals between processes."""
    monkeypatch.setattr("processors.keys.STARTED_NS", time.time_ns())
