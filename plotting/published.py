"""Published numbers that are drawn beside ours, and how their sources are named in a legend."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from data_info import catalogue
from fits.published_segments import read_published_segments
from plotting.spectrum import Segments

CITATION = re.compile(r"(Phys\. Rev\. [A-Z]\w* \d+, \d+ \(\d{4}\)|arXiv:\d{4}\.\d{4,5})")


def source_name(name: str) -> str:
    """A short name for a file or catalogue id: the paper where the catalogue cites one, else the file's name.

    >>> source_name("my_folder/my_scan.txt")
    'my_scan.txt'
    """
    entries = catalogue.entries()
    found = CITATION.search(entries[name].citation) if name in entries else None
    return found[1] if found else Path(name).name


def read_segments(path: str | Path, label: str) -> Segments:
    """Read a published piecewise spectrum (JSON of github KM3NeT/KM3-230213A-data): E^2 Phi per flavour in GeV cm^-2 s^-1 sr^-1.

    Raises ``InputError`` when it is missing, is something else, or its segments do not touch.
    """
    found = read_published_segments(path)
    return Segments(found.edges_gev, found.flux, np.maximum(found.flux - found.minus, 0.0), found.flux + found.plus, label)
