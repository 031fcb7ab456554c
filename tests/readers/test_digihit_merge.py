"""Merging and rewriting files of events with hits: the same events in one contiguous file, offsets and attributes sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
from hit_files import changed, made_events, photons, put
from hypothesis import given, settings
from hypothesis import strategies as st

import run_processor
from processors.iwcd_expression import parse
from readers import SourceError, open_source
from readers.convert import convert
from readers.digihit_merge import SELECTABLE
from readers.digihit_writer import HitEvents, write_digihit
from readers.inspect import describe


def contents(path: Path) -> dict[str, list[Any]]:
    """Every column but the row, hits as lists."""
    with open_source(path) as source:
        events = source.events(0, len(source))
        return {name: ak.to_list(events[name]) for name in source.columns if name != "row"}


def added(first: dict[str, list[Any]], *others: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: sum((other[name] for other in others), values) for name, values in first.items()}


def of(counts: list[int], seed: int = 0, **changes: Any) -> HitEvents:
    return replace(made_events(counts, seed), **changes)


def selection(text: str) -> Any:
    return parse(text, SELECTABLE)


@pytest.mark.parametrize("layouts", [("contiguous", "chunked"), ("user_block", "big_endian"), ("raw_times", "raw_times"), ("chunked",)])
def test_merged_events_are_those_of_the_sources_in_order(layouts: tuple[Any, ...], tmp_path: Path) -> None:
    counts = [[3, 0, 5, 0], [0, 7, 2]]
    paths = [write_digihit(tmp_path / f"{n}.h5", made_events(counts[n], seed=n), layout=layout) for n, layout in enumerate(layouts)]
    expected = added(*(contents(path) for path in paths))
    assert convert(paths, tmp_path / "all.h5") == len(expected["label"])
    assert contents(tmp_path / "all.h5") == expected
    assert describe(tmp_path / "all.h5").summary["mapped into memory"] == "yes"
    with h5py.File(tmp_path / "all.h5") as file:
        assert all(file[name].chunks is None and file[name].dtype.isnative for name in file)
        ends = np.append(file["event_hits_index"][...], file["hit_pmt"].size)
        assert np.diff(ends).tolist() == [count for part in counts[: len(layouts)] for count in part]  # the sentinel is the number of hits


def test_photons_are_merged_too(tmp_path: Path) -> None:
    paths = [write_digihit(tmp_path / f"{n}.h5", photons(made_events([3, 2], seed=n)), layout="truehit") for n in range(2)]
    assert convert(paths, tmp_path / "all.h5") == 4
    assert contents(tmp_path / "all.h5") == added(*(contents(path) for path in paths))


@settings(max_examples=20, deadline=None)
@given(counts=st.lists(st.integers(0, 4), max_size=12), data=st.data())
def test_a_selection_has_the_hits_of_its_events(counts: list[int], data: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("selection")
    path = write_digihit(folder / "a.h5", made_events(counts))
    low = data.draw(st.integers(0, 4))
    kept = [row for row, count in enumerate(counts) if count >= low]
    if not kept:
        with pytest.raises(SourceError, match=f"the selection keeps 0 of {len(counts)} events; loosen it"):
            convert(path, folder / "b.h5", select=selection(f"nhits >= {low}"))
        return
    assert convert(path, folder / "b.h5", select=selection(f"nhits >= {low}")) == len(kept)
    everything = contents(path)
    assert contents(folder / "b.h5") == {name: [values[row] for row in kept] for name, values in everything.items()}


@pytest.mark.parametrize(
    ("text", "rows"),
    [('label == 1', [1, 5]), ("row >= 4 and not veto", None), ('root_file == "sim_0.root" and event_id < 2', [0, 1]), ("x * x + z * z > 1e4", None)],
)  # fmt: skip
def test_selections_name_any_column(text: str, rows: list[int] | None, tmp_path: Path) -> None:
    events = made_events([2] * 6)
    radius2 = (events.position_cm[:, [0, 2]].astype("f4").astype(float) ** 2).sum(axis=1)
    assert events.veto is not None
    expected = rows or np.flatnonzero((np.arange(6) >= 4) & ~events.veto if "veto" in text else radius2 > 1e4).tolist()
    path = write_digihit(tmp_path / "a.h5", events)
    assert convert(path, tmp_path / "b.h5", select=selection(text)) == len(expected)
    assert contents(tmp_path / "b.h5")["energy"] == [contents(path)["energy"][row] for row in expected]


def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("readers.digihit_merge.BLOCK_EVENTS", 3)
    paths = [write_digihit(tmp_path / f"{n}.h5", made_events([2, 0, 1, 4, 0, 3, 1][n:], seed=n), layout="chunked") for n in range(2)]
    told: list[tuple[int, int]] = []
    convert(paths, tmp_path / "all.h5", progress=lambda done, total: told.append((done, total)))
    assert contents(tmp_path / "all.h5") == added(*(contents(path) for path in paths))
    assert told[-1][0] == told[-1][1] == len(told)


def test_attributes_stay_text(tmp_path: Path) -> None:
    """A merge script of the reference exploded them into arrays of characters; such arrays become text again."""
    paths = [write_digihit(tmp_path / f"{n}.h5", made_events([1], n), layout="contiguous") for n in range(2)]
    for n, path in enumerate(paths):
        with h5py.File(path, "r+") as file:
            file.attrs["git-describe"] = "v1.2"
            file.attrs["command"] = list(f"run {n}")
            file.attrs["run"] = n
            file["hit_time"].attrs["unit"] = "ns"
    convert(paths, tmp_path / "all.h5")
    with h5py.File(tmp_path / "all.h5") as file:
        assert dict(file.attrs) == {"git-describe": "v1.2", "command": "run 0; run 1", "run": "0; 1"}
        assert dict(file["hit_time"].attrs) == {"unit": "ns"}


def test_optional_datasets_need_all_sources(tmp_path: Path) -> None:
    first = write_digihit(tmp_path / "a.h5", made_events([1, 2]))
    second = write_digihit(tmp_path / "b.h5", of([3], veto=None, fully_contained=None))
    with h5py.File(first, "r+") as file:
        file["reco_x"], file["hit_flag"], file["odd"] = np.arange(2.0), np.arange(3), np.arange(7)
    with pytest.warns(UserWarning, match="not written|left out") as told:
        convert([first, second], tmp_path / "all.h5")
    messages = [str(one.message) for one in told]
    assert messages[0] == f"{first}: odd: no entry for each event or hit; not written"
    left_out = {message.partition(":")[0] for message in messages[1:]}
    assert left_out == {"veto", "fully_contained", "reco_x", "hit_flag"}
    assert all(f"not in {second}; left out of the merged file" in message for message in messages[1:])
    assert not left_out & contents(tmp_path / "all.h5").keys()
    with pytest.warns(UserWarning, match="odd: no entry"):
        convert(first, tmp_path / "one.h5")
    with h5py.File(tmp_path / "one.h5") as file:
        assert file["reco_x"][...].tolist() == [0, 1]
        assert file["hit_flag"][...].tolist() == [0, 1, 2]


def test_hits_before_the_first_event_are_left_behind(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.h5", lambda file: put(file, "event_hits_index", np.array([2, 3, 3])))
    with pytest.warns(UserWarning, match="the first 2 hits belong to no event"):
        convert(path, tmp_path / "b.h5")
    with h5py.File(tmp_path / "b.h5") as file:
        assert (file["event_hits_index"][...].tolist(), file["hit_pmt"].size) == ([0, 1, 1], 5)


def test_no_events_and_no_hits(tmp_path: Path) -> None:
    paths = [write_digihit(tmp_path / f"{n}.h5", made_events(counts)) for n, counts in enumerate([[], [0], [2]])]
    assert convert(paths, tmp_path / "all.h5") == 2
    assert contents(tmp_path / "all.h5")["hits"][0] == []
    assert convert(paths[0], tmp_path / "none.h5") == 0
    assert contents(tmp_path / "none.h5")["hits"] == []


def test_numbers_grow_as_wide_as_they_need(tmp_path: Path) -> None:
    path = changed(tmp_path / "wide.h5", lambda file: put(file, "event_ids", np.array([2**40, 1, 2])))
    convert([write_digihit(tmp_path / "a.h5", made_events([1])), path], tmp_path / "all.h5")
    with h5py.File(tmp_path / "all.h5") as file:
        assert file["event_ids"][...].tolist() == [0, 2**40, 1, 2]


def set_times(value: float) -> Any:
    return lambda file: put(file, "hit_time", np.full(7, value, "f4"))


REFUSED: dict[str, tuple[Any, str]] = {
    "other origin of times": (set_times(955.0), r"hit times count from different origins \(.*good.h5: relative, .*bad.h5: raw\); one file has"),
    "no origin of times": (set_times(333.0), r"hit times count from different origins \(.*good.h5: relative, .*bad.h5: unclear\)"),
    "other shape": (lambda file: put(file, "veto", np.zeros((3, 2), "?")), r"veto has 2 values an event"),
    "other kind": (lambda file: put(file, "extra", ["a", "b", "c"]) if "extra" in file else file.create_dataset("extra", data=["a", "b", "c"]),
                   r"extra: the sources differ in kind or shape of an entry \(.*: number \(\); .*: text \(\)\)"),
    "damaged index": (lambda file: put(file, "event_hits_index", np.array([0, 9, 3])), "event 1 points to hit 9, file has 7"),
    "hits of unequal length": (lambda file: put(file, "hit_charge", np.ones(5, "f4")), "hit_charge has 5 entries, hit_pmt 7"),
    "dataset missing": (lambda file: file.pop("hit_time"), r"missing dataset\(s\) hit_time"),
    "index too short": (lambda file: put(file, "event_hits_index", np.array([0, 3])), r"labels has 3 rows, event_hits_index \(2,\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_sources_that_cannot_be_one_file(case: str, tmp_path: Path) -> None:
    change, message = REFUSED[case]
    good, bad = changed(tmp_path / "good.h5", lambda file: file.create_dataset("extra", data=np.arange(3))), changed(tmp_path / "bad.h5", change)
    with pytest.raises(SourceError, match=message):
        convert([good, bad], tmp_path / "all.h5")
    assert not (tmp_path / "all.h5").exists()


def test_what_makes_no_sense(tmp_path: Path) -> None:
    path = write_digihit(tmp_path / "a.h5", made_events([1, 2]))
    with pytest.raises(SourceError, match=r"a\.h5: is given more than once; its events would count twice"):
        convert([path, tmp_path / "." / "a.h5"], tmp_path / "all.h5")
    with pytest.raises(SourceError, match=r"a\.h5: is one of the files to convert"):
        convert(path, path)
    dense = write_digihit(tmp_path / "d.h5", made_events([1]), layout="dense")
    with pytest.raises(SourceError, match="looks like dense, give format: dense"):
        convert([path, dense], tmp_path / "all.h5")
    with pytest.raises(SourceError, match=r"events are selected when files of digihit or truehit become one \.h5 file; .*d\.h5 is dense"):
        convert(dense, tmp_path / "all.h5", select=selection("label == 1"))
    with pytest.raises(SourceError, match="a digihit file has no tree and keeps the names of its datasets"):
        convert(path, tmp_path / "all.h5", columns={"energy": "energies"})


def test_the_door_merges_and_selects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(write_digihit(tmp_path / f"{n}.h5", made_events([3, 0, 5], n))) for n in range(2)]
    assert run_processor.main(["--convert", *paths, str(tmp_path / "all.h5"), "--select", "nhits > 0"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'all.h5'}: 4 entries\n"
    assert run_processor.main(["--convert", *paths, str(tmp_path / "all.h5"), "--select", "nhit > 0"]) == 1
    assert capsys.readouterr().err == "error: selection 'nhit > 0': no event column 'nhit'; did you mean 'nhits'?\n"
    assert run_processor.main(["--convert", *paths, str(tmp_path / "all.parquet")]) == 1
    assert "2 files given for one source" in capsys.readouterr().err


def test_a_parquet_copy_keeps_hits(tmp_path: Path) -> None:
    path = write_digihit(tmp_path / "a.h5", made_events([3, 0, 5]))
    assert convert(path, tmp_path / "a.parquet") == 3
    assert contents(tmp_path / "a.parquet") == contents(path)
