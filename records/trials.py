"""Pseudo-experiments on disk, ``trials.h5``: fitted numbers and test statistics by channel, mass and injected number.

``/bkg/<channel>/<mass>`` and ``/sig/<channel>/<mass>/<injected>`` hold the columns trial, n_hat, ts; attributes: digest of what the trials depend on,
stream, seed, n_events, engine, first, count. Jobs write files of their own, ``merge`` unites them by trial number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from records.atomic import replacing

COLUMNS = ("trial", "n_hat", "ts")
ABOUT = ("digest", "stream", "seed", "n_events", "engine")
RESULT = "result"  # attribute of a file that holds one finished combination


@dataclass(frozen=True, eq=False)
class TrialGroup:
    """Columns of one stream, rising in the trial's number, and what they depend on (names as ``ABOUT``)."""

    trial: NDArray[np.uint64]
    n_hat: NDArray[np.float64]
    ts: NDArray[np.float64]
    about: Mapping[str, Any]


def group_name(kind: str, channel: str, mass_gev: float, injected: float) -> str:
    """Place of a group in the file.

    >>> group_name("sig", "b", 10.0, 250.0), group_name("bkg", "b", 10.0, 0.0)
    ('sig/b/10/250', 'bkg/b/10')
    """
    return f"{kind}/{channel}/{mass_gev:g}" + ("" if kind == "bkg" else f"/{injected:.17g}")


def save_trials(path: str | Path, groups: Mapping[str, TrialGroup], *, result: str | None = None) -> None:
    """Write groups by name, atomically; ``result``: text kept with them."""
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for name, group in groups.items():
            place = file.create_group(name)
            for column in COLUMNS:
                packed = {"compression": "gzip", "shuffle": True} if column == "trial" else {}
                place.create_dataset(column, data=getattr(group, column), **packed)
            place.attrs.update({**group.about, "first": int(group.trial[0]) if len(group.trial) else 0, "count": len(group.trial)})
        if result is not None:
            file.attrs[RESULT] = result


def load_trials(path: str | Path) -> tuple[dict[str, TrialGroup], str | None]:
    """Groups by name, and the text kept with them. Raises ``InputError`` for a file that is missing or not ours."""
    try:
        with h5py.File(path, "r") as file:
            names: list[str] = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Group) and "trial" in item else None)
            return {name: _read(file[name]) for name in names}, file.attrs.get(RESULT)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file of trials; run run_fit.py first") from None
    except (OSError, KeyError) as error:
        raise InputError(f"{path}: not a readable file of trials ({error}); delete it and run run_fit.py again") from None


def _read(place: h5py.Group) -> TrialGroup:
    trial, n_hat, ts = (place[column][...] for column in COLUMNS)
    return TrialGroup(trial, n_hat, ts, {name: place.attrs[name] for name in ABOUT})


def merge(paths: Iterable[str | Path]) -> dict[str, TrialGroup]:
    """All groups of some files, united by trial number; equal copies of a trial count once.

    Raises ``InputError`` for trials of different configurations and for copies that differ, naming file and group.
    """
    merged: dict[str, TrialGroup] = {}
    for path in paths:
        for name, group in load_trials(path)[0].items():
            merged[name] = group if name not in merged else united(merged[name], group, f"{path}: {name}")
    return merged


def united(one: TrialGroup, other: TrialGroup, where: str) -> TrialGroup:
    """The trials of both. Raises ``InputError`` as ``merge``."""
    differing = [key for key in ABOUT if one.about[key] != other.about[key]]
    if differing:
        told = ", ".join(f"{key} {one.about[key]} and {other.about[key]}" for key in differing)
        raise InputError(f"{where}: trials of different configurations cannot be merged ({told}); make them again with one configuration")
    trial = np.concatenate([one.trial, other.trial])
    order = np.argsort(trial, kind="stable")
    columns = {name: np.concatenate([getattr(one, name), getattr(other, name)])[order] for name in ("n_hat", "ts")}
    trial = trial[order]
    again = np.concatenate([[False], trial[1:] == trial[:-1]])
    for values in columns.values():
        differ = np.flatnonzero(again[1:] & (values[1:] != values[:-1]))
        if len(differ):
            raise InputError(f"{where}: trial {int(trial[differ[0]])} is there twice with different results; one of the files is not ours")
    return TrialGroup(trial[~again], columns["n_hat"][~again], columns["ts"][~again], one.about)
