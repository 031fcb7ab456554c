"""``--inspect`` on water-Cherenkov files: the summary, the problems, and HDF5 files of every kind of object."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from bench.stopwatch import least_s
from bench.tiled_hits import write_tiled
from hit_files import changed, made_events, put

import run_processor
from physics.tank import preset
from readers import digihit_checks as checks
from readers.digihit_writer import write_digihit
from readers.inspect import describe
from readers.segments import segment_sum
from readers.structure import Statistics


def summary(path: Path) -> dict[str, Any]:
    return dict(describe(path).summary)


def test_what_a_digihit_file_tells(tmp_path: Path) -> None:
    events = made_events([3, 0, 4, 5, 2])
    found = summary(write_digihit(tmp_path / "a.h5", events, layout="raw_times"))
    assert found == {
        "layout": "digihit", "events": 5, "hits": 14, "hits in an event": "2.8 on average, at most 5", "events without hits": 1,
        "hits stored": "hit_pmt: contiguous; hit_charge: contiguous; hit_time: contiguous", "mapped into memory": "yes",
        "times": "as triggered; 950 ns will be subtracted", "events by particle": "gamma (0): 2, e- (1): 1, mu- (2): 1, pi0 (3): 1",
        "total energy": f"{events.energy_mev.min():.4f} to {events.energy_mev.max():.4f} MeV", "missing optional datasets": "none",
    }  # fmt: skip


def test_other_layouts(tmp_path: Path) -> None:
    chunked = summary(write_digihit(tmp_path / "a.h5", made_events([3, 4]), layout="chunked"))
    assert chunked["hits stored"].startswith("hit_pmt: chunks of 7, gzip, shuffle")
    assert "a contiguous copy is read faster and without memory of its own: run_processor.py --convert IN.h5 OUT.h5" in chunked["mapped into memory"]
    truehit = summary(write_digihit(tmp_path / "b.h5", made_events([3, 4]), layout="truehit"))
    assert (truehit["layout"], truehit["missing optional datasets"]) == ("truehit", "fully_contained")
    assert truehit["veto2"].startswith("not to be relied on: the public writer of truehit files takes the length of one track for all")
    assert "veto2" not in chunked
    dense = summary(write_digihit(tmp_path / "c.h5", made_events([3, 4]), layout="dense"))
    assert (dense["layout"], dense["events"], dense["missing optional datasets"]) == ("dense", 2, "veto, veto2, fully_contained")
    assert summary(write_digihit(tmp_path / "d.h5", made_events([]))).items() >= {"events": 0, "hits": 0, "hits in an event": "no events"}.items()


def spoil(file: h5py.File) -> None:
    put(file, "labels", np.full(3, -1, "i4"))
    put(file, "energies", np.array([[1.0], [np.nan], [3.0]], "f4"))
    put(file, "hit_time", np.full(7, 333, "f4"))
    put(file, "event_hits_index", np.array([1, 3, 3]))


def test_problems_are_listed(tmp_path: Path) -> None:
    notes = describe(changed(tmp_path / "a.h5", spoil), show=1).notes
    for core in (
        "no known label; give particle: for this file", "energies: 1 non-finite values, first in event 1",
        "cannot tell the time origin (median first hit 333 ns)", "the first 1 hits belong to no event",
    ):  # fmt: skip
        assert sum(core in note for note in notes) == 1, core


def test_a_wrong_file_is_described_by_its_objects(tmp_path: Path) -> None:
    structure = describe(changed(tmp_path / "a.h5", lambda file: put(file, "hit_charge", np.ones(5, "f4"))))
    assert (structure.entries, structure.notes[0].partition(": ")[2]) == (
        None,
        "hit_charge has 5 entries, hit_pmt 7; all have one for each hit: the file is damaged, write it again",
    )
    assert "/hit_charge" in {part.name for part in structure.parts}


def test_the_door_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_digihit(tmp_path / "a.h5", made_events([3, 0, 4]))
    assert run_processor.main(["--inspect", str(path), "--stats", "--show", "1"]) == 0
    shown = capsys.readouterr().out
    for text in ("events without hits", "hits.charge", "time_zero", "relative to the first hit", "contiguous, 7 values in 28 bytes"):
        assert text in shown
    assert run_processor.main(["--inspect", str(path), "--stats", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["summary"]["hits"] == 7
    events = made_events([3, 0, 4])
    assert told["statistics"]["hits.charge"]["mean"] == pytest.approx(events.hit_charge.mean(), rel=1e-6)
    assert told["statistics"]["hits.pmt"]["maximum"] == events.hit_pmt.max()


@pytest.fixture
def every_kind(tmp_path: Path) -> Path:
    """The printer that this replaces called len() on everything, went one level deep, and knew no shape, type or attribute."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["git-describe"] = "v1.2"
        file["a/b/c/values"] = np.array([1.0, np.nan, 3.0, 8.0])
        file["a/b/c/values"].attrs["unit"] = "cm"
        file["a"].attrs["season"] = "2024"
        file["single"] = 3.5
        file["nothing"] = h5py.Empty("f4")
        file["none"] = np.empty((0, 3))
        file["table"] = np.array([(0.5, 1), (1.5, 2)], dtype=[("x", "f4"), ("n", "i8")])
        file["name"] = "tank"
        file["names"] = ["a", "b", "c"]
        file["flag"] = np.array([True, False])
        file.create_dataset("colour", data=np.array([1, 0], "u1"), dtype=h5py.enum_dtype({"red": 0, "blue": 1}, "u1"))
        file["type"] = np.dtype("f8")
        file["away"] = h5py.ExternalLink("other.h5", "/x")
        file.create_virtual_dataset("virtual", h5py.VirtualLayout((3,), "f4"))
        file.create_dataset("packed", data=np.zeros((4, 6)), chunks=(2, 3), compression="gzip", fletcher32=True)
        file.create_dataset("lists", (2,), h5py.vlen_dtype("i4"))
        file["lists"][0] = [1, 2]
    return tmp_path / "a.h5"


