"""Tables as CSV and LaTeX: numbers come back, errors round by the rule, texts are escaped."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import InputError
from records.text_tables import Column, TextTable, escape, latex_number, save_text_table, to_csv, to_latex

TABLE = TextTable(
    "Gain of 50 % of the PMTs & more",
    (
        Column("channel", ("A_1", "B#2")),
        Column("gain", (1.2345e7, 9.9e6), errors=(2.1e5, math.nan), latex=r"$\mu$"),
        Column("time", (12.3456, -0.5), "ns", digits=2),
        Column("yield", (94.2, 180.0), errors=((62.1, 53.4), (56.0, 67.0))),
        Column("n", (7, None)),
    ),
)


def test_csv_holds_plain_numbers_under_headings_with_units(tmp_path: Path) -> None:
    paths = save_text_table(tmp_path / "tables", "gains", TABLE)
    assert [path.name for path in paths] == ["gains.csv", "gains.tex"]
    with paths[0].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["channel", "gain", "gain error", "time [ns]", "yield", "yield error down", "yield error up", "n"]
    assert [float(row["gain"]) for row in rows] == [1.2345e7, 9.9e6]
    assert (rows[1]["gain error"], rows[1]["n"]) == ("", "")
    assert (float(rows[0]["yield error down"]), float(rows[0]["yield error up"])) == (62.1, 53.4)


def test_latex_has_rules_escapes_and_rounded_errors() -> None:
    text = to_latex(TABLE)
    assert r"\caption{Gain of 50 \% of the PMTs \& more}" in text
    assert r"\begin{tabular}{lrrrr}" in text
    assert r"channel & $\mu$ & time [ns] & yield & n \\" in text
    assert r"A\_1 & $(1.234 \pm 0.021) \times 10^{7}$ & $12.35$ & $94^{+53}_{-62}$ & $7$ \\" in text
    assert r"B\#2 & $9.9 \times 10^{6}$ & $-0.50$ & $180^{+67}_{-56}$ & -- \\" in text
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (0.5700, 0.0213, r"$0.570 \pm 0.021$"), (1280.661, 17.3, r"$1281 \pm 17$"), (1280.661, 173.0, r"$1281 \pm 173$"),
        (0.0, 0.1, r"$0.00 \pm 0.10$"),
        (3.2e-6, 1.1e-7, r"$(3.20 \pm 0.11) \times 10^{-6}$"), (5.0, 0.0, "$5$"), (5.0, math.nan, "$5$"), (math.inf, 1.0, r"$\infty$"),
        (-math.inf, None, r"$-\infty$"), (math.nan, 1.0, "--"), (2.0, (math.inf, 0.31), r"$2.00^{+0.31}_{-\infty}$"),
    ],
)  # fmt: skip
def test_a_value_is_rounded_with_its_error(value: float, error: float, expected: str) -> None:
    assert latex_number(value, error) == expected


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e9))
def test_rounding_moves_a_value_by_less_than_a_tenth_of_its_error(value: float, error: float) -> None:
    text = latex_number(value, error).strip("$")
    power = int(text.rpartition("{")[2].rstrip("}")) if "times" in text else 0
    shown = float(text.partition(r" \pm")[0].lstrip("("))
    assert abs(shown * 10.0**power - value) <= 0.0501 * error + 1e-12 * abs(value)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_csv_loses_no_digit(values: list[float]) -> None:
    lines = to_csv(TextTable("", (Column("x", values),))).splitlines()
    np.testing.assert_array_equal([float(line) for line in lines[1:]], values)


def test_every_special_letter_is_escaped() -> None:
    assert escape("a_b & 5 % #1 {x} $y$ ~ ^ \\") == r"a\_b \& 5 \% \#1 \{x\} \$y\$ \textasciitilde{} \textasciicircum{} \textbackslash{}"


def test_columns_must_fit_together() -> None:
    with pytest.raises(InputError, match=r"columns need one length and different names, found \{'a': 1, 'b': 2\}"):
        TextTable("T", (Column("a", [1]), Column("b", [1, 2])))
    with pytest.raises(InputError, match="columns need one length and different names"):
        TextTable("T", (Column("a", [1]), Column("a", [1])))
    with pytest.raises(InputError, match="column 'a': 2 values and 1 errors"):
        Column("a", [1, 2], errors=[0.1])
