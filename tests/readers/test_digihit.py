"""Digihit files: the same events whatever the layout, nothing copied where the file allows it, every wrong file refused by name."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
from hit_files import changed, made_events, put
from hypothesis import given, settings
from hypothesis import strategies as st

from readers import SourceError, open_source
from readers.digihit_writer import HitEvents, write_digihit
from readers.hit_offsets import compact, hit_offsets
from readers.mapped import mapped
from readers.registry import detect_format
from readers.segments import segment_sum
from readers.time_origin import offsets_ns

LAYOUTS = ["contiguous", "chunked", "user_block", "big_endian", "raw_times", "dense"]
SHAPES = {
    "usual": [5, 0, 12, 1, 30, 7] * 8, "one event": [4], "one empty event": [0], "no hits": [0, 0, 0], "last event empty": [3, 2, 0],
    "first event empty": [0, 2, 3],
}  # fmt: skip


def table(path: Path) -> dict[str, Any]:
    """What an analysis makes of a file: event columns and per-event sums over hits, times from their origin."""
    with open_source(path) as source:
        events = source.events(0, len(source))
        hits, time = events.hits, events.hits.time - offsets_ns(events, "auto")
        sums = {"nhits": ak.num(hits.pmt), "charge": ak.sum(hits.charge, axis=1), "time": ak.sum(time, axis=1), "pmt": hits.pmt}
        flat = {name: events[name] for name in ("row", "label", "root_file", "event_id", "energy", "x", "y", "z", "theta", "phi")}
        return {name: ak.to_list(values) for name, values in (flat | sums).items()}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_layout_gives_the_same_events(tmp_path: Path, layout: Any, shape: str) -> None:
    events = made_events(SHAPES[shape])
    path = write_digihit(tmp_path / "a.h5", events, layout=layout)
    found = table(path)
    assert found["row"] == list(range(len(events)))
    assert found["nhits"] == SHAPES[shape]
    assert found["label"] == events.label.tolist()
    assert found["root_file"] == list(events.root_file)
    assert found["pmt"] == [events.hit_pmt[a:b].tolist() for a, b in zip(events.offsets[:-1], events.offsets[1:], strict=True)]
    for name, values in {"energy": events.energy_mev, "y": events.position_cm[:, 1], "phi": events.angles[:, 1]}.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6)
    np.testing.assert_allclose(found["charge"], segment_sum(events.hit_charge, events.offsets), rtol=1e-6)
    raw_rounding = 1e-4 * np.array(SHAPES[shape])  # float32 around 950 ns
    assert np.all(np.abs(found["time"] - segment_sum(events.hit_time_ns.astype(float), events.offsets)) <= raw_rounding + 1e-6)


def test_the_format_is_known_by_its_datasets(tmp_path: Path) -> None:
    events = made_events([2, 3])
    for layout, format_name in {"contiguous": "digihit", "truehit": "truehit", "dense": "dense"}.items():
        assert detect_format(str(write_digihit(tmp_path / f"{layout}.h5", events, layout=layout))) == format_name
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["energy"] = np.arange(3.0)
    assert detect_format(str(tmp_path / "other.h5")) == "hdf5"
    write_digihit(tmp_path / "no_ending", events)
    assert detect_format(str(tmp_path / "no_ending")) == "digihit"


MAPPED = {"contiguous": True, "user_block": True, "raw_times": True, "big_endian": True, "chunked": False}


@pytest.mark.parametrize(("layout", "is_mapped"), MAPPED.items())
def test_contiguous_hits_are_mapped(tmp_path: Path, layout: Any, is_mapped: bool) -> None:
    path = write_digihit(tmp_path / "a.h5", made_events([5, 6]), layout=layout)
    with h5py.File(path) as file:
        for name in ("hit_pmt", "hit_charge", "hit_time"):
            values = mapped(str(path), file[name])
            assert (values is not None) == is_mapped
            if values is not None:
                np.testing.assert_array_equal(values, file[name][...])


def test_hits_at_an_odd_place_are_read_all_the_same(tmp_path: Path) -> None:
    """HDF5 puts a dataset right behind truth values of 3 events: not a place for the numbers of compiled code."""
    events = made_events([3, 0, 4])
    with h5py.File(tmp_path / "a.h5", "w") as file, h5py.File(write_digihit(tmp_path / "b.h5", events)) as good:
        for name in good:
            file[name] = good[name][...]
        places = [file[name].id.get_offset() % 4 for name in ("hit_charge", "hit_time", "hit_pmt")]
        assert any(places)
        found = [mapped(str(tmp_path / "a.h5"), file[name]) is not None for name in ("hit_charge", "hit_time", "hit_pmt")]
        assert found == [place == 0 for place in places]
    assert table(tmp_path / "a.h5") == table(tmp_path / "b.h5")


def test_a_mapped_column_is_a_view_of_the_file(tmp_path: Path) -> None:
    """What awkward computes with lies in the page cache: a change of the file shows through, and no byte was copied."""
    path = write_digihit(tmp_path / "a.h5", made_events([5, 6, 7]))
    with h5py.File(path) as file:
        offset = file["hit_charge"].id.get_offset()
    with open_source(path) as source:
        hits = source.events(1, 3).hits
        before = ak.sum(hits.charge)
        with path.open("r+b") as file:
            file.seek(offset + 4 * 5)
            file.write(np.float32(1000).tobytes())
        values = np.asarray(ak.materialize(hits.charge).layout.content.data)
        assert values[0] == 1000
        assert not values.flags.owndata
        assert not values.flags.writeable
        assert ak.sum(hits.charge) > before


def test_a_field_that_is_not_touched_is_not_read(tmp_path: Path) -> None:
    """A time dataset whose chunk is damaged harms nobody who asks for charges."""
    path = write_digihit(tmp_path / "a.h5", made_events([5, 6]), layout="chunked")
    with h5py.File(path) as file:
        where = file["hit_time"].id.get_chunk_info(0)
    with path.open("r+b") as file:
        file.seek(where.byte_offset)
        file.write(b"\xff" * where.size)
    with open_source(path) as source:
        events = source.events(0, 2)
        assert ak.sum(events.hits.charge) > 0
        with pytest.raises(SourceError, match="column 'hits', entries 0 to 2, field 'time': wrong content or truncated"):
            ak.sum(events.hits.time)


@settings(deadline=None, max_examples=25)  # opens a file each time
@given(start=st.integers(0, 20), length=st.integers(0, 20))
def test_any_range_is_that_part_of_the_whole(tmp_path_factory: pytest.TempPathFactory, start: int, length: int) -> None:
    path = tmp_path_factory.getbasetemp() / "ranges.h5"
    if not path.exists():
        write_digihit(path, made_events([k % 5 for k in range(40)]))
    with open_source(path) as source:
        whole, part = source.events(0, 40), source.events(start, start + length)
        assert ak.to_list(part) == ak.to_list(whole[start : start + length])


def test_vetoes_and_containment_are_there_when_the_file_has_them(tmp_path: Path) -> None:
    with open_source(write_digihit(tmp_path / "a.h5", made_events([2, 3]))) as source:
        assert {"veto", "veto2", "fully_contained"} <= source.columns.keys()
        assert source.events(0, 2).veto.tolist() == made_events([2, 3]).veto.tolist()

    def without(file: h5py.File) -> None:
        for name in ("veto", "veto2", "fully_contained", "root_files"):
            del file[name]

    with open_source(changed(tmp_path / "b.h5", without)) as source:
        assert not {"veto", "veto2", "fully_contained", "root_file"} & source.columns.keys()
        with pytest.raises(AttributeError, match="events have no column 'veto'"):
            _ = source.events(0, 3).veto


def test_further_datasets_are_carried_along_and_listed(tmp_path: Path) -> None:
    def more(file: h5py.File) -> None:
        file["gamma_start_vertices"] = np.arange(9.0).reshape(3, 3)
        file["hit_quality"] = np.arange(7, dtype=np.int8)
        file["geometry_version"] = np.arange(5)

    with open_source(changed(tmp_path / "a.h5", more)) as source:
        events = source.events(0, 3)
        assert events.gamma_start_vertices[2].tolist() == [6, 7, 8]
        assert events.hits.quality.tolist() == [[0, 1, 2], [], [3, 4, 5, 6]]
        assert source.unreadable == {"geometry_version": "dataset of shape (5,); columns have one entry for each of the 3 events"}


def test_attributes_that_a_merge_exploded_are_joined(tmp_path: Path) -> None:
    def explode(file: h5py.File) -> None:
        file.attrs["git-describe"] = np.array(list("v1.2"), dtype="S1")
        file.attrs["command"] = "np_to_digihit"
        file.attrs["runs"] = ["run_1", "run_2"]

    with open_source(changed(tmp_path / "a.h5", explode)) as source:
        assert dict(source.attributes) == {"git-describe": "v1.2", "command": "np_to_digihit", "runs": ["run_1", "run_2"]}


def test_bytes_that_are_no_text_do_not_lose_the_file(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.h5", lambda file: put(file, "root_files", np.array([b"a\xff.root", b"b.root", b"c.root"])))
    with open_source(path) as source:
        assert source.events(0, 3).root_file.tolist()[1:] == ["b.root", "c.root"]


def index(values: list[int]) -> Any:
    return lambda file: put(file, "event_hits_index", np.array(values, dtype=np.int64))


def unwritten(file: h5py.File, name: str) -> None:
    del file[name]
    file.create_dataset(name, (7,), "f4")


BAD = {
    "time missing": (
        lambda f: f.__delitem__("hit_time"),
        r"missing dataset\(s\) hit_time; found: .*hit_pmt.*; looks like digihit that is not complete",
    ),
    "charge shorter": (lambda f: put(f, "hit_charge", np.ones(5, "f4")), "hit_charge has 5 entries, hit_pmt 7"),
    "energies shorter": (lambda f: put(f, "energies", np.ones((2, 1))), "labels has 3 rows, energies 2"),
    "index decreasing": (index([0, 5, 3]), r"event_hits_index decreases at event 2 \(5 → 3\)"),
    "index beyond": (index([0, 3, 9]), "event 2 points to hit 9, file has 7"),
    "index negative": (index([-1, 3, 5]), "event 0 points to hit -1, file has 7"),
    "index of floats": (lambda f: put(f, "event_hits_index", np.zeros(3)), "event_hits_index holds float64, not integers"),
    "pmt of floats": (lambda f: put(f, "hit_pmt", np.zeros(7)), "hit_pmt holds float64; PMTs and parents are integers"),
    "two vertices": (lambda f: put(f, "positions", np.zeros((3, 2, 3))), "positions has 6 values an event .*, not 3; one primary an event is read"),
    "energies of text": (lambda f: put(f, "energies", np.array([b"a"] * 3)), "energies holds .*, not numbers"),
    "not written": (lambda f: unwritten(f, "hit_time"), "/hit_time: not all of its 7 entries were ever written"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_wrong_file_is_refused_when_it_is_opened(tmp_path: Path, bad: str) -> None:
    change, message = BAD[bad]
    path = changed(tmp_path / "a.h5", change)
    with pytest.raises(SourceError, match=message):
        open_source(path, "digihit")


def test_a_truehit_file_is_not_a_digihit_file(tmp_path: Path) -> None:
    path = write_digihit(tmp_path / "a.h5", made_events([2]), layout="truehit")
    with pytest.raises(SourceError, match=r"missing dataset\(s\) hit_charge; found: .*; looks like truehit, give format: truehit"):
        open_source(path, "digihit")
    with pytest.raises(SourceError, match="a truehit file has no tree 'events'; leave tree out"):
        open_source(path, tree="events")


@pytest.mark.parametrize("content", [b"not HDF5 at all" * 100, None])
def test_what_is_not_hdf5_or_cut_off_is_said_so(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.h5"
    write_digihit(path, made_events([2000, 3000]))
    path.write_bytes(content or path.read_bytes()[:30000])
    for format_name in ("digihit", None):
        with pytest.raises(SourceError, match=f"cannot open {path}: not an HDF5 file or truncated"):
            open_source(path, format_name)


def test_hits_before_the_first_event_belong_to_none_and_are_reported(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.h5", index([2, 3, 5]))
    with pytest.warns(UserWarning, match="the first 2 hits belong to no event"):
        source = open_source(path)
    with source, h5py.File(path) as file:
        assert source.events(0, 1).hits.charge.tolist() == [file["hit_charge"][2:3].tolist()]


def test_a_selection_of_events_has_offsets_of_its_own() -> None:
    offsets, hits = compact(np.array([0, 2, 2, 5, 9]), np.array([False, True, True, True]))
    assert offsets.tolist() == [0, 0, 3, 7]
    assert np.flatnonzero(hits).tolist() == [2, 3, 4, 5, 6, 7, 8]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.data())
def test_the_hits_of_a_selection_are_those_of_its_events(counts: list[int], data: Any) -> None:
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(counts), max_size=len(counts))))
    whole = np.concatenate([[0], np.cumsum(counts)])
    values = np.arange(whole[-1])
    offsets, hits = compact(whole, keep)
    expected = [values[a:b].tolist() for a, b, kept in zip(whole[:-1], whole[1:], keep, strict=True) if kept]
    chosen = values[hits]
    assert [chosen[a:b].tolist() for a, b in pairwise(offsets)] == expected


def test_the_last_event_ends_with_the_hits(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["event_hits_index"] = np.array([0, 4, 4])
        assert hit_offsets("a.h5", file["event_hits_index"], 9).tolist() == [0, 4, 4, 9]


APART = [{"offsets": np.array([0, 1])}, {"hit_charge": np.ones(2)}, {"offsets": np.array([0, 3, 2, 5])}, {"veto": np.ones(9)}]


@pytest.mark.parametrize("change", APART)
def test_the_writer_refuses_arrays_that_do_not_belong_together(tmp_path: Path, change: dict[str, Any]) -> None:
    events = HitEvents(**{**vars(made_events([1, 2, 2])), **change})
    with pytest.raises(SourceError, match="every event needs one entry|every hit needs all three|offsets must rise from 0"):
        write_digihit(tmp_path / "a.h5", events)
    assert not (tmp_path / "a.h5").exists()


def test_the_same_events_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (write_digihit(tmp_path / name, made_events([3, 4])) for name in ("a.h5", "b.h5"))
    assert first.read_bytes() == second.read_bytes()
