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


def problem_of(target: str, muons: int = 4_000_000, leaves: int = 40, **options: object) -> tuple[UnfoldingProblem, dict[str, Truth]]:
    """The problem and spectra with indices -0.1, 0 and +0.1 from the same events; a fourth of them trains the tree."""
    events = selected(11, muons)
    edges = EDGES[target]
    columns = np.digitize(events.truth[target], edges)
    part = np.arange(columns.size) % 4 == 0
    observables = events.observables.astype(np.float32)
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, min_samples_leaf=200, random_state=1).fit(observables[part], columns[part])
    found = tree.apply(observables)
    order = {leaf: np.mean(np.log(events.truth[target][part & (found == leaf)])) for leaf in np.unique(found[part])}
    number = np.zeros(found.max() + 1, int)
    number[sorted(order, key=order.__getitem__)] = np.arange(len(order))
    cells = number[found[~part]] * 12 + columns[~part]
    weight = events.weight[~part] * COUNTS / events.weight[~part].sum()
    w, s = (np.bincount(cells, weight**power, len(order) * 12).reshape(-1, 12) for power in (1, 2))
    spectra = {}
    for power in (0.0, -0.1, 0.1):
        tilted = weight * (events.truth["energy"][~part] / 1000.0) ** power
        cell = np.bincount(cells, tilted, len(order) * 12).reshape(-1, 12) * COUNTS / tilted.sum()
        spectra[f"{power:+g}"] = Truth(cell.sum(axis=0), cell.sum(axis=1))
    g = np.round(spectra["+0"].expected)
    return UnfoldingProblem(w, s, g, edges=edges, underflow=True, overflow=True, **{"mc_stat": "none", **options}), spectra
