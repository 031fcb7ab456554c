"""Mistakes of a configuration of the diffuse analysis: refused before any event is read, not found in every chunk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import run_processor
from configs.errors import InputError
from configs.schema import load_config
from processors.registry import build
from readers.columns import ColumnSource

LIVETIME_S = 2.3e8
DATA = {"recoDepositedEnergy": [1e5, 2e5], "recoMorphology": [0, 1], "recoZenith": [1.0, 2.0], "recoLength": [float("nan")] * 2}
TOY_NAMES = ("energy", "topology", "zenith", "primaryEnergy", "astroWeight", "atmoWeight")
TOY = {"mapping": {name: index for index, name in enumerate(TOY_NAMES)}, "events": [[1e5, 0, 1, 1e5, 1, 1]]}


def configured(folder: Path, **datasets: dict[str, Any]) -> Path:
    content = {"name": "x", "analysis": "diffuse", "output_dir": str(folder / "out"), "datasets": datasets, "processor": {"binning": "bootcamp"}}
    (folder / "x.yaml").write_text(yaml.safe_dump(content))
    return folder / "x.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data.json").write_text(json.dumps(DATA))
    (tmp_path / "toy.json").write_text(json.dumps(TOY))
    return tmp_path


@pytest.fixture
def no_event_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def events(self: ColumnSource, start: int, stop: int) -> None:
        raise AssertionError("events were read")

    monkeypatch.setattr(ColumnSource, "events", events)


@pytest.mark.parametrize("binning", ["official", "bootcamp"])
def test_the_surrogate_is_refused_in_bins_that_are_not_its_own(folder: Path, binning: str) -> None:
    config = load_config(configured(folder, mc={"kind": "mc", "format": "surrogate"}), [f"processor.binning={binning}"])
    with pytest.raises(InputError, match=r"x.yaml: processor.binning: the surrogate response of datasets.mc exists .* set processor"):
        build(config, "mc")


def test_options_are_judged_before_any_file_is_looked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = configured(folder, data={"kind": "data", "files": "none.json"}, mc={"kind": "mc", "format": "surrogate"})
    assert run_processor.main([str(path)]) == 1
    assert "the surrogate response of datasets.mc exists in its own bins only" in capsys.readouterr().err
    assert not (folder / "out").exists()


@pytest.mark.parametrize("value", [0, -5.0, "7.5 years", True, float("inf")])
def test_a_livetime_that_is_none_is_refused(folder: Path, value: Any) -> None:
    config = load_config(configured(folder, mc={"kind": "mc", "format": "toy_json", "files": "toy.json", "metadata": {"livetime_s": value}}))
    with pytest.raises(InputError, match=r"x.yaml: datasets.mc.metadata.livetime_s is .*; give the livetime of the data set in seconds"):
        build(config, "mc")


@pytest.mark.parametrize(
    ("file", "kind", "metadata", "message"),
    [
        ("data.json", "mc", {"livetime_s": LIVETIME_S}, "data set 'it': {file}: data used as simulation (none of primaryType"),
        ("toy.json", "data", {}, "data set 'it': {file}: simulation used as data (it has astroWeight"),
        ("data.json", "data", {}, "data set 'it': {file}: metadata.livetime_s is absent; give the livetime"),
    ],
)
@pytest.mark.usefixtures("no_event_is_read")
def test_columns_that_do_not_suit_end_the_run_with_status_1(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str, kind: str, metadata: dict[str, Any], message: str
) -> None:
    """They were reported chunk by chunk, with status 3 and the advice to accept the loss."""
    path = configured(folder, it={"kind": kind, "files": file, "metadata": metadata})
    assert run_processor.main([str(path)]) == 1
    shown = capsys.readouterr().err
    assert message.format(file=folder / file) in shown
    assert "--allow-partial" not in shown


@pytest.mark.usefixtures("no_event_is_read")
def test_another_reference_index_than_that_of_the_weights_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = configured(folder, it={"kind": "mc", "files": "toy.json"})
    assert run_processor.main([str(path), "--set", "processor.reference_index=2"]) == 1
    assert "processor.reference_index: 2, but the weights of the toy form are made at index 2.5; set it to 2.5" in capsys.readouterr().err


def test_one_file_of_another_form_among_good_ones_is_a_bad_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "toy_b.json").write_text(json.dumps({"mapping": {"energi": 0}, "events": [[1e5]]}))
    assert run_processor.main([str(configured(folder, it={"kind": "mc", "files": "toy*.json"}))]) == 3
    assert "toy_b.json entries [0, 1): process: none of the columns is known" in capsys.readouterr().err


def test_livetimes_that_are_hardly_seconds_are_warned_of(folder: Path) -> None:
    sets = {name: {"kind": name, "files": "toy.json", "metadata": {"livetime_s": LIVETIME_S}} for name in ("data", "mc")}
    path = configured(folder, **sets)
    build(load_config(path), "mc")
    with pytest.warns(UserWarning, match=r"datasets.data.metadata.livetime_s: 2635 s is less than a day; livetimes are in seconds"):
        build(load_config(path, ["datasets.data.metadata.livetime_s=2635"]), "data")
    with pytest.warns(UserWarning, match=r"datasets.mc.metadata.livetime_s: 2.3e\+08 s, but 100000 s for the data 'data'; livetimes are in s"):
        build(load_config(path, ["datasets.data.metadata.livetime_s=1e5"]), "mc")
