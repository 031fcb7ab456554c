"""Where the files of a point are: patterns expanded, copies of files behind URLs found, what is missing named."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import InputError
from configs.schema import PmtDataset
from data_info.catalogue import data_dir
from data_info.files import search_roots
from data_info.pmt_point import AUTOSAVE, Point, is_remote, refuse_pickle
from data_info.pmt_points import find_runs, points
from data_info.remote_cache import cache_path
from data_info.remote_files import cache_folder


@dataclass(frozen=True)
class Located:
    """The files of a point: local paths and URLs in the order of the table, and the paths at which nothing is."""

    point: Point
    files: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """Files that must be fetched first."""
        return tuple(name for name in self.files if is_remote(name))


def locate(point: Point, roots: Sequence[Path]) -> Located:
    """Find the files of a point; a copy below one of ``roots`` goes before URLs.

    Raises ``InputError`` for a pickle, a pattern without a match, and more files than the table says; fewer are missing files of the result.
    """
    for name in point.files:
        refuse_pickle(name, point.name)
    copy = _copy(point, roots)
    if copy is not None:
        return _numbered(point, [f"{copy}/{_last(name)}" for name in point.files])
    if any(_is_pattern(name) or Path(name).is_dir() for name in point.files):
        return _matched(point)
    return _numbered(point, point.files)


def files_of_runs(config: Any, dataset_name: str) -> list[str]:
    """The table of runs of a data set and the paths of its files, there or not; of URLs without a copy the places in the cache."""
    dataset = config.datasets[dataset_name]
    chosen = points(config, dataset_name)
    roots = copy_roots(dataset, chosen, config.source)
    names = [name for point in chosen for located in [locate(point, roots)] for name in (*located.files, *located.missing)]
    cache = cache_folder(dataset)
    table = str(find_runs(dataset.runs, config.source, dataset_name))
    return [table, *(str(cache_path(cache, name)) if is_remote(name) else name for name in names)]


def copy_roots(dataset: PmtDataset, points: Iterable[Point], config_file: Path) -> list[Path]:
    """Where copies of files behind URLs are looked for: ``root`` of the data set, else the data directory and its folder named as the URLs' base."""
    if dataset.root is not None:
        return [root / Path(dataset.root).expanduser() for root in search_roots(config_file)]
    names = dict.fromkeys(_base_name(point) for point in points if point.folder and is_remote(point.files[0]))
    return [data_dir(), *(data_dir() / name for name in names if name)]


def _base_name(point: Point) -> str:
    """``GIN_PMT`` of ``https://host/.../GIN_PMT/PMT_1_2/700/Autosave/C1.trc`` and the folder ``PMT_1_2/700``."""
    before, _, after = point.files[0].partition(f"/{point.folder}/")
    inside = before.partition("://")[2]
    return inside.rpartition("/")[2] if after and "/" in inside else ""


def _copy(point: Point, roots: Sequence[Path]) -> Path | None:
    """The folder that holds at least one of the files behind the point's URLs."""
    if point.folder is None or not all(map(is_remote, point.files)):
        return None
    places = [place for root in roots for place in (root / point.folder, root / point.folder / AUTOSAVE)]
    names = set(map(_last, point.files))
    return next((place for place in places if names & _names_in(place)), None)


def _names_in(folder: Path) -> set[str]:
    return set(os.listdir(folder)) if folder.is_dir() else set()  # noqa: PTH208 - names, not paths


def _last(url: str) -> str:
    return url.rpartition("/")[2]


def _is_pattern(name: str) -> bool:
    return not is_remote(name) and glob.has_magic(name) and not Path(name).exists()


def _matched(point: Point) -> Located:
    """Patterns, folders and single files that must together give as many files as the table says, if it says so."""
    files: list[str] = []
    for name in point.files:
        matches = _expanded(name)
        if not matches:
            raise InputError(f"{point.name}: no file matches {name!r}; correct the table of runs, or leave the point out by pmts or hv_v")
        files += matches
    if point.n_files is not None and len(files) != point.n_files:
        raise InputError(f"{point.name}: {len(files)} files match, the table of runs says {point.n_files}; {_CURE}")
    return Located(point, tuple(files))


def _expanded(name: str) -> list[str]:
    if not is_remote(name) and Path(name).is_dir():
        return sorted(str(path) for path in Path(name).rglob("*.trc"))
    return sorted(glob.glob(name, recursive=True)) if _is_pattern(name) else [name]  # noqa: PTH207 (Path.glob refuses absolute patterns)


_CURE = "correct the number there, or move files that do not belong to the point"


def _numbered(point: Point, names: Sequence[str]) -> Located:
    """Files by name; more files of the same series beside them are files that the table does not know."""
    local = [os.path.split(name) for name in names if not is_remote(name)]  # strings: tens of thousands of names
    known = {folder: _names_in(Path(folder)) for folder in {folder for folder, _ in local}}
    missing = tuple(str(Path(folder, name)) for folder, name in local if name not in known[folder])
    gone = set(missing)
    files = tuple(name for name in names if not gone or name not in gone)
    if len(known) == 1 and point.n_files is not None and len(local) == point.n_files > 1:
        _refuse_unknown(point, known, [name for _, name in local])
    return Located(point, files, missing)


def _refuse_unknown(point: Point, known: dict[str, set[str]], names: Sequence[str]) -> None:
    ((folder, present),) = known.items()
    stem, ending = os.path.splitext(names[0])  # noqa: PTH122 - a name, no path
    series = re.compile(rf"{re.escape(stem.rstrip('0123456789'))}[0-9]+{re.escape(ending)}")
    if unknown := sorted(name for name in present - set(names) if series.fullmatch(name)):
        raise InputError(
            f"{point.name}: {folder} has {len(unknown)} files more than the {point.n_files} of the table of runs (first: {unknown[0]}); {_CURE}"
        )
