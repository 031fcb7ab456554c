"""The page on files behind URLs, with servers of the tests in place of those it names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import uproot
from servers.fault_server import Server
from servers.s3_store import S3Store
from test_docs import BLOCK, ROOT, run_page

SECRET = "a key that no file may hold"
PAGE = ROOT / "docs" / "remote_files.md"


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, bytes]:
    """Two files for the processor of the other page, which is written beside them."""
    other = {block["name"]: block["text"] for block in BLOCK.finditer((ROOT / "docs" / "own_processor.md").read_text()) if block["name"]}
    (tmp_path / "hit_charges.py").write_text(other["hit_charges.py"])
    rng = np.random.default_rng(7)
    for run in (1, 2):
        with uproot.recreate(tmp_path / f"run_{run}.root") as file:
            file["hits"] = {"charge_pc": rng.gamma(4.0, 0.4, 500), "channel": rng.integers(0, 4, 500)}
    return {f"run_{run}.root": (tmp_path / f"run_{run}.root").read_bytes() for run in (1, 2)}


def digests(folder: Path) -> list[str]:
    return [json.loads((folder / "outputs" / name / "processing.json").read_text())["histogram_digest"] for name in ("remote", "streamed")]


def page_for(address: str, folder: Path) -> Path:
    """The page with another address of the files."""
    text = PAGE.read_text(encoding="utf-8")
    assert "https://data.example.org/led" in text
    (folder / "page.md").write_text(text.replace("https://data.example.org/led", address))
    return folder / "page.md"


def test_with_a_web_server(runs: dict[str, bytes], http_server: Server, tmp_path: Path) -> None:
    http_server.files = {f"/led/{name}": content for name, content in runs.items()}
    for finished in run_page(page_for(http_server.url("/led"), tmp_path), tmp_path):
        assert finished.returncode == 0, finished.stdout + finished.stderr
    fetched, streamed = digests(tmp_path)
    assert fetched == streamed
    assert sorted(path.name for path in (tmp_path / "cache" / "http").rglob("*.root")) == ["run_1.root", "run_2.root"]


def test_with_a_store(runs: dict[str, bytes], s3_server: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    s3_server.bucket("pages", {f"led/{name}": content for name, content in runs.items()}, public=False)
    for name, value in {**s3_server.keys, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL_S3": s3_server.endpoint}.items():
        monkeypatch.setenv(name, value)
    for finished in run_page(page_for("s3://pages/led", tmp_path), tmp_path):
        assert finished.returncode == 0, finished.stdout + finished.stderr
    fetched, streamed = digests(tmp_path)
    assert fetched == streamed
    left = [path for name in ("outputs", "cache") for path in (tmp_path / name).rglob("*") if path.is_file()]
    assert len(left) > 6
    assert [path for path in left if SECRET.encode() in path.read_bytes()] == []
