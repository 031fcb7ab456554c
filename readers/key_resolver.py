"""``Table.column`` as users write it -> one column of the tables in a file, with the nearest names in the error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from configs.errors import InputError
from configs.saved_columns import three_nearest

ELEMENT = re.compile(r"^(?P<name>.+)\[(?P<number>\d+)\]$")
FILTERS = "FilterMask"  # its columns are few enough to be listed
DEFAULT = "value"  # the column of I3Double, I3Int, I3Bool


@dataclass(frozen=True)
class Place:
    """One column; ``element``: of an array column."""

    table: str
    column: str
    element: int | None = None

    def __str__(self) -> str:
        return f"{self.table}.{self.column}" + ("" if self.element is None else f"[{self.element}]")


def resolve(name: str, tables: Mapping[str, Sequence[str]]) -> Place:
    """The column that ``name`` means among ``tables`` (their columns after the event key, by table).

    ``Table.column`` is split at the last dot; a table whose own name has that dot is preferred. ``Table`` alone is its column ``value``, or its only
    one. ``Table.column[k]`` is element k of an array column. ``*`` in the table's part must match exactly one table.
    Raises ``InputError`` with the three nearest names.

    >>> str(resolve("Labels*.energy", {"LabelsMC": ["energy", "zenith"], "Weights": ["value"]}))
    'LabelsMC.energy'
    """
    element = None
    if match := ELEMENT.match(name):
        name, element = match["name"], int(match["number"])
    if name in tables:
        return Place(name, _only_column(name, tables[name]), element)
    table, dot, column = name.rpartition(".")
    if not dot:
        return Place(found := _table(name, name, tables), _only_column(found, tables[found]), element)
    found = _table(table, name, tables)
    if column not in tables[found]:
        if "*" in name and (whole := [known for known in tables if fnmatchcase(known, name)]):
            found = _table(name, name, {one: tables[one] for one in whole})
            return Place(found, _only_column(found, tables[found]), element)
        listed = f"; filters: {', '.join(sorted(tables[found]))}" if FILTERS in found else ""
        raise InputError(f"table {found} has no column {column!r}; {three_nearest(column, tables[found])}{listed}")
    return Place(found, column, element)


def _table(pattern: str, name: str, tables: Mapping[str, Sequence[str]]) -> str:
    if pattern in tables:
        return pattern
    matching = [known for known in tables if fnmatchcase(known, pattern)] if "*" in pattern else []
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise InputError(f"{name!r} matches {len(matching)} tables ({', '.join(sorted(matching)[:5])}); '*' must leave exactly one")
    raise InputError(f"no table {pattern!r}; {three_nearest(pattern, tables)}")


def _only_column(table: str, columns: Sequence[str]) -> str:
    if DEFAULT in columns:
        return DEFAULT
    if len(columns) == 1:
        return columns[0]
    raise InputError(f"table {table} has {len(columns)} columns; write {table}.COLUMN with one of {', '.join(columns[:12])}")
