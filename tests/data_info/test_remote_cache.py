"""The cache of files behind URLs, against a server of our own on loopback with every fault a server can have."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from servers.fault_server import LONGEST_S, Server

from configs.errors import InputError
from configs.remote import Remote
from data_info import remote_cache, transfer
from data_info.remote_cache import Failed, cache_path, fetch_all
from data_info.transfer import Patience, Transient, patiently

PATIENT = Remote(connect_timeout_s=1.0, read_timeout_s=0.2, retries=3, parallel=4)
WITH_FULL_PAUSES = remote_cache._Fetching.__init__


def trace(number: int, length: int = 1000) -> bytes:
    """A file that begins like a .trc: the block header says how many bytes follow."""
    return b"#9%09d" % length + np.random.default_rng(number).bytes(length)


@pytest.fixture
def server(http_server: Server) -> Server:
    http_server.files = {f"/run/{number}.trc": trace(number) for number in range(20)}
    return http_server


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses that were made; each is cut to a hundredth of a second."""
    made: list[float] = []
    real = threading.Event.wait

    def wait(event: threading.Event, timeout: float | None = None) -> bool:
        made.append(timeout or 0.0)
        return real(event, min(timeout or 0.0, 0.01))

    fetching = remote_cache._Fetching.__init__

    def quick(self: remote_cache._Fetching, *arguments: object) -> None:
        fetching(self, *arguments)  # type: ignore[arg-type]
        self.stop.wait = lambda timeout=None: wait(self.stop, timeout)  # type: ignore[method-assign]

    monkeypatch.setattr(remote_cache._Fetching, "__init__", quick)
    return made


def fetch(server: Server, cache: Path, *paths: str, remote: Remote = PATIENT) -> dict[str, Path | Failed]:
    found = fetch_all([server.url(path) for path in paths], cache, remote)
    return {re.sub(r"^http://[^/]*", "", url): place for url, place in found.items()}


def only(server: Server, cache: Path, path: str = "/run/0.trc", remote: Remote = PATIENT) -> Path | Failed:
    return fetch(server, cache, path, remote=remote)[path]


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_files_arrive_whole_at_places_named_by_their_urls(server: Server, tmp_path: Path) -> None:
    found = fetch(server, tmp_path, *server.files)
    assert {path: place.read_bytes() for path, place in found.items() if isinstance(place, Path)} == server.files
    assert found["/run/7.trc"] == tmp_path / "http" / f"127.0.0.1_{server.port}" / "run" / "7.trc"
    assert len(names(tmp_path)) == 21  # and the index: no temporary file is left


def test_connections_are_used_again_and_bounded(server: Server, tmp_path: Path) -> None:
    server.faults = {path: ["slow"] for path in server.files}
    fetch(server, tmp_path, *server.files)
    assert len(server.connections) <= PATIENT.parallel
    assert server.most_busy == PATIENT.parallel


def test_threads_that_begin_together_share_one_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    import urllib3

    made: list[object] = []
    real = urllib3.PoolManager

    def slowly(**about: Any) -> Any:
        made.append(about)
        together.wait(0.05)  # time enough for the others to come
        return real(**about)

    together = threading.Event()
    monkeypatch.setattr(urllib3, "PoolManager", slowly)
    pool = transfer.HttpPool(Patience(), 4)
    with ThreadPoolExecutor(4) as executor:
        managers = list(executor.map(pool._manager, ["http://127.0.0.1/a"] * 4))
    assert len(set(map(id, managers))) == len(made) == 1


def test_second_run_is_offline(server: Server, tmp_path: Path) -> None:
    first = fetch(server, tmp_path, *server.files)
    server.requests.clear()
    assert fetch(server, tmp_path, *server.files) == first
    assert server.requests == []


def test_refresh_fetches_again_and_keeps_the_old_file_when_it_fails(server: Server, tmp_path: Path) -> None:
    place = only(server, tmp_path)
    assert isinstance(place, Path)
    server.files["/run/0.trc"] = trace(99)
    again = PATIENT.model_copy(update={"refresh": True})
    assert only(server, tmp_path, remote=again) == place
    assert place.read_bytes() == trace(99)
    server.faults["/run/0.trc"] = ["403"]
    assert isinstance(only(server, tmp_path, remote=again), Failed)
    assert place.read_bytes() == trace(99)


def test_index_tells_what_was_fetched(server: Server, tmp_path: Path) -> None:
    only(server, tmp_path)
    (line,) = [json.loads(text) for text in (tmp_path / "index.jsonl").read_text().splitlines()]
    content = server.files["/run/0.trc"]
    assert (line["url"], line["size"]) == (server.url("/run/0.trc"), len(content))
    assert (line["sha256"], line["etag"]) == (hashlib.sha256(content).hexdigest(), hashlib.md5(content).hexdigest())


