"""Tables that are written are read back as they were; their layout is that of the public files."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readers import open_source
from readers.hdfwriter_layout import INDEX, PREFIX, RAGGED
from simulation.hdfwriter_writer import EventKeys, TableContent, dom_table, write_hdfwriter

N = 5
HEADER = {"I3EventHeader": TableContent({"time_start_mjd": np.arange(N) + 56000.0}, units={"time_start_mjd": "days"})}


def write(path: Path, **tables: TableContent) -> Path:
    return write_hdfwriter(path, EventKeys.counted(N), {**HEADER, **tables})


def test_missing_rows_arrays_and_lists_come_back(tmp_path: Path) -> None:
    exists = np.array([1, 0, 1, 1, 0], bool)
    filters = np.arange(2 * N, dtype=np.uint8).reshape(N, 2)
    path = write(
        tmp_path / "a.hdf5",
        Reco=TableContent({"e": np.arange(N) + 0.5, "k": np.arange(N, dtype=np.int32)}, exists=exists),
        FilterMask=TableContent({"F": filters}),
        Tree=TableContent({"e": np.arange(6.0)}, counts=[2, 1, 0, 3, 0], exists=[1, 1, 1, 1, 0]),
    )
    with open_source(path) as source:
        events = source.events(0, N)
        assert events.Reco.e.to_list() == [0.5, None, 2.5, 3.5, None]
        assert events.Reco.k.to_list() == [0, None, 2, 3, None]
        assert events.FilterMask.F.to_list() == filters.tolist()
        assert events.Tree.e.to_list() == [[0.0, 1.0], [2.0], [], [3.0, 4.0, 5.0], None]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=3), max_size=3), min_size=1, max_size=6), st.randoms(use_true_random=False)
)
def test_any_pulses_come_back(tmp_path_factory: pytest.TempPathFactory, events: list[list[list[float]]], random) -> None:
    """Photomultipliers with 1 to 3 pulses; neighbours in an event differ, over the border of two events they may be the same."""
    doms = [[(random.randint(1, 2), place + 1, 0) for place in range(len(event))] for event in events]
    flat = [dom for event in doms for dom in event]
    content = dom_table(
        [len(event) for event in events],
        {name: np.array([dom[place] for dom in flat], dtype=int) for place, name in enumerate(("string", "om", "pmt"))},
        [len(pulses) for event in events for pulses in event],
        {"charge": np.array([value for event in events for pulses in event for value in pulses], dtype=float)},
    )
    keys = EventKeys.counted(len(events))
    path = write_hdfwriter(
        tmp_path_factory.mktemp("pulses") / "a.hdf5", keys, {"Header": TableContent({"t": np.arange(len(events))}), "Pulses": content}
    )
    with open_source(path) as source:
        found = source.events(0, len(events)).Pulses
        assert found.charge.to_list() == events
        assert found.om.to_list() == [[dom[1] for dom in event] for event in doms]
        assert found.vector_index.to_list() == [[list(range(len(pulses))) for pulses in event] for event in events]


def test_rows_and_index_look_like_those_of_the_public_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.hdf5", Tree=TableContent({"e": np.arange(3.0)}, counts=[2, 0, 1, 0, 0]), Value=TableContent({"value": np.zeros(N)}))
    with h5py.File(path) as file:
        assert file["Tree"].dtype.names == (*PREFIX, "e")
        assert file["Value"].dtype.itemsize == 32  # C alignment: 17 bytes of key, padded to 24
        assert file["Value"].dtype.fields["value"][1] == 24
        index = file[INDEX]["Tree"][...]
        assert index.dtype.itemsize == 48
        assert list(zip(index["start"], index["stop"], strict=True)) == [(0, 2), (2, 2), (2, 3), (3, 3), (3, 3)]
        assert set(index["SubEventStream"]) == {0}
        assert set(file["Tree"]["SubEventStream"]) == {3}
        assert [int(file[name].attrs[RAGGED][0]) for name in ("Tree", "Value", "I3EventHeader")] == [1, 0, 0]
        assert (file["I3EventHeader"].attrs["FIELD_5_NAME"], file["I3EventHeader"].attrs["FIELD_5_UNIT"]) == (b"time_start_mjd", b"days")


@pytest.mark.public_data
def test_layout_against_a_public_file(public_data: Path, tmp_path: Path) -> None:
    real = public_data / "hdfwriter" / "NuGen_NuTau_low_energy.hdf5"
    if not real.is_file():
        pytest.skip(f"{real} is not there")
    bins = dom_table([1, 0, 1, 0, 0], {"string": [1, 2], "om": [1, 2], "pmt": [0, 0]}, [1, 2], {"item": np.arange(3.0)})
    path = write(tmp_path / "a.hdf5", Bins=bins)
    with h5py.File(real) as theirs, h5py.File(path) as ours:
        assert ours["Bins"].dtype == theirs["dnn_data_inputs9_InIceDSTPulses_bin_values"].dtype
        assert ours[INDEX]["Bins"].dtype == theirs[INDEX]["I3EventHeader"].dtype


def test_wrong_lengths_are_refused_and_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="table Reco: column e has 4 rows, not 5"):
        write(tmp_path / "a.hdf5", Reco=TableContent({"e": np.arange(4.0)}))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="a photomultiplier without entries leaves no row; leave it out"):
        dom_table([1], {"string": [1], "om": [1], "pmt": [0]}, [0], {"item": []})


def test_no_events_and_tables_of_the_file(tmp_path: Path) -> None:
    content = TableContent({"time": np.zeros(0)})
    pulses = dom_table([], {"string": [], "om": [], "pmt": []}, [], {"item": np.zeros(0)})
    per_file = {"ExpLivetime_livetime": TableContent({"value": [12.5]})}
    path = write_hdfwriter(tmp_path / "a.hdf5", EventKeys.counted(0), {"I3EventHeader": content, "Pulses": pulses}, per_file, {"comment": "none"})
    with open_source(path) as source:
        assert len(source) == 0
        assert ak.count(source.events(0, 0).Pulses.item) == 0
        assert source.file_tables == ("ExpLivetime_livetime",)
        assert source.attributes == {"comment": "none"}
