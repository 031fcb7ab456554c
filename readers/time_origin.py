"""The time origin of hit times: relative to the event's first hit, or as triggered by the simulation.

The current public writer subtracts the event's minimum; older files keep WCSim's trigger time, whose offset is 950 ns (public configuration:
channel_scale_offset, time: 950).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from readers.segments import segment_min
from readers.source import SourceError

SAMPLE_EVENTS = 2000  # with hits, that tell the convention
RELATIVE_NS = 1e-3  # a first hit that near to zero is the origin itself
RELATIVE_SHARE = 0.99
RAW_RANGE_NS = (700.0, 1200.0)
RAW_OFFSET_NS = 950.0

TimeZero = Literal["auto", "none", "event_min"] | float


@dataclass(frozen=True)
class TimeOrigin:
    """Which convention the times follow and what to subtract from them; ``median_ns`` of the events' first hits (NaN without hits)."""

    convention: Literal["relative", "raw"]
    offset_ns: float
    median_ns: float


def time_origin(times_ns: NDArray[Any], offsets: NDArray[Any], path: str = "events") -> TimeOrigin:
    """Find the convention from the hit times of some events. Raises ``SourceError`` when they follow neither.

    >>> time_origin(np.array([955.0, 930.0, 1001.0]), np.array([0, 2, 3])).offset_ns
    950.0
    """
    first = segment_min(times_ns, offsets)
    first = first[np.isfinite(first)]
    median = float(np.median(first)) if len(first) else np.nan
    if not len(first) or np.mean(np.abs(first) < RELATIVE_NS) >= RELATIVE_SHARE:
        return TimeOrigin("relative", 0.0, median)
    if RAW_RANGE_NS[0] <= median <= RAW_RANGE_NS[1]:
        return TimeOrigin("raw", RAW_OFFSET_NS, median)
    raise SourceError(
        f"{path}: cannot tell the time origin (median first hit {median:.4g} ns); set processor.time_zero (none, event_min or a number of ns)"
    )


def sampled_origin(times_ns: Callable[[int, int], NDArray[Any]], offsets: NDArray[Any], path: str) -> TimeOrigin:
    """The convention of a file from its first ``SAMPLE_EVENTS`` events with hits; ``times_ns(first, last)`` reads the times of these hits."""
    with_hits = np.flatnonzero(np.diff(offsets))
    part = offsets[: int(with_hits[:SAMPLE_EVENTS][-1]) + 2 if len(with_hits) else 1]
    return time_origin(times_ns(int(part[0]), int(part[-1])), part - part[0], path)


def offsets_ns(events: ak.Array, time_zero: TimeZero) -> NDArray[np.float64]:
    """What to subtract from the hit times of each event: found in the file (``auto``), nothing, the event's first hit, or a number of ns.

    ``auto`` is one decision for a whole file, whatever part of it ``events`` are. Events without hits get 0 where there is no first hit.
    """
    if time_zero == "auto":
        return np.asarray(events.time_zero, dtype=np.float64)
    if time_zero == "event_min":
        return np.asarray(ak.fill_none(ak.min(events.hits.time, axis=1), 0.0), dtype=np.float64)
    return np.full(len(events), 0.0 if time_zero == "none" else float(time_zero))
