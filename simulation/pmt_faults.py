"""Deliberate faults in generated .trc files: what a reader must refuse, or read all the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulation.trc_writer import TrcSettings, trc_bytes

# Number of a file -> what is wrong with it. Big-endian and 8-bit files are good files of another make.
FAULTS = {3: "truncated", 5: "header only", 7: "big endian", 9: "int8", 11: "saturated", 13: "DC 1 Mohm", 15: "missing"}
CUT_BYTES = 300
CODE_STEP = 256  # of 8 bits in 16
DC_1_MOHM = 2
AMPLIFIED = 16
LOWEST, HIGHEST = -32768, 32512


def faulty(fault: str, codes: NDArray[np.int16], settings: TrcSettings, time: Mapping[str, Any]) -> bytes | None:
    """The bytes of a file of one trigger with a fault; nothing for a file that is to be missing."""
    fields = dict(settings.fields) | dict(time)
    good = trc_bytes(codes, settings, **time)
    if fault == "missing":
        return None
    if fault == "truncated":
        return good[:-CUT_BYTES]
    if fault == "header only":
        return good[: len(good) - codes.nbytes]
    if fault == "big endian":
        return trc_bytes(codes, replace(settings, order=">"), **time)
    if fault == "int8":
        return trc_bytes((codes // CODE_STEP).astype(np.int8), settings, **(dict(time) | {"VERTICAL_GAIN": CODE_STEP * fields["VERTICAL_GAIN"]}))
    if fault == "saturated":
        level = int(np.median(codes))
        return trc_bytes(np.clip((codes.astype(np.int32) - level) * AMPLIFIED + level, LOWEST, HIGHEST).astype(np.int16), settings, **time)
    if fault == "DC 1 Mohm":
        return trc_bytes(codes, settings, **(dict(time) | {"VERT_COUPLING": DC_1_MOHM}))
    raise ValueError(f"no fault {fault!r}")
