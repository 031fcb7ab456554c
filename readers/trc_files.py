"""Bytes of many waveform files: small ones of one size whole in one array, of large ones what stands before the samples."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from data_info.remote_stream import can_stream
from readers.files import ACCESS, accessing, is_url, open_binary, reading
from readers.source import ReadError, SourceError
from readers.trc_layout import HEADER_BYTES, Layout, Refused, layout_of
from readers.trc_samples import ReadCodes, codes_on_disk

SMALL_BYTES = 1 << 16  # files up to this size are read whole when they are opened
TOGETHER_BYTES = 1 << 28  # as long as all of one size take less than this
LARGEST_HEAD_BYTES = 1 << 28  # 16 million segments: more is a damaged length
PARALLEL = 8  # downloads at a time
PAUSES_S = (0.1, 0.4)  # before files that could not be read are tried again
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)  # a pipe must not hang the run


@dataclass(frozen=True)
class Block:
    """Files of one ``size``: their first bytes (all of them, or up to the samples) as ``rows`` (files, bytes), and their ``numbers`` in the batch."""

    numbers: NDArray[np.int64]
    size: int
    rows: NDArray[np.uint8]


class Stored(Protocol):
    """Where the bytes lie that are not in a block; files by their number in the batch."""

    def byte(self, number: int, at: int) -> int:
        """One byte of a file."""

    def codes(self, numbers: NDArray[np.int64], layout: Layout) -> ReadCodes:
        """The samples of files with one layout."""


class LocalFiles:
    """Samples of local files too large to be read when they are opened."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths

    def byte(self, number: int, at: int) -> int:
        """One byte of a file."""
        return read_span(self.paths[number], at, 1)[0]

    def codes(self, numbers: NDArray[np.int64], layout: Layout) -> ReadCodes:
        """The samples of files with one layout, read for the triggers asked for."""
        return codes_on_disk([partial(read_span, self.paths[number]) for number in numbers], layout)


@dataclass
class Reasons:
    """Why files cannot be used, by number: ``refused`` for good, or ``passing``, where the system or the network failed and may not fail again."""

    refused: dict[int, str] = field(default_factory=dict)
    passing: dict[int, ReadError] = field(default_factory=dict)

    def note(self, number: int, error: SourceError | ReadError) -> None:
        """Remember the error of a file."""
        if isinstance(error, ReadError):
            self.passing[number] = error
        else:
            self.refused[number] = str(error)


def read_blocks(paths: Sequence[str]) -> tuple[list[Block], dict[int, str]]:
    """Read local files and URLs; returns the blocks and, by number, why a file cannot be used.

    Files that the system or the network fails to give are tried again, and then left out alone. Raises ``ReadError`` where no file at all can be
    read: trying the whole batch again may help.
    """
    reasons = Reasons()
    blocks = _read(paths, range(len(paths)), reasons)
    for pause_s in PAUSES_S:
        if not reasons.passing or not blocks:
            break
        time.sleep(pause_s)
        again = sorted(reasons.passing)
        reasons.passing.clear()
        blocks += _read(paths, again, reasons)
    if reasons.passing and not blocks:
        raise next(iter(reasons.passing.values()))
    return blocks, reasons.refused | {number: f"{error} (tried {len(PAUSES_S) + 1} times)" for number, error in reasons.passing.items()}


def _read(paths: Sequence[str], numbers: Sequence[int], reasons: Reasons) -> list[Block]:
    """The files of ``numbers`` that can be read."""
    remote = [number for number in numbers if ":" in paths[number] and is_url(paths[number])]
    local = numbers if not remote else sorted(set(numbers) - set(remote))
    blocks = _local_blocks(paths, local, reasons) if local else []
    return blocks + (_remote_blocks(paths, remote, reasons) if remote else [])


def _local_blocks(paths: Sequence[str], numbers: Sequence[int], reasons: Reasons) -> list[Block]:
    """Files of the size of the first one in one pass; the others, whose sizes are then known, size by size."""
    blocks: list[Block] = []
    by_size: dict[int, list[int]] = {}
    first = _size_of(paths[numbers[0]], reasons, numbers[0])
    if first is None:
        waiting = list(numbers[1:])
    else:
        waiting = _read_size(paths, numbers, first, blocks, reasons)
    for number in waiting:
        size = _size_of(paths[number], reasons, number)
        if size is not None:
            by_size.setdefault(size, []).append(number)
    for size, members in by_size.items():
        for number in _read_size(paths, members, size, blocks, reasons):
            reasons.refused[number] = f"{paths[number]}: its size changes while it is read; wait until it is written, then repeat"
    return blocks


def _read_size(paths: Sequence[str], numbers: Sequence[int], size: int, blocks: list[Block], reasons: Reasons) -> list[int]:
    """Append the block of the files of ``size`` bytes; returns the numbers of those that have another size."""
    if size > SMALL_BYTES or size * len(numbers) > TOGETHER_BYTES:
        return _read_large(paths, numbers, size, blocks, reasons)
    rows, shift = _empty_rows(paths[numbers[0]], len(numbers), size)
    place = memoryview(rows.reshape(-1))  # type: ignore[arg-type]  # NumPy's stubs for Python 3.11 do not know it is a buffer
    stride = rows.shape[1]
    good, other = [], []
    position = shift
    for number in numbers:
        try:
            handle = os.open(paths[number], OPEN_FLAGS)
            try:  # nothing but these three calls costs time here
                got = os.readv(handle, (place[position : position + size + 1],))
            finally:
                os.close(handle)
        except OSError as error:
            _refuse(paths[number], error, reasons, number)
            got = -1
        if got == size:
            good.append(number)
            position += stride
        elif got >= 0:
            other.append(number)
    if good:
        blocks.append(Block(np.asarray(good, dtype=np.int64), size, rows[: len(good), shift : shift + size]))
    return other


