"""Small made-up events with hits, and one HDF5 file changed in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from readers.digihit_writer import HitEvents, write_digihit

PMTS = 10184


def made_events(counts: list[int], seed: int = 0) -> HitEvents:
    """Events with ``counts`` hits each, of four particles, times relative to the first hit, PMTs in order."""
    rng = np.random.default_rng(seed)
    events, offsets = len(counts), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    pmt = np.concatenate([np.empty(0, int), *(np.sort(rng.choice(PMTS, count, replace=False)) for count in counts)])
    time = rng.exponential(20, int(offsets[-1])).astype(np.float32)
    for start, stop in pairwise(offsets):
        time[start:stop] -= time[start:stop].min(initial=np.inf)
    return HitEvents(
        np.arange(events) % 4, rng.uniform(200, 1100, events), rng.uniform(-200, 200, (events, 3)),
        np.stack([rng.uniform(0, np.pi, events), rng.uniform(-np.pi, np.pi, events)], axis=1),
        [f"sim_{row // 10}.root" for row in range(events)], np.arange(events) % 10, offsets,
        pmt, rng.gamma(2, 1, len(pmt)) + 0.05, time,
        rng.uniform(size=events) < 0.3, rng.uniform(size=events) < 0.3, rng.uniform(size=events) < 0.6,
    )  # fmt: skip


def photons(events: HitEvents, seed: int = 1) -> HitEvents:
    """The same events as photons: each hit is one to four photons, the first of them at the hit's time; shuffled inside the event."""
    rng = np.random.default_rng(seed)
    copies = rng.integers(1, 5, len(events.hit_pmt))
    event = np.repeat(np.repeat(np.arange(len(events)), np.diff(events.offsets)), copies)
    later = np.concatenate([[0.0, *rng.exponential(5, count - 1)] for count in copies]) if len(copies) else np.empty(0)
    order = np.lexsort((rng.uniform(size=len(event)), event))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(event, minlength=len(events)))])
    repeated = {name: np.repeat(getattr(events, name), copies) for name in ("hit_pmt", "hit_charge")}
    return replace(
        events, offsets=offsets, hit_pmt=repeated["hit_pmt"][order], hit_charge=np.ones(len(event)), hit_parent=np.arange(len(event)),
        hit_time_ns=(np.repeat(events.hit_time_ns, copies) + later).astype(np.float32)[order],
    )  # fmt: skip


def changed(path: Path, change: Callable[[h5py.File], Any], counts: tuple[int, ...] = (3, 0, 4)) -> Path:
    """A good digihit file after ``change``."""
    write_digihit(path, made_events(list(counts)))
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def put(file: h5py.File, name: str, values: Any) -> None:
    """Replace a dataset."""
    del file[name]
    file[name] = values
