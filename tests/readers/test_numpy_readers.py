"""NumPy arrays: structured, plain, archives; nothing is ever unpickled."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

from readers import SourceError, open_source
from readers.npy import read_header

ROWS = np.zeros(6, dtype=[("energy", ">f8"), ("label", "i2"), ("pos", "f4", (3,)), ("name", "U4")])
ROWS["energy"], ROWS["name"] = np.arange(6), [f"é{i}" for i in range(6)]


def saved(path: Path, array: np.ndarray, **options: bool) -> Path:
    np.save(path, array, **options)
    return path


def test_fields_of_a_structured_array(tmp_path: Path) -> None:
    with open_source(saved(tmp_path / "a.npy", ROWS)) as source:
        assert {name: column.dtype for name, column in source.columns.items()} == {
            "energy": "float64",
            "label": "int16",
            "pos": "3 * float32",
            "name": "string",
        }
        events = source.events(2, 5)
        assert events.energy.to_list() == [2.0, 3.0, 4.0]
        assert events.name.to_list() == ["é2", "é3", "é4"]
        assert events.pos.to_list() == [[0.0] * 3] * 3


@settings(max_examples=60, deadline=None)
@given(
    array=hypothesis_numpy.arrays(
        st.one_of(hypothesis_numpy.integer_dtypes(), hypothesis_numpy.floating_dtypes(sizes=(16, 32, 64)), hypothesis_numpy.boolean_dtypes()),
        hypothesis_numpy.array_shapes(max_dims=3, min_side=0),
    ),
    fortran=st.booleans(),
)
def test_any_plain_array_is_a_column(array: np.ndarray, fortran: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = saved(tmp_path_factory.mktemp("npy") / "a.npy", np.asfortranarray(array) if fortran else array)
    with open_source(path) as source:
        assert len(source) == len(array)
        half = len(array) // 2
        assert repr(source.events(half, len(array))["values"].to_list()) == repr(array[half:].tolist())


@settings(max_examples=50, deadline=None)
@given(
    write=st.sampled_from([np.lib.format.write_array_header_1_0, np.lib.format.write_array_header_2_0]),
    shape=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    fortran=st.booleans(),
    dtype=st.sampled_from(["<f8", ">i2", "?", "U3", [("a", "<f4"), ("b", [("c", ">u2", (2, 3))])]]).map(np.dtype),
)
def test_headers_as_numpy_writes_them(write, shape: tuple[int, ...], fortran: bool, dtype: np.dtype) -> None:
    stream = io.BytesIO()
    write(stream, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": fortran, "shape": shape})
    stream.seek(0)
    header = read_header(stream, "here")
    assert (header.dtype, header.shape, header.fortran, header.offset) == (dtype, shape, fortran, len(stream.getvalue()))


def test_field_names_outside_latin_1(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Stored array in format 3.0"):
        np.save(tmp_path / "a.npy", np.zeros(2, dtype=[("θ→", "f8")]))
    with open_source(tmp_path / "a.npy") as source:
        assert list(source.columns) == ["θ→"]


class Bomb:
    """Unpickling this would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_objects_are_named_and_never_unpickled(tmp_path: Path) -> None:
    fuse = tmp_path / "exploded"
    bombs = np.array([Bomb(fuse), Bomb(fuse)], dtype=object)
    np.savez(tmp_path / "a.npz", energy=[1.0, 2.0], bombs=bombs)
    with open_source(tmp_path / "a.npz") as source:
        assert source.events(0, 2).to_list() == [{"energy": 1.0}, {"energy": 2.0}]
        assert "Python objects, which only unpickling could read" in source.unreadable["bombs"]
    with pytest.raises(SourceError, match=r"'bombs' \(holds Python objects, which only unpickling could read"):
        open_source(tmp_path / "a.npz", columns={"b": "bombs"})
    with pytest.raises(SourceError, match="array 'bombs': holds Python objects"):
        open_source(tmp_path / "a.npz", tree="bombs")
    np.savez(tmp_path / "only.npz", bombs=bombs)
    with pytest.raises(SourceError, match=r"no array can be read as a column .*'bombs': holds Python objects"):
        open_source(tmp_path / "only.npz")
    np.save(tmp_path / "a.npy", bombs, allow_pickle=True)
    with pytest.raises(SourceError, match=r"a\.npy: holds Python objects, which only unpickling could read, and that may run code: refused"):
        open_source(tmp_path / "a.npy")
    mixed = np.array([(1.0, Bomb(fuse))], dtype=[("x", "f8"), ("bomb", object)])
    np.save(tmp_path / "b.npy", mixed, allow_pickle=True)
    with pytest.raises(SourceError, match=r"b\.npy: fields 'bomb' hold Python objects"):
        open_source(tmp_path / "b.npy")
    assert not fuse.exists()
    pickle.loads(pickle.dumps(Bomb(fuse)))  # the bomb is real
    assert fuse.exists()


