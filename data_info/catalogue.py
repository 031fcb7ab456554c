"""The public data files that analyses use: found in the data directory or downloaded into it, always checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated, Literal

import yaml
from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from configs.errors import InputError, nearest
from configs.strict import Strict
from data_info.download import fetch, sha256_of

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Entry:
    """One public file. ``url`` is None when no stable address is known; ``by_hand`` then says where to look below ``home``."""

    id: str  # the path below the data directory
    url: str | None
    home: str
    by_hand: str
    size: int  # bytes
    sha256: str
    licence: str
    citation: str
    format: str
    meaning: str


class Series(Strict):
    """Many files of one address pattern, listed by a table of runs; neither sizes nor digests are known beforehand."""

    base_url: Annotated[str, Field(pattern=r"^https://")]
    runs: str  # table of data_info
    files: PositiveInt
    home: str
    by_hand: str
    licence: str
    citation: str
    format: str
    meaning: str


class _File(Strict):
    remote: str | None = None
    size: NonNegativeInt
    sha256: Sha256
    format: str = ""
    meaning: str = ""


class _Collection(Strict):
    folder: str
    base_url: Annotated[str, Field(pattern=r"^https://")] | None
    home: str
    by_hand: str = ""
    licence: str
    citation: str
    format: str = ""
    meaning: str = ""
    files: Annotated[dict[str, _File], Field(min_length=1)]

    @model_validator(mode="after")
    def _can_be_had(self) -> _Collection:
        if self.base_url is None and not self.by_hand:
            raise ValueError("base_url is null: say in by_hand where the files can be found")
        for name in self.files:
            path = PurePosixPath(self.folder, name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{path} leaves the data directory")
        return self

    def entries(self) -> list[Entry]:
        """One ``Entry`` for each file, the collection's texts filled in where a file has none of its own."""
        return [
            Entry(
                id=f"{self.folder}/{name}",
                url=None if self.base_url is None else f"{self.base_url}/{file.remote or name}",
                home=self.home,
                by_hand=self.by_hand,
                size=file.size,
                sha256=file.sha256,
                licence=self.licence,
                citation=self.citation,
                format=file.format or self.format,
                meaning=file.meaning or self.meaning,
            )
            for name, file in self.files.items()
        ]


class Unavailable(InputError):
    """A file of the catalogue that is neither in the data directory nor can be downloaded now."""


class _Catalogue(Strict):
    schema_: Annotated[Literal[1], Field(alias="schema")]
    collections: list[_Collection]
    series: Annotated[list[Series], Field(default_factory=list)]


def data_dir() -> Path:
    """The data directory: ``$DYNODE_DATA``, else ``data`` in the working directory."""
    return Path(os.environ.get("DYNODE_DATA") or "data")


@cache
def entries(path: Path = CATALOGUE) -> Mapping[str, Entry]:
    """Every entry of a catalogue file by its id. Raises ``InputError`` naming file and key of what is wrong in it."""
    found: dict[str, Entry] = {}
    for item in (item for collection in _read(path).collections for item in collection.entries()):
        if item.id in found:
            raise InputError(f"{path}: {item.id} is listed twice; keep one")
        found[item.id] = item
    return MappingProxyType(found)


def series_of(url: str, path: Path = CATALOGUE) -> Series | None:
    """The series that a URL belongs to, or None."""
    return next((one for one in _read(path).series if url.startswith(f"{one.base_url}/")), None)


@cache
def _read(path: Path) -> _Catalogue:
    try:
        return _Catalogue.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not a readable catalogue ({error})") from None
    except ValidationError as error:
        problems = [f"{path}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_url=False)]
        raise InputError("\n".join(problems)) from None


def entry(entry_id: str) -> Entry:
    """The catalogue's entry, e.g. ``hese/HESE_data.json``. Raises ``InputError`` naming the nearest entry."""
    known = entries()
    if entry_id not in known:
        raise InputError(f"{entry_id!r} is not in the catalogue of public data{nearest(entry_id, known)}")
    return known[entry_id]


def resolve(entry_id: str) -> Path:
    """Path of a catalogue file in the data directory, downloaded when it is not there.

    Size and digest are checked at every call. Raises ``InputError`` for an unknown entry, for a local file that is not the catalogue's
    (it is left alone), and ``Unavailable`` when the file can neither be found nor downloaded; the message says where to get it and where
    to put it.
    """
    return obtain(entry(entry_id), data_dir())


def resolve_folder(folder: str) -> Path:
    """Path of a folder of the catalogue, e.g. ``iwcd/train_out``, with every file that the catalogue lists in it; see ``resolve``."""
    inside = [name for name in entries() if name.rpartition("/")[0] == folder.rstrip("/")]
    if not inside:
        folders = {name.rpartition("/")[0] for name in entries()}
        raise InputError(f"{folder!r} is not a folder of the catalogue of public data{nearest(folder, folders)}")
    paths = [resolve(name) for name in inside]
    return paths[0].parent


def obtain(item: Entry, directory: Path) -> Path:
    """Path of ``item`` below ``directory``, downloaded when it is not there; see ``resolve``."""
    path = directory / item.id
    if path.exists():
        _check(path, item)
        return path
    by_hand = f"get it from {item.home}{f' ({item.by_hand})' if item.by_hand else ''} and put it at {path}"
    if item.url is None:
        raise Unavailable(f"{item.id}: not in the data directory {directory}, and it cannot be downloaded automatically: {by_hand}")
    try:
        fetch(item.url, path, size=item.size, sha256=item.sha256)
    except InputError as error:
        cure = f"Either {by_hand}, or set DYNODE_DATA to a folder that has it"
        raise Unavailable(f"{item.id}: not in the data directory {directory}, and the download failed: {error}\n{cure}") from None
    return path


def _check(path: Path, item: Entry) -> None:
    size = path.stat().st_size
    if size == item.size:
        found = sha256_of(path)
        if found == item.sha256:
            return
        difference = f"sha256 {found}, expected {item.sha256}"
    else:
        difference = f"{size} bytes, expected {item.size}"
    raise InputError(
        f"{path}: not the file of the catalogue ({difference}); move it away (it is then downloaded), or name it under files: to use it as it is"
    )
