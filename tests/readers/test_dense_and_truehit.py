"""Dense images and photons: the hits that they hold, which PMTs are known, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
from hit_files import made_events, photons
from hypothesis import given, settings
from hypothesis import strategies as st

from readers import SourceError, open_source
from readers.dense import BLOCK_EVENTS, POSITIONS_FILE
from readers.dense_grid import mapped_cell, mapped_modules
from readers.digihit_writer import write_digihit
from readers.truehit import digitise


def dense(path: Path, images: np.ndarray) -> Path:
    """A dense file of these images with plain event datasets."""
    events = made_events([1] * len(images))
    write_digihit(path, events, layout="dense")
    with h5py.File(path, "r+") as file:
        del file["event_data"]
        file["event_data"] = images.astype(np.float32)
    return path


def test_the_barrel_map() -> None:
    """Row 15 - k with ring 0 the modules 696 to 735 and ring 1 + m // 40: from the public writer's code."""
    assert [tuple(map(int, mapped_cell(module))) for module in (696, 735, 0, 39, 40, 599)] == [(15, 0), (15, 39), (14, 0), (14, 39), (13, 0), (0, 39)]
    assert mapped_cell(np.array([600, 695, 736, -1]))[0].tolist() == [-1] * 4
    modules = mapped_modules()
    assert modules.shape == (16, 40)
    assert sorted(modules.ravel()) == [*range(600), *range(696, 736)]
    row, column = mapped_cell(modules)
    np.testing.assert_array_equal(row, np.arange(16)[:, np.newaxis] * np.ones(40, int))
    np.testing.assert_array_equal(column, np.ones(16, int)[:, np.newaxis] * np.arange(40))


SUMS_ONLY = {
    "caps": ((40, 40, 38), "which module a cell of .*tall tank with caps.* holds is not known; put mpmt_image_positions.npz .*; sums over events"),
    "short": ((29, 40, 38), "which module a cell of .*short tank.* is not known"),
    "short, charge": ((29, 40, 19), "which module a cell of .*short tank.* is not known"),
    "20 inch": ((75, 75, 2), "are not numbered; sums over events work"),
    "modules": ((27, 27, 38), "which module a cell of .*multi-PMT modules.* is not known"),
}


@pytest.mark.parametrize("name", SUMS_ONLY)
def test_grids_without_a_map_give_sums_over_events(tmp_path: Path, name: str) -> None:
    shape, reason = SUMS_ONLY[name]
    places = 1 if shape[2] == 2 else 19
    rng = np.random.default_rng(1)
    charge = rng.uniform(0.1, 3, (3, *shape[:2], places)) * (rng.uniform(size=(3, *shape[:2], places)) < 0.01)
    charge[1] = 0
    images = np.zeros((3, *shape))
    images[..., :places] = charge
    if shape[2] > places:
        images[..., places:] = 50.0 * (charge > 0)
    with open_source(dense(tmp_path / "a.h5", images)) as source:
        hits = source.events(0, 3).hits
        assert "pmt" not in hits.fields
        assert ("time" in hits.fields) == (shape[2] > places)
        np.testing.assert_allclose(ak.sum(hits.charge, axis=1), charge.sum(axis=(1, 2, 3)), rtol=1e-6)
        assert ak.num(hits.charge).tolist() == (charge > 0).sum(axis=(1, 2, 3)).tolist()
        with pytest.raises(SourceError, match=reason):
            raise SourceError(source.unreadable["hits.pmt"])