def test_every_kind_of_object_prints(every_kind: Path) -> None:
    structure = describe(every_kind)
    parts = {part.name: part for part in structure.parts}
    assert (parts["/a/b/c/values"].type, parts["/a/b/c/values"].shape) == ("float64", (4,))
    assert parts["/a/b/c/values"].details == "contiguous, 4 values in 32 bytes, unit: cm"
    assert parts["/a"].details == "1 objects, season: 2024"
    assert (parts["/single"].shape, parts["/nothing"].shape, parts["/none"].shape, parts["/name"].type) == ((), None, (0, 3), "string")
    assert (parts["/table"].kind, parts["/table"].type) == ("table", "x: float32, n: int64")
    assert (parts["/flag"].type, parts["/type"].kind, parts["/away"].kind) == ("bool", "named type", "link")
    assert (parts["/colour"].type, parts["/lists"].type) == ("enum of uint8 (red: 0, blue: 1)", "var * int32")
    assert parts["/virtual"].details.startswith("virtual")
    assert parts["/packed"].details.startswith("chunks of 2 x 3, gzip, fletcher32, 24 values in ")
    assert structure.attributes == {"git-describe": "v1.2"}
    assert structure.first_values == structure.statistics == {}


def test_values_and_statistics_of_every_kind(every_kind: Path, capsys: pytest.CaptureFixture[str]) -> None:
    structure = describe(every_kind, show=2, statistics=True)
    assert structure.first_values["/table"] == [[0.5, 1], [1.5, 2]]
    assert {name: structure.first_values[name] for name in ("/single", "/name", "/names", "/flag", "/colour", "/none")} == {
        "/single": 3.5, "/name": "tank", "/names": ["a", "b"], "/flag": [True, False], "/colour": [1, 0], "/none": [],
    }  # fmt: skip
    assert structure.first_values["/lists"] == [[1, 2], []]
    assert "/nothing" not in structure.first_values
    assert structure.statistics["/a/b/c/values"] == Statistics(1.0, 8.0, 4.0, 1)
    assert structure.statistics["/table.n"] == Statistics(1.0, 2.0, 1.5, 0)
    assert structure.statistics["/flag"] == Statistics(0.0, 1.0, 0.5, 0)
    assert {"/names", "/nothing", "/none", "/lists"}.isdisjoint(structure.statistics)
    assert run_processor.main(["--inspect", str(every_kind), "--show", "2", "--stats"]) == 0
    shown = capsys.readouterr().out
    for text in ("/a/b/c/values", "git-describe", "enum of uint8", "first values", "not finite"):
        assert text in shown
    assert run_processor.main(["--inspect", str(every_kind), "--show", "2", "--stats", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["first_values"]["/a/b/c/values"] == [1.0, None]
    assert told["statistics"]["/a/b/c/values"]["nan"] == 1


@pytest.mark.parametrize("layout", ["contiguous", "chunked", "truehit", "dense"])
def test_events_are_listed_as_one_reads_them(layout: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = made_events([3, 0, 4, 2])
    path = write_digihit(tmp_path / "a.h5", events, layout=layout)
    assert run_processor.main(["--inspect", str(path), "--events", "3", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["events"]
    assert [row["particle"] for row in rows] == ["gamma", "e-", "mu-"]
    assert [row["nhits"] for row in rows] == [3, 0, 4]
    assert [row["root_file"] for row in rows] == ["sim_0.root"] * 3
    np.testing.assert_allclose([row["energy"] for row in rows], events.energy_mev[:3], rtol=1e-6)
    if layout != "truehit":
        np.testing.assert_allclose([row["charge"] for row in rows], segment_sum(events.hit_charge, events.offsets)[:3], rtol=1e-6)
        assert rows[2]["max_charge"] == pytest.approx(events.hit_charge[3:7].max())
    assert (rows[0]["first_time"], rows[1]["first_time"]) == (0.0, None)
    assert rows[2]["last_time"] == pytest.approx(events.hit_time_ns[3:7].max())
    assert run_processor.main(["--inspect", str(path), "--events"]) == 0
    shown = capsys.readouterr().out
    for text in ("particle", "pi0", "nhits", "last_time"):
        assert text in shown


def test_events_of_other_formats_are_listed_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", energy=[1.0, 2.0], hits=np.arange(3), hits_offsets=[0, 1, 3])
    assert describe(tmp_path / "a.npz", events=5).events == ({"energy": 1.0, "hits": "1 values"}, {"energy": 2.0, "hits": "2 values"})
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["energy"] = np.arange(3.0)
    assert describe(tmp_path / "a.h5", events=1).events == ({"energy": 0.0},)


def test_time_does_not_grow_with_the_hits(tmp_path: Path) -> None:
    """Metadata, event datasets and the hits of 2000 events; 4000 events of 500 hits (24 MB) take no longer than they must."""
    path = write_digihit(tmp_path / "a.h5", made_events([0, 1000] * 2000))
    began = time.process_time()
    assert describe(path).summary["hits"] == 2_000_000
    assert time.process_time() - began < 0.5


def test_time_hardly_grows_with_the_events(tmp_path: Path) -> None:
    """A hundred times the events, 12 MB of event datasets: some times, not a hundred times, as long."""
    small, large = (write_tiled(tmp_path / f"{tiles}.h5", np.full(3000, 2), tiles) for tiles in (1, 100))
    assert describe(large).summary["events"] == 300_000
    small_s, large_s = (least_s(lambda path=path: describe(path), 3, time.process_time) for path in (small, large))
    assert large_s < 20 * small_s


def test_checks_of_values_give_their_message_or_none() -> None:
    assert checks.not_finite("hit_time", np.array([1.0, 2.0])) is None
    found = checks.not_finite("hit_time", np.array([1.0, np.nan, np.inf]), np.array([0, 7, 8]))
    assert found == "hit_time: 2 non-finite values, first in event 7"
    assert checks.pmts_beyond(np.array([0, 10183]), 10184, "short") is None
    assert checks.pmts_beyond(np.array([5, 10184]), 10184, "short") == "hit_pmt up to 10184 but geometry short has 10184 PMTs: wrong tank preset?"
    assert checks.pmts_beyond(np.array([-1]), 10184, "short") == "hit_pmt down to -1: PMTs count from 0"
    assert checks.pmts_beyond(np.array([], dtype=int), 10184, "short") is None
    places = np.tile([399.0, 0.0, 0.0], (100, 1))
    assert checks.vertices_outside(places, preset("short")) is None
    assert checks.vertices_outside(places, preset("iwcd_current")) == "positions do not fit tank R=350, H=400 (100.0% outside): wrong tank preset?"
    assert checks.share_outside(np.empty((0, 3)), preset("short")) == 0
    assert checks.below_threshold(np.array([1.0, np.nan, 0.0])) is None
    assert (
        checks.below_threshold(np.array([-1.0, 3.0]))
        == "1 of 2 events have an energy below the threshold of their label (labels or label map wrong?)"
    )
    assert checks.labels_unknown(np.array([-1, 1]), {0, 1}) is None
    assert checks.labels_unknown(np.array([-1, -1]), {0, 1}) == "no known label; give particle: for this file (its labels: -1)"
