"""How files behind URLs (https://, s3://, root:// and others) are reached."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from configs.strict import Strict


class Remote(Strict):
    """How files behind URLs are read: patience with servers, and whether they are fetched first.

    ``access: fetch``: whole, once, into the cache of the data set, before the work begins; offline afterwards. ``access: stream``: parts as
    they are needed, by whoever does the work; nothing is kept (large files of which few columns are read, workers without a common disk).
    """

    access: Literal["fetch", "stream"] = "fetch"
    parallel: PositiveInt = 8  # files fetched at a time
    connect_timeout_s: PositiveFloat = 10.0
    read_timeout_s: PositiveFloat = 60.0  # without a byte
    retries: Annotated[int, Field(ge=0)] = 5
    refresh: Annotated[bool, Field(exclude=True)] = False  # fetch again what the cache has (--refresh); results do not depend on it
    anon: bool | None = None  # s3 without credentials; null: without where the environment has none
    endpoint_url: str | None = None  # of an s3 store; null: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL
