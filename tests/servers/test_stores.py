"""The stores of the tests: what they hold is what their clients read, and what is private stays so."""

from __future__ import annotations

import urllib.request

import fsspec
import pytest
from servers.s3_store import S3Store
from servers.xrootd_store import XrootdStore

CONTENT = bytes(range(256)) * 40


def test_public_object_is_read_by_anyone(s3_server: S3Store) -> None:
    s3_server.bucket("open", {"a folder/file.bin": CONTENT})
    anonymous = fsspec.filesystem("s3", anon=True, endpoint_url=s3_server.endpoint, skip_instance_cache=True)
    assert anonymous.cat_file("open/a folder/file.bin", start=100, end=300) == CONTENT[100:300]
    with urllib.request.urlopen(f"{s3_server.endpoint}/open/a%20folder/file.bin") as answer:
        assert answer.read() == CONTENT


def test_private_object_needs_keys(s3_server: S3Store) -> None:
    s3_server.bucket("closed", {"file.bin": CONTENT}, public=False)
    about = {"endpoint_url": s3_server.endpoint, "skip_instance_cache": True}
    with pytest.raises(PermissionError, match="Forbidden|Access Denied"):
        fsspec.filesystem("s3", anon=True, **about).cat_file("closed/file.bin")
    signed = fsspec.filesystem("s3", key="testing", secret="testing", client_kwargs={"region_name": "us-east-1"}, **about)
    assert signed.cat_file("closed/file.bin") == CONTENT


READ = """
import sys, fsspec
system, path = fsspec.url_to_fs(sys.argv[1])
sys.stdout.write(system.cat_file(path, start=100, end=300).hex())
"""


def test_xrootd_serves_those_inside_its_namespace(xrootd_server: XrootdStore) -> None:
    (xrootd_server.data / "file.bin").write_bytes(CONTENT)
    assert bytes.fromhex(xrootd_server.python(READ, f"{xrootd_server.url}/file.bin")) == CONTENT[100:300]


def test_xrootd_is_out_of_reach_from_outside(xrootd_server: XrootdStore) -> None:
    import socket

    with pytest.raises(ConnectionRefusedError, match="refused"):
        socket.create_connection(("127.0.0.1", 11094), timeout=5).close()
