"""HTTP(S) downloads of one file into another: a pool of connections, time-outs, and which faults another attempt may cure."""

from __future__ import annotations

import io
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any, TypeVar

from configs.errors import InputError

BLOCK_BYTES = 1 << 16
RETRIED_STATUS = {408, 429, 500, 502, 503, 504}
LONGEST_ASKED_S = 300.0  # a server that asks for more patience (Retry-After) is given up
SLOWEST_BYTES_PER_S = 100.0  # over a time-out's length; less is a stall
REDIRECTS = 5
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
HEADERS = {"User-Agent": "dynode", "Accept-Encoding": "identity"}  # lengths and digests are those of the file

T = TypeVar("T")


class Transient(Exception):
    """A fault that another attempt may cure. ``wait_s``: how long the server asks to wait."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Lasting(InputError):
    """A download that failed for good. ``status``: of the server's answer; ``worn_out``: a fault that may pass, but lasted through every attempt."""

    def __init__(self, reason: str, status: int | None = None, *, worn_out: bool = False) -> None:
        super().__init__(reason)
        self.status, self.worn_out = status, worn_out


@dataclass(frozen=True)
class Patience:
    """How long to wait and how often to try. Pauses grow as ``backoff_s`` 2^k up to ``longest_s``; ``jitter``: random share taken off a pause."""

    connect_timeout_s: float = 30.0
    read_timeout_s: float = 30.0  # without a byte
    attempts: int = 4
    backoff_s: float = 1.0
    longest_s: float = 30.0
    jitter: float = 0.0

    def pause_s(self, number: int, asked_s: float | None = None) -> float:
        """Pause before attempt ``number`` (1 is the second attempt); never shorter than the server asks."""
        grown = min(self.backoff_s * 2 ** (number - 1), self.longest_s)
        return max(grown * (1.0 - self.jitter * random.random()), asked_s or 0.0)


@dataclass(frozen=True)
class Answer:
    """What a server told about a file: bytes of the whole file, and its entity tag (without quotes; empty where there is none)."""

    size: int | None
    etag: str = ""


@dataclass(frozen=True)
class Range:
    """Some bytes of a file of ``size`` bytes with entity tag (or time) ``version``; none where the server sends whole files only (``partial``)."""

    content: bytes
    partial: bool
    size: int | None
    version: str = ""


def patiently(attempt: Callable[[], T], patience: Patience, sleep: Callable[[float], object] = time.sleep) -> T:
    """Try until it works. Raises ``Lasting`` with the last reason after ``patience.attempts``, or when the server asks for too much patience."""
    number = 1
    while True:
        try:
            return attempt()
        except Transient as error:
            if number >= patience.attempts:
                raise Lasting(f"{error} ({number} attempts)", worn_out=True) from None
            if (error.wait_s or 0.0) > LONGEST_ASKED_S:
                raise Lasting(f"{error} and asks to wait {error.wait_s:g} s; try again later", worn_out=True) from None
            sleep(patience.pause_s(number, error.wait_s))
            number += 1


