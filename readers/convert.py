"""Convert event files to Parquet, HDF5 or ROOT in chunks, so that large samples are afterwards read by column and entry range.

Files of events with hits (digihit, truehit) become one contiguous file of the same format when HDF5 is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from readers.digihit_merge import MERGEABLE, Selection, merge
from readers.files import is_url
from readers.registry import ENDINGS, detect_format, open_source
from readers.source import ReadError, SourceError
from readers.writers import WRITERS, Table
from records.atomic import replacing

CHUNK_ENTRIES = 100_000


def convert(
    sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002 - the word of the configuration
    tree: str | None = None,
    columns: Mapping[str, str] | None = None,
    partial: bool = False,
    chunk_entries: int = CHUNK_ENTRIES,
    select: Selection | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write the events of ``sources`` to ``target``, and return their number.

    ``sources`` are what ``open_source`` takes, of digihit and truehit any number of files. The ending of ``target`` chooses Parquet, HDF5 or ROOT;
    ``select`` keeps some of the events where digihit or truehit becomes HDF5. Names, types, units, meanings and attributes stay: reading ``target``
    gives the same values. Memory holds ``chunk_entries`` entries. ``target`` appears whole or not at all; ``progress(done, all)`` is called after
    each chunk. Raises ``SourceError`` for a target that is one of the sources or cannot hold a column, for parts of the sources that cannot be read
    (``partial`` leaves them behind), for what ``digihit_merge.merge`` refuses, and as ``open_source``.
    """
    target_format = _target_format(target)
    _check_not_a_source(sources, target)
    inputs = [str(sources)] if isinstance(sources, str | os.PathLike) else [str(source) for source in sources]
    found = format or detect_format(inputs[0])
    if target_format == "hdf5" and found in MERGEABLE:
        _check_nothing_else_is_asked_for(tree, columns, found)
        with _writing(target), replacing(Path(target)) as temporary:
            return merge(inputs, temporary, found, select=select, progress=progress)
    if select is not None:
        raise SourceError(f"{target}: events are selected when files of {' or '.join(MERGEABLE)} become one .h5 file; {inputs[0]} is {found}")
    writer = WRITERS[target_format]
    with open_source(sources, format, tree=tree, columns=columns) as source:
        if source.unreadable and not partial:
            listed = "; ".join(f"{name!r}: {reason}" for name, reason in source.unreadable.items())
            raise SourceError(f"{source.path}: would lose what cannot be read ({listed}); remove it from the file, or convert with partial=True")
        table = Table(source.columns, source.forms, source.attributes, len(source))
        with _writing(target), replacing(Path(target)) as temporary, writer(temporary, table) as file:
            for start in range(0, len(source), chunk_entries):
                stop = min(start + chunk_entries, len(source))
                file.write(source.events(start, stop))
                if progress is not None:
                    progress(stop, len(source))
        return len(source)


def _check_not_a_source(sources: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], target: str | os.PathLike[str]) -> None:
    inputs = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    if any(not is_url(str(source)) and Path(source).resolve() == Path(target).resolve() for source in inputs):
        raise SourceError(f"{target}: is one of the files to convert; give another name")


def _check_nothing_else_is_asked_for(tree: str | None, columns: Mapping[str, str] | None, format_name: str) -> None:
    if tree is not None or columns:
        raise SourceError(f"a {format_name} file has no tree and keeps the names of its datasets; leave tree and columns out")


@contextmanager
def _writing(target: str | os.PathLike[str]) -> Iterator[None]:
    """What the system refuses while ``target`` is written is the user's to mend; errors of reading pass as they are."""
    try:
        yield
    except (SourceError, ReadError):
        raise
    except OSError as error:
        raise SourceError(f"{target}: cannot be written ({error.strerror or error}); check the folder and its free space") from error


def _target_format(target: str | os.PathLike[str]) -> str:
    if is_url(str(target)):
        raise SourceError(f"{target}: convert writes local files; give a path, and copy the file afterwards")
    found = ENDINGS.get(Path(target).suffix.lower())
    if found not in WRITERS:
        endings = ", ".join(ending for ending, name in ENDINGS.items() if name in WRITERS)
        raise SourceError(f"{target}: nothing here writes the ending {Path(target).suffix!r}; its ending chooses the format to write: {endings}")
    return found
