"""Tables for people: what is written is read back, LaTeX is well-formed, missing numbers are dashes."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import InputError
from records.text_tables import Column, csv_text, escaped, latex_text, save_text_tables


@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=8))
def test_csv_keeps_every_digit(values: list[float]) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text([Column("x_pc", values), Column("row", list(range(len(values))))]))))
    back = [float(row["x_pc"]) if row["x_pc"] else math.nan for row in rows]
    assert all(one == other or (math.isnan(one) and math.isnan(other)) for one, other in zip(values, back, strict=True))


def test_text_with_commas_stays_in_its_cell() -> None:
    rows = list(csv.reader(io.StringIO(csv_text([Column("remark", ['a, "b"', "c"]), Column("n", [1, 2])]))))
    assert rows[1] == ['a, "b"', "1"]


def test_latex_table() -> None:
    columns = [
        Column("pmt", ["PMT_1"], title="PMT"),
        Column("gain", [2.0431e6], digits=3),
        Column("hv_v", [1134.31], "V", 5, "HV"),
        Column("error_v", [math.nan], "V", 2),
        Column("hidden", [1], in_latex=False),
    ]
    lines = latex_text(columns, "All of 5 %").splitlines()
    assert r"\caption{All of 5 \%}" in lines
    assert r"\begin{tabular}{lrrr}" in lines
    assert r"PMT & gain & HV [V] & error\_v [V] \\" in lines
    assert r"PMT\_1 & $2.04\times10^{6}$ & $1134.3$ & -- \\" in lines
    assert sum(line.startswith(r"\begin") for line in lines) == sum(line.startswith(r"\end") for line in lines) == 2


def test_escaped_text_has_no_command_left() -> None:
    assert escaped("a_b & 5% of $x^2$ {#}") == r"a\_b \& 5\% of \$x\^{}2\$ \{\#\}"


def test_columns_of_unequal_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="differ in length: a: 1, b: 2"):
        save_text_tables(tmp_path, "t", [Column("a", [1]), Column("b", [1, 2])], "")
    assert not list(tmp_path.iterdir())
