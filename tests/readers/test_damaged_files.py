"""Damaged files end in SourceError or ReadError or the right answer: no crash, no other exception, no silent nonsense where it can be seen."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from readers import ReadError, SourceError, open_source
from readers.convert import convert
from readers.inspect import describe

MUTATIONS = 48
# Formats whose bytes carry checksums: a changed value cannot go unseen (names of columns can: they lie outside the checksums).
CHECKED = {"parquet", "hdf5", "npz"}


def cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: rng.integers(1, len(content))]


def flip(content: bytes, rng: np.random.Generator) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
    return bytes(damaged)


def overwrite(content: bytes, rng: np.random.Generator) -> bytes:
    damaged, at, count = bytearray(content), rng.integers(len(content)), rng.integers(1, 16)
    damaged[at : at + count] = rng.bytes(count)
    return bytes(damaged)


def lie(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a byte of the header or the footer, where lengths and offsets are kept."""
    damaged = bytearray(content)
    near = int(rng.integers(min(400, len(damaged))))
    damaged[near if rng.integers(2) else len(damaged) - 1 - near] = int(rng.integers(256))
    return bytes(damaged)


MUTATORS = [cut, flip, overwrite, lie]


def outcome(path: Path, format_name: str, truth: list) -> str:
    try:
        describe(path, format_name)
        with open_source(path, format_name) as source:
            entries = ak.to_list(source.events(0, len(source)))
    except SourceError as error:
        return "SourceError" if str(error).startswith(str(path)) else f"names no file: {error}"
    except ReadError:
        return "ReadError"
    if json.dumps(entries) == json.dumps(truth):
        return "right"
    same_names = bool(entries) and entries[0].keys() == truth[0].keys()
    return f"{len(entries)} entries, {'other values' if same_names else 'other columns'}"


@pytest.fixture(scope="module")
def targets(samples, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """The samples; HDF5 and Parquet as ``convert`` writes them, with checksums throughout."""
    folder = tmp_path_factory.mktemp("converted")
    paths = {name: (sample.path, sample.format) for name, sample in samples.items()}
    for name, target in (("parquet", "a.parquet"), ("hdf5", "a.h5")):
        convert(samples["npz"].path, folder / target)
        paths[name] = (folder / target, name)
    return paths


@pytest.mark.parametrize("name", ["ttree", "rntuple", "parquet", "hdf5", "npy", "npz", "hese_json", "toy_json"])
def test_mutations(name: str, targets, tmp_path: Path) -> None:
    path, format_name = targets[name]
    with open_source(path, format_name) as source:
        truth = ak.to_list(source.events(0, len(source)))
    content = path.read_bytes()
    damaged = tmp_path / path.name
    outcomes: Counter[str] = Counter()
    for number in range(MUTATIONS):
        rng = np.random.default_rng([20261121, number])
        damaged.write_bytes(MUTATORS[number % len(MUTATORS)](content, rng))
        outcomes[outcome(damaged, format_name, truth)] += 1
    assert outcomes["SourceError"] >= MUTATIONS // 4  # at least every truncation
    assert all(result.startswith("40 entries") or result in ("SourceError", "ReadError", "right") for result in outcomes), outcomes
    if name in CHECKED:
        assert "40 entries, other values" not in outcomes


@pytest.mark.parametrize("name", ["ttree", "rntuple", "parquet", "hdf5", "npy", "npz", "hese_json", "toy_json"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_truncated_files_are_refused_by_name(name: str, share: float, targets, tmp_path: Path) -> None:
    path, format_name = targets[name]
    content = path.read_bytes()
    (tmp_path / path.name).write_bytes(content[: int(share * len(content))])
    assert outcome(tmp_path / path.name, format_name, [{}]) == "SourceError"


ENDINGS = ["a.root", "a.parquet", "a.h5", "a.npy", "a.npz", "a.json"]


@pytest.mark.parametrize("name", ENDINGS)
def test_missing_empty_and_foreign_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(SourceError, match=rf"{name}: no such file; check the path \(the working directory is "):
        open_source(path)
    path.touch()
    with pytest.raises(SourceError, match=rf"{name}: is empty \(0 bytes\): an interrupted copy\?"):
        open_source(path)
    path.write_bytes(np.random.default_rng(3).bytes(3000))
    with pytest.raises(SourceError, match=rf"{name}: "):
        open_source(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SourceError, match=rf"{name}: is a directory; give its files"):
        open_source(path)


def test_errors_keep_no_file_open(tmp_path: Path) -> None:
    """An open file would be warned about, and warnings are errors here."""
    import gc

    gc.collect()  # what earlier tests left is not meant
    for name in ENDINGS:
        (tmp_path / name).write_bytes(b"{" + b"garbage" * 100)
        with pytest.raises(SourceError, match=name):
            open_source(tmp_path / name)
    assert gc.collect() >= 0
