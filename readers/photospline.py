"""Spline tables in FITS files as photospline writes them: coefficients in the primary image, ``KNOTSi`` in image extensions.

FITS (Pence et al., A&A 524 (2010) A42): blocks of 2880 bytes, header cards of 80 characters, images big-endian with the first axis fastest.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from physics.spline_table import SplineTable
from readers.source import SourceError

Array = NDArray[np.float64]
Header = dict[str, str]

BLOCK, CARD = 2880, 80
TYPES: dict[int, np.dtype[Any]] = {-32: np.dtype(">f4"), -64: np.dtype(">f8")}  # by BITPIX
SPLINE = "Spline Coefficient Table"


def read_spline_table(path: str | os.PathLike[str], rank: int | None = None) -> SplineTable:
    """Read one table; ``rank``: number of axes that it must have.

    Raises ``SourceError`` for a file that is absent, no FITS image, truncated, or of another rank, and ``InputError`` (naming the file) where knots,
    orders and coefficients do not belong together.
    """
    path = Path(path)
    if not path.is_file():
        raise SourceError(f"{path}: there is no such spline table; get it from the release (data_info/catalogue.yaml lists all 45)")
    with path.open("rb") as file:
        header, coefficients = _image(file, path)
        knots = {}
        while file.peek(1):
            about, values = _image(file, path)
            knots[about.get("EXTNAME", "")] = values
    axes = range(coefficients.ndim)
    _check_complete({*knots, *header}, len(axes), header.get("TYPE", SPLINE), path)
    if rank is not None and coefficients.ndim != rank:
        raise SourceError(f"{path}: the table has {coefficients.ndim} axes, expected {rank}; is it another table under this name?")
    return SplineTable(coefficients, tuple(knots[f"KNOTS{axis}"] for axis in axes), tuple(int(header[f"ORDER{axis}"]) for axis in axes), str(path))


def _check_complete(present: Collection[str], rank: int, kind: str, path: Path) -> None:
    missing = [f"{word}{axis}" for word in ("KNOTS", "ORDER") for axis in range(rank) if f"{word}{axis}" not in present]
    if kind != SPLINE or missing:
        raise SourceError(f"{path}: not a spline table of photospline (no {', '.join(missing) or SPLINE})")


def _image(file: BinaryIO, path: Path) -> tuple[Header, Array]:
    """Header and image (first axis slowest, as NumPy has it) of the next unit of a file."""
    header = _header(file, path)
    try:
        dtype = TYPES[int(header["BITPIX"])]
        shape = tuple(int(header[f"NAXIS{axis}"]) for axis in range(int(header["NAXIS"]), 0, -1))
    except (KeyError, ValueError) as error:
        raise SourceError(f"{path}: not a FITS image of floating-point numbers ({error})") from None
    size = math.prod(shape) * dtype.itemsize
    content = file.read(-(-size // BLOCK) * BLOCK)
    if len(content) < size:
        raise SourceError(f"{path}: the file ends within an image ({len(content)} of {size} bytes); get it again")
    return header, np.frombuffer(content, dtype, math.prod(shape)).reshape(shape).astype(np.float64)


def _header(file: BinaryIO, path: Path) -> Header:
    header: Header = {}
    while True:
        block = file.read(BLOCK)
        if len(block) < BLOCK:
            raise SourceError(f"{path}: the file ends within a header; it is truncated or no FITS file")
        for start in range(0, BLOCK, CARD):
            card = block[start : start + CARD].decode("ascii", errors="replace")
            if card.rstrip() == "END":
                return header
            if card[8:10] == "= ":
                header[card[:8].strip()] = _value(card[10:])


def _value(text: str) -> str:
    """The value of a card without its comment: a quoted text or a number."""
    text = text.strip()
    return text[1:].partition("'")[0].strip() if text.startswith("'") else text.partition("/")[0].strip()
