"""ROOT: TTrees and RNTuples, which tree, what is refused."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import hist
import numpy as np
import pytest
import uproot

from readers import SourceError, open_source


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("root") / "several.root"
    with uproot.recreate(path) as file:
        types = {"x": "float32", "n": "uint16", "passed": "bool", "position": "3 * float64", "hits": "var * int32"}
        tree = file.mktree("folder/events", types)
        for start in (0, 4):
            hits = ak.values_astype(ak.Array([[0] * (i % 3) for i in range(start, start + 4)]), np.int32)
            numbers = np.arange(start, start + 4)
            position = np.outer(numbers, np.ones(3))
            tree.extend({"x": numbers.astype("f4"), "n": numbers.astype("u2"), "passed": numbers % 2 == 0, "position": position, "hits": hits})
        file.mktree("empty", {"x": "float64", "hits": "var * float64"})
        file.mkrntuple("ntuple", {"s": ["a", "bc"] * 4, "nested": ak.Array([[[1.5], []]] * 8), "record": ak.Array([{"a": 1, "b": [2.0]}] * 8)})
        file["spectrum"] = hist.Hist.new.Reg(3, 0, 1).Double()
    return path


def test_branches_of_a_tree_in_a_folder(path: Path) -> None:
    with open_source(path, tree="folder/events") as source:
        assert {name: column.dtype for name, column in source.columns.items() if name != "nhits"} == {
            "x": "float32",
            "n": "uint16",
            "passed": "bool",
            "position": "3 * float64",
            "hits": "var * int32",
        }
        for start, stop in ((0, 8), (3, 5), (8, 8)):
            numbers = range(start, stop)
            events = source.events(start, stop)
            assert events.x.to_list() == list(numbers)
            assert events.passed.to_list() == [i % 2 == 0 for i in numbers]
            assert events.position.to_list() == [[i] * 3 for i in numbers]
            assert events.hits.to_list() == [[0] * (i % 3) for i in numbers]


def test_fields_of_an_rntuple(path: Path) -> None:
    with open_source(path, tree="ntuple;1") as source:
        assert source.columns["s"].dtype == "string"
        assert source.events(1, 3).to_list() == [
            {"s": "bc", "nested": [[1.5], []], "record": {"a": 1, "b": [2.0]}},
            {"s": "a", "nested": [[1.5], []], "record": {"a": 1, "b": [2.0]}},
        ]


def test_an_empty_tree_is_valid(path: Path) -> None:
    with open_source(path, tree="empty") as source:
        assert len(source) == 0
        assert source.events(0, 0).x.to_list() == []
        assert source.events(0, 0).hits.to_list() == []


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (None, "several trees: folder/events, empty, ntuple; choose one with tree: NAME"),
        ("folder/event", r"no TTree or RNTuple 'folder/event'; did you mean 'folder/events'\?"),
        ("spectrum", r"no TTree or RNTuple 'spectrum' \(it is a TH1D\); known: empty, folder/events, ntuple"),
    ],
)
def test_which_tree(tree: str | None, message: str, path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(path, tree=tree)


def test_a_file_without_trees_says_what_it_holds(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file["spectrum"] = hist.Hist.new.Reg(3, 0, 1).Double()
    with pytest.raises(SourceError, match=r"no TTree or RNTuple; it holds spectrum \(TH1D\)"):
        open_source(tmp_path / "a.root")


def test_an_unclosed_file_is_refused(tmp_path: Path) -> None:
    """A job that is killed while it writes leaves a header that points to the wrong end."""
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("events", {"x": "float64"}).extend({"x": np.arange(1e4)})
    whole = (tmp_path / "a.root").read_bytes()
    for size in (100, 1_000, len(whole) // 2, len(whole) - 100):
        (tmp_path / "cut.root").write_bytes(whole[:size])
        with pytest.raises(SourceError, match=r"cut\.root: .*(truncated|no TTree)"):
            read_all(tmp_path / "cut.root")


def read_all(path: Path) -> ak.Array:
    with open_source(path) as source:
        return ak.materialize(source.events(0, len(source)))
