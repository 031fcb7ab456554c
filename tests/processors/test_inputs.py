"""Data sets of a configuration -> inputs of the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from engine_case import write_events

from configs.errors import InputError
from configs.schema import Dataset, load_config
from processors.inputs import dataset_inputs, event_files


def test_one_file_is_one_source_in_the_order_of_paths(tmp_path: Path) -> None:
    paths = [str(write_events(tmp_path / name, 3)) for name in ("b.parquet", "a.parquet")]
    files = event_files(paths, Dataset(files=paths, kind="mc", tree="hits", columns={"e": "energy"}))
    assert [file.paths for file in files] == [(paths[1],), (paths[0],)]
    assert (files[0].tree, files[0].columns) == ("hits", {"e": "energy"})


@pytest.mark.parametrize("form", ["hese_json", None])
def test_column_files_of_one_release_are_one_source(tmp_path: Path, form: str | None) -> None:
    for name, columns in {"weights": {"weight": [1.0, 2.0]}, "events": {"energy": [3.0, 4.0]}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(columns))
    paths = sorted(str(path) for path in tmp_path.glob("*.json"))
    (file,) = event_files(paths, Dataset(files=paths, kind="mc", format=form))
    assert file.paths == tuple(paths)


def test_toy_files_are_one_source_each(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps({"mapping": {"energy": 0}, "events": [[1.0]]}))
    paths = sorted(str(path) for path in tmp_path.glob("*.json"))
    assert len(event_files(paths, Dataset(files=paths, kind="mc"))) == 2


def test_files_that_cannot_be_looked_at_are_left_to_the_run() -> None:
    dataset = Dataset(files=["a.json"], kind="mc")
    assert len(event_files(["missing_a.json", "missing_b.json"], dataset)) == 2
    assert len(event_files(["https://example.org/a.root", "https://example.org/b.root"], dataset)) == 2


def test_inputs_carry_everything_that_the_run_needs(tmp_path: Path) -> None:
    for number in (2, 10):
        write_events(tmp_path / f"run_{number}.parquet", 4)
    (tmp_path / "list.txt").write_text("# good runs\nrun_2.parquet\n")
    (tmp_path / "c.yaml").write_text(
        "name: c\nanalysis: custom\nprocessor: {class: engine_case.Spectrum}\n"
        "datasets:\n  mc: {files: 'run_*.parquet', kind: mc, metadata: {livetime_s: 5.0}}\n  data: {filelist: list.txt, kind: data}\n"
    )
    mc, data = dataset_inputs(load_config(tmp_path / "c.yaml"))
    assert (mc.name, mc.kind, mc.metadata, len(mc.files)) == ("mc", "mc", {"livetime_s": 5.0}, 2)
    assert (data.name, data.kind, [Path(file.name).name for file in data.files]) == ("data", "data", ["run_2.parquet"])


def test_an_unknown_format_is_refused_before_any_file_is_opened(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", 4)
    (tmp_path / "c.yaml").write_text(
        "name: c\nanalysis: custom\nprocessor: {class: engine_case.Spectrum}\ndatasets: {mc: {files: a.parquet, kind: mc, format: parkett}}\n"
    )
    with pytest.raises(InputError, match=r"c\.yaml: datasets\.mc\.format: 'parkett' is not a format; did you mean 'parquet'\?"):
        dataset_inputs(load_config(tmp_path / "c.yaml"))
