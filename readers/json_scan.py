"""Find keys and number lists in a large JSON object without parsing the numbers.

One pass over the bytes in blocks records where each list lies, cut at commas into pieces of about a mebibyte with their entry counts.
Numbers are parsed later, piece by piece, by ``json.loads``, which takes ``NaN`` as Python writes it. So memory is that of the wanted
numbers and one piece, whatever the size of the file.
"""

from __future__ import annotations

import codecs
import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from readers.source import SourceError

BLOCK_BYTES = 1 << 20
LONGEST_ENTRY_BYTES = 1 << 12
LONGEST_ROW_BYTES = 1 << 20
LARGEST_VALUE_BYTES = 1 << 20  # keys, mappings and attributes, which are parsed whole

NOT_SPACE = re.compile(rb"[^ \t\r\n]")
LAST_ROW = re.compile(rb"\][ \t\r\n]*\]")
NUMBERS = b"0123456789+-.eE, \t\r\nNaInfityul"  # numbers, NaN, Infinity, null and what lies between them
FRACTIONAL = (b".", b"e", b"E", b"n", b"N")  # null, NaN and Infinity are floats as well


@dataclass(frozen=True)
class Piece:
    """``count`` entries from ``first`` on, in ``size`` bytes from ``offset`` on, without the comma behind them."""

    offset: int
    size: int
    first: int
    count: int


@dataclass(frozen=True)
class ListIndex:
    """Where the entries of one list lie: numbers, or (``rows``) lists of numbers. ``whole``: integers only."""

    pieces: tuple[Piece, ...]
    count: int
    rows: bool
    whole: bool

    def overlapping(self, start: int, stop: int) -> tuple[Piece, ...]:
        """The pieces that hold entries ``start`` to ``stop`` (exclusive)."""
        first = bisect_right(self.pieces, start, key=lambda piece: piece.first) - 1
        last = bisect_right(self.pieces, stop - 1, key=lambda piece: piece.first)
        return self.pieces[max(first, 0) : last] if stop > start else ()


def index_object(file: IO[bytes], path: str) -> dict[str, ListIndex | Any]:
    """Scan a JSON object from the start of ``file``: lists become ``ListIndex``, other values are parsed.

    Raises ``SourceError`` naming key and entry for anything that is not an object of number lists (or lists of number rows) and
    small values: truncation, text in a list, a key given twice, bytes behind the end.
    """
    return dict(_scan(_Cursor(file, path)))


def first_key(file: IO[bytes], path: str) -> tuple[str, str]:
    """The first key of a JSON object and how its value begins: ``list``, ``rows``, ``object`` or ``value``."""
    cursor = _Cursor(file, path)
    cursor.take(b"{", "the start of the file")
    if cursor.peek() == b"}":
        return "", "value"
    key = cursor.key()
    opening = cursor.peek()
    if opening == b"{":
        return key, "object"
    if opening != b"[":
        return key, "value"
    cursor.at += 1
    return key, "rows" if cursor.peek() == b"[" else "list"


def parse(raw: bytes, piece: Piece, where: str, *, what: str = "number") -> list[Any]:
    """The entries of a piece. ``where`` (file and column) begins the ``SourceError`` for an entry that is not a ``what``."""
    try:
        values = json.loads(b"[" + raw + b"]")
    except json.JSONDecodeError as error:
        at = max(error.pos - 1, 0)
        entry = piece.first + (raw.count(b"]", 0, at) if what == "row" else raw.count(b",", 0, at))
        text = raw[max(at - 10, 0) : at + 20].decode("utf-8", "replace").strip()
        raise SourceError(f"{where}, entry {entry}: not a {what} (near {text!r}: {error.msg}); write the file again") from None
    if len(values) != piece.count or len(raw) != piece.size:
        raise SourceError(f"{where}, entries {piece.first} to {piece.first + piece.count}: the file changed after it was opened; open it again")
    return values


def _scan(cursor: _Cursor) -> Iterator[tuple[str, ListIndex | Any]]:
    cursor.take(b"{", "the start of the file")
    seen: set[str] = set()
    while cursor.peek() != b"}":
        if seen:
            cursor.take(b",", "a value")
        key = cursor.key()
        if key in seen:
            raise SourceError(f"{cursor.path}: key {key!r} is given twice; keep one of its two values")
        seen.add(key)
        yield key, _list(cursor, key) if cursor.peek() == b"[" else cursor.value(f"the value of {key!r}")
    cursor.at += 1
    if cursor.peek():
        raise SourceError(f"{cursor.path}: bytes behind the end of the JSON object (byte {cursor.base + cursor.at}); is it two files in one?")


def _list(cursor: _Cursor, key: str) -> ListIndex:
    cursor.take(b"[", f"{key!r}")
    opening = cursor.peek()
    rows = opening == b"["
    pieces: list[Piece] = []
    count, whole = 0, True
    if opening == b"]":
        cursor.at += 1
        return ListIndex((), 0, False, True)
    for offset, raw in _row_pieces(cursor, key) if rows else _number_pieces(cursor, key):
        _check_characters(cursor.path, key, raw, count, rows)
        entries = raw.count(b"]") if rows else raw.count(b",") + 1
        whole = whole and not any(mark in raw for mark in FRACTIONAL)
        pieces.append(Piece(offset, len(raw), count, entries))
        count += entries
    return ListIndex(tuple(pieces), count, rows, whole)