def test_damaged_file_and_torn_index_are_fetched_again(server: Server, tmp_path: Path) -> None:
    place = only(server, tmp_path)
    assert isinstance(place, Path)
    place.write_bytes(b"short")
    with (tmp_path / "index.jsonl").open("a") as file:
        file.write('{"url": "http://127.')
    assert only(server, tmp_path) == place
    assert place.read_bytes() == server.files["/run/0.trc"]
    assert len(server.requests) == 2


@pytest.mark.parametrize(("content", "asked"), [(trace(0), 0), (trace(0)[:-10], 1), (b"<html>log in</html>", 1), (b"", 1)])
def test_file_put_there_by_hand_counts_when_it_can_be_one(content: bytes, asked: int, server: Server, tmp_path: Path) -> None:
    place = cache_path(tmp_path, server.url("/run/0.trc"))
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    assert only(server, tmp_path) == place
    assert len(server.requests) == asked
    assert place.read_bytes() == trace(0)


@pytest.mark.parametrize(
    "faults", [["500", "500"], ["503", "429"], ["cut"], ["stall"], ["silence"], ["trickle"], ["short"], ["flipped"], ["cut", "500", "stall"]]
)
def test_fault_that_passes_is_overcome(faults: list[str], server: Server, tmp_path: Path) -> None:
    server.faults["/run/0.trc"] = list(faults)
    started = time.monotonic()
    place = only(server, tmp_path)
    assert isinstance(place, Path), place
    assert place.read_bytes() == server.files["/run/0.trc"]
    assert len(server.requests) == len(faults) + 1
    assert names(place.parent) == ["0.trc"]
    assert time.monotonic() - started < LONGEST_S / 2


REASONS = {
    "500": r"the server answers 500 .* \(4 attempts\)",
    "cut": r"the connection broke after 505 of 1011 bytes \(4 attempts\)",
    "stall": r"no answer within 0\.2 s \(4 attempts\)",
    "silence": r"no answer within 0\.2 s \(4 attempts\)",
    "short": r"wrong length: the file says that 1000 bytes follow its header, 900 do \(4 attempts\)",
    "flipped": r"wrong content: MD5 [0-9a-f]{32}, the server's entity tag says [0-9a-f]{32} \(4 attempts\)",
}


@pytest.mark.parametrize("fault", REASONS)
def test_fault_that_lasts_is_named_and_leaves_nothing(fault: str, server: Server, tmp_path: Path) -> None:
    server.faults["/run/0.trc"] = [fault] * 9
    failed = only(server, tmp_path)
    assert isinstance(failed, Failed)
    assert re.fullmatch(REASONS[fault], str(failed))
    assert len(server.requests) == PATIENT.retries + 1
    assert names(tmp_path) == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_refusal_is_not_asked_again(status: int, server: Server, tmp_path: Path) -> None:
    server.faults["/run/0.trc"] = [str(status)]
    failed = only(server, tmp_path)
    assert isinstance(failed, Failed)
    assert str(failed).startswith(f"the server answers {status} ")
    assert len(server.requests) == 1


def test_web_page_in_place_of_data_is_refused_with_its_title(server: Server, tmp_path: Path) -> None:
    server.faults["/run/0.trc"] = ["html"]
    failed = only(server, tmp_path)
    assert "a web page in place of data ('Sign in please')" in str(failed)
    assert len(server.requests) == 1
    assert names(tmp_path) == []


def test_missing_file_does_not_spoil_the_others(server: Server, tmp_path: Path) -> None:
    del server.files["/run/3.trc"]
    found = fetch(server, tmp_path, *(f"/run/{number}.trc" for number in range(20)))
    assert [path for path, place in found.items() if isinstance(place, Failed)] == ["/run/3.trc"]
    assert found["/run/3.trc"] == Failed("the server answers 404 Not Found")


def test_server_says_how_long_to_wait(server: Server, tmp_path: Path, pauses: list[float]) -> None:
    server.faults["/run/0.trc"] = ["503 after 7", "429 after 0"]
    assert isinstance(only(server, tmp_path), Path)
    assert pauses[0] == 7.0
    assert 0.5 <= pauses[1] <= 1.0  # 0.5 x 2, less up to half of it


def test_server_that_asks_for_an_hour_is_given_up(server: Server, tmp_path: Path) -> None:
    server.faults["/run/0.trc"] = ["503 after 3600"]
    assert str(only(server, tmp_path)).endswith("asks to wait 3600 s; try again later")
    assert len(server.requests) == 1


