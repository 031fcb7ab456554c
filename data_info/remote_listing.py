"""Files of a folder behind a URL: what a store lists, or the links of a web server's page about a folder; patterns in URLs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

from configs.errors import InputError
from configs.remote import Remote
from data_info.remote_stores import opened_store
from data_info.remote_stream import WEB, patience_of
from data_info.transfer import HttpPool, Lasting, patiently

MAGIC = re.compile(r"[*\[]")  # a question mark begins a query, or belongs to a name
DEEPEST = 16  # folders below each other that ** looks into
MOST_FILES = 1_000_000


@dataclass(frozen=True)
class _Found:
    name: str
    url: str
    folder: bool


def is_pattern(url: str) -> bool:
    """Whether a URL stands for files that must be listed: ``*`` or ``[...]`` in its path, or a slash at its end (all files of a folder)."""
    path = urlsplit(url).path
    return path.endswith("/") or MAGIC.search(path) is not None


def expand(url: str, remote: Remote) -> list[str]:
    """The URLs of all files that match a pattern, sorted; ``**`` stands for any folders in between. Empty where none does.

    >>> expand("https://host.org/run.root", Remote())
    ['https://host.org/run.root']

    Raises ``InputError`` for a folder that cannot be listed.
    """
    if not is_pattern(url):
        return [url]
    parts = urlsplit(url)
    fixed, steps = _cut(parts.path)
    start = f"{parts.scheme}://{parts.netloc}{fixed}"
    query = f"?{parts.query}" if parts.query else ""
    return sorted(f"{found}{query}" for found in _matching(_Lister(remote), [start], steps))


def _cut(path: str) -> tuple[str, list[str]]:
    """The folder before the first pattern, with its slash, and the steps from there to a file. A double slash at the start (XRootD) stays."""
    names = path.split("/")
    first = next((number for number, name in enumerate(names) if MAGIC.search(name)), len(names) - 1)
    steps = [name for name in names[first:] if name] + (["*"] if path.endswith("/") else [])
    return "/".join(names[:first]) + "/", steps


def _matching(lister: _Lister, folders: Iterable[str], steps: list[str]) -> Iterator[str]:
    step, *rest = steps
    for folder in folders:
        if step == "**":
            yield from _matching(lister, lister.below(folder, DEEPEST), rest or ["*"])
            continue
        matches = [found for found in lister.children(folder) if fnmatchcase(found.name, step)]
        if rest:
            yield from _matching(lister, [f"{found.url}/" for found in matches if found.folder], rest)
        else:
            yield from (found.url for found in matches if not found.folder)


class _Lister:
    """Lists folders, each once."""

    def __init__(self, remote: Remote) -> None:
        self.remote, self.pool = remote, HttpPool(patience_of(remote))
        self._known: dict[str, list[_Found]] = {}
        self._count = 0

    def children(self, folder: str) -> list[_Found]:
        """What is directly below a URL that ends in a slash. Raises ``InputError``."""
        if folder not in self._known:
            of = self._of_page if urlsplit(folder).scheme in WEB else self._of_store
            try:
                self._known[folder] = patiently(lambda: of(folder), self.pool.patience)
            except Lasting as error:
                raise InputError(f"{folder}: cannot be listed: {error}; check the address, or name the files one by one (filelist:)") from None
            self._count += len(self._known[folder])
            if self._count > MOST_FILES:
                raise InputError(f"{folder}: more than {MOST_FILES} files to look at; give a narrower pattern")
        return self._known[folder]

    def below(self, folder: str, depth: int) -> Iterator[str]:
        """The folder and all folders below it."""
        yield folder
        for found in self.children(folder) if depth else ():
            if found.folder:
                yield from self.below(f"{found.url}/", depth - 1)

    def _of_page(self, folder: str) -> list[_Found]:
        with tempfile.TemporaryDirectory() as scratch:
            page = Path(scratch) / "page"
            self.pool.receive(folder, page)
            text = page.read_text(encoding="utf-8", errors="replace")
        if not re.match(r"\s*<", text):
            raise Lasting("the server does not show what is in this folder")
        links = _Links()
        links.feed(text)
        here = [url for link in links.targets if (url := _inside(folder, link)) is not None]
        return [_Found(unquote(url.rstrip("/").rpartition("/")[2]), url.rstrip("/"), url.endswith("/")) for url in dict.fromkeys(here)]

    def _of_store(self, folder: str) -> list[_Found]:
        with opened_store(folder, self.remote) as (system, inside):
            told = system.ls(inside, detail=True)
        named = [(str(one["name"]).rstrip("/").rpartition("/")[2], one["type"] == "directory") for one in told]
        itself = inside.rstrip("/").rpartition("/")[2]
        empty = [one["name"].endswith("/") or (name == itself and one.get("size") == 0) for one, (name, _) in zip(told, named, strict=True)]
        return [_Found(name, folder + name, is_folder) for (name, is_folder), mark in zip(named, empty, strict=True) if is_folder or not mark]


class _Links(HTMLParser):
    """The targets of all links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the target of a link."""
        self.targets += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _inside(folder: str, link: str) -> str | None:
    """The URL behind a link when it is directly below the folder; links to other orders of the list, parents and elsewhere are none."""
    parts = urlsplit(urljoin(folder, link))
    base = urlsplit(folder)
    if parts.query or parts.fragment or (parts.scheme, parts.netloc) != (base.scheme, base.netloc):
        return None
    above, path = unquote(base.path), unquote(parts.path)
    name = path.removeprefix(above)
    if not path.startswith(above) or name.strip("/") in ("", ".", "..") or "/" in name.rstrip("/"):
        return None
    return folder + quote(name)
