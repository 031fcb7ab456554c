"""Intervals for a fraction of counted events. The normal approximation sqrt(p(1-p)/n) is not offered: it is zero at 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtri

from configs.errors import InputError, nearest
from records.performance import Rate

Method = Literal["clopper-pearson", "wilson"]
ONE_SIGMA = math.erf(1.0 / math.sqrt(2.0))


def interval(passed: ArrayLike, total: ArrayLike, level: float = ONE_SIGMA, method: Method = "clopper-pearson") -> tuple[NDArray, NDArray]:
    """Lower and upper ends for ``passed`` of ``total`` (arrays that broadcast); [0, 1] where ``total`` is zero.

    ``clopper-pearson``: exact, central; 0 of n has the lower end 0 (Biometrika 26 (1934) 404). ``wilson``: score interval
    (J. Am. Stat. Assoc. 22 (1927) 209). Raises InputError for passed > total, negative counts, or another method.

    >>> [round(float(end), 4) for end in interval(0, 10, 0.6827)]
    [0.0, 0.1682]
    """
    k, n = np.broadcast_arrays(np.asarray(passed, float), np.asarray(total, float))
    if not np.all((k >= 0) & (k <= n)):
        raise InputError("a fraction needs 0 <= passed <= total; check the weights and the selection")
    if not 0.0 < level < 1.0:
        raise InputError(f"interval level {level} is not between 0 and 1; give e.g. 0.6827")
    if method not in METHODS:
        raise InputError(f"unknown interval {method!r}{nearest(method, METHODS)}")
    low, high = METHODS[method](k, np.where(n > 0, n, 1.0), level)
    empty = n == 0
    return np.where(empty, 0.0, low), np.where(empty, 1.0, high)


def _clopper_pearson(k: NDArray, n: NDArray, level: float) -> tuple[NDArray, NDArray]:
    tail = 0.5 * (1.0 - level)
    low = np.where(k > 0, betaincinv(np.where(k > 0, k, 1.0), n - k + 1.0, tail), 0.0)
    high = np.where(k < n, betaincinv(k + 1.0, np.where(k < n, n - k, 1.0), 1.0 - tail), 1.0)
    return low, high


def _wilson(k: NDArray, n: NDArray, level: float) -> tuple[NDArray, NDArray]:
    z2 = ndtri(0.5 + 0.5 * level) ** 2
    p = k / n
    centre = (p + 0.5 * z2 / n) / (1.0 + z2 / n)
    half = np.sqrt(z2 * p * (1.0 - p) / n + 0.25 * z2**2 / n**2) / (1.0 + z2 / n)
    return np.where(k > 0, np.maximum(centre - half, 0.0), 0.0), np.where(k < n, np.minimum(centre + half, 1.0), 1.0)


METHODS = {"clopper-pearson": _clopper_pearson, "wilson": _wilson}


def rate(passed: float, total: float, level: float = ONE_SIGMA, method: Method = "clopper-pearson") -> Rate:
    """One fraction with its interval."""
    return rates([passed], [total], level, method)[0]


def rates(passed: ArrayLike, total: ArrayLike, level: float = ONE_SIGMA, method: Method = "clopper-pearson") -> list[Rate]:
    """Fractions with intervals, one for each element (flattened)."""
    k, n = (np.ravel(array) for array in np.broadcast_arrays(np.asarray(passed, float), np.asarray(total, float)))
    low, high = interval(k, n, level, method)
    value = np.divide(k, n, out=np.full(k.shape, math.nan), where=n > 0)
    return [Rate(*map(float, numbers)) for numbers in zip(value, low, high, k, n, strict=True)]


def weighted_rate(passed: ArrayLike, weights: ArrayLike, level: float = ONE_SIGMA) -> Rate:
    """Fraction of weight that passes: Wilson at the effective number of events (sum w)^2 / sum w^2.

    ``passed`` bool (n,), ``weights`` (n,) not negative. Equal weights give the unweighted Wilson interval, whatever their size.
    """
    return weighted_rates(passed, weights, np.zeros(np.shape(weights), int), 1, level)[0]


def weighted_rates(passed: ArrayLike, weights: ArrayLike, group: ArrayLike, n_groups: int, level: float = ONE_SIGMA) -> list[Rate]:
    """``weighted_rate`` of each group; ``group`` (n,) is the number of each event's group, from 0 to ``n_groups`` - 1."""
    chosen, amount, number = np.asarray(passed, bool), np.asarray(weights, float), np.asarray(group)
    if np.any(amount < 0):
        raise InputError("an efficiency with negative weights has no binomial interval; leave those events out or merge them")
    total, squares = (np.bincount(number, values, n_groups) for values in (amount, amount**2))
    kept = np.minimum(np.bincount(number, amount * chosen, n_groups), total)
    filled = total > 0
    share = np.divide(kept, total, out=np.full(n_groups, math.nan), where=filled)
    effective = np.divide(total**2, squares, out=np.zeros(n_groups), where=filled)
    low, high = interval(np.where(filled, share, 0.0) * effective, effective, level, "wilson")
    return [Rate(*map(float, numbers)) for numbers in zip(share, low, high, kept, total, effective, strict=True)]


def joined(found: Sequence[Rate], level: float = ONE_SIGMA, method: Method = "clopper-pearson") -> Rate:
    """The fraction of several groups together, from their fractions; of weighted ones by Wilson at the effective number of all.

    >>> joined(rates([3, 1], [10, 2])) == rate(4, 12)
    True
    """
    passed, total = sum(one.passed for one in found), sum(one.total for one in found)
    if all(one.effective is None for one in found):
        return rate(passed, total, level, method)
    if not total:
        return Rate(math.nan, 0.0, 1.0, 0.0, 0.0, 0.0)
    effective = total**2 / sum(one.total**2 / one.events for one in found if one.total)  # sum w^2 of a group is total^2 / effective
    share = min(passed / total, 1.0)
    low, high = interval(share * effective, effective, level, "wilson")
    return Rate(share, float(low), float(high), passed, total, effective)
