"""Damaged waveform files: a clear error or the right answer; no crash, no hang, no huge allocation, no shifted or invented samples."""

from __future__ import annotations

import resource
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from readers import SourceError, open_source
from readers.trc_batch import open_batch, read_batch
from readers.trc_group import TrcGroup
from readers.trc_layout import TrcError
from simulation.trc_writer import TrcSettings, trc_bytes

MUTATIONS = 300
BATCH_MUTATIONS = 40
LARGEST_BYTES = 4 << 20  # of memory for a file of some kilobytes
RNG = np.random.default_rng(11)
CODES = {np.int8: RNG.integers(-128, 127, 600, np.int8), np.int16: RNG.integers(-125, 124, 600, np.int16) * np.int16(256)}
TIMES = np.column_stack([np.arange(12) * 1e-3, RNG.uniform(-1e-8, 1e-8, 12)])
GENERATED = {
    "2_3": trc_bytes(CODES[np.int16]),
    "2_3 big endian sequence": trc_bytes(CODES[np.int16].reshape(12, 50), TrcSettings(order=">"), TIMES),
    "2_3 bare int8": trc_bytes(CODES[np.int8], TrcSettings(block_header=False)),
    "2_2 text and line end": trc_bytes(CODES[np.int16], TrcSettings("LECROY_2_2", user_text=b"a note", line_end=True)),
    "1_0": trc_bytes(CODES[np.int16], TrcSettings("LECROY_1_0", block_header=False, line_end=True)),
    "1_0 big endian int8 sequence": trc_bytes(CODES[np.int8].reshape(12, 50), TrcSettings("LECROY_1_0", ">", reply=b"C1:WF ALL,"), TIMES),
}
REAL = ["pulse.trc", "pulse_sequence.trc", "sample_002.trc", "lecroy7200_trace1.000", "header.trc"]
Mutator = Callable[[bytes, int, np.random.Generator], bytes]


