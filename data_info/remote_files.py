"""Files of data sets that are behind URLs: fetched into the cache, or left where they are for those who do the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from configs.command_line import Progress
from configs.errors import InputError
from configs.schema import Dataset
from data_info.catalogue import data_dir
from data_info.remote_cache import Failed, cache_path, fetch_all

LOCAL_SCHEMES = ("file", "local", "memory")  # of fsspec, on this machine


@dataclass(frozen=True)
class Obtained:
    """Paths in the order asked for, of fetched files those in the cache; ``unavailable``: why what stands there could not be had."""

    paths: tuple[str, ...]
    unavailable: dict[str, str] = field(default_factory=dict)


def cache_folder(dataset: Dataset) -> Path:
    """Where files behind URLs are kept: ``cache`` of the data set, else in the data directory."""
    return Path(dataset.cache).expanduser() if dataset.cache else data_dir() / "cache"


def is_fetched(path: str, dataset: Dataset) -> bool:
    """Whether a path of a data set is a URL whose file goes through the cache. Chained URLs (``a::b``) are left to fsspec."""
    return dataset.remote.access == "fetch" and "://" in path and "::" not in path and urlsplit(path).scheme not in LOCAL_SCHEMES


def place_of(path: str, dataset: Dataset) -> str:
    """Where a file of a data set is, or will be, on this machine; a URL that is not fetched is its own place."""
    try:
        return str(cache_path(cache_folder(dataset), path)) if is_fetched(path, dataset) else path
    except InputError:
        return path


def obtain(paths: Sequence[str], dataset: Dataset, progress: Progress | None = None) -> Obtained:
    """Fetch what is behind URLs and not in the cache. A file that cannot be had stays in the list by its URL, with the reason."""
    urls = [path for path in paths if is_fetched(path, dataset)]
    fetched = fetch_all(urls, cache_folder(dataset), dataset.remote, progress) if urls else {}
    found = {url: str(place) for url, place in fetched.items() if isinstance(place, Path)}
    return Obtained(tuple(found.get(path, path) for path in paths), {url: str(place) for url, place in fetched.items() if isinstance(place, Failed)})
