"""A folder of waveform files as one Parquet file, and back byte by byte: reading many small files is what takes the time.

One row for each trigger: ``file`` (path in the folder), ``segment``, ``code`` (its samples as they stand in the file), and on the row of a
file's first trigger ``size`` (bytes of the file), ``head`` (all bytes before the samples: envelope, descriptor, user text, trigger times) and
``tail`` (all behind). Bytes, not lists of numbers: Parquet holds 16-bit numbers as 32 bits with levels, which takes five times as long to read; the
head says type and order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from readers.files import reading
from readers.source import SourceError
from readers.trc import PACK_ENDINGS, expand, short_name
from readers.trc_batch import open_batch
from readers.trc_layout import Layout, TrcError
from records.atomic import replacing

KEY, NAME = "dynode_format", "trc_pack"  # in the metadata of the schema
VERSION = "1"
ROWS = 4096  # of a row group
ROW_GROUP_BYTES = 1 << 26
BATCH_FILES = 500
MEANINGS = {
    "file": "path in the packed folder",
    "segment": "trigger in its file",
    "size": "bytes of the file, with its first trigger",
    "head": "bytes before the samples, with the first trigger of a file",
    "tail": "bytes behind the samples, with the first trigger of a file",
    "code": "bytes of the samples",
}
Done = Callable[[int, int], None]  # (files done, all)


def pack(folder: str | Path, target: str | Path, *, allow_partial: bool = False, progress: Done | None = None) -> int:
    """Write all waveform files of a folder (or one file) to a Parquet file; returns their number.

    ``target`` appears whole or not at all. Raises ``TrcError`` naming the files that are refused (``allow_partial`` leaves them out).
    """
    if not str(target).lower().endswith(PACK_ENDINGS):
        raise TrcError(f"{target}: a pack is a Parquet file; give it the ending .parquet")
    root = Path(folder)
    paths = expand(str(folder))
    with _writing(target), replacing(Path(target)) as temporary, _rows_of(temporary) as rows:
        count = 0
        for start in range(0, len(paths), BATCH_FILES):
            part = paths[start : start + BATCH_FILES]
            batch = open_batch(part, allow_processed=True)
            if batch.refused and not allow_partial:
                refused, cure = list(batch.refused), "Remove what is no waveform, or leave it out by --allow-partial"
                raise TrcError(f"{short_name(refused)} cannot be packed: {batch.refused[refused[0]]}. {cure}", batch.refused)
            layouts = {path: group.layout for group in batch.groups for path in group.paths}
            for path in filter(layouts.__contains__, part):
                name = Path(path).relative_to(root).as_posix() if root.is_dir() else root.name
                _add(rows, name, Path(path), layouts[path])
                count += 1
            if progress is not None:
                progress(min(start + BATCH_FILES, len(paths)), len(paths))
        if not count:
            raise TrcError(f"{folder}: not one of {len(paths)} files can be packed")
        return count


def _add(rows: _Rows, name: str, path: Path, layout: Layout) -> None:
    """One file as rows. Raises ``TrcError`` when it is no longer what it was when it was opened."""
    with reading(path):
        content = path.read_bytes()
    if not layout.size <= len(content) <= layout.size + 1:
        raise TrcError(f"{path}: {len(content)} bytes, not the {layout.size} there were; it is being written: wait, then repeat")
    begin = layout.codes_at
    end = begin + layout.blocks["WAVE_ARRAY_1"]
    step = (end - begin) // layout.segments
    for segment in range(layout.segments):
        at = begin + segment * step
        of_file = (len(content), content[:begin], content[end:]) if segment == 0 else (None, None, None)
        rows.add((name, segment, *of_file, content[at : at + step]))


class _Rows:
    """Gathers rows and hands them to ``write`` (a table of Parquet) in row groups; ``flush`` writes the last."""

    def __init__(self, write: Callable[[Any], None], schema: Any) -> None:
        self._write, self._schema = write, schema
        self._columns: dict[str, list[Any]] = {name: [] for name in MEANINGS}
        self._gathered_bytes = 0

    def add(self, row: tuple[Any, ...]) -> None:
        """Append a row, in the order of ``MEANINGS``."""
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)
        self._gathered_bytes += sum(len(value) for value in row if isinstance(value, bytes))
        if len(self._columns["code"]) >= ROWS or self._gathered_bytes >= ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        import pyarrow as pa

        if not self._columns["code"]:
            return
        arrays = [pa.array(values, field.type) for values, field in zip(self._columns.values(), self._schema, strict=True)]
        self._write(pa.Table.from_arrays(arrays, schema=self._schema))
        self._columns, self._gathered_bytes = {name: [] for name in MEANINGS}, 0


@contextmanager
def _rows_of(path: Path) -> Iterator[_Rows]:
    """Rows of a new pack, whole when the block ends."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"file": pa.string(), "segment": pa.int32(), "size": pa.int64()}
    fields = [pa.field(name, kinds.get(name, pa.binary()), metadata={"description": words}) for name, words in MEANINGS.items()]
    schema = pa.schema(fields, metadata={KEY: NAME, "version": VERSION})
    with pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=["tail", "segment"], write_page_checksum=True) as writer:
        rows = _Rows(partial(writer.write_table, row_group_size=ROWS), schema)
        yield rows
        rows.flush()


def unpack(source: str | Path, folder: str | Path, *, progress: Done | None = None) -> int:
    """Restore the packed files below ``folder``, byte by byte; returns their number.

    Raises ``TrcError`` for a file that is no pack, for names that lead out of the folder, and where a file with other content exists.
    """
    from readers.trc_packed import open_pack

    root = Path(folder)
    with open_pack(str(source)) as pack_file:
        for number, name in enumerate(pack_file.names):
            _restore(root, name, pack_file.content(number), str(source))
            if progress is not None:
                progress(number + 1, len(pack_file.names))
        return len(pack_file.names)


def _restore(root: Path, name: str, content: bytes, source: str) -> None:
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts or not inside.parts:
        raise TrcError(f"{source}: packed file {name!r} would be written outside of {root}; this pack was not made here: refuse it")
    path = root / inside
    with _writing(path):
        if path.exists():
            if path.read_bytes() != content:
                raise TrcError(f"{path}: exists with other content; unpack into an empty folder")
            return
        with replacing(path) as temporary:
            temporary.write_bytes(content)


@contextmanager
def _writing(target: str | Path) -> Iterator[None]:
    """What the system refuses while ``target`` is written is the user's to mend."""
    try:
        yield
    except SourceError:
        raise
    except OSError as error:
        raise SourceError(f"{target}: cannot be written ({error.strerror or error}); check the folder and its free space") from error


def is_pack(metadata: Any) -> bool:
    """Whether the metadata of a Parquet schema say that it is a pack."""
    return (metadata or {}).get(KEY.encode()) == NAME.encode()
