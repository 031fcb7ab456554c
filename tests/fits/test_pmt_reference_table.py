"""The table of differences from columns with known effects."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from fits.pmt_reference import difference_table
from records.reference_difference import ReferenceDifference
from records.results import load_results, save_results
from records.tables import Table


def table(n: int = 100, *, accepted: int = 81, gate: bool = True) -> Table:
    """Accepted pulses of -2 pC on +0.1 pC of baseline; ours 2 pC, of the rejected 1 pC; the last trigger is not used."""
    chosen = np.arange(n) < accepted
    charge = np.where(chosen, -1.9, np.nan)
    level = np.where(chosen, 0.1, np.nan)
    columns = {
        "reference_accepted": chosen,
        "reference_charge_pc": charge,
        "reference_baseline_charge_pc": level,
        "reference_equal_times": chosen & (np.arange(n) < 3),
        "quadrature_charge_pc": charge + np.where(np.arange(n) % 2, 0.02, -0.02),
        "one_minimum_excess": np.where(np.arange(n) < 9, 1e-3, 1e-6),
        "lowered_accepted": chosen & (np.arange(n) != 0),
        "lowered_charge_pc": np.where(np.arange(n) == 1, -2.5, charge),
        "lowered_baseline_charge_pc": level,
        "axis_stretch": np.full(n, 1 / 501),
    }
    if gate:
        columns["charge_pc"] = np.append(np.where(chosen, 2.0, 1.0)[:-1], 1e6)
        columns["used"] = np.arange(n) < n - 1
    return Table(columns)


def effects(found: ReferenceDifference) -> dict[str, float]:
    return {row.behaviour: row.effect for row in found.rows}


def test_effects_of_known_columns() -> None:
    found = difference_table(table())
    assert (found.n, found.n_accepted) == (100, 81)
    by_name = effects(found)
    expected = {
        "time axis one step too long": 100 / 501,
        "quadrature with an absolute tolerance above the integral": 1.0,
        "baseline integrated into the charge": -5.0,
        "spread quoted as error of the mean": 9.0,
        "cuts without efficiency": 19.0,
        "only survivors averaged": 100 * (1.9 / (180 / 99) - 1),
        "baseline taken to be 0": 100 * 2 / 81,
        "equal times treated apart, with wrong sign and unit": 100 * 3 / 81,
        "one start of the onset": 100 * 9 / 81,
    }
    for name, value in expected.items():
        assert by_name[name] == pytest.approx(value, rel=1e-9), name
    assert {name for name, value in by_name.items() if math.isnan(value)} == {"unweighted fit stops before its minimum"}


def test_what_is_not_measured_says_why() -> None:
    rows = {row.behaviour: row for row in difference_table(table(gate=False)).rows}
    assert math.isnan(rows["only survivors averaged"].effect)
    assert rows["only survivors averaged"].meaning == "not measured: the table lacks charge_pc and used"


def test_without_accepted_triggers_effects_are_unknown() -> None:
    by_name = effects(difference_table(table(accepted=0)))
    assert by_name["cuts without efficiency"] == 100
    assert math.isnan(by_name["baseline integrated into the charge"])
    assert math.isnan(by_name["spread quoted as error of the mean"])
    assert math.isnan(by_name["baseline taken to be 0"])


def test_difference_is_a_result_that_can_be_saved(tmp_path: Path) -> None:
    found = difference_table(table())
    save_results(tmp_path / "results.json", "pmt_gain", "gin", {"difference": found})
    loaded = load_results(tmp_path / "results.json")["difference"]
    assert loaded.n_accepted == found.n_accepted
    assert [row.behaviour for row in loaded.rows] == [row.behaviour for row in found.rows]
    np.testing.assert_array_equal([row.effect for row in loaded.rows], [row.effect for row in found.rows])
