"""Names in the HDF5 tables that IceTray's hdfwriter makes, and the tables of one file with what their attributes say.

One compound dataset for each frame object lies at the root, one of the same name in ``__I3Index__``: row i of it belongs to event i and says which
rows of the data are its own. [P] icecube/icetray tableio and hdfwriter; layout read from the files of icecube/dnn_reco.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import h5py
import numpy as np

from configs.errors import nearest
from readers.files import reading
from readers.hdf5 import children, plain_attributes
from readers.source import SourceError

INDEX = "__I3Index__"
RAGGED = "__I3RaggedTable__"
HEADER_TABLE = "I3EventHeader"
KEYS = ("Run", "Event", "SubEvent", "SubEventStream")
JOINED = KEYS[:3]  # index tables hold stream 0 whatever the data hold: tables are never joined by it
EXISTS = "exists"
PREFIX = (*KEYS, EXISTS)
DOM = ("string", "om", "pmt")
VECTOR = "vector_index"
RANGE = ("start", "stop")
# Tables with rows for the file or its production, not for its events.
PER_FILE = ("I3CorsikaInfo", "I3PrimaryInjectorInfo", "I3GenieInfo", "ExpLivetime_livetime")

Kind = Literal["scalar", "ragged", "dom"]


@dataclass(frozen=True)
class TableLayout:
    """One table: where its rows and its index lie. ``units`` and ``meanings`` by field."""

    name: str
    data: h5py.Dataset
    index: h5py.Dataset | None
    units: Mapping[str, str]
    meanings: Mapping[str, str]
    marked_ragged: bool

    @cached_property
    def dtype(self) -> np.dtype:
        """Of the rows, with the names of the columns."""
        return self.data.dtype

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns in the order of the file, those of the event key first."""
        return self.dtype.names or ()

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The columns after the event key, in the order of the file."""
        return tuple(name for name in self.columns if name not in PREFIX)

    @cached_property
    def kind(self) -> Kind:
        """One row an event, many rows, or many rows gathered by photomultiplier."""
        if not self.marked_ragged:
            return "scalar"
        return "dom" if {*DOM, VECTOR} <= set(self.fields) else "ragged"

    @property
    def per_file(self) -> bool:
        """Whether its rows belong to the file and not to its events."""
        return self.name in PER_FILE


def is_hdfwriter(names: Mapping[str, object]) -> bool:
    """Whether an HDF5 file with these objects at its root is of this layout."""
    return INDEX in names


def tables(path: str, file: h5py.File) -> tuple[dict[str, TableLayout], dict[str, str]]:
    """The tables of a file by name, and what else lies there with the reason why it is none.

    Raises ``SourceError`` for a file without index tables, and for an index table without data.
    """
    with reading(path):
        found = children(file)
        if INDEX not in found or not isinstance(found[INDEX], h5py.Group):
            listed = ", ".join(list(found)[:5]) or "nothing"
            raise SourceError(f"{path}: the group {INDEX} is missing (found: {listed}): not written by IceTray's hdfwriter? give format: hdf5")
        indices = children(found.pop(INDEX))
        lost = [name for name in indices if name not in found]
        if lost:
            raise SourceError(
                f"{path}: {INDEX}/{lost[0]} has no table {lost[0]} beside it{nearest(lost[0], found)}; the file is damaged, write it again"
            )
        good: dict[str, TableLayout] = {}
        other: dict[str, str] = {}
        for name, node in found.items():
            reason = _why_no_table(node)
            if reason is None and name not in indices and name not in PER_FILE:
                reason = f"no index table in {INDEX}"
            if reason is None:
                good[name] = _layout(path, name, node, indices.get(name))
            else:
                other[name] = reason
        return good, other


def _why_no_table(node: h5py.Group | h5py.Dataset) -> str | None:
    if not isinstance(node, h5py.Dataset):
        return "a group, not a table"
    if node.dtype.names is None or len(node.shape or ()) != 1:
        return f"dataset of {node.dtype} and shape {node.shape}, not a table"
    missing = [name for name in PREFIX if name not in node.dtype.names]
    return f"its rows have no column {', '.join(missing)}" if missing else None


def _layout(path: str, name: str, data: h5py.Dataset, index: h5py.Dataset | None) -> TableLayout:
    wanted = (*JOINED, EXISTS, *RANGE)
    if index is not None and (index.dtype.names is None or not set(wanted) <= set(index.dtype.names)):
        raise SourceError(f"{path}: {INDEX}/{name} lacks one of the columns {', '.join(wanted)}; the file is damaged, write it again")
    attributes = plain_attributes(data)
    numbers = dict(enumerate(data.dtype.names))
    units = {field: str(attributes.get(f"FIELD_{number}_UNIT", "")) for number, field in numbers.items()}
    meanings = {field: str(attributes.get(f"FIELD_{number}_DOC", "")) for number, field in numbers.items()}
    if name != HEADER_TABLE and "speed" in units and "pdg_encoding" in units:
        units["speed"] = units["speed"] or "Gm/s"
    return TableLayout(name, data, index, units, meanings, bool(np.any(attributes.get(RAGGED, 0))))


def event_count(path: str, found: Mapping[str, TableLayout]) -> int:
    """The number of events: that of every index table, and of the rows of every table with one row an event.

    Raises ``SourceError`` naming two tables that differ: a job that ended early leaves such files.
    """
    lengths: dict[str, int] = {}
    for name, table in found.items():
        if table.per_file or table.index is None:
            continue
        lengths[f"{INDEX}/{name}"] = table.index.shape[0]
        if table.kind == "scalar":
            lengths[name] = table.data.shape[0]
    if not lengths:
        raise SourceError(f"{path}: no table of events in it; see its structure with --inspect")
    first = HEADER_TABLE if HEADER_TABLE in lengths else next(iter(lengths))
    for name, length in lengths.items():
        if length != lengths[first]:
            raise SourceError(
                f"{path}: table {first} has {lengths[first]} rows, {name} {length}: first differing row {min(length, lengths[first])}; "
                "the job that wrote the file ended early? write it again"
            )
    return lengths[first]
