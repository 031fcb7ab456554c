"""Numbers of a shower: uniform, Poisson, the same for all its muons, other ones for every part of its key."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from processors.stopping_muons_showers import SAMPLE, SPLIT, file_labels, replica_counts, replica_sums, shower_keys, uniform

RUN, EVENT = np.full(50_000, 7), np.arange(50_000)
KEYS = shower_keys("mc.hdf5", RUN, EVENT, seed=42)


@pytest.mark.parametrize("stream", [SPLIT, SAMPLE])
def test_numbers_are_uniform(stream: int) -> None:
    found = uniform(KEYS, stream)
    assert kstest(found, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 4 / math.sqrt(len(found))


def test_streams_are_independent() -> None:
    split, sample = uniform(KEYS, SPLIT), uniform(KEYS, SAMPLE)
    counts = replica_counts(KEYS, 3)
    for one, other in ((split, sample), (split, counts[:, 0]), (counts[:, 0], counts[:, 1]), (counts[:, 1], counts[:, 2])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(len(KEYS))


def test_counts_are_poisson_numbers_of_mean_one() -> None:
    counts = replica_counts(KEYS, 4)
    found = np.bincount(counts.ravel(), minlength=12)[:8]
    expected = np.array([math.exp(-1) / math.factorial(k) for k in range(8)])
    assert chisquare(found, expected / expected.sum() * found.sum()).pvalue > 1e-3
    assert counts.max() <= 20


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_every_part_of_the_key_matters(run: int, event: int, seed: int) -> None:
    def key(label: str, run: int, event: int, seed: int) -> int:
        return int(shower_keys(label, np.array([run]), np.array([event]), seed)[0])

    here = key("a", run, event, seed)
    assert here == key("a", run, event, seed)
    assert (
        len({here, key("b", run, event, seed), key("a", run + 1, event, seed), key("a", run, event + 1, seed), key("a", run, event, seed + 1)}) == 5
    )


def test_run_and_event_do_not_swap() -> None:
    assert shower_keys("a", np.array([1]), np.array([2]), 1) != shower_keys("a", np.array([2]), np.array([1]), 1)


def test_unsigned_numbers_of_files_give_the_same_keys() -> None:
    assert np.array_equal(shower_keys("a", RUN.astype(np.uint32), EVENT.astype(np.uint32), 1), shower_keys("a", RUN, EVENT, 1))


def test_sums_against_a_loop() -> None:
    rng = np.random.default_rng(2)
    count, groups, replicas, cells = 300, 3, 4, 5
    cell, member = rng.integers(0, cells, count), rng.random((groups, count)) < 0.5
    terms, squares = rng.integers(0, 1000, count).astype(float), rng.integers(0, 1000, count).astype(float)
    found = replica_sums(KEYS[:count], cell, member, terms, squares, (groups, replicas, cells))
    counts = replica_counts(KEYS[:count], replicas)
    expected = np.zeros((2, groups, replicas, cells))
    for event in range(count):
        for group in range(groups):
            if member[group, event]:
                expected[0, group, :, cell[event]] += counts[event] * terms[event]
                expected[1, group, :, cell[event]] += counts[event] ** 2 * squares[event]
    assert np.array_equal(found, expected)


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    assert file_labels(["/x/a.hdf5", "/y/b.hdf5"]) == {"/x/a.hdf5": "a.hdf5", "/y/b.hdf5": "b.hdf5"}  # not where they lie
    assert sorted(file_labels(["/p/x/a.hdf5", "/q/x/a.hdf5", "/q/y/a.hdf5"]).values()) == ["p/x/a.hdf5", "q/x/a.hdf5", "y/a.hdf5"]
    assert file_labels([]) == {}
