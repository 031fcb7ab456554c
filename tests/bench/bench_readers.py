"""Reading one column against all of them in every format; the JSON scanner against json.load. Run with ``make bench``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stopwatch import least_s

from readers import open_source
from readers.convert import convert

ENTRIES = 100_000
NAMES = ("astroWeight", "atmoWeight", "energy", "primaryEnergy", "primaryZenith", "topology", "zenith")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same 1e5 events of seven columns in every format (JSON: 13 MB)."""
    folder = tmp_path_factory.mktemp("bench")
    values = np.random.default_rng(5).random((ENTRIES, len(NAMES)))
    values[:, 5] = values[:, 5] > 0.5
    paths = {"toy_json": folder / "rows.json", "hese_json": folder / "columns.json", "npy": folder / "a.npy"}
    paths["toy_json"].write_text(json.dumps({"mapping": dict(zip(NAMES, range(len(NAMES)), strict=True)), "events": values.tolist()}))
    paths["hese_json"].write_text(json.dumps(dict(zip(NAMES, values.T.tolist(), strict=True))))
    rows = np.zeros(ENTRIES, dtype=[(name, "f8") for name in NAMES])
    for column, name in enumerate(NAMES):
        rows[name] = values[:, column]
    np.save(paths["npy"], rows)
    for name, target in (("parquet", "a.parquet"), ("hdf5", "a.h5"), ("root", "a.root")):
        paths[name] = folder / target
        convert(paths["npy"], paths[name])
    return paths


FORMATS = ["hese_json", "toy_json", "parquet", "hdf5", "root", "npy"]


def read(path: Path, names: tuple[str, ...]) -> float:
    with open_source(path) as source:
        events = source.events(0, len(source))
        return sum(float(np.asarray(events[name])[-1]) for name in names)


@pytest.mark.parametrize("name", FORMATS)
def test_one_column(benchmark: Callable[..., Any], files: dict[str, Path], name: str) -> None:
    benchmark.group = f"read {name}"
    assert benchmark(read, files[name], ("energy",)) > 0


@pytest.mark.parametrize("name", FORMATS)
def test_all_columns(benchmark: Callable[..., Any], files: dict[str, Path], name: str) -> None:
    benchmark.group = f"read {name}"
    assert benchmark(read, files[name], NAMES) > 0


@pytest.mark.parametrize("name", ["hese_json", "toy_json"])
def test_json_load(benchmark: Callable[..., Any], files: dict[str, Path], name: str) -> None:
    """The whole file as Python objects, which needs some ten times the memory."""
    benchmark.group = f"read {name}"
    assert benchmark(lambda: json.loads(files[name].read_text()))


@pytest.mark.parametrize("name", ["hese_json", "toy_json"])
def test_open_only(benchmark: Callable[..., Any], files: dict[str, Path], name: str) -> None:
    """The first pass, which finds the lists and counts their entries."""
    benchmark.group = f"read {name}"

    def open_only() -> int:
        with open_source(files[name]) as source:
            return len(source)

    assert benchmark(open_only) == ENTRIES


def test_converted_files_are_read_faster(benchmark: Callable[..., Any], files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Specification 11: conversion to Parquet pays, and only needed columns are read."""
    benchmark.group = "read"
    taken = {
        (name, number): least_s(lambda name=name, number=number: read(files[name], NAMES[-number:]), 3, time.process_time)
        for name in ("hese_json", "toy_json", "parquet")
        for number in (1, len(NAMES))
    }
    with capsys.disabled():
        print(f"\n1e5 events, one column and seven: {', '.join(f'{name} {number}: {1e3 * t:.0f} ms' for (name, number), t in taken.items())}")
    benchmark(read, files["parquet"], NAMES[-1:])
    assert taken["hese_json", 7] > 5 * taken["parquet", 7]
    assert taken["toy_json", 7] > 5 * taken["parquet", 7]
    assert taken["hese_json", 1] < 0.5 * taken["hese_json", 7]
