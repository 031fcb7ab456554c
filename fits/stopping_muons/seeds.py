"""Random numbers of each purpose apart, all from the seed of the configuration."""

from __future__ import annotations

import zlib

import numpy as np


def seed_of(seed: int, *purpose: str) -> int:
    """A seed for one purpose, the same whatever else is done.

    >>> seed_of(42, "scan", "range") == seed_of(42, "scan", "range") != seed_of(42, "scan", "energy")
    True
    """
    sequence = np.random.SeedSequence(seed, spawn_key=tuple(zlib.crc32(word.encode()) for word in purpose))
    return int(sequence.generate_state(1)[0])
