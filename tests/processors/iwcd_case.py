"""Made-up water-Cherenkov events that the tests of the processor share."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from configs.iwcd import Processor
from physics.tank import angles_from_direction
from processors.chunks import DatasetInput, EventFile
from processors.iwcd import IwcdProcessor
from readers import open_source
from readers.digihit_writer import HitEvents, write_digihit
from readers.events import with_metadata

PMTS = 10184
COUNTS = (0, 40, 3, 0, 1, 120, 77, 0)  # hits; first and last event have none


def made(counts: tuple[int, ...] = COUNTS, seed: int = 1, **changes: Any) -> HitEvents:
    """Events of four particles in turn, uniform in the tank, with hits on random photomultipliers; everything float32 as in files."""
    rng = np.random.default_rng(seed)
    n, offsets = len(counts), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    direction = rng.normal(size=(n, 3))
    radius, azimuth = 400 * np.sqrt(rng.uniform(size=n)), rng.uniform(0, 2 * np.pi, n)
    pmt = np.concatenate([np.empty(0, int), *(np.sort(rng.choice(PMTS, count, replace=False)) for count in counts)])
    time = rng.exponential(20, len(pmt)).astype(np.float32)
    for start, stop in pairwise(offsets):
        time[start:stop] -= time[start:stop].min(initial=np.inf)
    events = HitEvents(
        np.arange(n, dtype=np.int32) % 4, rng.uniform(200, 1100, n).astype(np.float32),
        np.stack([radius * np.cos(azimuth), rng.uniform(-300, 300, n), radius * np.sin(azimuth)], axis=1).astype(np.float32),
        np.stack(angles_from_direction(direction / np.linalg.norm(direction, axis=1)[:, None]), axis=1).astype(np.float32),
        [f"/sim/run_{row // 3}.root" for row in range(n)], np.arange(n, dtype=np.int32) % 3, offsets, pmt.astype(np.int32),
        (rng.gamma(2, 1, len(pmt)) + 0.05).astype(np.float32), time,
        rng.uniform(size=n) < 0.3, rng.uniform(size=n) < 0.3, rng.uniform(size=n) < 0.6,
    )  # fmt: skip
    return replace(events, **changes)


def written(path: Path, events: HitEvents | None = None, layout: Any = "contiguous") -> Path:
    return write_digihit(path, events or made(), layout=layout)


def read(path: Path, start: int = 0, stop: int | None = None, **metadata: Any) -> Any:
    """Events of a file as the engine hands them to a processor."""
    source = open_source(str(path))
    stop = len(source) if stop is None else stop
    return with_metadata(source.events(start, stop), {"kind": "mc", "filename": str(path), "entrystart": start, "entrystop": stop, **metadata})


def processed(path: Path, processor: IwcdProcessor | None = None, **options: Any) -> dict[str, Any]:
    return (processor or IwcdProcessor(Processor(**options))).process(read(path))


def dataset(path: Path, processor: IwcdProcessor | None = None) -> DatasetInput:
    return DatasetInput("mc", "mc", (EventFile((str(path),)),), processor or IwcdProcessor(name="mc"))
