"""The binary layout of LeCroy waveform files: descriptor tables, envelope, order of the blocks.

Sources: LeCroy Remote Control Manual (waveform template LECROY_2_3), github.com/jonathanschilling/LeCroy7200A (LECROY_1_0),
github.com/Thenewmanator15/LeCroyTRC.jl and github.com/scottprahl/RigolWFM (LECROY_2_3).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from readers.source import SourceError

MARK = b"WAVEDESC"
MARK_WITHIN = 64  # bytes
HEADER_BYTES = 512  # enough for envelope and descriptor of every template
LINE_END = b"\n"  # one is legal behind the data (LeCroy 7200A)
PREFIX = re.compile(rb"(?:[ -\"$-~]*,)?[ \r\n]*(?:#(\d)(\d*))?")  # scope reply such as C1:WF ALL, then IEEE 488.2 block header
Order = Literal["<", ">"]
ORDERS: dict[bytes, Order] = {b"\x01\x00": "<", b"\x00\x00": ">"}  # COMM_ORDER reads 1 or 0 only in its own order
SAMPLE_TYPES = {0: "i1", 1: "i2"}  # COMM_TYPE
AGAIN = "the file is truncated: copy it again, or download it again (--refresh)"
DAMAGED = "the file is damaged: copy it again"

_START = {
    "DESCRIPTOR_NAME": (0, "S16"), "TEMPLATE_NAME": (16, "S16"), "COMM_TYPE": (32, "i2"), "COMM_ORDER": (34, "i2"), "WAVE_DESCRIPTOR": (36, "i4"),
    "USER_TEXT": (40, "i4"),
}  # fmt: skip


def _trigger_time(offset: int) -> dict[str, tuple[int, str]]:
    parts = (("SECOND", 0, "f8"), ("MINUTE", 8, "i1"), ("HOUR", 9, "i1"), ("DAY", 10, "i1"), ("MONTH", 11, "i1"), ("YEAR", 12, "i2"))
    return {f"TRIGGER_{name}": (offset + place, kind) for name, place, kind in parts}


FIELDS_2 = _START | {
    "RES_DESC1": (44, "i4"), "TRIGTIME_ARRAY": (48, "i4"), "RIS_TIME_ARRAY": (52, "i4"), "RES_ARRAY1": (56, "i4"), "WAVE_ARRAY_1": (60, "i4"),
    "WAVE_ARRAY_2": (64, "i4"), "RES_ARRAY2": (68, "i4"), "RES_ARRAY3": (72, "i4"), "INSTRUMENT_NAME": (76, "S16"), "INSTRUMENT_NUMBER": (92, "i4"),
    "TRACE_LABEL": (96, "S16"), "WAVE_ARRAY_COUNT": (116, "i4"), "PNTS_PER_SCREEN": (120, "i4"), "FIRST_VALID_PNT": (124, "i4"),
    "LAST_VALID_PNT": (128, "i4"), "FIRST_POINT": (132, "i4"), "SPARSING_FACTOR": (136, "i4"), "SEGMENT_INDEX": (140, "i4"),
    "SUBARRAY_COUNT": (144, "i4"), "SWEEPS_PER_ACQ": (148, "i4"), "POINTS_PER_PAIR": (152, "i2"), "PAIR_OFFSET": (154, "i2"),
    "VERTICAL_GAIN": (156, "f4"), "VERTICAL_OFFSET": (160, "f4"), "MAX_VALUE": (164, "f4"), "MIN_VALUE": (168, "f4"), "NOMINAL_BITS": (172, "i2"),
    "NOM_SUBARRAY_COUNT": (174, "i2"), "HORIZ_INTERVAL": (176, "f4"), "HORIZ_OFFSET": (180, "f8"), "PIXEL_OFFSET": (188, "f8"),
    "VERTUNIT": (196, "S48"), "HORUNIT": (244, "S48"), "HORIZ_UNCERTAINTY": (292, "f4"), **_trigger_time(296), "ACQ_DURATION": (312, "f4"),
    "RECORD_TYPE": (316, "i2"), "PROCESSING_DONE": (318, "i2"), "RIS_SWEEPS": (322, "i2"), "TIMEBASE": (324, "i2"), "VERT_COUPLING": (326, "i2"),
    "PROBE_ATT": (328, "f4"), "FIXED_VERT_GAIN": (332, "i2"), "BANDWIDTH_LIMIT": (334, "i2"), "VERTICAL_VERNIER": (336, "f4"),
    "ACQ_VERT_OFFSET": (340, "f4"), "WAVE_SOURCE": (344, "i2"),
}  # fmt: skip
FIELDS_1 = _START | {
    "TRIGTIME_ARRAY": (44, "i4"), "WAVE_ARRAY_1": (48, "i4"), "WAVE_ARRAY_2": (52, "i4"), "INSTRUMENT_NAME": (56, "S16"),
    "INSTRUMENT_NUMBER": (72, "i4"), "TRACE_LABEL": (76, "S16"), "WAVE_ARRAY_COUNT": (92, "i4"), "PNTS_PER_SCREEN": (96, "i4"),
    "FIRST_VALID_PNT": (100, "i4"), "LAST_VALID_PNT": (104, "i4"), "SUBARRAY_COUNT": (108, "i4"), "NOM_SUBARRAY_COUNT": (112, "i4"),
    "SWEEPS_PER_ACQ": (116, "i4"), "VERTICAL_GAIN": (120, "f4"), "VERTICAL_OFFSET": (124, "f4"), "MAX_VALUE": (128, "i2"), "MIN_VALUE": (130, "i2"),
    "NOMINAL_BITS": (132, "i2"), "HORIZ_INTERVAL": (134, "f4"), "HORIZ_OFFSET": (138, "f8"), "PIXEL_OFFSET": (146, "f8"), "VERTUNIT": (154, "S48"),
    "HORUNIT": (202, "S48"), **_trigger_time(250), "ACQ_DURATION": (266, "f4"), "RECORD_TYPE": (270, "i2"), "PROCESSING_DONE": (272, "i2"),
    "TIMEBASE": (274, "i2"), "VERT_COUPLING": (276, "i2"), "PROBE_ATT": (278, "f4"), "FIXED_VERT_GAIN": (282, "i2"), "BANDWIDTH_LIMIT": (284, "i2"),
    "VERTICAL_VERNIER": (286, "f4"), "ACQ_VERT_OFFSET": (290, "f4"), "PLUG_IN": (294, "i2"), "CHANNEL": (296, "i2"), "TRIGGER_SOURCE": (298, "i2"),
    "TRIGGER_COUPLING": (300, "i2"), "TRIGGER_SLOPE": (302, "i2"), "SMART_TRIGGER": (304, "i2"), "TRIGGER_LEVEL": (306, "f4"),
    "SWEEPS_ARRAY1": (310, "i4"), "SWEEPS_ARRAY2": (314, "i4"),
}  # fmt: skip


@dataclass(frozen=True)
class Template:
    """One descriptor table: field -> (offset, type without order), its size, and the blocks behind it in their order in the file."""

    fields: MappingProxyType[str, tuple[int, str]]
    size: int
    blocks: tuple[str, ...]

    def dtype(self, order: Order) -> np.dtype:
        """The descriptor as a structured type."""
        formats = [order + kind if kind[0] != "S" else kind for _, kind in self.fields.values()]
        offsets = [offset for offset, _ in self.fields.values()]
        return np.dtype({"names": list(self.fields), "formats": formats, "offsets": offsets, "itemsize": self.size})


BLOCKS_2 = ("USER_TEXT", "RES_DESC1", "TRIGTIME_ARRAY", "RIS_TIME_ARRAY", "RES_ARRAY1", "WAVE_ARRAY_1", "WAVE_ARRAY_2", "RES_ARRAY2", "RES_ARRAY3")
BLOCKS_1 = ("USER_TEXT", "TRIGTIME_ARRAY", "WAVE_ARRAY_1", "WAVE_ARRAY_2")
TEMPLATE_2 = Template(MappingProxyType(FIELDS_2), 346, BLOCKS_2)
TEMPLATES = {"LECROY_1_0": Template(MappingProxyType(FIELDS_1), 320, BLOCKS_1), "LECROY_2_2": TEMPLATE_2, "LECROY_2_3": TEMPLATE_2}


class TrcError(SourceError):
    """Files that are refused: the message names file, field, byte offset, what was found, what was expected, and the cure.

    ``refused``: path -> reason of each where there are several.
    """

    def __init__(self, message: str, refused: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.refused = dict(refused or {})


@dataclass(frozen=True)
class Refusal:
    """Why a file is refused. ``offset``: byte in the file, None where the reason has no place."""

    field: str
    found: str
    expected: str
    cure: str
    offset: int | None = None

    def __str__(self) -> str:
        place = "" if self.offset is None else f" (byte {self.offset})"
        return f"{self.field}{place}: found {self.found}, expected {self.expected}; {self.cure}"


class Refused(Exception):
    """Raised while a layout is worked out; carries the ``Refusal`` without the file's name."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


