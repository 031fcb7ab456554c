"""Processing of stopping muons: 8e5 events into proxy bins beside scikit-learn and a loop, 100 bootstrap replicas beside draws of NumPy.

Targets: digitise 8e5 events in 0.5 s, replicas of an effective area of 1e6 events in 20 s (specification 11); both are reached with room.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from processors.proxy_bins import ProxyTree, trained
from processors.stopping_muons_showers import replica_sums, shower_keys

EVENTS, REPLICAS, CELLS = 800_000, 100, 12


def seconds(function: Callable[[], object], repeat: int = 3) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def columns(count: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(1)
    truth = 10 ** rng.uniform(2.5, 4.5, count)
    return {f"observable_{k}": np.log10(truth) + 0.1 * (k + 1) * rng.standard_normal(count) for k in range(6)}, truth


@pytest.fixture(scope="module")
def tree() -> ProxyTree:
    return trained(*columns(50_000), np.geomspace(500, 12000, 11), 40, seed=1)


def test_digitise(benchmark, tree: ProxyTree) -> None:
    events, _ = columns(EVENTS)
    tree.apply(events)  # compiled
    bins = benchmark.pedantic(tree.apply, (events,), rounds=5)
    assert len(bins) == EVENTS
    assert benchmark.stats.stats.min < 0.5

    few = np.stack([values[:2000].astype(np.float32) for values in events.values()], axis=1)

    def loop() -> list[int]:
        found = []
        for row in few:
            node = 0
            while tree.leaf_bin[node] < 0:
                node = tree.left[node] if row[tree.feature[node]] <= tree.threshold[node] else tree.right[node]
            found.append(int(tree.leaf_bin[node]))
        return found

    assert loop() == bins[:2000].tolist()
    benchmark.extra_info["ratio_to_loop"] = seconds(loop, 1) * EVENTS / 2000 / benchmark.stats.stats.min


def test_training(benchmark) -> None:
    events, truth = columns(267_000)
    found = benchmark.pedantic(trained, (events, truth, np.geomspace(500, 12000, 11), 40), {"seed": 1}, rounds=1)
    assert found.count == 40
    table = np.stack([one.astype(np.float32) for one in events.values()], axis=1)
    classifier = DecisionTreeClassifier(max_leaf_nodes=40, min_samples_leaf=200, random_state=1)
    alone = seconds(lambda: classifier.fit(table, np.digitize(truth, np.geomspace(500, 12000, 11))), 1)
    benchmark.extra_info["ratio_to_scikit_learn"] = benchmark.stats.stats.min / alone


def test_bootstrap(benchmark) -> None:
    """Of 1e6 events in three sectors."""
    count = 1_000_000
    rng = np.random.default_rng(2)
    keys = shower_keys("mc.hdf5", np.ones(count, np.int64), np.arange(count), 1)
    cell, terms = rng.integers(0, CELLS, count), np.rint(rng.exponential(1e6, count))
    member = np.stack([np.ones(count, bool), (half := rng.random(count) < 0.5), ~half])
    arguments = (cell, member, terms, terms, (3, REPLICAS, CELLS))
    replica_sums(keys[:10], cell[:10], member[:, :10], terms[:10], terms[:10], (3, REPLICAS, CELLS))  # compiled
    found = benchmark.pedantic(replica_sums, (keys, *arguments), rounds=2)
    assert found[0].sum() == pytest.approx(2 * REPLICAS * terms.sum(), rel=1e-3)
    assert benchmark.stats.stats.min < 20.0

    def drawn() -> np.ndarray:
        return np.stack([np.bincount(cell, terms * rng.poisson(1.0, count), minlength=CELLS) for _ in range(5)])

    benchmark.extra_info["ratio_to_numpy_draws"] = seconds(drawn, 1) * REPLICAS / 5 * 3 / benchmark.stats.stats.min
