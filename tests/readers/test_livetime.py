"""Livetimes out of files and good-run lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hdfwriter_case import N, write_case

from readers import SourceError
from readers.livetime import file_livetime_s, good_runs_livetime_s
from simulation.hdfwriter_writer import EventKeys, TableContent, write_hdfwriter

LIST = """RunNum Good_i3 Good_it LiveTime ActiveStrings
       (1=good 0=bad)
118209 1 1 26798.19 86
118210 1 0 1000.00 86
118211 0 1 2000.00 86
118212 1 1 28800.43 86
"""


def livetime_file(path: Path, values: list[float]) -> str:
    header = {"I3EventHeader": TableContent({"time": np.zeros(3)})}
    return str(write_hdfwriter(path, EventKeys.counted(3), header, {"ExpLivetime_livetime": TableContent({"value": np.array(values)})}))


def test_the_sum_over_files(tmp_path: Path) -> None:
    paths = [str(write_case(tmp_path / f"{name}.hdf5", livetime_s=seconds)) for name, seconds in (("a", 10.0), ("b", 2.5))]
    assert N > 1
    assert file_livetime_s(paths) == 12.5
    assert file_livetime_s([livetime_file(tmp_path / "c.hdf5", [1.0, 2.0])]) == 3.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([7.0, 7.0, 7.0], "has the value 7 s in each of 3 rows, one for each event; give livetime_s"),
        ([0.0], r"ExpLivetime_livetime.value adds up to 0 s; give livetime_s"),
        ([-1.0, 5.0], r"adds up to 4 s"),
        ([float("nan")], r"adds up to 0 s"),
    ],
)
def test_what_is_no_livetime(tmp_path: Path, values: list[float], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        file_livetime_s([livetime_file(tmp_path / "a.hdf5", values)])


def test_a_file_without_the_table(tmp_path: Path) -> None:
    path = write_hdfwriter(tmp_path / "a.hdf5", EventKeys.counted(3), {"I3EventHeader": TableContent({"time": np.zeros(3)})})
    with pytest.raises(SourceError, match=r"a.hdf5: no table ExpLivetime_livetime; give livetime_s: SECONDS or good_runs: FILE"):
        file_livetime_s([str(path)])


@pytest.mark.parametrize("text", [LIST, LIST.replace("Good_it", "Good_i"), LIST.replace(" ", ",")])
def test_good_runs_have_both_flags(tmp_path: Path, text: str) -> None:
    path = tmp_path / "runs.txt"
    path.write_text(text, encoding="utf-8")
    assert good_runs_livetime_s(path) == pytest.approx(26798.19 + 28800.43)
    assert good_runs_livetime_s(path, {118209, 118210}) == pytest.approx(26798.19)
    with pytest.raises(SourceError, match="the list has no run 118300"):
        good_runs_livetime_s(path, {118209, 118300})
    with pytest.raises(SourceError, match="no run of the list has both flags 1 and a livetime"):
        good_runs_livetime_s(path, {118210})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("118209 1 1 26798.19", "needs a row of names with RunNum, Good_i3, Good_it or Good_i, LiveTime in it; found: none"),
        (LIST.replace("LiveTime", "Seconds"), "needs a row of names with LiveTime in it"),
        (LIST.replace("26798.19", "long"), "run 118209: '118209 1 1 long 86' holds no flags and livetime"),
    ],
)
def test_lists_that_are_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "runs.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        good_runs_livetime_s(path)
