"""Sums that do not depend on the order of their terms: every term is rounded to a binary grid first.

Multiples of a quantum q (a power of two) add without rounding in double precision while the sum stays below 2^53 q. Any grouping of the terms
then gives bitwise the same sum. Above that bound the sum is an ordinary one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MANTISSA = 2.0**53  # integers up to here are exact in a double


def rounded(values: NDArray[np.float64], quantum: float, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Round to the nearest multiple of ``quantum``, a power of two (so that scaling by it is exact); into ``out`` if given.

    >>> rounded(np.array([0.3, 0.5]), 0.25).tolist()
    [0.25, 0.5]
    """
    out = np.multiply(values, 1.0 / quantum, out=out)
    np.rint(out, out=out)
    return np.multiply(out, quantum, out=out)
