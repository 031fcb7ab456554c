"""What a LeCroy waveform file must satisfy before a sample of it is used; every refusal names field, byte, found, expected and cure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from readers.trc_layout import AGAIN, DAMAGED, Layout, Refusal, text

LONGEST_TIME_S = 1e9  # no oscilloscope waits longer: a damaged number
LONGEST_STEP_S = 1e6
PROCESSED = "averaged or processed trace: no per-pulse statistics; set processor.allow_processed (format: trc_processed)"
_COMMON = ("single_sweep", "interleaved", "histogram"), ("filter_coefficient", "complex", "extrema")
RECORD_TYPES_2 = (*_COMMON[0], "graph", *_COMMON[1], "sequence_obsolete", "centered_RIS", "peak_detect")
RECORD_TYPES_1 = (*_COMMON[0], "trend", *_COMMON[1], "sequence", "centered_RIS", "rolling", "alt_sync_avg", "streamed_sequence", "streamed_sequence")
TIME_TRACES = {"single_sweep", "interleaved", "sequence_obsolete", "sequence", "centered_RIS", "rolling", "streamed_sequence", "alt_sync_avg"}
PROCESSING_2 = ("none", "fir_filter", "interpolated", "sparsed", "autoscaled", "no_result", "rolling", "cumulative")
PROCESSING_1 = (*PROCESSING_2[:7], "preprocessed", "cumulative")


def check_layout(layout: Layout, size: int) -> Refusal | None:
    """The first contradiction between the lengths that a file declares, or with its ``size``; None when all agree.

    One byte behind the blocks is left to the caller, who must see that it is a line end.
    """
    return next(_contradictions(layout, size), None)


def _contradictions(layout: Layout, size: int) -> Iterator[Refusal]:
    blocks, width, at = layout.blocks, layout.sample_dtype.itemsize, layout.offset_of
    for name, length in blocks.items():
        if length < 0:
            yield Refusal(name, f"a length of {length} bytes", "0 or more", DAMAGED, at(name))
    if layout.count < 1:
        yield Refusal("WAVE_ARRAY_COUNT", str(layout.count), "at least one sample", "the trace is empty: record it again", at("WAVE_ARRAY_COUNT"))
    if layout.segments < 1:
        yield Refusal("SUBARRAY_COUNT", str(layout.segments), "at least one segment", DAMAGED, at("SUBARRAY_COUNT"))
    yield from _present(layout, size)
    if blocks["WAVE_ARRAY_1"] != layout.count * width:
        expected = f"WAVE_ARRAY_COUNT {layout.count} x {width} bytes = {layout.count * width}"
        yield Refusal("WAVE_ARRAY_1", f"{blocks['WAVE_ARRAY_1']} bytes", expected, DAMAGED, at("WAVE_ARRAY_1"))
    if layout.count % layout.segments:
        expected = f"a multiple of SUBARRAY_COUNT {layout.segments}"
        yield Refusal("WAVE_ARRAY_COUNT", f"{layout.count} samples", expected, DAMAGED, at("WAVE_ARRAY_COUNT"))
    times = blocks["TRIGTIME_ARRAY"]
    if times % 16:
        yield Refusal("TRIGTIME_ARRAY", f"{times} bytes", "a multiple of 16 (time and offset of each segment)", DAMAGED, at("TRIGTIME_ARRAY"))
    if times // 16 != layout.segments and (times or layout.segments > 1):
        expected = f"SUBARRAY_COUNT {layout.segments}"
        cure = "the segments' own times are needed: save the sequence with its trigger times"
        yield Refusal("TRIGTIME_ARRAY", f"{times // 16} entries", expected, cure, at("TRIGTIME_ARRAY"))
    if blocks.get("RIS_TIME_ARRAY", 0) % 8:
        yield Refusal("RIS_TIME_ARRAY", f"{blocks['RIS_TIME_ARRAY']} bytes", "a multiple of 8", DAMAGED, at("RIS_TIME_ARRAY"))


def _present(layout: Layout, size: int) -> Iterator[Refusal]:
    """Bytes that are there against those declared by the ``#`` header and by the blocks; a line end behind them is legal."""
    behind = size - layout.descriptor_at
    samples = layout.blocks["WAVE_ARRAY_1"]
    there = max(min(size - layout.codes_at, samples), 0)
    short = f"; WAVE_ARRAY_1 {samples}, present {there}" if there < samples else ""
    if layout.declared is not None and not layout.declared <= behind <= layout.declared + 1:
        found = f"{behind} bytes behind the block header"
        cure = AGAIN if behind < layout.declared else "two files in one, or damaged: copy it again"
        yield Refusal("block header", found, f"{layout.declared}, which it declares{short}", cure, layout.prefix.index(b"#"))
    if size < layout.size:
        found = f"{there} of {samples} bytes of samples" if there < samples else f"{size} bytes"
        yield Refusal("WAVE_ARRAY_1", found, f"{samples} bytes (a file of {layout.size}, not {size})", AGAIN, layout.codes_at)
    if size > layout.size + 1:
        yield Refusal("blocks", f"{size - layout.size} bytes behind the declared blocks", "none, or one line end", DAMAGED, layout.size)
    if layout.declared is not None and layout.declared != layout.size - layout.descriptor_at:
        expected = f"{layout.size - layout.descriptor_at}, the sum of descriptor and blocks"
        yield Refusal("block header", f"{layout.declared} bytes declared", expected, DAMAGED, layout.prefix.index(b"#"))


