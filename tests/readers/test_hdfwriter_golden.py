"""The public samples of icecube/dnn_reco: golden numbers G12 and G13, and an event-by-event rebuild with h5py alone."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import awkward as ak
import h5py
import numpy as np
import pytest

from readers import open_source
from readers.hdfwriter_mapping import WeightFile
from readers.inspect import describe
from readers.registry import detect_format

pytestmark = pytest.mark.public_data
BINS = "dnn_data_inputs9_InIceDSTPulses_bin_values"
GOLDEN = {  # file: events, rows, photomultipliers, energies of labels and reconstruction, first Run and Event, rows of the first event
    "NuGen_NuE_low_energy": (9, 13797, 1533, 23133.835474, 174294.894531, 2, 351, 1440),
    "NuGen_NuMu_medium_energy": (32, 96804, 10756, 17929235.821861, 10286431.027344, 1, 18, 4455),
    "NuGen_NuTau_low_energy": (2, 4662, 518, 4129.767474, 35896.837891, 2, None, None),
}


@pytest.fixture(params=GOLDEN)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def file_of(public_data: Path, name: str) -> Path:
    path = public_data / "hdfwriter" / f"{name}.hdf5"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return path


def test_golden_g12_tables(public_data: Path, name: str) -> None:
    events, rows, _, labels, reco, run, first, count = GOLDEN[name]
    path = file_of(public_data, name)
    assert detect_format(str(path)) == "hdfwriter"
    with open_source(path) as source:
        assert len(source) == events
        found = source.events(0, events)
        assert ak.count(found[BINS].item) == rows
        assert ak.sum(found.LabelsDeepLearning.PrimaryEnergy) == pytest.approx(labels, abs=1e-6)
        assert ak.sum(found.DeepLearningReco_getting_started_model.PrimaryEnergy) == pytest.approx(reco, abs=1e-6)
        assert found.Run[0] == run
        assert set(found.SubEventStream.to_list()) == {3}
        if first is not None:
            assert found.Event[0] == first
            assert ak.count(found[BINS].item[0]) == count
        assert source.unreadable == {}
        assert source.fields["I3EventHeader.time_start_mjd"].unit == "days"
    with h5py.File(path) as file:
        assert set(file["__I3Index__"][BINS]["SubEventStream"]) == {0}


def test_golden_g12_start_of_the_first_event(public_data: Path) -> None:
    with open_source(file_of(public_data, "NuGen_NuE_low_energy"), columns={"mjd": "I3EventHeader.time_start_mjd"}) as source:
        assert source.events(0, 1).mjd[0] == pytest.approx(56428.93701499, abs=5e-9)


def test_golden_g13_lists_by_photomultiplier(public_data: Path, name: str) -> None:
    path = file_of(public_data, name)
    rebuilt: dict[tuple, dict[tuple, list[float]]] = defaultdict(lambda: defaultdict(list))
    with h5py.File(path) as file:
        for row in file[BINS][...]:
            key = tuple(int(row[part]) for part in ("Run", "Event", "SubEvent"))
            rebuilt[key][tuple(int(row[part]) for part in ("string", "om", "pmt"))].append(float(row["item"]))
    with open_source(path) as source:
        events = source.events(0, len(source))
        found = events[BINS]
        assert ak.sum(ak.num(found.item)) == GOLDEN[name][2]
        keys = zip(*(events[part].to_list() for part in ("Run", "Event", "SubEvent")), strict=True)
        doms = zip(*(found[part].to_list() for part in ("string", "om", "pmt", "item")), strict=True)
        for key, (string, om, pmt, items) in zip(keys, doms, strict=True):
            assert dict(zip(zip(string, om, pmt, strict=True), items, strict=True)) == rebuilt[key]


def test_golden_g12_three_files_as_one_data_set(public_data: Path) -> None:
    paths = [file_of(public_data, name) for name in GOLDEN]
    with open_source(paths) as source:
        assert len(source) == 43
        events = source.events(0, 43)
        assert ak.count(events[BINS].item) == 13797 + 96804 + 4662
        keys = set(zip(*(events[part].to_list() for part in ("file_index", "Run", "Event", "SubEvent", "SubEventStream")), strict=True))
        assert len(keys) == 43
        np.testing.assert_array_equal(np.bincount(events.file_index.to_numpy()), [9, 32, 2])
        for start, stop in ((0, 10), (8, 42), (41, 43)):
            part = source.events(start, stop)
            assert part[BINS].item.to_list() == events[BINS].item[start:stop].to_list()
            assert part.MCCascade.energy.to_list() == events.MCCascade.energy[start:stop].to_list()


def test_golden_g12_as_a_mapping(public_data: Path, name: str) -> None:
    with WeightFile(file_of(public_data, name)) as file:
        assert "LabelsDeepLearning" in file
        energy = file["LabelsDeepLearning"]["PrimaryEnergy"]
        assert energy.dtype == np.float64
        assert energy.sum() == pytest.approx(GOLDEN[name][3], abs=1e-6)
        assert len(file) == 24


def test_inspect_prints_every_table_of_a_real_file(public_data: Path) -> None:
    found = describe(file_of(public_data, "NuGen_NuTau_low_energy"))
    kinds = [part.kind for part in found.parts]
    assert (len(kinds), kinds.count("table, lists by photomultiplier")) == (24, 7)
    assert "LabelsMCCascade.cascade_energy" in {column.name for column in found.columns}
