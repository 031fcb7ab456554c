"""Livetime of data: what the files hold, or a list of good runs."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from readers.files import reading
from readers.hdfwriter_mapping import WeightFile
from readers.source import SourceError

TABLE, COLUMN = "ExpLivetime_livetime", "value"
RUN, SECONDS = "RunNum", "LiveTime"
GOOD = (("Good_i3",), ("Good_it", "Good_i"))  # in-ice array good, IceTop or second flag good; the second has two names


def file_livetime_s(paths: Sequence[str]) -> float:
    """Sum of ``ExpLivetime_livetime.value`` over files, in seconds.

    Raises ``SourceError`` for files without the table, for values that are no livetime, and for a table with the same value in a row for every event:
    its sum would be far too long.
    """
    return math.fsum(_of_file(path) for path in paths)


def _of_file(path: str) -> float:
    with WeightFile(path) as file:
        if TABLE not in file:
            raise SourceError(f"{path}: no table {TABLE}; give livetime_s: SECONDS or good_runs: FILE for the data set")
        values = file[TABLE][COLUMN]
        events = max((len(table) for name, table in file.items() if name == "I3EventHeader"), default=0)
    given = values[np.isfinite(values)]
    if len(given) > 1 and len(given) == events and np.all(given == given[0]):
        raise SourceError(
            f"{path}: {TABLE} has the value {given[0]:g} s in each of {events} rows, one for each event; give livetime_s: SECONDS for the data set"
        )
    if not len(given) or np.any(given < 0) or not given.sum() > 0:
        raise SourceError(f"{path}: {TABLE}.{COLUMN} adds up to {given.sum():g} s; give livetime_s: SECONDS for the data set")
    return float(given.sum())


def good_runs_livetime_s(path: str | Path, runs: Collection[int] | None = None) -> float:
    """Livetime of a good-run list, in seconds: the sum over its rows with both flags 1, of ``runs`` alone when these are given.

    A row of names (RunNum, Good_i3, Good_i or Good_it, LiveTime) is followed by rows of values; other rows are comments.
    Raises ``SourceError`` for a missing column, for runs that the list does not have, and when nothing is left.
    """
    with reading(path):
        rows = [line.replace(",", " ").split() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    places = _places(path, next((row for row in rows if RUN in row), []))
    found = dict(_run(path, row, places) for row in rows if len(row) > max(places.values()) and row[places[RUN]].isdigit())
    unknown = sorted(set(runs or ()) - set(found))
    if unknown:
        raise SourceError(f"{path}: the list has no run {', '.join(map(str, unknown[:5]))}; is it the list of this year?")
    total = math.fsum(seconds for run, seconds in found.items() if runs is None or run in runs)
    if not total > 0:
        raise SourceError(f"{path}: no run of the list has both flags 1 and a livetime")
    return total


def _run(path: str | Path, row: Sequence[str], places: Mapping[str, int]) -> tuple[int, float]:
    """Number and livetime of one run; 0 s where a flag is not 1."""
    try:
        good = all(int(row[place]) == 1 for name, place in places.items() if name not in (RUN, SECONDS))
        return int(row[places[RUN]]), float(row[places[SECONDS]]) if good else 0.0
    except ValueError:
        raise SourceError(f"{path}: run {row[places[RUN]]}: {' '.join(row)!r} holds no flags and livetime; mend the row") from None


def _places(path: str | Path, header: Sequence[str]) -> dict[str, int]:
    """Column of each name."""
    wanted = ((RUN,), *GOOD, (SECONDS,))
    places = {names[0]: next((header.index(name) for name in names if name in header), -1) for names in wanted}
    missing = [" or ".join(names) for names in wanted if places[names[0]] < 0]
    if missing:
        raise SourceError(f"{path}: a good-run list needs a row of names with {', '.join(missing)} in it; found: {' '.join(header) or 'none'}")
    return places
