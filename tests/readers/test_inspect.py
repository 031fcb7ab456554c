"""The structure of files: as a value, as JSON, as a table; from metadata alone."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import h5py
import hist
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from rich.console import Console

from readers import SourceError, open_source
from readers.inspect import describe
from readers.structure import Structure


def shown(structure: Structure, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(structure.table())
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_every_format_is_described(sample) -> None:
    structure = describe(sample.path)
    assert (structure.path, structure.format, structure.entries) == (str(sample.path), sample.format, 40)
    assert structure.size_bytes == sample.path.stat().st_size
    with open_source(sample.path) as source:
        assert structure.columns == tuple(source.columns.values())
    text = shown(structure)
    assert "40 entries" in text
    for column in structure.columns:
        assert column.name in text
        assert column.dtype in text
    assert json.loads(structure.to_json())["columns"][0]["name"] == structure.columns[0].name


def test_entries_and_statistics_are_shown_when_asked_for(sample) -> None:
    structure = describe(sample.path, show=7, statistics=True)
    assert [row["topology"] for row in structure.first_entries] == sample.columns["topology"][:7]
    finite = np.array([value for value in sample.columns["energy"] if np.isfinite(value)])
    energy = structure.statistics["energy"]
    assert (energy.minimum, energy.maximum, energy.nan) == (finite.min(), finite.max(), 1)
    assert energy.mean == pytest.approx(finite.mean(), rel=1e-14)
    assert json.loads(structure.to_json())["first_entries"][5]["energy"] is None  # NaN is no JSON
    assert f"{finite.max():.6g}" in shown(structure)


def test_no_cell_is_broken_or_lost_on_a_narrow_terminal(tmp_path: Path) -> None:
    names = [f"quantity_{i:02d}" for i in range(30)]
    pq.write_table(pa.table({name: [i + 0.125, 1000.0 * i] for i, name in enumerate(names)}), tmp_path / "a.parquet")
    text = shown(describe(tmp_path / "a.parquet", show=2, statistics=True), width=80)
    entries = text[text.index(f"{names[0]}   {names[1]}") :]
    assert max(map(len, text.splitlines())) <= 80
    assert {*names, *(f"{i + 0.125:.8g}" for i in range(30)), *(f"{1000.0 * i:.8g}" for i in range(30))} <= set(entries.split())
    lines = [line.split() for line in entries.splitlines()]
    assert sum(line[:1] == [names[0]] for line in lines) == sum(line[:1] == ["0.125"] for line in lines) > 2  # the first column in every block


def test_units_and_attributes(samples) -> None:
    structure = describe(samples["hdf5"].path)
    assert structure.attributes == {"season": 2012}
    energy = next(column for column in structure.columns if column.name == "energy")
    assert (energy.unit, energy.meaning) == ("GeV", "deposited energy")
    text = shown(structure)
    assert "GeV" in text
    assert "season" in text


def test_hdf5_that_is_no_table_lists_all_datasets(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a/x", data=np.zeros((100, 3), ">f4"), chunks=(10, 3), compression="gzip", shuffle=True, fletcher32=True)
        file["b/deep/y"] = np.zeros(5)
        file["b/single"] = 3
        file["b/text"] = ["a", "b"]
        file["away"] = h5py.ExternalLink("elsewhere.h5", "/z")
        file["table"] = np.zeros(2, dtype=[("run", "i4"), ("energy", "f8")])
    structure = describe(tmp_path / "a.h5")
    assert structure.entries is None
    parts = {part.name: part for part in structure.parts}
    assert (parts["/a/x"].type, parts["/a/x"].shape) == ("float32 (big-endian)", (100, 3))
    assert parts["/a/x"].details.startswith("chunks of 10 x 3, gzip, shuffle, fletcher32, 300 values in ")
    assert (parts["/b/deep/y"].shape, parts["/b/deep/y"].details) == ((5,), "contiguous, 5 values in 40 bytes")
    assert parts["/b/single"].shape == ()
    assert parts["/b/text"].type == "string"
    assert parts["/away"].details == "to elsewhere.h5/z, not followed"
    assert parts["/table"].type == "run: int32, energy: float64"
    assert "several groups or tables hold columns: /a, /b, /b/deep, /table; choose one with tree: NAME" in structure.notes[0]
    assert "100 x 3" in shown(structure)
    assert describe(tmp_path / "a.h5", tree="a").entries == 100


def test_root_lists_trees_and_histograms(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("events", {"x": "float64"}).extend({"x": np.zeros(5)})
        file.mkrntuple("other", {"y": np.zeros(3)})
        file["spectra/energy"] = hist.Hist.new.Reg(4, 0, 2).Reg(3, -1, 1).Double()
        file["note"] = "hello"
    parts = {part.name: part for part in describe(tmp_path / "a.root").parts}
    assert (parts["events"].kind, parts["events"].shape) == ("TTree", (5,))
    assert (parts["other"].kind, parts["other"].shape) == ("ROOT::RNTuple", (3,))
    assert (parts["spectra/energy"].kind, parts["spectra/energy"].shape, parts["spectra/energy"].details) == ("TH2D", (4, 3), "[0, 2] x [-1, 1]")
    assert parts["note"].kind == "TObjString"


def test_npz_names_objects_without_unpickling(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", objects=np.array([{}, {}], dtype=object), x=np.arange(2))
    structure = describe(tmp_path / "a.npz")
    parts = {part.name: part for part in structure.parts}
    assert "Python objects" in parts["objects"].details
    assert (parts["x"].type, parts["x"].shape, parts["x"].details) == ("int64", (2,), "compressed")
    assert structure.notes[0].startswith("objects: holds Python objects")
    np.savez(tmp_path / "b.npz", objects=np.array([{}, {}], dtype=object))
    assert describe(tmp_path / "b.npz").entries is None


def test_parquet_row_groups(samples) -> None:
    (part,) = describe(samples["parquet"].path).parts
    assert part.shape == (3,)
    assert part.details.startswith("10 to 15 entries each; SNAPPY")


def test_a_column_that_cannot_be_read_is_a_note_among_statistics(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1.0, 2.0], "i": [1, None]}), tmp_path / "a.parquet")
    structure = describe(tmp_path / "a.parquet", statistics=True)
    assert list(structure.statistics) == ["x"]
    assert "column 'i': null at entry 1" in structure.notes[0]


def test_several_files_of_one_source(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x": [1, 2]}')
    (tmp_path / "b.json").write_text('{"y": [1.5, 2.5]}')
    structure = describe([str(tmp_path / "a.json"), str(tmp_path / "b.json")], "hese_json")
    assert [column.name for column in structure.columns] == ["x", "y"]
    assert structure.size_bytes == 30


def test_no_events_are_read(tmp_path: Path) -> None:
    """800 MB that were never written take no time and no memory to describe."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (100_000_000,), dtype="f8", chunks=(1_000_000,))
    start = time.perf_counter()
    assert describe(tmp_path / "a.h5").entries == 100_000_000
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize("name", ["a.root", "a.parquet", "a.h5", "a.npy", "a.npz", "a.json"])
def test_garbage_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(np.random.default_rng(1).bytes(5000))
    with pytest.raises(SourceError, match=f"{name}: "):
        describe(tmp_path / name)
