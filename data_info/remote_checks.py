"""Whether a fetched file can be what its name says: no web page in its place, and no .trc shorter or longer than its own header."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from data_info.transfer import Lasting, Transient

START_BYTES = 256
WEB_PAGE = re.compile(rb"\s*(<!doctype html|<html|<\?xml)", re.IGNORECASE)
WEB_ENDINGS = (".html", ".htm", ".xml")
BLOCK_HEADER = re.compile(rb"[^#]{0,64}?#([1-9])")
LINE_END_BYTES = 1


def check_content(path: Path, url: str) -> None:
    """Refuse a web page (``Lasting``: another attempt gives the same) and a .trc whose length is not that of its block header (``Transient``)."""
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    check_start(start, url)
    match = BLOCK_HEADER.match(start)
    if urlsplit(url).path.lower().endswith(".trc") and match:
        _check_length(path, start, match)


def check_start(start: bytes, url: str) -> None:
    """Refuse a web page by the first bytes of what should be data (``Lasting``)."""
    name = urlsplit(url).path.lower()
    if WEB_PAGE.match(start) and not name.endswith(WEB_ENDINGS):
        words = " ".join(re.sub(r"<[^>]*>", " ", start.decode("latin-1")).split())[:60]
        raise Lasting(f"a web page in place of data ({words!r}): a login page, or a server's message? check the address and the rights to it")


def _check_length(path: Path, start: bytes, match: re.Match[bytes]) -> None:
    """Compare the bytes that follow ``#9...`` with its count; one line end behind them is legal."""
    digits = start[match.end() : match.end() + int(match[1])]
    if not digits.isdigit():
        return
    declared, present = int(digits), path.stat().st_size - match.end() - len(digits)
    if not 0 <= present - declared <= LINE_END_BYTES:
        raise Transient(f"wrong length: the file says that {declared} bytes follow its header, {present} do")
