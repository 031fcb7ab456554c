"""Tables of neutrino spectra of dark-matter annihilation: the embedded one, PPPC4DMID's files, or one of the user's.

A spectrum is dN/dlog10 x, x = E/m, of one type (neutrinos or antineutrinos alone) of a flavour for one annihilation. In every interval of log10 x
it is linear; histograms are constant there.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError

Array = NDArray[np.float64]

FLAVOURS = ("e", "mu", "tau")
EMBEDDED = Path(__file__).with_name("annihilation_spectra.csv")
EMBEDDED_RANGE = (-6.0, 0.0)
EMBEDDED_ABOUT = "example spectra of PYTHIA 8.317, good to 10 % (docs/dark_matter.md)"
PPPC_MASSES, PPPC_POINTS, PPPC_FIRST, PPPC_STEP = 62, 179, -8.90, 0.05
PPPC_ABOUT = "PPPC4DMID with electroweak corrections (Cirelli et al., arXiv:1012.4515; Ciafaloni et al., arXiv:1009.0224)"
PPPC_FILES = tuple(f"AtProduction_neutrinos_{flavour}.dat" for flavour in FLAVOURS)
PPPC_COLUMNS = (
    "mDM", "Log[10,x]", "eL", "eR", "e", "\\[Mu]L", "\\[Mu]R", "\\[Mu]", "\\[Tau]L", "\\[Tau]R", "\\[Tau]", "q", "c", "b", "t", "WL", "WT", "W", "ZL",
    "ZT", "Z", "g", "\\[Gamma]", "h", "\\[Nu]e", "\\[Nu]\\[Mu]", "\\[Nu]\\[Tau]", "V->e", "V->\\[Mu]", "V->\\[Tau]",
)  # fmt: skip
GREEK = {"\\[Mu]": "Mu", "\\[Tau]": "Tau", "\\[Nu]": "Nu", "\\[Gamma]": "gamma"}
MOST_ENERGY = 2.02  # of an annihilation's 2 m, over flavours and types: rounding allowed


@dataclass(frozen=True, eq=False)
class ChannelTable:
    """Spectra of one channel: ``left`` and ``right`` (masses, 3 flavours, intervals) are dN/dlog10 x at the ends of the intervals."""

    masses_gev: Array
    log10_x: Array  # (intervals + 1,)
    left: Array
    right: Array


@dataclass(frozen=True, eq=False)
class SpectrumTable:
    """Channels of one origin."""

    about: str
    channels: Mapping[str, ChannelTable]


def embedded(path: Path = EMBEDDED) -> SpectrumTable:
    """The table of ``simulation.annihilation_spectra``: counted neutrinos of both types in 120 bins of log10 x. Raises ``InputError``."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if not row[0].startswith("#")][1:]
    bins = len(rows[0]) - 4
    edges = np.linspace(*EMBEDDED_RANGE, bins + 1)
    channels = {}
    for channel in dict.fromkeys(row[0] for row in rows):
        masses = list(dict.fromkeys(float(row[1]) for row in rows if row[0] == channel))
        density = np.zeros((len(masses), len(FLAVOURS), bins))
        for row in rows:
            if row[0] == channel:
                counts = np.array(row[4:], dtype=np.float64)
                density[masses.index(float(row[1])), FLAVOURS.index(row[2])] = counts / (2.0 * float(row[3])) / np.diff(edges)
        channels[channel] = ChannelTable(np.array(masses), edges, density, density)
    return SpectrumTable(EMBEDDED_ABOUT, channels)


def pppc(folder: Path) -> SpectrumTable:
    """PPPC4DMID's three files of neutrinos at production, below ``folder``; columns are found by their names in the header.

    Names of channels: the tables' own with greek letters spelled (Mu, Tau, Nue, NuMu, NuTau), and Nu, the mean of the three neutrino channels.
    Raises ``InputError`` naming file and place of what is not as published.
    """
    flavours = [_pppc_file(folder / name) for name in PPPC_FILES]
    masses, grid = flavours[0][0], flavours[0][1]
    for name, (other_masses, other_grid, _) in zip(PPPC_FILES, flavours, strict=True):
        if not (np.array_equal(masses, other_masses) and np.array_equal(grid, other_grid)):
            raise InputError(f"{folder / name}: masses or x differ from those of {PPPC_FILES[0]}; download the three files of one release")
    channels = {}
    for column in PPPC_COLUMNS[2:]:
        density = np.stack([columns[column] for _, _, columns in flavours], axis=1)
        channels[_spelled(column)] = _trapezoids(masses, grid, density)
    lines = [channels[name] for name in ("Nue", "NuMu", "NuTau")]
    mean_left, mean_right = (np.mean([getattr(line, side) for line in lines], axis=0) for side in ("left", "right"))
    channels["Nu"] = ChannelTable(masses, grid, mean_left, mean_right)
    return SpectrumTable(PPPC_ABOUT, channels)


