"""Trigger times of LeCroy waveform files: the date of the first trigger, and the segments' own times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from readers.trc_checks import LONGEST_TIME_S
from readers.trc_layout import DAMAGED, Layout, Refusal

FIRST_YEAR, LAST_YEAR = 1970, 2261  # of datetime64[ns] in whole years
ENTRY_BYTES = 16  # f8 time since the first trigger, f8 offset of the first sample from its own trigger, s


def start_times(headers: NDArray) -> NDArray[np.datetime64]:
    """TRIGGER_TIME of every descriptor as datetime64[ns] (the oscilloscope's local clock, no zone); NaT where it is no date."""
    year, month, day = (headers[f"TRIGGER_{name}"].astype(np.int64) for name in ("YEAR", "MONTH", "DAY"))
    hour, minute = (headers[f"TRIGGER_{name}"].astype(np.int64) for name in ("HOUR", "MINUTE"))
    second = headers["TRIGGER_SECOND"].astype(np.float64)
    valid = _within(year, FIRST_YEAR, LAST_YEAR) & _within(month, 1, 12) & _within(day, 1, 31)
    valid &= _within(hour, 0, 23) & _within(minute, 0, 59) & (second >= 0) & (second < 61)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("M8[M]")
    days = months.astype("M8[D]") + np.where(valid, day - 1, 0).astype("m8[D]")
    valid &= days.astype("M8[M]") == months  # no 31 February
    whole = (np.where(valid, hour * 60 + minute, 0) * 60_000_000_000).astype("m8[ns]")
    part = np.rint(np.where(valid, second, 0.0) * 1e9).astype("m8[ns]")
    return np.where(valid, days.astype("M8[ns]") + whole + part, np.datetime64("NaT", "ns"))


def _within(values: NDArray[np.int64], lowest: int, highest: int) -> NDArray[np.bool_]:
    return (values >= lowest) & (values <= highest)


def segment_times(contents: NDArray[np.uint8], layout: Layout) -> NDArray[np.float64] | None:
    """TRIGTIME of files with one layout (files, segments, 2) in s; None where they have none.

    ``contents``: (files, bytes), at least up to the samples.
    """
    length = layout.blocks["TRIGTIME_ARRAY"]
    if not length:
        return None
    at = layout.starts_at("TRIGTIME_ARRAY")
    stored = np.ascontiguousarray(contents[:, at : at + length]).view(f"{layout.order}f8")
    return stored.astype(np.float64).reshape(len(contents), length // ENTRY_BYTES, 2)


def check_times(times: NDArray[np.float64] | None, layout: Layout) -> dict[int, Refusal]:
    """Row -> refusal of the files that have a time which can be none."""
    if times is None:
        return {}
    bad = ~(np.abs(times) <= LONGEST_TIME_S)
    refused = {}
    for row in np.flatnonzero(bad.any(axis=(1, 2))).tolist():
        segment, which = np.argwhere(bad[row])[0].tolist()
        at = layout.starts_at("TRIGTIME_ARRAY") + ENTRY_BYTES * segment + 8 * which
        refused[row] = Refusal(f"TRIGTIME_ARRAY[{segment}]", str(times[row, segment, which]), "a time in s, at most 30 years", DAMAGED, at)
    return refused
