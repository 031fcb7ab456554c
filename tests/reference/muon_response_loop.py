"""Response, effective areas and bootstrap of stopping muons, event by event with plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from processors.stopping_muons_showers import replica_counts


def cell(value: float, edges: Sequence[float]) -> int:
    """0 is the underflow, len(edges) the overflow."""
    return sum(value >= edge for edge in edges)


def matrix(proxy: Sequence[int], truth: Sequence[float], weight: Sequence[float], edges: Sequence[float], count: int) -> np.ndarray:
    """(2, proxy bins, truth bins with flow): sums of weights and of their squares."""
    found = np.zeros((2, count, len(edges) + 1))
    for one, value, w in zip(proxy, truth, weight, strict=True):
        found[0, one, cell(value, edges)] += w
        found[1, one, cell(value, edges)] += w * w
    return found


def selected(columns: Mapping[str, np.ndarray], least_score: float) -> list[int]:
    """Filter with both of its entries, then the score."""
    return [k for k in range(len(columns["Event"])) if all(columns["fss_filter"][k]) and columns["stopping_score"][k] >= least_score]


def bootstrap(keys: np.ndarray, truth: Sequence[float], weight: Sequence[float], edges: Sequence[float], replicas: int) -> np.ndarray:
    """(replicas + 1, truth bins with flow): sums of weights, each event as often as its shower counts in the replica."""
    found = np.zeros((replicas + 1, len(edges) + 1))
    for counts, value, w in zip(replica_counts(keys, replicas), truth, weight, strict=True):
        found[0, cell(value, edges)] += w
        for number, count in enumerate(counts, start=1):
            found[number, cell(value, edges)] += count * w
    return found
