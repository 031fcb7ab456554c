"""Conversion keeps values, types, units and attributes, in any chunking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from readers import SourceError, open_source
from readers.convert import convert

TARGETS = ["out.parquet", "out.h5", "out.root"]


def contents(path: Path, **options: Any) -> dict[str, Any]:
    with open_source(path, **options) as source:
        events = source.events(0, len(source))
        return {name: (column, ak.to_list(events[name])) for name, column in source.columns.items()}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("chunk_entries", [1, 7, 1000])
def test_reading_back_gives_the_same(sample, target: str, chunk_entries: int, tmp_path: Path) -> None:
    assert convert(sample.path, tmp_path / target, chunk_entries=chunk_entries) == 40
    before, after = contents(sample.path), contents(tmp_path / target)
    assert before.keys() == after.keys()
    for name, (column, values) in before.items():
        assert after[name][0] == column
        assert json.dumps(after[name][1]) == json.dumps(values)


@pytest.mark.parametrize("target", TARGETS)
def test_release_files_become_one_with_their_units(target: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        '{"recoDepositedEnergy": [1e5, 2.5e5], "recoLength": [NaN, 12.5], "livetime_s": 227708167.68, "release": "7.5 years"}'
    )
    (tmp_path / "b.json").write_text('{"primaryType": [12, -16]}')
    convert([tmp_path / "a.json", tmp_path / "b.json"], tmp_path / target, format="hese_json")
    with open_source(tmp_path / target) as source:
        assert {name: column.unit for name, column in source.columns.items()} == {"recoDepositedEnergy": "GeV", "recoLength": "m", "primaryType": ""}
        assert source.columns["recoDepositedEnergy"].meaning == "reconstructed deposited energy"
        assert {name: str(value) for name, value in source.attributes.items()} == {"livetime_s": "227708167.68", "release": "7.5 years"}
        assert source.events(0, 2).primaryType.to_list() == [12, -16]
        assert np.isnan(source.events(0, 2).recoLength[0])


@pytest.mark.public_data
@pytest.mark.parametrize("target", TARGETS)
def test_the_events_of_the_release(target: str, public_data: Path, tmp_path: Path) -> None:
    path = public_data / "hese" / "HESE_data.json"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    convert(path, tmp_path / target, chunk_entries=40)
    assert repr(contents(path)) == repr({name: contents(tmp_path / target)[name] for name in contents(path)})


RICH: dict[str, Any] = {
    "text": ["é", "", "abc"],
    "words": [["a"], [], ["b", "c"]],
    "nested": [[[1.0], []], [], [[2.0, 3.0]]],
    "position": pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float32(), 2)),
    "hits": [[1.5], [], [2.5, 3.5]],
    "flag": [True, False, True],
}


@pytest.mark.parametrize(
    ("target", "fit", "refused"),
    [
        ("out.parquet", list(RICH), {}),
        ("out.h5", ["text", "position", "hits", "flag"], {"words": "convert to Parquet", "nested": "convert to Parquet"}),
        ("out.root", ["position", "hits", "flag"], {"text": "convert to Parquet or HDF5", "nested": "convert to Parquet"}),
    ],
)
def test_columns_that_a_format_cannot_hold_are_named(target: str, fit: list[str], refused: dict[str, str], tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({name: RICH[name] for name in fit}), source)
    convert(source, tmp_path / target, chunk_entries=2)
    assert {name: values for name, (_, values) in contents(tmp_path / target).items()} == {name: pa.array(RICH[name]).to_pylist() for name in fit}
    for name, cure in refused.items():
        pq.write_table(pa.table({name: RICH[name]}), source)
        with pytest.raises(SourceError, match=f"column '{name}' of type .* cannot be .*{cure}"):
            convert(source, tmp_path / f"second_{target}")
        assert not (tmp_path / f"second_{target}").exists()


@pytest.mark.parametrize("target", TARGETS)
def test_no_entries_stay_no_entries(target: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": np.empty(0), "hits": pa.array([], pa.list_(pa.float64()))}), tmp_path / "in.parquet")
    assert convert(tmp_path / "in.parquet", tmp_path / target) == 0
    assert {name: (column.dtype, values) for name, (column, values) in contents(tmp_path / target).items()} == {
        "x": ("float64", []),
        "hits": ("var * float64", []),
    }


def test_written_files_are_whole_or_absent(samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "in.json"
    broken.write_text('{"x": [1.0, 2.0, 3..0]}')
    (tmp_path / "out.h5").write_bytes(b"the old file")
    with pytest.raises(SourceError, match="column 'x', entry 2: not a number"):
        convert(broken, tmp_path / "out.h5", chunk_entries=1)
    assert (tmp_path / "out.h5").read_bytes() == b"the old file"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.json", "out.h5"]


def test_chunks_have_checksums(samples, tmp_path: Path) -> None:
    convert(samples["npz"].path, tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert all(file[name].fletcher32 for name in ("energy", "topology", "hits", "hits_offsets"))
        assert file["hits"].attrs["offsets"] == "hits_offsets"


def test_progress_is_told(samples, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    convert(samples["npy"].path, tmp_path / "out.parquet", chunk_entries=15, progress=lambda done, whole: told.append((done, whole)))
    assert told == [(15, 40), (30, 40), (40, 40)]


def test_what_cannot_be_read_is_not_left_behind_unseen(tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", x=np.arange(3), objects=np.array([{}, {}, {}], dtype=object))
    with pytest.raises(SourceError, match=r"would lose what cannot be read \('objects': holds Python objects"):
        convert(tmp_path / "in.npz", tmp_path / "out.parquet")
    assert convert(tmp_path / "in.npz", tmp_path / "out.parquet", partial=True) == 3


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("a.npz", "is one of the files to convert; give another name|its ending chooses the format to write: .root, .parquet"),
        ("out.csv", "its ending chooses the format to write: .root, .parquet, .pq, .h5, .hdf5, .hdf"),
        ("https://example.org/out.parquet", "convert writes local files"),
    ],
)
def test_targets_that_make_no_sense(target: str, message: str, samples, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        convert(samples["npz"].path, target if "://" in target else tmp_path / target)


def test_the_target_may_not_be_a_source(samples, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(samples["parquet"].path.read_bytes())
    with pytest.raises(SourceError, match="is one of the files to convert; give another name"):
        convert(path, tmp_path / "." / "a.parquet")


def test_a_folder_that_cannot_be_written_is_named(samples, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match=r"out\.parquet: cannot be written \(.*\); check the folder and its free space"):
        convert(samples["npy"].path, tmp_path / "file" / "out.parquet")
