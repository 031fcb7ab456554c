"""LeCroy waveform files as an oscilloscope writes them: any template, byte order and sample size, sequences, user text, envelope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest
from readers.trc_layout import LINE_END, TEMPLATES, Order

COMM_ORDER: dict[Order, int] = {"<": 1, ">": 0}
LIMITS = {1: (-128, 127), 2: (-32768, 32512)}  # MIN_VALUE, MAX_VALUE by bytes of a sample; 16-bit codes are in steps of 256
COUNT_DIGITS = 9  # of the block header #9
DEFAULTS: Mapping[str, Any] = MappingProxyType({
    "INSTRUMENT_NAME": b"LECROYWR64Xi-A", "INSTRUMENT_NUMBER": 1, "SWEEPS_PER_ACQ": 1, "SPARSING_FACTOR": 1, "VERTICAL_GAIN": 1.24995e-4,
    "NOMINAL_BITS": 8, "HORIZ_INTERVAL": 1e-9, "VERTUNIT": b"V", "HORUNIT": b"S", "TRIGGER_YEAR": 2024, "TRIGGER_MONTH": 7, "TRIGGER_DAY": 1,
    "RIS_SWEEPS": 1, "TIMEBASE": 11, "PROBE_ATT": 1.0, "FIXED_VERT_GAIN": 18, "VERTICAL_VERNIER": 1.0, "PLUG_IN": 1, "CHANNEL": 1,
    "SWEEPS_ARRAY1": 1,
})  # fmt: skip


@dataclass(frozen=True)
class TrcSettings:
    """How files are written.

    ``fields``: descriptor fields by the names of the template (VERTICAL_GAIN in V per code, HORIZ_INTERVAL and HORIZ_OFFSET in s, VERT_COUPLING ...),
    also lengths that lie, for tests; fields that a template lacks are left out. ``reply``: what a scope sends before the block header, such as
    ``b"C1:WF ALL,"``; ``line_end``: one line end behind the data.
    """

    template: str = "LECROY_2_3"
    order: Order = "<"
    block_header: bool = True
    reply: bytes = b""
    user_text: bytes = b""
    line_end: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.template not in TEMPLATES:
            raise InputError(f"no template {self.template!r}{nearest(self.template, TEMPLATES)}")
        known = {name for template in TEMPLATES.values() for name in template.fields}
        for name in self.fields:
            if name not in known:
                raise InputError(f"no descriptor field {name!r}{nearest(name, known)}")


def write_trc(path: Path, codes: ArrayLike, settings: TrcSettings | None = None, times: ArrayLike | None = None, **fields: Any) -> None:
    """Write ``trc_bytes`` to a file."""
    path.write_bytes(trc_bytes(codes, settings, times, **fields))


def trc_bytes(codes: ArrayLike, settings: TrcSettings | None = None, times: ArrayLike | None = None, **fields: Any) -> bytes:
    """The bytes of a file with ``codes`` (samples,) of one trigger, or (segments, samples) of a sequence: int8 or int16.

    ``times`` (segments, 2) are the time since the first trigger and the offset of the first sample from its own trigger, s; a sequence needs
    them, and HORIZ_OFFSET is that of the first segment. ``fields`` are those of this file beside the settings'. Raises ``InputError`` for codes
    of another type or shape.
    """
    settings = settings or TrcSettings()
    stored = np.asarray(codes)
    if stored.dtype not in (np.dtype(np.int8), np.dtype(np.int16)) or stored.ndim not in (1, 2) or not stored.size:
        raise InputError(f"codes of type {stored.dtype} and shape {stored.shape}; give int8 or int16, (samples,) or (segments, samples)")
    segments = stored.shape[0] if stored.ndim == 2 else 1
    trigger_times = _trigger_times(times, segments, stored.ndim == 2, settings.order)
    descriptor = _descriptor(stored, segments, trigger_times, settings, fields)
    samples = stored.astype(stored.dtype.newbyteorder(settings.order)).tobytes()
    content = descriptor.tobytes() + settings.user_text + trigger_times.tobytes() + samples
    header = f"#{COUNT_DIGITS}{len(content):0{COUNT_DIGITS}d}".encode() if settings.block_header else b""
    return settings.reply + header + content + (LINE_END if settings.line_end else b"")


def _trigger_times(times: ArrayLike | None, segments: int, is_sequence: bool, order: Order) -> NDArray:
    if times is None:
        if is_sequence:
            raise InputError(
                f"a sequence of {segments} segments needs times (segments, 2): time since the first trigger and offset of the first sample, s"
            )
        return np.empty((0, 2), dtype=f"{order}f8")
    given = np.asarray(times, dtype=f"{order}f8")
    if given.shape != (segments, 2):
        raise InputError(f"times of shape {given.shape} for {segments} segments; give (segments, 2)")
    return given


def _descriptor(codes: NDArray, segments: int, times: NDArray, settings: TrcSettings, fields: Mapping[str, Any]) -> NDArray:
    template = TEMPLATES[settings.template]
    low, high = LIMITS[codes.dtype.itemsize]
    values = {
        **DEFAULTS, "DESCRIPTOR_NAME": b"WAVEDESC", "TEMPLATE_NAME": settings.template.encode(), "COMM_TYPE": codes.dtype.itemsize - 1,
        "COMM_ORDER": COMM_ORDER[settings.order], "WAVE_DESCRIPTOR": template.size, "USER_TEXT": len(settings.user_text),
        "TRIGTIME_ARRAY": times.nbytes, "WAVE_ARRAY_1": codes.nbytes, "WAVE_ARRAY_COUNT": codes.size, "PNTS_PER_SCREEN": max(codes.size - 2, 1),
        "LAST_VALID_PNT": codes.size - 1, "SUBARRAY_COUNT": segments, "NOM_SUBARRAY_COUNT": segments, "MIN_VALUE": low, "MAX_VALUE": high,
        **({"HORIZ_OFFSET": times[0, 1]} if len(times) else {}), **settings.fields, **fields,
    }  # fmt: skip
    descriptor = np.zeros((), dtype=template.dtype(settings.order))
    for name, value in values.items():
        if name in template.fields:
            descriptor[name] = value
    return descriptor
