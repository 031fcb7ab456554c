"""Batches of waveform files behind URLs: local ones, in memory, and from a web server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest

from readers import open_source
from readers.trc_batch import open_batch, read_batch
from simulation.trc_writer import TrcSettings, trc_bytes

CODES = np.arange(12 * 30, dtype=np.int16).reshape(12, 30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, codes in enumerate(CODES):
        (tmp_path / f"{number:02d}.trc").write_bytes(trc_bytes(codes))
    (tmp_path / "sequence.trc").write_bytes(trc_bytes(CODES, TrcSettings(), np.zeros((12, 2))))
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def codes_of(urls: list[str]) -> np.ndarray:
    with open_source(urls, "trc") as source:
        assert not source.refused
        return np.asarray(source.events(0, len(source)).code)


def test_local_urls(folder: Path) -> None:
    assert np.array_equal(codes_of([f"file://{folder}/{number:02d}.trc" for number in range(12)]), CODES)


def test_in_memory_and_mixed_with_paths(folder: Path) -> None:
    urls = []
    for number in range(12):
        content = (folder / f"{number:02d}.trc").read_bytes()
        if number % 3:
            urls.append(f"memory://led/{number:02d}.trc")
            with fsspec.open(urls[-1], "wb") as file:
                file.write(content)
        else:
            urls.append(str(folder / f"{number:02d}.trc"))
    assert np.array_equal(codes_of(urls), CODES)


def test_from_a_server_with_files_that_are_not_there(folder: Path, server: str) -> None:
    pytest.importorskip("aiohttp")
    (folder / "07.trc").write_bytes(b"<html>Please log in</html>")
    urls = [f"{server}/{number:02d}.trc" for number in range(14)]
    batch = open_batch(urls)
    (group,) = batch.groups
    assert np.array_equal(group.codes, np.delete(CODES, 7, axis=0))
    assert list(batch.refused) == [urls[number] for number in (7, 12, 13)]
    assert "a web page in place of data ('Please log in')" in batch.refused[urls[7]]
    assert f"{urls[12]}: no such file on the server" in batch.refused[urls[12]]


def test_a_sequence_from_a_server(server: str) -> None:
    pytest.importorskip("aiohttp")
    (group,) = read_batch([f"{server}/sequence.trc"])
    assert np.array_equal(group.codes, CODES)
    with open_source(f"{server}/sequence.trc") as source:
        assert source.events(3, 5).segment.to_list() == [3, 4]


def test_urls_with_signs_of_patterns_are_names(folder: Path) -> None:
    (folder / "a[1]*.trc").write_bytes(trc_bytes(CODES[0]))
    assert np.array_equal(codes_of([f"file://{folder}/a[1]*.trc", f"file://{folder}/00.trc"]), CODES[[0, 0]])
