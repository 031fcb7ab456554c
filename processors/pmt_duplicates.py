"""Files with the same content: a copying mistake that would count triggers twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from configs.errors import InputError
from data_info.download import sha256_of


def refuse_duplicates(files: Mapping[str, Sequence[str]]) -> None:
    """Refuse two files with the same bytes in the points of a run, ``files``: by the name of the point.

    Every trigger has its own time and noise, so equal files are copies. Files that cannot be read are left to the reader. Raises ``InputError``.
    """
    seen: dict[str, tuple[str, str]] = {}
    for name, paths in files.items():
        for path in paths:
            try:
                digest = sha256_of(path)
            except OSError:
                continue
            if digest in seen:
                other, first = seen[digest]
                cure = "its triggers would count twice: remove one, or leave a point out by pmts or hv_v"
                raise InputError(f"{name}: {path} is the same file as {first}{f' of {other}' if other != name else ''}; {cure}")
            seen[digest] = name, path
