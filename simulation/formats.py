"""Writers of generated events in the experiment's own file formats; blocks are streamed, files appear whole or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from readers.known_columns import EXERCISE, RELEASE, Known
from records.atomic import replacing

Events = Mapping[str, NDArray[Any]]
COPY_BYTES = 1 << 20
OWN_COLUMNS = {
    "recoCosZenith": Known("", "centre of the bin in cos(reconstructed zenith)"),
    "flavour": Known("", "12, 14, 16: neutrinos and antineutrinos of a flavour; 0: atmosphere", whole=True),
}


def write_hese_json(directory: Path, files: Mapping[str, Sequence[str]], blocks: Iterable[Events]) -> list[Path]:
    """Write objects of equally long lists, ``files``: file name -> its columns, in the form of the HESE release (literal ``NaN``).

    Every list is collected in a file of its own first, so memory holds one block only.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".lists-") as scratch:
        lists = {name: Path(scratch) / name for columns in files.values() for name in columns}
        _append_lists(lists, blocks)
        return [_join_lists(directory / file, {name: lists[name] for name in columns}) for file, columns in files.items()]


def _append_lists(lists: Mapping[str, Path], blocks: Iterable[Events]) -> None:
    with ExitStack() as stack:
        open_files = {name: stack.enter_context(path.open("w", encoding="ascii")) for name, path in lists.items()}
        for number, block in enumerate(blocks):
            for name, file in open_files.items():
                file.write((", " if number else "") + json.dumps(block[name].tolist())[1:-1])


def _join_lists(target: Path, lists: Mapping[str, Path]) -> Path:
    with replacing(target) as temporary, temporary.open("wb") as out:
        for number, (name, path) in enumerate(lists.items()):
            out.write((", " if number else "{").encode() + json.dumps(name).encode() + b": [")
            with path.open("rb") as part:
                while piece := part.read(COPY_BYTES):
                    out.write(piece)
            out.write(b"]")
        out.write(b"}\n")
    return target


def write_toy_json(path: Path, columns: Sequence[str], blocks: Iterable[Events]) -> Path:
    """Write ``{"mapping": {column: index}, "events": [[...], ...]}``, the form of the boot-camp exercise."""
    with replacing(path) as temporary, temporary.open("w", encoding="ascii") as out:
        out.write('{"mapping": ' + json.dumps({name: index for index, name in enumerate(columns)}) + ', "events": [')
        for number, block in enumerate(blocks):
            rows = list(zip(*(block[name].tolist() for name in columns), strict=True))
            out.write((", " if number else "") + json.dumps(rows)[1:-1])
        out.write("]}\n")
    return path


def write_parquet(path: Path, blocks: Iterable[Events], about: Mapping[str, str]) -> Path:
    """Write a table, one row group a block; columns carry unit and description, the file carries ``about``."""
    with replacing(path) as temporary, ExitStack() as stack:
        writer = None
        for block in blocks:
            table = pa.table({name: pa.array(values) for name, values in block.items()}, schema=_schema(block, about))
            writer = writer or stack.enter_context(pq.ParquetWriter(temporary, table.schema))
            writer.write_table(table)
    return path


def _schema(block: Events, about: Mapping[str, str]) -> pa.Schema:
    known = {**RELEASE, **EXERCISE, **OWN_COLUMNS}
    return pa.schema([_field(name, values, known.get(name, Known("", ""))) for name, values in block.items()], metadata=dict(about))


def _field(name: str, values: NDArray[Any], known: Known) -> pa.Field:
    return pa.field(name, pa.from_numpy_dtype(np.asarray(values).dtype), nullable=False, metadata={"unit": known.unit, "description": known.meaning})
