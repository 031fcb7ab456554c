"""Groups of named arrays in one HDF5 file (``pdfs.h5``): what figures show of densities, spectra and windows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest
from records.atomic import replacing


def save_arrays(path: str | Path, groups: Mapping[str, Mapping[str, ArrayLike]]) -> None:
    """Write ``{group: {name: array}}`` atomically, packed."""
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for group, arrays in groups.items():
            place = file.create_group(group)
            for name, values in arrays.items():
                array = np.asarray(values)
                packed = {"compression": "gzip", "shuffle": True} if array.size > 1000 else {}
                place.create_dataset(name, data=array.astype("S") if array.dtype.kind == "U" else array, **packed)


def load_arrays(path: str | Path, group: str) -> dict[str, NDArray[np.generic]]:
    """The arrays of one group. Raises ``InputError`` when file or group is missing."""
    try:
        with h5py.File(path, "r") as file:
            if group not in file:
                raise InputError(f"{path}: no group {group!r}{nearest(group, file)}")
            return {name: _read(item) for name, item in file[group].items()}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run run_fit.py with the same configuration first") from None
    except OSError as error:
        raise InputError(f"{path}: not a readable HDF5 file ({error}); delete it and run run_fit.py again") from None


def _read(item: h5py.Dataset) -> NDArray[np.generic]:
    values = np.asarray(item[...])
    return values.astype("U") if values.dtype.kind == "S" else values
