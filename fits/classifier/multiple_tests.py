"""Many tests at once: correction of p-values, p-values from permutations, and what a test could have seen."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

TIE = 1e-9  # relative: a permuted statistic this close to the observed one counts as equal
POWER, SIGNIFICANCE = 0.80, 0.05
DETECTABLE = float(ndtri(1.0 - SIGNIFICANCE / 2.0) + ndtri(POWER))  # 2.80 standard deviations


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """P-values corrected for their number, in the order given (S. Holm, Scand. J. Stat. 6 (1979) 65). NaN are left out and stay NaN.

    >>> holm([0.01, 0.04, 0.03]).round(4).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, float)
    corrected = np.full(values.shape, math.nan)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    steps = values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def permutation_p(observed: float, permuted: ArrayLike) -> float:
    """(1 + permutations at least as large) / (1 + permutations): never zero (B. Phipson, G. Smyth, SAGMB 9 (2010) 39)."""
    values = np.asarray(permuted, float)
    reached = values >= observed - TIE * max(abs(observed), 1.0)
    return float((1 + reached.sum()) / (1 + values.size))


def detectable_difference(p: float, n: int) -> float:
    """Difference of two fractions around ``p``, each of ``n``/2 events, that a 5 % test finds with 80 % power: 2.80 sqrt(2 p (1-p) / (n/2)).

    >>> round(detectable_difference(0.5, 200), 3)
    0.198
    """
    return DETECTABLE * math.sqrt(2.0 * p * (1.0 - p) / (n / 2.0)) if n > 0 else math.nan


def permuted_counts(totals: ArrayLike, chosen: int, permutations: int, random: np.random.Generator) -> NDArray[np.int64]:
    """How many of ``chosen`` marked events fall in each bin when the marks are shuffled: (permutations, bins).

    ``totals`` (bins,): events in each bin. This is the distribution of a permutation of the events, drawn from the multivariate
    hypergeometric law without touching single events, so its cost does not depend on their number.
    """
    return random.multivariate_hypergeometric(np.asarray(totals, np.int64), chosen, size=permutations, method="marginals")
