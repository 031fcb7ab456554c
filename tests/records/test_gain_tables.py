"""The tables of a photomultiplier hold what its result holds, in all three forms."""

from __future__ import annotations

import csv
from pathlib import Path

import pmt_case as case
import pytest

from configs.pmt_gain import Fits
from fits.pmt_gain import fit_tube
from fits.pmt_points import tubes
from records.gain import GainResult
from records.gain_tables import save_gain_tables
from records.tables import load_table, table_paths


@pytest.fixture(scope="module")
def result() -> GainResult:
    found: GainResult = fit_tube(tubes(*case.run(n=200))["PMT_1"], Fits(), 1)["PMT_1"]
    return found


def test_three_forms_of_the_same_numbers(tmp_path: Path, result: GainResult) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "PMT_9.csv").write_text("of another run")
    (tmp_path / "tables" / "notes.txt").write_text("of the user")
    paths = save_gain_tables(tmp_path, {"PMT_1": result, "PMT_1.other": 3})
    assert sorted(path.name for path in paths) == sorted(f"{name}{end}" for name in ("PMT_1", "nominal_hv") for end in (".csv", ".parquet", ".tex"))
    assert not (tmp_path / "tables" / "PMT_9.csv").exists()
    assert (tmp_path / "tables" / "notes.txt").exists()
    assert table_paths(tmp_path) == []  # no table of a data set: the fit stage does not depend on what it writes
    table = load_table(tmp_path / "tables" / "PMT_1.parquet")
    rows = list(csv.DictReader((tmp_path / "tables" / "PMT_1.csv").read_text().splitlines()))
    assert table["hv_v"].tolist() == [point.hv_v for point in result.points] == [float(row["hv_v"]) for row in rows]
    for row, point, gain in zip(rows, result.points, table["gain"], strict=True):
        assert point.charge is not None
        assert float(row["mean_charge_error_pc"]) == point.charge.mean_error_pc  # sem and spread, both
        assert float(row["spread_pc"]) == point.charge.spread_pc
        assert float(row["gain"]) == gain == point.gains["joint_photostatistics"].gain
        assert row["pedestal_kind"] == "off"
    assert (tmp_path / "tables" / "PMT_1.tex").read_text().count(r"\\") == 1 + len(result.points)


def test_nominal_voltages(tmp_path: Path, result: GainResult) -> None:
    save_gain_tables(tmp_path, {"PMT_1": result})
    (first, *_) = csv.DictReader((tmp_path / "tables" / "nominal_hv.csv").read_text().splitlines())
    assert float(first["hv_v"]) == result.curve.nominal[0].hv_v
    assert float(first["scale_error_v"]) == result.curve.nominal[0].scale_error_v
