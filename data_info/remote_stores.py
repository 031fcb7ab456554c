"""Files of stores that fsspec knows (s3://, root:// and others), copied with the same rules as those of web servers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from configs.remote import Remote
from data_info.transfer import Answer, Lasting, Transient

PACKAGES = {"s3": "s3fs", "root": "fsspec-xrootd"}
XROOTD_MISSING = "3011"  # in the words of an OSError
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_S3"


def copy_from_store(url: str, part: Path, remote: Remote) -> Answer:
    """Copy the file behind ``url`` to ``part``. Raises ``Lasting`` (missing, forbidden, a package not installed) or ``Transient``."""
    from fsspec.core import url_to_fs

    with _faults(url):
        system, inside = url_to_fs(url, **store_options(url, remote))
        told = system.info(inside)
        system.get_file(inside, str(part))
    size, received = told.get("size"), part.stat().st_size
    if size is not None and received != size:
        raise Transient(f"the connection broke after {received} of {size} bytes")
    return Answer(received, str(told.get("ETag") or told.get("etag") or "").strip('"'))


def store_options(url: str, remote: Remote) -> dict[str, Any]:
    """How fsspec opens a store: of s3 the endpoint and time-outs, and whether requests are signed."""
    if urlsplit(url).scheme != "s3":
        return {}
    limits = {"connect_timeout": remote.connect_timeout_s, "read_timeout": remote.read_timeout_s, "retries": {"max_attempts": 0}}
    options: dict[str, Any] = {"anon": remote.anon, "config_kwargs": limits}
    endpoint = remote.endpoint_url or os.environ.get(ENDPOINT_VARIABLE)
    return options | ({"endpoint_url": endpoint} if endpoint else {})


@contextmanager
def _faults(url: str) -> Iterator[None]:
    scheme = urlsplit(url).scheme
    try:
        yield
    except ImportError as error:
        package = PACKAGES.get(scheme, f"the fsspec package of {scheme}://")
        raise Lasting(f"{scheme}:// needs a package that is not installed ({error}); install {package}") from None
    except ValueError as error:  # fsspec: protocol not known
        raise Lasting(f"{scheme}:// cannot be opened ({error})") from None
    except FileNotFoundError:
        raise Lasting("no such file in the store", 404) from None
    except PermissionError as error:
        raise Lasting(f"not allowed ({error}); for a store that needs keys set remote.anon: false", 403) from None
    except OSError as error:
        if XROOTD_MISSING in str(error):
            raise Lasting("no such file in the store", 404) from None
        raise Transient(f"the store failed ({error or type(error).__name__})") from None
