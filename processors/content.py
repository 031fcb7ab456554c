"""Whether a file is still the file it was: its content identity by size and time, or by digest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from data_info.download import sha256_of
from readers.files import is_url

Identity = Literal["stat", "digest"]
REMOTE_KEYS = (
    "size",
    "ETag",
    "etag",
    "checksum",
    "md5Hash",
    "mtime",
    "LastModified",
    "last_modified",
    "updated",
)  # as fsspec's file systems name them


def stat_identity(paths: tuple[str, ...]) -> str:
    """Size and time of change (ns) of every path; for URLs what the server tells (size, entity tag, time). Raises ``OSError``."""
    return "; ".join(_remote_identity(path) if is_url(path) else _local_identity(path) for path in paths)


def identity(paths: tuple[str, ...], by: Identity) -> str:
    """The content identity that enters the journal's keys: ``stat`` (cheap) or ``digest`` (SHA-256 of local files). Raises ``OSError``."""
    if by == "stat":
        return stat_identity(paths)
    return "; ".join(_remote_identity(path) if is_url(path) else sha256_of(path) for path in paths)


def _local_identity(path: str) -> str:
    found = Path(path).stat()
    return f"{found.st_size} bytes, {found.st_mtime_ns} ns"


def _remote_identity(path: str) -> str:
    from fsspec.core import url_to_fs

    system, inside = url_to_fs(path)
    told: Mapping[str, Any] = system.info(inside)
    return ", ".join(f"{key} {told[key]}" for key in REMOTE_KEYS if told.get(key) is not None)
