"""Thousands of small waveform files: one by one, in batches, packed. Ratios measured side by side. Run with ``make bench``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.stopwatch import least_s
from reference.trc_loop import read_loop

from readers import open_source
from readers.trc_batch import read_batch
from readers.trc_pack import pack
from simulation.trc_writer import TrcSettings, trc_bytes

FILES, SAMPLES, BATCH = 4000, 502, 500
RNG = np.random.default_rng(8)
CODES = (RNG.normal(0, 1.5, (FILES, SAMPLES)).round().astype(np.int16) - 40 * (np.arange(SAMPLES) // 50 == 5)).astype(np.int16) * np.int16(256)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trc") / "Autosave"
    folder.mkdir()
    for number, codes in enumerate(CODES):
        (folder / f"C1--n16deg--{number:05d}.trc").write_bytes(trc_bytes(codes, TRIGGER_MINUTE=number // 60 % 60, TRIGGER_SECOND=number % 60))
    return folder


@pytest.fixture(scope="module")
def paths(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.iterdir())


@pytest.fixture(scope="module")
def packed(folder: Path) -> Path:
    pack(folder, folder.parent / "led.parquet")
    return folder.parent / "led.parquet"


def batches(paths: Sequence[str]) -> np.ndarray:
    """Codes, gains, offsets and times of all triggers, as the processors take them."""
    found = []
    for start in range(0, len(paths), BATCH):
        (group,) = read_batch(paths[start : start + BATCH])
        assert len(group.v_gain) == len(group.v_offset_v) == len(group.t0_ns) == len(group.dt_ns)
        found.append(group.codes)
    return np.concatenate(found)


def columns(paths: Sequence[str] | Path) -> np.ndarray:
    """The same through the columns of a source."""
    with open_source(paths, "trc") as source:
        events = source.events(0, len(source))
        assert len(events.v_gain) == len(events.v_offset_v) == len(events.t0_ns) == len(events.dt_ns)
        return np.asarray(events.code)


def one_by_one(paths: Sequence[str]) -> np.ndarray:
    return np.concatenate([read_batch([path])[0].codes for path in paths])


WAYS: dict[str, Callable[[Sequence[str]], Any]] = {"loop of a script": read_loop, "our reader, one by one": one_by_one, "batches": batches}


@pytest.mark.parametrize("way", WAYS)
def test_files(benchmark: Callable[..., Any], paths: list[str], way: str) -> None:
    benchmark.group = f"{FILES} waveform files"
    assert np.array_equal(benchmark(WAYS[way], paths), CODES)


def test_columns(benchmark: Callable[..., Any], paths: list[str]) -> None:
    benchmark.group = f"{FILES} waveform files"
    assert np.array_equal(benchmark(lambda: np.concatenate([columns(paths[start : start + BATCH]) for start in range(0, FILES, BATCH)])), CODES)


def test_pack(benchmark: Callable[..., Any], packed: Path) -> None:
    benchmark.group = f"{FILES} waveform files"
    assert np.array_equal(benchmark(columns, packed), CODES)


def test_sequence(benchmark: Callable[..., Any], tmp_path: Path) -> None:
    benchmark.group = f"{FILES} waveform files"
    path = tmp_path / "sequence.trc"
    path.write_bytes(trc_bytes(CODES, TrcSettings(), np.zeros((FILES, 2))))
    assert np.array_equal(benchmark(columns, [str(path)]), CODES)


def test_targets(benchmark: Any, paths: list[str], packed: Path) -> None:
    """Batches at least 3 x our reader one by one, and faster than a script's loop; a pack at least 10 x our reader one by one."""
    benchmark.group = "ratios of waveform readers"
    costs = {name: least_s(lambda way=way: way(paths), 3, time.process_time) for name, way in WAYS.items()} | {
        "pack": least_s(lambda: columns(packed), clock=time.process_time)
    }
    benchmark.extra_info.update({f"{name}, files per CPU second": round(FILES / seconds) for name, seconds in costs.items()})
    benchmark.pedantic(batches, (paths,), rounds=3)
    assert costs["our reader, one by one"] > 3 * costs["batches"]
    assert costs["our reader, one by one"] > 10 * costs["pack"]
    assert costs["loop of a script"] > 1.5 * costs["batches"]
    assert costs["loop of a script"] > 3 * costs["pack"]


def test_against_lecroyparser(benchmark: Any, paths: list[str]) -> None:
    """The parser in circulation, where it is installed."""
    parser = pytest.importorskip("lecroyparser")
    benchmark.group = "ratios of waveform readers"
    theirs = least_s(lambda: [parser.ScopeData(path).y for path in paths], 2, time.process_time)
    benchmark.pedantic(batches, (paths,), rounds=3)
    assert theirs > 5 * least_s(lambda: batches(paths), clock=time.process_time)
