"""Every format gives the same events, in any range, reading only what is touched."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readers import Source, SourceError, open_source
from readers import events as events_module
from readers.columns import ColumnSource
from readers.registry import detect_format, formats, register


def same(column: ak.Array, truth: list) -> bool:
    return json.dumps(ak.to_list(column)) == json.dumps(truth)  # NaN equals NaN, empty lists have no type


def test_every_format_gives_the_same_events(sample) -> None:
    with open_source(sample.path) as source:
        assert len(source) == 40
        assert set(sample.columns) <= set(source.columns)
        events = source.events(0, 40)
        for name, truth in sample.columns.items():
            assert same(events[name], truth), name
            assert str(events[name].type) == f"40 * {source.columns[name].dtype}"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limits=st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted))
def test_any_entry_range_is_a_slice_of_all(sample, limits: list[int]) -> None:
    start, stop = limits
    with open_source(sample.path) as source:
        events = source.events(start, stop)
        assert len(events) == stop - start
        for name, truth in sample.columns.items():
            assert same(events[name], truth[start:stop]), name


def test_single_entries_joined_are_the_whole(sample) -> None:
    with open_source(sample.path) as source:
        joined = ak.concatenate([source.events(entry, entry + 1) for entry in range(40)])
        for name, truth in sample.columns.items():
            assert same(joined[name], truth), name


def test_only_touched_columns_are_read_and_each_once(sample, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: Counter[str] = Counter()
    original = events_module._buffers

    def counting(path, column, *rest):
        loads[column.column.name] += 1
        return original(path, column, *rest)

    monkeypatch.setattr(events_module, "_buffers", counting)
    with open_source(sample.path) as source:
        events = events_module.with_metadata(source.events(0, 40), {"livetime_s": 1.0})
        assert loads == {}
        selected = events[events.topology == 1]
        assert len(selected.topology) == 13
        assert loads == {"topology": 1}
        np.asarray(selected.energy)
        assert loads == {"topology": 1, "energy": 1}
        if "hits" in sample.columns:
            assert ak.sum(ak.num(events.hits)) == len(ak.flatten(events.hits))
            assert loads["hits"] == 1


@pytest.mark.parametrize("name", ["hese_json", "parquet", "hdf5"])
def test_damage_in_one_column_does_not_reach_another(name: str, samples, tmp_path: Path) -> None:
    """If an untouched column were read, its broken bytes would be noticed."""
    content = bytearray(samples[name].path.read_bytes())
    needle = np.array(samples[name].columns["energy"][12:13]).tobytes() if name != "hese_json" else str(samples[name].columns["energy"][12]).encode()
    at = content.index(needle)
    content[at + 3] = ord("x")
    broken = tmp_path / samples[name].path.name
    broken.write_bytes(content)
    if name == "hese_json":
        with pytest.raises(SourceError, match=r"'energy', entry 12: '.*x.*' is not a number"):
            open_source(broken)
        return
    with open_source(broken) as source:
        events = source.events(0, 40)
        assert events.topology.to_list() == samples[name].columns["topology"]
        with pytest.raises(SourceError, match="column 'energy', entries 0 to 40: wrong content or truncated"):
            np.asarray(events.energy)


def test_a_source_follows_the_protocol(sample) -> None:
    source: Source = open_source(sample.path)
    assert isinstance(source, ColumnSource)
    with source as entered:
        assert entered is source
        assert source.path == str(sample.path)
    with pytest.raises(SourceError, match="column 'energy' was touched after the file was closed; touch it inside the with block"):
        np.asarray(source.events(0, 1).energy)


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (5, 4), (0, 41)])
def test_ranges_outside_the_file_are_refused(sample, start: int, stop: int) -> None:
    with (
        open_source(sample.path) as source,
        pytest.raises(SourceError, match=f"entries {start} to {stop} asked for, but it holds 40; need 0 <= start <= stop <= 40"),
    ):
        source.events(start, stop)


def test_events_are_read_only(sample) -> None:
    """A processor that writes into a column must not change what the next chunk sees."""
    with open_source(sample.path) as source:
        before = source.events(0, 40).energy.to_list()
        view = np.asarray(source.events(0, 40).energy)
        if view.flags.writeable:
            view[:] = -1.0
        assert same(source.events(0, 40).energy, before)


def test_loaded_events_travel_to_another_process(sample) -> None:
    with open_source(sample.path) as source:
        events = events_module.with_metadata(source.events(0, 40), {"livetime_s": 1.0})
        copy = pickle.loads(pickle.dumps(events))
    assert copy.metadata == {"livetime_s": 1.0}
    assert same(copy.energy, sample.columns["energy"])


def test_columns_are_renamed(sample) -> None:
    with open_source(sample.path, columns={"reco_energy": "energy", "energy": "topology"}) as source:
        events = source.events(0, 40)
        assert same(events.reco_energy, sample.columns["energy"])
        assert same(events.energy, sample.columns["topology"])
        assert "topology" not in source.columns


def test_renaming_lists_every_missing_name_with_the_nearest(sample) -> None:
    with pytest.raises(SourceError, match=r"does not hold: 'enrgy'; did you mean 'energy'\?, 'topologi'; did you mean 'topology'\?"):
        open_source(sample.path, columns={"a": "enrgy", "b": "topologi"})


def test_format_is_found_by_ending_and_by_content(sample, tmp_path: Path) -> None:
    assert detect_format(str(sample.path)) == sample.format
    nameless = tmp_path / "events"
    nameless.write_bytes(sample.path.read_bytes())
    assert detect_format(str(nameless)) == sample.format
    assert sample.format in formats()


def test_a_format_may_be_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from readers import registry

    monkeypatch.setattr(registry, "OPENERS", dict(registry.OPENERS))
    monkeypatch.setattr(registry, "ENDINGS", dict(registry.ENDINGS))
    register("renamed_npy", "readers.npy", "open_npy", [".array"])
    with (tmp_path / "a.array").open("wb") as file:
        np.save(file, np.arange(3))
    with open_source(tmp_path / "a.array") as source:
        assert source.events(1, 3)["values"].to_list() == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], None), "no file given to open"),
        ((["a.root", "b.root"], "root"), r"2 files given for one source \(a.root, b.root...\), but format root takes one"),
        (("a.root", "rot"), r"'rot' is not a format; did you mean 'root'\?"),
    ],
)
def test_wrong_calls_are_refused(arguments, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(*arguments)


def test_unknown_format_lists_the_known(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("energy zenith\n")
    with pytest.raises(
        SourceError,
        match=r"nothing here reads the ending '.txt', .*; convert it to Parquet, .*, or give format: one of root, parquet, .*, toy_json",
    ):
        open_source(tmp_path / "a.txt")


@pytest.mark.parametrize("tree", ["nowhere"])
def test_a_tree_that_is_not_there_is_refused(sample, tree: str) -> None:
    with pytest.raises(SourceError, match=f"no (tree|TTree or RNTuple|group or dataset|array) '{tree}'"):
        open_source(sample.path, tree=tree)
