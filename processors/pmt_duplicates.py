"""Files with the same content: a copying mistake that would count triggers twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from configs.errors import InputError
from data_info.download import sha256_of

SMALL_BYTES = 1 << 20  # read in one piece: most files are of a kilobyte


def refuse_duplicates(files: Mapping[str, Sequence[str]]) -> None:
    """Refuse two files with the same bytes in the points of a run, ``files``: by the name of the point.

    Every trigger has its own time and noise, so equal files are copies. Files that cannot be read are left to the reader. Raises ``InputError``.
    """
    seen: dict[bytes, tuple[str, str]] = {}
    for name, paths in files.items():
        for path in paths:
            try:
                digest = _digest(path)
            except OSError:
                continue
            if digest in seen:
                other, first = seen[digest]
                cure = "its triggers would count twice: remove one, or leave a point out by pmts or hv_v"
                raise InputError(f"{name}: {path} is the same file as {first}{f' of {other}' if other != name else ''}; {cure}")
            seen[digest] = name, path


def _digest(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - tens of thousands of files
        start = file.read(SMALL_BYTES)
    return hashlib.sha256(start).digest() if len(start) < SMALL_BYTES else bytes.fromhex(sha256_of(path))
