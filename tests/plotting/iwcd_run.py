"""A small run of ``iwcd`` for tests of its figures: events of four particles in a file, processed once."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from configs.schema import IwcdConfig
from physics.tank import angles_from_direction
from processors.stage import process
from readers.digihit_writer import HitEvents, write_digihit

PMTS = 10184


def events(n: int = 120, seed: int = 3) -> HitEvents:
    """Uniform in the tank; every tenth event has no hits, others as many as half their energy in MeV, on random photomultipliers."""
    random = np.random.default_rng(seed)
    energy = random.uniform(200.0, 1100.0, n).astype(np.float32)
    counts = np.where(np.arange(n) % 10 == 0, 0, energy / 2.0).astype(int)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    direction = random.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    radius, azimuth = 400.0 * np.sqrt(random.uniform(size=n)), random.uniform(0.0, 2.0 * np.pi, n)
    position = np.stack([radius * np.cos(azimuth), random.uniform(-300.0, 300.0, n), radius * np.sin(azimuth)], axis=1)
    pmt = np.concatenate([random.choice(PMTS, count, replace=False) for count in counts])
    time = random.exponential(20.0, len(pmt)).astype(np.float32)
    for start, stop in pairwise(offsets):
        time[start:stop] -= time[start:stop].min(initial=np.inf)
    flags = [random.uniform(size=n) < share for share in (0.3, 0.3, 0.6)]
    return HitEvents(
        np.arange(n, dtype=np.int32) % 4, energy, position.astype(np.float32), np.stack(angles_from_direction(direction), axis=1).astype(np.float32),
        ["/sim/run_0.root"] * n, np.arange(n, dtype=np.int32), offsets, pmt.astype(np.int32),
        (random.gamma(2.0, 1.0, len(pmt)) + 0.05).astype(np.float32), time, *flags,
    )  # fmt: skip


def config(folder: Path, **changes: Any) -> IwcdConfig:
    """A configuration with the file as its data set ``mc``."""
    given: dict[str, Any] = {
        "name": "small", "analysis": "iwcd", "output_dir": str(folder), "source": folder / "small.yaml",
        "datasets": {"mc": {"files": [str(folder / "events.h5")], "kind": "mc"}},
        "plots": {"label": "Test", "formats": ["png"], "event_displays": 1, "min_hits_box": 300}, "executor": {"kind": "iterative"},
    }  # fmt: skip
    return IwcdConfig.model_validate(given | changes)


def run(folder: Path) -> IwcdConfig:
    """Write the events and process them; returns the configuration."""
    write_digihit(folder / "events.h5", events())
    chosen = config(folder)
    process(chosen)
    return chosen
