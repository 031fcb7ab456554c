"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("unhurried")

SERVERS = {"slurm_pool", "htcondor_pool", "s3_server", "xrootd_server"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a real server are marked, whatever asks for it (``make test-batch`` runs them alone)."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder with the real public files, or a skip that says how to get them."""
    given = os.environ.get("DYNODE_DATA")
    if not given:
        pytest.skip("DYNODE_DATA is not set: point it at a folder with the public files of data_info/catalogue.yaml")
    folder = Path(given).resolve()
    if not folder.is_dir():
        pytest.skip(f"DYNODE_DATA={given} is not a folder")
    return folder


@pytest.fixture(scope="session")
def slurm_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A one-node Slurm on loopback (``servers.slurm_pool.SlurmPool``), one for the test run."""
    from servers.slurm_pool import running

    with running(tmp_path_factory.mktemp("slurm")) as pool:
        yield pool


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Any]:
    """An S3 server on loopback (``servers.s3_store.S3Store``), one for the test run."""
    from servers.s3_store import running

    with running() as store:
        yield store


@pytest.fixture(scope="session")
def xrootd_server() -> Iterator[Any]:
    """An XRootD server in a network namespace (``servers.xrootd_store.XrootdStore``), one for the test run."""
    from servers.xrootd_store import running

    with running() as store:
        yield store


@pytest.fixture
def http_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A web server on loopback (``servers.fault_server.Server``) whose files and faults the test chooses; no proxy stands before it."""
    from servers.fault_server import serving

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def htcondor_pool() -> Iterator[Any]:
    """A one-node HTCondor in a root folder of its own (``servers.htcondor_pool.HTCondorPool``), one for the test run."""
    from servers.htcondor_pool import running

    with running() as pool:
        yield pool
