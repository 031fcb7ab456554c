"""Files of 3000 events with hits, and of 300,000 tiled from them, for the benchmarks of reading and of sums over events."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

EVENTS = 3000
TILES = {3000: 1, 300_000: 100}
MEAN_HITS = 1280.66
BYTES_A_HIT = 12
HIT_DATASETS = {"hit_pmt": np.int32, "hit_charge": np.float32, "hit_time": np.float32}
LARGE = "300000"  # name of the large file


def counts() -> np.ndarray:
    """Hits of 3000 events: those of the real sample in mean and spread, 59 without hits."""
    rng = np.random.default_rng(0)
    found = rng.gamma(1.8, MEAN_HITS / 1.8 * EVENTS / (EVENTS - 59), EVENTS).astype(np.int64)
    found[rng.choice(EVENTS, 59, replace=False)] = 0
    return found


def tiled_file(events: int, folder: Path) -> Path:
    """The file of so many events; skips where 4.9 GB of disk are not free."""
    tiles, one = TILES[events], counts()
    needed = int(tiles * one.sum() * BYTES_A_HIT * 1.2)
    if shutil.disk_usage(folder).free < 2 * needed:
        pytest.skip(f"{needed / 1e9:.1f} GB of disk are not free in {folder}")
    return write_tiled(folder / f"{events}.h5", one, tiles)


def write_tiled(target: Path, one: np.ndarray, tiles: int, **storage: Any) -> Path:
    """A digihit file of the same events many times over, contiguous unless ``storage`` says otherwise."""
    rng, hits = np.random.default_rng(1), int(one.sum())
    events = tiles * len(one)
    with h5py.File(target, "w", alignment_threshold=1, alignment_interval=8) as file:
        file["event_hits_index"] = np.concatenate([[0], np.cumsum(np.tile(one, tiles))[:-1]])
        file["labels"], file["event_ids"] = np.zeros(events, "i4"), np.arange(events, dtype="i4")
        file["energies"] = rng.uniform(0, 1000, (events, 1)).astype("f4")
        file["positions"], file["angles"] = np.zeros((events, 1, 3), "f4"), np.zeros((events, 2), "f4")
        for name, dtype in HIT_DATASETS.items():
            values = rng.integers(0, 10184, hits).astype(dtype) if dtype is np.int32 else rng.gamma(2, 1, hits).astype(dtype)
            dataset = file.create_dataset(name, (tiles * hits,), dtype, **storage)
            for tile in range(tiles):
                dataset[tile * hits : (tile + 1) * hits] = values
    return target


def keep_freed_memory() -> None:
    """Free one large block: the C library then keeps what is freed, and the clock does not count pages that are given back and fetched again."""
    np.ones(3_000_000)
