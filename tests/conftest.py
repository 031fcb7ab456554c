"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

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
