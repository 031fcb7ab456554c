"""The journal of a run: one checked file for each finished piece of work, so that a second run resumes where the first one ended.

Private to this machine and this user: entries are pickles behind a SHA-256 of their bytes. An entry that is cut off, changed or not
ours reads as absent and its work is done again.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from configs.errors import InputError
from records.atomic import replacing

try:
    import fcntl
except ImportError:  # no such locks on this system: two runs at a time are then the user's care
    fcntl = None  # type: ignore[assignment]

MAGIC = b"dynode journal 1\n"
DIGEST_BYTES = 32
ENTRY = ".entry"


class Journal:
    """Entries by key in a directory that one run at a time may use; a context manager."""

    def __init__(self, directory: Path, *, fresh: bool = False) -> None:
        """Open (and make) the directory. ``fresh`` discards what is there. Raises ``InputError`` when another run uses it or it cannot be made."""
        self.directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise InputError(f"{directory}: cannot write the journal ({error.strerror}); choose another output_dir") from None
        self._take_lock()
        self._clean(everything=fresh)

    def read(self, key: str) -> Any | None:
        """The value written under ``key``, or nothing when there is none that can be trusted."""
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        header = len(MAGIC) + DIGEST_BYTES
        body = memoryview(content)[header:]
        if content[: len(MAGIC)] != MAGIC or hashlib.sha256(body).digest() != content[len(MAGIC) : header]:
            return None
        try:
            return pickle.loads(body)
        except Exception:
            return None  # written by other versions of the classes in it: as good as absent

    def write(self, key: str, value: Any) -> None:
        """Write a value whole or not at all, and onto the disk. Raises ``InputError`` when the disk refuses (full, read-only, quota)."""
        body = pickle.dumps(value, protocol=5)
        try:
            with replacing(self._path(key)) as temporary, temporary.open("wb") as file:
                file.write(MAGIC + hashlib.sha256(body).digest())
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise InputError(
                f"{self.directory}: cannot write the journal ({reason}); make room and run the command again: what is in it stays valid"
            ) from None

    def keep_only(self, keys: Collection[str]) -> None:
        """Remove every entry that is not among ``keys``: what a finished run no longer needs."""
        kept = set(keys)
        for path in self.directory.glob(f"*/*{ENTRY}"):
            if path.stem not in kept:
                path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        os.close(self._lock)

    def _path(self, key: str) -> Path:
        return self.directory / key[:2] / f"{key}{ENTRY}"

    def _take_lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise InputError(f"{self.directory}: another run is using this journal; wait for it to end, or give this run another name") from None
        except OSError:
            return  # a file system without locks

    def _clean(self, *, everything: bool) -> None:
        for folder in self.directory.iterdir():
            if not folder.is_dir():
                continue
            if everything:
                shutil.rmtree(folder)
                continue
            for left_over in folder.glob(".*.tmp"):
                left_over.unlink(missing_ok=True)
