"""A flux that is E^-2 in each of several segments of energy, with a norm of its own in each: no assumption on the spectrum as a whole.

``phi_s`` is E^2 Phi per flavour (nu + nubar) of segment s in 1e-8 GeV cm^-2 s^-1 sr^-1, which is 3e-18 (E / 100 TeV)^-2 summed over six species. With
the fraction W_es of true-energy node e that lies in segment s in ln E (0 or 1 where the nodes have edges at the segments' ends),

    mu_b = sum_e A_be g_e + atmos_norm B_b,   g_e = sum_s W_es phi_s,   s2_b = sum_e Q_be g_e^2 + 2 atmos_norm sum_e X_be g_e + atmos_norm^2 C_b:

linear in all parameters, so that a Poisson likelihood has one minimum (specification diffuse 4.5; arXiv:2011.03545, section V.B).
Outside the segments there is no flux.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from fits.folding import squared, vector
from fits.model import REFERENCE_ENERGY_GEV, Model
from fits.parameters import FitParameter
from fits.response import Response
from physics.constants import N_FLAVOURS
from physics.spectra import Shape, ShapeParameter

Array = NDArray[np.float64]

UNIT = "1e-8 GeV / (cm2 s sr)"
UNIT_GEV_CM2_S_SR = 1.0e-8  # at 100 TeV this is 1e-18 GeV^-1 cm^-2 s^-1 sr^-1, the unit of norms
TOUCH = 1.0e-9  # part of a node below which an edge counts as the node's own


@dataclass(frozen=True)
class InverseSquare:
    """``(E / pivot)^-2`` without parameters."""

    parameters: tuple[ShapeParameter, ...] = ()

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """Shape at ``x = ln(E / pivot)``; ``theta`` is empty."""
        none = np.empty((0, x.size))
        return Shape(-2.0 * x, np.full(x.size, -2.0), np.zeros(x.size), none, none, none)


@dataclass(frozen=True)
class SegmentPoint:
    """The model at one point: ``mu`` and ``s2`` (bins,), flux factors ``g`` of the nodes."""

    mu: Array
    s2: Array
    g: Array
    atmos: float


class SegmentedModel:
    """Expected counts for a piecewise E^-2 flux; parameters ``phi_1`` ... ``phi_n`` and ``atmos_norm``, all >= 0.

    ``edges_gev``: ascending ends of the segments. Raises InputError when they are not, or when no simulation lies in a segment.
    """

    def __init__(self, response: Response, edges_gev: Sequence[float]) -> None:
        self.response, self.spectrum = response, InverseSquare()
        self.pivot_gev = REFERENCE_ENERGY_GEV
        self.edges_gev = _checked(edges_gev)
        self.overlap = overlap(response.ln_energy, response.width, np.log(self.edges_gev))
        self._base = Model(response, self.spectrum)
        self._nodes = self._per_node(self._base.matrix, vector(self._base.weights(np.array([1.0, 1.0])), self._base.n_moments))
        self.per_unit = self._nodes @ self.overlap
        self._refuse_empty()
        self.names = (*(f"phi_{i + 1}" for i in range(self.overlap.shape[1])), "atmos_norm")
        self.parameters = tuple(FitParameter(name, (1.0,), 0.0, math.inf, "" if name == "atmos_norm" else UNIT) for name in self.names)
        self.background, self.atmosphere = self._base.background, self._base.atmosphere
        self._pairs: tuple[Array, Array, Array] | None = None

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.response.bins)

    @property
    def n_shared(self) -> int:
        """Number of true-energy nodes that two segments share."""
        return int(((self.overlap > TOUCH) & (self.overlap < 1.0 - TOUCH)).any(axis=1).sum())

    @property
    def reachable(self) -> NDArray[np.bool_]:
        """(bins,): whether any parameters give the bin an expectation."""
        return (self.per_unit != 0).any(axis=1) | (self.background != 0)

    @property
    def has_variance(self) -> bool:
        """Whether the response holds pair moments, i.e. the variance of the simulation."""
        return self._base.has_variance

    def require_variance(self) -> None:
        """Fold the pair moments. Raises ``InputError`` for a response without them."""
        if self._pairs is None:
            own, cross, constant = self._base.pair_matrices
            weights = self._base.weights(np.array([1.0, 1.0]))
            twice = vector(squared(weights, self._base.nodes), self._base.n_moments)
            once = vector(weights, self._base.n_moments)
            flux = float(N_FLAVOURS)
            self._pairs = flux * self._per_node(own, twice), self._per_node(cross, once), constant

    def check(self, parameters: Sequence[FitParameter]) -> None:
        """Nothing that bounds could break: every expectation is linear."""

    def at(self, theta: ArrayLike, *, variance: bool = False) -> SegmentPoint:
        """Expectation and, if wanted, its variance from the finite simulation."""
        theta = np.asarray(theta, dtype=float)
        g, atmos = self.overlap @ theta[:-1], float(theta[-1])
        s2 = np.zeros(self.n_bins)
        if variance:
            self.require_variance()
            assert self._pairs is not None
            own, cross, constant = self._pairs
            s2 = np.maximum(own @ g**2 + 2.0 * atmos * (cross @ g) + atmos**2 * constant, 0.0)
        return SegmentPoint(self.per_unit @ theta[:-1] + atmos * self.background, s2, g, atmos)

    def pull_back(self, point: SegmentPoint, in_mu: Array, in_s2: Array | None = None) -> Array:
        """Derivatives in the parameters from those in ``mu`` and ``s2`` (bins,)."""
        in_nodes, in_atmos = in_mu @ self._nodes, float(in_mu @ self.background)
        if in_s2 is not None:
            assert self._pairs is not None
            own, cross, constant = self._pairs
            in_nodes = in_nodes + 2.0 * point.g * (in_s2 @ own) + 2.0 * point.atmos * (in_s2 @ cross)
            in_atmos += float(in_s2 @ (2.0 * (cross @ point.g) + 2.0 * point.atmos * constant))
        return np.append(in_nodes @ self.overlap, in_atmos)

    def expected(self, theta: ArrayLike) -> Array:
        """Expected counts (bins,)."""
        return self.at(theta).mu

    def mu_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        """Expected counts (bins,) and their derivatives (parameters, bins)."""
        return self.expected(theta), np.vstack([self.per_unit.T, self.background])

    def variance(self, theta: ArrayLike) -> Array:
        """Variance (bins,) of the expectation from the finite simulation."""
        return self.at(theta, variance=True).s2

    def components(self, theta: ArrayLike) -> Mapping[str, Array]:
        """Expected counts (bins,) of each component: astro, and atmo or conventional and muon."""
        theta = np.asarray(theta, dtype=float)
        return {"astro": self.per_unit @ theta[:-1], **{name: theta[-1] * values for name, values in self.atmosphere.items()}}

    def check_fold(self, theta: ArrayLike) -> float:
        """Largest relative error of the folding of E^-2; warns where it is not small (``Model.check_fold``)."""
        return self._base.check_fold(np.array([1.0, 1.0]))

    def _per_node(self, matrix: Array, weights: Array) -> Array:
        """(bins, nodes): events of each node for phi = 1, moments summed."""
        return float(N_FLAVOURS) * (matrix * weights).reshape(len(matrix), self._base.n_moments, -1).sum(axis=1)

    def _refuse_empty(self) -> None:
        events = self.per_unit.sum(axis=0)
        for low, high, found in zip(self.edges_gev, self.edges_gev[1:], events, strict=False):
            if not found > 0:
                energies = np.exp(self.response.ln_energy)
                raise InputError(
                    f"segments: no simulation between {low:g} and {high:g} GeV (it lies at {energies[0]:g}..{energies[-1]:g} GeV); "
                    "leave that segment out"
                )


def overlap(ln_energy: Array, width: Array, ln_edges: Array) -> Array:
    """(nodes, segments): part of each node, in ln E, that lies in each segment.

    >>> overlap(np.array([0.5, 1.5]), np.ones(2), np.array([0.0, 1.25, 2.0])).tolist()
    [[1.0, 0.0], [0.25, 0.75]]
    """
    low, high = (ln_energy - 0.5 * width)[:, None], (ln_energy + 0.5 * width)[:, None]
    inside = np.minimum(high, ln_edges[1:]) - np.maximum(low, ln_edges[:-1])
    part = np.clip(inside / width[:, None], 0.0, 1.0)
    return np.where(part > 1.0 - TOUCH, 1.0, np.where(part < TOUCH, 0.0, part))


def _checked(edges_gev: Sequence[float]) -> Array:
    edges = np.asarray(edges_gev, dtype=float)
    if edges.ndim != 1 or edges.size < 2 or not (np.isfinite(edges).all() and edges[0] > 0 and (np.diff(edges) > 0).all()):
        raise InputError(f"segments: {list(edges_gev)} are not at least two ascending positive energies in GeV")
    return edges
