"""Tables of a theory from CSV, NPZ and HDF5 files.

Columns ``energy`` (GeV), ``flux``, optional ``cos_zenith`` and ``error``. Stated beside them: ``flux_unit``, ``energy_power`` (flux is stored times
E to this power) and, if not evident, ``particles: mu+ + mu-``. CSV: in comments ``# flux_unit: ...`` above the line of column names; NPZ: arrays of
these names; HDF5: attributes of the file or of ``flux``. With ``cos_zenith`` either one row for each pair, or ``flux`` of shape (energies, cosines).
Without it the flux counts as the average over the accepted solid angle.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from configs.schema import StoppingMuonsConfig
from data_info.files import find_file
from fits.stopping_muons.targets import TARGETS
from fits.stopping_muons.theory import Theory, default_theory, theory_spectrum
from processors.stopping_muons_setup import truth_edges

Array = NDArray[np.float64]

M2_TO_CM2 = 1e4
FACTORS = {"GeV-1 cm-2 s-1 sr-1": M2_TO_CM2, "GeV-1 m-2 s-1 sr-1": 1.0}  # to GeV^-1 m^-2 s^-1 sr^-1
COLUMNS = ("energy", "flux", "cos_zenith", "error")
STATED = ("flux_unit", "energy_power", "particles")
BOTH_CHARGES = "mu+ + mu-"
NODES_BETWEEN = 8  # of Gauss and Legendre, between two tabulated cosines


@dataclass(frozen=True)
class _Raw:
    """What a file holds: columns as they are, and what it states about them."""

    where: str
    columns: Mapping[str, Array]
    stated: Mapping[str, str]


def configured_theory(config: StoppingMuonsConfig) -> Theory:
    """The table of ``mceq_path``, else the flux of the embedded example. Raises InputError as ``read_theory``."""
    path, cosine = config.unfolding.mceq_path, config.options.cos_zenith_min
    return default_theory(cosine) if path is None else read_theory(find_file(path, config.source), cosine)


def check_theory(config: StoppingMuonsConfig) -> None:
    """Refuse a table that is not usable or ends within the bins that are unfolded, before any event is read. Raises InputError."""
    if config.unfolding.mceq_path is None:
        return
    theory = configured_theory(config)
    for target in TARGETS:
        if target.wanted(config):
            theory_spectrum(theory, target, truth_edges(config, target.name))


def read_theory(path: str | Path, cos_zenith_min: float) -> Theory:
    """The flux of a table, averaged over cosines from ``cos_zenith_min`` to 1.

    Raises InputError naming the file: not readable, a column missing or not numbers, unit or power not stated, one charge only, fluxes that are not
    positive, cosines that do not reach from ``cos_zenith_min`` to 1.
    """
    path = Path(path)
    readers = {".csv": _csv, ".npz": _npz, ".h5": _hdf5, ".hdf5": _hdf5}
    if path.suffix.lower() not in readers:
        raise InputError(f"theory table {path}: ending {path.suffix!r} is not known; give {', '.join(readers)}")
    if not path.is_file():
        raise InputError(f"theory table {path} does not exist (key mceq_path)")
    raw = readers[path.suffix.lower()](path)
    factor, power, notes = _statements(raw)
    energy, cosine, flux, error = _grid(raw)
    scale = factor * energy[:, None] ** -power
    flux, error = _over_solid_angle(raw.where, cosine, flux * scale, None if error is None else error * scale, cos_zenith_min)
    return Theory(path.stem, energy, flux, error, notes)


def _csv(path: Path) -> _Raw:
    where = f"theory table {path}"
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{where}: cannot be read ({error})") from None
    comments = [line for line in lines if line.startswith("#")]
    rows = [[cell.strip() for cell in row] for row in csv.reader(line for line in lines if line and line not in comments)]
    if not rows:
        raise InputError(f"{where}: empty; give a line of column names ({', '.join(COLUMNS)}) and numbers")
    names, body = rows[0], rows[1:]
    try:
        numbers = np.array([[float(cell) for cell in row] for row in body]).reshape(len(body), len(names))
    except ValueError:
        raise InputError(f"{where}: every row needs {len(names)} numbers ({', '.join(names)})") from None
    return _Raw(where, dict(zip(names, numbers.T, strict=True)), _comments(comments))


def _comments(lines: list[str]) -> dict[str, str]:
    """What lines of the form ``# name: value`` say."""
    parts = [line.lstrip("# ").partition(":") for line in lines]
    return {name.strip(): value.strip() for name, colon, value in parts if colon}


