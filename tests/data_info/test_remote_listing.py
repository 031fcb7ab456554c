"""Files of a folder behind a URL: of a web server's page, and of stores."""

from __future__ import annotations

import fsspec
import pytest
from servers.fault_server import Server

from configs.errors import InputError
from configs.remote import Remote
from data_info import remote_stream
from data_info.remote_listing import _cut, _inside, expand, is_pattern

REMOTE = Remote(retries=2, read_timeout_s=1.0)
NAMES = ["/run/a 1.root", "/run/a_2.root", "/run/b.h5", "/run/more/c_1.root", "/run/more/deep/d.root", "/other/e.root"]


@pytest.fixture
def server(http_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(remote_stream, "BACKOFF_S", 0.001)
    http_server.files = dict.fromkeys(NAMES, b"content")
    return http_server


PATTERNS = {
    "/run/*.root": ["/run/a 1.root", "/run/a_2.root"],
    "/run/a*": ["/run/a 1.root", "/run/a_2.root"],
    "/run/": ["/run/a 1.root", "/run/a_2.root", "/run/b.h5"],
    "/run/[ab]*[5t]": ["/run/a 1.root", "/run/a_2.root", "/run/b.h5"],
    "/*/*.root": ["/other/e.root", "/run/a 1.root", "/run/a_2.root"],
    "/run/**/*.root": ["/run/a 1.root", "/run/a_2.root", "/run/more/c_1.root", "/run/more/deep/d.root"],
    "/run/**": NAMES[:5],
    "/run/*/c_[0-9].root": ["/run/more/c_1.root"],
    "/run/*.none": [],
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_links_of_a_page(pattern: str, server: Server) -> None:
    assert expand(server.url(pattern), REMOTE) == sorted(server.url(path.replace(" ", "%20")) for path in PATTERNS[pattern])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_names_of_a_store(pattern: str) -> None:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    for name in NAMES:
        memory.pipe(f"/store{name}", b"content")
    assert expand(f"memory://store{pattern}", REMOTE) == sorted(f"memory://store{path}" for path in PATTERNS[pattern])


def test_what_is_no_pattern_is_not_asked_for(server: Server) -> None:
    url = server.url("/run/a.root?signature=*")
    assert not is_pattern(url)
    assert expand(url, REMOTE) == [url]
    assert server.requests == []


def test_fault_that_passes_is_overcome(server: Server) -> None:
    server.fail_every = 2
    assert len(expand(server.url("/run/**/*.root"), REMOTE)) == 4
    assert len(server.requests) > 3


def test_folder_that_cannot_be_listed_is_named(server: Server) -> None:
    server.faults["/run/"] = ["403"]
    with pytest.raises(
        InputError, match=r"/run/: cannot be listed: the server answers 403 Forbidden; check the address, or name the files one by one"
    ):
        expand(server.url("/run/*.root"), REMOTE)


def test_page_that_is_no_list_is_named(server: Server) -> None:
    server.files["/text/"] = b"no list"
    server.faults["/text/"] = ["flipped"]  # sent as a file
    with pytest.raises(InputError, match="the server does not show what is in this folder"):
        expand(server.url("/text/*.root"), REMOTE)


def test_unknown_stores_are_named() -> None:
    with pytest.raises(InputError, match="nonsense:// cannot be opened"):
        expand("nonsense://bucket/*.root", REMOTE)


@pytest.mark.parametrize(
    ("path", "cut"),
    [
        ("/a/b*.root", ("/a/", ["b*.root"])),
        ("//eos/a*/b.root", ("//eos/", ["a*", "b.root"])),
        ("/a/", ("/a/", ["*"])),
        ("/*/", ("/", ["*", "*"])),
        ("*.root", ("/", ["*.root"])),
    ],
)
def test_fixed_part_of_a_pattern(path: str, cut: tuple[str, list[str]]) -> None:
    assert _cut(path) == cut


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("b.root", "https://h/a/b.root"),
        ("./b.root", "https://h/a/b.root"),
        ("/a/b.root", "https://h/a/b.root"),
        ("https://h/a/b%20c.root", "https://h/a/b%20c.root"),
        ("sub/", "https://h/a/sub/"),
        *((link, None) for link in ("../", "/", "/a/", "?C=N", "#top", "https://elsewhere/a/b.root", "//elsewhere/a/b", "sub/b.root", "/ab/c")),
        ("%2e%2e/", None),
    ],
)
def test_links_that_count(link: str, url: str | None) -> None:
    assert _inside("https://h/a/", link) == url
