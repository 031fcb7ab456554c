"""Files behind URLs read in parts: a seekable file whose every request is tried again, and which refuses to mix two versions of a file."""

from __future__ import annotations

import io
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from configs.remote import Remote
from data_info.remote_checks import check_start
from data_info.remote_stores import S3, XROOTD, entity_tag, opened_store
from data_info.transfer import HttpPool, Lasting, Patience, Transient, patiently

BLOCK_BYTES = 1 << 20  # read at once; what a request costs in time is worth some hundred kilobytes
KEPT_BLOCKS = 64
BACKOFF_S, LONGEST_S, JITTER = 0.5, 30.0, 0.5
WEB = ("http", "https")
SCHEMES = (*WEB, *S3, *XROOTD)
TIMES = ("LastModified", "last_modified", "mtime")

T = TypeVar("T")


@dataclass(frozen=True)
class Told:
    """What a server says about a file: size in bytes (None: nothing), entity tag or time of change, and whether it sends parts."""

    size: int | None
    version: str = ""
    parts: bool = True

    @property
    def identity(self) -> str:
        """Size and version in words, for comparison."""
        return ", ".join([*([f"{self.size} bytes"] if self.size is not None else []), *([self.version] if self.version else [])])


class _Part(Protocol):
    """Gives bytes ``start`` to ``stop`` of one file and what the server tells about it; raises ``Transient`` or ``Lasting``."""

    def told(self) -> Told:
        """What the server says now."""
        ...

    def read(self, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop`` (exclusive)."""
        ...


def can_stream(url: str) -> bool:
    """Whether a URL is read by this module: http(s), s3, root(s); other schemes are fsspec's."""
    return urlsplit(url).scheme in SCHEMES


def look(url: str, remote: Remote) -> Told:
    """Size and version of the file behind a URL now. Raises ``Lasting``."""
    return patiently(_parts(url, remote).told, patience_of(remote))


def look_all(urls: Sequence[str], remote: Remote) -> dict[str, str]:
    """Identity of every file now, several asked for at a time; of one that cannot be had the reason."""

    def told(url: str) -> str:
        try:
            return look(url, remote).identity
        except Lasting as error:
            return str(error)

    with ThreadPoolExecutor(remote.parallel, thread_name_prefix="look") as executor:
        return dict(zip(urls, executor.map(told, urls), strict=True))


def open_stream(url: str, remote: Remote) -> IO[bytes]:
    """Open a URL for reading with random access.

    A web server that cannot send parts gives the whole file, into a temporary file that vanishes when closed. Raises ``Lasting``; so does reading.
    """
    parts, patience = _parts(url, remote), patience_of(remote)
    told = patiently(parts.told, patience)
    if told.size is None or not told.parts:
        return _whole(url, parts, patience)
    raw = _Stream(told.size, lambda start, stop: patiently(lambda: parts.read(start, stop), patience))
    try:
        check_start(raw.peek(), url)
    except Lasting:
        raw.close()
        raise
    return io.BufferedReader(raw, 1 << 16)


def patience_of(remote: Remote) -> Patience:
    """How long to wait for a server and how often to ask, as a configuration says."""
    return Patience(remote.connect_timeout_s, remote.read_timeout_s, remote.retries + 1, BACKOFF_S, LONGEST_S, JITTER)


def _parts(url: str, remote: Remote) -> _Part:
    return _OfWeb(url, remote) if urlsplit(url).scheme in WEB else _OfStore(url, remote)


def _whole(url: str, parts: _Part, patience: Patience) -> IO[bytes]:
    assert isinstance(parts, _OfWeb)  # stores know the size of what they hold
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "part"
        patiently(lambda: parts.pool.receive(url, part), patience)
        with part.open("rb") as start:
            check_start(start.read(256), url)
        return part.open("rb")  # open, it outlives its name


class _OfWeb:
    """A file of a web server, by requests for ranges of bytes."""

    def __init__(self, url: str, remote: Remote) -> None:
        self.url, self.pool = url, HttpPool(patience_of(remote))
        self.version: str | None = None

    def told(self) -> Told:
        """Ask for the first block, whose answer tells the length; not ``parts`` where the server sends only whole files."""
        answer = self.pool.receive_range(self.url, 0, 1)
        return Told(answer.size, answer.version, answer.partial)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes of the version that was read first. Raises ``Lasting`` when there is another now."""
        answer = self.pool.receive_range(self.url, start, stop)
        if not answer.partial or len(answer.content) != stop - start:
            raise Transient(f"the server sent {len(answer.content)} bytes where {stop - start} were asked for")
        self.version = answer.version if self.version is None else self.version
        if answer.version != self.version:
            raise Lasting("the file changed on the server while it was read; run the command again")
        return answer.content


class _OfStore:
    """A file of a store that fsspec knows."""

    def __init__(self, url: str, remote: Remote) -> None:
        self.url, self.remote = url, remote

    def told(self) -> Told:
        """Ask for size and entity tag (or time). Raises ``Lasting`` for a folder."""
        with opened_store(self.url, self.remote) as (system, inside):
            about = system.info(inside)
        if about.get("type") == "directory":
            raise Lasting("is a folder; give its files, e.g. by a pattern like folder/*.root")
        version = entity_tag(about) or next((str(about[name]) for name in TIMES if about.get(name)), "")
        return Told(int(about["size"]), version)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop`` (exclusive)."""
        with opened_store(self.url, self.remote) as (system, inside):
            content = bytes(system.cat_file(inside, start=start, end=stop))
        if len(content) != stop - start:
            raise Transient(f"the store gave {len(content)} bytes where {stop - start} were asked for")
        return content


class _Stream(io.RawIOBase):
    """Random access over ``fetch(start, stop)``: blocks are asked for together and the last ones kept."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self.size, self._fetch = size, fetch
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The position of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position, also behind the end; returns it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"position {base + offset} is before the start of the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the position on; returns the number of bytes, 0 at the end."""
        view = memoryview(buffer).cast("B")
        start, stop = self._position, min(self._position + len(view), self.size)
        if stop <= start:
            return 0
        content = b"".join(self._pieces(start, stop))
        view[: len(content)] = content
        self._position += len(content)
        return len(content)

    def peek(self) -> bytes:
        """The first bytes."""
        return b"".join(self._pieces(0, min(256, self.size)))

    def _pieces(self, start: int, stop: int) -> Iterator[bytes]:
        first, last = start // BLOCK_BYTES, (stop - 1) // BLOCK_BYTES if stop > start else -1
        found = self._have(range(first, last + 1))
        for number in range(first, last + 1):
            block = found[number]
            yield block[max(start - number * BLOCK_BYTES, 0) : stop - number * BLOCK_BYTES]

    def _have(self, numbers: range) -> dict[int, bytes]:
        """The blocks, those that are missing between the first and the last missing one asked for in one request."""
        missing = [number for number in numbers if number not in self._blocks]
        found = {number: self._blocks[number] for number in numbers if number in self._blocks}
        if missing:
            start, stop = missing[0] * BLOCK_BYTES, min((missing[-1] + 1) * BLOCK_BYTES, self.size)
            content = self._fetch(start, stop)
            cut = {
                number: content[number * BLOCK_BYTES - start : (number + 1) * BLOCK_BYTES - start] for number in range(missing[0], missing[-1] + 1)
            }
            found |= cut
            self._blocks |= cut
        for number in numbers:
            self._blocks.move_to_end(number)
        while len(self._blocks) > KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return found
