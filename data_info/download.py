"""Download one file: checked, atomic, resumed where it broke off, patient with a server in trouble and brief with a wrong address."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from configs.errors import InputError
from data_info.transfer import HttpPool, Patience, Transient, patiently

TIMEOUT_S = 30.0  # without a byte
ATTEMPTS = 4
SMALL_BYTES = 1 << 16  # read in one piece
BACKOFF_S = 1.0  # before the second attempt; doubles with each further one


def fetch(
    url: str,
    target: Path,
    *,
    size: int,
    sha256: str,
    timeout_s: float = TIMEOUT_S,
    attempts: int = ATTEMPTS,
    backoff_s: float = BACKOFF_S,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Download ``url`` to ``target``, which appears only when ``size`` (bytes) and ``sha256`` are right.

    A part is kept as ``<target>.part`` and continued, here after a fault or by a later call. Server errors, time-outs and lost connections are
    retried with growing pauses; a missing file or a wrong content is not. Raises ``InputError`` with the reason.
    """
    part = target.with_name(f"{target.name}.part")
    pool = HttpPool(Patience(timeout_s, timeout_s, attempts, backoff_s))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        patiently(lambda: _attempt(pool, url, part, size, sha256), pool.patience, sleep)
        part.replace(target)
    except InputError as error:
        raise InputError(f"{url}: {error}") from None
    except OSError as error:
        raise InputError(f"cannot write {error.filename or part}: {error.strerror}") from None


def _attempt(pool: HttpPool, url: str, part: Path, size: int, sha256: str) -> None:
    """Complete the part and check it; a part that turns out wrong is removed."""
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    if have < size or size == 0:
        pool.receive(url, part, have=have, size=size)
    found = sha256_of(part)
    if found == sha256:
        return
    part.unlink()
    message = f"wrong content: sha256 {found}, the catalogue says {sha256}; the file was removed"
    if have:  # an old part may belong to another version of the file: once more from the start
        raise Transient(message)
    raise InputError(message)


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a local file as hexadecimal digits. Raises ``OSError``."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - also for tens of thousands of small files
        start = file.read(SMALL_BYTES)
        if len(start) < SMALL_BYTES:
            return hashlib.sha256(start).hexdigest()
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()
