"""Write events with hits as digihit, truehit or dense HDF5 files, in every layout that readers meet.

The datasets are those of the public writer (WatChMaL/DataTools, np_to_digihit_array_hdf5.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from readers.dense_grid import DENSE_CHANNELS, DENSE_PLACES, MAPPED_GRID, mapped_cell
from readers.source import SourceError
from records.atomic import replacing

Layout = Literal["contiguous", "chunked", "user_block", "big_endian", "raw_times", "truehit", "dense"]
USER_BLOCK_BYTES = 1024
RAW_TIME_OFFSET_NS = 950.0  # of trigger times as WCSim writes them (public configuration: channel_scale_offset, time: 950)
ALIGNED = {"alignment_threshold": 1, "alignment_interval": 8}  # bytes: so that datasets can be mapped into memory
HIT_CHUNK = 1 << 16
OPTIONAL = ("veto", "veto2", "fully_contained")


@dataclass(frozen=True)
class HitEvents:
    """N events with H hits. Event i has the hits ``offsets[i]`` to ``offsets[i + 1]``; times are after the event's first hit."""

    label: NDArray[Any]  # (N,)
    energy_mev: NDArray[Any]  # (N,) total energy
    position_cm: NDArray[Any]  # (N, 3)
    angles: NDArray[Any]  # (N, 2): polar angle to y, azimuth, rad
    root_file: Sequence[str]
    event_id: NDArray[Any]  # (N,) entry in that file
    offsets: NDArray[Any]  # (N + 1,), from 0 to H
    hit_pmt: NDArray[Any]  # (H,) counted from 0
    hit_charge: NDArray[Any]  # (H,) photo-electrons
    hit_time_ns: NDArray[Any]  # (H,)
    veto: NDArray[Any] | None = None
    veto2: NDArray[Any] | None = None
    fully_contained: NDArray[Any] | None = None
    hit_parent: NDArray[Any] | None = None  # (H,), truehit only: track number, -1 dark noise
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.label)


def write_digihit(path: str | Path, events: HitEvents, *, layout: Layout = "contiguous") -> Path:
    """Write ``events`` to ``path`` (whole or not at all) and return the path.

    ``contiguous``: as the public writer; ``chunked``: chunks, shuffle, gzip 1; ``user_block``: contiguous behind a user block; ``big_endian``;
    ``raw_times``: contiguous with times as triggered (+ 950 ns); ``truehit``: one row for each photon, no charge; ``dense``: a grid of
    modules (16, 40) with 19 charges and 19 times each. Raises ``SourceError`` for arrays that do not belong together.
    """
    _check(path, events)
    with replacing(path) as temporary, h5py.File(temporary, "w", userblock_size=USER_BLOCK_BYTES if layout == "user_block" else 0, **ALIGNED) as file:
        file.attrs.update(events.attributes)
        for name, values in _event_datasets(events, layout).items():
            _create(file, name, values, layout)
        file.create_dataset("root_files", data=np.array(list(events.root_file), dtype=object), dtype=h5py.string_dtype(), shape=(len(events),))
        if layout == "dense":
            _write_grid(file, events)
        else:
            for name, values in _hit_datasets(events, layout).items():
                _create(file, name, values, layout)
    return Path(path)


def _check(path: str | Path, events: HitEvents) -> None:
    hits, count = len(events.hit_pmt), len(events)
    lengths = {
        "energy_mev": len(events.energy_mev), "position_cm": len(events.position_cm), "angles": len(events.angles),
        "root_file": len(events.root_file), "event_id": len(events.event_id), "offsets": len(events.offsets) - 1,
    }  # fmt: skip
    wrong = [f"{name}: {length}" for name, length in lengths.items() if length != count]
    wrong += [f"{name}: {len(values)}" for name in OPTIONAL if (values := getattr(events, name)) is not None and len(values) != count]
    if wrong:
        raise SourceError(f"{path}: {count} labels, but {', '.join(wrong)}; every event needs one entry")
    if len(events.hit_charge) != hits or len(events.hit_time_ns) != hits:
        raise SourceError(f"{path}: {hits} hit PMTs, {len(events.hit_charge)} charges, {len(events.hit_time_ns)} times; every hit needs all three")
    if events.offsets[0] != 0 or events.offsets[-1] != hits or np.any(np.diff(events.offsets) < 0):
        raise SourceError(f"{path}: offsets must rise from 0 to the number of hits {hits}; they run from {events.offsets[0]} to {events.offsets[-1]}")


