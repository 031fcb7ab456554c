"""Published numbers that are drawn beside ours, and how their sources are named in a legend."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from configs.errors import InputError
from data_info import catalogue
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

    The file maps ``Emin [GeV]``, ``Emax [GeV]``, ``FluxNorm ...``, ``ErrorMinus ...`` and ``ErrorPlus ...`` to numbered values. Raises
    ``InputError`` when it is missing, is something else, or its segments do not touch.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        low, high, flux, minus, plus = (_column(content, start) for start in ("Emin", "Emax", "FluxNorm", "ErrorMinus", "ErrorPlus"))
    except OSError as error:
        raise InputError(
            f"{path}: cannot read the published segments ({error.strerror}); remove plots.compare_spectrum or give an existing file"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: not a published spectrum; expected JSON with Emin, Emax, FluxNorm, ErrorMinus and ErrorPlus, numbered") from None
    if not len(low) == len(high) == len(flux) == len(minus) == len(plus) or not np.allclose(low[1:], high[:-1], rtol=1e-6):
        raise InputError(f"{path}: the segments do not touch: Emin {low.tolist()}, Emax {high.tolist()}")
    return Segments(np.append(low, high[-1]), flux, np.maximum(flux - minus, 0.0), flux + plus, label)


def _column(content: dict[str, dict[str, float]], start: str) -> np.ndarray:
    key = next((key for key in content if key.startswith(start)), start)
    values = content[key]
    return np.array([float(values[number]) for number in sorted(values, key=int)])
