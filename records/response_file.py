"""The response as one HDF5 file that explains itself: bins, nodes, moments, and in words how an expectation is made of them.

    attributes   title, version, source, livetime_s, reference flux, how_to_fold, what made the file
    bins/        one entry per analysis bin: channel, energy_low_gev, energy_high_gev, third_axis, third_low, third_high, official_index, observed
    nodes/       one entry per true-energy node: energy_gev (centre), low_gev, high_gev, x = ln(E / 100 TeV), width (in ln E)
    moments/     <component>: (class, moment, bin, node), expected events at the reference flux in the livetime
    pairs/       <component>,<component>: the same for sums of products of two weights; absent where the response knows no variance
    effective_area/  area_m2 (class, interaction, topology, node) with edges_gev; absent where it is not known

Every dataset has the attributes ``unit`` and ``meaning``, and those with axes their names (``axes``). The bytes depend on content and library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from records.atomic import replacing

FORMAT, VERSION = "Dynode response", 1
ENDINGS = (".h5", ".hdf5")
FEW = 1000  # numbers that are not worth packing


@dataclass(frozen=True)
class Dataset:
    """An array with its meaning; ``axes``: names of its axes, comma-separated."""

    values: NDArray[Any]
    meaning: str
    unit: str = ""
    axes: str = ""


@dataclass(frozen=True)
class ResponseFile:
    """``datasets``: path in the file -> array; ``attributes``: of the file; ``labels``: axis -> names of its entries, as ``<axis>_names``."""

    datasets: Mapping[str, Dataset]
    attributes: Mapping[str, Any]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def check_ending(path: Path) -> None:
    """Refuse files that no reader would recognise. Raises InputError."""
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: the response is written as HDF5; give a file that ends in {' or '.join(ENDINGS)}")


def save_response(path: Path, content: ResponseFile) -> None:
    """Write the file atomically."""
    check_ending(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update({"format": FORMAT, "version": VERSION, **content.attributes})
        for axis, names in content.labels.items():
            file.attrs[f"{axis}_names"] = list(names)
        for name, one in content.datasets.items():
            text = one.values.dtype.kind == "U"
            packed = {"compression": "gzip", "shuffle": True} if one.values.size > FEW and not text else {}
            values = one.values.astype(object) if text else np.asarray(one.values)
            dataset = file.create_dataset(name, data=values, dtype=h5py.string_dtype() if text else None, **packed)
            dataset.attrs.update({"meaning": one.meaning, "unit": one.unit, **({"axes": one.axes} if one.axes else {})})
