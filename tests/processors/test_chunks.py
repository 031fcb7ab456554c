"""Chunks: every entry in exactly one chunk, whatever the files and the size."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.chunks import MAX_ENTRIES, MAX_SPANS, TARGET_S, EventFile, Span, chunksize_for, cut


def files_of(lengths: list[int]) -> list[Span]:
    return [Span(EventFile((f"file_{number:04d}",)), 0, length, f"identity {number}") for number, length in enumerate(lengths)]


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(1, 70))
def test_every_entry_is_in_exactly_one_chunk_in_order(lengths: list[int], chunksize: int) -> None:
    spans = [span for chunk in cut("mc", files_of(lengths), chunksize) for span in chunk.spans]
    entries = [(span.file.name, entry) for span in spans for entry in range(span.start, span.stop)]
    assert entries == [(f"file_{number:04d}", entry) for number, length in enumerate(lengths) for entry in range(length)]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.integers(1, 70))
def test_no_chunk_is_larger_than_asked_for_and_pieces_of_a_file_are_equal(lengths: list[int], chunksize: int) -> None:
    chunks = list(cut("mc", files_of(lengths), chunksize))
    assert max(chunk.entries for chunk in chunks) <= chunksize
    for number, length in enumerate(lengths):
        pieces = [span for chunk in chunks for span in chunk.spans if span.file.name == f"file_{number:04d}"]
        assert len(pieces) == math.ceil(length / chunksize)
        assert max(piece.entries for piece in pieces) - min(piece.entries for piece in pieces) <= 1
        assert {piece.identity for piece in pieces} == {f"identity {number}"}


def test_many_small_files_share_a_chunk() -> None:
    (chunk,) = cut("mc", files_of([3] * 100), 300)
    assert len(chunk.spans) == 100
    assert chunk.name == "mc: file_0000 [0, 3) and 99 more files"


def test_a_chunk_opens_a_bounded_number_of_files() -> None:
    assert [len(chunk.spans) for chunk in cut("mc", files_of([1] * (MAX_SPANS + 5)), 10**6)] == [MAX_SPANS, 5]


def test_a_data_set_without_entries_has_one_empty_chunk() -> None:
    (chunk,) = cut("mc", files_of([0, 0]), 10)
    assert chunk.entries == 0
    assert list(cut("mc", [], 10)) == []


@given(st.floats(0, 10), st.floats(1e-8, 1e-2))
def test_a_chunk_takes_long_enough_to_be_worth_it(opening_s: float, per_entry_s: float) -> None:
    size = chunksize_for(opening_s, per_entry_s)
    assert size == 1 << (size.bit_length() - 1)
    wanted_s = max(TARGET_S, 4 * opening_s)
    assert size == MAX_ENTRIES or wanted_s / 2 <= size * per_entry_s * (1 + 1e-12)
    assert size == 1 or size * per_entry_s <= wanted_s * (1 + 1e-12)


@pytest.mark.parametrize("per_entry_s", [0.0, 1e-12])
def test_a_clock_too_coarse_for_the_trial_gives_the_largest_chunk(per_entry_s: float) -> None:
    assert chunksize_for(0.0, per_entry_s) == MAX_ENTRIES
