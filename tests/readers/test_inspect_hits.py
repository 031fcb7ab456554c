"""``--inspect`` on water-Cherenkov files: the summary, the problems, and HDF5 files of every kind of object."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hit_files import changed, made_events, put

import run_processor
from physics.tank import preset
from readers import digihit_checks as checks
from readers.digihit_writer import write_digihit
from readers.inspect import describe


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
    assert "a contiguous copy would be read faster" in chunked["mapped into memory"]
    truehit = summary(write_digihit(tmp_path / "b.h5", made_events([3, 4]), layout="truehit"))
    assert (truehit["layout"], truehit["missing optional datasets"]) == ("truehit", "fully_contained")
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


def test_every_kind_of_object_prints(tmp_path: Path) -> None:
    """The printer that this replaces called len() on everything, went one level deep, and knew no shape, type or attribute."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a/b/c/values"] = np.arange(4)
        file["a/b/c/values"].attrs["unit"] = "cm"
        file["a"].attrs["season"] = "2024"
        file["single"] = 3.5
        file["nothing"] = h5py.Empty("f4")
        file["table"] = np.zeros(2, dtype=[("x", "f4"), ("n", "i8")])
        file["name"] = "tank"
        file["flag"] = np.array([True, False])
        file.create_dataset("colour", (2,), h5py.enum_dtype({"red": 0, "blue": 1}))
        file["type"] = np.dtype("f8")
        file["away"] = h5py.ExternalLink("other.h5", "/x")
        file.create_virtual_dataset("virtual", h5py.VirtualLayout((3,), "f4"))
        file.create_dataset("packed", data=np.zeros((4, 6)), chunks=(2, 3), compression="gzip", fletcher32=True)
    parts = {part.name: part for part in describe(tmp_path / "a.h5").parts}
    assert (parts["/a/b/c/values"].type, parts["/a/b/c/values"].shape) == ("int64", (4,))
    assert parts["/a/b/c/values"].details == "contiguous, 4 values in 32 bytes, unit: cm"
    assert parts["/a"].details == "1 objects, season: 2024"
    assert (parts["/single"].shape, parts["/nothing"].shape, parts["/name"].type) == ((), None, "string")
    assert (parts["/table"].kind, parts["/table"].type) == ("table", "x: float32, n: int64")
    assert (parts["/flag"].type, parts["/type"].kind, parts["/away"].kind) == ("bool", "named type", "link")
    assert parts["/virtual"].details.startswith("virtual")
    assert parts["/packed"].details.startswith("chunks of 2 x 3, gzip, fletcher32, 24 values in ")
    assert describe(tmp_path / "a.h5").table() is not None


def test_time_does_not_grow_with_the_hits(tmp_path: Path) -> None:
    """Metadata, event datasets and the hits of 2000 events; 4000 events of 500 hits (24 MB) take no longer than they must."""
    path = write_digihit(tmp_path / "a.h5", made_events([0, 1000] * 2000))
    began = time.process_time()
    assert describe(path).summary["hits"] == 2_000_000
    assert time.process_time() - began < 0.5


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