def _npz(path: Path) -> _Raw:
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {key: file[key] for key in file.files}
    except (OSError, EOFError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:  # a lone array has no names
        raise InputError(f"theory table {path}: not an NPZ file without pickled objects ({error})") from None
    return _Raw(f"theory table {path}", _numbers(path, {k: v for k, v in found.items() if k not in STATED}), _texts(found))


def _hdf5(path: Path) -> _Raw:
    try:
        with h5py.File(path, "r") as file:
            found = {key: item[()] for key, item in file.items() if isinstance(item, h5py.Dataset)}
            stated = {**file.attrs, **(file["flux"].attrs if "flux" in found else {})}
    except OSError as error:
        raise InputError(f"theory table {path}: not an HDF5 file ({error})") from None
    return _Raw(f"theory table {path}", _numbers(path, {k: v for k, v in found.items() if k not in STATED}), _texts({**found, **stated}))


def _numbers(path: Path, found: Mapping[str, Any]) -> dict[str, Array]:
    try:
        return {key: np.asarray(value, float) for key, value in found.items() if key in COLUMNS}
    except (TypeError, ValueError):
        raise InputError(f"theory table {path}: columns {', '.join(COLUMNS)} must be numbers") from None


def _texts(found: Mapping[str, Any]) -> dict[str, str]:
    texts = {}
    for key in STATED:
        if key in found:
            value = np.asarray(found[key]).reshape(-1)[0]
            texts[key] = value.decode() if isinstance(value, bytes) else str(value)
    return texts


def _statements(raw: _Raw) -> tuple[float, float, tuple[str, ...]]:
    """Factor to our unit, power of the energy in the stored flux, notes."""
    for key, example in (("flux_unit", "GeV-1 cm-2 s-1 sr-1"), ("energy_power", "0 (flux stored times E to this power)")):
        if key not in raw.stated:
            raise InputError(f"{raw.where}: column flux: {key} is not stated; add {key}: {example}")
    unit = re.sub(r"\*\*|\^|[{}*]", " ", raw.stated["flux_unit"])
    parts = sorted(re.sub(r"\s+(?=[+-]?\d)", "", unit).split())
    factors = {tuple(sorted(name.split())): factor for name, factor in FACTORS.items()}
    if tuple(parts) not in factors:
        raise InputError(f"{raw.where}: flux_unit {raw.stated['flux_unit']!r} is not known; give {' or '.join(FACTORS)}")
    try:
        power = float(raw.stated["energy_power"])
    except ValueError:
        raise InputError(f"{raw.where}: energy_power {raw.stated['energy_power']!r} is not a number") from None
    particles = raw.stated.get("particles")
    if particles is None:
        return factors[tuple(parts)], power, (f"{raw.where} does not state particles: {BOTH_CHARGES}; taken as their sum",)
    if sorted(re.findall(r"mu[+-]", particles)) != ["mu+", "mu-"]:
        raise InputError(f"{raw.where}: particles {particles!r}: the flux must be that of {BOTH_CHARGES} summed")
    return factors[tuple(parts)], power, ()


def _grid(raw: _Raw) -> tuple[Array, Array | None, Array, Array | None]:
    """Energies (n,), cosines (k,) or None, flux and error (n, k)."""
    for key in ("energy", "flux"):
        if key not in raw.columns:
            raise InputError(f"{raw.where}: no column {key!r}{nearest(key, raw.columns)}")
    energy, flux = raw.columns["energy"], raw.columns["flux"]
    cosine, error = raw.columns.get("cos_zenith"), raw.columns.get("error")
    if cosine is None:
        order = np.argsort(energy)
        energy, flux, error = energy[order], flux[order][:, None], None if error is None else error[order][:, None]
    elif flux.ndim == 1:
        energy, cosine, flux, error = _from_rows(raw, energy, cosine, flux, error)
    else:
        rows, columns = np.argsort(energy), np.argsort(cosine)
        energy, cosine, flux = energy[rows], cosine[columns], flux[np.ix_(rows, columns)]
        error = None if error is None else error[np.ix_(rows, columns)]
    _check(raw, energy, cosine, flux, error)
    return energy, cosine, flux, error


def _from_rows(raw: _Raw, energy: Array, cosine: Array, flux: Array, error: Array | None) -> tuple[Array, Array, Array, Array | None]:
    """One row for each pair of energy and cosine."""
    energies, row = np.unique(energy, return_inverse=True)
    cosines, column = np.unique(cosine, return_inverse=True)
    if flux.size != energies.size * cosines.size or np.unique(row * cosines.size + column).size != flux.size:
        raise InputError(f"{raw.where}: {flux.size} rows for {energies.size} energies and {cosines.size} values of cos_zenith; give every pair once")
    found = [np.empty((energies.size, cosines.size)) for _ in range(2)]
    for grid, values in zip(found, (flux, error), strict=True):
        if values is not None:
            grid[row, column] = values
    return energies, cosines, found[0], None if error is None else found[1]


def _check(raw: _Raw, energy: Array, cosine: Array | None, flux: Array, error: Array | None) -> None:
    shape = (energy.size, 1 if cosine is None else cosine.size)
    if flux.shape != shape or (error is not None and error.shape != shape):
        raise InputError(f"{raw.where}: column flux (and error) must have the shape {shape} of energy and cos_zenith, found {flux.shape}")
    if energy.size < 2 or not (np.all(energy > 0) and np.all(np.diff(energy) > 0)):
        raise InputError(f"{raw.where}: column energy needs at least two different positive values (GeV), found {energy.size}")
    good = np.isfinite(flux) & (flux > 0)
    if not good.all():
        bad = int(np.argmin(good.all(axis=1)))
        raise InputError(f"{raw.where}: column flux must be positive and finite; at {energy[bad]:g} GeV it is {flux[bad].min()}")
    if error is not None and not np.all(np.isfinite(error) & (error >= 0)):
        raise InputError(f"{raw.where}: column error must be finite and not negative")


def _over_solid_angle(where: str, cosine: Array | None, flux: Array, error: Array | None, cos_zenith_min: float) -> tuple[Array, Array | None]:
    """Average over cosines from ``cos_zenith_min`` to 1; ln flux is linear between tabulated ones."""
    if cosine is None:
        return flux[:, 0], None if error is None else error[:, 0]
    if not (cosine[0] <= cos_zenith_min + 1e-9 and cosine[-1] >= 1 - 1e-9):
        raise InputError(
            f"{where}: column cos_zenith covers {cosine[0]:g} ... {cosine[-1]:g}, needed are {cos_zenith_min:g} ... 1 (cos_zenith_min); "
            "nothing is extrapolated"
        )
    ends = np.concatenate([[cos_zenith_min], cosine[(cosine > cos_zenith_min) & (cosine < 1)], [1.0]])
    node, weight = leggauss(NODES_BETWEEN)
    width = np.diff(ends)[:, None]
    point = (ends[:-1, None] + width * (node + 1) / 2).ravel()
    share = (width * weight / 2).ravel() / (1 - cos_zenith_min)
    between = np.exp([np.interp(point, cosine, row) for row in np.log(flux)])
    if error is None:
        return between @ share, None
    relative = np.array([np.interp(point, cosine, row) for row in error / flux])
    return between @ share, (between * relative) @ share
