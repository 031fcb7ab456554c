"""The tables at the end of a run show the numbers with their errors, and what is wrong."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from configs.command_line import show
from records import summary
from records.results import (
    FeldmanCousinsResult,
    FitResult,
    GoodnessOfFit,
    HypothesisTest,
    LimitResult,
    Parameter,
    ProfileResult,
    ScanResult,
    ToysResult,
)


def fit(valid: bool = True, reason: str = "", partial: bool = False) -> FitResult:
    parameters = {
        "astro_gamma": Parameter(2.874, 0.19, (-0.188, 0.201)),
        "astro_norm": Parameter(6.365, 1.31, None, "1e-18/GeV/cm^2/s/sr", at_bound=True),
        "beta": Parameter(0.1, 0.0, fixed=True),
    }
    return FitResult(
        valid, reason, parameters, [[1.0]], 61.25, 61.0, 0.2, 0.05, 60, 441, {}, "poisson", "native", "power_law", ("energy",), 1, 1e-9, 2.3e8,
        partial=partial, published={"astro_gamma": (2.87, 0.19, 0.20)},
    )  # fmt: skip


def text(table: Any) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_fit_rows_hold_values_intervals_and_the_published_answer() -> None:
    rows = {quantity: (value, published) for quantity, value, published in summary.rows(fit(partial=True))}
    assert rows["astro_gamma"] == ("2.87 -0.19 +0.20", "2.87 -0.19 +0.20")
    assert rows["astro_norm"] == ("6.4 -1.3 +1.3 1e-18/GeV/cm^2/s/sr (at its bound)", "")
    assert rows["beta"] == ("0.1 (fixed)", "")
    assert rows["observed"] == ("60 events in 441 bins (from an incomplete run)", "")


def test_invalid_fit_says_so_first() -> None:
    assert summary.rows(fit(valid=False, reason="edm above its goal"))[0] == ("INVALID", "edm above its goal", "")


OTHERS = [
    (ScanResult("g", "n", [2.0, 4.0], [0.0, 9.0], [[0.0]], {}, (2.87, 6.4), {}, {}), ("g, n", "minimum at 2.87, 6.4", "")),
    (ProfileResult("g", [], [], {}, (2.68, 3.08), (2.5, 3.3)), ("g", "68 %: [2.68, 3.08], 95 %: [2.5, 3.3]", "")),
    (GoodnessOfFit(1, 10, 0, {}, {"energy": 0.25}, {"energy": 0.03}, {}), ("p-value (energy)", "0.250 ± 0.030", "")),
    (FeldmanCousinsResult("g", 1, 10, [], [], {}, {}, {"0.9": (2.5, 3.25)}), ("g at 90.00%", "[2.5, 3.25]", "")),
    (LimitResult("n", 0.9, "profile", 3.25, {"0": 4.5}), ("n", "< 3.25  at 90% (expected 4.5)", "")),
    (HypothesisTest("a", "b", 2.7, 0.09, 0.01, 0.1, 1, 1, 9, 9, 0, [], fit()), ("b against a", "TS 2.70, p = 0.090 ± 0.010", "")),
]


@pytest.mark.parametrize(("result", "row"), OTHERS, ids=lambda value: type(value).__name__)
def test_other_results_take_one_row(result: Any, row: tuple[str, str, str]) -> None:
    assert summary.rows(result) == [row]


def test_a_best_fit_outside_the_scanned_grid_is_said() -> None:
    scan = ScanResult("g", "n", [2.0, 4.0], [0.0, 9.0], [[0.0]], {}, (2.87, 12.5), {})
    assert summary.rows(scan)[0][1] == "minimum at 2.87, 12.5 (OUTSIDE the grid: widen x_grid, y_grid)"


@pytest.mark.parametrize(
    ("parameter", "shown"),
    [
        (Parameter(4.853, 1.1, (-1.0, 1.2)), "4.9 -1.0 +1.2"),
        (Parameter(8.6e7, 1e7, (-6e7, 1.9e8)), "8.6e+07 -6e+07 +1.9e+08"),
        (Parameter(2.0, 0.0), "2 -0 +0"),
        (Parameter(2.0, 0.1, (-0.1, float("inf"))), "2 -0.1 +inf"),
    ],
)
def test_values_are_rounded_to_their_errors(parameter: Parameter, shown: str) -> None:
    (row, *_) = summary.rows(replace(fit(), parameters={"x": parameter}))
    assert row[1] == shown


@pytest.mark.parametrize(
    ("interval", "shown"),
    [
        ((-math.inf, 3.303), "< 3.303 (grid begins at 2.2)"),
        ((2.5, math.inf), "> 2.5 (grid ends at 3.6)"),
        ((-math.inf, math.inf), "open (grid from 2.2 to 3.6)"),
    ],
)
def test_an_interval_that_the_grid_cut_off_is_said_in_words(interval: tuple[float, float], shown: str) -> None:
    assert summary.rows(ProfileResult("g", [2.2, 2.9, 3.6], [], {}, (2.5, 3.0), interval))[0][1] == f"68 %: [2.5, 3], 95 %: {shown}"
    assert summary.rows(FeldmanCousinsResult("g", 1, 10, [2.2, 2.9, 3.6], [], {}, {}, {"0.9": interval}))[0][1] == shown


def test_data_without_simulation_are_said() -> None:
    skipped = replace(fit(), dropped_bins=["a", "b"], n_dropped=3.0)
    assert ("observed", "60 events in 441 bins, 3 in 2 bins without simulation left out", "") in summary.rows(skipped)
    assert ("observed", "60 events in 441 bins, 2 bins without simulation at the floor", "") in summary.rows(replace(skipped, n_dropped=0.0))


def test_a_comparison_with_a_published_scan_is_said_in_words() -> None:
    scan = ScanResult("g", "n", [2.0, 4.0], [0.0, 9.0], [[0.0]], {}, (2.87, 6.4), {}, {"iou_68": 0.824, "iou_95": 0.76, "rms_delta_nll": 0.31})
    words = "overlap of regions 68 % 0.82, 95 % 0.76 (intersection over union); rms difference of -ln L 0.31"
    assert summary.rows(scan)[1] == ("published scan", words, "")


def test_the_column_of_published_values_is_there_when_there_are_any() -> None:
    assert "published" in text(summary.results_table({"main": fit()}))
    assert "published" not in text(summary.results_table({"main": replace(fit(), published={})}))


def test_toys_count_the_failed() -> None:
    toys = ToysResult(1, {}, 100, 98, 2, {"x": 2}, "thrown", {}, {}, {"g": 0.02}, {"g": 1.01}, {})
    assert summary.rows(toys) == [("toys", "98 of 100 valid", ""), ("pull of g", "mean +0.020, width 1.010", "")]


def test_toys_say_where_a_bound_is_near() -> None:
    toys = ToysResult(1, {}, 100, 100, 0, {}, "thrown", {}, {}, {"g": 0.02, "n": 0.1}, {"g": 1.01, "n": 0.8}, {"g": 0.0, "n": 0.22})
    assert summary.rows(toys)[1:] == [
        ("pull of g", "mean +0.020, width 1.010", ""),
        ("pull of n", "mean +0.100, width 0.800, 22.0% at a bound", ""),
    ]


def test_table_names_each_result_once() -> None:
    shown = text(summary.results_table({"main": fit(), "main.profile": OTHERS[1][0]}))
    assert shown.count("main.profile") == 1
    assert shown.count("2.87 -0.19 +0.20") == 2  # ours and the published


def test_account_tells_what_is_missing() -> None:
    datasets = {
        "data": {"kind": "data", "files": 1, "expected": 102, "processed": 102, "fraction": 1.0},
        "mc": {"kind": "mc", "files": 12, "expected": 820_000, "processed": 410_000, "fraction": 0.5},
        "bad": {"kind": "mc", "files": 5, "unopened": 4, "expected": 10, "processed": 10, "fraction": 0.2},
    }
    lines = text(summary.account_table({"datasets": datasets})).splitlines()
    assert any(line.split() == ["data", "data", "1", "102", "all"] for line in lines)
    assert any(line.split() == ["bad", "mc", "5", "(4", "not", "opened)", "10", "10", "(20.0%)"] for line in lines)
    assert any(line.split() == ["mc", "mc", "12", "820,000", "410,000", "(50.0%)"] for line in lines)


def test_show_keeps_the_width_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show(summary.results_table({"a_rather_long_name_of_a_result": fit()}))
    assert "6.4 -1.3 +1.3 1e-18/GeV/cm^2/s/sr (at its bound)" in capsys.readouterr().out
    show("[bold] is not markup here")
    assert capsys.readouterr().out == "[bold] is not markup here\n"
