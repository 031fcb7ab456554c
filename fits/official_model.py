"""The model of the HESE release on a response: astrophysical spectrum, atmosphere with its nuisance parameters, detector factors by cell.

    mu_b = sum_j A_j T_j,b F_j,b,        s2_b = sum_(j <= l) (2 - delta_jl) A_j A_l T_j,b T_l,b G_jl,b

j runs over components, flavours and (where it matters) neutrinos and antineutrinos; A are products of norms, T the mean detector factors, F and G
foldings of moments and pair moments (github icecube/HESE-7-year-data-release; specification diffuse 4.2, 4.3). A surrogate response has astro and
atmo only, no pairs; which parameters there are follows from the components present. Gradients run backwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from fits.amplitudes import Amplitudes
from fits.astro_flux import AstroFlux
from fits.detector_factors import DetectorFactors
from fits.folded_terms import REFERENCE_ENERGY_GEV, FoldedTerms
from fits.folding import NodeWeights, columns
from fits.model import Model
from fits.official_parameters import TILT, TILT_LIMIT, TILT_OF_TABLES, check_range, is_detector, nuisances
from fits.parameters import FitParameter
from fits.response import AXES, Response
from physics.spectra import Spectrum

Array = NDArray[np.float64]

COMPONENT_NAMES = {"pion": "conventional", "kaon": "conventional"}


@dataclass(frozen=True)
class Point:
    """The model at one point: expectation and variance in the bins of the fit, and what the way back needs."""

    theta: Array
    mu: Array
    s2: Array
    astro: NodeWeights
    amplitudes: Array
    factors: Array  # T (terms, bins)
    detector: Array  # d ln T (detector parameters, keys, bins)
    folded: Array  # T F (terms, bins)
    in_tilt: Array
    pairs: Array  # T T G (pairs, bins); none without variance
    pair_amplitudes: Array
    pair_factors: Array  # T T (pairs, bins)
    pairs_in_tilt: Array


class OfficialModel:
    """Expected counts of a response with nuisance parameters; ``axes``: of the projection that is fitted.

    Parameters: ``astro_norm`` and the spectrum's own (of segments these alone), then nuisances (``fits.official_parameters``) with priors and bounds.
    ``detector=False`` leaves the detector parameters out. Raises ``InputError`` for a response without cells.
    """

    def __init__(
        self,
        response: Response,
        spectrum: Spectrum,
        *,
        axes: Sequence[str] = AXES,
        pivot_gev: float = REFERENCE_ENERGY_GEV,
        detector: bool = True,
    ) -> None:
        self._factors = _factors(response) if detector else None
        self.flux = AstroFlux(spectrum, response, pivot_gev)
        response = self.flux.response
        self.spectrum, self.pivot_gev, self.whole = spectrum, pivot_gev, response
        self.response = response.project(axes)
        self._group = None if len(self.response.bins) == len(response.bins) else response.groups(axes)[0]
        self._plain = Model(self.response, spectrum, pivot_gev=pivot_gev)
        systematics = self._factors.systematics if self._factors else ()
        self.parameters: tuple[FitParameter, ...] = (*self.flux.parameters, *nuisances(response.components, systematics))
        self.names = tuple(one.name for one in self.parameters)
        self.check(self.parameters)
        self._tilt = self.names.index(TILT) if TILT in self.names else None
        self._detector = [self.names.index(name) for name in systematics]
        tilt_at_reference = TILT_OF_TABLES if "atmo" in response.components else 0.0
        keys = self._factors.cells.keys if self._factors else ()
        self._terms = FoldedTerms(response, keys, tilt_at_reference)
        self._amplitudes = Amplitudes(self.names, self._terms.terms, self._terms.middle, tilt_at_reference)

    def check(self, parameters: Sequence[FitParameter]) -> None:
        """Refuse bounds beyond the tables of the detector or the range of the tilt."""
        for one in parameters:
            if is_detector(one.name) and self.whole.cells is not None:
                check_range(one, *self.whole.cells.range(one.name), "range of the detector tables")
            if one.name == TILT:
                check_range(one, -TILT_LIMIT, TILT_LIMIT, "tabulated range of the tilt")

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.response.bins)

    @property
    def reachable(self) -> NDArray[np.bool_]:
        """(bins,): whether any simulated event lies in the bin."""
        return self.response.simulated

    @property
    def has_variance(self) -> bool:
        """Whether the response holds pair moments, i.e. the variance of the simulation."""
        return bool(self.response.pairs)

    def require_variance(self) -> None:
        """Refuse a response without pair moments."""
        _ = self._plain.pair_matrices

    def at(self, theta: ArrayLike, *, variance: bool = False) -> Point:
        """The model at ``theta``; ``s2`` is zero unless ``variance``."""
        theta = np.asarray(theta, dtype=float)
        terms, tilt = self._terms, self._tilt_of(theta)
        astro = terms.astro(self.flux.at(theta))
        amplitudes = self._amplitudes.values(theta)
        factors, detector = self._detector_factors(theta)
        folded, in_tilt = terms.fold(astro, tilt)
        folded *= factors
        mu = self._merged(amplitudes @ folded)
        if not variance:
            none = np.empty((0, 0))
            return Point(theta, mu, np.zeros(self.n_bins), astro, amplitudes, factors, detector, folded, in_tilt, none, none, none, none)
        left, right, multiplicity, _ = terms.pairs
        pairs, pairs_in_tilt = terms.fold_pairs(astro, tilt)
        pair_factors = factors[left] * factors[right]
        pairs *= pair_factors
        both = multiplicity * amplitudes[left] * amplitudes[right]
        s2 = np.maximum(self._merged(both @ pairs), 0.0)
        return Point(theta, mu, s2, astro, amplitudes, factors, detector, folded, in_tilt, pairs, both, pair_factors, pairs_in_tilt)

    def pull_back(self, point: Point, in_mu: Array, in_s2: Array | None = None) -> Array:
        """Derivatives (parameters,) of a function of mu and s2 from its derivatives in them."""
        gradient = np.zeros(len(self.names))
        in_amplitudes = self._back_mu(gradient, point, self._spread(in_mu))
        if in_s2 is not None:
            in_amplitudes += self._back_s2(gradient, point, self._spread(in_s2))
        return gradient + self._amplitudes.jacobian(point.theta) @ in_amplitudes

    def _back_mu(self, gradient: Array, point: Point, in_mu: Array) -> Array:
        weight = point.amplitudes[:, None] * in_mu
        shape, in_tilt = self._terms.back(point.astro, point.in_tilt, weight * point.factors)
        self._add(gradient, shape, in_tilt)
        self._add_detector(gradient, point, self._terms.of_key @ (weight * point.folded))
        return point.folded @ in_mu

    def _back_s2(self, gradient: Array, point: Point, in_s2: Array) -> Array:
        left, right, multiplicity, of_key = self._terms.pairs
        weight = point.pair_amplitudes[:, None] * in_s2
        tilt = self._tilt_of(point.theta)
        shape, in_tilt = self._terms.back_pairs(point.astro, tilt, point.pairs_in_tilt, weight * point.pair_factors)
        self._add(gradient, shape, in_tilt)
        self._add_detector(gradient, point, of_key @ (weight * point.pairs))
        sums, n = multiplicity * (point.pairs @ in_s2), len(point.amplitudes)
        both = np.bincount(left, sums * point.amplitudes[right], n) + np.bincount(right, sums * point.amplitudes[left], n)
        return both.astype(np.float64)

    def _add(self, gradient: Array, shape: Array, in_tilt: float) -> None:
        gradient[self.flux.shape] += shape
        if self._tilt is not None:
            gradient[self._tilt] += in_tilt

    def _add_detector(self, gradient: Array, point: Point, by_key: Array) -> None:
        """Add the sums of derivatives in ln T (keys, bins) times those of ln T in the parameters."""
        for row, slopes in zip(self._detector, point.detector, strict=True):
            gradient[row] += np.vdot(by_key, slopes)

    def _tilt_of(self, theta: Array) -> float:
        return self._terms.tilt_at_reference if self._tilt is None else float(theta[self._tilt])

    def _detector_factors(self, theta: Array) -> tuple[Array, Array]:
        """T of every term (terms, bins), and d ln T (parameters, keys, bins)."""
        n, key = len(self.whole.bins), self._terms.key
        if self._factors is None:
            return np.ones((len(key), n)), np.empty((0, 0, n))
        ln_t, slopes = self._factors.ln_and_slopes(theta[self._detector].tolist())
        return np.concatenate([np.exp(ln_t), np.ones((1, n))])[key], slopes  # the last row: key -1, no detector factors

    def _merged(self, values: Array) -> Array:
        """Sums over the bins of the projection."""
        return values if self._group is None else np.bincount(self._group, values, self.n_bins).astype(np.float64)

    def _spread(self, values: Array) -> Array:
        return values if self._group is None else values[self._group]

    def expected(self, theta: ArrayLike) -> Array:
        """Expected counts (bins,)."""
        return self.at(theta).mu

    def variance(self, theta: ArrayLike) -> Array:
        """Variance (bins,) of the expectation from the finite simulation."""
        return self.at(theta, variance=True).s2

    def mu_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        """Expected counts (bins,) and their derivatives (parameters, bins)."""
        point = self.at(theta)
        gradient = self._amplitudes.jacobian(point.theta) @ point.folded
        weighted, n = point.amplitudes[:, None] * point.factors, self._terms.n_astro
        for row, column in enumerate(columns(point.astro, self._terms.nodes)[:, 1:].T, start=self.flux.shape.start):
            gradient[row] += (weighted[:n] * self._terms.fold_column(column)).sum(axis=0)
        if self._tilt is not None:
            gradient[self._tilt] += (weighted[n:] * point.in_tilt).sum(axis=0)
        key = self._terms.key
        counts = point.amplitudes[:, None] * point.folded
        for row, slopes in zip(self._detector, point.detector, strict=True):
            gradient[row] += (counts[key >= 0] * slopes[key[key >= 0]]).sum(axis=0)
        return point.mu, np.array([self._merged(row) for row in gradient])

    def components(self, theta: ArrayLike) -> Mapping[str, Array]:
        """Expected counts (bins,) of each component: astro; conventional, prompt and muon, or atmo."""
        point = self.at(theta)
        found: dict[str, Array] = {}
        for term, amplitude, folded in zip(self._terms.terms, point.amplitudes, point.folded, strict=True):
            name = COMPONENT_NAMES.get(term.component, term.component)
            found[name] = found.get(name, np.zeros(self.n_bins)) + self._merged(amplitude * folded)
        return found

    def astro_by_node(self, theta: ArrayLike) -> Array:
        """Expected astrophysical counts (bins, nodes): what each true-energy node adds to a bin, detector factors included."""
        point, terms = self.at(theta), self._terms
        weights = columns(point.astro, terms.nodes)[:, 0].reshape(terms.nodes.n_moments, -1)
        whole = np.zeros((len(self.whole.bins), weights.shape[1]))
        for term, amplitude, factors in zip(terms.terms[: terms.n_astro], point.amplitudes, point.factors, strict=False):
            whole += amplitude * factors[:, None] * np.einsum("mbe,me->be", term.moments, weights)
        return np.array([self._merged(column) for column in whole.T]).T

    def check_fold(self, theta: ArrayLike) -> float:
        """Largest error of the folding of the astrophysical spectrum; see ``Model.check_fold``."""
        theta = np.asarray(theta, dtype=float)
        return self._plain.check_fold(np.append(theta[: self.flux.shape.stop], 1.0))


def _factors(response: Response) -> DetectorFactors:
    if response.cells is None:
        raise InputError(
            "the response was built without cell averages of detector systematics; set processor.systematics and process the simulation again, "
            "or model.detector: false"
        )
    return DetectorFactors(response.cells)
