"""Many small waveform files as few arrays: files of one layout are decoded together, deviating ones alone, wrong ones are refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from readers.trc_checks import check_headers, check_layout
from readers.trc_files import Block, LocalFiles, Stored, read_blocks
from readers.trc_group import Batch, TrcGroup
from readers.trc_layout import DAMAGED, HEADER_BYTES, LINE_END, MARK, MARK_WITHIN, Layout, Refusal, Refused, TrcError, layout_of
from readers.trc_samples import codes_in_memory
from readers.trc_times import check_times, segment_times

LAYOUT_BYTES = np.r_[0:76, 92:96, 108:112, 116:120, 144:148]  # of the descriptor: all that decides where things lie, in every template


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
    return decode(blocks, paths, reasons, LocalFiles(paths), allow_processed=allow_processed)


def decode(blocks: Sequence[Block], paths: Sequence[str], reasons: dict[int, str], stored: Stored, *, allow_processed: bool = False) -> Batch:
    """Groups of the files in ``blocks``; ``reasons`` (by number in ``paths``) takes the refused. ``stored`` gives what is not in a block."""
    found: list[TrcGroup] = []
    for block in blocks:
        for layout, rows in _layouts(block, paths, reasons):
            group = _decoded(layout, block, rows, paths, reasons, stored, allow_processed)
            if group is not None:
                found.append(group)
    found.sort(key=lambda group: int(group.files[0]))
    return Batch(tuple(found), {paths[number]: reasons[number] for number in sorted(reasons)})


def _layouts(block: Block, paths: Sequence[str], reasons: dict[int, str]) -> Iterator[tuple[Layout, NDArray[np.intp]]]:
    """The layouts in a block of files of one size, each with the rows that have it; rows without a possible one are refused."""
    for rows in _alike(block.rows):
        start = block.rows[rows[0]]
        try:
            layout = layout_of(start[:HEADER_BYTES].tobytes())
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
        start = row[:HEADER_BYTES].tobytes()
        key = _layout_bytes(start)
        name = start if key is None or key[-1] >= len(start) else row[key].tobytes()
        found.setdefault(name, []).append(number)
    return [np.asarray(members) for members in found.values()]


def _layout_bytes(start: bytes) -> NDArray[np.intp] | None:
    """The bytes of a file that decide its layout; None where it has no descriptor."""
    at = start.find(MARK, 0, MARK_WITHIN)
    return None if at < 0 else np.concatenate([np.arange(at), at + LAYOUT_BYTES])


def _decoded(
    layout: Layout, block: Block, rows: NDArray[np.intp], paths: Sequence[str], reasons: dict[int, str], stored: Stored, allow_processed: bool
) -> TrcGroup | None:
    """The group of the rows that pass the checks of their fields; None where none does."""
    contents = block.rows if len(rows) == len(block.rows) else block.rows[rows]
    numbers = block.numbers[rows]
    headers = descriptors(contents, layout)
    times = segment_times(contents, layout)
    refused = check_times(times, layout) | check_headers(headers, layout, allow_processed=allow_processed)
    if block.size > layout.size:
        refused = _check_tails(contents, layout, numbers, stored) | refused
    if refused:
        reasons.update((int(numbers[row]), f"{paths[numbers[row]]}: {reason}") for row, reason in refused.items())
        good = np.setdiff1d(np.arange(len(rows)), list(refused))
        if not len(good):
            return None
        contents, numbers, headers, times = contents[good], numbers[good], headers[good], None if times is None else times[good]
    names = tuple(paths[number] for number in numbers)
    read = codes_in_memory(contents, layout) if contents.shape[1] >= layout.size else stored.codes(numbers, layout)
    return TrcGroup(layout, names, numbers, headers, times, read)


def descriptors(contents: NDArray[np.uint8], layout: Layout) -> NDArray:
    """The descriptors of files with one layout, a structured array (files,); ``contents``: (files, bytes)."""
    at = layout.descriptor_at
    return np.ascontiguousarray(contents[:, at : at + layout.template.size]).view(layout.template.dtype(layout.order))[:, 0]


def _check_tails(contents: NDArray[np.uint8], layout: Layout, numbers: NDArray[np.int64], stored: Stored) -> dict[int, Refusal]:
    """Row -> refusal of the files whose one byte behind the data is no line end."""
    if contents.shape[1] > layout.size:
        last = contents[:, layout.size]
    else:
        last = np.asarray([stored.byte(int(number), layout.size) for number in numbers])
    bad = np.flatnonzero(last != LINE_END[0]).tolist()
    return {row: Refusal("blocks", f"the byte {last[row]:#04x} behind them", "nothing, or a line end", DAMAGED, layout.size) for row in bad}
