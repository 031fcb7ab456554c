"""Photo-electrons, charges and times of one event from the light expected on every photomultiplier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.float64]

DARK_RATE_PER_NS = 1.0e-7  # 0.1 kHz
WINDOW_NS = 100.0
SCATTER_DELAY_NS = 15.0
SINGLE_CHARGE_SPREAD = 0.35
CHARGE_FLOOR_PE = 0.05
TIME_SPREAD_NS = 0.9
EARLY_NS = 1.08  # by which the first of many photo-electrons comes before the mean
TRIGGER_HITS = 25  # an event needs more


@dataclass(frozen=True)
class Photons:
    """Detected photo-electrons, one entry each: photomultiplier, time in ns, track that made it (-1: dark noise)."""

    pmt: NDArray[np.int64]
    time_ns: Array
    parent: NDArray[np.int32]


@dataclass(frozen=True)
class Hits:
    """Digitised hits, one for each photomultiplier, ordered by it: charge in p.e., time in ns after the event's first hit."""

    pmt: NDArray[np.int32]
    charge_pe: NDArray[np.float32]
    time_ns: NDArray[np.float32]


@dataclass(frozen=True)
class Detection:
    """Photo-electrons of one event by origin; direct ones counted by photomultiplier."""

    direct: NDArray[np.int64]
    mean_time_ns: Array
    scattered: Photons
    dark: Photons


def detect(rng: Generator, expected_pe: Array, mean_time_ns: Array, scatter: float) -> Detection:
    """Throw direct, scattered and dark photo-electrons.

    ``expected_pe`` and ``mean_time_ns`` (n,) by photomultiplier; ``scatter`` is the fraction that arrives elsewhere and late. Without direct light
    nothing scatters; dark noise lies within ``WINDOW_NS`` of the first light.
    """
    direct = rng.poisson((1.0 - scatter) * expected_pe)
    times = mean_time_ns[direct > 0]
    n_scattered = rng.poisson(scatter * expected_pe.sum()) if times.size else 0
    n_dark = rng.poisson(DARK_RATE_PER_NS * WINDOW_NS * len(expected_pe))
    scattered = _scatter(rng, n_scattered, len(expected_pe), float(np.median(times)) if times.size else 0.0)
    first = float(times.min()) if times.size else 0.0
    dark_time = first + rng.uniform(0.0, WINDOW_NS, n_dark)
    dark = Photons(rng.integers(0, len(expected_pe), n_dark), dark_time, np.full(n_dark, -1, dtype=np.int32))
    return Detection(direct, mean_time_ns, scattered, dark)


def _scatter(rng: Generator, n: int, n_pmt: int, median_ns: float) -> Photons:
    return Photons(rng.integers(0, n_pmt, n), median_ns + rng.exponential(SCATTER_DELAY_NS, n), np.ones(n, dtype=np.int32))


def digitise(rng: Generator, detection: Detection, charge_scale: float) -> Hits:
    """One hit for each photomultiplier with light; no hits at all where the event does not trigger."""
    n = len(detection.direct)
    stray = np.concatenate([detection.scattered.pmt, detection.dark.pmt])
    count = detection.direct + np.bincount(stray, minlength=n)
    pmt = np.flatnonzero(count)
    if len(pmt) <= TRIGGER_HITS:
        return Hits(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.float32))
    time = np.full(n, np.inf)
    lit = np.flatnonzero(detection.direct)
    time[lit] = _direct_time(rng, detection.direct[lit], detection.mean_time_ns[lit])
    np.minimum.at(time, stray, np.concatenate([detection.scattered.time_ns, detection.dark.time_ns]))
    charge = np.maximum(rng.normal(count[pmt], SINGLE_CHARGE_SPREAD * np.sqrt(count[pmt])), CHARGE_FLOOR_PE) * charge_scale
    relative = (time[pmt] - time[pmt].min()).astype(np.float32)
    kept = relative < WINDOW_NS
    return Hits(pmt[kept].astype(np.int32), charge[kept].astype(np.float32), relative[kept])


def _direct_time(rng: Generator, count: NDArray[np.int64], mean_ns: Array) -> Array:
    """Time of the first of ``count`` photo-electrons: earlier and sharper the more there are."""
    spread = TIME_SPREAD_NS / np.sqrt(1.0 + 0.6 * (count - 1))
    return mean_ns - EARLY_NS * (1.0 - count**-0.5) + rng.normal(0.0, spread)


def photons(rng: Generator, detection: Detection) -> Photons:
    """Every photo-electron on its own, ordered by photomultiplier: what a photon-level (truehit) file holds."""
    lit = np.repeat(np.arange(len(detection.direct)), detection.direct)
    direct = Photons(lit, rng.normal(detection.mean_time_ns[lit], TIME_SPREAD_NS), np.ones(len(lit), dtype=np.int32))
    parts = (direct, detection.scattered, detection.dark)
    pmt = np.concatenate([part.pmt for part in parts])
    order = np.argsort(pmt, kind="stable")
    time = np.concatenate([part.time_ns for part in parts])
    return Photons(pmt[order], time[order], np.concatenate([part.parent for part in parts])[order])