def table(path: Path) -> SpectrumTable:
    """A CSV file of the user's: columns channel, mass_gev, log10_x, e, mu, tau (dN/dlog10 x of one type); the same x for every mass of a channel.

    Raises ``InputError`` for missing columns, irregular grids, negative values, and more energy than 2 m.
    """
    wanted = ("channel", "mass_gev", "log10_x", *FLAVOURS)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not rows or any(name not in rows[0] for name in wanted):
        raise InputError(f"{path}: needs the columns {', '.join(wanted)}; found {', '.join(rows[0]) if rows else 'no rows'}")
    channels = {}
    for channel in dict.fromkeys(row["channel"] for row in rows):
        channels[channel] = _own_channel(path, channel, [row for row in rows if row["channel"] == channel])
    return SpectrumTable(str(path), channels)


def _own_channel(path: Path, channel: str, rows: Sequence[Mapping[str, str]]) -> ChannelTable:
    try:
        values = np.array([[float(row[name]) for name in ("mass_gev", "log10_x", *FLAVOURS)] for row in rows])
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: channel {channel}: {error}; every cell must be a number") from None
    masses, counts = np.unique(values[:, 0], return_counts=True)
    values = values[np.lexsort((values[:, 1], values[:, 0]))].reshape(-1, 5)
    if len(set(counts)) > 1 or not np.allclose(values[:, 1].reshape(len(masses), -1), values[: counts[0], 1]):
        raise InputError(f"{path}: channel {channel}: the masses do not have the same values of log10_x")
    grid = values[: counts[0], 1]
    if (values[:, 2:] < 0.0).any() or not np.isfinite(values).all() or (np.diff(grid) <= 0.0).any() or grid[-1] > 0.0 or len(grid) < 2:
        raise InputError(f"{path}: channel {channel}: spectra must be finite and not negative, log10_x rising and at most 0")
    found = _trapezoids(masses, grid, values[:, 2:].reshape(len(masses), -1, 3).transpose(0, 2, 1))
    energy = 2.0 * mean_x(found.log10_x, found.left, found.right).sum(axis=1)
    if (energy > MOST_ENERGY).any():
        worst = int(energy.argmax())
        raise InputError(
            f"{path}: channel {channel}, {masses[worst]:g} GeV: neutrinos carry {energy[worst]:.3g} m, more energy than 2m; is it per type?"
        )
    return found


def mean_x(log10_x: Array, left: Array, right: Array) -> Array:
    """Sum of x (...) over the neutrinos of spectra linear from ``left`` to ``right`` (..., intervals): their energy in units of the mass.

    Simpson's rule in every interval of ``log10_x`` (intervals + 1,).
    """
    x = 10.0**log10_x
    middle = 0.5 * (left + right) * np.sqrt(x[:-1] * x[1:])
    total: Array = ((left * x[:-1] + 4.0 * middle + right * x[1:]) * np.diff(log10_x) / 6.0).sum(axis=-1)
    return total


def _trapezoids(masses: Array, grid: Array, density: Array) -> ChannelTable:
    """Values at points joined by straight lines."""
    return ChannelTable(masses, grid, density[..., :-1], density[..., 1:])


def _pppc_file(path: Path) -> tuple[Array, Array, dict[str, Array]]:
    """Masses (62,), log10 x (179,) and columns (62, 179) of one file."""
    try:
        with path.open(encoding="utf-8") as file:
            header = file.readline().split()
            values = np.loadtxt(file, dtype=np.float64, ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a table of PPPC4DMID ({error})") from None
    if tuple(header) != PPPC_COLUMNS:
        wrong = next((pair for pair in zip(header, PPPC_COLUMNS, strict=False) if pair[0] != pair[1]), (len(header), len(PPPC_COLUMNS)))
        raise InputError(f"{path}: the header is not that of PPPC4DMID's neutrinos at production: found {wrong[0]!r}, expected {wrong[1]!r}")
    if values.shape != (PPPC_MASSES * PPPC_POINTS, len(PPPC_COLUMNS)):
        raise InputError(f"{path}: {len(values)} rows, expected {PPPC_MASSES} masses x {PPPC_POINTS} values of x; download it again")
    columns = values.reshape(PPPC_MASSES, PPPC_POINTS, -1)
    grid: Array = PPPC_FIRST + PPPC_STEP * np.arange(PPPC_POINTS, dtype=np.float64)
    if not np.allclose(columns[:, :, 1], grid, atol=1e-6) or not (columns[:, :, 0] == columns[:, :1, 0]).all():
        raise InputError(f"{path}: masses and x do not form the published grid; is the file sorted as it was published?")
    return columns[:, 0, 0], grid, {name: columns[:, :, number] for number, name in enumerate(PPPC_COLUMNS)}


def _spelled(column: str) -> str:
    for greek, name in GREEK.items():
        column = column.replace(greek, name)
    return column
