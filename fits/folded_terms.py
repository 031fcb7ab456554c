"""Terms of the release's model and pairs of them, ready to fold: sparse matrices with the astrophysical spectrum, else series in the tilt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fits.amplitudes import Term, pair_terms, terms_of
from fits.folding import Nodes, NodeWeights, node_weights, pull_back, squared, vector
from fits.official_parameters import TILT_LIMIT
from fits.response import Response
from fits.sparse_rows import SparseRows
from fits.tilt import TiltedSums
from physics.spectra import Shape

Array = NDArray[np.float64]
Index = NDArray[np.intp]

REFERENCE_ENERGY_GEV = 1.0e5  # where the reference spectrum of the response is normalised


class Pairs(NamedTuple):
    """Positions of the two terms of each pair; 2 for two different ones, else 1; how often a pair has a key (keys, pairs)."""

    left: Index
    right: Index
    multiplicity: Array
    of_key: Array


class FoldedTerms:
    """F of every term and G of every pair (terms or pairs, bins), and the way back.

    ``keys``: rows of the detector factors; ``tilt_at_reference``: the tilt at which the atmosphere of the response stands. Terms with the
    astrophysical spectrum come first; pairs of two of them, then with one, then with none.
    """

    def __init__(self, response: Response, keys: Sequence[tuple[str, str]], tilt_at_reference: float) -> None:
        self.terms: tuple[Term, ...] = terms_of(response, keys)
        self.key: Index = np.array([term.key for term in self.terms], dtype=np.intp)  # -1: no detector factors
        self.of_key = (np.arange(len(keys))[:, None] == self.key).astype(float)  # (keys, terms)
        self.middle = float(0.5 * (response.ln_energy[0] + response.ln_energy[-1]))  # of the nodes, in ln E
        self.tilt_at_reference = tilt_at_reference
        self._distance = response.ln_energy - self.middle
        from_reference = response.ln_energy - math.log(REFERENCE_ENERGY_GEV)
        index, n_moments = response.reference_index, self.terms[0].moments.shape[0]
        self.nodes = Nodes(index, index * from_reference, 3.0 / 32.0 * response.width**2, n_moments)
        self.n_astro = sum(term.component == "astro" for term in self.terms)
        self._astro = SparseRows([term.moments for term in self.terms[: self.n_astro]])
        self._tilted = self._series([(term.moments, int(term.tilts)) for term in self.terms[self.n_astro :]])
        self._set_pairs(response)

    def _series(self, tilted: Sequence[tuple[Array, int]]) -> TiltedSums:
        moments, multiples = [array for array, _ in tilted], [multiple for _, multiple in tilted]
        return TiltedSums(moments, multiples, self._distance, self.nodes, -self.tilt_at_reference, TILT_LIMIT)

    def _set_pairs(self, response: Response) -> None:
        pairs = sorted(pair_terms(response, self.terms), key=lambda one: -one.n_astro)
        own, cross, rest = ([one for one in pairs if one.n_astro == n] for n in (2, 1, 0))
        self._own, self._cross = SparseRows([one.moments for one in own]), SparseRows([one.moments for one in cross])
        self._rest = self._series([(one.moments, one.tilts) for one in rest])
        left, right = (np.array([getattr(one, side) for one in pairs], dtype=np.intp) for side in ("left", "right"))
        self.pairs = Pairs(left, right, np.where(left == right, 1.0, 2.0), self.of_key[:, left] + self.of_key[:, right])

    def astro(self, shape: Shape) -> NodeWeights:
        """Weights of the nodes for an astrophysical spectrum."""
        return node_weights(shape, self.nodes)

    def fold(self, astro: NodeWeights, tilt: float) -> tuple[Array, Array]:
        """F (terms, bins), and the derivative in the tilt of those without astrophysical spectrum."""
        plain, in_tilt = self._tilted.value_and_slope(tilt - self.tilt_at_reference)
        return np.concatenate([self._astro.dot(vector(astro, self.nodes.n_moments)), plain]), in_tilt

    def fold_column(self, column: Array) -> Array:
        """(astrophysical terms, bins) for any vector of node weights."""
        return self._astro.dot(column)

    def fold_pairs(self, astro: NodeWeights, tilt: float) -> tuple[Array, Array]:
        """G (pairs, bins), and the derivative in the tilt of those without astrophysical spectrum."""
        n = self.nodes.n_moments
        rest, in_tilt = self._rest.value_and_slope(tilt - self.tilt_at_reference)
        own = self._own.dot(vector(squared(astro, self.nodes), n))
        cross = self._cross.dot(vector(self._cross_weights(astro, tilt), n))
        return np.concatenate([own, cross, rest]), in_tilt

    def back(self, astro: NodeWeights, in_tilt: Array, in_folded: Array) -> tuple[Array, float]:
        """Derivatives in the parameters of the spectrum, and in the tilt, from those in F."""
        slopes = self._astro.transposed_dot(in_folded[: self.n_astro])
        return pull_back(astro, slopes, self.nodes), float(np.vdot(in_folded[self.n_astro :], in_tilt))

    def back_pairs(self, astro: NodeWeights, tilt: float, in_tilt: Array, in_pairs: Array) -> tuple[Array, float]:
        """The same from derivatives in G."""
        n_own, n_cross = self._own.n, self._cross.n
        own = pull_back(squared(astro, self.nodes), self._own.transposed_dot(in_pairs[:n_own]), self.nodes)
        slopes = self._cross.transposed_dot(in_pairs[n_own : n_own + n_cross])
        cross = pull_back(self._cross_weights(astro, tilt), slopes, self.nodes)
        return own + cross[:-1], float(cross[-1]) + float(np.vdot(in_pairs[n_own + n_cross :], in_tilt))

    def _cross_weights(self, astro: NodeWeights, tilt: float) -> NodeWeights:
        """Node weights of a product astro x tilted component; its last parameter is the tilt."""
        shape, distance, delta = astro.shape, self._distance, tilt - self.tilt_at_reference
        zero = np.zeros((1, distance.size))
        linear = None if shape.dfactor is None else np.vstack([shape.dfactor, zero])
        product = Shape(
            shape.l - delta * distance,
            shape.p - delta,
            shape.q,
            np.vstack([shape.dl, -distance]),
            np.vstack([shape.dp, zero - 1.0]),
            np.vstack([shape.dq, zero]),
            shape.factor,
            linear,
        )
        return node_weights(product, self.nodes)
