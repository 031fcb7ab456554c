"""The toy of the stopping muons (specification chapter 7) as a problem: 87 k expected events, 40 leaves of a tree, 10 bins and flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from fits.unfolding import UnfoldingProblem
from fits.unfolding.coverage import Truth
from simulation.stopping_muons import BLOCK, Detector, Flux, Tracks, generate, reconstruct, stream, triggered

COUNTS = 87_000.0
EDGES = {"energy": np.geomspace(500.0, 12_000.0, 11), "range": np.geomspace(1600.0, 6000.0, 11)}


@dataclass(frozen=True)
class Selected:
    """Selected events: weights, both truths, observables (events, observables)."""

    weight: np.ndarray
    truth: dict[str, np.ndarray]
    observables: np.ndarray


def selected(seed: int, muons: int) -> Selected:
    """Events with score above 0.7 among ``muons`` generated ones."""
    blocks = []
    for block in range(-(-muons // BLOCK)):
        rng = stream(seed, block)
        tracks = Tracks.followed(rng, generate(rng, BLOCK, muons, Flux()))
        tracks = tracks.of(np.flatnonzero(tracks.reached))
        tracks = tracks.of(np.flatnonzero(triggered(rng, tracks, Detector())))
        seen = reconstruct(rng, tracks, Detector())
        kept = seen.score > 0.7
        observables = (seen.energy_entry_gev, seen.energy_surface_gev, seen.length_m, np.cos(seen.zenith_rad), seen.stop_z_m, seen.score)
        blocks.append((tracks.muons.weight_hz[kept], tracks.muons.energy_gev[kept], tracks.length_m[kept], np.stack(observables, axis=1)[kept]))
    weight, energy, length, observables = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return Selected(weight, {"energy": energy, "range": length}, observables)


class Leaves:
    """Row and column of events in the response of a target, by a tree that every fourth of ``events`` has trained."""

    def __init__(self, target: str, events: Selected, leaves: int) -> None:
        self.target, self.trained = target, np.arange(events.weight.size) % 4 == 0
        part, truth = self.trained, events.truth[target]
        observables = events.observables.astype(np.float32)
        self.tree = DecisionTreeClassifier(max_leaf_nodes=leaves, min_samples_leaf=200, random_state=1)
        self.tree.fit(observables[part], np.digitize(truth[part], EDGES[target]))
        found = self.tree.apply(observables[part])
        order = {leaf: np.mean(np.log(truth[part][found == leaf])) for leaf in np.unique(found)}
        self.number = np.zeros(found.max() + 1, int)
        self.number[sorted(order, key=order.__getitem__)] = np.arange(len(order))
        self.count = len(order)

    def sums(self, events: Selected, chosen: np.ndarray, weight: np.ndarray, power: int = 1) -> np.ndarray:
        """Sums of weights to a power by (leaf, truth bin with flow)."""
        rows = self.number[self.tree.apply(events.observables[chosen].astype(np.float32))]
        cells = rows * 12 + np.digitize(events.truth[self.target][chosen], EDGES[self.target])
        return np.bincount(cells, weight**power, self.count * 12).reshape(-1, 12)


def problem_of(target: str, muons: int = 4_000_000, leaves: int = 40, **options: object) -> tuple[UnfoldingProblem, dict[str, Truth]]:
    """The problem and spectra with indices -0.1, 0 and +0.1 from the same events; a fourth of them trains the tree."""
    events = selected(11, muons)
    return _problem(events, Leaves(target, events, leaves), **options)


def _problem(events: Selected, leaves: Leaves, **options: object) -> tuple[UnfoldingProblem, dict[str, Truth]]:
    chosen = ~leaves.trained
    weight = events.weight[chosen] * COUNTS / events.weight[chosen].sum()
    w, s = (leaves.sums(events, chosen, weight, power) for power in (1, 2))
    spectra = {}
    for power in (0.0, -0.1, 0.1):
        tilted = weight * (events.truth["energy"][chosen] / 1000.0) ** power
        cell = leaves.sums(events, chosen, tilted) * COUNTS / tilted.sum()
        spectra[f"{power:+g}"] = Truth(cell.sum(axis=0), cell.sum(axis=1))
    g = np.round(spectra["+0"].expected)
    return UnfoldingProblem(w, s, g, edges=EDGES[leaves.target], underflow=True, overflow=True, **{"mc_stat": "none", **options}), spectra


def problem_and_test(target: str, muons: int, test_muons: int, **options: object) -> tuple[UnfoldingProblem, np.ndarray, np.ndarray]:
    """The problem, and sums of weights and of their squares of events that neither its tree nor its response has seen."""
    events, other = selected(11, muons), selected(12, test_muons)
    leaves = Leaves(target, events, 40)
    problem, _ = _problem(events, leaves, **options)
    weight = other.weight * COUNTS / other.weight.sum()
    w, s = (leaves.sums(other, np.ones(weight.size, bool), weight, power) for power in (1, 2))
    return problem, w, s
