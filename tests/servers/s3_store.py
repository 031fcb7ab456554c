"""An S3 server on loopback (moto, in this process), with dummy keys that only its users' environment has."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from servers import programs

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True)
class S3Store:
    """A running server. ``client`` is boto3's, signed with ``keys``; a bucket or object is private unless made public."""

    endpoint: str
    client: Any
    keys: dict[str, str]

    def bucket(self, name: str, objects: dict[str, bytes], *, public: bool = True) -> None:
        """Make a bucket (emptied if it is there) with objects by key."""
        access = "public-read" if public else "private"
        self.client.create_bucket(Bucket=name, ACL=access)
        for old in self.client.list_objects_v2(Bucket=name).get("Contents", []):
            self.client.delete_object(Bucket=name, Key=old["Key"])
        for key, content in objects.items():
            self.client.put_object(Bucket=name, Key=key, Body=content, ACL=access)


@contextmanager
def running() -> Iterator[S3Store]:
    """Start it; skips with a reason where moto is not installed."""
    try:
        import boto3
        from moto.server import ThreadedMotoServer
    except ImportError as error:
        programs.absent("s3", f"moto with its server is not installed ({error}); it comes with the development packages: moto[s3], flask, flask-cors")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = boto3.client(
            "s3", endpoint_url=endpoint, region_name=KEYS["AWS_DEFAULT_REGION"], aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        yield S3Store(endpoint, client, KEYS)
        client.close()
    finally:
        server.stop()