def _empty_rows(path: str, count: int, size: int) -> tuple[NDArray[np.uint8], int]:
    """Room for ``count`` files and one byte more for each, and where in a row to put them so that the samples are aligned."""
    try:
        with reading(path):
            shift = layout_of(_head(path, HEADER_BYTES)).codes_at % 2
    except (Refused, SourceError, ReadError):
        shift = 0
    stride = -(-(shift + size + 1) // 8) * 8
    return np.empty((count, stride), dtype=np.uint8), shift


def _read_large(paths: Sequence[str], numbers: Sequence[int], size: int, blocks: list[Block], reasons: Reasons) -> list[int]:
    """Of each file what stands before the samples; files with heads of one length share a block."""
    heads: dict[int, list[tuple[int, bytes]]] = {}
    other = []
    for number in numbers:
        path = paths[number]
        found = _size_of(path, reasons, number)
        if found is None:
            continue
        if found != size:
            other.append(number)
            continue
        try:
            with reading(path):
                head = _head(path, HEADER_BYTES)
                wanted = _head_length(head, size)
                head = _head(path, wanted) if wanted > len(head) else head[:wanted]
        except (SourceError, ReadError) as error:
            reasons.note(number, error)
            continue
        heads.setdefault(len(head), []).append((number, head))
    for length, members in heads.items():
        rows = np.frombuffer(b"".join(head for _, head in members), dtype=np.uint8).reshape(len(members), length)
        blocks.append(Block(np.asarray([number for number, _ in members], dtype=np.int64), size, rows))
    return other


def _head_length(head: bytes, size: int) -> int:
    """Bytes before the samples; of a file whose layout is wrong the first ones, by which it will be refused."""
    try:
        layout: Layout = layout_of(head)
    except Refused:
        return min(len(head), HEADER_BYTES)
    if any(length < 0 for length in layout.blocks.values()) or layout.codes_at > min(size, LARGEST_HEAD_BYTES):
        return min(len(head), HEADER_BYTES)
    return layout.codes_at


def _head(path: str, length: int) -> bytes:
    handle = os.open(path, OPEN_FLAGS)
    try:
        return os.read(handle, length)
    finally:
        os.close(handle)


def read_span(path: str, first: int, length: int) -> bytes:
    """``length`` bytes from byte ``first`` of a local file. Raises ``SourceError`` where it has become shorter."""
    with reading(path, "samples"):
        handle = os.open(path, OPEN_FLAGS)
        try:
            parts: list[bytes] = []
            while length and (part := os.pread(handle, min(length, 1 << 30), first)):
                parts.append(part)
                first, length = first + len(part), length - len(part)
        finally:
            os.close(handle)
    if length:
        raise SourceError(f"{path}: {length} bytes of samples are missing that were there when it was opened; copy it again")
    return b"".join(parts)


def _size_of(path: str, reasons: Reasons, number: int) -> int | None:
    """Size of a regular file with content; None, and the reason, for anything else."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a third of the time of Path.stat, for each of thousands of files
    except (OSError, ValueError) as error:
        _refuse(path, error, reasons, number)
        return None
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file (a pipe or a device)"
        reasons.refused[number] = f"{path}: is {kind}; give waveform files"
    elif found.st_size == 0:
        reasons.refused[number] = f"{path}: is empty (0 bytes): an interrupted copy? copy or download it again (--refresh)"
    else:
        return found.st_size
    return None


def _refuse(path: str, error: Exception, reasons: Reasons, number: int) -> None:
    """Remember what happened to a file, in words."""
    try:
        with reading(path):
            raise error
    except (SourceError, ReadError) as translated:
        reasons.note(number, translated)


def _remote_blocks(paths: Sequence[str], numbers: Sequence[int], reasons: Reasons) -> list[Block]:
    """URLs of any size are read whole, several at a time."""

    remote = ACCESS.get()  # threads begin without it

    def fetch(number: int) -> bytes | SourceError | ReadError:
        try:
            with accessing(remote):
                return _fetch(paths[number])
        except (SourceError, ReadError) as error:
            return error

    with ThreadPoolExecutor(PARALLEL) as pool:
        contents: Mapping[int, bytes | SourceError | ReadError] = dict(zip(numbers, pool.map(fetch, numbers), strict=True))
    by_size: dict[int, list[int]] = {}
    for number, content in contents.items():
        if isinstance(content, SourceError | ReadError):
            reasons.note(number, content)
        elif not content:
            reasons.refused[number] = f"{paths[number]}: is empty (0 bytes): an interrupted upload?"
        else:
            by_size.setdefault(len(content), []).append(number)
    return [_joined(members, size, contents.__getitem__) for size, members in by_size.items()]


def _fetch(url: str) -> bytes:
    if can_stream(url):
        with open_binary(url) as file, reading(url):
            return file.read()
    with reading(url):
        from fsspec.core import url_to_fs

        system, inside = url_to_fs(url)
        return bytes(system.cat_file(inside))


def _joined(numbers: Sequence[int], size: int, content: Callable[[int], bytes | SourceError | ReadError]) -> Block:
    rows = np.frombuffer(b"".join(bytes(content(number)) for number in numbers), dtype=np.uint8)  # type: ignore[arg-type]
    return Block(np.asarray(numbers, dtype=np.int64), size, rows.reshape(len(numbers), size))
