"""Tables for people: columns with name, unit and digits, written as CSV (every digit) and as LaTeX (rounded, booktabs)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import InputError
from records.atomic import write_text

ESCAPED = {"\\": r"\textbackslash{}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}", "^": r"\^{}", "~": r"\~{}"}


@dataclass(frozen=True)
class Column:
    """One column. ``name`` heads the CSV; ``title`` and ``unit`` head the LaTeX table; ``digits``: significant ones there (null: text, as it is)."""

    name: str
    values: Sequence[Any]
    unit: str = ""
    digits: int | None = None
    title: str = ""
    in_latex: bool = True


def csv_text(columns: Sequence[Column]) -> str:
    """Comma-separated values with a header; numbers with every digit, nothing where there is none.

    >>> csv_text([Column("hv_v", [700.0, 1400.0]), Column("gain", [float("nan"), 2.5e6])])
    'hv_v,gain\\n700.0,\\n1400.0,2500000.0\\n'
    """
    _check(columns)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    writer.writerows(zip(*[[_plain(value) for value in column.values] for column in columns], strict=True))
    return out.getvalue()


def latex_text(columns: Sequence[Column], caption: str) -> str:
    """A ``table`` with rules of booktabs (``\\usepackage{booktabs}``), numbers right, text left; a dash where there is no number."""
    _check(columns)
    shown = [column for column in columns if column.in_latex]
    heads = [escaped(column.title or column.name) + (f" [{escaped(column.unit)}]" if column.unit else "") for column in shown]
    rows = zip(*[[_rounded(value, column.digits) for value in column.values] for column in shown], strict=True)
    places = "".join("l" if column.digits is None else "r" for column in shown)
    body = [" & ".join(row) + r" \\" for row in rows]
    lines = [
        r"\begin{table}", r"\centering", rf"\caption{{{escaped(caption)}}}", rf"\begin{{tabular}}{{{places}}}", r"\toprule",
        " & ".join(heads) + r" \\", r"\midrule", *body, r"\bottomrule", r"\end{tabular}", r"\end{table}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def save_text_tables(directory: str | Path, name: str, columns: Sequence[Column], caption: str) -> list[Path]:
    """Write ``<name>.csv`` and ``<name>.tex`` into ``directory``, each atomically; returns their paths."""
    paths = [Path(directory) / f"{name}.csv", Path(directory) / f"{name}.tex"]
    write_text(paths[0], csv_text(columns))
    write_text(paths[1], latex_text(columns, caption))
    return paths


def escaped(text: str) -> str:
    """Text with what LaTeX would take as commands written out.

    >>> escaped("PMT_1: 5 %")
    'PMT\\\\_1: 5 \\\\%'
    """
    return "".join(ESCAPED.get(letter, letter) for letter in text)


def _check(columns: Sequence[Column]) -> None:
    lengths = {len(column.values) for column in columns}
    if len(lengths) != 1:
        raise InputError(f"columns of a table differ in length: {', '.join(f'{one.name}: {len(one.values)}' for one in columns) or 'no columns'}")


def _plain(value: Any) -> Any:
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value


def _rounded(value: Any, digits: int | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "--"
    if digits is None:
        return escaped(str(value))
    number = f"{value:.{digits}g}"
    mantissa, _, power = number.partition("e")
    return f"${mantissa}\\times10^{{{int(power)}}}$" if power else f"${number}$"
