"""Whole runs on files behind URLs: the histograms are bitwise those of local files, whatever the servers do; what is missing is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from engine_case import raw, write_events
from servers.fault_server import Server
from servers.s3_store import S3Store
from servers.xrootd_store import XrootdStore

from configs.schema import load_config
from data_info import remote_cache, remote_stream
from processors.stage import process
from records.hists import load_hists

ENTRIES = (300, 200, 100)
REMOTE = {"retries": 4, "read_timeout_s": 2.0}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (remote_cache, remote_stream):
        monkeypatch.setattr(module, "BACKOFF_S", 0.001)
    monkeypatch.setattr(remote_stream, "BLOCK_BYTES", 1024)


@pytest.fixture
def local(tmp_path: Path) -> dict[str, bytes]:
    """The events, by name, as local files too."""
    return {
        f"run_{number}.parquet": write_events(tmp_path / f"run_{number}.parquet", entries, number).read_bytes()
        for number, entries in enumerate(ENTRIES)
    }


def config(tmp_path: Path, files: Any, name: str = "c", **dataset: Any) -> Path:
    path = tmp_path / f"{name}.yaml"
    about = {"files": files, "kind": "mc", "cache": str(tmp_path / "cache"), "remote": {**REMOTE, **dataset.pop("remote", {})}, **dataset}
    options = {"class": "engine_case.Spectrum", "options": {"bins": 8}}
    run = {"name": name, "analysis": "custom", "output_dir": str(tmp_path / "out"), "processor": options, "datasets": {"mc": about}}
    path.write_text(yaml.safe_dump({**run, "executor": {"chunksize": 70, "backoff_s": 0.001}}))
    return path


def hists_of(path: Path, *, complete: bool = True, **options: Any) -> Any:
    outcome = process(load_config(path), **options)
    assert outcome.complete is complete, outcome.account.describe()
    return raw(outcome.hists["mc"])


@pytest.fixture
def expected(tmp_path: Path, local: dict[str, bytes]) -> Any:
    return hists_of(config(tmp_path, sorted(local), "local"))


@pytest.fixture
def web(http_server: Server, local: dict[str, bytes]) -> Server:
    http_server.files = {f"/data/{name}": content for name, content in local.items()}
    return http_server


@pytest.mark.parametrize("access", ["fetch", "stream"])
def test_web_server_that_fails_every_third_request(access: str, web: Server, tmp_path: Path, expected: Any) -> None:
    web.fail_every = 3
    assert hists_of(config(tmp_path, web.url("/data/*.parquet"), remote={"access": access})) == expected
    assert len(web.requests) >= 5


def test_fetched_files_are_read_offline_and_their_chunks_not_again(web: Server, tmp_path: Path, expected: Any) -> None:
    urls = [web.url(path) for path in web.files]
    assert hists_of(config(tmp_path, urls)) == expected
    web.requests.clear()
    assert hists_of(config(tmp_path, urls), fresh=True) == expected
    assert web.requests == []
    manifest = json.loads((tmp_path / "out" / "c" / "manifest.json").read_text())
    assert [len(told["sha256"]) for told in manifest["inputs"].values()] == [64, 64, 64]


@pytest.mark.parametrize(
    ("fault", "reason"), [("403", "the server answers 403 Forbidden"), ("html", "a web page in place of data"), ("cut", "the connection broke")]
)
def test_file_that_cannot_be_fetched_is_named_and_the_others_count(fault: str, reason: str, web: Server, tmp_path: Path, expected: Any) -> None:
    web.faults["/data/run_1.parquet"] = [fault] * 9
    path = config(tmp_path, [web.url(f"/data/{name}") for name in ("run_0.parquet", "run_1.parquet", "run_2.parquet")])
    outcome = process(load_config(path), allow_partial=True)
    assert not outcome.complete
    (failure,) = outcome.account.datasets["mc"].failed
    assert failure.file == web.url("/data/run_1.parquet")
    assert reason in failure.reason
    assert raw(outcome.hists["mc"]) == hists_of(config(tmp_path, ["run_0.parquet", "run_2.parquet"], "two"))
    web.faults.clear()
    assert hists_of(path) == expected  # the same command goes on


def test_file_that_changes_on_the_server_is_processed_again(web: Server, tmp_path: Path, expected: Any) -> None:
    path = config(tmp_path, [web.url(path) for path in web.files], remote={"access": "stream"})
    assert hists_of(path) == expected
    web.files["/data/run_2.parquet"] = write_events(tmp_path / "run_2.parquet", 150, 9).read_bytes()
    assert hists_of(path) == hists_of(config(tmp_path, ["run_0.parquet", "run_1.parquet", "run_2.parquet"], "again"))


@pytest.mark.parametrize("access", ["fetch", "stream"])
@pytest.mark.parametrize("public", [True, False])
def test_store_of_s3(access: str, public: bool, s3_server: S3Store, local: dict[str, bytes], tmp_path: Path, expected: Any, monkeypatch: Any) -> None:
    s3_server.bucket("runs", {f"some folder/{name}": content for name, content in local.items()}, public=public)
    if not public:
        for name, value in s3_server.keys.items():
            monkeypatch.setenv(name, value)
    remote = {"access": access, "endpoint_url": s3_server.endpoint}
    assert hists_of(config(tmp_path, "s3://runs/some folder/*.parquet", remote=remote)) == expected


def test_store_is_streamed_by_several_workers(
    s3_server: S3Store, local: dict[str, bytes], tmp_path: Path, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The main process lists the store, its workers open connections of their own."""
    s3_server.bucket("shared", local)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_server.endpoint)
    path = config(tmp_path, "s3://shared/*.parquet", remote={"access": "stream"})
    outcome = process(load_config(path, ["executor.kind=futures", "executor.workers=2"]))
    assert outcome.account.describe() == ""
    assert raw(outcome.hists["mc"]) == expected