def test_a_given_map_numbers_the_pmts(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    cells = np.stack(np.unravel_index(rng.choice(29 * 40, 536, replace=False), (29, 40)), axis=1)
    np.savez(tmp_path / POSITIONS_FILE, mpmt_image_positions=cells)
    pmts = np.sort(rng.choice(536 * 19, 50, replace=False))
    images = np.zeros((1, 29, 40, 38))
    images[0, cells[pmts // 19, 0], cells[pmts // 19, 1], pmts % 19] = pmts + 1.0
    with open_source(dense(tmp_path / "a.h5", images)) as source:
        hits = source.events(0, 1).hits[0]
        assert hits.pmt.tolist() == pmts.tolist()
        assert hits.charge.tolist() == (pmts + 1).tolist()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (np.zeros((2, 2), int), "two modules share a cell"),
        (np.array([[29, 0]]), r"is not the row and column in \(29, 40\) of each module"),
        (np.array([{}]), "cannot be read .*it holds one array"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(tmp_path: Path, cells: Any, message: str) -> None:
    np.savez(tmp_path / POSITIONS_FILE, cells)
    with pytest.raises(SourceError, match=message):
        open_source(dense(tmp_path / "a.h5", np.zeros((1, 29, 40, 38))))


def test_point_clouds(tmp_path: Path) -> None:
    points = np.zeros((2, 4, 8))
    points[0, :3] = np.arange(24).reshape(3, 8) + 1
    with open_source(dense(tmp_path / "a.h5", points)) as source:
        hits = source.events(0, 2).hits
        assert hits.fields == ["charge", "time", "x", "y", "z", "dx", "dy", "dz"]
        assert (ak.num(hits.charge).tolist(), hits.x[0].tolist(), hits.dz[0].tolist()) == ([3, 0], [3, 11, 19], [8, 16, 24])


@pytest.mark.parametrize("shape", [(2, 16, 40, 37), (2, 15, 40, 38), (2, 7), (2, 5, 7)])
def test_other_shapes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(SourceError, match=r"event_data of shape \(2, .* is none of the known layouts: \(N, 40, 40, 38\).*\(N, n, 8\)"):
        open_source(dense(tmp_path / "a.h5", np.zeros(shape)))


def test_images_of_another_number_of_events_are_refused(tmp_path: Path) -> None:
    path = dense(tmp_path / "b.h5", np.zeros((2, 16, 40, 38)))
    with h5py.File(path, "r+") as file:
        del file["event_data"]
        file.create_dataset("event_data", data=np.zeros((3, 16, 40, 38), "f4"))
    with pytest.raises(SourceError, match="labels has 2 rows, event_data 3"):
        open_source(path)


def test_many_images_are_read_block_by_block(tmp_path: Path) -> None:
    events = made_events([k % 3 for k in range(BLOCK_EVENTS + 20)])
    with open_source(write_digihit(tmp_path / "a.h5", events, layout="dense")) as source:
        hits = source.events(3, len(events)).hits
        assert ak.num(hits.pmt).tolist() == np.diff(events.offsets)[3:].tolist()
        assert ak.flatten(hits.pmt).tolist() == events.hit_pmt[events.offsets[3] :].tolist()


def plainly_digitised(pmt: list[int], time: list[float]) -> dict[int, tuple[int, float]]:
    """Photons one by one."""
    found: dict[int, tuple[int, float]] = {}
    for number, moment in zip(pmt, time, strict=True):
        count, earliest = found.get(number, (0, np.inf))
        found[number] = (count + 1, min(earliest, moment))
    return dict(sorted(found.items()))


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from([0, 5, 40_000, 1 << 20]), st.floats(-50, 50, width=32)), max_size=9), max_size=5))
def test_digitising_is_counting_photons_and_taking_the_first(events: list[list[tuple[int, float]]]) -> None:
    """Also above 32767, where the public digitiser's 16-bit numbers wrap, and for negative times."""
    counts = np.array([len(event) for event in events], dtype=np.int64)
    flat = [photon for event in events for photon in event]
    pmt, time = np.array([p for p, _ in flat], dtype=np.int32), np.array([t for _, t in flat], dtype=np.float32)
    hits = digitise(ak.unflatten(ak.zip({"pmt": pmt, "time": time}), counts), np.arange(len(counts)))
    assert len(hits) == len(events)
    for event, found in zip(events, hits, strict=True):
        expected = plainly_digitised([p for p, _ in event], [t for _, t in event])
        assert found.pmt.tolist() == list(expected)
        assert found.charge.tolist() == [count for count, _ in expected.values()]
        assert found.time.tolist() == [time for _, time in expected.values()]


def test_photons_of_a_file_give_back_the_hits(tmp_path: Path) -> None:
    events = made_events([4, 0, 20, 1])
    with open_source(write_digihit(tmp_path / "a.h5", photons(events), layout="truehit")) as source:
        assert source.events(0, 4).hits.fields == ["pmt", "time", "parent"]
        assert "fully_contained" not in source.columns
        hits = digitise(source.events(0, 4).hits, np.arange(4))
    assert ak.flatten(hits.pmt).tolist() == events.hit_pmt.tolist()
    np.testing.assert_array_equal(ak.flatten(hits.time), events.hit_time_ns)
    assert ak.num(hits.pmt).tolist() == [4, 0, 20, 1]


def test_smearing_has_its_width_and_does_not_depend_on_chunks() -> None:
    rng = np.random.default_rng(4)
    hits = ak.zip({"pmt": np.sort(rng.choice(10000, (20, 500))), "time": np.full((20, 500), 100.0)})
    hits = ak.Array(ak.from_regular(hits))
    rows = np.arange(20)
    whole = digitise(hits, rows, smear_ns=1.5, seed=7)
    parts = ak.concatenate([digitise(hits[a:b], rows[a:b], smear_ns=1.5, seed=7) for a, b in ((0, 3), (3, 20))])
    assert ak.to_list(whole) == ak.to_list(parts)
    shift = np.asarray(ak.flatten(whole.time)) - 100
    assert abs(shift.mean()) < 4 * 1.5 / np.sqrt(len(shift))
    assert shift.std() == pytest.approx(1.5, rel=0.04)
    assert ak.to_list(digitise(hits, rows, smear_ns=1.5, seed=8)) != ak.to_list(whole)


def test_hits_without_pmts_cannot_be_digitised() -> None:
    with pytest.raises(SourceError, match=r"photons have no field 'pmt' \(they have time\); a truehit file has hit_pmt"):
        digitise(ak.Array([[{"time": 1.0}]]), [0])
