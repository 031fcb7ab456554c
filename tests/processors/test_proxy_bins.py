"""Proxy bins: the tree kept as arrays against scikit-learn's own, its order, merging of leaves, grids."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

from configs.errors import InputError
from processors.proxy_bins import ProxyTree, grid_of, merged_bins, refuse_too_few, trained

EDGES = np.geomspace(1.0, 100.0, 7)


def events(count: int = 20_000, seed: int = 1) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = 10 ** rng.uniform(-0.2, 2.2, count)
    return {"a": np.log10(truth) + 0.2 * rng.standard_normal(count), "b": truth * rng.lognormal(0, 0.5, count), "c": rng.random(count)}, truth


def test_the_arrays_are_the_tree_of_the_library() -> None:
    columns, truth = events()
    tree = trained(columns, truth, EDGES, 30, seed=5)
    table = np.stack([one.astype(np.float32) for one in columns.values()], axis=1)
    theirs = DecisionTreeClassifier(max_leaf_nodes=30, min_samples_leaf=200, random_state=5).fit(table, np.digitize(truth, EDGES))
    others = {"a": columns["a"][::-1], "b": columns["b"], "c": columns["c"]}
    leaf = theirs.apply(np.stack([one.astype(np.float32) for one in others.values()], axis=1))
    ours = tree.apply(others)
    assert tree.count == theirs.get_n_leaves() == 30
    assert len(np.unique(leaf * 100 + ours)) == len(np.unique(leaf))  # one proxy bin for each leaf, and one leaf for each proxy bin


def test_bins_are_ordered_by_the_mean_of_the_truth_and_all_large_enough() -> None:
    columns, truth = events()
    tree = trained(columns, truth, EDGES, 25, seed=1)
    found = tree.apply(columns)
    counts = np.bincount(found, minlength=tree.count)
    assert counts.min() >= 200
    means = np.bincount(found, np.log10(truth)) / counts
    assert np.all(np.diff(means) > 0)
    assert means == pytest.approx(tree.mean_log_truth, rel=1e-12)


def test_json_keeps_a_tree() -> None:
    columns, truth = events(3000)
    tree = trained(columns, truth, EDGES, 12, seed=1)
    again = ProxyTree.from_json(json.loads(json.dumps(tree.to_json())))
    assert again.observables == ("a", "b", "c")
    assert np.array_equal(again.apply(columns), tree.apply(columns))
    assert set(tree.apply(columns)) == set(range(tree.count))


def test_an_observable_that_says_nothing_is_not_asked_first() -> None:
    columns, truth = events()
    tree = trained(columns, truth, EDGES, 8, seed=1)
    assert tree.observables[tree.feature[0]] != "c"


def test_flat_weights_count_every_truth_bin_alike() -> None:
    """A steep spectrum: its few events at high truth get bins of their own only when they weigh as much as the many."""
    rng = np.random.default_rng(3)
    truth = 1.0 / (1.0 - rng.random(40_000) * 0.999)
    columns = {"a": np.log10(truth) + 0.3 * rng.standard_normal(len(truth))}
    above = {weights: trained(columns, truth, EDGES, 6, seed=1, weights=weights).mean_log_truth for weights in ("none", "flat")}
    assert np.count_nonzero(above["flat"] > 1.0) > np.count_nonzero(above["none"] > 1.0)


def test_too_few_events_are_refused() -> None:
    columns, truth = events(399)
    with pytest.raises(InputError, match="399 events to train the tree of proxy bins with, 400 are needed; simulate more or raise train_size"):
        trained(columns, truth, EDGES, 5, seed=1)


def test_fewer_populated_bins_than_truth_bins() -> None:
    refuse_too_few(10, 10, "range", 40)
    with pytest.raises(
        InputError, match=r"range: 9 of 40 proxy bins are populated, fewer than 10 truth bins; give fewer truth bins \(n_range_bins\)"
    ):
        refuse_too_few(9, 10, "range", 40)


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=40), st.floats(0.0, 50.0))
@settings(max_examples=60, deadline=None)
def test_merged_bins_have_enough_and_keep_their_order(expected: list[float], least: float) -> None:
    merged = merged_bins(expected, least)
    assert merged[0] == 0
    assert set(np.diff(merged)) <= {0, 1}
    sums = np.bincount(merged, expected)
    assert len(sums) == 1 or sums.min() >= least * (1 - 1e-12)
    assert sums.sum() == pytest.approx(sum(expected))


def test_merging_nothing() -> None:
    assert merged_bins([11.0, 12.0, 10.0], 10.0).tolist() == [0, 1, 2]
    assert merged_bins([1.0, 2.0], 10.0).tolist() == [0, 0]


def test_a_grid_counts_below_and_above_its_edges() -> None:
    grid = grid_of({"a": [0.0, 1.0], "b": [5.0]})
    assert grid.count == 6
    found = grid.apply({"a": [-1.0, 0.0, 0.5, 1.0, 2.0, -1.0], "b": [0.0, 0.0, 7.0, 5.0, 4.9, 9.0]})
    assert found.tolist() == [0, 2, 3, 5, 4, 1]
    with pytest.raises(InputError, match=r"options.grid.a: edges must rise \(given: \[1.0, 1.0\]\)"):
        grid_of({"a": [1.0, 1.0]})