@dataclass(frozen=True)
class Layout:
    """Where everything lies in a file. ``declared``: bytes that the ``#`` header announces behind itself, None without it."""

    template_name: str
    order: Order
    prefix: bytes  # before the descriptor
    declared: int | None
    sample_type: str  # i1 or i2
    blocks: MappingProxyType[str, int]  # lengths in bytes, in the order of the file
    count: int  # samples of all segments
    segments: int

    @property
    def template(self) -> Template:
        """The descriptor table."""
        return TEMPLATES[self.template_name]

    @property
    def descriptor_at(self) -> int:
        """First byte of the descriptor."""
        return len(self.prefix)

    @property
    def samples(self) -> int:
        """Samples of a segment."""
        return self.count // self.segments

    @property
    def size(self) -> int:
        """Bytes of the file without a line end behind the data."""
        return self.descriptor_at + self.template.size + sum(self.blocks.values())

    def starts_at(self, block: str) -> int:
        """First byte of a block."""
        names = list(self.blocks)
        return self.descriptor_at + self.template.size + sum(self.blocks[name] for name in names[: names.index(block)])

    @property
    def codes_at(self) -> int:
        """First byte of the samples."""
        return self.starts_at("WAVE_ARRAY_1")

    @property
    def sample_dtype(self) -> np.dtype:
        """Type of a sample as stored."""
        return np.dtype(self.order + self.sample_type)

    def offset_of(self, field: str) -> int:
        """Byte of a descriptor field in the file."""
        return self.descriptor_at + self.template.fields[field][0]