@dataclass(frozen=True)
class FieldCheck:
    """A condition on one field of every file: ``bad(values, layout)`` marks the files that fail it."""

    field: str
    bad: Callable[[NDArray, Layout], NDArray[np.bool_]]
    expected: str
    cure: str
    of_processed: bool = False  # not asked where processed traces are welcome


def _not_a_step(values: NDArray, layout: Layout) -> NDArray[np.bool_]:
    return ~((values > 0) & (values <= LONGEST_STEP_S))


def _not_finite(values: NDArray, layout: Layout) -> NDArray[np.bool_]:
    return ~np.isfinite(values)


def _not_a_time(values: NDArray, layout: Layout) -> NDArray[np.bool_]:
    return ~(np.abs(values) <= LONGEST_TIME_S)


def _not_finite_or_zero(values: NDArray, layout: Layout) -> NDArray[np.bool_]:
    return ~np.isfinite(values) | (values == 0)


def _not_a_time_trace(values: NDArray, layout: Layout) -> NDArray[np.bool_]:
    return ~np.isin(values, [number for number, name in enumerate(record_types(layout)) if name in TIME_TRACES])


def _outside(values: NDArray, layout: Layout) -> NDArray[np.bool_]:
    return (values < 0) | (values >= layout.count)


def _unit_is_not(unit: bytes) -> Callable[[NDArray, Layout], NDArray[np.bool_]]:
    """Units are short; what stands behind the first NUL means nothing."""

    def bad(values: NDArray, layout: Layout) -> NDArray[np.bool_]:
        others = values != unit
        for row in np.flatnonzero(others):
            others[row] = bytes(values[row]).split(b"\0")[0] != unit
        return others

    return bad


CHECKS = (
    FieldCheck("HORIZ_INTERVAL", _not_a_step, "a positive step in s", DAMAGED),
    FieldCheck("HORIZ_OFFSET", _not_a_time, "a time in s, at most 30 years", DAMAGED),
    FieldCheck("VERTICAL_GAIN", _not_finite_or_zero, "a finite number of V per code, not zero", DAMAGED),
    FieldCheck("VERTICAL_OFFSET", _not_finite, "a finite voltage", DAMAGED),
    FieldCheck("VERTUNIT", _unit_is_not(b"V"), "'V'", "only voltages are read: record the channel itself, not a function of it"),
    FieldCheck("HORUNIT", _unit_is_not(b"S"), "'S'", "only traces over time are read: record the channel itself, not a spectrum or histogram"),
    FieldCheck("RECORD_TYPE", _not_a_time_trace, "a trace over time", "record the channel itself"),
    FieldCheck("FIRST_VALID_PNT", _outside, "a sample of the record", DAMAGED),
    FieldCheck("LAST_VALID_PNT", _outside, "a sample of the record", DAMAGED),
    FieldCheck("SPARSING_FACTOR", lambda values, layout: (values < 0) | (values > 1), "1", "times not placeable: save all points of the trace"),
    FieldCheck("FIRST_POINT", lambda values, layout: values != 0, "0", "times not placeable: save the trace from its first point"),
    FieldCheck("PROCESSING_DONE", lambda values, layout: values != 0, "0 (none)", PROCESSED, of_processed=True),
    FieldCheck("SWEEPS_PER_ACQ", lambda values, layout: values > 1, "1", PROCESSED, of_processed=True),
)


def check_headers(headers: NDArray, layout: Layout, *, allow_processed: bool = False) -> dict[int, Refusal]:
    """Row -> first refusal, of the descriptors (a structured array, one row a file) of files with one layout."""
    refused: dict[int, Refusal] = {}
    for check in CHECKS:
        if check.field not in layout.template.fields or (check.of_processed and allow_processed):
            continue
        values = headers[check.field]
        bad = check.bad(values, layout)
        if bad.any():
            for row in np.flatnonzero(bad).tolist():
                found = _shown(check.field, values[row], layout)
                refused.setdefault(row, Refusal(check.field, found, check.expected, check.cure, layout.offset_of(check.field)))
    if (headers["FIRST_VALID_PNT"] > headers["LAST_VALID_PNT"]).any():
        _pair(refused, headers, layout, "FIRST_VALID_PNT", "LAST_VALID_PNT", headers["FIRST_VALID_PNT"] > headers["LAST_VALID_PNT"], "at most")
    limits = ~(headers["MAX_VALUE"] > headers["MIN_VALUE"])
    if limits.any():
        _pair(refused, headers, layout, "MAX_VALUE", "MIN_VALUE", limits, "a number above")
    return refused


def _pair(refused: dict[int, Refusal], headers: NDArray, layout: Layout, field: str, other: str, bad: NDArray[np.bool_], word: str) -> None:
    for row in np.flatnonzero(bad).tolist():
        expected = f"{word} {other} {headers[other][row]}"
        refused.setdefault(row, Refusal(field, str(headers[field][row]), expected, DAMAGED, layout.offset_of(field)))


def record_types(layout: Layout) -> tuple[str, ...]:
    """Names of RECORD_TYPE by number."""
    return RECORD_TYPES_1 if layout.template_name == "LECROY_1_0" else RECORD_TYPES_2


def processing_names(layout: Layout) -> tuple[str, ...]:
    """Names of PROCESSING_DONE by number."""
    return PROCESSING_1 if layout.template_name == "LECROY_1_0" else PROCESSING_2


def _shown(field: str, value: np.generic, layout: Layout) -> str:
    if isinstance(value, bytes):
        return repr(text(value))
    names = {"RECORD_TYPE": record_types(layout), "PROCESSING_DONE": processing_names(layout)}.get(field, ())
    number = value.item()
    return f"{number} ({names[number]})" if isinstance(number, int) and 0 <= number < len(names) else str(number)
