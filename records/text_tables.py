"""Tables for people and papers: named columns with units -> CSV (plain numbers) and LaTeX (booktabs, value and error rounded together).

>>> table = TextTable("Gain", (Column("channel", ("A_1", "B")), Column("gain", (1.234e7, 9.9e6), errors=(2.1e5, 3.0e5))))
>>> print(to_csv(table), end="")
channel,gain,gain error
A_1,12340000.0,210000.0
B,9900000.0,300000.0
>>> print(latex_number(1.2345, 0.0213), latex_number(12340000.0, 210000.0))
$1.234 \\pm 0.021$ $(1.234 \\pm 0.021) \\times 10^{7}$
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.errors import InputError
from records.atomic import write_text

Cell = str | float | int | bool | None
Error = float | tuple[float, float]  # symmetric; or down and up, both as positive distances

ERROR_DIGITS = 2  # significant digits of an error (Particle Data Group's rule gives one or two)
PLAIN_POWERS = (-4, 6)  # numbers beyond these powers of ten get a factor
SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {one: f"\\{one}" for one in "&%$#_{}"}


@dataclass(frozen=True)
class Column:
    """One column. ``digits``: decimals in LaTeX of numbers without error (None: as many as needed); ``latex``: its heading there, as LaTeX.

    ``errors``: for each value a number, or (down, up); NaN where there is none.
    """

    name: str
    values: Sequence[Cell]
    unit: str = ""
    digits: int | None = None
    errors: Sequence[Error] | None = None
    latex: str | None = None

    def __post_init__(self) -> None:
        if self.errors is not None and len(self.errors) != len(self.values):
            raise InputError(f"column {self.name!r}: {len(self.values)} values and {len(self.errors)} errors")


@dataclass(frozen=True)
class TextTable:
    """Columns of one length with a caption. Raises InputError where lengths differ or names repeat."""

    caption: str
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        lengths = {one.name: len(one.values) for one in self.columns}
        if len(set(lengths.values())) > 1 or len(lengths) != len(self.columns):
            raise InputError(f"table {self.caption!r}: columns need one length and different names, found {lengths}")


def save_text_table(directory: str | Path, name: str, table: TextTable) -> list[Path]:
    """Write ``<name>.csv`` and ``<name>.tex`` into ``directory``, each atomically; returns their paths."""
    paths = [Path(directory) / f"{name}.{ending}" for ending in ("csv", "tex")]
    for path, text in zip(paths, (to_csv(table), to_latex(table)), strict=True):
        write_text(path, text)
    return paths


def to_csv(table: TextTable) -> str:
    """Comma separated: headings with units, numbers as they are, nothing where a number is not known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([heading for one in table.columns for heading in _csv_headings(one)])
    for row in range(_length(table)):
        writer.writerow([cell for one in table.columns for cell in _csv_cells(one, row)])
    return text.getvalue()


def to_latex(table: TextTable) -> str:
    """A ``table`` environment with booktabs rules (needs ``\\usepackage{booktabs}``); texts are escaped, numbers are in mathematics."""
    layout = "".join("l" if _is_text(one) else "r" for one in table.columns)
    lines = [r"\begin{table}", r"  \centering", f"  \\caption{{{escape(table.caption)}}}", f"  \\begin{{tabular}}{{{layout}}}", r"    \toprule"]
    lines.append("    " + " & ".join(_latex_heading(one) for one in table.columns) + r" \\")
    lines.append(r"    \midrule")
    lines += ["    " + " & ".join(_latex_cell(one, row) for one in table.columns) + r" \\" for row in range(_length(table))]
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}", ""])


def escape(text: str) -> str:
    """Text for LaTeX.

    >>> escape("5 % of e-_1")
    '5 \\\\% of e-\\\\_1'
    """
    return "".join(SPECIAL.get(letter, letter) for letter in text)


def latex_number(value: float, error: Error | None = None, digits: int | None = None) -> str:
    """A number in mathematics: with an error both to the error's second digit, large and small ones with a power of ten.

    >>> latex_number(94.2, (62.0, 53.4)), latex_number(0.39512, digits=3), latex_number(float("nan"))
    ('$94^{+53}_{-62}$', '$0.395$', '--')
    """
    if not math.isfinite(value):
        return "--" if math.isnan(value) else f"${'-' if value < 0 else ''}\\infty$"
    sides = () if error is None else error if isinstance(error, tuple) else (error,)
    known = [abs(one) for one in sides if math.isfinite(one) and one != 0.0]
    if not known:
        return f"${_plain(value, digits)}$"
    power = math.floor(math.log10(max(abs(value), *known)))
    power = 0 if PLAIN_POWERS[0] <= power < PLAIN_POWERS[1] else power
    decimals = max(0, ERROR_DIGITS - 1 - math.floor(math.log10(min(known) / 10.0**power)))
    text = _with_errors(value / 10.0**power, [abs(one) / 10.0**power for one in sides], decimals)
    return f"$({text}) \\times 10^{{{power}}}$" if power else f"${text}$"


def _with_errors(value: float, sides: Sequence[float], decimals: int) -> str:
    shown = [f"{one:.{decimals}f}" if math.isfinite(one) else r"\infty" for one in sides]
    return f"{value:.{decimals}f} \\pm {shown[0]}" if len(shown) == 1 else f"{value:.{decimals}f}^{{+{shown[1]}}}_{{-{shown[0]}}}"


def _plain(value: float, digits: int | None) -> str:
    if digits is not None:
        return f"{value:.{digits}f}"
    if value == 0 or 10.0 ** PLAIN_POWERS[0] <= abs(value) < 10.0 ** PLAIN_POWERS[1]:
        return f"{value:.6g}"
    mantissa, _, power = f"{value:.5e}".partition("e")
    return f"{float(mantissa):g} \\times 10^{{{int(power)}}}"


def _length(table: TextTable) -> int:
    return len(table.columns[0].values) if table.columns else 0


def _is_text(column: Column) -> bool:
    return any(isinstance(one, str | bool) for one in column.values)


def _two_sided(column: Column) -> bool:
    return any(isinstance(one, tuple) for one in column.errors or ())


def _csv_headings(column: Column) -> list[str]:
    unit = f" [{column.unit}]" if column.unit else ""
    kinds = () if column.errors is None else (" error down", " error up") if _two_sided(column) else (" error",)
    return [f"{column.name}{unit}", *(f"{column.name}{kind}{unit}" for kind in kinds)]


def _csv_cells(column: Column, row: int) -> list[Cell]:
    cells: list[Cell] = [column.values[row]]
    if column.errors is not None:
        error = column.errors[row]
        pair = error if isinstance(error, tuple) else (error, error)
        cells += pair if _two_sided(column) else pair[:1]
    return ["" if one is None or (isinstance(one, float) and math.isnan(one)) else one for one in cells]


def _latex_heading(column: Column) -> str:
    name = escape(column.name) if column.latex is None else column.latex
    return f"{name} [{escape(column.unit)}]" if column.unit else name


def _latex_cell(column: Column, row: int) -> str:
    value = column.values[row]
    if value is None:
        return "--"
    if isinstance(value, str | bool):
        return escape(str(value))
    return latex_number(float(value), None if column.errors is None else column.errors[row], column.digits)
