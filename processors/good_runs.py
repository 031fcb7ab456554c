"""Livetime from good run lists: runs counted once, checked against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from physics.constants import DAY_S

FIELDS = ("run", "start", "stop", "livetime")
TOUCHING_DAYS = 1e-6  # runs may follow each other to a tenth of a second
MOST_LIVE = 1.01  # livetime over length, with room for rounded times


@dataclass(frozen=True, eq=False)
class GoodRuns:
    """Runs, each once: their numbers, start and stop (MJD), livetimes in days, and the events they hold (0: not stated)."""

    run: NDArray[np.int64]
    start_mjd: NDArray[np.float64]
    stop_mjd: NDArray[np.float64]
    livetime_days: NDArray[np.float64]
    events: NDArray[np.int64]

    @property
    def livetime_s(self) -> float:
        """Summed livetime."""
        return float(self.livetime_days.sum() * DAY_S)

    @property
    def spans(self) -> list[list[int]]:
        """First and last number of every unbroken series of runs."""
        breaks = np.flatnonzero(np.diff(self.run) > 1)
        first, last = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(self.run) - 1]])
        return np.stack([self.run[first], self.run[last]], axis=1).tolist()


def read_good_runs(paths: Sequence[Path]) -> GoodRuns:
    """The runs of one or several lists (.npy structured arrays: run, start, stop, livetime, optionally events).

    A run that is repeated with the same numbers counts once. Raises ``InputError`` for missing fields, a run with two livetimes, runs that end
    before they begin, live longer than they last or overlap, and a total of zero.
    """
    columns = [_read(path) for path in paths]
    found = {name: np.concatenate([one[name] for one in columns]) for name in (*FIELDS, "events")}
    where = ", ".join(map(str, paths))
    if not len(found["run"]):
        raise InputError(f"{where}: the good run list has no run")
    order = np.argsort(found["run"], kind="stable")
    found = {name: values[order] for name, values in found.items()}
    first = np.concatenate([[True], np.diff(found["run"]) != 0])
    _refuse_contradictions(found, first, where)
    runs = {name: values[first] for name, values in found.items()}
    _refuse_impossible(runs, where)
    return GoodRuns(runs["run"], runs["start"], runs["stop"], runs["livetime"], runs["events"])


def _read(path: Path) -> dict[str, NDArray[np.float64]]:
    from readers.registry import open_source

    with open_source(path) as source:
        if missing := [name for name in FIELDS if name not in source.columns]:
            raise InputError(
                f"{path}: missing field(s) {', '.join(missing)}{nearest(missing[0], source.columns)}; a good run list has {', '.join(FIELDS)}"
            )
        events = source.events(0, len(source))
        numbers = {name: np.asarray(events[name]) for name in FIELDS}
        return {**numbers, "events": np.asarray(events["events"]) if "events" in source.columns else np.zeros(len(source), np.int64)}


def _refuse_contradictions(found: dict[str, NDArray[np.float64]], first: NDArray[np.bool_], where: str) -> None:
    """Rows of one run must say the same."""
    start = np.maximum.accumulate(np.where(first, np.arange(len(first)), 0))
    for name in FIELDS[1:]:
        differs = np.flatnonzero((found[name] != found[name][start]) & ~first)
        if len(differs):
            row = differs[0]
            raise InputError(
                f"{where}: run {found['run'][row]} has two values of {name}, {found[name][start[row]]:g} and {found[name][row]:g}; keep the right one"
            )


def _refuse_impossible(runs: dict[str, NDArray[np.float64]], where: str) -> None:
    length = runs["stop"] - runs["start"]
    for wrong, why in (
        (~(length > 0.0), "a run ends after it begins"),
        (~(runs["livetime"] >= 0.0), "a livetime is a number of days, not negative"),
        (runs["livetime"] > MOST_LIVE * length, "it cannot live longer than it lasts; are its livetimes in days?"),
    ):
        if wrong.any():
            run, start, stop, live = (runs[name][wrong.argmax()] for name in FIELDS)
            raise InputError(f"{where}: run {run} from MJD {start:g} to {stop:g} with a livetime of {live:g} d: {why}")
    order = np.argsort(runs["start"])
    overlapping = np.flatnonzero(runs["start"][order][1:] < runs["stop"][order][:-1] - TOUCHING_DAYS)
    if len(overlapping):
        one, other = runs["run"][order][overlapping[0]], runs["run"][order][overlapping[0] + 1]
        raise InputError(f"{where}: runs {one} and {other} overlap in time; their livetime would count twice")
    if not runs["livetime"].sum() > 0.0:
        raise InputError(f"{where}: the livetime is zero")
