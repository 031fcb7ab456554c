"""What every reader gives: a ``Source`` of events whose columns load when they are first touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import awkward as ak

from configs.errors import InputError


class SourceError(InputError):
    """A file whose content is wrong: the message names file, dataset, entry and cure. Retrying cannot help."""


class ReadError(OSError):
    """The operating system or the network failed while a column was read; worth a retry."""


@dataclass(frozen=True)
class Column:
    """One column of events: ``dtype`` as NumPy or awkward writes it, e.g. ``float64`` or ``var * float32``."""

    name: str
    dtype: str
    unit: str = ""
    meaning: str = ""


class Source(Protocol):
    """Events of one file (or of several files with the same events), open for reading; a context manager."""

    @property
    def path(self) -> str:
        """Where the events come from, for messages (several files are joined by `` + ``)."""
        ...

    @property
    def columns(self) -> Mapping[str, Column]:
        """Name -> type, unit and meaning of every column that can be read."""
        ...

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What the file says about itself beside its columns."""
        ...

    def __len__(self) -> int: ...

    def events(self, start: int, stop: int) -> ak.Array:
        """Entries ``start`` to ``stop`` (exclusive) as records; a column is read when it is first touched."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None: ...
