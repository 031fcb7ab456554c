"""Files behind URLs, fetched once into a folder: checked, whole or not at all, many at a time, offline afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from configs.command_line import Progress
from configs.errors import InputError
from configs.remote import Remote
from data_info.remote_checks import check_content
from data_info.remote_stores import copy_from_store
from data_info.transfer import Answer, HttpPool, Lasting, Patience, Transient, patiently

INDEX = "index.jsonl"  # one line for each file that was fetched; the last line of a URL counts
BACKOFF_S, LONGEST_S, JITTER = 0.5, 30.0, 0.5
GIVE_UP = 8  # files of one server that failed one after the other, before the rest is not tried
MISSING = {404, 410}  # say nothing about the other files of a server
WEB = ("http", "https")
MD5 = re.compile(r"[0-9a-f]{32}")  # an entity tag of this form is the MD5 of the file (objects stored in one part)


@dataclass(frozen=True)
class Failed:
    """Why a file could not be fetched; in place of its path."""

    reason: str

    def __str__(self) -> str:
        return self.reason


class Unwritable(InputError):
    """The cache cannot be written: no file can be fetched."""


@dataclass(frozen=True)
class Cached:
    """A line of the index."""

    url: str
    size: int
    etag: str
    sha256: str
    time: str


def fetch_all(urls: Iterable[str], cache: Path, remote: Remote | None = None, progress: Progress | None = None) -> dict[str, Path | Failed]:
    """Path of every URL in ``cache`` (``<cache>/<scheme>/<host>/<path>``), fetched where it is not there; or why not.

    What the cache has is not asked for again, but with ``remote.refresh``. Server errors, time-outs and broken connections are tried again with
    growing pauses; a server whose files fail one after the other is given up. Raises ``InputError`` for a folder that cannot be written.
    """
    wanted = list(dict.fromkeys(urls))
    remote = remote or Remote()
    index = Index(cache)
    places: dict[str, Path | Failed] = {url: _place(cache, url) for url in wanted}
    todo = [url for url, place in places.items() if isinstance(place, Path) and (remote.refresh or not index.has(url, place))]
    fetching = _Fetching(cache, remote, index)
    for done, (url, failure) in enumerate(fetching.run(todo), start=1):
        if failure is not None:
            places[url] = failure
        if progress is not None:
            progress("fetching files", done, len(todo))
    return places


def cache_path(cache: Path, url: str) -> Path:
    """Where the cache keeps a URL; never outside of the folder of its scheme. Raises ``InputError`` for what is no address of a file.

    >>> cache_path(Path("cache"), "https://host.org:8443/a%20b/run.trc").as_posix()
    'cache/https/host.org_8443/a b/run.trc'
    """
    parts = urlsplit(url)
    inside = [unquote(part) for part in PurePosixPath(parts.path).parts if part.strip("/")]
    host = re.sub(r"[^\w.-]", "_", parts.netloc.rpartition("@")[2])
    if not host or not inside or any(part in ("..", ".") or "/" in part or "\0" in part for part in (host, *inside)):
        raise InputError(f"{url}: not the address of a file; expected scheme://host/path")
    name = inside[-1] + (f"?{quote(parts.query, safe='=&')}" if parts.query else "")
    return cache.joinpath(parts.scheme, host, *inside[:-1], name)


def _place(cache: Path, url: str) -> Path | Failed:
    try:
        return cache_path(cache, url)
    except InputError as error:
        return Failed(str(error))


class Index:
    """What was fetched, when, and with which digest; for use by several threads, and by several processes at a time."""

    def __init__(self, cache: Path) -> None:
        self.path = cache / INDEX
        self._lock = threading.Lock()
        self._lines = {line.url: line for line in _read_lines(self.path)}

    def has(self, url: str, path: Path) -> bool:
        """Whether the file is there with the size it had; one without a line (put there by hand) counts if its content can be what it should."""
        if not path.is_file():
            return False
        if url in self._lines:
            return path.stat().st_size == self._lines[url].size
        try:
            check_content(path, url)
        except (InputError, Transient):
            return False
        return path.stat().st_size > 0

    def add(self, line: Cached) -> None:
        """Append one line, in one piece."""
        text = json.dumps(vars(line)) + "\n"
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(text)
        self._lines[line.url] = line


def _read_lines(path: Path) -> Iterator[Cached]:
    if not path.is_file():
        return
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield Cached(**json.loads(text))
        except (ValueError, TypeError):  # a line that was cut off, or of another version
            continue


class _Fetching:
    """One call of ``fetch_all``: its connections, what became of each server, and the signal to stop."""

    def __init__(self, cache: Path, remote: Remote, index: Index) -> None:
        self.cache, self.remote, self.index = cache, remote, index
        self.patience = Patience(remote.connect_timeout_s, remote.read_timeout_s, remote.retries + 1, BACKOFF_S, LONGEST_S, JITTER)
        self.pool = HttpPool(self.patience, remote.parallel)
        self.stop = threading.Event()
        self.in_a_row: Counter[str] = Counter()  # by server; a count that two threads make at once may be one short, which only delays giving up

    def run(self, urls: list[str]) -> Iterator[tuple[str, Failed | None]]:
        """Fetch all, in no particular order."""
        if not urls:
            return
        with ThreadPoolExecutor(self.remote.parallel, thread_name_prefix="fetch") as executor:
            running = {executor.submit(self._one, url): url for url in urls}
            try:
                for future in as_completed(running):
                    yield running[future], future.result()
            except BaseException:
                self.stop.set()
                executor.shutdown(wait=False, cancel_futures=True)
                raise

    def _one(self, url: str) -> Failed | None:
        server = urlsplit(url).netloc
        if self.in_a_row[server] >= GIVE_UP:
            return Failed(f"not tried: {server} was given up after {GIVE_UP} files in a row failed")
        try:
            patiently(lambda: self._attempt(url), self.patience, self.stop.wait)
        except Unwritable:
            raise
        except InputError as error:
            if getattr(error, "status", None) not in MISSING:
                self.in_a_row[server] += 1
            return Failed(str(error))
        self.in_a_row[server] = 0
        return None

    def _attempt(self, url: str) -> None:
        """Fetch into a temporary file beside the final one, check, rename."""
        if self.stop.is_set():
            raise Lasting("interrupted")
        target = cache_path(self.cache, url)
        with _writing(target) as part:
            answer = self.pool.receive(url, part) if urlsplit(url).scheme in WEB else copy_from_store(url, part, self.remote)
            digest = _checked(part, url, answer)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(target)
        self.index.add(Cached(url, target.stat().st_size, answer.etag, digest, datetime.now(UTC).isoformat(timespec="seconds")))


@contextmanager
def _writing(target: Path) -> Iterator[Path]:
    part = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Unwritable(f"cannot write {error.filename or part} ({error.strerror or error}); make room, or choose another cache") from None


def _checked(part: Path, url: str, answer: Answer) -> str:
    """Refuse what is not the file; returns its SHA-256. Raises ``Transient`` where another transfer may cure it."""
    if part.stat().st_size == 0:
        raise Transient("the server sent nothing")
    check_content(part, url)
    if MD5.fullmatch(answer.etag) and (found := _digest(part, _md5)) != answer.etag:
        raise Transient(f"wrong content: MD5 {found}, the server's entity tag says {answer.etag}")
    return _digest(part, hashlib.sha256)


def _digest(path: Path, kind: Callable[[], Any]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)
