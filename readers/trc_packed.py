"""Packed waveform files (``trc_pack``) as a source with the columns of the files themselves."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from readers.files import open_binary, reading
from readers.trc import TrcSource
from readers.trc_batch import decode
from readers.trc_files import Block
from readers.trc_layout import Layout, TrcError
from readers.trc_pack import MEANINGS, NAME, VERSION, is_pack
from readers.trc_samples import ReadCodes, native, remembered

KEPT_ROWS = 4096  # read ahead when files are restored one after the other


def open_trc_pack(paths: Sequence[str], tree: str | None = None, *, allow_processed: bool = False) -> TrcSource:
    """Open a pack: one entry for each trigger, the columns of ``readers.trc``; ``file`` is the path in the packed folder.

    Files in it that are refused are left out and named in ``refused``. Raises ``TrcError`` for what is no pack, or no whole one.
    """
    (path,) = paths
    if tree is not None:
        raise TrcError(f"{path}: packed waveform files have no tree {tree!r}; leave tree out")
    packed = open_pack(path)
    try:
        with reading(path):
            reasons: dict[int, str] = {}
            batch = decode(packed.blocks(), packed.names, reasons, packed, allow_processed=allow_processed)
            if not batch.groups:
                raise TrcError(f"{path}: none of {len(packed.names)} packed files can be used; the first: {next(iter(reasons.values()))}")
            return TrcSource(packed.names, batch, name=path, format_name=NAME, close=packed.close)
    except BaseException:
        packed.close()
        raise


def open_pack(path: str) -> Pack:
    """Open a pack by its Parquet footer and the heads of its files. Raises ``TrcError`` for another Parquet file, or a damaged one."""
    handle = open_binary(path)
    try:
        with reading(path):
            return Pack(path, handle)
    except BaseException:
        handle.close()
        raise


class Pack:
    """An open pack: ``names`` of the files, their bytes, and the samples of any of them. A context manager."""

    def __init__(self, path: str, handle: IO[bytes]) -> None:
        self.path, self._handle = path, handle
        self._file = pq.ParquetFile(handle, page_checksum_verification=True)
        metadata = self._file.schema_arrow.metadata or {}
        if not is_pack(metadata) or metadata.get(b"version") != VERSION.encode() or set(MEANINGS) - set(self._file.schema_arrow.names):
            raise TrcError(f"{path}: a Parquet file, but no pack of waveform files (version {VERSION}); make one by --pack FOLDER OUT.parquet")
        groups = self._file.metadata.num_row_groups
        self._starts = list(accumulate((self._file.metadata.row_group(group).num_rows for group in range(groups)), initial=0))
        table = self._file.read(columns=["file", "segment", "size", "head", "tail"], use_threads=False)
        segments = table["segment"].to_numpy()
        first = np.flatnonzero(segments == 0)
        self._first_row = np.append(first, len(segments))
        rows = table if len(first) == len(table) else table.take(pa.array(first))
        self._check(segments, rows)
        self.names: list[str] = rows["file"].to_pylist()
        self._sizes = rows["size"].to_numpy()
        self._kept_from, self._kept = 0, pa.chunked_array([], pa.binary())
        self._heads, self._tails = (rows[name].combine_chunks() for name in ("head", "tail"))

    def _check(self, segments: NDArray[np.int32], files: pa.Table) -> None:
        counts = np.diff(self._first_row)
        whole = len(counts) and self._first_row[0] == 0 and not any(files[name].null_count for name in MEANINGS if name != "code")
        if not whole or not np.array_equal(segments, np.arange(len(segments)) - np.repeat(self._first_row[:-1], counts)):
            raise TrcError(f"{self.path}: its rows are not those of whole files: damaged, or changed by another program; pack the folder again")

    def blocks(self) -> list[Block]:
        """Files by size and length of their heads, as ``trc_batch.decode`` takes them."""
        lengths = np.diff(_offsets(self._heads))
        kinds, kind_of = np.unique(np.column_stack([self._sizes, lengths]), axis=0, return_inverse=True)
        if len(kinds) == 1:
            return [Block(np.arange(len(lengths)), int(kinds[0, 0]), _as_rows(self._heads, int(kinds[0, 1]), self.path))]
        found = []
        for kind, (size, length) in enumerate(kinds.tolist()):
            numbers = np.flatnonzero(kind_of == kind)
            found.append(Block(numbers, size, _as_rows(self._heads.take(pa.array(numbers)), length, self.path)))
        return found

    def byte(self, number: int, at: int) -> int:
        """The last byte of a file, which ``decode`` asks for where it lies behind the blocks."""
        tail = self._tails[number].as_py()
        return tail[-1] if tail else -1

    def codes(self, numbers: NDArray[np.int64], layout: Layout) -> ReadCodes:
        """The samples of files with one layout, read for the triggers asked for. Raises ``TrcError`` where rows are missing."""
        short = np.flatnonzero(np.diff(self._first_row)[numbers] != layout.segments)
        if len(short):
            name = self.names[numbers[short[0]]]
            raise TrcError(f"{self.path}: {name} has not the {layout.segments} rows of its segments: damaged; pack the folder again")
        rows = (self._first_row[numbers][:, None] + np.arange(layout.segments)).reshape(-1)
        return remembered(partial(self._codes, rows, layout))

    def _codes(self, rows: NDArray[np.int64], layout: Layout, first: int, last: int) -> NDArray:
        wanted = rows[first:last]
        if not len(wanted):
            return np.empty((0, layout.samples), dtype=layout.sample_dtype.newbyteorder("="))
        start, stop = int(wanted[0]), int(wanted[-1]) + 1
        width = layout.samples * layout.sample_dtype.itemsize
        found = self._read("code", start, stop)
        if stop - start == len(wanted):
            return native(np.concatenate([_as_rows(chunk, width, self.path) for chunk in found.chunks]).view(layout.sample_dtype))
        chosen = found.take(pa.array(wanted - start)).combine_chunks()
        return native(_as_rows(chosen, width, self.path).view(layout.sample_dtype))

    def _read(self, name: str, start: int, stop: int) -> pa.ChunkedArray:
        """Rows ``start`` to ``stop`` of a column, from the row groups that overlap them."""
        first = bisect_right(self._starts, start) - 1
        groups = list(range(first, bisect_right(self._starts, stop - 1)))
        with reading(self.path, f"column {name!r}, rows {start} to {stop}"):
            table = self._file.read_row_groups(groups, columns=[name], use_threads=False)
        return table.column(0).slice(start - self._starts[first], stop - start)

    def content(self, number: int) -> bytes:
        """The bytes of a file. Raises ``TrcError`` where they are not as many as were packed."""
        first, last = self._first_row[number : number + 2].tolist()
        samples = self._rows_of("code", first, last).to_pylist()
        content = b"".join([self._heads[number].as_py(), *samples, self._tails[number].as_py()])
        if len(content) != self._sizes[number]:
            raise TrcError(f"{self.path}: {self.names[number]} has {len(content)} bytes, {self._sizes[number]} were packed: damaged; pack again")
        return content

    def _rows_of(self, name: str, start: int, stop: int) -> pa.ChunkedArray:
        """Rows of one file, out of a kept span of several row groups' rows."""
        if not (self._kept_from <= start and stop <= self._kept_from + len(self._kept)):
            ahead = min(max(stop, start + KEPT_ROWS), self._starts[-1])
            self._kept_from, self._kept = start, self._read(name, start, ahead)
        return self._kept.slice(start - self._kept_from, stop - start)

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()


def _offsets(chunk: Any) -> NDArray[np.int32]:
    """Where the values of a binary array begin and end in its bytes."""
    return np.frombuffer(chunk.buffers()[1], dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]


def _as_rows(chunk: Any, width: int, path: str) -> NDArray[np.uint8]:
    """A binary array as bytes (rows, width), without copying."""
    if isinstance(chunk, pa.ChunkedArray):
        chunk = chunk.combine_chunks()
    offsets = _offsets(chunk)
    if chunk.null_count or (np.diff(offsets) != width).any():
        raise TrcError(f"{path}: samples of other lengths than the heads of their files declare: damaged; pack the folder again")
    return np.frombuffer(chunk.buffers()[2] or b"", dtype=np.uint8)[offsets[0] : offsets[-1]].reshape(len(chunk), width)
