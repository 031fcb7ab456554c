"""Fits of fiTQun from generated trees: no real file was available (names are those of public analysis code)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from readers import SourceError
from readers.fitqun import read_fitqun, simulated_name

RINGS = np.arange(21, dtype=np.float32).reshape(3, 7)  # of three subevents


def written(path: Path, rings: Any = None, **branches: Any) -> Path:
    """Three entries: one subevent, two, none."""
    columns = {
        "fq1rnll": ak.unflatten(RINGS, [1, 2, 0]) if rings is None else rings,
        "fqpi0nll": np.array([[5, -1], [6, -1], [7, -1]], np.float32),
        "fqpi0mass": np.array([[130, 0], [50, 0], [0, 0]], np.float32),
        **branches,
    }
    with uproot.recreate(path) as file:
        file["fiTQun"] = {name: values for name, values in columns.items() if values is not None}
    return path


def test_the_first_subevent_is_read(tmp_path: Path) -> None:
    fits = read_fitqun(written(tmp_path / "e-_0001_fiTQun.root"))
    assert fits.source.tolist() == ["e-_0001"] * 3
    assert fits.entry.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(fits.nll["e-"], [1, 8, np.nan])
    np.testing.assert_array_equal(fits.nll["mu-"], [2, 9, np.nan])
    np.testing.assert_array_equal(fits.nll["pi0"], [5, 6, 7])
    np.testing.assert_array_equal(fits.pi0_mass_mev, [130, 50, 0])


def test_arrays_of_fixed_length_are_read_too(tmp_path: Path) -> None:
    fits = read_fitqun(written(tmp_path / "a.root", np.arange(42, dtype=np.float32).reshape(3, 2, 7)))
    np.testing.assert_array_equal(fits.nll["mu-"], [2, 16, 30])


def test_a_directory_is_all_its_files(tmp_path: Path) -> None:
    for name in ("b_fiTQun.root", "fitqun_a.root"):
        written(tmp_path / name)
    fits = read_fitqun(tmp_path)
    assert [path.name for path in fits.paths] == ["b_fiTQun.root", "fitqun_a.root"]
    assert fits.source.tolist() == ["b"] * 3 + ["a"] * 3
    assert fits.entry.tolist() == [0, 1, 2, 0, 1, 2]
    assert len(fits) == 6


@pytest.mark.parametrize("name", ["e-_0001_fiTQun.root", "fiTQun_e-_0001.root", "e-_0001.fitqun.root", "/sim/e-_0001.root"])
def test_names_of_files(name: str) -> None:
    assert simulated_name(name) == "e-_0001"


def test_no_entries(tmp_path: Path) -> None:
    empty = np.empty((0, 2), np.float32)
    fits = read_fitqun(written(tmp_path / "a.root", ak.unflatten(RINGS[:0], np.empty(0, int)), fqpi0nll=empty, fqpi0mass=empty))
    assert len(fits) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fqpi0nll": None, "fqpi0mass": None}, "no branch fqpi0nll, fqpi0mass in fiTQun; expected are fq1rnll"),
        ({"rings": np.zeros((3, 1, 4), np.float32)}, r"fq1rnll has \(4,\) values for a subevent, not 7 hypotheses"),
        ({"fqpi0nll": np.zeros(3, np.float32)}, "fqpi0nll has one value an entry"),
    ],
)
def test_other_trees_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        read_fitqun(written(tmp_path / "a.root", **changes))


def test_directories_without_files_and_other_trees(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no .root file in this directory; give fiTQun's output"):
        read_fitqun(tmp_path)
    with uproot.recreate(tmp_path / "a.root") as file:
        file["other"] = {"x": np.arange(3)}
    with pytest.raises(SourceError, match="fiTQun"):
        read_fitqun(tmp_path / "a.root")
