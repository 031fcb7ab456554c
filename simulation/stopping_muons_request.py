"""What a configuration asks of the generator of muons: which set, how many, which detector, which flux."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from configs.errors import InputError, nearest
from configs.schema import Config, MuonDataset
from simulation.stopping_muons import KNOBS
from simulation.stopping_muons_files import ABOUT, MuonSample, as_options, write_sample

SIZES = {0: 400_000, 2: 2_000_000}  # generated muons by level, where the configuration gives none
SYSTEMATIC_SIZE = 1_000_000
LIVETIME_S = 3.0
FLUX = {"norm": (0.0, 10.0), "delta_gamma": (-1.0, 1.0)}
KNOB_RANGE = (0.5, 2.0)


@dataclass(frozen=True)
class Request:
    """Everything that the files of one data set depend on."""

    about: ClassVar[str] = ABOUT["comment"]

    sample: MuonSample

    @property
    def options(self) -> dict[str, Any]:
        """As JSON values."""
        return as_options(self.sample)

    def write(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Write the files of events, and the truth of data beside them."""
        return write_sample(folder, self.sample)


def request(config: Config, name: str) -> Request:
    """What ``datasets.<name>`` (``inputs``) asks for.

    Simulation: ``example.size`` muons on the generation cylinder (2e6; level 0: 4e5; with ``systematic`` or ``snowstorm``: 1e6); ``systematic`` sets
    dom_eff, ice_abs or escale, ``snowstorm`` lets them vary in 1 +- 0.1, ``example.truth`` may set them too. Data: what a livetime brings (3 s), at
    the flux that ``example.truth`` gives (norm, delta_gamma) and its knobs. Raises ``InputError`` for anything else.
    """
    dataset = config.datasets[name]
    where = f"{config.source}: inputs.{name}"
    if not isinstance(dataset, MuonDataset) or dataset.example is None:
        raise InputError(f"{where}: nothing to generate; give example: {{size: 200000}} or path: FILES")
    if dataset.format != "hdfwriter":
        raise InputError(f"{where}: muons are generated as HDF5 tables; leave hdf5 and format out")
    knobs, flux = _truth(dataset, f"{where}.example.truth")
    if dataset.systematic is not None:
        knobs[_knob(dataset.systematic.name, f"{where}.systematic")] = _in_range(dataset.systematic.value, KNOB_RANGE, f"{where}.systematic.value")
    snowstorm = tuple(_knob(parameter, f"{where}.snowstorm") for parameter in dataset.snowstorm)
    seed = config.seed if dataset.example.seed is None else dataset.example.seed
    size, livetime_s = _amount(dataset, where)
    return Request(MuonSample(name, dataset.kind, dataset.level, seed, size, livetime_s, knobs, snowstorm, **flux))


def _amount(dataset: MuonDataset, where: str) -> tuple[int, float]:
    """Generated muons of simulation, livetime of data."""
    given = dataset.example is not None and "size" in dataset.example.model_fields_set
    if dataset.kind == "data":
        if given:
            raise InputError(f"{where}.example.size: the number of data events follows from flux and livetime; give livetime: SECONDS")
        seconds = dataset.livetime_s if dataset.livetime_s is not None else dataset.livetime
        return 0, LIVETIME_S if isinstance(seconds, bool) else float(seconds)
    if given and dataset.example is not None:
        return dataset.example.size, 0.0
    return (SYSTEMATIC_SIZE if dataset.systematic or dataset.snowstorm else SIZES[dataset.level]), 0.0


def _truth(dataset: MuonDataset, where: str) -> tuple[dict[str, float], dict[str, float]]:
    given = dataset.example.truth if dataset.example else {}
    known = (*KNOBS, *(FLUX if dataset.kind == "data" else ()))
    for key, value in given.items():
        if key not in known:
            raise InputError(f"{where}: {key!r} is not a parameter of the generated {dataset.kind}{nearest(key, known)}")
        _in_range(value, FLUX.get(key, KNOB_RANGE), f"{where}.{key}")
    return {key: value for key, value in given.items() if key in KNOBS}, {key: value for key, value in given.items() if key in FLUX}


def _knob(name: str, where: str) -> str:
    if name not in KNOBS:
        raise InputError(f"{where}: the generated detector has no parameter {name!r}{nearest(name, KNOBS)}")
    return name


def _in_range(value: float, allowed: tuple[float, float], where: str) -> float:
    low, high = allowed
    if not (math.isfinite(value) and low <= value <= high):
        raise InputError(f"{where}: {value:g} is not possible; give a number in {low:g} ... {high:g}")
    return value
