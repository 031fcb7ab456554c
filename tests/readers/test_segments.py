"""Per-event reductions beside the loop, and the trap of raw start indices."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from readers.segments import segment_max, segment_min, segment_sum

COUNTS = st.lists(st.integers(0, 5), max_size=20)


@settings(deadline=None)  # the first example compiles
@given(COUNTS, st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_they_are_the_loop(counts: list[int], orphans: int, seed: int) -> None:
    offsets = orphans + np.concatenate([[0], np.cumsum(counts, dtype=int)])
    values = np.random.default_rng(seed).normal(size=offsets[-1]).astype(np.float32)
    parts = [values[a:b].astype(float) for a, b in pairwise(offsets)]
    np.testing.assert_allclose(segment_sum(values, offsets), [part.sum() for part in parts], atol=1e-12)
    np.testing.assert_array_equal(segment_max(values, offsets), [part.max() if len(part) else np.nan for part in parts])
    np.testing.assert_array_equal(segment_min(values, offsets, empty=7.0), [part.min() if len(part) else 7.0 for part in parts])


def test_empty_segments_do_not_take_the_value_at_their_start() -> None:
    values, offsets = np.array([5.0, 7.0]), np.array([0, 1, 1, 2, 2])
    assert np.add.reduceat(values, offsets[:3]).tolist() == [5, 7, 7]  # the trap
    assert segment_sum(values, offsets).tolist() == [5, 0, 7, 0]


def test_sums_do_not_lose_small_charges() -> None:
    """float32 accumulation of 2^25 ones stops at 2^24; the sum here is in double precision."""
    values = np.ones(1 << 25, dtype=np.float32)
    assert segment_sum(values, np.array([0, 1 << 25])).tolist() == [2.0**25]


@settings(deadline=None)
@given(COUNTS, st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_sums_are_the_same_to_the_last_bit_in_any_division(counts: list[int], cut: int, seed: int) -> None:
    many = np.array(counts, dtype=int) * 17
    offsets = np.concatenate([[0], np.cumsum(many)])
    values = np.random.default_rng(seed).gamma(2, 1, offsets[-1]).astype(np.float32)
    whole, cut = segment_sum(values, offsets), min(cut, len(counts))
    np.testing.assert_array_equal(whole, [*segment_sum(values, offsets[: cut + 1]), *segment_sum(values, offsets[cut:])])
    alone = [segment_sum(values[a:b].copy(), np.array([0, b - a]))[0] for a, b in pairwise(offsets)]
    np.testing.assert_array_equal(whole, alone)
    np.testing.assert_allclose(whole, [math.fsum(values[a:b]) for a, b in pairwise(offsets)], rtol=1e-15 * (1 + many.max(initial=0)))


@pytest.mark.parametrize("dtype", [">f4", "<f8", ">i4", "u1", "?"])
def test_any_type_and_byte_order_is_summed(dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From memory, from a map that may not be written to, and from a compressed file in blocks."""
    monkeypatch.setattr("readers.segments.BLOCK_VALUES", 10)
    values, offsets = np.arange(100).astype(dtype), np.array([3, 3, 20, 55, 55, 100])
    expected = [float(values[a:b].astype(float).sum()) for a, b in pairwise(offsets)]
    values.tofile(tmp_path / "values")
    with h5py.File(tmp_path / "values.h5", "w") as file:
        file.create_dataset("q", data=values, chunks=(7,), compression="gzip")
        for held in (values, np.memmap(tmp_path / "values", dtype, "r"), file["q"]):
            assert segment_sum(held, offsets).tolist() == expected


@pytest.mark.parametrize("offsets", [[0, 2, 1, 3], [0, 2, 4], [-1, 2]])
def test_offsets_outside_the_values_are_refused(offsets: list[int]) -> None:
    """Compiled code would read whatever lies there."""
    with pytest.raises(ValueError, match=r"offsets must rise from 0 or more to 3 or less; these run from "):
        segment_sum(np.ones(3, "f4"), np.array(offsets))


def test_values_behind_the_last_offset_belong_to_nobody() -> None:
    assert segment_sum(np.array([1.0, 2.0, 4.0]), np.array([0, 1, 2])).tolist() == [1, 2]


@pytest.mark.public_data
def test_the_real_electrons(public_data: Path) -> None:
    """Numbers of the specification (G16, G17) from independent code; counts as differences of offsets."""
    with np.load(public_data / "iwcd" / "electrons_nhits_energy.npz") as file:
        nhits, energy = file["nhits"], file["energy"].astype(float)
    offsets = np.concatenate([[0], np.cumsum(nhits, dtype=np.int64)])
    counts = np.diff(offsets)
    assert (len(counts), int(offsets[-1]), int(counts.max()), int(np.sum(counts == 0)), int(counts[counts > 0].min())) == (
        3000,
        3841984,
        4299,
        59,
        26,
    )
    assert counts.mean() == pytest.approx(1280.661, abs=5e-4)
    assert np.median(counts) == 1108.5
    assert stats.pearsonr(energy, counts).statistic == pytest.approx(0.57624, abs=5e-6)
    assert stats.spearmanr(energy, counts).statistic == pytest.approx(0.55193, abs=5e-6)
    np.testing.assert_allclose([energy.min(), energy.max(), energy.mean()], [1.1874, 1000.7708, 491.859], atol=5e-4)
    bright = counts > 2000
    assert bright.sum() == 717
    np.testing.assert_allclose(np.percentile(energy[bright], [0, 25, 50, 75, 100]), [350.30, 615.40, 759.85, 878.43, 1000.77], atol=0.006)
    assert energy[counts == 0].mean() == pytest.approx(494.8, abs=0.06)
    assert stats.ks_2samp(energy[counts == 0], energy[counts > 0]).pvalue == pytest.approx(0.61, abs=0.01)