def test_private_store_without_keys_says_what_to_set(s3_server: S3Store, local: dict[str, bytes], tmp_path: Path) -> None:
    s3_server.bucket("secret", local, public=False)
    outcome = process(load_config(config(tmp_path, "s3://secret/run_0.parquet", remote={"endpoint_url": s3_server.endpoint})))
    (failure,) = outcome.account.datasets["mc"].failed
    assert failure.reason.endswith("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, with remote.anon: null or false")


@pytest.mark.parametrize("access", ["fetch", "stream"])
def test_xrootd_through_the_door(access: str, xrootd_server: XrootdStore, local: dict[str, bytes], tmp_path: Path, expected: Any) -> None:
    """The whole command inside the server's network namespace, on two workers."""
    folder = xrootd_server.data / access
    folder.mkdir()
    for name, content in local.items():
        (folder / name).write_bytes(content)
    path = config(tmp_path, f"{xrootd_server.url}/{access}/*.parquet", remote={"access": access})
    door = Path(process.__code__.co_filename).parents[1] / "run_processor.py"
    paths = f"{door.parent}:{Path(__file__).parent}"
    done = xrootd_server.call(sys.executable, door, path, "--executor", "futures", "--workers", "2", environment={"PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr
    assert raw(load_hists(tmp_path / "out" / "c" / "hists.h5")["mc"]) == expected


def test_xrootd_file_that_is_not_there_is_named(xrootd_server: XrootdStore, tmp_path: Path) -> None:
    path = config(tmp_path, f"{xrootd_server.url}/none.parquet")
    door = Path(process.__code__.co_filename).parents[1] / "run_processor.py"
    paths = f"{door.parent}:{Path(__file__).parent}"
    done = xrootd_server.call(sys.executable, door, path, environment={"PYTHONPATH": paths})
    assert done.returncode == 3
    assert "none.parquet: open: no such file in the store" in " ".join(done.stderr.split())


def test_every_format_is_read_in_parts_from_a_failing_server(web: Server, tmp_path: Path) -> None:
    """ROOT, HDF5 and NumPy besides Parquet; each library asks for bytes in a way of its own."""
    import h5py
    import uproot

    from readers import open_source

    energy = np.random.default_rng(3).uniform(0, 10, 5000)
    with uproot.recreate(tmp_path / "e.root") as root:
        root["events"] = {"energy": energy}
    with h5py.File(tmp_path / "e.h5", "w") as file:
        file.create_dataset("energy", data=energy, chunks=(500,), compression="gzip")
    np.savez(tmp_path / "e.npz", energy=energy)
    web.files = {f"/{name}": (tmp_path / name).read_bytes() for name in ("e.root", "e.h5", "e.npz")}
    web.fail_every = 3
    for path in web.files:
        with open_source(web.url(path)) as source:
            assert np.array_equal(np.asarray(source.events(100, 4000).energy), energy[100:4000]), path
