"""A flux that is E^-2 with a norm of its own in each of several segments of energy: no assumption on the spectrum as a whole.

``phi_s`` is E^2 Phi per flavour (nu + nubar) of segment s in 1e-8 GeV cm^-2 s^-1 sr^-1; six species together then have
3e-18 phi_s (E / 100 TeV)^-2 GeV^-1 cm^-2 s^-1 sr^-1 (arXiv:2011.03545, section V.B). Outside the segments there is no flux. The spectrum carries its
norms itself: a model has no ``astro_norm`` beside them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from physics.constants import N_FLAVOURS, PIVOT_GEV
from physics.spectra import Shape, ShapeParameter

Array = NDArray[np.float64]

UNIT = "1e-8 GeV / (cm2 s sr)"
UNIT_GEV_CM2_S_SR = 1.0e-8  # at 100 TeV this is 1e-18 GeV^-1 cm^-2 s^-1 sr^-1, the unit of norms
PUBLISHED_EDGES_GEV = (4.2e4, 8.83e4, 1.86e5, 3.91e5, 8.23e5, 1.73e6, 3.64e6, 7.67e6)  # arXiv:2011.03545
TOUCH = 1.0e-9  # part of a node below which an edge counts as the node's own


@dataclass(frozen=True)
class Segmented:
    """``f = 3 phi_s (E / 100 TeV)^-2`` in segment s; ``edges_gev``: ascending ends of the segments, one more than there are segments.

    Raises InputError for other edges. Phi is linear in the parameters and may be 0, hence stated as a ``factor`` of ``Shape``.

    >>> [one.name for one in Segmented((1e5, 1e6, 1e7)).parameters]
    ['phi_1', 'phi_2']
    """

    edges_gev: tuple[float, ...] = PUBLISHED_EDGES_GEV
    pivot_gev: float = PIVOT_GEV

    def __post_init__(self) -> None:
        edges = np.asarray(self.edges_gev, dtype=float)
        if edges.ndim != 1 or edges.size < 2 or not (np.isfinite(edges).all() and edges[0] > 0 and (np.diff(edges) > 0).all()):
            raise InputError(f"segments: {list(self.edges_gev)} are not at least two ascending positive energies in GeV")

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """``phi_1`` ... ``phi_n``, all >= 0."""
        return tuple(ShapeParameter(f"phi_{i + 1}", 1.0, 0.0, math.inf, UNIT) for i in range(len(self.edges_gev) - 1))

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """Flux at ``x = ln(E/pivot)``; the upper end of a segment belongs to the next one."""
        place = np.searchsorted(np.log(np.asarray(self.edges_gev) / self.pivot_gev), x, side="right")
        return self.with_shares(x, (place[:, None] == np.arange(1, len(self.edges_gev))).astype(float), theta)

    def with_shares(self, x: Array, shares: Array, theta: Array) -> Shape:
        """Flux at ``x`` where segment s counts with ``shares[:, s]`` (n, segments)."""
        zero = np.zeros((shares.shape[1], x.size))
        ln_unit = math.log(N_FLAVOURS) - 2.0 * math.log(self.pivot_gev / PIVOT_GEV)
        return Shape(ln_unit - 2.0 * x, np.full(x.size, -2.0), zero[0], zero, zero, zero, shares @ theta, shares.T)

    def at_nodes(self, ln_energy: Array, width: Array) -> SegmentsAtNodes:
        """The same for true-energy nodes (nodes,) with midpoints ``ln_energy`` and ``width`` in ln E."""
        return SegmentsAtNodes(self, overlap(ln_energy, width, np.log(self.edges_gev)))


@dataclass(frozen=True)
class SegmentsAtNodes:
    """Segments at true-energy nodes; a node that an edge divides is shared by ``overlap`` (nodes, segments), its part in ln E."""

    segments: Segmented
    overlap: Array

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """Those of the segments."""
        return self.segments.parameters

    @property
    def n_shared(self) -> int:
        """Number of nodes that two segments share, or that reach beyond the segments."""
        return int(((self.overlap > 0.0) & (self.overlap < 1.0)).any(axis=1).sum())

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """Flux at ``x`` (nodes,), one place within each node."""
        return self.segments.with_shares(x, self.overlap, theta)


def overlap(ln_energy: Array, width: Array, ln_edges: Array) -> Array:
    """(nodes, segments): part of each node, in ln E, that lies in each segment.

    >>> overlap(np.array([0.5, 1.5]), np.ones(2), np.array([0.0, 1.25, 2.0])).tolist()
    [[1.0, 0.0], [0.25, 0.75]]
    """
    low, high = (ln_energy - 0.5 * width)[:, None], (ln_energy + 0.5 * width)[:, None]
    inside = np.minimum(high, ln_edges[1:]) - np.maximum(low, ln_edges[:-1])
    part = np.clip(inside / width[:, None], 0.0, 1.0)
    return np.where(part > 1.0 - TOUCH, 1.0, np.where(part < TOUCH, 0.0, part))
