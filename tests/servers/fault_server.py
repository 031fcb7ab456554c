"""A web server on loopback with many files and every fault a server can have, for tests of downloads."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

RANGE = re.compile(r"bytes=(\d+)-(\d*)")
LONGEST_S = 60.0  # of a silence, should a test not end it


@dataclass
class Server:
    """``files`` by path; ``faults`` by path are used up one by one, then the file is served. Of ``fail_every`` requests the last one fails.

    ``ranges``: parts of files are sent when asked for. A path that ends in ``/`` gives the page that lists what is below it.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    fail_every: int = 0
    ranges: bool = True
    busy: int = 0
    most_busy: int = 0
    port: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def _listing(state: Server, folder: str) -> bytes:
    """What a web server shows for a folder: links to a parent, to orders of the table, and to each file and folder once."""
    below = [path.removeprefix(folder) for path in state.files if path.startswith(folder)]
    names = dict.fromkeys(name if not rest else f"{name}/" for name, _, rest in (path.partition("/") for path in below))
    links = ["../", "?C=M;O=A", "/", *(quote(name) for name in names)]
    return "".join(["<!DOCTYPE html><html><body><pre>", *(f'<a href="{link}">x</a>' for link in links), "</pre></body></html>"]).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        state: Server = self.server.state  # type: ignore[attr-defined]
        with state.lock:
            state.requests.append(self.path)
            state.connections.add(self.client_address)
            state.busy += 1
            state.most_busy = max(state.most_busy, state.busy)
            waiting = state.faults.get(self.path)
            fault = waiting.pop(0) if waiting else ""
            if state.fail_every and len(state.requests) % state.fail_every == 0:
                fault = "503"
        try:
            self._answer(state, fault)
        finally:
            with state.lock:
                state.busy -= 1

    def _answer(self, state: Server, fault: str) -> None:
        code, _, asked = fault.partition(" after ")
        if not fault and self.path.endswith("/"):
            self._send(200, _listing(state, self.path), {"Content-Type": "text/html"})
            return
        if code.isdigit() or self.path not in state.files:
            self._send(int(code or 404), b"no", {"Retry-After": asked} if asked else {})
            return
        content = state.files[self.path]
        headers = {"ETag": f'"{state.etags.get(self.path, hashlib.md5(content).hexdigest())}"'}
        wanted = RANGE.fullmatch(self.headers.get("Range", "")) if state.ranges else None
        if wanted and (not fault or fault == "cut"):
            first, last = int(wanted[1]), int(wanted[2] or len(content) - 1)
            if first >= len(content):
                self._send(416, b"", {})
                return
            part = content[first : last + 1]
            headers["Content-Range"] = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
            self._send(206, part[: len(part) // 2] if fault else part, headers, declared=len(part))
            self.close_connection = bool(fault)
            return
        if fault == "slow":
            state.over.wait(0.1)
        if fault == "silence":
            state.over.wait(LONGEST_S)
            self.close_connection = True
        elif fault == "html":
            self._send(200, b"<!DOCTYPE html><html><title>Sign in</title><body>please</body></html>", {})
        elif fault in ("cut", "stall", "trickle"):
            self._send(200, content[: len(content) // 2], headers, declared=len(content))
            self.close_connection = True
            for byte in range(40 if fault == "trickle" else 0):
                self.wfile.write(content[len(content) // 2 + byte :][:1])
                self.wfile.flush()
                if state.over.wait(0.05):
                    break
            if fault == "stall":
                state.over.wait(LONGEST_S)
        elif fault == "flipped":
            self._send(200, content[:-1] + bytes([content[-1] ^ 1]), headers)
        elif fault == "short":
            self._send(200, content[:-100], {})
        else:
            self._send(200, content, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str], declared: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if declared is None else declared))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up is part of the tests."""


@contextmanager
def serving() -> Iterator[Server]:
    state = Server()
    with Quiet(("127.0.0.1", 0), Handler) as running:
        running.state = state  # type: ignore[attr-defined]
        state.port = running.server_address[1]
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            state.over.set()
            running.shutdown()
            thread.join()