def _number_pieces(cursor: _Cursor, key: str) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of pieces of a flat list, cut at commas; the cursor ends behind the closing bracket."""
    while True:
        end = cursor.data.find(b"]", cursor.at)
        cut = end if end >= 0 else cursor.data.rfind(b",", cursor.at)
        if cut < 0:
            cursor.more(LONGEST_ENTRY_BYTES, f"in column {key!r}")
            continue
        offset, raw = cursor.base + cursor.at, cursor.data[cursor.at : cut]
        cursor.at = cut + 1
        yield offset, raw
        if end >= 0:
            return


def _row_pieces(cursor: _Cursor, key: str) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of pieces of a list of rows, cut behind rows; the cursor ends behind the closing bracket."""
    first = True
    while (byte := cursor.peek()) != b"]":
        if not byte:
            cursor.more(0, f"in {key!r}")
        if not first:
            cursor.take(b",", f"a row of {key!r}")
        last = LAST_ROW.search(cursor.data, cursor.at)
        cut = last.start() + 1 if last else cursor.data.rfind(b"]", cursor.at) + 1
        while cut <= cursor.at:
            cursor.more(LONGEST_ROW_BYTES, f"in a row of {key!r}")
            cut = cursor.data.find(b"]", cursor.at) + 1
        offset, raw = cursor.base + cursor.at, cursor.data[cursor.at : cut]
        cursor.at = cut
        first = False
        yield offset, raw
    cursor.at += 1


def _check_characters(path: str, key: str, raw: bytes, count: int, rows: bool) -> None:
    foreign = raw.translate(None, NUMBERS + b"[]" if rows else NUMBERS)
    if not foreign:
        return
    at = raw.index(foreign[:1])
    entry = count + (raw.count(b"]", 0, at) if rows else raw.count(b",", 0, at))
    begin = raw.rfind(b",", 0, at) + 1
    text = raw[begin : begin + 40].split(b",")[0].decode("utf-8", "replace").strip(" []\r\n\t")
    what = f"{'row' if rows else 'entry'} {entry}"
    raise SourceError(f"{path}: {key!r}, {what}: {text!r} is not a number; lists hold numbers, NaN or null")


class _Cursor:
    """A place in a file that is read forwards in blocks: ``data[at:]`` lies ahead, ``base`` is the file offset of ``data[0]``."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self.file, self.path = file, path
        file.seek(0)
        self.data = file.read(BLOCK_BYTES).removeprefix(codecs.BOM_UTF8)
        self.base, self.at = file.tell() - len(self.data), 0

    def fill(self) -> bool:
        """Drop what lies behind and read one more block; False at the end of the file."""
        block = self.file.read(BLOCK_BYTES)
        self.base += self.at
        self.data = self.data[self.at :] + block
        self.at = 0
        return bool(block)

    def more(self, longest: int, where: str) -> None:
        """Read one more block; ``SourceError`` at the end of the file, or when more than ``longest`` bytes lie ahead unused."""
        unused = len(self.data) - self.at
        if unused > longest and longest:
            text = self.data[self.at : self.at + 40].decode("utf-8", "replace")
            raise SourceError(f"{self.path}: an entry of more than {longest} bytes {where} ({text!r}...); lists hold numbers")
        if not self.fill():
            raise SourceError(f"{self.path}: ends {where} (byte {self.base + len(self.data)}): truncated? copy or download it again")

    def peek(self) -> bytes:
        """The next byte that is not white space, to which the cursor moves; empty at the end of the file."""
        while True:
            match = NOT_SPACE.search(self.data, self.at)
            if match:
                self.at = match.start()
                return self.data[self.at : self.at + 1]
            self.at = len(self.data)
            if not self.fill():
                return b""

    def take(self, wanted: bytes, where: str) -> None:
        """Step over ``wanted``, or raise ``SourceError`` saying what lies there instead."""
        found = self.peek()
        if not found:
            raise SourceError(f"{self.path}: ends after {where} (byte {self.base + self.at}): truncated? copy or download it again")
        if found != wanted:
            text = self.data[self.at : self.at + 20].decode("utf-8", "replace")
            raise SourceError(
                f"{self.path}: expected {wanted.decode()!r} at byte {self.base + self.at} after {where}, found {text!r}; not such a JSON file"
            )
        self.at += 1

    def key(self) -> str:
        """A key and its colon."""
        if self.peek() not in (b'"', b""):
            self.take(b'"', "a brace or comma")
        key = self.value("a key")
        self.take(b":", f"key {key!r}")
        return key

    def value(self, where: str) -> Any:
        """Parse one small value: text, number, mapping."""
        decoder = json.JSONDecoder(object_pairs_hook=lambda pairs: _without_duplicates(self.path, pairs))
        self.peek()
        window = 256
        while True:
            while (short := len(self.data) - self.at < window) and self.fill():
                pass
            text = self._text(window, where)
            ended = short or window >= LARGEST_VALUE_BYTES
            try:
                value, end = decoder.raw_decode(text)
            except json.JSONDecodeError as error:
                if not ended:
                    window *= 4
                    continue
                place = f"{self.path}: {where} (byte {self.base + self.at})"
                reason = f"is cut off, longer than {LARGEST_VALUE_BYTES} bytes, or not JSON ({error.msg})"
                raise SourceError(f"{place} {reason}: truncated? copy or download it again") from None
            if end < len(text) or ended:  # a number may go on behind the window
                self.at += len(text[:end].encode())
                return value
            window *= 4

    def _text(self, window: int, where: str) -> str:
        try:
            return codecs.getincrementaldecoder("utf-8")().decode(self.data[self.at : self.at + window])
        except UnicodeDecodeError:
            raise SourceError(f"{self.path}: {where} (byte {self.base + self.at}) is not UTF-8 text; is it a JSON file?") from None


def _without_duplicates(path: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    twice = [key for key, times in Counter(keys).items() if times > 1]
    if twice:
        raise SourceError(f"{path}: keys given twice in one mapping: {', '.join(map(repr, twice))}; keep one of each")
    return dict(pairs)
