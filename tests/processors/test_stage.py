"""The stage ``process``: what a run leaves behind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from engine_case import raw, write_events

from configs.errors import InputError
from configs.schema import load_config
from processors.account import load_account
from processors.stage import process
from records import provenance
from records.hists import digest, load_hists


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(2):
        write_events(tmp_path / f"run_{number}.parquet", 30, number)
    (tmp_path / "c.yaml").write_text(
        f"name: c\nanalysis: custom\noutput_dir: {tmp_path}/out\nprocessor: {{class: engine_case.Spectrum, options: {{bins: 8}}}}\nseed: 5\n"
        "datasets:\n  mc: {files: [run_0.parquet, run_1.parquet, run_2.parquet], kind: mc, metadata: {livetime_s: 5.0}}\n"
        "  data: {files: run_0.parquet, kind: data}\nexecutor: {chunksize: 7}\n"
    )
    return tmp_path


def config_of(folder: Path, *overrides: str) -> Any:
    return load_config(folder / "c.yaml", overrides)


def content_of(folder: Path, name: str) -> Any:
    return json.loads((folder / "out" / "c" / name).read_text())


def test_a_complete_run_leaves_histograms_account_and_manifest(folder: Path) -> None:
    write_events(folder / "run_2.parquet", 11, 2)
    outcome = process(config_of(folder))
    saved = load_hists(folder / "out" / "c" / "hists.h5")
    assert {name: raw(hists) for name, hists in saved.items()} == {name: raw(hists) for name, hists in outcome.hists.items()}
    account = content_of(folder, "processing.json")
    assert account["complete"] is True
    assert account["histogram_digest"] == digest(saved)
    assert {key: account["datasets"]["mc"][key] for key in ("files", "expected", "processed", "fraction", "livetime_s", "failed")} == {
        "files": 3, "expected": 71, "processed": 71, "fraction": 1.0, "livetime_s": 5.0, "failed": [],
    }  # fmt: skip
    assert load_account(folder / "out" / "c" / "processing.json") == outcome.account
    manifest = content_of(folder, "manifest.json")
    assert manifest["stages"]["process"]["complete"] is True
    assert manifest["seed"] == 5
    path = str(folder / "run_0.parquet")
    assert manifest["inputs"][path] == {"size": Path(path).stat().st_size, "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}


def test_an_incomplete_run_leaves_its_account_and_no_histograms(folder: Path) -> None:
    write_events(folder / "run_2.parquet", 11, 2)
    process(config_of(folder))
    (folder / "run_2.parquet").unlink()
    outcome = process(config_of(folder))
    assert not outcome.complete
    assert "run_2.parquet: open: " in outcome.account.describe()
    assert not (folder / "out" / "c" / "hists.h5").exists()
    account = content_of(folder, "processing.json")
    assert (account["complete"], account["histogram_digest"]) == (False, None)
    assert account["datasets"]["mc"]["failed"][0]["stage"] == "open"
    assert content_of(folder, "manifest.json")["stages"]["process"]["complete"] is False


def test_a_partial_run_is_written_when_allowed_and_says_so(folder: Path) -> None:
    outcome = process(config_of(folder), allow_partial=True)
    account = content_of(folder, "processing.json")
    assert account["complete"] is False
    assert account["datasets"]["mc"]["fraction"] == pytest.approx(2 / 3)
    assert account["datasets"]["data"]["fraction"] == 1.0
    assert account["histogram_digest"] == digest(load_hists(folder / "out" / "c" / "hists.h5")) == outcome.account.histogram_digest
    assert content_of(folder, "manifest.json")["stages"]["process"]["allow_partial"] is True


def test_the_key_of_the_stage_tells_results_apart(folder: Path) -> None:
    write_events(folder / "run_2.parquet", 11, 2)
    keys = {
        process(config_of(folder)).digest,
        process(config_of(folder, "executor.chunksize=1000")).digest,
        process(config_of(folder, "executor.kind=futures")).digest,
    }
    assert len(keys) == 1  # how the work was done does not matter
    assert process(config_of(folder, "processor.options.bins=9")).digest not in keys
    write_events(folder / "run_2.parquet", 11, 3)
    assert process(config_of(folder)).digest not in keys


def test_wrong_input_is_refused_before_anything_is_written(folder: Path) -> None:
    with pytest.raises(InputError, match=r"datasets.mc.files: no file matches 'none_\*.parquet'; looked in"):
        process(config_of(folder, "datasets.mc.files=none_*.parquet"))
    assert not (folder / "out").exists()


def test_large_inputs_are_recorded_by_size_and_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "run_0.parquet"
    monkeypatch.setattr(provenance, "DIGEST_UP_TO_BYTES", 100)
    assert provenance.input_identities([str(path), str(folder / "missing"), "https://example.org/a.root"]) == {
        str(path): {"size": path.stat().st_size, "sha256": None, "mtime_ns": path.stat().st_mtime_ns},
        str(folder / "missing"): {"size": None, "sha256": None},
        "https://example.org/a.root": {"size": None, "sha256": None},
    }