def is_trc(start: bytes) -> bool:
    """Whether a file's first bytes are those of a LeCroy waveform."""
    return start.find(MARK, 0, MARK_WITHIN) >= 0


def layout_of(start: bytes) -> Layout:
    """The layout that the first bytes of a file declare (at least up to the end of the descriptor, where the file has so many).

    Raises ``Refused`` when there is no descriptor, it is cut short, or template, order or type of the samples are unknown. Whether the
    block lengths agree with each other and with the file is ``trc_checks.check_layout``'s to say.
    """
    at = start.find(MARK, 0, MARK_WITHIN)
    if at < 0:
        raise Refused(_not_lecroy(start))
    prefix = start[:at]
    matched = PREFIX.fullmatch(prefix)
    digits = int(matched[1]) if matched and matched[1] else 0
    if matched is None or len(matched[2] or b"") != digits:
        raise Refused(Refusal("block header", repr(prefix), "nothing, or '#', a digit n and n digits, with or without a scope reply before it",
                              DAMAGED, 0))  # fmt: skip
    template_name, order = _template(start, at)
    template = TEMPLATES[template_name]
    if len(start) - at < template.size:
        raise Refused(Refusal("descriptor", f"{len(start) - at} bytes", f"{template.size} of template {template_name}",
                              AGAIN, at))  # fmt: skip

    def number(field: str) -> int:
        offset, kind = template.fields[field]
        return int(struct.unpack_from(order + {"i2": "h", "i4": "i"}[kind], start, at + offset)[0])

    if number("COMM_TYPE") not in SAMPLE_TYPES:
        raise Refused(Refusal("COMM_TYPE", str(number("COMM_TYPE")), "0 (8 bits) or 1 (16 bits)", DAMAGED, at + 32))
    blocks = MappingProxyType({name: number(name) for name in template.blocks})
    declared = int(matched[2]) if digits else None
    segments = number("SUBARRAY_COUNT")
    layout = Layout(template_name, order, prefix, declared, SAMPLE_TYPES[number("COMM_TYPE")], blocks, number("WAVE_ARRAY_COUNT"), segments)
    if number("WAVE_DESCRIPTOR") != template.size:
        raise Refused(Refusal("WAVE_DESCRIPTOR", f"{number('WAVE_DESCRIPTOR')} bytes", f"{template.size}, the descriptor of {template_name}",
                              DAMAGED, at + 36))  # fmt: skip
    return layout


def _template(start: bytes, at: int) -> tuple[str, Order]:
    name = text(start[at + 16 : at + 32])
    raw = start[at + 34 : at + 36]
    if len(raw) < 2:
        raise Refused(Refusal("descriptor", f"{len(start) - at} bytes", "at least 320", AGAIN, at))
    if name not in TEMPLATES:
        raise Refused(Refusal("TEMPLATE_NAME", repr(name), f"one of {', '.join(TEMPLATES)}",
                              "save with a template that is read, or convert the file with the program of the oscilloscope", at + 16))  # fmt: skip
    if raw not in ORDERS:
        raise Refused(Refusal("COMM_ORDER", f"bytes {raw.hex(' ')}", "01 00 (little endian) or 00 00 (big endian)",
                              DAMAGED, at + 34))  # fmt: skip
    return name, ORDERS[raw]


def _not_lecroy(start: bytes) -> Refusal:
    lowered = start[:HEADER_BYTES].lstrip().lower()
    if lowered.startswith((b"<!doctype", b"<html", b"<?xml")):
        return Refusal("first bytes", f"a web page ({start[:24]!r}...)", "a LeCroy waveform",
                       "a login or error page was saved in place of the data: check the address and your access, then download again (--refresh)",
                       0)  # fmt: skip
    return Refusal("first bytes", f"{start[:24]!r}...", f"{MARK.decode()} within the first {MARK_WITHIN} bytes",
                   "not a LeCroy waveform: check the path, or give the format", 0)  # fmt: skip


def text(raw: bytes) -> str:
    """A NUL-terminated Latin-1 string of the descriptor."""
    return raw.split(b"\0", 1)[0].decode("latin-1").rstrip()


def plain(value: Any) -> Any:
    """A descriptor value as a Python number or string."""
    return text(value) if isinstance(value, bytes) else value.item() if isinstance(value, np.generic) else value
