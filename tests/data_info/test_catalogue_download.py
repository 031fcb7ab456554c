"""Downloads against a server of our own on loopback with every fault a server can have."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from configs.errors import InputError
from data_info import catalogue, download
from data_info.catalogue import Entry

CONTENT = np.random.default_rng(5).bytes(300_000)
SILENCE_S = 6.0
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """A web server with one file; ``faults`` are used up one by one, then it behaves."""

    faults: list[str] = field(default_factory=list)
    content: bytes = CONTENT
    ranges: bool = True  # whether it continues where a client asks it to
    requests: list[str | None] = field(default_factory=list)  # the Range of each request
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/folder/file.bin"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        server: Server = self.server.state  # type: ignore[attr-defined]
        wanted = self.headers.get("Range")
        server.requests.append(wanted)
        fault = server.faults.pop(0) if server.faults else ""
        if fault.isdigit():
            self.send_error(int(fault))
            return
        if fault == "silence":
            time.sleep(SILENCE_S)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and server.ranges else 0  # type: ignore[index]
        if start >= len(server.content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        if fault != "no length":
            self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        body = server.content[start:]
        self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    state = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.state = state  # type: ignore[attr-defined]
        state.port = running.server_address[1]
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        running.shutdown()
        thread.join()


def fetch(server: Server, target: Path, *, sha256: str = SHA256, size: int = len(CONTENT), timeout_s: float = 5.0, attempts: int = 4) -> list[float]:
    """Download without waiting; returns the pauses that would have been made."""
    pauses: list[float] = []
    download.fetch(server.url, target, size=size, sha256=sha256, timeout_s=timeout_s, attempts=attempts, backoff_s=1.0, sleep=pauses.append)
    return pauses


def test_file_arrives_whole(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "file.bin"
    assert fetch(server, target) == []
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    assert server.requests == [None]


def test_cut_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    server.faults = ["cut", "cut"]
    assert fetch(server, tmp_path / "file.bin") == [1.0, 2.0]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.requests == [None, "bytes=150000-", "bytes=225000-"]


def test_a_later_call_continues_the_part(server: Server, tmp_path: Path) -> None:
    server.faults = ["cut"]
    with pytest.raises(InputError, match=r"file\.bin: the connection broke after 150000 of 300000 bytes \(1 attempts\)"):
        fetch(server, tmp_path / "file.bin", attempts=1)
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin.part"]
    fetch(server, tmp_path / "file.bin")
    assert server.requests[1:] == ["bytes=150000-"]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_server_that_cannot_continue_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.faults, server.ranges = ["cut"], False
    fetch(server, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.requests == [None, "bytes=150000-"]


def test_finished_part_is_not_downloaded_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    fetch(server, tmp_path / "file.bin")
    assert server.requests == []
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"x" * 1000, CONTENT + b"more"], ids=["other content", "too long"])
def test_part_of_another_file_is_replaced(part: bytes, server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(part)
    fetch(server, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_wrong_digest_names_both_and_removes_the_file(server: Server, tmp_path: Path) -> None:
    server.content = bytes(len(CONTENT))
    found = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(InputError, match=rf"wrong content: sha256 {found}, the catalogue says {SHA256}; the file was removed"):
        fetch(server, tmp_path / "file.bin")
    assert list(tmp_path.iterdir()) == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("length", [10, len(CONTENT) + 1])
def test_wrong_length_is_refused_before_the_transfer(length: int, server: Server, tmp_path: Path) -> None:
    server.content = bytes(length)
    with pytest.raises(InputError, match=rf"wrong length: the server offers {length} bytes, the catalogue says 300000"):
        fetch(server, tmp_path / "file.bin")
    assert list(tmp_path.iterdir()) == []


def test_endless_answer_is_stopped(server: Server, tmp_path: Path) -> None:
    server.content, server.faults = CONTENT * 2, ["no length"]
    with pytest.raises(InputError, match="wrong length: more than the 300000 bytes that the catalogue says"):
        fetch(server, tmp_path / "file.bin")
    assert not (tmp_path / "file.bin").exists()


def test_missing_file_is_not_asked_for_twice(server: Server, tmp_path: Path) -> None:
    server.faults = ["404"]
    with pytest.raises(InputError, match=r"/folder/file\.bin: the server answers 404 Not Found"):
        fetch(server, tmp_path / "file.bin")
    assert len(server.requests) == 1


def test_server_in_trouble_is_given_time(server: Server, tmp_path: Path) -> None:
    server.faults = ["503", "500", "429"]
    assert fetch(server, tmp_path / "file.bin") == [1.0, 2.0, 4.0]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_lasting_trouble_ends(server: Server, tmp_path: Path) -> None:
    server.faults = ["503"] * 9
    with pytest.raises(InputError, match=r"the server answers 503 Service Unavailable \(4 attempts\)"):
        fetch(server, tmp_path / "file.bin")
    assert len(server.requests) == 4


def test_silent_server_is_not_waited_for(server: Server, tmp_path: Path) -> None:
    server.faults = ["silence"]
    started = time.monotonic()
    fetch(server, tmp_path / "file.bin", timeout_s=0.2)
    assert time.monotonic() - started < SILENCE_S / 2
    server.faults = ["silence", "silence"]
    with pytest.raises(InputError, match=r"no answer within 0\.2 s \(2 attempts\)"):
        fetch(server, tmp_path / "other.bin", timeout_s=0.2, attempts=2)


def test_nobody_listens(server: Server, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        server.port = taken.getsockname()[1]
        with pytest.raises(InputError, match=r"no connection \(.*refused.*\); is there a network\? \(2 attempts\)"):
            fetch(server, tmp_path / "file.bin", attempts=2)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file where a folder should be")
    with pytest.raises(InputError, match=r"cannot write .*folder"):
        fetch(server, tmp_path / "folder" / "file.bin")


def entry(server: Server) -> Entry:
    return Entry("hese/file.bin", server.url, "https://example.org", "", len(CONTENT), SHA256, "CC0-1.0", "nobody", "text", "bytes")


def test_catalogue_file_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        assert catalogue.obtain(entry(server), tmp_path / "data") == tmp_path / "data" / "hese" / "file.bin"
    assert server.requests == [None]


def test_failed_download_tells_the_way_by_hand(server: Server, tmp_path: Path) -> None:
    server.faults = ["404"]
    message = (
        rf"hese/file\.bin: not in the data directory .*404 Not Found\nEither get it from https://example\.org and put it at {tmp_path}/hese/file\.bin"
    )
    with pytest.raises(InputError, match=message):
        catalogue.obtain(entry(server), tmp_path)
