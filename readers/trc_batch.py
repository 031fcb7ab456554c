"""Many small waveform files as few arrays: files of one layout are decoded together, deviating ones alone, wrong ones are refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from readers.trc_checks import DAMAGED, check_headers, check_layout
from readers.trc_files import Block, read_blocks, read_span
from readers.trc_layout import LINE_END, MARK, MARK_WITHIN, Layout, Refusal, Refused, TrcError, layout_of
from readers.trc_samples import ReadCodes, codes_in_memory, codes_on_disk
from readers.trc_saturation import saturated_samples
from readers.trc_times import check_times, segment_times, start_times

S_TO_NS = 1e9
UNKNOWN_SOURCE = 9  # of WAVE_SOURCE
LAYOUT_BYTES = np.r_[0:76, 92:96, 108:112, 116:120, 144:148]  # of the descriptor: all that decides where things lie, in every template


@dataclass(frozen=True, eq=False)
class TrcGroup:
    """Triggers of files with one layout. A trigger is a segment; those of a file follow each other.

    ``paths``: one for each file; ``files``: its place in the list that was given; ``headers``: the descriptors, a structured array with the field
    names of the template; ``times``: (files, segments, 2) time since the first trigger and offset of the first sample, s, or None.
    """

    layout: Layout
    paths: tuple[str, ...]
    files: NDArray[np.int64]
    headers: NDArray
    times: NDArray[np.float64] | None
    read_codes: ReadCodes

    def __len__(self) -> int:
        return len(self.paths) * self.layout.segments

    @property
    def samples(self) -> int:
        """Samples of a trigger."""
        return self.layout.samples

    @cached_property
    def codes(self) -> NDArray:
        """ADC codes (triggers, samples), int8 or int16; a view of the bytes read where order and alignment allow it."""
        return self.read_codes(0, len(self))

    @cached_property
    def v_gain(self) -> NDArray[np.float64]:
        """V per code, for each trigger."""
        return self.of_trigger("VERTICAL_GAIN")

    @cached_property
    def v_offset_v(self) -> NDArray[np.float64]:
        """V that is subtracted, for each trigger."""
        return self.of_trigger("VERTICAL_OFFSET")

    @cached_property
    def dt_ns(self) -> NDArray[np.float64]:
        """Sampling step in ns, for each trigger."""
        return self.of_trigger("HORIZ_INTERVAL") * S_TO_NS

    @cached_property
    def t0_ns(self) -> NDArray[np.float64]:
        """Time of the first sample from the segment's own trigger in ns, for each trigger."""
        return (self.of_trigger("HORIZ_OFFSET") if self.times is None else self.times[:, :, 1].reshape(-1)) * S_TO_NS

    @cached_property
    def trigger_s(self) -> NDArray[np.float64]:
        """Time since the first trigger of the file in s."""
        return np.zeros(len(self)) if self.times is None else self.times[:, :, 0].reshape(-1).copy()

    @cached_property
    def trigger_time(self) -> NDArray[np.datetime64]:
        """Trigger times by the oscilloscope's local clock (datetime64[ns]); NaT where the header has no date."""
        since = np.rint(self.trigger_s * S_TO_NS).astype("m8[ns]")
        return self._repeated(start_times(self.headers)) + since

    @property
    def coupling(self) -> NDArray[np.int64]:
        """VERT_COUPLING: 0 DC 50 ohm, 1 and 3 ground, 2 DC 1 Mohm, 4 AC 1 Mohm."""
        return self.of_trigger("VERT_COUPLING", np.int64)

    @property
    def segment(self) -> NDArray[np.int64]:
        """Number of the segment in its file."""
        return np.tile(np.arange(self.layout.segments), len(self.paths))

    @property
    def n_sat_low(self) -> NDArray[np.int64]:
        """Samples at the lower limit."""
        return self._saturated[0]

    @property
    def n_sat_high(self) -> NDArray[np.int64]:
        """Samples at the upper limit."""
        return self._saturated[1]

    @cached_property
    def _saturated(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return saturated_samples(self.codes, self.of_trigger("MIN_VALUE"), self.of_trigger("MAX_VALUE"))

    @property
    def channel(self) -> NDArray[np.int64]:
        """Number of the channel from 1; 0 for an unknown source (WAVE_SOURCE counts from 0 and says 9 then; LECROY_1_0 counts from 1)."""
        if "CHANNEL" in self.layout.template.fields:
            return self.of_trigger("CHANNEL", np.int64)
        source = self.of_trigger("WAVE_SOURCE", np.int64)
        return np.where(source == UNKNOWN_SOURCE, 0, source + 1)

    def codes_of(self, first: int, last: int) -> NDArray:
        """Codes of triggers ``first`` to ``last`` (exclusive), without keeping them."""
        return self.__dict__["codes"][first:last] if "codes" in self.__dict__ else self.read_codes(first, last)

    def volts(self, first: int, last: int) -> NDArray[np.float64]:
        """Waveforms in V of triggers ``first`` to ``last`` (exclusive): gain x code - offset."""
        volts = self.codes_of(first, last) * self.v_gain[first:last, None]
        volts -= self.v_offset_v[first:last, None]
        return volts

    def of_trigger(self, field: str, dtype: type = np.float64) -> NDArray:
        """A field of the descriptor for each trigger."""
        return self._repeated(self.headers[field].astype(dtype))

    def _repeated(self, values: NDArray) -> NDArray:
        return np.repeat(values, self.layout.segments) if self.layout.segments > 1 else values


@dataclass(frozen=True, eq=False)
class Batch:
    """What became of a list of files: ``groups`` in the order of their first files; ``refused``: path -> reason (which begins with the path)."""

    groups: tuple[TrcGroup, ...]
    refused: Mapping[str, str]


def read_batch(paths: Sequence[str], *, allow_processed: bool = False) -> list[TrcGroup]:
    """Groups of triggers of local files or URLs; volts are ``v_gain * codes - v_offset_v``, times ``t0_ns + i * dt_ns``.

    Samples of small files are in memory then, those of large ones are read when ``codes`` is touched. ``allow_processed`` takes averaged and
    filtered traces too. Raises ``TrcError`` naming every refused file (``open_batch`` returns the others), ``ReadError`` where a retry may help.
    """
    batch = open_batch(paths, allow_processed=allow_processed)
    if batch.refused:
        raise TrcError("\n".join(batch.refused.values()), batch.refused)
    return list(batch.groups)


def open_batch(paths: Sequence[str], *, allow_processed: bool = False) -> Batch:
    """The same, with the refused files beside the groups of the others."""
    blocks, reasons = read_blocks(paths)
    found: list[TrcGroup] = []
    for block in blocks:
        for layout, rows in _layouts(block, paths, reasons):
            group = _decoded(layout, block, rows, paths, reasons, allow_processed)
            if group is not None:
                found.append(group)
    found.sort(key=lambda group: int(group.files[0]))
    return Batch(tuple(found), {paths[number]: reasons[number] for number in sorted(reasons)})


def _layouts(block: Block, paths: Sequence[str], reasons: dict[int, str]) -> Iterator[tuple[Layout, NDArray[np.intp]]]:
    """The layouts in a block of files of one size, each with the rows that have it; rows without a possible one are refused."""
    for rows in _alike(block.rows):
        start = block.rows[rows[0]]
        try:
            layout = layout_of(start[:1024].tobytes())
            problem = check_layout(layout, block.size)
        except Refused as refused:
            problem = refused.refusal
        if problem is None:
            yield layout, rows
        else:
            reasons.update((int(number), f"{paths[number]}: {problem}") for number in block.numbers[rows])


def _alike(rows: NDArray[np.uint8]) -> list[NDArray[np.intp]]:
    """Rows by equal envelope and layout: nearly always all of them, found by one comparison."""
    first = rows[0].tobytes()
    key = _layout_bytes(first)
    if len(rows) == 1 or key is None or key[-1] >= len(first):
        return _alike_by_key(rows)
    same = (rows[:, key] == rows[0, key]).all(axis=1)
    if same.all():
        return [np.arange(len(rows))]
    rest = np.flatnonzero(~same)
    return [np.flatnonzero(same), *(rest[members] for members in _alike_by_key(rows[rest]))]


def _alike_by_key(rows: NDArray[np.uint8]) -> list[NDArray[np.intp]]:
    found: dict[bytes, list[int]] = {}
    for number, row in enumerate(rows):
        start = row[: MARK_WITHIN + 512].tobytes()
        key = _layout_bytes(start)
        name = start if key is None or key[-1] >= len(start) else row[key].tobytes()
        found.setdefault(name, []).append(number)
    return [np.asarray(members) for members in found.values()]


def _layout_bytes(start: bytes) -> NDArray[np.intp] | None:
    """The bytes of a file that decide its layout; None where it has no descriptor."""
    at = start.find(MARK, 0, MARK_WITHIN)
    return None if at < 0 else np.concatenate([np.arange(at), at + LAYOUT_BYTES])


def _decoded(
    layout: Layout, block: Block, rows: NDArray[np.intp], paths: Sequence[str], reasons: dict[int, str], allow_processed: bool
) -> TrcGroup | None:
    """The group of the rows that pass the checks of their fields; None where none does."""
    contents = block.rows if len(rows) == len(block.rows) else block.rows[rows]
    numbers = block.numbers[rows]
    headers = descriptors(contents, layout)
    times = segment_times(contents, layout)
    refused = check_times(times, layout) | check_headers(headers, layout, allow_processed=allow_processed)
    if block.size > layout.size:
        refused = _check_tails(contents, layout, [paths[number] for number in numbers]) | refused
    if refused:
        reasons.update((int(numbers[row]), f"{paths[numbers[row]]}: {reason}") for row, reason in refused.items())
        good = np.setdiff1d(np.arange(len(rows)), list(refused))
        if not len(good):
            return None
        contents, numbers, headers, times = contents[good], numbers[good], headers[good], None if times is None else times[good]
    names = tuple(paths[number] for number in numbers)
    read = codes_in_memory(contents, layout) if contents.shape[1] >= layout.size else codes_on_disk(names, layout)
    return TrcGroup(layout, names, numbers, headers, times, read)


def descriptors(contents: NDArray[np.uint8], layout: Layout) -> NDArray:
    """The descriptors of files with one layout, a structured array (files,); ``contents``: (files, bytes)."""
    at = layout.descriptor_at
    return np.ascontiguousarray(contents[:, at : at + layout.template.size]).view(layout.template.dtype(layout.order))[:, 0]


def _check_tails(contents: NDArray[np.uint8], layout: Layout, paths: Sequence[str]) -> dict[int, Refusal]:
    """Row -> refusal of the files whose one byte behind the data is no line end."""
    if contents.shape[1] > layout.size:
        last = contents[:, layout.size]
    else:
        last = np.asarray([read_span(path, layout.size, 1)[0] for path in paths])
    bad = np.flatnonzero(last != LINE_END[0]).tolist()
    return {row: Refusal("blocks", f"the byte {last[row]:#04x} behind them", "nothing, or a line end", DAMAGED, layout.size) for row in bad}
