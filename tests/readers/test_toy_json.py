"""Event rows with a mapping: the form of the exercise files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readers import SourceError, open_source

# First row of the exercise's simulation, as the specification quotes it (chapter 2.1).
MAPPING = {"astroWeight": 0, "atmoWeight": 1, "energy": 2, "primaryEnergy": 3, "primaryZenith": 4, "topology": 5, "zenith": 6}
FIRST_ROW = [1.455e-05, 9.797e-06, 1.007e05, 1.391e05, 1.581, 0, 1.500]


def write(path: Path, mapping: Any, events: Any, **more: Any) -> Path:
    path.write_text(json.dumps({"mapping": mapping, "events": events, **more}))
    return path


def test_the_simulation_of_the_exercise(tmp_path: Path) -> None:
    path = write(tmp_path / "hese_toy_simulation.json", MAPPING, [FIRST_ROW, FIRST_ROW[::-1]])
    path.write_text(path.read_text().replace("1.5, 0, 1.581", "1.5, 1, 1.581"))
    with open_source(path) as source:
        assert source.columns["energy"].unit == "GeV"
        assert source.columns["topology"].dtype == "int64"
        assert source.events(0, 1).to_list() == [dict(zip(MAPPING, FIRST_ROW, strict=True))]


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(list(range(7))))
def test_columns_are_found_by_the_mapping_not_by_position(order: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    mapping = {name: order[position] for name, position in MAPPING.items()}
    row = [FIRST_ROW[order.index(position)] for position in range(7)]
    path = write(tmp_path_factory.mktemp("toy") / "a.json", mapping, [row])
    with open_source(path) as source:
        assert source.events(0, 1).to_list() == [dict(zip(MAPPING, FIRST_ROW, strict=True))]


def test_unmapped_numbers_are_ignored_and_events_may_come_first(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"events": [[62222.55968669473, 0, 0.5310690569408663], [7e4, 1, NaN]], "mapping": {"zenith": 2, "energy": 0}, "note": "data"}')
    with open_source(path) as source:
        assert source.attributes == {"note": "data"}
        events = source.events(0, 2)
        assert events.energy.to_list() == [62222.55968669473, 7e4]
        assert np.isnan(events.zenith).to_list() == [False, True]


def test_no_events_are_a_valid_file(tmp_path: Path) -> None:
    with open_source(write(tmp_path / "a.json", MAPPING, [])) as source:
        assert len(source) == 0
        assert source.events(0, 0).energy.to_list() == []


@pytest.mark.parametrize(
    ("mapping", "events", "message"),
    [
        ({"energy": 0, "zenith": 2}, [[1.0, 2.0]], r"mapping: index out of range \(zenith: 2\), rows hold 2 numbers \(index 0 to 1\)"),
        ({"energy": 0, "zenith": 0}, [[1.0]], "mapping: columns energy, zenith share the index 0; each needs its own"),
        ({"energy": -1}, [[1.0]], "mapping: indices must be whole numbers from 0 on, not {'energy': -1}"),
        ({"energy": "0"}, [[1.0]], "mapping: indices must be whole numbers from 0 on, not {'energy': '0'}"),
        ({"energy": True}, [[1.0]], "mapping: indices must be whole numbers from 0 on"),
        ({}, [[1.0]], "'mapping' must be a filled object of column name -> column index"),
        ({"energy": 0}, {"a": 1}, "'events' must be a list of rows, one list of numbers per event"),
        ({"energy": 0}, [1.0, 2.0], "'events' must be a list of rows"),
    ],
)
def test_wrong_mappings_are_refused_at_opening(mapping: Any, events: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(write(tmp_path / "a.json", mapping, events), "toy_json")


@pytest.mark.parametrize("missing", ["mapping", "events"])
def test_a_missing_part_is_named_with_the_nearest_key(missing: str, tmp_path: Path) -> None:
    content = {"mapping": {"energy": 0}, "events": [[1.0]]}
    content[f"{missing}_"] = content.pop(missing)  # type: ignore[assignment]
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(SourceError, match=rf"no key '{missing}'; did you mean '{missing}_'\?"):
        open_source(tmp_path / "a.json", "toy_json")


@pytest.mark.parametrize(
    ("events", "column", "message"),
    [
        ([[1.0, 0], [2.0]], "energy", "'events', row 1 holds 1 numbers, row 0 holds 2; write the file again"),
        ([[1.0, 0], [2.0, 1, 5]], "energy", "'events', row 1 holds 3 numbers, row 0 holds 2"),
        ([[1.0, 0], [2.0, 0.5]], "topology", "column 'topology', row 1: 0.5 is not a whole number .*0 cascade, 1 track"),
        ([[1.0, 0], [2.0, None]], "topology", "column 'topology', row 1: nan is not a whole number"),
    ],
)
def test_wrong_rows_are_refused_when_touched(events: Any, column: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", {"energy": 0, "topology": 1}, events)
    with open_source(path) as source, pytest.raises(SourceError, match=message):
        np.asarray(source.events(0, 2)[column])


def test_rows_are_parsed_once_for_all_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from readers import toy_json

    parsed = []
    original = toy_json.parse
    monkeypatch.setattr(toy_json, "parse", lambda *arguments, **options: parsed.append(1) or original(*arguments, **options))
    with open_source(write(tmp_path / "a.json", MAPPING, [FIRST_ROW] * 3)) as source:
        parsed.clear()
        events = source.events(0, 3)
        assert [events[name].to_list() for name in MAPPING] == [[value] * 3 for value in FIRST_ROW]
    assert len(parsed) == 1
