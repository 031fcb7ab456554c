"""Datasets of an HDF5 file as memory maps where their bytes lie in one piece, else by hyperslabs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from readers.columns import native
from readers.files import is_url
from readers.hdf5 import check_filled
from readers.source import SourceError


def mapped(path: str, dataset: h5py.Dataset) -> np.memmap | None:
    """The values as a read-only memory map; None where they do not lie in one piece of this local file.

    Needs contiguous layout without filters, allocated, not empty, neither virtual nor external, and values that begin at a multiple of their size
    (HDF5 does not see to that unless asked; compiled code needs it). HDF5 gives the position including a user block, and none for every other
    layout. The byte order is that of the file.
    """
    if is_url(path) or not dataset.size or dataset.chunks is not None or dataset.is_virtual or dataset.external:
        return None
    position = dataset.id.get_offset()
    if position is None or position % dataset.dtype.itemsize:
        return None
    if position + dataset.dtype.itemsize * dataset.size > Path(path).stat().st_size:
        raise SourceError(
            f"{path}: cannot open {path}: not an HDF5 file or truncated ({dataset.name} ends behind the end of the file); copy it again"
        )
    return np.memmap(path, dtype=dataset.dtype, mode="r", offset=position, shape=dataset.shape)


def range_reader(path: str, dataset: h5py.Dataset) -> Callable[[int, int], np.ndarray]:
    """``read(first, last)``: these entries in native byte order; a view of the memory map where there is one and its byte order is native."""
    values: Any = mapped(path, dataset)
    if values is None:
        values = dataset
        check_filled(path, dataset)

    def read(first: int, last: int) -> np.ndarray:
        part = np.asarray(values[first:last])
        return part.astype(native(part.dtype), copy=False)

    return read


def layout(dataset: h5py.Dataset) -> str:
    """How the values lie in the file: contiguous, compact, virtual, external, or chunked with its filters."""
    if dataset.is_virtual:
        return "virtual"
    if dataset.external:
        return "external"
    if dataset.chunks is None:
        return "compact" if dataset.id.get_create_plist().get_layout() == h5py.h5d.COMPACT else "contiguous"
    filters = [str(dataset.compression)] if dataset.compression else []
    filters += [name for name in ("shuffle", "fletcher32", "scaleoffset") if getattr(dataset, name)]
    return f"chunks of {' x '.join(map(str, dataset.chunks))}" + (f", {', '.join(filters)}" if filters else "")
