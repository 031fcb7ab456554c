"""Files read in parts: every request is tried again, and two versions of a file are never mixed."""

from __future__ import annotations

import socket
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.fault_server import Server

from configs.remote import Remote
from data_info import remote_stream
from data_info.remote_stream import _Stream, look, open_stream
from data_info.transfer import Lasting

PATIENT = Remote(connect_timeout_s=1.0, read_timeout_s=0.3, retries=3)
CONTENT = np.random.default_rng(5).bytes(400_000)


@pytest.fixture
def server(http_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(remote_stream, "BACKOFF_S", 0.001)
    monkeypatch.setattr(remote_stream, "BLOCK_BYTES", 4096)
    http_server.files = {"/a.bin": CONTENT, "/empty.bin": b""}
    return http_server


@given(st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 400)), max_size=30))
def test_any_reads_give_the_file(reads: list[tuple[int, int]]) -> None:
    content = CONTENT[:1000]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote_stream, "BLOCK_BYTES", 64)
        patch.setattr(remote_stream, "KEPT_BLOCKS", 3)
        stream = _Stream(len(content), lambda start, stop: content[start:stop])
        for position, count in reads:
            stream.seek(position)
            assert stream.read(count) == content[position : position + count]


def test_parts_of_a_file_are_asked_for_once(server: Server) -> None:
    with open_stream(server.url("/a.bin"), PATIENT) as file:
        asked = len(server.requests)
        file.seek(50_000)
        assert file.read(5_000) == CONTENT[50_000:55_000]
        assert len(server.requests) == asked + 1
        file.seek(50_100)
        assert file.read(10) == CONTENT[50_100:50_110]
        assert len(server.requests) == asked + 1
        assert file.seek(-7, 2) == len(CONTENT) - 7
        assert file.read() == CONTENT[-7:]
        assert file.read() == b""


def test_server_that_fails_every_third_request(server: Server) -> None:
    server.fail_every = 3
    with open_stream(server.url("/a.bin"), PATIENT) as file:
        pieces = []
        while piece := file.read(3_000):
            pieces.append(piece)
    assert b"".join(pieces) == CONTENT
    assert len(server.requests) > 9


@pytest.mark.parametrize("faults", [["cut", "cut"], ["500", "503 after 0"], ["silence"]])
def test_fault_in_the_middle_is_overcome(faults: list[str], server: Server) -> None:
    with open_stream(server.url("/a.bin"), PATIENT) as file:
        server.faults["/a.bin"] = list(faults)
        file.seek(60_000)
        assert file.read(100) == CONTENT[60_000:60_100]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("503", r"the server answers 503 .* \(4 attempts\)"),
        ("403", "the server answers 403 Forbidden"),
        ("cut", r"the server sent \d+ bytes where \d+ were asked for \(4 attempts\)"),
    ],
)
def test_fault_that_lasts_is_named(fault: str, message: str, server: Server) -> None:
    with open_stream(server.url("/a.bin"), PATIENT) as file:
        server.faults["/a.bin"] = [fault] * 9
        file.seek(60_000)
        with pytest.raises(Lasting, match=message):
            file.read(100)


def test_file_that_changes_between_two_reads_is_refused(server: Server) -> None:
    with open_stream(server.url("/a.bin"), PATIENT) as file:
        server.files["/a.bin"] = CONTENT[::-1]
        file.seek(60_000)
        with pytest.raises(Lasting, match="the file changed on the server while it was read"):
            file.read(100)


def test_web_page_in_place_of_a_file_is_refused(server: Server) -> None:
    server.files["/login.root"] = b"<!DOCTYPE html><html><title>Sign in</title></html>"
    for server.ranges in (True, False):
        with pytest.raises(Lasting, match=r"a web page in place of data \('Sign in'\)"):
            open_stream(server.url("/login.root"), PATIENT)


def test_server_without_parts_gives_the_whole_file(server: Server) -> None:
    server.ranges = False
    with open_stream(server.url("/a.bin"), PATIENT) as file:
        file.seek(399_000)
        assert file.read() == CONTENT[399_000:]


def test_what_a_server_tells(server: Server) -> None:
    before = look(server.url("/a.bin"), PATIENT)
    assert before.identity.startswith("400000 bytes, ")
    server.files["/a.bin"] = CONTENT[::-1]
    assert look(server.url("/a.bin"), PATIENT).identity != before.identity
    assert look(server.url("/empty.bin"), PATIENT).size == 0
    with pytest.raises(Lasting, match="404"):
        look(server.url("/none.bin"), PATIENT)


@pytest.mark.parametrize("scheme", ["http", "s3", "root"])
def test_server_that_is_not_there_is_given_up_soon(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip({"http": "urllib3", "s3": "s3fs", "root": "fsspec_xrootd"}[scheme], reason=f"{scheme} needs its package: extra remote")
    monkeypatch.setattr(remote_stream, "BACKOFF_S", 0.001)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        url = "s3://bucket/a.root" if scheme == "s3" else f"{scheme}://{address}//a.root"
        began = time.monotonic()
        with pytest.raises(Lasting, match=r"(the store failed|no connection) .*\(2 attempts\)"):
            look(url, Remote(retries=1, connect_timeout_s=2.0, anon=True, endpoint_url=f"http://{address}"))
    assert time.monotonic() - began < 30.0
