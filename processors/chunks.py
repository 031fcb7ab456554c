"""What is to be done: event files, spans of their entries, and chunks of spans sized to be worth a worker's while."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from coffea.processor import ProcessorABC

from configs.remote import Remote
from readers.registry import BATCHED

MAX_SPANS = 1000  # files opened by one chunk
TARGET_S = 0.5  # wanted duration of a chunk; at least half of it after rounding down to a power of two
NAMED_PATHS = 3  # of a source of many files, in messages
OPENINGS = 4.0  # a chunk takes at least so many times what opening its file takes
MAX_ENTRIES = 1 << 22  # bounds the memory of a chunk: 32 MiB for each float64 column


@dataclass(frozen=True)
class EventFile:
    """One source of events: one path, several paths with the same events (formats that spread columns over files), or a batch of small files.

    ``remote``: how URLs among the paths are reached; ``unavailable``: why the file could not be fetched (empty: it was).
    """

    paths: tuple[str, ...]
    format: str | None = None
    tree: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    remote: Remote = field(default_factory=Remote)
    unavailable: str = ""

    @property
    def state(self) -> dict[str, Any]:
        """What results depend on: the paths and how they are read, not how they are reached."""
        return {"paths": self.paths, "format": self.format, "tree": self.tree, "columns": self.columns}

    @property
    def name(self) -> str:
        """The path as messages show it; a few paths are joined by commas, of many the first stands for all."""
        return ", ".join(self.paths) if len(self.paths) <= NAMED_PATHS else f"{self.paths[0]} and {len(self.paths) - 1} more"

    @property
    def count(self) -> int:
        """Files that can fail each by itself: those of a batch, else one."""
        return len(self.paths) if self.format in BATCHED else 1


@dataclass(frozen=True)
class DatasetInput:
    """One data set of a run.

    ``options``: what the processor was made with, as JSON values (null: its pickled state stands for it); ``source_files``: the source
    it relies on (null: found from its class); ``folder``: where the user's own modules lie.
    """

    name: str
    kind: str
    files: tuple[EventFile, ...]
    processor: ProcessorABC
    metadata: Mapping[str, Any] = field(default_factory=dict)
    options: Any = None
    source_files: tuple[Path, ...] | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Span:
    """Entries ``start`` to ``stop`` (exclusive) of one file.

    ``of_entries``: how many a batch of files has in all, since one file less would shift the entries of the others (null: not compared).
    ``identity``: of the file's content when the run was planned; ``unchanged``: what is compared after the work (size and time; empty: nothing).
    """

    file: EventFile
    start: int
    stop: int
    identity: str = ""
    unchanged: str = ""
    of_entries: int | None = None

    @property
    def entries(self) -> int:
        """Number of entries."""
        return self.stop - self.start


@dataclass(frozen=True)
class Chunk:
    """The unit of work: spans of one data set, processed together and journalled together under ``key`` (given by the plan)."""

    dataset: str
    spans: tuple[Span, ...]
    key: str = ""

    @property
    def entries(self) -> int:
        """Number of entries of all spans."""
        return sum(span.entries for span in self.spans)

    @property
    def name(self) -> str:
        """Data set and first span, for progress and messages."""
        first = self.spans[0]
        more = f" and {len(self.spans) - 1} more files" if len(self.spans) > 1 else ""
        return f"{self.dataset}: {first.file.name} [{first.start}, {first.stop}){more}"


def cut(dataset: str, files: Sequence[Span], chunksize: int) -> Iterator[Chunk]:
    """Cut whole files (spans from 0 to their length) into chunks of at most ``chunksize`` entries, in the order given.

    A file longer than ``chunksize`` is cut into equal pieces of its own; shorter ones share chunks, at most ``MAX_SPANS`` a chunk. Every
    entry belongs to exactly one chunk. A data set without entries gives one empty chunk, so that its (empty) histograms exist.
    """
    filled = [whole for whole in files if whole.entries] or files[:1]
    return (Chunk(dataset, tuple(spans)) for spans in _groups(filled, chunksize))


def _groups(files: Sequence[Span], chunksize: int) -> Iterator[list[Span]]:
    gathered: list[Span] = []
    room = chunksize
    for whole in files:
        if gathered and (whole.entries > room or len(gathered) >= MAX_SPANS):
            yield gathered
            gathered, room = [], chunksize
        if whole.entries <= chunksize:
            gathered.append(whole)
            room -= whole.entries
        else:
            yield from ([piece] for piece in _pieces(whole, chunksize))
    if gathered:
        yield gathered


def _pieces(whole: Span, chunksize: int) -> Iterator[Span]:
    count = math.ceil(whole.entries / chunksize)
    edges = [whole.entries * index // count for index in range(count + 1)]
    return (replace(whole, start=start, stop=stop) for start, stop in pairwise(edges))


def chunksize_for(opening_s: float, per_entry_s: float) -> int:
    """Entries of a chunk that takes about ``TARGET_S`` (at least half of it), and longer where opening a file is slow.

    ``opening_s`` and ``per_entry_s`` are measured. The result is a power of two, so that small differences in speed give the same chunks.

    >>> chunksize_for(opening_s=0.001, per_entry_s=1e-5)
    32768
    """
    wanted = max(TARGET_S, OPENINGS * opening_s) / max(per_entry_s, 1e-9)
    return 1 << int(math.log2(min(max(wanted, 1.0), MAX_ENTRIES)))
