"""What is in a file: ``describe`` reads metadata, never the events, unless asked to show entries or statistics."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from readers.columns import ColumnSource
from readers.digihit_layout import FORMATS
from readers.digihit_summary import summarise
from readers.event_listing import list_events
from readers.files import check_file, is_url
from readers.parts import list_parts
from readers.registry import BATCHED, detect_format, open_source
from readers.running_statistics import RunningStatistics
from readers.source import SourceError
from readers.structure import Part, Statistics, Structure

CHUNK_ENTRIES = 200_000
CHUNK_RECORDS = 5_000  # entries of a column of lists of records: events with thousands of hits


def describe(
    path: str | os.PathLike[str] | Sequence[str],
    format: str | None = None,  # noqa: A002 - the word of the configuration
    *,
    tree: str | None = None,
    show: int = 0,
    events: int = 0,
    statistics: bool = False,
) -> Structure:
    """The structure of a file of any known format: entries, columns with type and unit, other objects, attributes.

    ``show`` adds the first entries as they are, ``events`` the first events as rows to be read (hits as their number, charge and times),
    ``statistics`` minimum, maximum and mean of every numeric column (which reads them all). A file that is whole but no single table of events
    (HDF5 with several groups, ROOT with histograms) is described by its objects, with a note that says why, unless ``tree`` is given; of HDF5 values
    and statistics are then those of each dataset. Raises ``SourceError`` or ``ReadError`` for what cannot be read.
    """
    paths = list(map(str, [path] if isinstance(path, str | os.PathLike) else path))
    name = format or detect_format(paths[0])
    for one in paths if name not in BATCHED else ():
        check_file(one)
    parts = tuple(part for one in paths for part in list_parts(one, name))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            source = open_source(paths, name, tree=tree)
        except SourceError as error:
            if not parts or tree is not None:
                raise
            return _by_objects(paths, name, parts, str(error), show=show, statistics=statistics)
    with source:
        summary, problems = summarise(paths[0], name) if name in FORMATS else ({}, [])
        notes = [*_told(source, warned), *problems]
        return Structure(
            source.path,
            getattr(source, "format", name),
            _size(paths),
            len(source),
            tuple(getattr(source, "fields", source.columns).values()),
            parts,
            dict(source.attributes),
            first_entries=_first_entries(source, show, notes),
            events=list_events(source, events, notes),
            statistics=_statistics(source, notes) if statistics else {},
            notes=tuple(dict.fromkeys(notes)),
            summary=summary,
        )


def _by_objects(paths: Sequence[str], name: str, parts: tuple[Part, ...], note: str, *, show: int, statistics: bool) -> Structure:
    """A file that is no single table of events."""
    values: dict[str, Any] = {}
    found: dict[str, Statistics] = {}
    attributes: dict[str, Any] = {}
    if name in ("hdf5", *FORMATS):
        from readers.hdf5_values import dataset_statistics, file_attributes, first_values

        attributes = file_attributes(paths[0])
        values = first_values(paths[0], show) if show else {}
        found = dataset_statistics(paths[0]) if statistics else {}
    size = _size(paths)
    return Structure(" + ".join(paths), name, size, None, parts=parts, attributes=attributes, first_values=values, statistics=found, notes=(note,))


def _told(source: ColumnSource, warned: Sequence[warnings.WarningMessage]) -> list[str]:
    """What opening warned of or remarks, files that were left out, and what cannot be read and why."""
    told = [*(str(warning.message) for warning in warned), *getattr(source, "remarks", ()), *getattr(source, "refused", {}).values()]
    return [*told, *(f"{column}: {reason}" for column, reason in source.unreadable.items())]


def _size(paths: Sequence[str]) -> int | None:
    if any(is_url(path) for path in paths):
        return None
    files = [file for path in map(Path, paths) for file in (filter(Path.is_file, path.rglob("*")) if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files)


def _first_entries(source: ColumnSource, count: int, notes: list[str]) -> tuple[dict[str, Any], ...]:
    """The first entries; a column that cannot be read is added to ``notes``."""
    events = source.events(0, min(count, len(source)))
    found: dict[str, list[Any]] = {}
    for name in source.columns if len(events) else ():
        try:
            found[name] = np.asarray(events[name]).astype(str).tolist() if "datetime" in source.columns[name].dtype else ak.to_list(events[name])
        except SourceError as error:
            notes.append(str(error))
    return tuple({name: values[row] for name, values in found.items()} for row in range(len(events)))


def _statistics(source: ColumnSource, notes: list[str]) -> dict[str, Statistics]:
    """Statistics of every numeric column, of records field by field; a column that cannot be read is added to ``notes``."""
    found: dict[str, Statistics] = {}
    for name, column in source.columns.items():
        fields = source.events(0, 0)[name].fields if "{" in column.dtype else []
        for field in fields or [""]:
            try:
                numbers = None if "string" in column.dtype or "datetime" in column.dtype else _of_column(source, name, field)
            except SourceError as error:
                notes.append(str(error))
                continue
            if numbers is not None:
                found[f"{name}.{field}" if field else name] = numbers
    return found


def _of_column(source: ColumnSource, name: str, field: str = "") -> Statistics | None:
    running = RunningStatistics()
    step = CHUNK_RECORDS if field else CHUNK_ENTRIES
    for start in range(0, len(source), step):
        values = source.events(start, min(start + step, len(source)))[name]
        numbers = np.asarray(ak.flatten(values[field] if field else values, axis=None))
        if numbers.dtype.kind not in "iufb":
            return None
        running.add(numbers)
    return running.result()
