"""Parquet: types, row groups, metadata, nulls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from readers import SourceError, open_source

N = 30
COLUMNS: dict[str, Any] = {
    "small": pa.array(np.arange(N, dtype=np.int16)),
    "unsigned": pa.array(np.arange(N, dtype=np.uint64) + np.uint64(2**63)),
    "single": pa.array(np.arange(N, dtype=np.float32)),
    "half": pa.array(np.arange(N, dtype=np.float16)),
    "passed": pa.array([i % 2 == 0 for i in range(N)]),
    "name": pa.array([f"é{i}" for i in range(N)]),
    "code": pa.array([f"run {i % 3}" for i in range(N)]).dictionary_encode(),
    "hits": pa.array([[0.5] * (i % 4) for i in range(N)]),
    "nested": pa.array([[[1, 2], [i]] for i in range(N)]),
    "words": pa.array([["a", "bc"][: i % 3] for i in range(N)]),
    "vertex": pa.array([{"x": i / 4, "name": f"v{i}"} for i in range(N)]),
    "records": pa.array([[{"pmt": i, "charge": 0.5}] * (i % 3) for i in range(N)]),
    "position": pa.array([[1.0, 2.0, i] for i in range(N)], pa.list_(pa.float32(), 3)),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "a.parquet"
    pq.write_table(pa.table(COLUMNS), path, row_group_size=7)
    return path


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize(("start", "stop"), [(0, N), (6, 8), (7, 14), (3, 3), (29, 30)])
def test_every_type_as_arrow_reads_it(name: str, start: int, stop: int, path: Path) -> None:
    with open_source(path) as source:
        events = source.events(start, stop)
        assert events[name].to_list() == COLUMNS[name].to_pylist()[start:stop]
        assert str(events[name].type) == f"{stop - start} * {source.columns[name].dtype}"


def test_only_row_groups_of_the_range_are_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[list[int], list[str]]] = []
    original = pq.ParquetFile.read_row_groups

    def recording(self: pq.ParquetFile, groups: list[int], columns: list[str], **options: Any) -> pa.Table:
        read.append((list(groups), list(columns)))
        return original(self, groups, columns=columns, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", recording)
    with open_source(path) as source:
        assert source.events(8, 20).single.to_list() == list(range(8, 20))
    assert read == [([1, 2], ["single"])]


def test_few_bytes_are_read_for_one_column_of_one_row_group(tmp_path: Path) -> None:
    path = tmp_path / "wide.parquet"
    rng = np.random.default_rng(4)
    pq.write_table(pa.table({f"c{k}": rng.random(20_000) for k in range(20)}), path, row_group_size=2_000)
    from readers.files import open_binary

    class Counted:
        def __init__(self, file: Any) -> None:
            self.file, self.total = file, 0

        def read(self, size: int = -1) -> bytes:
            block = self.file.read(size)
            self.total += len(block)
            return block

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    from readers import parquet

    opened: list[Counted] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "open_binary", lambda path: opened.append(Counted(open_binary(path))) or opened[0])
        with open_source(path) as source:
            before = opened[0].total
            np.asarray(source.events(2_000, 4_000).c7)
            assert opened[0].total - before < 0.01 * path.stat().st_size


def test_units_meanings_and_attributes_come_from_metadata(samples) -> None:
    with open_source(samples["parquet"].path) as source:
        column = source.columns["energy"]
        assert (column.unit, column.meaning, column.dtype) == ("GeV", "deposited energy", "float64")
        assert source.attributes == {"season": "2012"}


def test_timestamps_are_read(tmp_path: Path) -> None:
    times = np.array(["2011-05-13T00:00:00", "2012-05-15T12:30:00"], dtype="datetime64[ms]")
    pq.write_table(pa.table({"time": times}), tmp_path / "a.parquet")
    with open_source(tmp_path / "a.parquet") as source:
        assert np.array_equal(np.asarray(source.events(0, 2).time), times)


def test_a_null_is_nan_among_floats_and_refused_elsewhere(tmp_path: Path) -> None:
    table = {
        "x": [1.0, None, 3.0],
        "lists": [[1.0, None], [], [2.0]],
        "i": pa.array([1, 2, None]),
        "s": ["a", None, "b"],
        "l": [[1], None, []],
        "li": [[1], [None], []],
    }
    pq.write_table(pa.table(table), tmp_path / "a.parquet", row_group_size=1)
    with open_source(tmp_path / "a.parquet") as source:
        events = source.events(0, 3)
        assert np.isnan(events.x).to_list() == [False, True, False]
        assert np.isnan(events.lists).to_list() == [[False, True], [], [False]]
        for name, entry in (("i", 2), ("s", 1), ("l", 1)):
            with pytest.raises(SourceError, match=f"column '{name}': null at entry {entry} of a column of .*; only float columns may hold null"):
                np.asarray(events[name].layout.materialize())
        with pytest.raises(SourceError, match="column 'li': null inside a list at or behind entry"):
            events.li.to_list()


def test_types_without_a_column_are_named(tmp_path: Path) -> None:
    kinds = pa.map_(pa.string(), pa.int64())
    pq.write_table(pa.table({"x": [1.0], "map": pa.array([[("a", 1)]], kinds), "bytes": [b"ab"]}), tmp_path / "a.parquet")
    with open_source(tmp_path / "a.parquet") as source:
        assert list(source.columns) == ["x"]
        assert source.unreadable["map"] == "of type map<string, int64 ('map')>, which is not read; write it as numbers, strings or lists of them"
        assert "binary" in source.unreadable["bytes"]


def test_no_rows_are_a_valid_file(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": np.empty(0), "s": pa.array([], pa.string()), "l": pa.array([], pa.list_(pa.int8()))}), tmp_path / "a.parquet")
    with open_source(tmp_path / "a.parquet") as source:
        assert len(source) == 0
        assert source.events(0, 0).to_list() == []
        assert source.events(0, 0).l.to_list() == []


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"]), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="columns given twice: x; rename one of each"):
        open_source(tmp_path / "a.parquet")
