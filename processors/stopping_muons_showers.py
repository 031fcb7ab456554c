"""Numbers that belong to a shower: which part of the simulation it is in, and how often it counts in each replica of the bootstrap.

They are hashes of (file name, Run, Event, seed), so that they depend on no order and no chunk, and all muons of a shower share them.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Keys = NDArray[np.uint64]

# Steele, Lea, Flood, OOPSLA 2014 (doi:10.1145/2660193.2660195): increment and finaliser of SplitMix64.
STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SPLIT, SAMPLE, REPLICAS = (number << 32 for number in (1, 2, 3))  # streams of numbers of one shower
LARGEST_COUNT = 20  # P(a Poisson number of mean 1 is above) = 2e-20


def file_labels(paths: Sequence[str]) -> dict[str, str]:
    """Path -> the name that stands for a file in keys: its own, with folders before it only where two files have the same.

    >>> file_labels(["a/run.hdf5", "b/run.hdf5", "b/other.hdf5"])
    {'a/run.hdf5': 'a/run.hdf5', 'b/run.hdf5': 'b/run.hdf5', 'b/other.hdf5': 'other.hdf5'}
    """
    parts = {path: PurePosixPath(path).parts for path in paths}
    labels = {path: one[-1] for path, one in parts.items()}
    for depth in range(2, max(map(len, parts.values()), default=0) + 1):
        twice = {label for label, number in Counter(labels.values()).items() if number > 1}
        if not twice:
            break
        labels = {path: "/".join(parts[path][-depth:]) if label in twice else label for path, label in labels.items()}
    return labels


def shower_keys(file_label: str, run: ArrayLike, event: ArrayLike, seed: int) -> Keys:
    """A 64-bit key for each (Run, Event) of a file."""
    start = np.uint64(int.from_bytes(hashlib.blake2b(f"{seed} {file_label}".encode(), digest_size=8).digest(), "little"))
    keys = np.full(np.shape(run), start, dtype=np.uint64)
    for number in (run, event):
        keys = _mixed(keys + STEP * (np.asarray(number).astype(np.int64).astype(np.uint64) + np.uint64(1)))
    return keys


def uniform(keys: Keys, stream: int) -> Array:
    """One number in [0, 1) for each key, of one of the streams ``SPLIT`` and ``SAMPLE``."""
    return (_mixed(keys ^ np.uint64(stream * int(STEP) % 2**64)) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(keys: Keys) -> Keys:
    keys = (keys ^ (keys >> np.uint64(30))) * FIRST
    keys = (keys ^ (keys >> np.uint64(27))) * SECOND
    return keys ^ (keys >> np.uint64(31))


def _limits() -> Keys:
    """P(number <= k) of a Poisson number of mean 1, in units of 2^-64."""
    below = np.cumsum([math.exp(-1.0) / math.factorial(k) for k in range(LARGEST_COUNT)])
    return np.array([*(min(int(one * 2.0**64), 2**64 - 1) for one in below), 2**64 - 1], dtype=np.uint64)


LIMITS = _limits()


def replica_counts(keys: Keys, replicas: int) -> NDArray[np.int64]:
    """How often each shower counts in replicas 1 to ``replicas``: (showers, replicas), Poisson numbers of mean 1."""
    counts = np.empty((len(keys), replicas), dtype=np.int64)
    _counts(keys, LIMITS, counts)
    return counts


def replica_sums(keys: Keys, cell: NDArray[np.intp], member: NDArray[np.bool_], terms: Array, squares: Array, shape: tuple[int, int, int]) -> Array:
    """Sums over events of count x term and count^2 x square: (2, groups, replicas, cells) for ``shape`` = (groups, replicas, cells).

    ``member`` (groups, events) says who counts in which group; ``cell`` (events) is the bin. Terms in whole quanta give exact sums.
    """
    groups, replicas, cells = shape
    found = np.zeros((2, groups, cells, replicas))
    _sums(keys, LIMITS, cell.astype(np.int64), np.ascontiguousarray(member), terms, squares, found)
    return np.ascontiguousarray(np.swapaxes(found, 2, 3))


@numba.njit(inline="always")
def _count(key: int, number: int, limits: Keys) -> int:
    """The Poisson number of one shower in replica ``number`` (from 0)."""
    mixed = key ^ (np.uint64(REPLICAS + number) * STEP)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * SECOND
    mixed = mixed ^ (mixed >> np.uint64(31))
    count = 0
    while mixed >= limits[count] and count < len(limits) - 1:
        count += 1
    return count


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _counts(keys: Keys, limits: Keys, counts: NDArray[np.int64]) -> None:
    for event in range(len(keys)):
        for number in range(counts.shape[1]):
            counts[event, number] = _count(keys[event], number, limits)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _sums(keys: Keys, limits: Keys, cell: NDArray, member: NDArray, terms: Array, squares: Array, found: Array) -> None:
    replicas = found.shape[3]
    counts = np.empty(replicas)
    for event in range(len(keys)):
        for number in range(replicas):
            counts[number] = _count(keys[event], number, limits)
        for group in range(found.shape[1]):
            if member[group, event]:
                values, variances = found[0, group, cell[event]], found[1, group, cell[event]]
                for number in range(replicas):
                    values[number] += counts[number] * terms[event]
                    variances[number] += counts[number] * counts[number] * squares[event]
