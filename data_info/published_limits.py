"""Published limits to draw beside our own: files of mass and cross-section, with their confidence level and citation.

A file has two columns without header, mass in GeV and sigma-v in cm^3 s^-1; lines that start with # are comments, of which ``# cl: 0.9`` and
``# citation: ...`` say what the numbers are. The confidence levels of the public files, which do not state them, stand here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from data_info.catalogue import data_dir, entries
from data_info.files import find_file, search_roots

Array = NDArray[np.float64]

FOLDER = "dark_matter"  # of the public files in the catalogue
PLACE = "{ch}"  # in a pattern, for the channel's name in names of files
NAMES = {"b": "bb", "Mu": "MuMu", "Tau": "TauTau", "W": "WW", "Nu": "NuNu"}


@dataclass(frozen=True)
class Publication:
    """Who published, at which confidence level."""

    label: str
    cl: float
    citation: str


# name of a file without limits_<channel>_ and ending -> what it holds; the confidence levels are those of the papers
PUBLICATIONS = {
    "Fermi_2015": Publication("Fermi-LAT, 15 dwarf galaxies", 0.95, "Fermi-LAT, Phys. Rev. Lett. 115, 231301 (2015), arXiv:1503.02641"),
    "IceCube_2013": Publication("IceCube, dwarf galaxies and clusters", 0.90, "IceCube, Phys. Rev. D 88, 122001 (2013), arXiv:1307.3473"),
}


@dataclass(frozen=True, eq=False)
class PublishedLimit:
    """One curve: masses (GeV, rising) and upper limits on sigma-v (cm^3 s^-1); ``cl`` is None where nobody states it."""

    channel: str
    label: str
    mass_gev: Array
    sigma_v_cm3_s: Array
    cl: float | None
    citation: str

    @property
    def legend(self) -> str:
        """Label with confidence level."""
        return f"{self.label} ({f'{100 * self.cl:g} % CL' if self.cl is not None else 'CL not stated'})"


def published_limits(patterns: Sequence[str], channels: Iterable[str], config_file: Path) -> tuple[list[PublishedLimit], list[str]]:
    """All curves for ``channels``, and a note for every one that cannot be had.

    ``{ch}`` in a pattern stands for the channel as files are named: bb, MuMu, TauTau, WW, NuNu, or its own name. Files are looked up as others of a
    configuration, then in the folder of the public ones; nothing is downloaded. Raises ``InputError`` for files that are not limits.
    """
    found, notes = [], []
    for channel in channels:
        for pattern in patterns:
            path, note = _path(pattern.replace(PLACE, NAMES.get(channel, channel)), config_file)
            if path is not None:
                found.append(read_limit(path, channel))
            else:
                notes.append(note)
    return found, notes


def read_limit(path: Path, channel: str) -> PublishedLimit:
    """One file. Raises ``InputError`` naming the row for text, other than two columns, numbers that are not positive and masses that do not rise."""
    rows, comments = _lines(path)
    if not rows:
        raise InputError(f"{path}: no limits; expected rows of mass in GeV and sigma-v in cm^3 s^-1")
    mass, sigma_v = np.array([values for _, values in rows]).T
    for (number, values), rises in zip(rows, np.concatenate([[True], np.diff(mass) > 0.0]), strict=True):
        if not all(value > 0.0 and math.isfinite(value) for value in values):
            raise InputError(f"{path}: row {number}: {values[0]:g}, {values[1]:g}: masses and cross-sections are positive numbers")
        if not rises:
            raise InputError(f"{path}: row {number}: mass {values[0]:g} GeV does not rise; sort the rows by mass")
    known = PUBLICATIONS.get(path.stem.removeprefix(f"limits_{NAMES.get(channel, channel)}_"))
    return PublishedLimit(
        channel,
        comments.get("label", known.label if known else path.stem),
        mass,
        sigma_v,
        _level(path, comments["cl"]) if "cl" in comments else known.cl if known else None,
        comments.get("citation", known.citation if known else path.name),
    )


def _path(name: str, config_file: Path) -> tuple[Path | None, str]:
    """Where a file lies, or why there is none. Nothing is downloaded: a figure can do without, and files have no licence to be passed on."""
    for candidate in (name, f"{FOLDER}/{name}"):
        if candidate in entries() and not any((root / candidate).is_file() for root in search_roots(config_file)):
            return None, f"{name}: not in the data directory {data_dir()}; it is published at {entries()[candidate].url}"
        try:
            return find_file(candidate, config_file), ""
        except InputError:
            continue
    public = f"; public ones are {', '.join(sorted(one.rpartition('/')[2] for one in entries() if '/limits_' in one))}" if "/" not in name else ""
    return None, f"{name}: no such file, nothing is drawn for it{public}"


def _lines(path: Path) -> tuple[list[tuple[int, tuple[float, float]]], Mapping[str, str]]:
    """Numbered rows, and comments of the form ``# key: value``."""
    rows, comments = [], {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a readable text file ({error})") from None
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            key, _, value = line.lstrip("# ").partition(":")
            comments[key.strip().lower()] = value.strip()
        elif line.strip():
            rows.append((number, _numbers(path, number, line)))
    return rows, comments


def _numbers(path: Path, number: int, line: str) -> tuple[float, float]:
    try:
        mass, sigma_v = (float(part) for part in line.split(","))
    except ValueError:
        raise InputError(f"{path}: row {number}: {line.strip()!r}; expected two numbers, mass in GeV and sigma-v in cm^3 s^-1") from None
    return mass, sigma_v


def _level(path: Path, text: str) -> float:
    try:
        level = float(text)
    except ValueError:
        level = math.nan
    if not 0.0 < level < 1.0:
        raise InputError(f"{path}: cl: {text!r} is no confidence level; give a number between 0 and 1, such as 0.9")
    return level
