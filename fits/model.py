"""The expectation in every bin as a function of the parameters: one astrophysical spectrum folded with the response, plus atmosphere.

``mu_b = astro_norm F_b(shape) + atmos_norm B_b`` with the folding F of ``fits.folding`` (specification diffuse 3.2, 4.1). The variance of mu from the
finite simulation is ``s2 = astro_norm^2 V_2 + 2 astro_norm atmos_norm V_1 + atmos_norm^2 V_0`` from the pair moments.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from fits.astro_flux import AstroFlux
from fits.folding import Nodes, NodeWeights, columns, node_weights, parabola_error, squared, vector
from fits.parameters import FitParameter
from fits.response import Response
from physics.spectra import Spectrum

Array = NDArray[np.float64]

REFERENCE_ENERGY_GEV = 1.0e5  # where the reference spectrum of the response is normalised
ATMOSPHERE = {"atmo": "atmo", "pion": "conventional", "kaon": "conventional", "muon": "muon"}  # response component -> component of results
FOLD_TOLERANCE = 1.0e-3  # relative; a larger estimate of the neglected terms is worth a warning ...
FOLD_MINIMUM = 0.01  # ... in bins that expect more events than this


class Model:
    """Expected counts of one response for one spectrum.

    Parameters in order: ``astro_norm`` (six species summed at the pivot, 1e-18 GeV^-1 cm^-2 s^-1 sr^-1), the spectrum's own (segments carry their
    norms themselves: no ``astro_norm``), ``atmos_norm`` (scales ``atmo``, or pion + kaon + muon of a response from the official simulation).
    ``parameters`` have no priors yet: ``fits.parameters.configure`` adds them.
    """

    def __init__(self, response: Response, spectrum: Spectrum, *, pivot_gev: float = REFERENCE_ENERGY_GEV) -> None:
        if "astro" not in response.components:
            raise InputError(f"the response has no component astro (present: {', '.join(response.components)})")
        self.spectrum = spectrum
        self.pivot_gev = pivot_gev
        self.flux = AstroFlux(spectrum, response, pivot_gev)
        self.response = response = self.flux.response
        self.parameters: tuple[FitParameter, ...] = (*self.flux.parameters, FitParameter("atmos_norm", (1.0,), 0.0, math.inf))
        self.names = tuple(parameter.name for parameter in self.parameters)
        astro = response.total("astro")
        assert astro is not None
        self.n_moments = astro.shape[0]
        self.matrix = _side_by_side(astro)
        self.atmosphere = _atmosphere(response)
        self.background = sum(self.atmosphere.values(), np.zeros(len(response.bins)))
        from_reference = response.ln_energy - math.log(REFERENCE_ENERGY_GEV)
        index, cubic = response.reference_index, 3.0 / 32.0 * response.width**2
        self.nodes = Nodes(index, index * from_reference, cubic, self.n_moments)
        self._constant = None if spectrum.parameters else self.flux.at(np.empty(1))

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.response.bins)

    @property
    def reachable(self) -> NDArray[np.bool_]:
        """(bins,): whether any parameters give the bin an expectation."""
        return (self.matrix != 0).any(axis=1) | (self.background != 0)

    @property
    def has_variance(self) -> bool:
        """Whether the response holds pair moments, i.e. the variance of the simulation."""
        return bool(self.response.pairs)

    def weights(self, theta: Array) -> NodeWeights:
        """The spectrum at the nodes for the full parameter vector ``theta``."""
        shape = self._constant if self._constant is not None else self.flux.at(theta)
        return node_weights(shape, self.nodes)

    def expected(self, theta: ArrayLike) -> Array:
        """Expected counts (bins,)."""
        theta = np.asarray(theta, dtype=float)
        norm = self.flux.with_norm(theta)[0]
        return norm * (self.matrix @ vector(self.weights(theta), self.n_moments)) + theta[-1] * self.background

    def mu_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        """Expected counts (bins,) and their derivatives (parameters, bins)."""
        theta = np.asarray(theta, dtype=float)
        norm = self.flux.with_norm(theta)[0]
        folded = (self.matrix @ columns(self.weights(theta), self.nodes)).T
        gradient = np.vstack([folded, self.background])
        gradient[1:-1] *= norm
        return norm * folded[0] + theta[-1] * self.background, self.flux.without_norm(gradient)

    def variance_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        """Variance (bins,) of the expectation from the finite simulation, sum of w^2, and its derivatives (parameters, bins)."""
        theta = np.asarray(theta, dtype=float)
        norm, atmos = self.flux.with_norm(theta)[0], theta[-1]
        own, cross, constant = self.pair_matrices
        weights = self.weights(theta)
        v2 = (own @ columns(squared(weights, self.nodes), self.nodes)).T
        v1 = (cross @ columns(weights, self.nodes)).T
        both = norm**2 * v2 + 2.0 * norm * atmos * v1
        gradient = np.vstack([2.0 * (norm * v2[0] + atmos * v1[0]), both[1:], 2.0 * (norm * v1[0] + atmos * constant)])
        return both[0] + atmos**2 * constant, self.flux.without_norm(gradient)

    def variance(self, theta: ArrayLike) -> Array:
        """Variance (bins,) of the expectation from the finite simulation."""
        return self.variance_and_gradient(theta)[0]

    @cached_property
    def total_row(self) -> Array:
        """(moments * nodes,): the matrix summed over bins."""
        return self.matrix.sum(axis=0)

    @cached_property
    def pair_matrices(self) -> tuple[Array, Array, Array]:
        """V_2, V_1 as (bins, moments x nodes) and V_0 (bins,). Raises ``InputError`` for a response without pair moments."""
        if not self.has_variance:
            raise InputError(
                "the response has no pair moments (sums of squared weights), which likelihoods say and bb_lite need; use likelihood: poisson, "
                "or process the simulation with pair_moments: 2 (a surrogate response has no simulated events and allows poisson alone)"
            )
        own, cross = np.zeros_like(self.matrix), np.zeros_like(self.matrix)
        constant = np.zeros(self.n_bins)
        for (_, left, right), array in self.response.pairs.items():
            astro = (left == "astro") + (right == "astro")
            others = [one for one in (left, right) if one != "astro"]
            if any(one not in ATMOSPHERE for one in others):
                continue
            if astro == 2:
                own += _side_by_side(array)
            elif astro == 1:
                cross += _side_by_side(array)
            else:
                constant += (1.0 if left == right else 2.0) * array[0].sum(axis=1)
        return own, cross, constant

    def components(self, theta: ArrayLike) -> Mapping[str, Array]:
        """Expected counts (bins,) of each component: astro, and atmo or conventional and muon."""
        theta = np.asarray(theta, dtype=float)
        astro = self.flux.with_norm(theta)[0] * (self.matrix @ vector(self.weights(theta), self.n_moments))
        return {"astro": astro, **{name: theta[-1] * values for name, values in self.atmosphere.items()}}

    def fold_error(self, theta: ArrayLike) -> Array:
        """Largest relative error (bins,) of the expectation: the spectrum's distance from its parabola in each node, times the node's weight.

        The distance is looked at in four places of a node: between them it may be a tenth larger, which shows in bins of a few simulated events.
        The distance is zero where events sit at the node's centre, so that the weight is at most 3 sqrt(M_0 M_2) / (h/2) (T_3(u) <= 3u): a response
        whose nodes are points has no error. Nodes at the ends of a tabulated spectrum are compared inside the table only; segments share nodes as
        they do in the folding.
        """
        theta = np.asarray(theta, dtype=float)
        weights, nodes = self.weights(theta), self.flux.x
        distance = np.zeros_like(nodes)
        for share in (-0.5, -0.25, 0.25, 0.5):
            x = np.clip(nodes + share * self.response.width, nodes[0], nodes[-1])
            distance = np.maximum(distance, parabola_error(weights, self.flux.at(theta, x), x - nodes, self.nodes))
        first, *_, last = np.split(np.abs(self.matrix), self.n_moments, axis=1) if self.n_moments > 1 else (np.abs(self.matrix),) * 2
        if self.n_moments == 3:
            first = np.minimum(first, 6.0 / self.response.width * np.sqrt(first * last))
        error = self.flux.with_norm(theta)[0] * (first @ (weights.r * distance))
        mu = self.expected(theta)
        return np.divide(error, mu, out=np.zeros_like(error), where=mu > 0)

    def check_fold(self, theta: ArrayLike) -> float:
        """Largest ``fold_error`` of the bins above 0.01 events; warns above 1e-3, naming the bin and the cure."""
        error = np.where(self.expected(theta) > FOLD_MINIMUM, self.fold_error(theta), 0.0)
        worst = int(np.argmax(error))
        if error[worst] > FOLD_TOLERANCE:
            bends = "it bends within a true-energy node; raise processor.true_energy.per_decade or put breakpoints on its breaks"
            unknown = "a bound for events anywhere in their true-energy node, as the response lacks second moments; set processor.moments: 2"
            warnings.warn(
                f"folding the spectrum may be wrong by {error[worst]:.1e} in bin {self.response.bins[worst].label}: "
                f"{bends if self.n_moments == 3 else unknown}",
                stacklevel=2,
            )
        return float(error[worst])


def _side_by_side(moments: Array) -> Array:
    """(moments, bins, nodes) -> contiguous (bins, moments * nodes)."""
    return np.ascontiguousarray(np.concatenate(list(moments), axis=1))


def _atmosphere(response: Response) -> dict[str, Array]:
    """Background (bins,) of each atmospheric component at norm 1."""
    sums: dict[str, Array] = {}
    for component, name in ATMOSPHERE.items():
        total = response.total(component)
        if total is not None:
            sums[name] = sums.get(name, np.zeros(len(response.bins))) + total[0].sum(axis=1)
    return sums
