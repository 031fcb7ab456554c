"""Dwarf galaxies with their J factors: the compiled list, the Local Volume Database, or a list of the user's."""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from configs.errors import InputError, nearest
from data_info.catalogue import resolve
from data_info.files import find_file

COMPILED = Path(__file__).with_name("dwarf_galaxies.csv")
COMPILED_CITATION = "as compiled, 25 of 29 as Boddy et al. 2020 (arXiv:1909.13197)"
LVDB_FILES = ("dark_matter/j_factor.csv", "dark_matter/dwarf_mw.csv")
APERTURES_DEG = ("0.1", "0.2", "0.5", "10")
ORDERS = {"min": APERTURES_DEG, "max": APERTURES_DEG[::-1], **{name: (name,) for name in APERTURES_DEG}}
COLUMNS = ("name", "ra_deg", "dec_deg")
OWN_POSITIONS = ("29dg", "lvdb")  # catalogues whose positions the tests hold against the Local Volume Database
CLOSE_DEG = 0.1
MOVED_DEG = 0.1  # further from the Local Volume Database's position a source is suspicious


@dataclass(frozen=True)
class JFactor:
    """log10 of J in GeV^2 cm^-5 (of D in GeV cm^-2 for decay) with its errors up and down in dex."""

    log10: float
    plus: float
    minus: float


@dataclass(frozen=True)
class Galaxy:
    """A source: position (deg, J2000), half-light radius (arcmin; NaN: unknown), J factors by aperture (deg, as text) and who determined them."""

    name: str
    key: str
    ra_deg: float
    dec_deg: float
    rhalf_arcmin: float
    j: Mapping[str, JFactor]
    citation: str = ""

    @property
    def ra_rad(self) -> float:
        """Right ascension."""
        return math.radians(self.ra_deg)

    @property
    def dec_rad(self) -> float:
        """Declination."""
        return math.radians(self.dec_deg)


@dataclass(frozen=True)
class Source:
    """A galaxy with the J factor of the chosen aperture."""

    galaxy: Galaxy
    aperture: str
    j: JFactor

    @property
    def name(self) -> str:
        """The galaxy's name."""
        return self.galaxy.name


def galaxies(catalogue: str = "29dg", config_file: Path | None = None) -> list[Galaxy]:
    """All of a catalogue: ``29dg``, ``lvdb`` (public files, see ``data_info.catalogue``), or the path of a CSV file (looked up as ``find_file`` does
    for ``config_file``).

    Such a file has the columns name, ra_deg, dec_deg and log10_j_<aperture>, plus_<aperture>, minus_<aperture> for one or more of 0p1, 0p2, 0p5, 10;
    optionally key, rhalf_arcmin, citation. Raises ``InputError`` for positions out of range and names given twice, warns of sources closer to each
    other than 0.1 degrees, and of those further than that from their place in the Local Volume Database where its files are at hand.
    """
    found = _lvdb() if catalogue == "lvdb" else _read(COMPILED if catalogue == "29dg" else _own(catalogue, config_file), catalogue)
    _check(found, catalogue)
    if catalogue not in OWN_POSITIONS:
        _warn_of_moved(found, catalogue)
    return found


def select(catalogue: str = "29dg", aperture: str = "max", exclude: Sequence[str] = (), config_file: Path | None = None) -> list[Source]:
    """The sources of an analysis, in the catalogue's order, with the first J factor there is in the order that ``aperture`` means.

    ``min`` and ``max`` take the smallest or largest aperture of each galaxy. Galaxies without the aperture are left out with a warning that names
    them. Raises ``InputError`` for an unknown name in ``exclude`` and when nothing is left.
    """
    found = galaxies(catalogue, config_file)
    names = [galaxy.name for galaxy in found]
    for name in exclude:
        if name not in names:
            raise InputError(f"sources.exclude: {name!r} is not in the catalogue {catalogue}{nearest(name, names)}")
    kept = [galaxy for galaxy in found if galaxy.name not in exclude]
    chosen = {galaxy.name: next((one for one in ORDERS[aperture] if one in galaxy.j), None) for galaxy in kept}
    without = [name for name, one in chosen.items() if one is None]
    if without:
        warnings.warn(f"no J factor within {aperture} degrees for {', '.join(without)}: left out", UserWarning, stacklevel=2)
    sources = [Source(galaxy, one, galaxy.j[one]) for galaxy in kept if (one := chosen[galaxy.name]) is not None]
    if not sources:
        raise InputError(f"sources: no source of {catalogue} has a J factor within {aperture} degrees")
    return sources


