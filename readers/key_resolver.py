"""``Table.column`` as users write it -> one column of the tables in a file, with the nearest names in the error."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from configs.errors import InputError

ELEMENT = re.compile(r"^(?P<name>.+)\[(?P<number>\d+)\]$")
DEFAULT = "value"  # the column of I3Double, I3Int, I3Bool
NEAREST = 3


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
        raise InputError(f"table {found} has no column {column!r}; {_nearest(column, tables[found])}")
    return Place(found, column, element)


def _table(pattern: str, name: str, tables: Mapping[str, Sequence[str]]) -> str:
    if pattern in tables:
        return pattern
    matching = [known for known in tables if fnmatchcase(known, pattern)] if "*" in pattern else []
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise InputError(f"{name!r} matches {len(matching)} tables ({', '.join(sorted(matching)[:5])}); '*' must leave exactly one")
    raise InputError(f"no table {pattern!r}; {_nearest(pattern, tables)}")


def _only_column(table: str, columns: Sequence[str]) -> str:
    if DEFAULT in columns:
        return DEFAULT
    if len(columns) == 1:
        return columns[0]
    raise InputError(f"table {table} has {len(columns)} columns; write {table}.COLUMN with one of {', '.join(columns[:12])}")


def _nearest(name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    folded = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), folded, n=NEAREST, cutoff=0.0)
    return f"nearest: {', '.join(folded[one] for one in close)}" if close else "there is none"


Keys = Mapping[str, Mapping[str, Sequence[str]]]


def columns_for(keys: Keys, kind: str, level: int | None) -> dict[str, str]:
    """Saved name -> name in the file, for a data set of this kind and level: the entry ``<kind>_l<level>``, else ``<kind>``.

    Raises ``InputError`` for a missing entry, for entries that are no pair, and for a name that is saved twice.
    """
    chosen = next((name for name in (f"{kind}_l{level}", kind) if name in keys), None)
    if chosen is None:
        raise InputError(f"keys: no entry {kind}_l{level} or {kind}; {_nearest(kind, keys)}")
    found: dict[str, str] = {}
    for sub, pair in keys[chosen].items():
        if isinstance(pair, str) or len(pair) != 2:
            raise InputError(f"keys.{chosen}.{sub}: {pair!r} is not [name_to_save, name_in_hdf5_file]")
        saved, stored = pair
        if saved in found:
            raise InputError(f"keys.{chosen}.{sub}: {saved!r} is saved twice (also from {found[saved]!r}); give it another name")
        found[saved] = stored
    return found