def test_dead_server_is_given_up_before_every_file_was_tried(server: Server, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        server.port = taken.getsockname()[1]
        found = fetch(server, tmp_path, *(f"/run/{number}.trc" for number in range(200)))
    reasons = [str(place) for place in found.values()]
    tried = [reason for reason in reasons if "no connection" in reason]
    assert remote_cache.GIVE_UP <= len(tried) <= remote_cache.GIVE_UP + PATIENT.parallel
    assert all("not tried: 127.0.0.1" in reason for reason in set(reasons) - set(tried))


def test_absent_files_do_not_make_a_server_dead(server: Server, tmp_path: Path) -> None:
    server.files = {"/last.trc": trace(1)}
    found = fetch(server, tmp_path, *(f"/none/{number}.trc" for number in range(30)), "/last.trc")
    assert isinstance(found["/last.trc"], Path)


def test_progress_counts_what_is_fetched(server: Server, tmp_path: Path) -> None:
    only(server, tmp_path)
    seen: list[tuple[str, int, int]] = []
    fetch_all([server.url(path) for path in server.files], tmp_path, PATIENT, lambda *told: seen.append(told))
    assert seen == [("fetching files", done, 19) for done in range(1, 20)]


def test_interrupt_ends_the_waiting(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for as long as the server asks; an interrupt wakes them, and nothing more is asked for."""
    asked_s = 200
    monkeypatch.setattr(remote_cache._Fetching, "__init__", WITH_FULL_PAUSES)
    server.faults = {path: [f"503 after {asked_s}"] * 9 for path in server.files if path != "/run/0.trc"}

    def stop(*told: object) -> None:
        raise KeyboardInterrupt("at the first file")

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt, match="at the first file"):
        fetch_all([server.url(path) for path in server.files], tmp_path, PATIENT, stop)
    assert time.monotonic() - started < asked_s / 4
    assert max(Counter(server.requests).values()) == 1  # no second attempt


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://a.org/x/y.trc", "https/a.org/x/y.trc"),
        ("https://a.org:99/x/y.trc?version=2", "https/a.org_99/x/y.trc?version=2"),
        ("s3://bucket/a key/y.trc", "s3/bucket/a key/y.trc"),
        ("root://host:1094//eos/y.trc", "root/host_1094/eos/y.trc"),
        ("https://user:secret@a.org/y.trc", "https/a.org/y.trc"),
    ],
)
def test_places_in_the_cache(url: str, place: str) -> None:
    assert cache_path(Path("c"), url) == Path("c", place)


@pytest.mark.parametrize(
    "url",
    [
        *("https://a.org", "https:///x.trc", "https://a.org/../../x.trc", "https://a.org/a/%2e%2e/x.trc", "https://a.org/a%2Fx.trc"),
        *("https://../index.jsonl", "https://user@../x.trc", "https://./x.trc", "https://user@/x.trc"),
    ],
)
def test_addresses_that_leave_the_cache_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the address of a file"):
        cache_path(tmp_path, url)
    failed = fetch_all([url], tmp_path, PATIENT)[url]
    assert "not the address of a file" in str(failed)


def test_cache_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "http").write_text("a file where a folder should be")
    with pytest.raises(InputError, match=r"cannot write .*http.*; make room, or choose another cache"):
        only(server, tmp_path)


def test_other_stores_are_copied_by_fsspec(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/a.trc", trace(1))
    found = fetch_all(["memory://bucket/a.trc", "memory://bucket/b.trc", "nonsense://bucket/a.trc"], tmp_path, PATIENT)
    place, missing, unknown = found.values()
    assert isinstance(place, Path)
    assert place.read_bytes() == trace(1)
    assert missing == Failed("no such file in the store")
    assert str(unknown).startswith("nonsense:// cannot be opened")


def test_pauses_grow_to_a_limit_and_are_never_the_same_for_all() -> None:
    patience = Patience(backoff_s=0.5, longest_s=30.0, jitter=0.5)
    drawn = np.array([[patience.pause_s(number) for number in range(1, 9)] for _ in range(200)])
    longest = np.minimum(0.5 * 2.0 ** np.arange(8), 30.0)
    assert (drawn <= longest).all()
    assert (drawn >= 0.5 * longest).all()
    assert (drawn.std(axis=0) > 0.1 * longest).all()
    assert patience.pause_s(1, asked_s=12.0) == 12.0


def test_attempts_are_counted(pauses: list[float]) -> None:
    calls: list[int] = []

    def attempt() -> None:
        calls.append(1)
        raise Transient("no luck")

    with pytest.raises(InputError, match=r"^no luck \(3 attempts\)$"):
        patiently(attempt, Patience(attempts=3), sleep=lambda seconds: None)
    assert len(calls) == 3


def test_date_to_wait_for() -> None:
    in_an_hour = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))
    assert transfer._asked_s({"Retry-After": in_an_hour}) == pytest.approx(3600, rel=0.01)
    assert transfer._asked_s({"Retry-After": "later"}) is None
