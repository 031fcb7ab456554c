"""JSON columns: the release's own file, several files as one, and every way in which they can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from readers import SourceError, open_source

TWO_THIRDS = [0.1, 2 / 3, 1e-300, 123456789.123456789]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.public_data
def test_the_102_events_of_the_release(public_data: Path) -> None:
    """Phys. Rev. D 104 (2021) 022002: 102 events, 60 of them above 60 TeV, of which 41 cascades, 17 tracks, 2 double cascades."""
    path = public_data / "hese" / "HESE_data.json"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    with open_source(path) as source:
        assert len(source) == 102
        assert {name: (column.dtype, column.unit) for name, column in source.columns.items()} == {
            "recoDepositedEnergy": ("float64", "GeV"),
            "recoMorphology": ("int64", ""),
            "recoZenith": ("float64", "rad"),
            "recoLength": ("float64", "m"),
        }
        events = source.events(0, 102)
        high = events[events.recoDepositedEnergy >= 6e4]
        assert np.bincount(high.recoMorphology).tolist() == [41, 17, 2]
        assert np.array_equal(np.isfinite(events.recoLength), events.recoMorphology == 2)


def test_numbers_are_exact(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps({"x": TWO_THIRDS}))
    with open_source(path) as source:
        assert source.events(0, 4).x.to_list() == TWO_THIRDS


def test_null_and_nan_are_nan_and_whole_numbers_stay_integers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"recoLength": [NaN, null, 12], "recoMorphology": [0, 1, 2], "big": [9007199254740993, 0, -1]}')
    with open_source(path) as source:
        events = source.events(0, 3)
        assert np.isnan(events.recoLength).to_list() == [True, True, False]
        assert str(events.recoMorphology.type) == "3 * int64"
        assert events.big.to_list() == [9007199254740993, 0, -1]  # not representable as float64


def test_three_files_are_one_source(tmp_path: Path) -> None:
    parts = {
        "HESE_mc_observable.json": {"recoDepositedEnergy": [1e5, 2e5], "recoMorphology": [0, 1]},
        "HESE_mc_flux.json": {"pionFlux": [1e-18, 2e-18]},
        "HESE_mc_truth.json": {"primaryType": [12, -14], "season": "all"},
    }
    paths = [write(tmp_path / name, json.dumps(content)) for name, content in parts.items()]
    with open_source(paths) as source:
        assert set(source.columns) == {"recoDepositedEnergy", "recoMorphology", "pionFlux", "primaryType"}
        assert source.attributes == {"season": "all"}
        assert source.columns["pionFlux"].unit == "GeV^-1 cm^-2 s^-1 sr^-1"
        assert source.events(1, 2).to_list() == [{"recoDepositedEnergy": 2e5, "recoMorphology": 1, "pionFlux": 2e-18, "primaryType": -14}]


def test_a_column_in_two_files_is_refused(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.json", '{"recoZenith": [1.0]}') for name in "ab"]
    with pytest.raises(SourceError, match=r"column 'recoZenith' is in two files: .*a\.json and .*b\.json; files are merged by column"):
        open_source(paths)


def test_files_of_unequal_length_are_refused(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.json", '{"x": [1.0]}'), write(tmp_path / "b.json", '{"y": [1.0, 2.0]}')]
    with pytest.raises(SourceError, match=r"a\.json \+ .*b\.json: columns of unequal length \(x: 1, y: 2\); all lists of a data set"):
        open_source(paths)


def test_no_entries_are_a_valid_file(tmp_path: Path) -> None:
    with open_source(write(tmp_path / "a.json", '{"x": [], "y": [ ]}')) as source:
        assert len(source) == 0
        assert source.events(0, 0).x.to_list() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"x": [1, 2, 3], "y": [1]}', r"columns of unequal length \(x: 3, y: 1\); all lists of a data set describe the same events"),
        ("{}", "holds no list of numbers; a HESE file is an object of equally long lists"),
        ('{"livetime": 5}', "holds no list of numbers"),
        ('{"x": [[1, 2], [3, 4]]}', r"'x' is a list of lists; .* format toy_json"),
        ('{"x": [1, "2"]}', "'x', entry 1: '\"2\"' is not a number"),
    ],
)
def test_wrong_content_is_refused_at_opening(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", text)
    with pytest.raises(SourceError, match=message):
        open_source(path, "hese_json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"x": [1.5, 2.5.1, 3]}', r"column 'x', entry 1: not a number \(near"),
        ('{"x": [1, 2, 99999999999999999999]}', "column 'x', entry 2: 99999999999999999999 does not fit into 64 bits; write it as a float"),
    ],
)
def test_wrong_numbers_are_refused_when_touched(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", text)
    with open_source(path) as source, pytest.raises(SourceError, match=message):
        np.asarray(source.events(0, 3).x)


def test_a_file_that_changes_under_the_reader_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps({"x": list(range(1000))}))
    with open_source(path) as source:
        path.write_text(json.dumps({"x": list(range(10))}))
        with pytest.raises(SourceError, match=r"column 'x'.*(not a number|the file changed after it was opened; open it again)"):
            np.asarray(source.events(0, 1000).x)


def test_a_tree_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no tree 'events'; leave tree out"):
        open_source(write(tmp_path / "a.json", '{"x": [1]}'), tree="events")
