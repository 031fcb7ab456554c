"""Files of stores that fsspec knows (s3://, root:// and others), with the same rules as those of web servers."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from configs.errors import nearest
from configs.remote import Remote
from data_info.transfer import Answer, Lasting, Transient

S3, XROOTD = ("s3", "s3a"), ("root", "roots")
KNOWN = ("https", "http", *S3, *XROOTD)
PACKAGES = {**dict.fromkeys(S3, "s3fs"), **dict.fromkeys(XROOTD, "xrootd and fsspec-xrootd")}
XROOTD_MISSING = "3011"  # in the words of an OSError
XROOTD_FORBIDDEN = "3010"
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
KEY_VARIABLES = {"key": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY", "token": "AWS_SESSION_TOKEN"}
REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")


def copy_from_store(url: str, part: Path, remote: Remote) -> Answer:
    """Copy the file behind ``url`` to ``part``. Raises ``Lasting`` (missing, forbidden, a package not installed) or ``Transient``."""
    with opened_store(url, remote) as (system, inside):
        told = system.info(inside)
        system.get_file(inside, str(part))
    size, received = told.get("size"), part.stat().st_size
    if size is not None and received != size:
        raise Transient(f"the connection broke after {received} of {size} bytes")
    return Answer(received, entity_tag(told))


@contextmanager
def opened_store(url: str, remote: Remote) -> Iterator[tuple[Any, str]]:
    """The fsspec file system of a URL and the path in it; what goes wrong in the block becomes ``Lasting`` or ``Transient``."""
    with _faults(url):
        from fsspec.core import url_to_fs

        if urlsplit(url).scheme in XROOTD:
            _limit_xrootd(remote)
        yield url_to_fs(url, **store_options(url, remote))


def entity_tag(told: dict[str, Any]) -> str:
    """What a store's answer about a file says of its content, without quotes; empty where it says nothing."""
    return str(told.get("ETag") or told.get("etag") or "").strip('"')


def store_options(url: str, remote: Remote) -> dict[str, Any]:
    """How fsspec opens a store: time-outs, of s3 also the endpoint and whether requests are signed.

    Keys come from the environment and from nowhere else. Raises ``Lasting`` where they are asked for and not there.
    """
    scheme = urlsplit(url).scheme
    if scheme in XROOTD:
        return {"timeout": math.ceil(remote.read_timeout_s)}
    if scheme not in S3:
        return {}
    limits = {"connect_timeout": remote.connect_timeout_s, "read_timeout": remote.read_timeout_s, "retries": {"max_attempts": 0}}
    client = {"region_name": region} if (region := _first_set(REGION_VARIABLES)) else {}
    endpoint = remote.endpoint_url or _first_set(ENDPOINT_VARIABLES)
    about = {"config_kwargs": limits, "client_kwargs": client, "use_listings_cache": False, **({"endpoint_url": endpoint} if endpoint else {})}
    return {**about, **_keys(remote)}


def _keys(remote: Remote) -> dict[str, Any]:
    keys = {name: os.environ[variable] for name, variable in KEY_VARIABLES.items() if os.environ.get(variable)}
    complete = {"key", "secret"} <= keys.keys()
    if remote.anon or (remote.anon is None and not complete):
        return {"anon": True}
    if not complete:
        lacking = " and ".join(variable for name, variable in KEY_VARIABLES.items() if name not in keys and name != "token")
        raise Lasting(f"remote.anon: false asks for keys, and the environment has no {lacking}; set them (keys are read from nowhere else)")
    return {"anon": False, **keys}


def _first_set(variables: tuple[str, ...]) -> str | None:
    return next((os.environ[name] for name in variables if os.environ.get(name)), None)


def _limit_xrootd(remote: Remote) -> None:
    """Without this a server that is not there costs ten minutes; settings of the environment (XRD_...) go before."""
    from XRootD import client

    client.EnvPutInt("ConnectionWindow", math.ceil(remote.connect_timeout_s))
    client.EnvPutInt("ConnectionRetry", 1)
    client.EnvPutInt("StreamErrorWindow", 0)  # how long a server that failed is refused: the pauses are ours
    client.EnvPutInt("RequestTimeout", math.ceil(remote.read_timeout_s))


@contextmanager
def _faults(url: str) -> Iterator[None]:
    scheme = urlsplit(url).scheme
    try:
        yield
    except (Lasting, Transient):
        raise
    except ImportError as error:
        package = PACKAGES.get(scheme, f"the fsspec package of {scheme}://")
        raise Lasting(f"{scheme}:// needs a package that is not installed ({error}); install {package} (extra remote)") from None
    except ValueError as error:  # fsspec: protocol not known
        raise Lasting(f"{scheme}:// cannot be opened ({error}){'' if scheme in KNOWN else nearest(scheme, KNOWN)}") from None
    except FileNotFoundError:
        raise Lasting("no such file in the store", 404) from None
    except PermissionError as error:
        raise Lasting(f"not allowed ({error}); {_rights(scheme)}", 403) from None
    except OSError as error:
        raise _of_words(error, scheme) from None
    except Exception as error:  # botocore's and aiohttp's errors are of no common kind
        if not any(kind.__name__ in NETWORK_ERRORS for kind in type(error).__mro__):
            raise
        raise Transient(f"the store failed ({error or type(error).__name__})") from None


NETWORK_ERRORS = {"BotoCoreError", "ClientError", "HTTPClientError"}


def _of_words(error: OSError, scheme: str) -> Lasting | Transient:
    """XRootD tells what is wrong only in words."""
    words = str(error)
    if XROOTD_MISSING in words:
        return Lasting("no such file in the store", 404)
    if XROOTD_FORBIDDEN in words:
        return Lasting(f"not allowed ({words}); {_rights(scheme)}", 403)
    return Transient(f"the store failed ({words or type(error).__name__})")


def _rights(scheme: str) -> str:
    if scheme in XROOTD:
        return "get a token or proxy for this server"
    if scheme in S3:
        return f"set {KEY_VARIABLES['key']} and {KEY_VARIABLES['secret']} in the environment, with remote.anon: null or false"
    return "check the rights to it"
