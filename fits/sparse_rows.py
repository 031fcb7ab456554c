"""Several moment matrices as one sparse matrix: a reconstructed bin sees few true energies, so most entries are zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

Array = NDArray[np.float64]


class SparseRows:
    """``moments``: arrays (moments, bins, nodes), folded with one vector of node weights (moments x nodes,)."""

    def __init__(self, moments: Sequence[Array]) -> None:
        self.n = len(moments)
        blocks = [csr_array(np.concatenate(list(array), axis=1)) for array in moments]
        self._matrix = vstack(blocks, format="csr") if blocks else None
        self._transposed = None if self._matrix is None else self._matrix.T

    def dot(self, weights: Array) -> Array:
        """(matrices, bins)."""
        if self._matrix is None:
            return np.empty((0, 0))
        return np.asarray(self._matrix @ weights).reshape(self.n, -1)

    def transposed_dot(self, slopes: Array) -> Array:
        """(moments x nodes,) from slopes (matrices, bins)."""
        if self._transposed is None:
            raise ValueError("no matrices: there is nothing to go back to")
        return np.asarray(self._transposed @ slopes.reshape(-1))
