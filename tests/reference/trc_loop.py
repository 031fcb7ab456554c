"""Waveform files one by one, as a script would read them: a structured type for the descriptor, no checks. The yardstick of the batch reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

DESCRIPTOR = np.dtype(
    {
        "names": ["text", "times", "bytes", "count", "segments", "gain", "offset", "dt", "t0"],
        "formats": ["<i4", "<i4", "<i4", "<i4", "<i4", "<f4", "<f4", "<f4", "<f8"],
        "offsets": [40, 48, 60, 116, 144, 156, 160, 176, 180],
        "itemsize": 346,
    }
)


def read_one(path: str) -> tuple[np.ndarray, float, float, float, float]:
    """Codes, V per code, V offset, step in ns, first time in ns of a single little-endian LECROY_2_3 file."""
    content = Path(path).read_bytes()
    at = content.find(b"WAVEDESC", 0, 64)
    head = np.frombuffer(content, DESCRIPTOR, 1, at)[0]
    first = at + 346 + int(head["text"]) + int(head["times"])
    codes = np.frombuffer(content, "<i2", int(head["count"]), first)
    return codes, float(head["gain"]), float(head["offset"]), float(head["dt"]) * 1e9, float(head["t0"]) * 1e9


def read_loop(paths: Sequence[str]) -> np.ndarray:
    """Codes (files, samples)."""
    return np.stack([read_one(path)[0] for path in paths])
