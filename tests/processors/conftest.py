"""Executors that all tests of the processors share: starting workers is what takes long."""

from __future__ import annotations

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
