"""Atmospheric components under a tilt (E/E_c)^-(m Delta) of their spectrum: one parameter, hence tabulated once as Chebyshev series.

For |m Delta (ln E - ln E_c)| <= z the truncation error of n terms is about 2 (z/2)^n / n! of the expectation (Trefethen, Approximation Theory and
Approximation Practice, ch. 8): below 1e-8 with 14 terms for the energies of the analysis and the bounds of the parameter.
"""

from __future__ import annotations

import math
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
        self._table = np.ascontiguousarray(np.concatenate(tables).T if tables else np.empty((TERMS, 0)))
        self._slope = np.pad(chebyshev.chebder(np.eye(TERMS), axis=1), ((0, 0), (0, 1))) / half_width  # d/dDelta of a series, as coefficients

    def value_and_slope(self, delta: float) -> tuple[Array, Array]:
        """(components, bins) and the derivative in Delta, at ``delta``."""
        angle = math.acos(min(max((delta - self._centre) / self._half_width, -1.0), 1.0))
        basis = np.cos(np.arange(TERMS) * angle)
        value, slope = np.stack([basis, self._slope @ basis]) @ self._table  # one pass over the table for both: memory is what it costs
        return value.reshape(self.n, -1), slope.reshape(self.n, -1)


def tilt_shape(delta: float, distance: Array) -> Shape:
    """ln of (E/E_c)^-Delta at the nodes, and its derivative in Delta."""
    zero = np.zeros((1, distance.size))
    return Shape(-delta * distance, np.full_like(distance, -delta), zero[0], -distance[None, :], zero - 1.0, zero)


def tilt(delta: float, distance: Array, nodes: Nodes) -> NodeWeights:
    """Weights of the nodes for weights of events that have their spectrum already."""
    own = Nodes(0.0, np.zeros_like(distance), nodes.cubic, nodes.n_moments)
    return node_weights(tilt_shape(delta, distance), own)
