"""Keys of the journal: digests of all that a piece of work depends on, so that whatever changed is computed again and nothing else."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from coffea.processor import ProcessorABC

from processors import content, source_code
from processors.chunks import Chunk, DatasetInput, EventFile, Span
from processors.work import Work

FORMAT = 1  # of keys and of the values behind them
STARTED_NS = time.time_ns()  # source of the project that changed later is not the code that runs here


def dataset_key(dataset: DatasetInput, opener: str) -> str:
    """Digest of all that the result of a data set depends on, its files apart: name, kind, metadata, processor, source code, versions."""
    files = source_of(dataset)
    processor = dataset.processor
    kind = type(processor)
    options = dataset.options if dataset.options is not None else _state(processor)
    return digest(
        "data set", dataset.name, dataset.kind, dataset.metadata, opener, f"{kind.__module__}.{kind.__qualname__}", options,
        {name: [[str(axis), np.asarray(axis.edges).tolist()] for axis in axes] for name, axes in axes_of(processor).items()},
        running_code(files), source_code.versions(source_code.imported_packages(files)),
    )  # fmt: skip


def inspection_key(file: EventFile, opener: str, identity: content.Identity) -> str | None:
    """Key of what opening a local file told; nothing where the file cannot be looked at from here (missing, or a URL)."""
    if any(content.is_url(path) for path in file.paths):
        return None
    try:
        stat = content.stat_identity(file.paths)
    except OSError:
        return None
    return digest("inspection", opener, identity, file.state, stat)


def chunk_key(dataset: str, chunk: Chunk) -> str:
    """Key of a chunk of the data set whose key is ``dataset``."""
    return digest("chunk", dataset, spans_key(chunk.spans))


def chunksize_key(dataset: str) -> str:
    """Key of the chunk size that a trial gave. It does not depend on the files, so that one more file leaves the chunks of the others alone."""
    return digest("chunksize", dataset)


def run_key(datasets: Mapping[str, str], files: Mapping[str, Sequence[Span]]) -> str:
    """Digest of all that the result of a run depends on, however it is cut into chunks."""
    return digest("run", datasets, {name: spans_key(spans) for name, spans in files.items()})


def spans_key(spans: Sequence[Span]) -> list[Any]:
    """Files, their identities, and entries."""
    return [[span.file.state, span.identity, span.start, span.stop] for span in spans]


def opener(work: Work) -> str:
    """How files are opened: the function's name, and the source of all readers."""
    name = f"{getattr(work.open_file, '__module__', '')}.{getattr(work.open_file, '__qualname__', '')}"
    return f"{name} {running_code(source_code.always_used())}"


def source_of(dataset: DatasetInput) -> tuple[Path, ...]:
    """The source files that the result of a data set relies on."""
    if dataset.source_files is not None:
        return dataset.source_files
    return source_code.relied_on(_module_file(dataset.processor), dataset.folder)


def _module_file(processor: ProcessorABC) -> str | None:
    return getattr(sys.modules.get(type(processor).__module__), "__file__", None)


def _state(processor: ProcessorABC) -> str:
    """Digest of a processor's attributes, and of its code where that lies in no file (an interactive session)."""
    value = vars(processor) if _module_file(processor) else processor
    return hashlib.sha256(cloudpickle.dumps(value)).hexdigest()


def axes_of(processor: ProcessorABC) -> Mapping[str, Sequence[Any]]:
    """The axes that a processor announces; none for one that does not."""
    return processor.axes() if hasattr(processor, "axes") else {}


def running_code(files: Sequence[Path]) -> str:
    """Digest of source files; one of its own in each process when a file of the project changed after this Python started.

    The source on disk is then not what runs here, and nothing of this run may be taken over by a later one.
    """
    edited = any(path.is_relative_to(source_code.PROJECT) and path.stat().st_mtime_ns > STARTED_NS for path in files)
    return f"{source_code.digest(files)} {STARTED_NS}" if edited else source_code.digest(files)


def digest(*parts: Any) -> str:
    """SHA-256 of values as JSON."""
    return hashlib.sha256(json.dumps([FORMAT, *parts], sort_keys=True, default=str).encode()).hexdigest()