def cut(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    return content[: int(rng.integers(1, len(content)))]


def flip_in_head(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    damaged = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        damaged[int(rng.integers(head))] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def overwrite_in_head(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    at, count = int(rng.integers(head)), int(rng.integers(1, 9))
    return (content[:at] + rng.bytes(count) + content[at + count :])[: len(content)]


def lie(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    """Another number where lengths and counts are kept."""
    at = content.find(b"WAVEDESC") + int(rng.choice([*range(36, 76, 4), 92, 108, 112, 116, 124, 128, 136, 144]))
    number = int(rng.choice([-(2**31), -1, 0, 1, 2, 7, 16, 320, 346, 4096, 10**6, 2**31 - 1])) + int(rng.integers(2))
    return content[:at] + (number & 0xFFFFFFFF).to_bytes(4, rng.choice(["little", "big"])) + content[at + 4 :]


def insert_or_remove(content: bytes, head: int, rng: np.random.Generator) -> bytes:
    at, count = int(rng.integers(len(content))), int(rng.integers(1, 20))
    return content[:at] + rng.bytes(count) + content[at:] if rng.integers(2) else content[:at] + content[at + count :]


MUTATORS: list[Mutator] = [cut, flip_in_head, overwrite_in_head, lie, insert_or_remove]


def original(path: Path) -> TrcGroup | None:
    try:
        (group,) = read_batch([str(path)])
    except TrcError:
        return None
    return group


def outcome(path: Path, content: bytes, truth: TrcGroup | None) -> str:
    """The file is refused by name, or gives the codes that stand in it, cut as its (believable) header says."""
    try:
        (group,) = read_batch([str(path)])
    except SourceError as error:
        return "refused" if str(error).startswith(f"{path}: ") else f"names no file: {error}"
    if truth is None or group.codes.shape != truth.codes.shape or not np.array_equal(group.codes, truth.codes):
        return "right" if np.array_equal(group.codes.reshape(-1), told(content, group)) else "wrong codes"
    sane = np.isfinite(group.t0_ns).all() and (group.dt_ns > 0).all() and np.isfinite(group.volts(0, len(group))).all()
    assert len(group.trigger_time) == len(group.n_sat_high) == len(group)
    return "right" if sane else "silent nonsense"


def told(content: bytes, group: TrcGroup) -> np.ndarray:
    """Codes read slowly at the end of the file, where the samples of files without further arrays are."""
    layout = group.layout
    assert sum(length for name, length in layout.blocks.items() if name in ("WAVE_ARRAY_2", "RES_ARRAY2", "RES_ARRAY3")) == 0
    end = len(content) - (len(content) > layout.size)
    return np.frombuffer(content[end - layout.blocks["WAVE_ARRAY_1"] : end], layout.sample_dtype)


def mutate(content: bytes, path: Path, count: int, seed: int) -> Counter[str]:
    path.write_bytes(content)
    truth = original(path)
    head = min(len(content), content.find(b"WAVEDESC") + 400)
    outcomes: Counter[str] = Counter()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        damaged = MUTATORS[number % len(MUTATORS)](content, head, rng)
        path.write_bytes(damaged)
        outcomes[outcome(path, damaged, truth)] += 1
    return outcomes


@pytest.mark.parametrize("name", GENERATED)
def test_mutations_of_generated_files(name: str, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = mutate(GENERATED[name], tmp_path / "a.trc", MUTATIONS, 20261121)
    assert set(outcomes) == {"refused", "right"}, outcomes
    assert outcomes["refused"] > MUTATIONS // 3
    assert outcomes["right"] > MUTATIONS // 20  # damage in names, dates and the like is no reason to refuse samples
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10  # KiB


@pytest.mark.public_data
@pytest.mark.parametrize("name", REAL)
def test_mutations_of_real_files(name: str, public_data: Path, tmp_path: Path) -> None:
    outcomes = mutate((public_data / "trc" / name).read_bytes(), tmp_path / name, MUTATIONS, 4)
    assert set(outcomes) <= {"refused", "right"}, outcomes
    assert outcomes["refused"] > MUTATIONS // 3


@pytest.mark.parametrize("name", GENERATED)
def test_every_truncation_is_refused(name: str, tmp_path: Path) -> None:
    """Each length up to the last byte of the samples; a line end behind them may be missing."""
    content, path = GENERATED[name], tmp_path / "a.trc"
    path.write_bytes(content)
    whole = original(path).layout.size
    for length in [*range(1, 420, 3), *range(420, whole, 97), whole - 2, whole - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(TrcError, match=r"a\.trc: "):
            read_batch([str(path)])


@pytest.mark.parametrize("number", range(BATCH_MUTATIONS))
def test_damaged_files_in_a_batch_leave_the_others_as_they_are(number: int, tmp_path: Path) -> None:
    rng = np.random.default_rng([7, number])
    kinds = [GENERATED["2_3"], GENERATED["1_0"]]
    paths, damaged = [], set()
    for place in range(20):
        content = kinds[int(rng.integers(10) == 0)]
        if rng.integers(3) == 0:
            content = MUTATORS[int(rng.integers(len(MUTATORS)))](content, 400, rng)
            damaged.add(place)
        paths.append(tmp_path / f"{place}.trc")
        paths[-1].write_bytes(content)
    batch = open_batch(list(map(str, paths)))
    found = {
        int(place): codes for group in batch.groups for place, codes in zip(np.repeat(group.files, group.layout.segments), group.codes, strict=True)
    }
    for place in set(range(20)) - damaged:
        assert np.array_equal(found[place], CODES[np.int16])
    assert {str(paths[place]) for place in range(20)} == {str(paths[place]) for place in found} | set(batch.refused)


@pytest.mark.parametrize("field", ["USER_TEXT", "TRIGTIME_ARRAY", "WAVE_ARRAY_1", "WAVE_ARRAY_COUNT", "SUBARRAY_COUNT", "RES_ARRAY3"])
def test_lengths_that_lie_cost_no_memory(field: str, tmp_path: Path) -> None:
    path = tmp_path / "a.trc"
    path.write_bytes(trc_bytes(CODES[np.int16], TrcSettings(block_header=False), **{field: 2**31 - 16}))
    tracemalloc.start()
    try:
        with pytest.raises(TrcError, match=r"a\.trc: "):
            open_source(path)
        assert tracemalloc.get_traced_memory()[1] < LARGEST_BYTES
    finally:
        tracemalloc.stop()


def test_large_files_are_refused_like_small_ones(tmp_path: Path) -> None:
    """Files above the size that is read whole: only what stands before the samples is read when they are opened."""
    segments, samples = 500, 502
    times = np.column_stack([np.arange(segments) * 1e-3, RNG.uniform(-1e-8, 1e-8, segments)])
    codes = RNG.integers(-100, 100, (segments, samples), np.int16)
    content = trc_bytes(codes, TrcSettings(line_end=True), times)
    paths = [tmp_path / f"{name}.trc" for name in ("good", "cut", "tail", "gain", "also_good")]
    wrong_gain = trc_bytes(codes, TrcSettings(line_end=True), times, VERTICAL_GAIN=0.0)
    for path, written in zip(paths, (content, content[:-3000], content[:-1] + b"x", wrong_gain, content), strict=True):
        path.write_bytes(written)
    tracemalloc.start()
    try:
        source = open_source(list(map(str, paths)), "trc")
        assert tracemalloc.get_traced_memory()[1] < LARGEST_BYTES
    finally:
        tracemalloc.stop()
    with source:
        assert list(source.refused) == [str(path) for path in paths[1:4]]
        part = source.events(segments - 3, segments + 4)
        assert np.array_equal(np.asarray(part.code), np.concatenate([codes[-3:], codes[:4]]))
        assert np.array_equal(np.asarray(part.t0_ns), np.concatenate([times[-3:, 1], times[:4, 1]]) * 1e9)
        paths[0].write_bytes(content[: 500 * 502])
        with pytest.raises(SourceError, match=r"good\.trc: \d+ bytes of samples are missing that were there when it was opened"):
            source.events(0, 500).code.to_list()
