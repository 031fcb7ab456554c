"""Events of all seasons against each other and against the good run lists."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from records.tables import Table

AREA_GEV = (80.0, 125.0)
AREA_CM2 = (1e-3, 1e4)
KEYS = ("run", "event", "subevent")


def refuse_repeated(tables: Mapping[str, Table]) -> None:
    """No event may be given twice, in one season or in two. Raises ``InputError`` naming the data sets of the first."""
    keys = np.concatenate([np.stack([table[name] for name in KEYS], axis=1) for table in tables.values()])
    owner = np.repeat(np.arange(len(tables)), [len(table) for table in tables.values()])
    order = np.lexsort((owner, *keys.T[::-1]))
    same = np.flatnonzero((np.diff(keys[order], axis=0) == 0).all(axis=1))
    if len(same):
        run, event, subevent = keys[order[same[0]]]
        of = " and ".join(dict.fromkeys(list(tables)[owner[order[place]]] for place in (same[0], same[0] + 1)))
        raise InputError(
            f"{len(same)} event(s) of the data are given more than once, first run {run}, event {event}, subevent {subevent} in {of}; "
            f"remove the copies"
        )


def warn_of_runs(name: str, table: Table, metadata: Mapping[str, Any], dropped: int = 0) -> None:
    """Warn when the events of a data set are not those of its good run list: events of other runs, or another number of them.

    Raises ``InputError`` when none of them is: then the livetime is not theirs.

    ``dropped`` events, those without energy, are not in the table.
    """
    spans = metadata.get("runs")
    if spans is None:
        return
    good = in_spans(table["run"], spans)
    if len(good) and not good.any():
        told, listed = f"runs {table['run'].min()} to {table['run'].max()}", f"runs {spans[0][0]} to {spans[-1][1]}"
        raise InputError(f"{name}: none of the {len(good)} events ({told}) is of the good run list ({listed}); is it that of another season?")
    if not good.all():
        outside = np.unique(table["run"][~good])
        warnings.warn(
            f"{name}: {np.count_nonzero(~good)} events of {len(outside)} run(s) that are not in the good run list, first run {outside[0]}; "
            f"their livetime is missing, remove them or add the runs",
            UserWarning,
            stacklevel=3,
        )
    stated = metadata.get("events_of_runs", 0)
    if stated and stated != np.count_nonzero(good) + dropped:
        warnings.warn(
            f"{name}: the good run list states {stated} events, {np.count_nonzero(good) + dropped} are there; "
            f"livetime and events may be of different selections",
            UserWarning,
            stacklevel=3,
        )


def warn_of_area(name: str, acceptance: hist.Hist) -> None:
    """Warn when the weights of a simulation are an effective area that no detector has, as when they are in m^2.

    At 100 GeV a nucleon has 7e-37 cm^2 for charged currents of neutrinos (Particle Data Group): 0.01 cm^2 for 20 kilotons of water, 400 cm^2 for a
    gigaton. No warning without simulation there.
    """
    energy = acceptance.axes["true_log_energy"].edges
    first, last = np.searchsorted(energy, np.log10(AREA_GEV))
    filled: Any = acceptance.values(flow=True)[:, first:last]
    if not filled.sum() > 0.0:
        return
    area = float(filled.sum() / (2.0 * 4.0 * math.pi * (10.0 ** energy[last] - 10.0 ** energy[first])))
    if not AREA_CM2[0] <= area <= AREA_CM2[1]:
        warnings.warn(
            f"{name}: the weights ow mean an effective area of {area:.2g} cm^2 at 100 GeV, outside {AREA_CM2[0]:g} to {AREA_CM2[1]:g} cm^2; "
            "are they in GeV cm^2 sr, and not in m^2 or per generated event?",
            UserWarning,
            stacklevel=3,
        )


def in_spans(run: NDArray[np.int64], spans: Any) -> NDArray[np.bool_]:
    """Which runs lie in one of the ``spans`` (first and last number, rising)."""
    first, last = np.asarray(spans, dtype=np.int64).reshape(-1, 2).T
    place = np.searchsorted(first, run, side="right") - 1
    return np.asarray((place >= 0) & (run <= last[place]))
