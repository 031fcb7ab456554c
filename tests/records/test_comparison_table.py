"""The report as a table: CSV has every number, LaTeX its errors, the terminal the digits that the errors allow."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import pytest
from rich.console import Console

from records import summary
from records.comparison import ComparedQuantity, ComparisonReport
from records.comparison_table import comparison_tables, save_comparison
from records.text_tables import to_latex

NAN = math.nan
REPORT = ComparisonReport(
    [
        ComparedQuantity("parameters", "main", "astro_gamma", "", 2.8794, 0.1911, 0.2059, 2.87, 0.19, 0.20, 0.034),
        ComparedQuantity("parameters", "main", "astro_norm", "1e-18", 6.1706, 1.218, 1.361, 6.37, 1.62, 1.46, -0.094),
        ComparedQuantity("parameters", "loose", "astro_gamma", "", 2.91, 0.2, 0.2, 2.87, 0.19, 0.20, 0.15),
        ComparedQuantity("best fit", "main", "epsilon_dom", "", 0.955, 0.053, 0.053, 0.95192328, NAN, NAN, NAN),
        ComparedQuantity("scan", "main", "68 % regions, intersection / union", "", 0.93751, NAN, NAN, NAN, NAN, NAN, NAN),
        ComparedQuantity("segments", "main", "E^2 Phi, 1730 to 3640 TeV", "1e-8", 1.1e-8, 1.1e-8, 0.39, 0.16, 0.16, 0.36, -0.38),
    ],
    ["goodness: no published p-value"],
    "Phys. Rev. D 104, 022002",
)


def shown(width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    for table in comparison_tables({"main": object(), "compare": REPORT}):
        console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def line(words: str) -> list[str]:
    return next(one for one in shown().splitlines() if words in one).split("  ")


def test_the_terminal_has_one_block_with_both_values_and_the_difference() -> None:
    first = [one.strip() for one in line("2.88") if one.strip()]
    assert first == ["parameters", "main", "astro_gamma", "2.88 -0.19 +0.21", "2.87 -0.19 +0.20", "+0.03"]
    second = [one.strip() for one in line("astro_norm") if one.strip()]
    assert second == ["astro_norm [1e-18]", "6.2 -1.2 +1.4", "6.37 -1.62 +1.46", "-0.09"]  # published digits; part and fit are not repeated
    assert [one.strip() for one in line("loose") if one.strip()][:2] == ["parameters", "loose"]
    assert [one.strip() for one in line("epsilon_dom") if one.strip()][-1] == "0.9519"
    assert [one.strip() for one in line("union") if one.strip()][-1] == "0.9375"
    assert "left out: goodness: no published p-value" in shown()
    assert "the events are the same" in shown().replace("\n", " ")


def test_a_value_at_its_bound_has_the_digits_of_its_free_side() -> None:
    assert " 0.00 +0.39 " in shown()


def test_other_results_have_no_such_table_and_the_report_no_row_among_them() -> None:
    assert comparison_tables({"main": object()}) == []
    assert summary.rows(REPORT) == []


def test_the_csv_has_every_number_and_what_is_left_out(tmp_path: Path) -> None:
    paths = save_comparison(tmp_path, {"compare": REPORT})
    assert [path.name for path in paths] == ["compare.csv", "compare.tex"]
    table = list(csv.DictReader((tmp_path / "compare.csv").read_text(encoding="utf-8").splitlines()))
    assert len(table) == len(REPORT.rows) + len(REPORT.left_out)
    assert float(table[1]["ours error down"]) == 1.218
    assert float(table[1]["published error up"]) == 1.46
    assert float(table[1]["difference over errors"]) == -0.094
    assert table[3]["published error up"] == table[4]["published"] == ""
    assert (table[-1]["part"], table[-1]["quantity"]) == ("left out", "goodness: no published p-value")


def test_latex_rounds_and_escapes(tmp_path: Path) -> None:
    (_, path) = save_comparison(tmp_path, {"compare": REPORT})
    text = path.read_text(encoding="utf-8")
    assert r"astro\_norm & 1e-18 & $6.2^{+1.4}_{-1.2}$ & $6.4^{+1.5}_{-1.6}$ & $-0.09$" in text
    assert r"68 \% regions, intersection / union &  & $0.9375$ & -- & --" in text
    assert "Both come from the same events" in text
    assert text.count(r"\\") == len(REPORT.rows) + len(REPORT.left_out) + 1


def test_tables_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    save_comparison(tmp_path, {"compare": REPORT})
    assert save_comparison(tmp_path, {}) == []
    assert list(tmp_path.iterdir()) == []


def test_an_empty_report_is_a_table_of_what_is_left_out() -> None:
    from records.comparison_table import text_table

    assert "main: the fit did not converge" in to_latex(text_table(ComparisonReport([], ["main: the fit did not converge"], "")))


@pytest.mark.parametrize("width", [80, 100])
def test_nothing_is_cut_on_a_narrow_terminal(width: int) -> None:
    together = "".join(shown(width).split())
    for words in ("6.37", "-1.62", "+1.46", "-0.09"):
        assert words in together
