"""Hits per event, awkward over the memory map, charges per event and maps of photomultipliers, for 3000 events and 300,000 tiled from them.

Each beside what it replaces: the loop over events, one HDF5 slice for each event, the full read (specification 11). The large file takes 4.9 GB of
disk and is skipped where that is missing. Times are of the wall: memory maps wait for the disk the first time, so each work is done once before.
Ratios to the slow way are those of the specification, and asserted where it states them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
from bench.stopwatch import least_s
from bench.tiled_hits import HIT_DATASETS, LARGE, TILES, counts, keep_freed_memory, tiled_file, write_tiled

from processors.iwcd_hit_histograms import Filling, fill_hits, hit_axes
from processors.iwcd_hits import Hits
from readers import open_source
from readers.convert import convert
from readers.hit_offsets import hit_offsets
from readers.inspect import describe
from readers.mapped import mapped, range_reader
from readers.segments import segment_sum

SLICED_EVENTS = 3000  # slices are timed on so many events and scaled
PMTS = 10184


@pytest.fixture(scope="session", params=TILES, ids=lambda events: f"{events} events")
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    target = tiled_file(request.param, tmp_path_factory.mktemp("hits"))
    yield target
    target.unlink()


def looped_counts(starts: np.ndarray, hits: int) -> list[int]:
    """The reference analysis: one event after the other, the last one a special case."""
    found = []
    for event in range(len(starts)):
        if event == len(starts) - 1:
            found.append(hits - starts[event])
        else:
            found.append(starts[event + 1] - starts[event])
    return found


def test_counts_and_energy(benchmark: Any, path: Path) -> None:
    benchmark.group = f"counts, {path.stem} events"
    keep_freed_memory()
    with h5py.File(path) as file:
        index, hits = file["event_hits_index"], int(file["hit_pmt"].size)

        def vectorised() -> tuple[np.ndarray, np.ndarray]:
            return np.diff(hit_offsets(str(path), index, hits)), file["energies"][...].reshape(-1)

        found, _ = benchmark(vectorised)
        starts = index[...]
        np.testing.assert_array_equal(found, looped_counts(starts, hits))
        loop_s = least_s(lambda: looped_counts(starts, hits), 3)
    benchmark.extra_info["loop / ours"] = round(loop_s / benchmark.stats.stats.min, 1)
    if path.stem == LARGE:
        assert loop_s > 100 * benchmark.stats.stats.min


def test_build_of_awkward_over_the_memory_map(benchmark: Any, path: Path) -> None:
    """Opening and building all events, hits included; in no way a function of the number of hits."""
    benchmark.group = f"build, {path.stem} events"

    def build() -> int:
        with open_source(path, "digihit") as source:
            hits = ak.materialize(source.events(0, len(source)).hits)
            assert not np.asarray(hits.charge.layout.content.data).flags.owndata
            return len(hits)

    assert benchmark(build) == int(path.stem)


def test_charge_of_each_event(benchmark: Any, path: Path) -> None:
    """Segmented sums over the map beside one HDF5 slice for each event."""
    benchmark.group = f"charge, {path.stem} events"
    with h5py.File(path) as file:
        dataset = file["hit_charge"]
        offsets = hit_offsets(str(path), file["event_hits_index"], int(dataset.size))
        values = mapped(str(path), dataset)
        assert values is not None
        found = benchmark.pedantic(segment_sum, (values, offsets), rounds=8, warmup_rounds=1)
        slices = [(int(offsets[event]), int(offsets[event + 1])) for event in range(SLICED_EVENTS)]

        def sliced() -> list[float]:
            return [float(dataset[start:stop].sum(dtype=np.float64)) for start, stop in slices]

        slices_s = least_s(sliced, 3) * len(found) / SLICED_EVENTS
        np.testing.assert_allclose(found[:SLICED_EVENTS], sliced(), rtol=1e-12)
    benchmark.extra_info["slices / ours"] = round(slices_s / benchmark.stats.stats.min, 1)
    benchmark.extra_info["GB/s"] = round(values.nbytes / benchmark.stats.stats.min / 1e9, 2)
    if path.stem == LARGE:
        assert slices_s > 10 * benchmark.stats.stats.min


def test_charge_of_each_photomultiplier(benchmark: Any, path: Path) -> None:
    """Hits and charges of photomultipliers in one pass, beside the two counts by NumPy over the same memory map; both in blocks of events."""
    benchmark.group = f"map of photomultipliers, {path.stem} events"
    axes = {name: found for name, found in hit_axes(("e-",), PMTS).items() if name in ("occupancy", "occupancy_charge")}
    block = 3000
    with h5py.File(path) as file:
        offsets = hit_offsets(str(path), file["event_hits_index"], int(file["hit_pmt"].size))
        pmt, charge = (range_reader(str(path), file[name])(0, int(offsets[-1])) for name in ("hit_pmt", "hit_charge"))
        edges = range(0, len(offsets) - 1, block)

        def ours() -> np.ndarray:
            total = np.zeros(PMTS)
            for first in edges:
                positions = offsets[first : first + block + 1]
                part = slice(int(positions[0]), int(positions[-1]))
                hits = Hits(positions - positions[0], charge[part], pmt[part], None)
                total += map_of(axes, hits)
            return total

        def plain() -> np.ndarray:
            total = np.zeros(PMTS)
            for first in edges:
                part = slice(int(offsets[first]), int(offsets[min(first + block, len(offsets) - 1)]))
                np.bincount(pmt[part], minlength=PMTS)
                total += np.bincount(pmt[part], charge[part], minlength=PMTS)
            return total

        found = benchmark.pedantic(ours, rounds=4, warmup_rounds=1)
        plain_s = least_s(plain, 3)
        np.testing.assert_allclose(found, plain(), rtol=1e-4)
    benchmark.extra_info["NumPy / ours"] = round(plain_s / benchmark.stats.stats.min, 2)
    assert plain_s > benchmark.stats.stats.min


def map_of(axes: dict[str, Any], hits: Hits) -> np.ndarray:
    """Charge of each photomultiplier."""
    events = np.zeros(len(hits), np.int64)
    return fill_hits(axes, hits, Filling(events, events.astype(float)), None)["occupancy_charge"].values()[0]


def test_full_read(benchmark: Any, path: Path) -> None:
    """What mapping saves: all hits into memory. Small file only; the large one would need 4.9 GB."""
    if path.stem == LARGE:
        pytest.skip("the large file does not fit twice into memory")
    benchmark.group = "full read"
    with h5py.File(path) as file:
        arrays = benchmark(lambda: [file[name][...] for name in HIT_DATASETS])
    assert sum(len(values) for values in arrays) == 3 * int(counts().sum())


def test_compressed_file(benchmark: Any, tmp_path: Path) -> None:
    """Chunked with gzip 1 and shuffle: smaller and slower to read, the same sums; ``--inspect`` says what to do, and doing it brings them back."""
    benchmark.group = "compressed"
    plain = write_tiled(tmp_path / "plain.h5", counts(), 1)
    packed = write_tiled(tmp_path / "packed.h5", counts(), 1, chunks=(1 << 16,), compression="gzip", compression_opts=1, shuffle=True)
    assert packed.stat().st_size < 0.9 * plain.stat().st_size
    assert "--convert" in describe(packed).summary["mapped into memory"]
    sums = benchmark.pedantic(summed, (packed,), rounds=3, warmup_rounds=1)
    began = time.perf_counter()
    np.testing.assert_array_equal(sums, summed(plain))
    benchmark.extra_info["compressed / contiguous"] = round(benchmark.stats.stats.min / (time.perf_counter() - began), 1)
    convert(packed, tmp_path / "again.h5")
    np.testing.assert_array_equal(sums, summed(tmp_path / "again.h5"))
    assert describe(tmp_path / "again.h5").summary["mapped into memory"] == "yes"


def summed(path: Path) -> np.ndarray:
    """Charge of each event, from the file."""
    with h5py.File(path) as file:
        offsets = hit_offsets(str(path), file["event_hits_index"], int(file["hit_pmt"].size))
        return segment_sum(mapped(str(path), file["hit_charge"]) if file["hit_charge"].chunks is None else file["hit_charge"], offsets)
