"""Download one file: checked, atomic, resumed where it broke off, patient with a server in trouble and brief with a wrong address."""

from __future__ import annotations

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from configs.errors import InputError

TIMEOUT_S = 30.0  # without a byte
ATTEMPTS = 4
BACKOFF_S = 1.0  # before the second attempt; doubles with each further one
BLOCK_BYTES = 1 << 16
RETRIED_STATUS = {408, 429, 500, 502, 503, 504}


class _Transient(Exception):
    """A fault that another attempt may cure."""


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
    reason = ""
    for attempt in range(attempts):
        if attempt:
            sleep(backoff_s * 2 ** (attempt - 1))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _attempt(url, part, size, sha256, timeout_s)
            part.replace(target)
            return
        except _Transient as error:
            reason = str(error)
        except OSError as error:
            raise InputError(f"cannot write {error.filename or part}: {error.strerror}") from None
    raise InputError(f"{url}: {reason} ({attempts} attempts)")


def _attempt(url: str, part: Path, size: int, sha256: str, timeout_s: float) -> None:
    """Complete the part and check it; a part that turns out wrong is removed."""
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    if have < size or size == 0:
        _transfer(url, part, have, size, timeout_s)
    found = sha256_of(part)
    if found == sha256:
        return
    part.unlink()
    message = f"wrong content: sha256 {found}, the catalogue says {sha256}; the file was removed"
    if have:  # an old part may belong to another version of the file: once more from the start
        raise _Transient(message)
    raise InputError(f"{url}: {message}")


def _transfer(url: str, part: Path, have: int, size: int, timeout_s: float) -> None:
    """Append the missing bytes to the part, or write it anew when the server does not continue."""
    request = urllib.request.Request(url, headers={"User-Agent": "dynode", **({"Range": f"bytes={have}-"} if have else {})})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:
            start = _start(response, have)
            _check_length(url, response, start, size)
            with part.open("ab" if start else "wb") as file:
                _copy(response, file, start, size)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the server's file ends before our part does
            part.unlink()
            raise _Transient("the server cannot continue the partial file") from None
        if error.code in RETRIED_STATUS:
            raise _Transient(f"the server answers {error.code} {error.reason}") from None
        raise InputError(f"{url}: the server answers {error.code} {error.reason}") from None
    except TimeoutError:
        raise _Transient(f"no answer within {timeout_s:g} s") from None
    except urllib.error.URLError as error:
        raise _Transient(f"no connection ({error.reason}); is there a network?") from None
    except (ConnectionError, http.client.HTTPException) as error:
        raise _Transient(f"the connection broke ({error or type(error).__name__})") from None
    received = part.stat().st_size
    if received != size:
        raise _Transient(f"the connection broke after {received} of {size} bytes")


def _start(response: http.client.HTTPResponse, have: int) -> int:
    """Offset of the first byte of the answer: ``have`` when the server continues our part, 0 when it sends the whole file."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return have if response.status == 206 and match and int(match[1]) == have else 0


def _check_length(url: str, response: http.client.HTTPResponse, start: int, size: int) -> None:
    declared = response.headers.get("Content-Length")
    if declared is not None and declared.isdigit() and start + int(declared) != size:
        raise InputError(
            f"{url}: wrong length: the server offers {start + int(declared)} bytes, the catalogue says {size}; the file has changed there"
        )


def _copy(response: http.client.HTTPResponse, file: object, start: int, size: int) -> None:
    written = start
    while block := response.read1(BLOCK_BYTES):
        written += len(block)
        if written > size:
            raise InputError(f"{response.url}: wrong length: more than the {size} bytes that the catalogue says; the file has changed there")
        file.write(block)  # type: ignore[attr-defined]


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a local file as hexadecimal digits. Raises ``OSError``."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
