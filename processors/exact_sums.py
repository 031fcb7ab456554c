"""Sums that do not depend on the order of their terms: every term is rounded to a whole number of quanta first.

Whole numbers add without rounding in double precision while the sum stays below 2^53, and a quantum is a power of two, so that scaling by it is
exact. Any grouping of the terms then gives bitwise the same sum. Above 2^53 quanta the sum is an ordinary one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physics.constants import PIVOT_GEV

Array = NDArray[np.float64]


def node_quanta(quantum: float, node_energy_gev: ArrayLike, power: int) -> Array:
    """Quantum of each true-energy node: ``quantum`` up to 100 TeV, smaller by 2^-power for every factor 2 in energy above.

    Weights of steeply falling spectra need a finer grid at higher energies, and their sums are smaller there. ``quantum`` is a power of two.

    >>> node_quanta(0.25, [1e4, 1e5, 2e5, 4.1e5], power=2).tolist()
    [0.25, 0.25, 0.0625, 0.015625]
    """
    doublings = np.floor(np.log2(np.maximum(np.asarray(node_energy_gev) / PIVOT_GEV, 1.0)) + 1e-9)
    return np.asarray(quantum * 2.0 ** (-power * doublings))


def whole_quanta(values: Array, per_quantum: Array, out: Array | None = None) -> Array:
    """Number of quanta in each value, rounded to the nearest whole number; ``per_quantum`` = 1 / quantum of each value.

    >>> whole_quanta(np.array([0.3, 0.5]), np.array([4.0, 4.0])).tolist()
    [1.0, 2.0]
    """
    out = np.multiply(values, per_quantum, out=out)
    return np.rint(out, out=out)
