"""Proxy bins: the leaves of a decision tree in several observables, or a grid of edges; kept as plain arrays, looked up for all events at once.

A tree separates the truth bins; its leaves are ordered by the mean log10 of the truth, so that neighbours are alike and the response is a band.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError

Array = NDArray[np.float64]
Bins = NDArray[np.int64]

MIN_EVENTS_OF_A_LEAF = 200


@dataclass(frozen=True, eq=False)
class ProxyTree:
    """A tree over ``observables``: node -> its observable (``feature``), threshold, and nodes below; ``leaf_bin`` is -1 where it goes on.

    Observables are compared in single precision, as the tree was trained. ``mean_log_truth``: of the training events of each bin.
    """

    observables: tuple[str, ...]
    feature: NDArray[np.int64]
    threshold: Array
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    leaf_bin: Bins
    mean_log_truth: Array

    @property
    def count(self) -> int:
        """Number of proxy bins."""
        return len(self.mean_log_truth)

    def apply(self, columns: Mapping[str, ArrayLike]) -> Bins:
        """The proxy bin of every event."""
        table = np.stack([np.asarray(columns[name], dtype=np.float32) for name in self.observables], axis=1)
        found = np.empty(len(table), dtype=np.int64)
        _walk(table, self.feature, self.threshold, self.left, self.right, self.leaf_bin, found)
        return found

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: (list(value) if isinstance(value, tuple) else value.tolist()) for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ProxyTree:
        """What ``to_json`` gave."""
        arrays: dict[str, Any] = {name: np.array(values[name], dtype=np.int64) for name in ("feature", "left", "right", "leaf_bin")}
        arrays |= {name: np.array(values[name], dtype=np.float64) for name in ("threshold", "mean_log_truth")}
        return cls(observables=tuple(values["observables"]), **arrays)


@dataclass(frozen=True)
class ProxyGrid:
    """Bins between given edges of each observable, below and above them included; the last observable runs fastest."""

    edges: Mapping[str, tuple[float, ...]]

    @property
    def observables(self) -> tuple[str, ...]:
        """Names in the order of the bins."""
        return tuple(self.edges)

    @property
    def count(self) -> int:
        """Number of proxy bins."""
        return int(np.prod([len(one) + 1 for one in self.edges.values()]))

    def apply(self, columns: Mapping[str, ArrayLike]) -> Bins:
        """The proxy bin of every event; low <= x < high."""
        inside = tuple(np.searchsorted(np.asarray(edges), np.asarray(columns[name]), side="right") for name, edges in self.edges.items())
        return np.ravel_multi_index(inside, tuple(len(edges) + 1 for edges in self.edges.values())).astype(np.int64)


ProxyBins = ProxyTree | ProxyGrid


def trained(
    columns: Mapping[str, ArrayLike], truth: ArrayLike, truth_edges: ArrayLike, max_bins: int, seed: int,
    weights: Literal["none", "flat"] = "none", min_events: int = MIN_EVENTS_OF_A_LEAF,
) -> ProxyTree:  # fmt: skip
    """A tree that separates the truth bins (below and above the edges included) by the observables ``columns``.

    ``weights``: ``none`` counts every event once, ``flat`` every truth bin alike.
    Raises ``InputError`` when there are fewer events than a leaf needs.
    """
    from sklearn.tree import DecisionTreeClassifier

    truth = np.asarray(truth, dtype=np.float64)
    if len(truth) < 2 * min_events:
        raise InputError(f"{len(truth)} events to train the tree of proxy bins with, {2 * min_events} are needed; simulate more or raise train_size")
    bins = np.digitize(truth, np.asarray(truth_edges))
    table = np.stack([np.asarray(values, dtype=np.float32) for values in columns.values()], axis=1)
    classifier = DecisionTreeClassifier(max_leaf_nodes=max_bins, min_samples_leaf=min_events, random_state=seed)
    classifier.fit(table, bins, sample_weight=None if weights == "none" else 1.0 / np.bincount(bins)[bins])
    tree = classifier.tree_
    return _ordered(tuple(columns), tree, classifier.apply(table), np.log10(truth))


def _ordered(observables: tuple[str, ...], tree: Any, leaf: NDArray[np.int64], log_truth: Array) -> ProxyTree:
    """The arrays of a trained tree, leaves numbered by the mean of ``log_truth``."""
    leaves = np.flatnonzero(tree.children_left < 0)
    events = np.bincount(leaf, minlength=tree.node_count)[leaves]
    mean = np.bincount(leaf, log_truth, minlength=tree.node_count)[leaves] / events
    order = np.argsort(mean, kind="stable")
    leaf_bin = np.full(tree.node_count, -1, dtype=np.int64)
    leaf_bin[leaves[order]] = np.arange(len(leaves))
    left, right, feature = (np.array(one, dtype=np.int64) for one in (tree.children_left, tree.children_right, tree.feature))
    return ProxyTree(observables, feature, np.array(tree.threshold), left, right, leaf_bin, mean[order])


def merged_bins(expected: ArrayLike, min_expected: float) -> Bins:
    """The merged bin of each proxy bin, such that every merged bin expects at least ``min_expected`` events.

    The bin that expects least joins the neighbour that expects less, until all have enough or one bin is left. Numbers rise with the bins' order.

    >>> merged_bins([30.0, 4.0, 9.0, 20.0, 1.0], 10.0).tolist()
    [0, 1, 1, 2, 2]
    """
    sums = [float(one) for one in np.asarray(expected, dtype=np.float64)]
    sizes = [1] * len(sums)
    while len(sums) > 1 and min(sums) < min_expected:
        least = sums.index(min(sums))
        near = [place for place in (least - 1, least + 1) if 0 <= place < len(sums)]
        first = min(least, min(near, key=sums.__getitem__))
        sums[first : first + 2] = [sums[first] + sums[first + 1]]
        sizes[first : first + 2] = [sizes[first] + sizes[first + 1]]
    return np.repeat(np.arange(len(sizes)), sizes)


def refuse_too_few(count: int, truth_bins: int, target: str, wanted: int) -> None:
    """Refuse fewer proxy bins than there are truth bins: nothing could be unfolded. Raises ``InputError``."""
    if count < truth_bins:
        raise InputError(
            f"{target}: {count} of {wanted} proxy bins are populated, fewer than {truth_bins} truth bins; give fewer truth bins "
            f"(n_{target}_bins), more simulation, or other observables"
        )


def grid_of(grid: Mapping[str, Sequence[float]]) -> ProxyGrid:
    """A grid from edges by observable. Raises ``InputError`` for edges that do not rise."""
    for name, edges in grid.items():
        if len(edges) < 1 or not np.all(np.diff(edges) > 0):
            raise InputError(f"options.grid.{name}: edges must rise (given: {list(edges)})")
    return ProxyGrid({name: tuple(float(edge) for edge in edges) for name, edges in grid.items()})


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _walk(table: NDArray, feature: NDArray, threshold: Array, left: NDArray, right: NDArray, leaf_bin: NDArray, found: NDArray) -> None:
    """From the root to a leaf, for each event: left where the observable is at most the threshold."""
    for event in range(len(table)):
        node = 0
        while leaf_bin[node] < 0:
            node = left[node] if table[event, feature[node]] <= threshold[node] else right[node]
        found[event] = leaf_bin[node]
