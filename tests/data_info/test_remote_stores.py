"""Stores behind fsspec: options of s3, and which of their faults are tried again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.spec import AbstractFileSystem

from configs.errors import InputError
from configs.remote import Remote
from data_info import remote_cache
from data_info.remote_cache import Failed, fetch_all
from data_info.remote_stores import store_options

CONTENT = b"#9000000010" + bytes(10)
REMOTE = Remote(retries=2, parallel=1)


class Store(AbstractFileSystem):
    """A store with one file, and faults that are used up one by one."""

    protocol = "faulty"
    cachable = False
    faults: ClassVar[list[Exception | bytes]] = []
    etag: ClassVar[str] = ""
    asked: ClassVar[int] = 0

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        Store.asked += 1
        return {"name": path, "size": len(CONTENT), "type": "file", "ETag": f'"{Store.etag}"'}

    def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
        fault = Store.faults.pop(0) if Store.faults else CONTENT
        if isinstance(fault, Exception):
            raise fault
        Path(lpath).write_bytes(fault)


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> type[Store]:
    fsspec.register_implementation("faulty", Store, clobber=True)
    monkeypatch.setattr(remote_cache, "BACKOFF_S", 0.001)
    Store.faults, Store.etag, Store.asked = [], "", 0
    return Store


def fetched(cache: Path) -> Path | Failed:
    return fetch_all(["faulty://bucket/a.trc"], cache, REMOTE)["faulty://bucket/a.trc"]


@pytest.mark.parametrize("fault", [TimeoutError("slow"), ConnectionResetError("gone"), OSError("Internal Error"), CONTENT[:-4]], ids=repr)
def test_fault_of_a_store_that_passes_is_overcome(fault: Exception | bytes, store: type[Store], tmp_path: Path) -> None:
    store.faults = [fault, fault]
    place = fetched(tmp_path)
    assert isinstance(place, Path), place
    assert place.read_bytes() == CONTENT
    assert store.asked == 3


@pytest.mark.parametrize(
    ("fault", "reason", "asked"),
    [
        (FileNotFoundError("a.trc"), "no such file in the store", 1),
        (OSError("[3011] No such file or directory"), "no such file in the store", 1),
        (PermissionError("Access Denied"), "not allowed (Access Denied); check the rights to it", 1),
        (TimeoutError("slow"), "the store failed (slow) (3 attempts)", 3),
        (CONTENT[:-4], "the connection broke after 17 of 21 bytes (3 attempts)", 3),
    ],
    ids=repr,
)
def test_fault_of_a_store_that_lasts_is_named(fault: Exception | bytes, reason: str, asked: int, store: type[Store], tmp_path: Path) -> None:
    store.faults = [fault] * 5
    assert fetched(tmp_path) == Failed(reason)
    assert store.asked == asked
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_entity_tag_of_an_object_in_one_part_is_compared(store: type[Store], tmp_path: Path) -> None:
    store.etag = "0" * 32
    assert "the server's entity tag says 0000" in str(fetched(tmp_path))
    store.etag = f"{'0' * 32}-2"  # of an object in parts: no MD5 of the whole
    assert isinstance(fetched(tmp_path), Path)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any of S3's variables."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    return monkeypatch


def test_endpoint_and_limits_of_s3(environment: pytest.MonkeyPatch) -> None:
    limits = {"connect_timeout": 10.0, "read_timeout": 60.0, "retries": {"max_attempts": 0}}
    plain = {"anon": True, "config_kwargs": limits, "client_kwargs": {}, "use_listings_cache": False}
    assert store_options("s3://bucket/a", Remote()) == plain
    environment.setenv("AWS_ENDPOINT_URL_S3", "https://of.environment")
    environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert store_options("s3://bucket/a", Remote()) == {
        **plain, "endpoint_url": "https://of.environment", "client_kwargs": {"region_name": "us-east-1"}
    }  # fmt: skip
    assert store_options("s3://bucket/a", Remote(endpoint_url="https://of.config"))["endpoint_url"] == "https://of.config"
    assert store_options("root://host//a", Remote(read_timeout_s=2.5)) == {"timeout": 3}
    assert store_options("memory://a", Remote()) == {}


def test_keys_come_from_the_environment_and_from_nowhere_else(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = of_file\naws_secret_access_key = of_file\n")
    environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    assert store_options("s3://bucket/a", Remote())["anon"] is True
    with pytest.raises(InputError, match="the environment has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; set them"):
        store_options("s3://bucket/a", Remote(anon=False))
    environment.setenv("AWS_ACCESS_KEY_ID", "name")
    with pytest.raises(InputError, match="the environment has no AWS_SECRET_ACCESS_KEY; set them"):
        store_options("s3://bucket/a", Remote(anon=False))
    environment.setenv("AWS_SECRET_ACCESS_KEY", "word")
    told = store_options("s3://bucket/a", Remote())
    assert (told["anon"], told["key"], told["secret"]) == (False, "name", "word")
    environment.setenv("AWS_SESSION_TOKEN", "ticket")
    assert store_options("s3://bucket/a", Remote(anon=False))["token"] == "ticket"
    assert store_options("s3://bucket/a", Remote(anon=True)).keys() & {"key", "secret", "token"} == set()


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, **_: Any) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)
    failed = fetch_all(["s3://bucket/a.trc"], tmp_path, REMOTE)["s3://bucket/a.trc"]
    assert failed == Failed("s3:// needs a package that is not installed (Install s3fs to access S3); install s3fs (extra remote)")
