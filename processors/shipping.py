"""The code of a run as an archive: the project, the modules beside the configuration, and the configuration itself."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from processors import source_code
from processors.chunks import DatasetInput

FOLDERS = tuple(name for name in source_code.PROJECT_NAMES if not name.startswith("run_"))
SUFFIXES = (".py", ".yaml", ".json", ".csv", ".txt", ".dat")
OWN = "own"  # folder of the archive with the modules and the configuration of the user


def code_archive(own: Mapping[str, Path] | None = None) -> bytes:
    """The project's code and tables as a compressed tar; equal content gives equal bytes. ``own``: the user's files by their place below ``own/``."""
    members = dict(_project()) | {f"{OWN}/{name}": path for name, path in (own or {}).items()}
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name, path in sorted(members.items()):
            content = path.read_bytes()
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return packed.getvalue()


def project_state() -> tuple[list[str], str]:
    """The project's modules by name, and the digest by which another checkout tells whether it is the same."""
    files = sorted(path for name, path in _project() if name.endswith(".py"))
    return [str(path.relative_to(source_code.PROJECT)) for path in files], source_code.digest(files)


def _project() -> Iterator[tuple[str, Path]]:
    for folder in FOLDERS:
        for path in (source_code.PROJECT / folder).rglob("*"):
            if path.suffix in SUFFIXES and "__pycache__" not in path.parts:
                yield str(path.relative_to(source_code.PROJECT)), path
    for door in source_code.PROJECT.glob("run_*.py"):
        yield door.name, door


def own_files(datasets: Iterable[DatasetInput]) -> dict[str, Path]:
    """The modules of the user's that processors rely on, by their place beside the configuration."""
    found = {}
    for dataset in datasets:
        for path in dataset.source_files or ():
            if dataset.folder is not None and path.is_relative_to(dataset.folder) and not path.is_relative_to(source_code.PROJECT):
                found[str(path.relative_to(dataset.folder))] = path
    return found