def positions_apart(found: Iterable[Galaxy], reference: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Degrees between the galaxies' positions and those of ``reference`` (key -> right ascension, declination in deg), where more than 0.1."""
    apart = {one.name: _apart_deg((one.ra_deg, one.dec_deg), reference[one.key]) for one in found if one.key in reference}
    return {name: degrees for name, degrees in apart.items() if degrees > MOVED_DEG}


def lvdb_positions() -> dict[str, tuple[float, float]]:
    """Right ascension and declination (deg) of the Local Volume Database's Milky-Way dwarfs by key."""
    return {row["key"]: (float(row["ra"]), float(row["dec"])) for row in _rows(resolve(LVDB_FILES[1]))}


def _own(catalogue: str, config_file: Path | None) -> Path:
    """The file of the user's list: beside the configuration, in the working directory or in the data directory."""
    if config_file is None:
        return Path(catalogue)
    try:
        return find_file(catalogue, config_file)
    except InputError as error:
        raise InputError(f"sources.catalogue: {catalogue}: neither 29dg nor lvdb; {error}") from None


def _read(path: Path, catalogue: str) -> list[Galaxy]:
    try:
        rows = _rows(path)
    except OSError as error:
        raise InputError(f"sources.catalogue: {catalogue}: neither 29dg, lvdb nor a readable file ({error.strerror})") from None
    if missing := [name for name in COLUMNS if not rows or name not in rows[0]]:
        raise InputError(f"{path}: missing column(s) {', '.join(missing)}; found {', '.join(rows[0]) if rows else 'no rows'}")
    return [_galaxy(row, path, number) for number, row in enumerate(rows, 1)]


def _galaxy(row: Mapping[str, str], path: Path, number: int) -> Galaxy:
    try:
        j = {}
        for aperture in APERTURES_DEG:
            suffix = aperture.replace(".", "p")
            if row.get(f"log10_j_{suffix}"):
                j[aperture] = JFactor(*(float(row[f"{part}_{suffix}"]) for part in ("log10_j", "plus", "minus")))
        rhalf = float(row.get("rhalf_arcmin") or "nan")
        citation = row.get("citation") or (COMPILED_CITATION if path == COMPILED else path.name)
        return Galaxy(row["name"], row.get("key") or row["name"], float(row["ra_deg"]), float(row["dec_deg"]), rhalf, j, citation)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: row {number} ({row.get('name')}): {error}; every J factor needs log10_j, plus and minus as numbers") from None


def _lvdb() -> list[Galaxy]:
    """The compiled list's galaxies with the database's own J factors within 0.5 degrees (rows with use = 1)."""
    rows = [row for row in _rows(resolve(LVDB_FILES[0])) if row["use"] in ("1", "1.0") and float(row["angle"]) == 0.5]
    by_key = {row["key"]: row for row in rows}
    found = []
    for galaxy in _read(COMPILED, "29dg"):
        if galaxy.key not in by_key:
            raise InputError(f"{LVDB_FILES[0]}: no row with use = 1 at 0.5 degrees for {galaxy.key}")
        row = by_key[galaxy.key]
        j = {"0.5": JFactor(float(row["logj"]), float(row["logj_ep"]), float(row["logj_em"]))}
        found.append(Galaxy(galaxy.name, galaxy.key, galaxy.ra_deg, galaxy.dec_deg, galaxy.rhalf_arcmin, j, row["ref_cite"]))
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def _check(found: Sequence[Galaxy], catalogue: str) -> None:
    names = [galaxy.name for galaxy in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{catalogue}: {twice[0]} is listed {names.count(twice[0])} times; names must differ")
    for galaxy in found:
        if not (0.0 <= galaxy.ra_deg <= 360.0 and -90.0 <= galaxy.dec_deg <= 90.0):
            raise InputError(f"{catalogue}: {galaxy.name}: ra {galaxy.ra_deg:g}, dec {galaxy.dec_deg:g} deg; expected 0 to 360 and -90 to 90")
        if not galaxy.j:
            raise InputError(f"{catalogue}: {galaxy.name} has no J factor in any aperture ({', '.join(APERTURES_DEG)} degrees)")
    for one, other in combinations(found, 2):
        if (apart := _apart_deg((one.ra_deg, one.dec_deg), (other.ra_deg, other.dec_deg))) < CLOSE_DEG:
            warnings.warn(f"{catalogue}: {one.name} and {other.name} are {apart:.3f} degrees apart; is one of them twice?", UserWarning, stacklevel=3)


def _warn_of_moved(found: Sequence[Galaxy], catalogue: str) -> None:
    """Say which galaxies of a user's list stand elsewhere than in the Local Volume Database, where that is at hand."""
    try:
        reference = lvdb_positions()
    except InputError:
        return
    for name, degrees in positions_apart(found, reference).items():
        one = next(galaxy for galaxy in found if galaxy.name == name)
        ra, dec = reference[one.key]
        warnings.warn(
            f"{catalogue}: {name} at ra {one.ra_deg:g}, dec {one.dec_deg:g} deg is {degrees:.2f} degrees from its place in the Local Volume "
            f"Database, ra {ra:g}, dec {dec:g}; which is right?",
            UserWarning,
            stacklevel=3,
        )


def _apart_deg(one: tuple[float, float], other: tuple[float, float]) -> float:
    (ra_1, dec_1), (ra_2, dec_2) = (tuple(map(math.radians, pair)) for pair in (one, other))
    half = math.sin((dec_2 - dec_1) / 2) ** 2 + math.cos(dec_1) * math.cos(dec_2) * math.sin((ra_2 - ra_1) / 2) ** 2
    return math.degrees(2.0 * math.asin(min(1.0, math.sqrt(half))))
