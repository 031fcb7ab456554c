"""The same 40 events in every format."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

ENTRIES = 40
FLAT: dict[str, list[Any]] = {
    "energy": [1e4 * 1.1**i if i != 5 else float("nan") for i in range(ENTRIES)],
    "topology": [i % 3 for i in range(ENTRIES)],
}
HITS = [[0.5 * k + i for k in range(i % 4)] for i in range(ENTRIES)]


@dataclass(frozen=True)
class Sample:
    """A file and what is in it."""

    path: Path
    format: str
    columns: dict[str, list[Any]]


def offsets_of(lists: list[list[float]]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(values) for values in lists])]).astype(np.int64)


def flat_of(lists: list[list[float]]) -> np.ndarray:
    return np.array([value for values in lists for value in values], dtype=np.float64)


def write_ttree(path: Path) -> None:
    with uproot.recreate(path) as file:
        tree = file.mktree("tree", {"energy": "float64", "topology": "int64", "hits": "var * float64"})
        for start in range(0, ENTRIES, 15):
            part = slice(start, start + 15)
            tree.extend({"energy": np.array(FLAT["energy"][part]), "topology": np.array(FLAT["topology"][part]), "hits": ak.Array(HITS[part])})


def write_rntuple(path: Path) -> None:
    with uproot.recreate(path) as file:
        file.mkrntuple("ntuple", {"energy": np.array(FLAT["energy"]), "topology": np.array(FLAT["topology"]), "hits": ak.Array(HITS)})


def write_parquet(path: Path) -> None:
    energy = pa.field("energy", pa.float64(), metadata={"unit": "GeV", "description": "deposited energy"})
    schema = pa.schema([energy, ("topology", pa.int64()), ("hits", pa.list_(pa.float64()))], metadata={"season": "2012"})
    arrays = [pa.array(FLAT["energy"]), pa.array(FLAT["topology"]), pa.array(HITS)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path, row_group_size=15, write_page_checksum=True)


def write_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["season"] = 2012
        file.create_dataset("energy", data=np.array(FLAT["energy"]), chunks=(8,), fletcher32=True)
        file["energy"].attrs.update({"unit": "GeV", "description": "deposited energy"})
        file["topology"] = np.array(FLAT["topology"])
        file["hits"] = flat_of(HITS)
        file["hits_offsets"] = offsets_of(HITS)


def write_npy(path: Path) -> None:
    rows = np.zeros(ENTRIES, dtype=[("energy", "f8"), ("topology", "i8")])
    rows["energy"], rows["topology"] = FLAT["energy"], FLAT["topology"]
    np.save(path, rows)


def write_npz(path: Path) -> None:
    np.savez(path, energy=FLAT["energy"], topology=FLAT["topology"], hits=flat_of(HITS), hits_offsets=offsets_of(HITS))


def write_hese_json(path: Path) -> None:
    path.write_text(json.dumps(FLAT), encoding="ascii")


def write_toy_json(path: Path) -> None:
    rows = [[topology, energy] for energy, topology in zip(*FLAT.values(), strict=True)]
    path.write_text(json.dumps({"mapping": {"energy": 1, "topology": 0}, "events": rows}), encoding="ascii")


WRITERS = {
    "ttree": ("root", "a.root", write_ttree),
    "rntuple": ("root", "b.root", write_rntuple),
    "parquet": ("parquet", "a.parquet", write_parquet),
    "hdf5": ("hdf5", "a.h5", write_hdf5),
    "npy": ("npy", "a.npy", write_npy),
    "npz": ("npz", "a.npz", write_npz),
    "hese_json": ("hese_json", "a.json", write_hese_json),
    "toy_json": ("toy_json", "b.json", write_toy_json),
}
JAGGED = {"ttree", "rntuple", "parquet", "hdf5", "npz"}


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    folder = tmp_path_factory.mktemp("samples")
    result = {}
    for name, (format_name, file_name, write) in WRITERS.items():
        write(folder / file_name)
        result[name] = Sample(folder / file_name, format_name, FLAT | ({"hits": HITS} if name in JAGGED else {}))
    return result


@pytest.fixture(params=WRITERS)
def sample(request: pytest.FixtureRequest, samples: dict[str, Sample]) -> Sample:
    return samples[request.param]
