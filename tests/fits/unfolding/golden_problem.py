"""The tiny problem G of the specification: 6 proxy bins, 4 truth bins, all of them regularised."""

from __future__ import annotations

from typing import Any

import numpy as np

from fits.unfolding import UnfoldingProblem

W = np.array([[60, 15, 4, 1], [25, 50, 15, 4], [10, 20, 40, 15], [4, 10, 25, 35], [1, 4, 12, 30], [0, 1, 4, 15]], dtype=float)
G = np.array([650, 490, 240, 140, 55, 20], dtype=float)
SHAPE = np.array([1100.0, 380.0, 140.0, 45.0])
FLUX_FACTOR = 1.0 / np.array([10.0, 30.0, 80.0, 200.0])


def golden(**options: Any) -> UnfoldingProblem:
    return UnfoldingProblem(W, 0.2 * W, G, **{"reference": SHAPE, "flux_factor": FLUX_FACTOR, "mc_stat": "none", **options})
