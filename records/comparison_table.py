"""The report beside published results as a table: on the terminal, as CSV and as LaTeX."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from records.comparison import ComparedQuantity, ComparisonReport
from records.summary import as_published, one_sided, rounded
from records.text_tables import Column, TextTable, save_text_table

if TYPE_CHECKING:
    from rich.table import Table

NAME = "compare"
CAPTION = (
    "Results beside published ones. Difference: ours less published in units of both errors in quadrature, each on the side of the other value. "
    "Both come from the same events, so differences are expected well below 1"
)
TITLE = "Ours beside the published result"
FOOT = (
    "difference: in units of both errors in quadrature, on the sides that face each other; the events are the same, so most are well below 1",
    "segments: E^2 Phi of one flavour, neutrinos and antineutrinos; Delta -ln L: above the minimum",
)
NEGLIGIBLE = 1e-3  # one error over the other, of a value at its bound


def save_comparison(directory: Path, results: Mapping[str, Any]) -> list[Path]:
    """Write the report as ``compare.csv`` and ``compare.tex``; without a report those of an earlier run are removed."""
    paths = [path for one in _reports(results) for path in save_text_table(directory, NAME, text_table(one))]
    if not paths:
        for ending in ("csv", "tex"):
            (directory / f"{NAME}.{ending}").unlink(missing_ok=True)
    return paths


def text_table(report: ComparisonReport) -> TextTable:
    """All rows; lines of what is left out stand at the end, with words in the column of quantities."""
    rows, missing = report.rows, len(report.left_out)
    nothing, no_errors = [math.nan] * missing, [(math.nan, math.nan)] * missing
    ours = [(one.ours_minus, one.ours_plus) for one in rows] + no_errors
    published = [(one.published_minus, one.published_plus) for one in rows] + no_errors
    columns = (
        Column("part", [one.part for one in rows] + ["left out"] * missing),
        Column("fit", [one.fit for one in rows] + [""] * missing),
        Column("quantity", [one.quantity for one in rows] + list(report.left_out)),
        Column("unit", [one.unit for one in rows] + [""] * missing),
        Column("ours", [one.ours for one in rows] + nothing, digits=4, errors=ours),
        Column("published", [one.published for one in rows] + nothing, digits=4, errors=published),
        Column("difference over errors", [one.difference for one in rows] + nothing, digits=2),
    )
    return TextTable(CAPTION + (f". Published: {report.source}" if report.source else ""), columns)


def comparison_tables(results: Mapping[str, Any]) -> list[Table]:
    """The report among the results as a table for the terminal; none where there is none."""
    return [_terminal(one) for one in _reports(results)]


def _reports(results: Mapping[str, Any]) -> list[ComparisonReport]:
    return [one for one in results.values() if isinstance(one, ComparisonReport)]


def _terminal(report: ComparisonReport) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, title=TITLE, title_justify="left", caption="\n".join([*FOOT, *(f"left out: {one}" for one in report.left_out)]),
                  caption_justify="left")  # fmt: skip
    for name in ("part", "fit", "quantity", "ours", "published", "difference"):
        table.add_column(name, justify="right" if name == "difference" else "left")
    before: tuple[str, str] = ("", "")
    for row in report.rows:
        here = (row.part, row.fit)
        shown = ("", "") if here == before else here
        quantity = f"{row.quantity} [{row.unit}]" if row.unit else row.quantity
        table.add_row(*shown, quantity, _ours(row), _published(row), "" if math.isnan(row.difference) else f"{row.difference:+.2f}")
        before = here
    return table


def _ours(row: ComparedQuantity) -> str:
    """A number with its errors, as far as they are known; at a bound the error on the free side gives the digits."""
    minus, plus = row.ours_minus, row.ours_plus
    if math.isnan(minus) or math.isnan(plus):
        return f"{row.ours:.4g}"
    if min(minus, plus) < NEGLIGIBLE * max(minus, plus):
        return one_sided(row.ours, plus if plus > minus else -minus)
    return rounded(row.ours, -minus, plus)


def _published(row: ComparedQuantity) -> str:
    """With the digits that were published."""
    if math.isnan(row.published):
        return ""
    if math.isnan(row.published_minus) or math.isnan(row.published_plus):
        return f"{row.published:.4g}"
    return as_published((row.published, row.published_minus, row.published_plus))
