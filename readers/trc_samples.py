"""ADC codes of a group of waveform files: views of bytes in memory, or read from disk for the triggers asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from readers.trc_layout import Layout

ReadCodes = Callable[[int, int], NDArray]  # triggers first to last (exclusive) -> (triggers, samples), native


def codes_in_memory(contents: NDArray[np.uint8], layout: Layout) -> ReadCodes:
    """Of whole files (files, bytes). Codes of single triggers in this machine's order are views."""
    at = layout.codes_at
    stored = contents[:, at : at + layout.count * layout.sample_dtype.itemsize].view(layout.sample_dtype)

    def read(first: int, last: int) -> NDArray:
        start, stop = first // layout.segments, -(-last // layout.segments)
        triggers = stored[start:stop].reshape(-1, layout.samples)
        return native(triggers[first - start * layout.segments : last - start * layout.segments])

    return read


def codes_on_disk(read_bytes: Sequence[Callable[[int, int], bytes]], layout: Layout) -> ReadCodes:
    """Of files that ``read_bytes`` (one for each file) gives from a byte in a length: only the segments asked for are read, when asked for."""
    bytes_of_trigger = layout.samples * layout.sample_dtype.itemsize

    def read(first: int, last: int) -> NDArray:
        parts = []
        for number in range(first // layout.segments, -(-last // layout.segments)):
            begin = max(first - number * layout.segments, 0)
            end = min(last - number * layout.segments, layout.segments)
            raw = read_bytes[number](layout.codes_at + begin * bytes_of_trigger, (end - begin) * bytes_of_trigger)
            parts.append(np.frombuffer(raw, dtype=layout.sample_dtype).reshape(-1, layout.samples))
        return native(np.concatenate(parts) if parts else np.empty((0, layout.samples), layout.sample_dtype))

    return remembered(read)


def remembered(read: ReadCodes) -> ReadCodes:
    """``read`` that keeps what it gave last: several columns of one span of entries are made of the same samples."""
    kept: dict[tuple[int, int], NDArray] = {}

    def reading(first: int, last: int) -> NDArray:
        if (first, last) not in kept:
            codes = read(first, last)
            kept.clear()
            kept[first, last] = codes
        return kept[first, last]

    return reading


def native(codes: NDArray) -> NDArray:
    """The codes aligned and in this machine's byte order; as they are where they already are so."""
    return np.require(codes, dtype=codes.dtype.newbyteorder("="), requirements="A")
