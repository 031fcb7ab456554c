"""Where files that a configuration names lie: patterns, file lists, catalogue entries and single files -> paths."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from configs.errors import InputError
from configs.remote import Remote
from configs.schema import Dataset
from data_info.catalogue import data_dir, entries, resolve
from data_info.remote_listing import expand


def search_roots(config_file: Path) -> list[Path]:
    """Where relative paths of a configuration are looked up: beside it, then the working directory, then the data directory."""
    return [config_file.parent, Path.cwd(), data_dir()]


def find_file(name: str, config_file: Path) -> Path:
    """A single file: beside the configuration, in the working directory, or in the catalogue of public data, in this order.

    A catalogue file that is absent is downloaded. Raises ``InputError`` listing where a file was sought, and ``Unavailable`` as ``resolve``.
    """
    *near, data = (root / Path(name).expanduser() for root in search_roots(config_file))
    for place in near:
        if place.is_file():
            return place
    if name in entries():
        return resolve(name)
    if data.is_file():
        return data
    places = ", ".join(dict.fromkeys(str(place) for place in (*near, data)))
    raise InputError(f"{name}: no such file; looked for {places}, and it is not in the catalogue of public data")


def find_files(name: str, dataset: Dataset, config_file: Path) -> list[str]:
    """Paths (or URLs) of the data set ``name``; none for a generated one. URLs with ``*`` or ``[...]``, or a slash at the end, are listed.

    Relative paths and patterns are looked up beside the configuration, then in the working directory, then in the data directory; the
    first of them with a match counts. Paths in a file list are looked up beside the list first. Matches of a pattern come sorted.
    A missing file among others stays in the list as it was written: the run names it and processes the rest. Raises ``InputError`` for a
    pattern without a match and when nothing exists (with the places searched), and for a file that is given twice.
    """
    where = f"datasets.{name}"
    roots = search_roots(config_file)
    if dataset.catalogue is not None:
        return [str(resolve(dataset.catalogue))]
    if dataset.filelist is not None:
        if "://" in dataset.filelist:
            raise InputError(f"{where}.filelist: {dataset.filelist}: a file list lies on this machine; its lines may be URLs")
        path = Path(_expand_all([dataset.filelist], roots, f"{where}.filelist", dataset.remote)[0])
        return _unique(_expand_all(read_filelist(path), [path.parent, *roots], f"{where}.filelist {path}", dataset.remote), where)
    return _unique(_expand_all(dataset.files or [], roots, f"{where}.files", dataset.remote), where)


def read_filelist(path: Path) -> list[str]:
    """The entries of a text file with one path, pattern or URL in each line; ``#`` at the start or after a space starts a comment."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable file list ({error}); expected one path in each line") from None
    entries = [re.sub(r"(^|\s)#.*", "", line).strip() for line in lines]
    entries = [entry for entry in entries if entry]
    if not entries:
        raise InputError(f"{path}: the file list names no file; expected one path in each line")
    return entries


def _expand_all(patterns: Sequence[str], roots: Sequence[Path], where: str, remote: Remote) -> list[str]:
    matches = {pattern: expand(pattern, remote) if "://" in pattern else _matches(pattern, roots) for pattern in patterns}
    for pattern, found in matches.items():
        if not found and "://" in pattern:
            raise InputError(f"{where}: no file matches {pattern!r} on the server; list its folder in a browser or with its own tools")
        if not found and (glob.has_magic(pattern) or not any(matches.values())):
            raise _no_match(pattern, roots, where)
    return [path for pattern in patterns for path in matches[pattern] or [pattern]]


def _matches(pattern: str, roots: Sequence[Path]) -> list[str]:
    """The files that match one pattern, sorted, in the first root that has any."""
    expanded = Path(pattern).expanduser()
    for root in roots:
        candidate = root / expanded  # an absolute pattern replaces the root
        if candidate.exists():  # a name may itself hold characters of a pattern
            return [str(candidate)]
        if matches := sorted(glob.glob(str(candidate), recursive=True)):  # noqa: PTH207 (Path.glob refuses absolute patterns)
            return matches
    return []


def _no_match(pattern: str, roots: Sequence[Path], where: str) -> InputError:
    expanded = Path(pattern).expanduser()
    places = [str(expanded.parent)] if expanded.is_absolute() else list(dict.fromkeys(str(root.resolve()) for root in roots))
    cure = "give an existing path, or set DYNODE_DATA to the data directory"
    return InputError(f"{where}: no file matches {pattern!r}; looked in {', '.join(places)}; {cure}")


def _unique(paths: list[str], where: str) -> list[str]:
    resolved = [path if "://" in path else str(Path(path).resolve()) for path in paths]
    twice = sorted(path for path, count in Counter(resolved).items() if count > 1)
    if twice:
        raise InputError(f"{where}: {twice[0]} is given more than once; its events would count twice. Remove one")
    return paths
