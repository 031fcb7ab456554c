"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


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
