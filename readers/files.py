"""Paths and fsspec URLs: opening them, and turning every failure into ``SourceError`` or ``ReadError``."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

from configs.remote import Remote
from data_info.remote_stream import can_stream, open_stream
from data_info.transfer import Lasting
from readers.source import ReadError, SourceError

URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:(//|:)")
SPOOL_BYTES = 1 << 26  # a remote file without random access is kept in memory up to this size, on disk beyond
EMPTY = "{}: is empty (0 bytes): an interrupted upload?"
ACCESS: ContextVar[Remote] = ContextVar("ACCESS", default=Remote())  # noqa: B039 (frozen); set by ``accessing`` alone
# What the caller must change; other numbers are the system's or the network's and worth a retry, but for the positions no file can have.
LASTING = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}
BAD_POSITION = {errno.EINVAL, errno.EOVERFLOW}  # a header that lies about an offset
HDF5_ERRNO = re.compile(r"errno = (\d+)")
# The network libraries are optional: their errors are known by the name of a class they derive from.
NETWORK_ERRORS = {"ClientError", "FSTimeoutError", "TimeoutError", "ConnectionError"}
LASTING_HTTP = {400, 401, 403, 404, 405, 410, 451}
MISSING_STATUS = {404, 410}


def is_url(path: str | os.PathLike[str]) -> bool:
    """Whether ``path`` is an fsspec URL (``https://``, ``s3://``, ``memory://``, also chained by ``::``) and not a local path."""
    return isinstance(path, str) and URL.match(path) is not None


def check_file(path: str | os.PathLike[str]) -> None:
    """Refuse a local path that is missing, a directory, or empty. A URL is left to its opener. Raises ``SourceError`` or ``ReadError``."""
    if is_url(path):
        return
    with reading(path):
        if Path(path).is_dir():
            raise SourceError(f"{path}: is a directory; give its files, e.g. {path}/*.root")
        if Path(path).stat().st_size == 0:
            raise SourceError(f"{path}: is empty (0 bytes): an interrupted copy? copy or download it again")


def open_binary(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a local path or an fsspec URL for reading with random access.

    A remote file whose server has no random access is copied whole, in memory up to 64 MiB, else to a temporary file that vanishes
    when closed. Raises ``SourceError`` (missing, forbidden, protocol without its package) or ``ReadError`` (network).
    """
    check_file(path)
    with reading(path):
        if not is_url(path):
            return Path(path).open("rb")
        if can_stream(str(path)):
            return _nonempty(open_stream(str(path), ACCESS.get()), path)
        import fsspec

        file = fsspec.open(str(path), "rb").open()
        if getattr(file, "size", None) == 0:
            raise SourceError(EMPTY.format(path))
        if _has_random_access(file):
            return file
        file.close()
        return _spooled(fsspec.open(str(path), "rb", **({"block_size": 0} if str(path).startswith("http") else {})).open())


def _nonempty(file: IO[bytes], path: str | os.PathLike[str]) -> IO[bytes]:
    if file.seek(0, os.SEEK_END) == 0:
        file.close()
        raise SourceError(EMPTY.format(path))
    file.seek(0)
    return file


@contextmanager
def accessing(remote: Remote) -> Iterator[None]:
    """Reach URLs inside the block as ``remote`` says (time-outs, retries, keys of a store); outside of every block as its defaults do."""
    token = ACCESS.set(remote)
    try:
        yield
    finally:
        ACCESS.reset(token)


def first_bytes(path: str | os.PathLike[str], count: int) -> bytes:
    """The first ``count`` bytes of a file, fewer when it is shorter."""
    with open_binary(path) as file, reading(path):
        return file.read(count)


@contextmanager
def reading(path: str | os.PathLike[str], what: str = "") -> Iterator[None]:
    """Let nothing but ``SourceError`` and ``ReadError`` escape from a block that reads ``path``.

    ``what`` names the part of the file (``column 'energy', entries 0 to 100``). A file library answers wrong content with nearly any
    exception, so everything that is not an operating-system or network error is a ``SourceError`` with the library's words in it.
    """
    where = f"{path}: {what}" if what else f"{path}"
    try:
        yield
    except (SourceError, ReadError):
        raise
    except ImportError as error:
        raise SourceError(f"{where}: a package is missing for this kind of file or URL: {_words(error)}") from error
    except Exception as error:
        raise _translated(error, where) from error


def _translated(error: Exception, where: str) -> SourceError | ReadError:
    if isinstance(error, Lasting):
        return _of_server(error, where)
    if isinstance(error, FileNotFoundError) and isinstance(error.__cause__, Exception) and _of_network(error.__cause__):
        return _translated(error.__cause__, where)  # fsspec calls every failure to reach a server a missing file
    if isinstance(error, FileNotFoundError):
        return SourceError(f"{where}: no such file; check the path (the working directory is {Path.cwd()})")
    code = _errno(error)
    if code in LASTING:
        return SourceError(f"{where}: cannot be opened ({os.strerror(code)}); check the path and its permissions")
    status = getattr(error, "status", None)  # aiohttp's ClientResponseError
    if status in LASTING_HTTP:
        return SourceError(f"{where}: the server answers with status {status}; check the URL and the rights to it")
    if (code and code not in BAD_POSITION) or _of_network(error):
        return ReadError(f"{where}: reading failed ({_words(error)}); try again, or copy the file to a local disk")
    return SourceError(f"{where}: wrong content or truncated ({_words(error)}); copy or write it again")


def _of_server(error: Lasting, where: str) -> SourceError | ReadError:
    """What a server refuses is wrong for good; what failed through every attempt may work later."""
    if error.status in MISSING_STATUS:
        return SourceError(f"{where}: no such file on the server ({error}); check the URL")
    if error.worn_out:
        return ReadError(f"{where}: reading failed ({error}); try again, or copy the file to a local disk")
    return SourceError(f"{where}: {error}")


def _of_network(error: Exception) -> bool:
    return any(kind.__name__ in NETWORK_ERRORS for kind in type(error).__mro__)


def _has_random_access(file: Any) -> bool:
    """Whether a remote file can be read from anywhere. Some web servers cannot send parts; some do not even say so."""
    size = getattr(file, "size", 0)
    if size is None or not file.seekable():
        return False
    if not size:
        return True
    try:
        file.seek(size - 1)
        file.read(1)
        file.seek(0)
    except ValueError:
        return False
    return True


def _errno(error: Exception) -> int:
    """The system's error number, 0 where there is none (HDF5 and Arrow raise OSError for wrong content too)."""
    if not isinstance(error, OSError):
        return 0
    match = HDF5_ERRNO.search(str(error))
    return error.errno or (int(match[1]) if match else 0)


def _words(error: Exception, limit: int = 300) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:limit]}{'...' if len(text) > limit else ''}"


def _spooled(stream: Any) -> IO[bytes]:
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - returned open
    with stream:
        while block := stream.read(1 << 20):
            spool.write(block)
    spool.seek(0)
    return spool