def test_an_archive_of_columns(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(4), pos=np.ones((4, 3), ">f4"), hits=np.arange(5.0), hits_offsets=[0, 2, 2, 5, 5])
    with open_source(tmp_path / "a.npz") as source:
        assert source.events(1, 4).hits.to_list() == [[], [2.0, 3.0, 4.0], []]
        assert source.events(1, 4).x.to_list() == [1, 2, 3]
        assert list(source.columns) == ["x", "pos", "hits"]


def test_one_array_of_an_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", train=np.arange(4), test=np.arange(6), rows=ROWS)
    with pytest.raises(
        SourceError, match=r"columns of unequal length \(train: 4, test: 6\); columns share one length: open one array with tree: NAME"
    ):
        open_source(tmp_path / "a.npz")
    with open_source(tmp_path / "a.npz", tree="test") as source:
        assert source.events(4, 6).test.to_list() == [4, 5]
    with open_source(tmp_path / "a.npz", tree="rows") as source:
        assert source.events(4, 6).energy.to_list() == [4.0, 5.0]
    np.savez(tmp_path / "b.npz", rows=ROWS)
    with open_source(tmp_path / "b.npz") as source:
        assert source.events(0, 1).label.to_list() == [0]


@pytest.mark.public_data
def test_a_public_archive(public_data: Path) -> None:
    path = public_data / "iwcd" / "val_positions.npz"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    with open_source(path) as source, np.load(path, allow_pickle=False) as arrays:
        assert np.array_equal(np.asarray(source.events(0, 600).position), arrays["position"])


@pytest.mark.parametrize(
    ("offsets", "message"),
    [([0, 2, 4], "offsets run from 0 to 4, but there are 5 values"), ([1, 5], "offsets run from 1 to 5, but there are 5 values")],
)
def test_wrong_offsets_are_refused(offsets: list[int], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", hits=np.arange(5.0), hits_offsets=offsets)
    with pytest.raises(SourceError, match=f"column 'hits': {message}; offsets begin with 0"):
        open_source(tmp_path / "a.npz")


def test_a_header_that_lies_about_the_length_is_refused(tmp_path: Path) -> None:
    content = saved(tmp_path / "a.npy", np.arange(100.0)).read_bytes()
    (tmp_path / "longer.npy").write_bytes(content.replace(b"(100,)", b"(101,)"))
    with pytest.raises(SourceError, match=r"longer\.npy: truncated: the header announces 808 bytes \(shape \(101,\)\), 800 are there; copy it again"):
        open_source(tmp_path / "longer.npy")
    (tmp_path / "shorter.npy").write_bytes(content.replace(b"(100,)", b"(99,) "))
    with pytest.raises(SourceError, match=r"shorter\.npy: 8 bytes behind the array of shape \(99,\): two arrays in one, or damaged"):
        open_source(tmp_path / "shorter.npy")
    (tmp_path / "broken.npy").write_bytes(content.replace(b"'descr'", b"'desrc'"))
    with pytest.raises(SourceError, match="the NumPy header cannot be understood"):
        open_source(tmp_path / "broken.npy")
    (tmp_path / "other.npy").write_bytes(b"energy,zenith\n1,2\n")
    with pytest.raises(SourceError, match=r"begins with b'energy,z', not with the signature of a NumPy array"):
        open_source(tmp_path / "other.npy")


def test_single_values_and_foreign_members_are_no_columns(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a single value, not an array of entries"):
        open_source(saved(tmp_path / "a.npy", np.array(5.0)))
    np.savez(tmp_path / "a.npz", x=np.arange(3), livetime=np.array(5.0))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("readme.txt", "hello")
    with open_source(tmp_path / "a.npz") as source:
        assert source.unreadable == {"livetime": "a single value", "readme.txt": "not a NumPy array"}


def test_a_member_given_twice_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("x.npy", archive.read("x.npy"))
    with pytest.raises(SourceError, match="array 'x' is in the file twice"):
        open_source(tmp_path / "a.npz")