def _event_datasets(events: HitEvents, layout: Layout) -> dict[str, NDArray[Any]]:
    count = len(events)
    datasets: dict[str, NDArray[Any]] = {
        "labels": np.asarray(events.label, dtype=np.int32),
        "event_ids": np.asarray(events.event_id, dtype=np.int32),
        "energies": np.asarray(events.energy_mev, dtype=np.float32).reshape(count, 1),
        "positions": np.asarray(events.position_cm, dtype=np.float32).reshape(count, 1, 3),
        "angles": np.asarray(events.angles, dtype=np.float32).reshape(count, 2),
    }
    left_out = {"dense": OPTIONAL, "truehit": ("fully_contained",)}.get(layout, ())
    given = {name: getattr(events, name) for name in OPTIONAL if name not in left_out}
    return datasets | {name: np.asarray(values, dtype=np.bool_) for name, values in given.items() if values is not None}


def _hit_datasets(events: HitEvents, layout: Layout) -> dict[str, NDArray[Any]]:
    hits: dict[str, NDArray[Any]] = {
        "event_hits_index": np.asarray(events.offsets[:-1], dtype=np.int64),
        "hit_pmt": np.asarray(events.hit_pmt, dtype=np.int32),
        "hit_time": np.asarray(events.hit_time_ns, dtype=np.float32) + np.float32(RAW_TIME_OFFSET_NS if layout == "raw_times" else 0.0),
    }
    if layout != "truehit":
        return hits | {"hit_charge": np.asarray(events.hit_charge, dtype=np.float32)}
    parents = np.zeros(len(events.hit_pmt)) if events.hit_parent is None else events.hit_parent
    return hits | {"hit_parent": np.asarray(parents, dtype=np.int32)}


def _create(file: h5py.File, name: str, values: NDArray[Any], layout: Layout) -> None:
    if layout == "big_endian" and values.dtype != np.bool_:
        values = values.astype(values.dtype.newbyteorder(">"))
    if layout == "chunked" and values.size:
        chunks = (min(HIT_CHUNK, len(values)), *values.shape[1:])
        file.create_dataset(name, data=values, chunks=chunks, compression="gzip", compression_opts=1, shuffle=True)
    else:
        file.create_dataset(name, data=values)


def _write_grid(file: h5py.File, events: HitEvents) -> None:
    """One image for each event: 19 channels of charge and 19 of time in each cell of the module grid."""
    images = file.create_dataset("event_data", (len(events), *MAPPED_GRID, DENSE_CHANNELS), np.float32)
    row, column = mapped_cell(np.asarray(events.hit_pmt) // DENSE_PLACES)
    place = np.asarray(events.hit_pmt) % DENSE_PLACES
    if np.any(row < 0):
        module = int(np.asarray(events.hit_pmt)[np.argmax(row < 0)]) // DENSE_PLACES
        raise SourceError(f"{file.filename}: module {module} has no cell in the grid of {MAPPED_GRID} modules; write another layout")
    for event, (start, stop) in enumerate(zip(events.offsets[:-1], events.offsets[1:], strict=True)):
        image = np.zeros((*MAPPED_GRID, DENSE_CHANNELS), dtype=np.float32)
        hits = slice(int(start), int(stop))
        image[row[hits], column[hits], place[hits]] = events.hit_charge[hits]
        image[row[hits], column[hits], DENSE_PLACES + place[hits]] = events.hit_time_ns[hits]
        images[event] = image
