"""Tables: what comes back is what went in, joining is joining rows, equal content gives equal bytes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from configs.errors import InputError
from records.tables import Table, concatenate, list_tables, load_table, load_tables, remove_tables, save_table, save_tables, table_path

DTYPES = ["int64", "int32", "uint8", "float64", "float32", "bool"]


def made(count: int, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    return Table({
        "energy": rng.normal(size=count), "nhits": rng.integers(0, 9, count).astype("i4"), "veto": rng.uniform(size=count) < 0.5,
        "particle": rng.choice(["e-", "gamma", "µ"], count) if count else np.empty(0, "<U1"),
    })  # fmt: skip


@given(st.data(), st.sampled_from(DTYPES))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_numbers_come_back_bit_by_bit(tmp_path: Path, data: Any, dtype: str) -> None:
    values = data.draw(arrays(dtype, array_shapes(max_dims=1, min_side=0, max_side=20)))
    save_table(tmp_path / "a.parquet", Table({"x": values}))
    back = load_table(tmp_path / "a.parquet")["x"]
    assert back.dtype == values.dtype
    np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize("count", [0, 1, 50])
def test_text_and_truth_values_come_back(tmp_path: Path, count: int) -> None:
    table = made(count)
    save_table(tmp_path / "a.parquet", table)
    back = load_table(tmp_path / "a.parquet")
    assert back == table
    assert [back[name].dtype.kind for name in back.columns] == ["f", "i", "b", "U"]
    assert load_table(tmp_path / "a.parquet", ["nhits", "energy"]) == Table({name: table[name] for name in ("nhits", "energy")})


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_joining_pieces_gives_the_whole(counts: list[int]) -> None:
    whole = made(sum(counts))
    edges = np.concatenate([[0], np.cumsum(counts)])
    parts = [whole.select(slice(a, b)) for a, b in pairwise(edges)]
    assert concatenate(parts) == whole
    assert len(concatenate(parts)) == len(whole)


def test_text_of_any_width_joins() -> None:
    joined = concatenate([Table({"particle": np.array(["e-"])}), Table({"particle": np.array(["unknown"])})])
    assert joined["particle"].tolist() == ["e-", "unknown"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": np.arange(3.0)}, "parts of the table '' differ .*b: int64 and absent"),
        ({"a": np.arange(3), "b": np.arange(3)}, "a: float64 and int64"),
        ({"b": np.arange(3), "a": np.arange(3.0)}, "order of columns"),
    ],
)
def test_parts_that_differ_are_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        concatenate([Table({"a": np.arange(3.0), "b": np.arange(3)}), Table(columns)])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": np.arange(3), "b": np.arange(4)}, "table columns differ in length: a: 3, b: 4"),
        ({"a": np.zeros((2, 2))}, r"table column 'a': float64 of shape \(2, 2\); a column is one axis"),
        ({"a": np.array([None, 1])}, "table column 'a': object of shape"),
    ],
)
def test_what_is_no_table_is_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Table(columns)


def test_tables_compare_by_content_and_know_their_columns() -> None:
    assert made(5) == made(5)
    assert made(5) != made(5, seed=1)
    assert made(5) != "table"
    assert "energy" in made(1)
    assert Table({"a": np.array([np.nan])}) == Table({"a": np.array([np.nan])})
    with pytest.raises(InputError, match="the table has no column 'enrgy'; did you mean 'energy'"):
        made(3)["enrgy"]


def test_saving_tables_replaces_those_of_an_earlier_run(tmp_path: Path) -> None:
    save_tables(tmp_path, {"mc": {"events": made(3), "extra": made(2)}, "old": {"events": made(1)}})
    assert list_tables(tmp_path) == {"mc": ["events", "extra"], "old": ["events"]}
    paths = save_tables(tmp_path, {"mc": {"events": made(7)}, "data": {}})
    assert paths == [table_path(tmp_path, "mc", "events")] == [tmp_path / "tables" / "mc" / "events.parquet"]
    assert load_tables(tmp_path) == {"mc": {"events": made(7)}}
    assert not (tmp_path / "tables" / "old").exists()
    remove_tables(tmp_path)
    assert load_tables(tmp_path) == {}
    assert not (tmp_path / "tables").exists()


def test_bytes_follow_from_the_content(tmp_path: Path) -> None:
    whole = made(1000)
    save_table(tmp_path / "a.parquet", whole)
    save_table(tmp_path / "b.parquet", concatenate([whole.select(slice(0, 100)), whole.select(slice(100, 1000))]))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 1000  # any other program reads it


def test_messages_of_reading(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="events.parquet: no such table; run run_processor.py"):
        load_table(table_path(tmp_path, "mc", "events"))
    save_table(tmp_path / "a.parquet", made(3))
    with pytest.raises(InputError, match="a.parquet: no column 'nhit'; did you mean 'nhits'"):
        load_table(tmp_path / "a.parquet", ["nhit"])
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InputError, match="a.parquet: not a readable table .*delete it and run run_processor.py again"):
        load_table(tmp_path / "a.parquet")
    for name in ("", "a/b", ".hidden"):
        with pytest.raises(InputError, match="cannot name a data set or table"):
            save_tables(tmp_path, {"mc": {name: made(1)}})
