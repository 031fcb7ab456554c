"""Fits of fiTQun, the likelihood reconstruction of water-Cherenkov experiments, from its ROOT files (tree ``fiTQun``).

Unverified, no file was available: names and indices are those of public analysis code (WatChMaL, esbroot). ``fq1rnll[subevent][hypothesis]`` is
-ln L of one ring, hypothesis 1 electron, 2 muon; ``fqpi0nll[0]`` and ``fqpi0mass[0]`` are -ln L and mass (MeV) of two photons. The first subevent is
read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from readers.registry import open_source
from readers.source import SourceError

TREE = "fiTQun"
RINGS = {"e-": 1, "mu-": 2}  # hypotheses of one ring
HYPOTHESES = 7
COLUMNS = ("fq1rnll", "fqpi0nll", "fqpi0mass")
OWN_NAME = re.compile(r"[._-]?fitqun[._-]?", re.IGNORECASE)  # what the name of its output adds to that of the simulation


@dataclass(frozen=True, eq=False)
class FitqunFits:
    """One row for each entry: the simulation's file (name without folder and ending), entry, -ln L by particle, mass of the pi0 fit in MeV.

    NaN where nothing was fitted (events without subevent).
    """

    paths: tuple[Path, ...]
    source: NDArray[np.str_]
    entry: NDArray[np.int64]
    nll: dict[str, NDArray[np.float64]]  # e-, mu-, pi0
    pi0_mass_mev: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.entry)


def read_fitqun(place: str | Path) -> FitqunFits:
    """Read one file, or all ``.root`` files of a directory. An entry is the event of the same number in the simulation's file.

    The name of that file is the one of fiTQun's without the word fiTQun: ``e-_0001_fiTQun.root`` belongs to ``e-_0001.root``. Raises
    ``SourceError`` for a directory without such files, missing branches, and branches of other shapes.
    """
    paths = tuple(sorted(Path(place).glob("*.root"))) if Path(place).is_dir() else (Path(place),)
    if not paths:
        raise SourceError(f"{place}: no .root file in this directory; give fiTQun's output")
    parts = [_read(path) for path in paths]
    return FitqunFits(
        paths,
        np.concatenate([np.full(len(part["entry"]), simulated_name(path)) for path, part in zip(paths, parts, strict=True)]),
        np.concatenate([part["entry"] for part in parts]),
        {name: np.concatenate([part[name] for part in parts]) for name in (*RINGS, "pi0")},
        np.concatenate([part["mass"] for part in parts]),
    )


def simulated_name(path: str | Path) -> str:
    """Name of the simulation's file without folder and ending, from that of fiTQun's file or its own.

    >>> simulated_name("out/e-_0001_fiTQun.root"), simulated_name("/sim/e-_0001.root")
    ('e-_0001', 'e-_0001')
    """
    return OWN_NAME.sub("", Path(path).name.removesuffix(".root"))


def _read(path: Path) -> dict[str, NDArray[Any]]:
    with open_source(path, "root", tree=TREE) as source:
        if missing := [name for name in COLUMNS if name not in source.columns]:
            raise SourceError(f"{path}: no branch {', '.join(missing)} in {TREE}; expected are {', '.join(COLUMNS)}")
        events = source.events(0, len(source))
        rings, nll, mass = (_first(events[name], path, name) for name in COLUMNS)
        if rings.shape[1:] != (HYPOTHESES,):
            raise SourceError(f"{path}: fq1rnll has {rings.shape[1:]} values for a subevent, not {HYPOTHESES} hypotheses")
        found = {name: rings[:, hypothesis] for name, hypothesis in RINGS.items()}
        return {"entry": np.arange(len(rings), dtype=np.int64), **found, "pi0": nll, "mass": mass}


def _first(values: ak.Array, path: Path, name: str) -> NDArray[np.float64]:
    """The first of each entry's values, NaN where there is none."""
    if values.ndim < 2:
        raise SourceError(f"{path}: {name} has one value an entry; fiTQun writes one for each subevent or fit")
    first = ak.firsts(values)
    if first.ndim == 1:
        return np.asarray(ak.to_numpy(ak.fill_none(first, np.nan)), dtype=np.float64)
    width = int(ak.max(ak.num(first), initial=0) or 0) or HYPOTHESES
    padded = ak.fill_none(ak.pad_none(ak.fill_none(first, [], axis=0), width, clip=True), np.nan)
    return np.asarray(ak.to_numpy(padded), dtype=np.float64).reshape(len(values), width)
