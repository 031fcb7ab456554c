"""Atmospheric components under a tilt (E/E_c)^-(m Delta) of their spectrum: one parameter, hence tabulated once as Chebyshev series.

For |m Delta (ln E - ln E_c)| <= z the truncation error of n terms is about 2 (z/2)^n / n! of the expectation (Trefethen, Approximation Theory and
Approximation Practice, ch. 8): below 1e-8 with 14 terms for the energies of the analysis and the bounds of the parameter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from fits.folding import Nodes, NodeWeights, node_weights, vector
from physics.spectra import Shape

Array = NDArray[np.float64]

TERMS = 14


class TiltedSums:
    """Rows (bins of several folded matrices) as functions of Delta in ``bounds``.

    ``moments``: arrays (moments, bins, nodes); ``multiples``: m of each, 1 for a component, 2 for a product of two; ``distance``: ln E - ln E_c.
    """

    def __init__(self, moments: Sequence[Array], multiples: Sequence[int], distance: Array, nodes: Nodes, centre: float, half_width: float) -> None:
        self._centre, self._half_width = centre, half_width
        self.n = len(moments)
        places = chebyshev.chebpts1(TERMS)
        to_series = np.linalg.inv(chebyshev.chebvander(places, TERMS - 1))
        tables = []
        for array, multiple in zip(moments, multiples, strict=True):
            matrix = np.concatenate(list(array), axis=1)
            folded = [matrix @ vector(tilt(multiple * (centre + half_width * u), distance, nodes), nodes.n_moments) for u in places]
            tables.append(np.stack(folded, axis=-1) @ to_series.T)
        self._table = np.concatenate(tables) if tables else np.empty((0, TERMS))

    def value_and_slope(self, delta: float) -> tuple[Array, Array]:
        """(components, bins) and the derivative in Delta, at ``delta``."""
        u = (delta - self._centre) / self._half_width
        basis = chebyshev.chebvander(np.array([u]), TERMS - 1)[0]
        slopes = np.array([k * _second_kind(k - 1, u) for k in range(TERMS)]) / self._half_width
        found = self._table @ np.column_stack([basis, slopes])
        return found[:, 0].reshape(self.n, -1), found[:, 1].reshape(self.n, -1)


def tilt_shape(delta: float, distance: Array) -> Shape:
    """ln of (E/E_c)^-Delta at the nodes, and its derivative in Delta."""
    zero = np.zeros((1, distance.size))
    return Shape(-delta * distance, np.full_like(distance, -delta), zero[0], -distance[None, :], zero - 1.0, zero)


def tilt(delta: float, distance: Array, nodes: Nodes) -> NodeWeights:
    """Weights of the nodes for weights of events that have their spectrum already."""
    own = Nodes(0.0, np.zeros_like(distance), nodes.cubic, nodes.n_moments)
    return node_weights(tilt_shape(delta, distance), own)


def _second_kind(n: int, u: float) -> float:
    """Chebyshev polynomial of the second kind U_n: the derivative of T_k is k U_(k-1)."""
    if n < 0:
        return 0.0
    before, now = 0.0, 1.0
    for _ in range(n):
        before, now = now, 2.0 * u * now - before
    return now
