"""The manifest: each stage its own part, atomic, with versions, commit and digests; it never fails for want of git."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
from pathlib import Path

import pytest

from configs.errors import InputError
from configs.schema import load_config
from records import manifest, provenance
from records.atomic import replacing, write_text

CONFIG = "name: n\nanalysis: diffuse\nseed: 7\ndatasets: {mc: {kind: mc, format: surrogate}}\n"


def test_stages_keep_their_own_parts(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    events = {"events.root": {"size": 5, "sha256": hashlib.sha256(b"12345").hexdigest()}}
    config = load_config(tmp_path / "c.yaml")
    manifest.update_manifest(tmp_path, "process", {"key": "a", "started": "2026-01-01T00:00:00", "seconds": 1.5}, config=config, inputs=events)
    manifest.update_manifest(tmp_path, "fit", {"key": "b"}, inputs={"scan.txt": {"size": 3, "sha256": "x"}})
    manifest.update_manifest(tmp_path, "fit", {**manifest.load_manifest(tmp_path)["stages"]["fit"], "seconds": 2})
    written = json.loads((tmp_path / "manifest.json").read_text())
    assert written == manifest.load_manifest(tmp_path)
    assert written["stages"]["fit"] == {"key": "b", "seconds": 2, "inputs": ["scan.txt"]}
    assert (written["stages"]["process"]["key"], written["stages"]["process"]["seconds"]) == ("a", 1.5)
    assert written["seed"] == 7
    assert written["config"]["datasets"]["mc"]["format"] == "surrogate"
    assert written["inputs"] == {**events, "scan.txt": {"size": 3, "sha256": "x"}}
    assert written["packages"]["numpy"] == importlib.metadata.version("numpy")
    assert written["dynode"] == provenance.dynode_version()


def test_inputs_are_those_of_the_last_run_of_each_stage(tmp_path: Path) -> None:
    unknown = {"size": None, "sha256": None}
    manifest.update_manifest(tmp_path, "process", {}, inputs={"shared.txt": unknown, "old.txt": unknown})
    manifest.update_manifest(tmp_path, "fit", {}, inputs={"shared.txt": unknown})
    manifest.update_manifest(tmp_path, "process", {}, inputs={"https://host/new": unknown})
    assert manifest.load_manifest(tmp_path)["inputs"] == {"shared.txt": unknown, "https://host/new": unknown}


def test_no_manifest_is_an_empty_one(tmp_path: Path) -> None:
    assert manifest.load_manifest(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(("text", "message"), [("{", "not a readable manifest"), ("[1]", "not a manifest"), ('{"stages": []}', "not a manifest")])
def test_damaged_manifest_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=rf"manifest\.json: {message}.*delete it"):
        manifest.update_manifest(tmp_path, "fit", {})


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, "-C", str(folder), *arguments], check=True, capture_output=True)


def test_commit_and_changes_are_told(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-m", "one")
    clean = provenance.git_commit(tmp_path)
    assert clean is not None
    assert len(clean) == 40
    (tmp_path / "a").write_text("2")
    assert provenance.git_commit(tmp_path) == f"{clean}+changes"


def test_outside_git_and_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_commit(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_commit() is None


def test_source_digest_sees_code_and_tables(tmp_path: Path) -> None:
    package = tmp_path / "physics"
    package.mkdir()
    (package / "a.py").write_text("x = 1\n")
    first = provenance.source_digest(["physics"], tmp_path)
    (package / "notes.md").write_text("words")
    assert provenance.source_digest(["physics"], tmp_path) == first
    (package / "table.csv").write_text("1,2")
    second = provenance.source_digest(["physics"], tmp_path)
    (package / "a.py").write_text("x = 2\n")
    assert len({first, second, provenance.source_digest(["physics"], tmp_path)}) == 3


def test_replacing_keeps_the_old_file_after_an_error(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "file", "old")
    with pytest.raises(ZeroDivisionError, match="division by zero"), replacing(tmp_path / "deep" / "file") as temporary:
        temporary.write_text(f"half {1 / 0}")
    assert (tmp_path / "deep" / "file").read_text() == "old"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["file"]
