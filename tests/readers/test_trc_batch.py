"""The batch reader against the plain loop of a script, and what its groups promise."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.trc_loop import read_loop, read_one

from readers import ReadError, open_source, trc_files
from readers.trc_batch import open_batch, read_batch
from readers.trc_saturation import saturated_samples
from simulation.trc_writer import TrcSettings, trc_bytes

RNG = np.random.default_rng(3)
CODES = RNG.integers(-125, 125, (40, 101)).astype(np.int16) * np.int16(256)


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    found = [tmp_path / f"{number:03d}.trc" for number in range(len(CODES))]
    for number, path in enumerate(found):
        fields = {
            "VERTICAL_GAIN": 1e-4 * (1 + number % 3),
            "VERTICAL_OFFSET": 0.01 * number,
            "HORIZ_OFFSET": -1e-9 * number,
            "TRIGGER_SECOND": number,
        }
        path.write_bytes(trc_bytes(CODES[number], **fields))
    return list(map(str, found))


def test_a_batch_reads_what_a_loop_reads(paths: list[str]) -> None:
    (group,) = read_batch(paths)
    assert np.array_equal(group.codes, read_loop(paths))
    for number, path in enumerate(paths):
        _, gain, offset, dt_ns, t0_ns = read_one(path)
        assert (group.v_gain[number], group.v_offset_v[number], group.dt_ns[number], group.t0_ns[number]) == (gain, offset, dt_ns, t0_ns)
        assert np.array_equal(group.volts(number, number + 1)[0], gain * CODES[number] - offset)
    assert list(group.files) == list(range(40))
    assert group.trigger_time[39] - group.trigger_time[0] == np.timedelta64(39, "s")


class FailingDisk:
    """An ``os.open`` that fails with an I/O error for one file, so many times."""

    def __init__(self, path: str, times: int) -> None:
        self.path, self.left, self.asked = path, times, 0

    def __call__(self, path: str, *flags: int, **options: Any) -> int:
        if path == self.path:
            self.asked += 1
            self.left -= 1
            if self.left >= 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        return OPEN(path, *flags, **options)


OPEN = os.open


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(trc_files.time, "sleep", waited.append)
    return waited


@pytest.mark.parametrize("number", [0, 17])
def test_a_file_that_the_disk_gives_later_is_read(number: int, paths: list[str], monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    disk = FailingDisk(paths[number], 2)
    monkeypatch.setattr(trc_files.os, "open", disk)
    batch = open_batch(paths)
    assert not batch.refused
    assert pauses == list(trc_files.PAUSES_S)[: len(pauses)]
    with open_source(paths) as source:
        monkeypatch.undo()
        expected = open_source(paths)
        np.testing.assert_array_equal(source.events(0, 40)["code"], expected.events(0, 40)["code"])


def test_a_file_that_the_disk_never_gives_is_left_out_alone(paths: list[str], monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    monkeypatch.setattr(trc_files.os, "open", FailingDisk(paths[17], 10**6))
    batch = open_batch(paths)
    assert list(batch.refused) == [paths[17]]
    assert "Input/output error" in batch.refused[paths[17]]
    assert "(tried 3 times)" in batch.refused[paths[17]]
    assert pauses == list(trc_files.PAUSES_S)
    assert sum(len(group) for group in batch.groups) == 39


def test_a_disk_that_gives_nothing_is_no_fault_of_a_file(paths: list[str], monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    def broken(path: str, *flags: int, **options: Any) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(trc_files.os, "open", broken)
    with pytest.raises(ReadError, match=r"000\.trc: reading failed .*Input/output error"):
        open_batch(paths)
    assert pauses == []


def test_codes_are_views_of_the_bytes_read(paths: list[str]) -> None:
    """No copy on the way from the file to the kernels: one buffer holds headers and samples of all files."""
    (group,) = read_batch(paths)
    assert group.codes.strides[0] > group.codes.shape[1] * 2  # the header lies between
    assert group.codes.flags.aligned
    assert np.shares_memory(group.codes, group.read_codes(0, 40))


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(40)))
def test_order_of_the_files_is_the_order_of_the_triggers(paths_of_all: list[str], order: list[int]) -> None:
    (group,) = read_batch([paths_of_all[number] for number in order])
    assert np.array_equal(group.codes, CODES[order])


@pytest.fixture(scope="module")
def paths_of_all(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("ordered")
    for number, codes in enumerate(CODES):
        (folder / f"{number:03d}.trc").write_bytes(trc_bytes(codes))
    return sorted(map(str, folder.iterdir()))


def test_files_of_other_lengths_give_lists_of_other_lengths(tmp_path: Path) -> None:
    lengths = [5, 9, 5, 7, 9, 5]
    for number, length in enumerate(lengths):
        (tmp_path / f"{number}.trc").write_bytes(trc_bytes(CODES[number, :length]))
    with open_source(tmp_path) as source:
        events = source.events(0, 6)
        assert str(events.waveform_v.type) == "6 * var * float64"
        assert [codes.tolist() for codes in events.code] == [CODES[number, :length].tolist() for number, length in enumerate(lengths)]
        assert [len(codes) for codes in source.events(2, 5).waveform_v] == [5, 7, 9]
    assert [(group.samples, list(group.files)) for group in read_batch(sorted(map(str, tmp_path.iterdir())))] == [
        (5, [0, 2, 5]),
        (9, [1, 4]),
        (7, [3]),
    ]


def test_mixed_sizes_of_samples_share_the_wider_type(tmp_path: Path) -> None:
    (tmp_path / "a.trc").write_bytes(trc_bytes(CODES[0]))
    (tmp_path / "b.trc").write_bytes(trc_bytes((CODES[1] // 256).astype(np.int8), TrcSettings("LECROY_1_0", ">")))
    with open_source(tmp_path) as source:
        assert source.events(0, 2).code.to_list() == [CODES[0].tolist(), (CODES[1] // 256).tolist()]


def flat_top(codes: list[int], limit: int) -> int:
    """Slow rule: samples at the limit; where there are none, the extreme ones if three in a row lie beyond 95 % of it."""
    at_limit = sum(code >= limit for code in codes)
    top = max(codes)
    in_a_row = any(codes[place : place + 3] == [top] * 3 for place in range(len(codes) - 2))
    return at_limit or (codes.count(top) if top >= 0.95 * limit and in_a_row else 0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.sampled_from([0, 50, 90, 95, 96, 99, 100, 101]), min_size=6, max_size=6), min_size=1, max_size=8))
def test_saturation_is_the_rule_sample_by_sample(rows: list[list[int]]) -> None:
    codes = np.asarray(rows, dtype=np.int16)
    expected = [flat_top(row, 100) for row in rows]
    low, high = saturated_samples(codes, np.full(len(rows), -1000.0), np.full(len(rows), 100.0))
    assert (low.tolist(), high.tolist()) == ([0] * len(rows), expected)
    low, high = saturated_samples(-codes, np.full(len(rows), -100.0), np.full(len(rows), 1000.0))
    assert (low.tolist(), high.tolist()) == (expected, [0] * len(rows))


def test_short_records_are_no_flat_tops() -> None:
    low, high = saturated_samples(np.full((1, 2), 99, np.int8), np.full(1, -100.0), np.full(1, 100.0))
    assert (low.tolist(), high.tolist()) == ([0], [0])
