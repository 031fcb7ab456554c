"""The structure of a file as a value: a table for the terminal, JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from readers.source import Column

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, Group
    from rich.table import Table


STATISTICS = ("minimum", "maximum", "mean", "not finite")  # headings
PADDING, MARGIN = 3, 2  # characters around a column, around a table
WHOLE = 16  # characters up to which names in the first column are never broken
WIDEST = 40  # characters of a column in a listing, where longer cells are broken


@dataclass(frozen=True)
class Part:
    """One object in a file: a dataset, tree, histogram, array. ``details`` tell how it is stored."""

    name: str
    kind: str
    type: str = ""
    shape: tuple[int, ...] | None = None
    details: str = ""


@dataclass(frozen=True)
class Statistics:
    """Of the finite values of a numeric column; ``nan`` counts those that are not finite."""

    minimum: float | None
    maximum: float | None
    mean: float | None
    nan: int


@dataclass(frozen=True)
class Structure:
    """What a file holds. ``entries`` is None, and ``columns`` empty, when it is not (or not yet chosen as) one table of events."""

    path: str
    format: str
    size_bytes: int | None
    entries: int | None
    columns: tuple[Column, ...] = ()
    parts: tuple[Part, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    first_entries: tuple[Mapping[str, Any], ...] = ()
    events: tuple[Mapping[str, Any], ...] = ()
    first_values: Mapping[str, Any] = field(default_factory=dict)  # of each object, where there is no table of events
    statistics: Mapping[str, Statistics] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; NaN and infinity become None, so that any JSON parser reads them."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    def to_json(self) -> str:
        """JSON text of ``as_dict``."""
        return json.dumps(self.as_dict(), indent=2, allow_nan=False)

    def table(self) -> Group:
        """Tables for a rich console: summary, columns, further objects, attributes, first entries."""
        from rich.console import Group
        from rich.text import Text

        size = "" if self.size_bytes is None else f", {self.size_bytes:,} bytes"
        entries = "no single table of events" if self.entries is None else f"{self.entries:,} entries"
        shown: list[Any] = [Text(f"{self.path}: {self.format}{size}, {entries}")]
        shown += _pairs(("summary", ""), self.summary)
        if self.columns:
            shown.append(self._columns_table())
        if self.parts:
            rows = [(part.name, part.kind, part.type, _shape(part.shape), part.details) for part in self.parts]
            shown.append(_table(("object", "kind", "type", "shape", "stored"), rows))
        shown += _pairs(("attribute", "value"), self.attributes)
        shown += [*self._value_tables(), *_rows(self.events, _brief), *_rows(self.first_entries, _short)]
        return Group(*shown, *(Text(f"note: {note}") for note in self.notes))

    def _value_tables(self) -> list[Table]:
        """What was asked of the values: of columns (and fields of records), or of objects in a file without columns."""
        tables = _pairs(("object", "first values"), self.first_values)
        if self.statistics:
            heading = "column" if self.columns else "object"
            tables.append(_table((heading, *STATISTICS), [(name, *self._numbers(name)) for name in self.statistics]))
        return tables

    def _columns_table(self) -> Table:
        return _table(("column", "type", "unit", "meaning"), [(column.name, column.dtype, column.unit, column.meaning) for column in self.columns])

    def _numbers(self, name: str) -> tuple[str, str, str, str]:
        found = self.statistics[name]
        minimum, maximum, mean = ("" if value is None else f"{value:.6g}" for value in (found.minimum, found.maximum, found.mean))
        return minimum, maximum, mean, str(found.nan)


def _pairs(headings: tuple[str, str], values: Mapping[str, Any]) -> list[Table]:
    """One table of names and values; none when there are none."""
    return [_table(headings, [(name, _short(value)) for name, value in values.items()])] if values else []


def _rows(entries: Sequence[Mapping[str, Any]], told: Callable[[Any], str]) -> list[Listing]:
    """One listing with a row for each entry; none when there are none."""
    return [Listing(tuple(entries[0]), [tuple(map(told, entry.values())) for entry in entries])] if entries else []


@dataclass(frozen=True)
class Listing:
    """Rows of many columns: as many tables below each other as the width of the terminal asks for, each with the first column."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        widths = [min(max(map(len, column)), WIDEST) + PADDING for column in zip(self.headings, *self.rows, strict=True)]
        for block in _blocks(widths, options.max_width - MARGIN):
            yield _table([self.headings[i] for i in block], [[row[i] for i in block] for row in self.rows])


def _blocks(widths: Sequence[int], available: int) -> Iterator[list[int]]:
    """Columns that fit beside the first one in ``available``; a column that does not fit at all stands with it alone."""
    block, used = [0], widths[0]
    for i in range(1, len(widths)):
        if len(block) > 1 and used + widths[i] > available:
            yield block
            block, used = [0], widths[0]
        block, used = [*block, i], used + widths[i]
    yield block


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == headings[0] and all(len(row[0]) <= WHOLE for row in rows))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _shape(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else " x ".join(map(str, shape)) or "single"


def _short(value: Any, limit: int = 160) -> str:
    text = f"{value:.8g}" if isinstance(value, float) else str(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def _brief(value: Any) -> str:
    """As short as one reads numbers side by side."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)
