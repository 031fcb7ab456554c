"""Whether the stages notice that files of a table of runs changed, and the options of the doors that concern such files."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs import command_line
from configs.errors import InputError
from configs.schema import as_json, load_config
from data_info.pmt_files import files_of_runs
from records.freshness import dependencies

TABLE: dict[str, Any] = {"base": "https://example.org/GIN", "pmts": {"A": {"dir": "first", "hv": [700], "n": [2]}}}
FILES = ("first/700/C1--n16deg--00000.trc", "first/700/C1--n16deg--00001.trc")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DYNODE_DATA", str(tmp_path / "data"))
    (tmp_path / "runs.yaml").write_text(yaml.safe_dump(TABLE))
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"name": "c", "analysis": "pmt_gain", "datasets": {"led": {"runs": "runs.yaml"}}}))
    return path


def touch(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def inputs(config: Path) -> str:
    return dependencies("process", load_config(config))["inputs"]


def test_files_behind_urls_lie_in_the_cache(config: Path, tmp_path: Path) -> None:
    assert files_of_runs(load_config(config), "led") == [
        str(tmp_path / "runs.yaml"), *(str(tmp_path / "data/cache/https/example.org/GIN" / name) for name in FILES),
    ]  # fmt: skip


@pytest.mark.parametrize("place", ["data/cache/https/example.org/GIN", "data"])
def test_changed_new_and_removed_files_are_noticed(place: str, config: Path, tmp_path: Path) -> None:
    states = [inputs(config)]
    touch(tmp_path / place / FILES[0])
    states.append(inputs(config))
    touch(tmp_path / place / FILES[0], "longer")
    states.append(inputs(config))
    os.utime(tmp_path / place / FILES[0], (1, 1))
    states.append(inputs(config))
    touch(tmp_path / place / FILES[1])
    states.append(inputs(config))
    assert len(set(states)) == len(states)
    assert inputs(config) == states[-1]


def test_changed_table_is_noticed(config: Path, tmp_path: Path) -> None:
    before = inputs(config)
    (tmp_path / "runs.yaml").write_text(yaml.safe_dump({**TABLE, "q_ref_pc_per_v": 212.4}))
    assert inputs(config) != before


def options(config: Path, *words: str) -> argparse.Namespace:
    return command_line.parser("", inputs=True).parse_args([str(config), *words])


def test_refresh_is_for_this_run_alone(config: Path) -> None:
    told = command_line.read_config(options(config, "--refresh"))
    assert told.datasets["led"].remote.refresh
    assert not command_line.read_config(options(config)).datasets["led"].remote.refresh
    assert as_json(told) == as_json(load_config(config))  # no stage is out of date because of it


def test_refresh_without_urls_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text("name: d\nanalysis: iwcd\ndatasets: {mc: {example: {size: 1}, kind: mc}}\n")
    with pytest.raises(InputError, match="--refresh has no effect: no data set of this configuration has files behind URLs"):
        command_line.read_config(options(tmp_path / "d.yaml", "--refresh"))


def test_files_of_the_command_line_replace_a_table(config: Path, tmp_path: Path) -> None:
    touch(tmp_path / "mine.trc")
    replaced = command_line.read_config(options(config, "--files", f"led={tmp_path / 'mine.trc'}")).datasets["led"]
    assert (replaced.runs, replaced.files) == (None, [str(tmp_path / "mine.trc")])
