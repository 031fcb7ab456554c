"""The scanner agrees with json.loads on any block size, and needs little memory."""

from __future__ import annotations

import io
import json
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readers import SourceError, json_scan, open_source
from readers.json_scan import ListIndex, index_object, parse

NUMBER = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(), st.none())
SPACE = st.sampled_from(["", " ", "\n", "\t \r\n"])


def spaced(value: object, space: str) -> str:
    """JSON text with ``space`` around every separator."""
    if isinstance(value, list):
        return f"[{space}" + f"{space},{space}".join(spaced(inner, space) for inner in value) + f"{space}]"
    return json.dumps(value)


def entries(raw: bytes, index: ListIndex) -> list:
    return [value for piece in index.pieces for value in parse(raw[piece.offset : piece.offset + piece.size], piece, "here")]


@settings(max_examples=150, deadline=None)
@given(
    lists=st.dictionaries(st.text(min_size=1, max_size=8), st.lists(NUMBER, max_size=30), max_size=4),
    space=SPACE,
    block=st.sampled_from([1, 3, 7, 64, 1 << 20]),
)
def test_lists_of_numbers_equal_json_loads(lists: dict, space: str, block: int) -> None:
    raw = (
        space + "{" + ",".join(f"{space}{json.dumps(name)}{space}:{space}{spaced(values, space)}" for name, values in lists.items()) + "}" + space
    ).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_scan, "BLOCK_BYTES", block)
        index = index_object(io.BytesIO(raw), "here")
    assert list(index) == list(lists)
    for name, values in lists.items():
        assert repr(entries(raw, index[name])) == repr(values)
        assert index[name].count == len(values)
        assert index[name].whole == all(type(value) is int for value in values)


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(st.lists(NUMBER, min_size=1, max_size=5), max_size=20), space=SPACE, block=st.sampled_from([1, 5, 33, 1 << 20]))
def test_rows_of_numbers_equal_json_loads(rows: list, space: str, block: int) -> None:
    raw = f'{{"events":{spaced(rows, space)},"n":5}}'.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_scan, "BLOCK_BYTES", block)
        index = index_object(io.BytesIO(raw), "here")
    assert repr(entries(raw, index["events"])) == repr(rows)
    assert index["events"].count == len(rows)
    assert index["n"] == 5


@given(starts=st.lists(st.integers(1, 5), min_size=1, max_size=8), limits=st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted))
def test_overlapping_pieces_are_those_with_common_entries(starts: list[int], limits: list[int]) -> None:
    firsts = np.concatenate([[0], np.cumsum(starts)])
    pieces = tuple(json_scan.Piece(0, 0, int(first), count) for first, count in zip(firsts, starts, strict=False))
    index = ListIndex(pieces, int(firsts[-1]), False, True)
    start, stop = (min(limit, index.count) for limit in limits)
    expected = [piece for piece in pieces if piece.first < stop and start < piece.first + piece.count and start < stop]
    assert list(index.overlapping(start, stop)) == expected


def test_values_that_are_no_lists_are_parsed_whole() -> None:
    raw = json.dumps({"note": "ü, [1]" * 2000, "livetime_s": 2.277e8, "deep": {"a": [1, {"b": None}]}, "on": True, "x": [1]}).encode()
    index = index_object(io.BytesIO(raw), "here")
    assert {name: value for name, value in index.items() if name != "x"} == {name: value for name, value in json.loads(raw).items() if name != "x"}


