"""Bins of values against bisect, for edges that are uniform, uniform in the logarithm, or neither."""

from __future__ import annotations

import bisect
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from physics import bin_search
from physics.bin_search import bin_index
from physics.binning import binning


def slow(edges: list[float], values: list[float]) -> list[int]:
    """One value at a time; the last bin has both its edges."""
    return [bisect.bisect_right(edges, value) - (value == edges[-1]) for value in values]


def near(edges: list[float]) -> list[float]:
    """The edges and the numbers next to them, where a computed bin could go wrong."""
    return [shifted for edge in edges for shifted in (edge, float(np.nextafter(edge, -np.inf)), float(np.nextafter(edge, np.inf)))]


VALUES = st.lists(st.floats(-2e6, 2e6), max_size=20)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8, unique=True).map(sorted), VALUES)
@example(edges=[0.0, 2.225073858507e-311], values=[0.0, 1.0])  # a step whose inverse is no number
def test_any_edges(edges: list[float], values: list[float]) -> None:
    values = [*values, *near(edges)]
    assert bin_index(edges, values).tolist() == slow(edges, values)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.integers(1, 60), VALUES)
def test_uniform_edges(low: float, width: float, bins: int, values: list[float]) -> None:
    edges = np.linspace(low, low + width, bins + 1).tolist()
    values = [*values, *near(edges)]
    assert bin_index(edges, values).tolist() == slow(edges, values)


@given(st.floats(1e-3, 1e6), st.floats(1.1, 1e6), st.integers(1, 60), VALUES)
def test_logarithmic_edges(low: float, ratio: float, bins: int, values: list[float]) -> None:
    """Values of either sign and zero, of which there is no logarithm."""
    edges = np.geomspace(low, low * ratio, bins + 1).tolist()
    values = [*values, 0.0, -1.0, *near(edges)]
    assert bin_index(edges, values).tolist() == slow(edges, values)


@pytest.mark.parametrize("choice", ["official", "bootcamp"])
def test_edges_of_the_analysis_are_recognised_as_uniform(choice: str) -> None:
    """Else the fast way is not taken."""
    for channel in binning(choice).values():
        assert bin_search._uniform_coordinate(np.array(channel.energy_edges_gev)) is np.log
        assert bin_search._uniform_coordinate(np.array(channel.third_edges)) is (np.log if channel.third_axis == "reco_length" else np.positive)
    assert bin_search._uniform_coordinate(np.array([1.0, 2.0, 4.0, 9.0])) is None


def test_long_arrays_are_worked_on_in_blocks() -> None:
    values = np.random.default_rng(1).uniform(-0.5, 1.5, 2 * bin_search.BLOCK + 17)
    edges = np.linspace(0, 1, 11)
    np.testing.assert_array_equal(bin_index(edges, values), np.searchsorted(edges, values, side="right"))


def test_nan_is_in_no_bin() -> None:
    for edges in ([0.0, 1.0, 2.0], [1.0, 10.0, 100.0], [0.0, 1.0, 5.0]):
        assert bin_index(edges, [math.nan])[0] in (0, 3)
