"""URLs through fsspec: in memory, and from a web server on this machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest

from configs.remote import Remote
from readers import ReadError, SourceError, open_source
from readers.files import accessing, is_url
from readers.inspect import describe


def same(column, truth: list) -> bool:
    return json.dumps(column.to_list()) == json.dumps(truth)


@pytest.mark.parametrize(
    ("path", "expected"), [("https://a/b.root", True), ("memory://a", True), ("root://a//b", True), ("a/b.root", False), (Path("a"), False)]
)
def test_what_is_a_url(path: str | Path, expected: bool) -> None:
    assert is_url(path) is expected


def test_every_format_from_memory(sample) -> None:
    url = f"memory://readers/{sample.path.name}"
    with fsspec.open(url, "wb") as file:
        file.write(sample.path.read_bytes())
    with open_source(url) as source:
        events = source.events(7, 33)
        for name, truth in sample.columns.items():
            assert same(events[name], truth[7:33]), name
    assert describe(url).entries == 40


class Handler(BaseHTTPRequestHandler):
    """Serves one file; the path chooses how badly."""

    content = b""
    log: ClassVar[list[tuple[str, int]]] = []

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        if self.path.startswith("/missing"):
            return self.send_error(404)
        if self.path.startswith("/busy"):
            return self.send_error(503)
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted and not self.path.startswith(("/plain", "/silent")):
            first, last = int(wanted[1]), int(wanted[2]) if wanted[2] else len(self.content) - 1
            part = self.content[first : last + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(self.content)}")
        else:
            part = self.content
            self.send_response(200)
        if not self.path.startswith("/silent"):
            self.send_header("Accept-Ranges", "none" if self.path.startswith("/plain") else "bytes")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if body:
            self.wfile.write(part)
            self.log.append((self.path, len(part)))
        return None

    def log_message(self, *arguments: object) -> None:
        """Be silent."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setattr(Handler, "log", [])
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("folder", ["ranges", "plain", "silent"])
def test_every_format_from_a_web_server(sample, server: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also from a server that cannot send parts of a file (``plain``), and from one that does not say so (``silent``)."""
    monkeypatch.setattr(Handler, "content", sample.path.read_bytes())
    with open_source(f"{server}/{folder}/{sample.path.name}") as source:
        events = source.events(7, 33)
        for name, truth in sample.columns.items():
            assert same(events[name], truth[7:33]), name


@pytest.mark.parametrize(
    ("folder", "expected", "message"),
    [
        ("missing", SourceError, "missing/a.parquet: no such file on the server .*404"),
        ("busy", ReadError, "busy/a.parquet: reading failed .*503.*; try again"),
    ],
)
def test_answers_of_a_server(folder: str, expected: type[Exception], message: str, server: str) -> None:
    with accessing(Remote(retries=1)), pytest.raises(expected, match=message):
        open_source(f"{server}/{folder}/a.parquet")


def test_a_server_that_is_not_there_is_worth_a_retry() -> None:
    with accessing(Remote(retries=0)), pytest.raises(ReadError, match=r"reading failed .*; try again, or copy the file to a local disk"):
        open_source("http://127.0.0.1:9/a.parquet")


def test_a_protocol_without_its_package_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from fsspec.registry import _registry

    monkeypatch.delitem(_registry, "s3", raising=False)  # where another test has read from a store
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(SourceError, match=r"s3:// needs a package that is not installed \(Install s3fs.*; install s3fs"):
        open_source("s3://bucket/a.parquet")


@pytest.mark.parametrize("url", ["nonsense://a/b.parquet", "memory://readers/not_there.parquet"])
def test_unknown_protocols_and_missing_objects_are_refused(url: str) -> None:
    with pytest.raises(SourceError, match=f"{url}: (wrong content or truncated .*Protocol not known|no such file)"):
        open_source(url)