BROKEN = [
    (b"", "expected|ends after the start of the file"),
    (b"[1, 2]", "expected '{' at byte 0 after the start of the file, found '\\[1, 2\\]'; not such a JSON file"),
    (b'{"a": [1, 2', "ends in column 'a' .*truncated\\? copy or download it again"),
    (b'{"a": [1, 2]', "ends after a value .*truncated"),
    (b'{"a": [[1], [2', "ends in a row of 'a' .*truncated"),
    (b'{"a": [[1], ', "ends in 'a' .*truncated|ends after|ends in a row"),
    (b'{"a": [1] "b": [2]}', "expected ',' at byte 10 after a value"),
    (b'{"a" [1]}', "expected ':' at byte 5 after key 'a'"),
    (b"{a: [1]}", "expected '\"' at byte 1"),
    (b'{"a": [1]} {}', "bytes behind the end of the JSON object \\(byte 11\\); is it two files in one\\?"),
    (b'{"a": [1], "a": [2]}', "key 'a' is given twice"),
    (b'{"m": {"x": 0, "x": 1}}', "keys given twice in one mapping: 'x'"),
    (b'{"a": [1, 2, "3"]}', "'a', entry 2: '\"3\"' is not a number; lists hold numbers, NaN or null"),
    (b'{"a": [1, true]}', "'a', entry 1: 'true' is not a number"),
    (b'{"a": [1, [2]]}', "'a', entry 1: '2' is not a number"),
    (b'{"a": [[1, 2], [3, "x"]]}', "'a', row 1: '\"x\"' is not a number"),
    (b'{"a": "unfinished', "the value of 'a' \\(byte 6\\) is cut off"),
    (b'{"a": ' + b'"' + b"x" * (2 << 20) + b'"}', "longer than 1048576 bytes"),
    (b'{"\xff": [1]}', "is not UTF-8 text; is it a JSON file\\?"),
    (b'{"a": [' + b"1" * (3 << 20) + b"]}", "an entry of more than 4096 bytes in column 'a'"),
]


@pytest.mark.parametrize(("raw", "message"), BROKEN)
def test_broken_json_is_refused_with_its_place(raw: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=f"here: .*({message})"):
        index_object(io.BytesIO(raw), "here")


@pytest.mark.parametrize(("text", "entry"), [("1,,2", 1), ("1,2,", 2), ("1, 2 3", 1), ("1, --2", 1), ("1, 2, 3, nul", 3), ("01", 0)])
def test_numbers_that_are_none_are_named_by_entry(text: str, entry: int) -> None:
    raw = f'{{"a": [{text}]}}'.encode()
    index = index_object(io.BytesIO(raw), "here")
    (piece,) = index["a"].pieces
    with pytest.raises(SourceError, match=f"here: column 'a', entry {entry}: not a number"):
        parse(raw[piece.offset : piece.offset + piece.size], piece, "here: column 'a'")


@pytest.fixture(scope="module")
def large_rows() -> np.ndarray:
    rng = np.random.default_rng(20120401)
    rows = rng.random((60_000, 7))
    rows[:, 5] = rng.integers(0, 2, len(rows))
    return rows


NAMES = ("astroWeight", "atmoWeight", "energy", "primaryEnergy", "primaryZenith", "topology", "zenith")


@pytest.mark.parametrize("kind", ["hese_json", "toy_json"])
def test_memory_is_below_three_times_the_array(kind: str, large_rows: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 8 MB in blocks of 64 KiB, as one of 130 MB is in blocks of 1 MiB."""
    monkeypatch.setattr(json_scan, "BLOCK_BYTES", 1 << 16)
    path = tmp_path / "large.json"
    with path.open("w") as file:
        if kind == "toy_json":
            json.dump({"mapping": {name: column for column, name in enumerate(NAMES)}, "events": large_rows.tolist()}, file)
        else:
            json.dump({name: large_rows[:, column].tolist() for column, name in enumerate(NAMES)}, file)
    tracemalloc.start()
    try:
        with open_source(path) as source:
            opened = tracemalloc.get_traced_memory()[1]
            events = source.events(0, len(source))
            columns = {name: np.asarray(events[name]) for name in NAMES}
            peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert all(np.array_equal(columns[name], large_rows[:, column]) for column, name in enumerate(NAMES))
    assert path.stat().st_size > 2 * large_rows.nbytes
    assert peak < 3 * large_rows.nbytes
    assert opened < 0.2 * large_rows.nbytes  # the first pass holds blocks, no numbers


def test_infinity_and_nan_are_numbers() -> None:
    raw = b'{"a": [NaN, Infinity, -Infinity, null, 1e3]}'
    index = index_object(io.BytesIO(raw), "here")
    values = entries(raw, index["a"])
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf, None, 1000.0]
