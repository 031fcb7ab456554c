"""The detector tables of the HESE release, read on first use; see ``physics.detector_systematics``."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from physics.detector_systematics import SYSTEMATICS, TABLE_COMPONENTS, files
from physics.spline_table import SplineTable
from readers.photospline import read_spline_table

Array = NDArray[np.float64]


@functools.lru_cache(maxsize=64)
def detector_table(folder: str, systematic: str, component: str, channel: str) -> SplineTable:
    """One table below ``folder``. Raises ``SourceError`` or ``InputError`` naming the file."""
    one = SYSTEMATICS[systematic]
    return read_spline_table(Path(folder) / one.file(component, channel), rank=len(one.axes(channel)) + 1)


def check_folder(folder: Path) -> None:
    """Refuse a folder in which some of the 45 files are missing; the ``InputError`` names them."""
    missing = [name for name in files() if not (folder / name).is_file()]
    if missing:
        listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise InputError(
            f"{folder}: {len(missing)} of the {len(files())} detector tables are missing: {listed}; get them from "
            "https://github.com/icecube/HESE-7-year-data-release (resources/splines), or leave processor.systematics out"
        )


def folder_digest(folder: Path) -> str:
    """SHA-256 of the content of the 45 files."""
    found = hashlib.sha256()
    for name in files():
        found.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return found.hexdigest()


@functools.lru_cache(maxsize=16)
def parameter_nodes(folder: str, systematic: str, channel: str) -> tuple[float, ...]:
    """Values of the parameter at which cell averages are tabulated: the knots inside the range and, for order 2, the midpoints between them.

    Raises ``InputError`` where the tables of the components differ in them.
    """
    tables = [detector_table(folder, systematic, component, channel) for component in TABLE_COMPONENTS]
    order = SYSTEMATICS[systematic].order
    nodes = _nodes(tables[0], order)
    for table in tables[1:]:
        if not np.array_equal(_nodes(table, order), nodes):
            raise InputError(f"{table.name}: other knots in {systematic} than {tables[0].name}; the tables of a channel must share them")
    return tuple(nodes.tolist())


def _nodes(table: SplineTable, order: int) -> Array:
    if table.orders[-1] != order:
        raise InputError(f"{table.name}: splines of order {table.orders[-1]} in the detector parameter, expected {order}; is it another table?")
    low, high = table.ranges[-1]
    knots = np.unique(table.knots[-1][(table.knots[-1] >= low) & (table.knots[-1] <= high)])
    return knots if order == 1 else np.sort(np.concatenate([knots, 0.5 * (knots[1:] + knots[:-1])]))
