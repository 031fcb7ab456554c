"""The submission to HEPData: in the form of its schemas 1.1.1, with the numbers of the results."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from dark_matter_campaign import result, shared

from records.dark_matter import CombinationResult
from records.hepdata import write_hepdata

NUMBER_OR_TEXT = (int, float, str)


@pytest.fixture(scope="module")
def found() -> CombinationResult:
    return result(shared(blind=False, statistics={"discovery_sigma": [3, 5]}))


def written(folder: Path, results: dict[str, CombinationResult]) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Documents of submission.yaml and tables by file."""
    paths = write_hepdata(folder, results)
    submission = list(yaml.safe_load_all((folder / "submission.yaml").read_text()))
    return submission, {path.name: yaml.safe_load(path.read_text()) for path in paths if path.name != "submission.yaml"}


def check_table(table: dict[str, Any]) -> None:
    """What the schema of a data table demands: keys, types, equal lengths."""
    assert set(table) == {"independent_variables", "dependent_variables"}
    lengths = set()
    for variable in (*table["independent_variables"], *table["dependent_variables"]):
        assert set(variable) <= {"header", "qualifiers", "values"}
        assert set(variable["header"]) == {"name", "units"}
        assert all(set(one) == {"name", "value"} and isinstance(one["value"], NUMBER_OR_TEXT) for one in variable.get("qualifiers", []))
        lengths.add(len(variable["values"]))
        for entry in variable["values"]:
            assert set(entry) <= {"value", "errors"}
            assert isinstance(entry["value"], NUMBER_OR_TEXT)
            assert all(set(error) == {"asymerror", "label"} and set(error["asymerror"]) == {"minus", "plus"} for error in entry.get("errors", []))
    assert len(lengths) == 1


def test_form_and_numbers(tmp_path: Path, found: CombinationResult) -> None:
    """Rows rise in mass; value and errors give the ends of the bands back."""
    submission, tables = written(tmp_path, {"main.Nu_50": found, "main.Nu_30": replace(found, mass_gev=30.0), "energy.Nu_50": found})
    comment, *described = submission
    assert set(comment) == {"comment"}
    assert [one["data_file"] for one in described] == list(tables) == ["main_Nu.yaml", "energy_Nu.yaml"]
    for one in described:
        assert set(one) == {"name", "description", "keywords", "data_file"}
        assert all(keyword["name"] in ("observables", "reactions", "phrases", "cmenergies") for keyword in one["keywords"])
    for table in tables.values():
        check_table(table)
    main = tables["main_Nu.yaml"]
    assert [entry["value"] for entry in main["independent_variables"][0]["values"]] == [30.0, 50.0]
    expected, observed, *_ = main["dependent_variables"]
    (entry, _), band = expected["values"], found.limit.band
    assert entry["value"] == band["0"]
    for error, (low, high) in zip(entry["errors"], (("-1", "1"), ("-2", "2")), strict=True):
        assert entry["value"] + error["asymerror"]["minus"] == pytest.approx(band[low], rel=1e-12)
        assert entry["value"] + error["asymerror"]["plus"] == pytest.approx(band[high], rel=1e-12)
    assert observed["header"]["name"].endswith("observed upper limit")
    assert observed["values"][0]["value"] == found.limit.up
    assert {"name": "Confidence level", "value": 0.9} in observed["qualifiers"]


def test_blind_results_have_no_observed_column(tmp_path: Path, found: CombinationResult) -> None:
    submission, tables = written(tmp_path, {"main.Nu_50": replace(found, blind=True, observation=None)})
    names = [one["header"]["name"] for one in tables["main_Nu.yaml"]["dependent_variables"]]
    assert not [name for name in names if "observed" in name]
    assert "No data were looked at" in submission[1]["description"]


def test_lifetimes_have_lower_limits_and_open_ends_are_absent(tmp_path: Path, found: CombinationResult) -> None:
    band = {key: 1e20 / n for key, n in found.limit.band_n.items()}
    decay = replace(found, mode="decay", unit="s", limit=replace(found.limit, band={**band, "-2": math.inf}, up=math.inf))
    _, tables = written(tmp_path, {"main.Nu_50": decay})
    check_table(tables["main_Nu.yaml"])
    expected, observed, *_ = tables["main_Nu.yaml"]["dependent_variables"]
    assert expected["header"] == {"name": "$\\tau$, median expected lower limit", "units": "s"}
    (error,) = expected["values"][0]["errors"]  # one sigma; of two sigma an end is missing
    assert error["asymerror"]["minus"] < 0.0 < error["asymerror"]["plus"]
    assert observed["values"][0]["value"] == "-"


def test_nothing_is_written_without_results(tmp_path: Path) -> None:
    assert write_hepdata(tmp_path / "hepdata", {}) == []
    assert not (tmp_path / "hepdata").exists()
