"""First values and statistics of every dataset of an HDF5 file that is no single table of events, read in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from readers.files import reading
from readers.hdf5 import children, open_file, plain_attributes
from readers.running_statistics import RunningStatistics
from readers.structure import Statistics

BLOCK_BYTES = 1 << 24


def file_attributes(path: str) -> dict[str, Any]:
    """Attributes of the file itself."""
    with open_file(path) as file, reading(path):
        return plain_attributes(file)


def first_values(path: str, count: int) -> dict[str, Any]:
    """The first ``count`` entries along the first axis of every dataset, by its path; single values as they are, nothing of empty ones."""
    found: dict[str, Any] = {}
    with open_file(path) as file, reading(path):
        for place, dataset in _datasets(file):
            if dataset.shape is not None:
                found[place] = _plain(_readable(dataset)[:count] if dataset.shape else dataset[()])
    return found


def dataset_statistics(path: str) -> dict[str, Statistics]:
    """Minimum, maximum, mean and number of values that are not finite of every dataset of numbers, and of every such field of a table."""
    found: dict[str, Statistics] = {}
    with open_file(path) as file, reading(path):
        for place, dataset in _datasets(file):
            for field in dataset.dtype.names or [""]:
                kind = dataset.dtype[field] if field else dataset.dtype
                if dataset.size and kind.base.kind in "iufb":
                    found[f"{place}.{field}" if field else place] = _of(dataset, field)
    return found


def _datasets(group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    for child in children(group).values():
        if isinstance(child, h5py.Dataset):
            yield child.name, child
        elif isinstance(child, h5py.Group):
            yield from _datasets(child)


def _readable(dataset: h5py.Dataset) -> Any:
    return dataset.asstr(errors="replace") if h5py.check_string_dtype(dataset.dtype) is not None else dataset


def _plain(values: Any) -> Any:
    if isinstance(values, bytes):
        return values.decode("utf-8", "replace")
    if isinstance(values, np.ndarray | np.generic):
        return _plain(values.tolist())
    return [_plain(value) for value in values] if isinstance(values, list | tuple) else values


def _of(dataset: h5py.Dataset, field: str) -> Statistics:
    running = RunningStatistics()
    source = dataset.fields(field) if field else dataset
    if not dataset.shape:
        running.add(np.asarray(source[()]))
        return running.result()
    rows = max(1, BLOCK_BYTES // max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:]))))
    for start in range(0, dataset.shape[0], rows):
        running.add(np.asarray(source[start : start + rows]))
    return running.result()
