"""Event files that travelled with a job: opened where they lie, named as they were planned."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from processors.chunks import Chunk, EventFile
from processors.work import open_file
from readers.source import Source


@dataclass(frozen=True)
class OpenTransferred:
    """Opens event files by their name in the job's folder; paths without one as they are. ``names``: path -> name."""

    names: Mapping[str, str]

    def __call__(self, file: EventFile) -> Source:
        """Open a source."""
        return open_file(replace(file, paths=tuple(self.names.get(path, path) for path in file.paths)))


def without_stamps(chunk: Chunk, paths: Collection[str]) -> Chunk:
    """The chunk without the comparison of size and time after the work: a copy has another time, and its size is compared before."""
    spans = (replace(span, unchanged="") if any(path in paths for path in span.file.paths) else span for span in chunk.spans)
    return replace(chunk, spans=tuple(spans))
