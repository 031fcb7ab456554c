"""Histograms on disk: one HDF5 file, one group ``/<data set>/<histogram>`` in the UHI serialisation, each readable alone.

Values, axes (edges, categories, names, labels, flow) and storage come back exactly. The bytes of the file depend on its content and
the library versions only: no time stamps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import hist
import numpy as np
import uhi.io.hdf5

from configs.errors import InputError, nearest
from records.atomic import replacing

# UHI keeps a variance where these accumulators hold a sum of squared differences; the way back rounds, and loses bins of one entry.
DERIVED = (hist.storage.Mean, hist.storage.WeightedMean)
VIEW = "view"  # so the accumulators' own numbers are kept beside it, for us alone

HistsByDataset = Mapping[str, Mapping[str, hist.Hist]]


def save_hists(path: str | Path, hists: HistsByDataset) -> None:
    """Write ``{data set: {name: histogram}}`` atomically, replacing the file. Raises ``InputError`` for a name that cannot be an HDF5 group."""
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        for dataset, by_name in hists.items():
            group = file.create_group(_checked(dataset))
            for name, histogram in by_name.items():
                _write(group.create_group(_checked(name)), histogram)


def load_hists(path: str | Path) -> dict[str, dict[str, hist.Hist]]:
    """Every histogram of the file as ``{data set: {name: histogram}}``. Raises ``InputError`` when the file is missing or not ours."""
    with _opened(path) as file:
        return {dataset: {name: _read(group, path) for name, group in groups.items()} for dataset, groups in file.items()}


class StoredHists(Mapping[str, Mapping[str, hist.Hist]]):
    """Histograms of a file by data set and name like those of ``load_hists``, each read when it is first asked for.

    Raises ``InputError`` when the file is missing or not ours.
    """

    def __init__(self, path: str | Path) -> None:
        self._found = {dataset: _StoredDataset(path, dataset, names) for dataset, names in list_hists(path).items()}

    def __getitem__(self, dataset: str) -> Mapping[str, hist.Hist]:
        return self._found[dataset]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class _StoredDataset(Mapping[str, hist.Hist]):
    def __init__(self, path: str | Path, dataset: str, names: Sequence[str]) -> None:
        self._path, self._dataset = path, dataset
        self._read: dict[str, hist.Hist | None] = dict.fromkeys(names)

    def __getitem__(self, name: str) -> hist.Hist:
        found = self._read[name]
        if found is None:
            found = self._read[name] = load_hist(self._path, self._dataset, name)
        return found

    def __contains__(self, name: object) -> bool:  # by name: Mapping's own way would read it
        return name in self._read

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)


def load_hist(path: str | Path, dataset: str, name: str) -> hist.Hist:
    """One histogram; nothing else of the file is read. Raises ``InputError`` naming the nearest data set or histogram."""
    with _opened(path) as file:
        if dataset not in file:
            raise InputError(f"{path}: no data set {dataset!r}{nearest(dataset, file)}")
        if name not in file[dataset]:
            raise InputError(f"{path}: data set {dataset!r} has no histogram {name!r}{nearest(name, file[dataset])}")
        return _read(file[dataset][name], path)


def list_hists(path: str | Path) -> dict[str, list[str]]:
    """Names of the histograms by data set, without reading them."""
    with _opened(path) as file:
        return {dataset: list(groups) for dataset, groups in file.items()}


def digest(hists: HistsByDataset) -> str:
    """SHA-256 of axes, storage types and values with flow bins; independent of the order of names and of library versions."""
    total = hashlib.sha256()
    for dataset, by_name in sorted(hists.items()):
        for name, histogram in sorted(by_name.items()):
            total.update(json.dumps([dataset, name, _description(histogram)], sort_keys=True).encode())
            total.update(np.ascontiguousarray(np.asarray(histogram.view(flow=True))).view(np.uint8).data)
    return total.hexdigest()


def _description(histogram: hist.Hist) -> dict[str, Any]:
    axes = [{key: value for key, value in axis.items() if key != "writer_info"} for axis in histogram._to_uhi_()["axes"]]
    plain = json.loads(json.dumps(axes, default=lambda value: value.tolist()))
    return {"axes": plain, "storage": type(histogram.storage_type()).__name__}


def _checked(name: str) -> str:
    if not name or "/" in name or name in {".", ".."}:
        raise InputError(f"{name!r} cannot name a data set or histogram: it must be non-empty and without '/'; rename it")
    return name


@contextmanager
def _opened(path: str | Path) -> Iterator[h5py.File]:
    if not Path(path).is_file():
        raise InputError(f"{path}: no such histogram file; run run_processor.py with the same configuration first")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: not a readable HDF5 file ({error}); delete it and run run_processor.py again") from None
    with file:
        yield file


def _write(group: h5py.Group, histogram: hist.Hist) -> None:
    uhi.io.hdf5.write(group, histogram)
    if histogram.storage_type in DERIVED:
        group.create_dataset(VIEW, data=np.asarray(histogram.view(flow=True)))


def _read(group: h5py.Group, path: str | Path) -> hist.Hist:
    try:
        histogram: hist.Hist = hist.Hist(dict(uhi.io.hdf5.read(group)))
        if VIEW in group:
            histogram.view(flow=True)[...] = group[VIEW][...]
        return histogram
    except (KeyError, TypeError, ValueError, OSError, AttributeError) as error:
        raise InputError(
            f"{path}: {group.name} is not a histogram in the UHI format ({error}); delete the file and run run_processor.py again"
        ) from None
