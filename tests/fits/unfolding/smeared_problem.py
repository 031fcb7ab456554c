"""A steep spectrum measured with a resolution as wide as a bin: 40 proxy bins, 10 truth bins with flow, built from weighted events."""

from __future__ import annotations

from typing import Any

import numpy as np

from fits.unfolding import NuisanceTemplate, UnfoldingProblem

EDGES = np.geomspace(500.0, 12_000.0, 11)
PROXY = np.log(np.geomspace(350.0, 25_000.0, 41))


def response(events: int, seed: int, *, resolution: float = 0.2, index: float = 2.0, bins: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """(W, S) of ``events`` drawn flat in ln x and weighted with x^-index; everything beyond the last edges falls into the last bins."""
    random = np.random.default_rng(seed)
    truth = random.uniform(np.log(200.0), np.log(60_000.0), events)
    weight = np.exp(-index * truth)
    rows = np.digitize(truth + random.normal(0, resolution, events), PROXY[:: 40 // bins][1:-1])
    cells = rows * 12 + np.digitize(truth, np.log(EDGES))
    w, s = (np.bincount(cells, weight**power, bins * 12).reshape(bins, 12) for power in (1, 2))
    return w, s


def smeared(
    counts: float = 87_000.0, *, simulated: int = 300_000, seed: int = 1, nuisances: int = 0, rows_only: bool = False, **options: Any
) -> UnfoldingProblem:
    bins = options.pop("bins", 40)
    w, s = response(simulated, seed, bins=bins, resolution=options.pop("resolution", 0.2))
    scale = counts / w.sum()
    g = np.random.default_rng(seed + 1).poisson(scale * w.sum(axis=1)).astype(float)
    shapes = [0.1 * np.polynomial.legendre.legval(np.linspace(-1, 1, bins), np.eye(4)[k]) for k in range(1, 1 + nuisances)]
    lean = np.ones(12) if rows_only else 1.0 + 0.1 * np.linspace(-1, 1, 12)
    templates = tuple(NuisanceTemplate(f"n{k}", shape if rows_only else np.outer(shape, lean), 0.05 * shape) for k, shape in enumerate(shapes))
    return UnfoldingProblem(
        scale * w, scale**2 * s, g, templates=templates, edges=EDGES, underflow=True, overflow=True, **{"mc_stat": "none", **options}
    )