class HttpPool:
    """Connections that are used again, ``parallel`` for each server; for use by several threads. Proxies of the environment are honoured."""

    def __init__(self, patience: Patience, parallel: int = 1) -> None:
        self.patience, self.parallel = patience, parallel
        self._managers: dict[str | None, Any] = {}
        self._lock = threading.Lock()  # two managers would keep twice as many connections

    def receive(self, url: str, part: Path, *, have: int = 0, size: int | None = None) -> Answer:
        """Write the file behind ``url`` to ``part``, or append what follows its first ``have`` bytes if the server can continue.

        ``size``: bytes that the file must have; None for what the server says. Raises ``Transient``, ``Lasting``, or ``InputError`` for a wrong
        length.
        """
        expected = size
        received = 0
        with self._faults(), self._opened(url, have) as response:
            self._refuse_status(response, part)
            start = _start(response, have)
            declared = _declared(response, start)
            if size is not None and declared is not None and declared != size:
                raise InputError(f"wrong length: the server offers {declared} bytes, the catalogue says {size}; the file has changed there")
            expected = declared if size is None else size
            with part.open("ab" if start else "wb") as file:
                received = start + self._copy(response, file, start, expected)
            tag = response.headers.get("ETag", "").strip()
        if expected is not None and received != expected:
            raise Transient(f"the connection broke after {received} of {expected} bytes")
        return Answer(received, "" if tag.startswith("W/") else tag.strip('"'))

    def receive_range(self, url: str, start: int, stop: int) -> Range:
        """Bytes ``start`` to ``stop`` (exclusive) of the file behind ``url``. Raises ``Transient`` or ``Lasting``."""
        with self._faults(), self._opened(url, start, stop) as response:
            if response.status == 416:  # only an empty file has no first byte
                return Range(b"", True, 0)
            self._refuse_status(response)
            version = (response.headers.get("ETag") or response.headers.get("Last-Modified") or "").strip()
            told = CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
            if response.status != 206 or not told:
                response.close()  # the whole file may be large
                return Range(b"", False, _declared(response, 0), version)
            if int(told[1]) != start:
                raise Transient(f"the server sent bytes from {told[1]} where those from {start} were asked for")
            buffer = io.BytesIO()
            self._copy(response, buffer, start, stop)
            return Range(buffer.getvalue(), True, int(told[2]) if told[2].isdigit() else None, version)

    def _copy(self, response: Any, file: IO[bytes], written: int, expected: int | None) -> int:
        """Copy the body; returns the bytes copied, fewer than declared when the connection broke."""
        from urllib3.exceptions import ProtocolError

        first = since = written
        began = time.monotonic()
        while True:
            try:
                block = response.read1(BLOCK_BYTES)
            except ProtocolError as error:
                if expected is None:
                    raise Transient(f"the connection broke ({_words(error)})") from None
                return written - first
            if not block:
                return written - first
            written += len(block)
            if expected is not None and written > expected:
                raise InputError(f"wrong length: more than the {expected} bytes that the catalogue says; the file has changed there")
            file.write(block)
            if time.monotonic() - began > self.patience.read_timeout_s:
                if written - since < SLOWEST_BYTES_PER_S * self.patience.read_timeout_s:
                    raise Transient(f"the server stalls: {written - since} bytes within {self.patience.read_timeout_s:g} s")
                began, since = time.monotonic(), written

    @contextmanager
    def _opened(self, url: str, have: int, stop: int | None = None) -> Iterator[Any]:
        import urllib3

        timeout = urllib3.Timeout(connect=self.patience.connect_timeout_s, read=self.patience.read_timeout_s)
        retries = urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=REDIRECTS, respect_retry_after_header=False)
        wanted = {"Range": f"bytes={have}-{'' if stop is None else stop - 1}"} if have or stop is not None else {}
        headers = HEADERS | wanted
        response = self._manager(url).request("GET", url, headers=headers, timeout=timeout, retries=retries, preload_content=False)
        try:
            yield response
        except BaseException:
            response.close()  # what is left of the body is not waited for
            raise
        finally:
            response.release_conn()

    def _manager(self, url: str) -> Any:
        import urllib.request

        import urllib3

        scheme, _, rest = url.partition("://")
        bypassed = urllib.request.proxy_bypass(rest.partition("/")[0])
        proxy = None if bypassed else urllib.request.getproxies().get(scheme.lower())
        with self._lock:
            if proxy not in self._managers:
                about: dict[str, Any] = {"maxsize": self.parallel, "block": True}
                self._managers[proxy] = urllib3.PoolManager(**about) if proxy is None else urllib3.ProxyManager(proxy, **about)
            return self._managers[proxy]

    def _refuse_status(self, response: Any, part: Path | None = None) -> None:
        answer = f"the server answers {response.status} {response.reason}"
        if response.status == 416:  # the server's file ends before our part does
            if part is not None:
                part.unlink(missing_ok=True)
            raise Transient("the server cannot continue the partial file")
        if response.status in RETRIED_STATUS:
            raise Transient(answer, _asked_s(response.headers))
        if response.status >= 300:
            raise Lasting(answer, response.status)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn what urllib3 raises into ``Transient`` or ``Lasting``."""
        from urllib3 import exceptions

        try:
            yield
        except exceptions.MaxRetryError as error:
            if isinstance(error.reason, exceptions.ResponseError):
                raise Lasting("the server sends from one address to another without end") from None
            raise self._fault(error.reason) from None
        except exceptions.HTTPError as error:
            raise self._fault(error) from None

    def _fault(self, error: Exception | None) -> Exception:
        from urllib3 import exceptions

        if isinstance(error, exceptions.NewConnectionError):
            return Transient(f"no connection ({_words(error)}); is there a network?")
        if isinstance(error, exceptions.ConnectTimeoutError):
            return Transient(f"no connection within {self.patience.connect_timeout_s:g} s; is there a network?")
        if isinstance(error, exceptions.TimeoutError):
            return Transient(f"no answer within {self.patience.read_timeout_s:g} s")
        if isinstance(error, exceptions.SSLError):
            return Lasting(f"no secure connection ({_words(error)})")
        if isinstance(error, exceptions.LocationValueError):
            return Lasting(f"not an address ({_words(error)})")
        return Transient(f"the connection broke ({_words(error)})")


def _words(error: Exception | None) -> str:
    return re.sub(r"^<?[\w.]*(Connection|Pool)[^:]*: ", "", str(error)) or type(error).__name__


def _start(response: Any, have: int) -> int:
    """Offset of the first byte of the answer: ``have`` when the server continues our part, 0 when it sends the whole file."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return have if response.status == 206 and match and int(match[1]) == have else 0


def _declared(response: Any, start: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def _asked_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds: a number, or a date."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isdigit():
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None
