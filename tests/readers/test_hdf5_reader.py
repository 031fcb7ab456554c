"""HDF5: flat columns, jagged columns by offsets, tables, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from readers import SourceError, open_source

N = 8
LISTS = [[0.5 * k for k in range(i % 3)] for i in range(N)]
FLAT = np.array([value for values in LISTS for value in values])
OFFSETS = np.concatenate([[0], np.cumsum([len(values) for values in LISTS])])


def made(path: Path, fill: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "w") as file:
        fill(file)
    return path


def test_flat_columns_of_every_type(tmp_path: Path) -> None:
    columns = {
        "big": np.arange(N, dtype=">f4"),
        "count": np.arange(N, dtype=">i8"),
        "passed": np.arange(N) % 2 == 0,
        "position": np.arange(3.0 * N).reshape(N, 3),
        "matrix": np.arange(4 * N).reshape(N, 2, 2),
    }

    def fill(file: h5py.File) -> None:
        for name, values in columns.items():
            file[name] = values
        file["text"] = [f"é{i}" for i in range(N)]
        file["fixed"] = np.array([f"run {i}" for i in range(N)], dtype="S")
        vlen = file.create_dataset("vlen", (N,), h5py.vlen_dtype(np.float32))
        for i, values in enumerate(LISTS):
            vlen[i] = values

    with open_source(made(tmp_path / "a.h5", fill)) as source:
        assert {name: column.dtype for name, column in source.columns.items()} == {
            "big": "float32",
            "count": "int64",
            "passed": "bool",
            "position": "3 * float64",
            "matrix": "2 * 2 * int64",
            "text": "string",
            "fixed": "string",
            "vlen": "var * float32",
        }
        for start, stop in ((0, N), (2, 5), (4, 4)):
            events = source.events(start, stop)
            for name, values in columns.items():
                assert events[name].to_list() == values[start:stop].tolist()
            assert events.text.to_list() == [f"é{i}" for i in range(start, stop)]
            assert events.fixed.to_list() == [f"run {i}" for i in range(start, stop)]
            assert events.vlen.to_list() == LISTS[start:stop]


def test_jagged_columns_by_neighbour_and_by_attribute(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file["energy"] = np.arange(float(N))
        file["charge"] = FLAT
        file["charge_offsets"] = OFFSETS.astype(">u4")
        file["time"] = 10 * FLAT
        file["time"].attrs["offsets"] = "charge_offsets"
        file["index/ends"] = OFFSETS
        file["tube"] = np.stack([FLAT, FLAT], axis=1)
        file["tube"].attrs.update({"offsets": "/index/ends", "unit": "m"})

    with open_source(made(tmp_path / "a.h5", fill)) as source:
        assert list(source.columns) == ["charge", "energy", "time", "tube"]
        assert source.columns["tube"].dtype == "var * 2 * float64"
        assert source.columns["tube"].unit == "m"
        for start, stop in ((0, N), (2, 7), (3, 3)):
            events = source.events(start, stop)
            assert events.charge.to_list() == LISTS[start:stop]
            assert events.time.to_list() == [[10 * value for value in values] for values in LISTS[start:stop]]
            assert events.tube.to_list() == [[[value, value] for value in values] for values in LISTS[start:stop]]


def test_groups_and_attributes(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file["run/events/x"] = np.arange(3.0)
        file["run/events/x"].attrs.update({"units": "ns", "meaning": "time of the hit"})
        file["run/events/livetime_s"] = 12.5
        file["run/events"].attrs.update({"detector": "IceCube", "strings": np.array([1, 2])})

    path = made(tmp_path / "a.h5", fill)
    for tree in (None, "run/events", "/run/events"):
        with open_source(path, tree=tree) as source:
            assert source.attributes == {"detector": "IceCube", "strings": [1, 2], "livetime_s": 12.5}
            assert (source.columns["x"].unit, source.columns["x"].meaning) == ("ns", "time of the hit")
    with open_source(path, tree="run/events/x") as source:
        assert source.events(0, 3).x.to_list() == [0.0, 1.0, 2.0]


def test_several_groups_are_listed(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file["data/x"], file["mc/x"] = np.arange(3), np.arange(4)

    path = made(tmp_path / "a.h5", fill)
    with pytest.raises(SourceError, match="several groups or tables hold columns: /data, /mc; choose one with tree: NAME"):
        open_source(path)
    with pytest.raises(SourceError, match=r"no group or dataset 'mcc'; did you mean '/mc'\?"):
        open_source(path, tree="mcc")


def test_fields_of_a_table_with_their_units(tmp_path: Path) -> None:
    rows = np.zeros(5, dtype=[("Run", "u4"), ("energy", ">f8"), ("pos", "f4", (3,))])
    rows["energy"] = np.arange(5)

    def fill(file: h5py.File) -> None:
        file["MCPrimary"] = rows
        file["MCPrimary"].attrs.update({"FIELD_1_UNIT": b"GeV", "FIELD_1_DOC": b"energy of particle"})

    with open_source(made(tmp_path / "a.h5", fill)) as source:
        assert (source.columns["energy"].unit, source.columns["energy"].meaning) == ("GeV", "energy of particle")
        assert source.events(1, 3).energy.to_list() == [1.0, 2.0]
        assert source.events(1, 3).pos.to_list() == [[0.0] * 3] * 2


@pytest.mark.public_data
def test_a_table_of_icetray(public_data: Path) -> None:
    path = public_data / "hdfwriter" / "NuGen_NuE_low_energy.hdf5"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    with h5py.File(path) as file:
        energy = file["MCCascade"]["energy"]
    with open_source(path, "hdf5", tree="MCCascade") as source:
        assert source.columns["energy"].unit == "GeV"
        assert source.events(0, len(source)).energy.to_list() == energy.tolist()


def test_no_entries_are_a_valid_file(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        file["x"], file["hits"], file["hits_offsets"] = np.empty(0), np.empty(0), np.zeros(1, np.int64)
        file.create_dataset("text", (0,), h5py.string_dtype())

    with open_source(made(tmp_path / "a.h5", fill)) as source:
        assert len(source) == 0
        assert source.events(0, 0).to_list() == []
        assert source.events(0, 0).hits.to_list() == []


def lengths(file: h5py.File) -> None:
    file["x"], file["y"] = np.arange(3), np.arange(4)


def jagged(offsets: list) -> Callable[[h5py.File], None]:
    def fill(file: h5py.File) -> None:
        file["hits"], file["hits_offsets"] = np.arange(5.0), np.array(offsets)

    return fill


def named_offsets(file: h5py.File) -> None:
    file["hits"], file["hit_offset"] = np.arange(5.0), np.array([0, 5])
    file["hits"].attrs["offsets"] = "hit_offsets"


def float_offsets(file: h5py.File) -> None:
    file["hits"], file["ends"] = np.arange(5.0), np.array([0.0, 5.0])
    file["hits"].attrs["offsets"] = "ends"


def nothing(file: h5py.File) -> None:
    file.create_group("empty")


def references(file: h5py.File) -> None:
    file["x"] = np.arange(3)
    file["refs"] = np.array([file["x"].ref] * 3, dtype=h5py.ref_dtype)
    del file["x"]


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lengths, r"columns of unequal length \(x: 3, y: 4\); columns share one length: give the group with tree"),
        (jagged([0, 2, 4]), "column 'hits': offsets run from 0 to 4, but there are 5 values; offsets begin with 0, never fall"),
        (jagged([1, 2, 5]), "column 'hits': offsets run from 1 to 5, but there are 5 values"),
        (jagged([]), r"column 'hits': no offsets|columns of unequal length"),
        (named_offsets, r"/hits: its attribute 'offsets' names 'hit_offsets', which is no dataset; did you mean 'hit_offset'\?"),
        (float_offsets, r"/ends: offsets must be integers along one axis, not float64 of shape \(2,\)"),
        (nothing, "no dataset that could be a column; see its structure with --inspect"),
        (references, "holds no column .*'refs': values of type object"),
    ],
)
def test_wrong_files_are_refused_at_opening(fill: Callable[[h5py.File], None], message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(made(tmp_path / "a.h5", fill))


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([0, 3, 2, 5], "offsets fall from 3 to 2 at entry 1"),
        ([0, 3, 7, 5], "offsets fall from 7 to 5 at entry 2"),
        ([0, -1, 3, 5], "offsets fall from 0 to -1 at entry 0"),
    ],
)
def test_falling_offsets_are_refused_when_read(offsets: list[int], message: str, tmp_path: Path) -> None:
    with open_source(made(tmp_path / "a.h5", jagged(offsets))) as source, pytest.raises(SourceError, match=f"column 'hits': {message}"):
        source.events(0, 3).hits.to_list()


def test_offsets_beyond_the_values_are_refused_in_any_range(tmp_path: Path) -> None:
    with open_source(made(tmp_path / "a.h5", jagged([0, 3, 7, 5]))) as source, pytest.raises(SourceError, match="offsets 3 to 7 leave the 5 values"):
        source.events(1, 2).hits.to_list()


def test_entries_that_were_never_written_are_not_read_as_zeros(tmp_path: Path) -> None:
    def fill(file: h5py.File) -> None:
        chunked = file.create_dataset("chunked", (100,), chunks=(10,), dtype="f8")
        chunked[:60] = 1.0
        file.create_dataset("contiguous", (100,), dtype="f8")
        file["whole"] = np.ones(100)

    with open_source(made(tmp_path / "a.h5", fill)) as source:
        events = source.events(0, 100)
        assert np.all(events.whole == 1)
        for name in ("chunked", "contiguous"):
            with pytest.raises(SourceError, match=f"/{name}: not all of its 100 entries were ever written; the writing job stopped early"):
                np.asarray(events[name])


def test_links_out_of_the_file_are_not_followed(tmp_path: Path) -> None:
    other = made(tmp_path / "other.h5", lambda file: file.create_dataset("secret", data=np.arange(4)))

    def fill(file: h5py.File) -> None:
        file["x"] = np.arange(3)
        file["away"] = h5py.ExternalLink(str(other), "/secret")
        file["nowhere"] = h5py.SoftLink("/gone")

    with open_source(made(tmp_path / "a.h5", fill)) as source:
        assert list(source.columns) == ["x"]
