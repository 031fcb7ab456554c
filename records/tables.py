"""Tables of events or other rows: columns of equal length, one Parquet file each, merged by concatenation.

A file ``tables/<data set>/<name>.parquet`` below the output directory depends on its content and the library's version only.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import InputError, nearest
from records.atomic import replacing

FOLDER = "tables"
ENDING = ".parquet"
KINDS = "biufUM"  # numbers, truth values, text, dates
ROW_GROUP = 1 << 18  # rows; fixed, so that the bytes do not depend on how the rows were gathered

TablesByDataset = Mapping[str, Mapping[str, "Table"]]


@dataclass(frozen=True, eq=False)
class Table:
    """Columns by name, each a one-dimensional array of numbers, truth values or text; all of one length.

    Raises ``InputError`` when built of anything else.

    >>> len(Table({"energy": np.array([1.0, 2.0]), "particle": np.array(["e-", "gamma"])}))
    2
    """

    columns: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        columns = {name: np.asarray(values) for name, values in self.columns.items()}
        for name, values in columns.items():
            if values.ndim != 1 or values.dtype.kind not in KINDS:
                raise InputError(f"table column {name!r}: {values.dtype} of shape {values.shape}; a column is one axis of numbers or text")
        if len({len(values) for values in columns.values()}) > 1:
            raise InputError(f"table columns differ in length: {', '.join(f'{name}: {len(values)}' for name, values in columns.items())}")
        object.__setattr__(self, "columns", columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.columns:
            raise InputError(f"the table has no column {name!r}{nearest(name, self.columns)}")
        return self.columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table) or list(self.columns) != list(other.columns):
            return NotImplemented if not isinstance(other, Table) else False
        return all(_same(values, other.columns[name]) for name, values in self.columns.items())

    __hash__ = None  # type: ignore[assignment]

    def select(self, rows: Any) -> Table:
        """The rows of a mask, slice or list of positions."""
        return Table({name: values[rows] for name, values in self.columns.items()})


def concatenate(parts: Sequence[Table]) -> Table:
    """The rows of all parts in order. Raises ``InputError`` when columns or their types differ (text of any width is one type)."""
    check_same_columns(parts)
    return Table({name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}) if len(parts) > 1 else parts[0]


def check_same_columns(parts: Sequence[Table], name: str = "") -> None:
    """Refuse parts of one table (``name``) whose columns, their order or their types differ with ``InputError``."""
    ours = _types(parts[0])
    for part in parts[1:]:
        theirs = _types(part)
        if list(ours.items()) != list(theirs.items()):
            differing = sorted(column for column in ours.keys() | theirs.keys() if ours.get(column) != theirs.get(column)) or ["order of columns"]
            of_both = "; ".join(f"{column}: {ours.get(column, 'absent')} and {theirs.get(column, 'absent')}" for column in differing)
            raise InputError(
                f"parts of the table {name!r} differ ({of_both}); a processor must return the same columns whatever the events, "
                "and files that lack one need a data set of their own"
            )


def table_path(output: str | Path, dataset: str, name: str) -> Path:
    """Where the table of a data set lies below an output directory."""
    return Path(output) / FOLDER / dataset / f"{name}{ENDING}"


def save_tables(output: str | Path, tables: TablesByDataset) -> list[Path]:
    """Write ``{data set: {name: table}}`` below ``output``, each file atomically, and remove every table that is not among them."""
    paths = []
    for dataset, by_name in tables.items():
        for name, table in by_name.items():
            paths.append(table_path(output, _checked(dataset), _checked(name)))
            save_table(paths[-1], table)
    remove_tables(output, keep=paths)
    return paths


def remove_tables(output: str | Path, keep: Sequence[Path] = ()) -> None:
    """Remove the tables below ``output`` that are not in ``keep``."""
    folder = Path(output) / FOLDER
    for path in set(table_paths(output)) - set(keep):
        path.unlink()
    for place in [*sorted(folder.glob("*")), folder]:
        if place.is_dir() and not any(place.iterdir()):
            shutil.rmtree(place)


def save_table(path: str | Path, table: Table) -> None:
    """Write one table atomically."""
    with replacing(path) as temporary:
        pq.write_table(pa.table({name: pa.array(values) for name, values in table.columns.items()}), temporary, row_group_size=ROW_GROUP)


def load_table(path: str | Path, columns: Sequence[str] | None = None) -> Table:
    """Read a table, or some of its columns. Raises ``InputError`` when it is missing, not readable, or lacks a column."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such table; run run_processor.py with the same configuration first")
    try:
        with pq.ParquetFile(path) as file:
            present = file.schema_arrow.names
            if missing := [name for name in columns or () if name not in present]:
                raise InputError(f"{path}: no column {missing[0]!r}{nearest(missing[0], present)}")
            content = file.read(columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable table ({error}); delete it and run run_processor.py again") from None
    return Table({name: _array(content.column(name)) for name in (columns or present)})


def load_tables(output: str | Path) -> dict[str, dict[str, Table]]:
    """Every table below an output directory as ``{data set: {name: table}}``."""
    found: dict[str, dict[str, Table]] = {}
    for path in table_paths(output):
        found.setdefault(path.parent.name, {})[path.stem] = load_table(path)
    return found


def list_tables(output: str | Path) -> dict[str, list[str]]:
    """Names of the tables by data set, without reading them."""
    found: dict[str, list[str]] = {}
    for path in table_paths(output):
        found.setdefault(path.parent.name, []).append(path.stem)
    return found


def table_paths(output: str | Path) -> list[Path]:
    """The files of all tables below an output directory."""
    return [path for path in sorted((Path(output) / FOLDER).glob(f"*/*{ENDING}")) if not path.name.startswith(".")]


def _checked(name: str) -> str:
    if not name or "/" in name or name.startswith("."):
        raise InputError(f"{name!r} cannot name a data set or table: it must be non-empty, without '/' and without a leading '.'; rename it")
    return name


def _types(table: Table) -> dict[str, str]:
    return {name: "text" if values.dtype.kind == "U" else str(values.dtype) for name, values in table.columns.items()}


def _same(ours: np.ndarray, theirs: np.ndarray) -> bool:
    return ours.dtype.kind == theirs.dtype.kind and np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")


def _array(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.array(column.to_pylist(), dtype=np.str_) if len(column) else np.empty(0, dtype="<U1")
    values: np.ndarray = column.to_numpy()
    return values
