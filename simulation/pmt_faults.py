"""Deliberate faults in generated .trc files: what a reader must refuse, or read all the same."""

from __future__ import annotations

import numpy as np

from readers.trc_layout import TEMPLATES

# Number of a file -> what is wrong with it. Big-endian and 8-bit files are good files of another make.
FAULTS = {3: "truncated", 5: "header only", 7: "big endian", 9: "int8", 11: "saturated", 13: "DC 1 Mohm", 15: "missing"}
PREFIX_BYTES = 11
CUT_BYTES = 300
DC_1_MOHM = 2
AMPLIFIED = 16


def faulty(fault: str, content: bytes) -> bytes | None:
    """The bytes of a good file (#9 header, little endian, int16, one segment) with one fault; nothing for a file that is to be missing."""
    if fault == "missing":
        return None
    if fault == "truncated":
        return content[:-CUT_BYTES]
    template = TEMPLATES["LECROY_2_3"]
    start = PREFIX_BYTES + template.size
    if fault == "header only":
        return content[:start]
    header = np.frombuffer(content[PREFIX_BYTES:start], dtype=template.dtype("<")).copy()
    codes = np.frombuffer(content[start:], dtype="<i2")
    if fault == "big endian":
        header["COMM_ORDER"] = 0
        return _with(header.astype(template.dtype(">")), codes.astype(">i2"))
    if fault == "int8":
        header["COMM_TYPE"], header["WAVE_ARRAY_1"] = 0, len(codes)
        header["VERTICAL_GAIN"] *= 256
        header["MAX_VALUE"], header["MIN_VALUE"] = 127, -128
        return _with(header, (codes // 256).astype("i1"))
    if fault == "saturated":
        level = int(np.median(codes))
        return _with(header, np.clip((codes.astype(np.int32) - level) * AMPLIFIED + level, -32768, 32512).astype("<i2"))
    header["VERT_COUPLING"] = DC_1_MOHM
    return _with(header, codes)


def _with(header: np.ndarray, codes: np.ndarray) -> bytes:
    body = header.tobytes() + codes.tobytes()
    return b"#9%09d" % len(body) + body
