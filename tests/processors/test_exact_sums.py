"""Rounding to whole quanta: exact, order-free, and never by more than half a quantum."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from processors.exact_sums import node_quanta, whole_quanta

WEIGHTS = st.lists(st.floats(0, 8.0), min_size=1, max_size=30)


@given(WEIGHTS, st.integers(20, 47))
def test_rounding_is_at_most_half_a_quantum(weights: list[float], bits: int) -> None:
    quantum = 2.0**-bits
    rounded = whole_quanta(np.array(weights), np.full(len(weights), 1 / quantum)) * quantum
    assert (np.abs(rounded - weights) <= quantum / 2).all()


@given(WEIGHTS, st.randoms())
def test_sums_do_not_depend_on_order_or_grouping(weights: list[float], random) -> None:
    quantum = 2.0**-45
    whole = whole_quanta(np.array(weights), np.full(len(weights), 1 / quantum))
    shuffled = whole.copy()
    random.shuffle(shuffled)
    cut = random.randint(0, len(weights))
    grouped = shuffled[:cut].sum() + shuffled[cut:].sum()
    assert whole.sum() * quantum == grouped * quantum == math.fsum(whole * quantum)


def test_ordinary_sums_do_depend_on_the_order() -> None:
    """Why the grid is needed."""
    sums = {(a + b) + c for a, b, c in itertools.permutations([0.1, 0.2, 0.3])}
    assert len(sums) > 1


def test_quanta_are_powers_of_two_and_follow_the_energy() -> None:
    energies = np.geomspace(1e4, 1e8, 81)
    for power in (1, 2):
        quanta = node_quanta(2.0**-47, energies, power)
        assert (np.frexp(quanta)[0] == 0.5).all()
        expected = 2.0**-47 * np.maximum(energies / 1e5, 1.0) ** -power
        assert (quanta / expected >= 1 - 1e-8).all()
        assert (quanta / expected <= 2.0**power).all()


def test_values_are_not_changed_in_place() -> None:
    values = np.array([0.3, 0.7])
    out = np.empty(2)
    assert whole_quanta(values, np.array([4.0, 4.0]), out=out) is out
    assert values.tolist() == [0.3, 0.7]
