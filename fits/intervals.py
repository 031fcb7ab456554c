"""Levels and intervals: from a curve of the likelihood, and for a Poisson count (Feldman-Cousins)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.special import gammaincc, gammaincinv, gammaln, ndtr, ndtri, ndtri_exp

from configs.errors import InputError

ONE_SIGMA, TWO_SIGMA, THREE_SIGMA = (math.erf(n / math.sqrt(2.0)) for n in (1, 2, 3))
CONTENTS = {"0.6827": ONE_SIGMA, "0.9545": TWO_SIGMA, "0.9973": THREE_SIGMA}  # label on figures -> probability content
POISSON_STEP = 0.02  # of the search grid in sqrt(mu); ends are then bisected
BISECTIONS = 40
MAX_DOUBLINGS = 40
CROSSING_TOLERANCE = 1e-4  # of the distance from the best fit: below every number that is quoted


def delta_nll_level(probability: float, parameters: int) -> float:
    """Height above the minimum of -ln L that encloses ``probability`` for so many parameters of interest (Wilks 1938).

    Half the quantile of chi-square: ``gammaincinv(parameters / 2, probability)``.

    >>> round(delta_nll_level(ONE_SIGMA, 1), 8), round(delta_nll_level(ONE_SIGMA, 2), 8)
    (0.5, 1.14787446)
    """
    if not 0.0 < probability < 1.0:
        raise InputError(f"confidence level {probability} is not between 0 and 1; give e.g. 0.6827")
    return float(gammaincinv(parameters / 2.0, probability))


def one_sided_level(cl: float) -> float:
    """Delta NLL of a one-sided limit at confidence ``cl``: half of z squared, the half chi-square of a bounded parameter (Chernoff 1954).

    >>> round(2 * one_sided_level(0.9), 3)
    1.642
    """
    if not 0.5 < cl < 1.0:
        raise InputError(f"a one-sided confidence level lies between 0.5 and 1, not at {cl}")
    return 0.5 * float(ndtri(cl)) ** 2


def half_chi2_p_value(ts: float) -> float:
    """P-value of TS >= 0 for one parameter whose null value is its bound: half a chi-square with one degree (Chernoff 1954)."""
    return float(ndtr(-math.sqrt(max(ts, 0.0))))


def first_crossing(height: Callable[[float], float], best: float, step: float, upper: float) -> float:
    """Where ``height``, negative at ``best``, first becomes positive below ``upper``, looked for in steps that double; infinite if nowhere."""
    low, high = best, min(best + step, upper)
    for _ in range(MAX_DOUBLINGS):
        if height(high) > 0.0:
            return float(brentq(height, low, high, xtol=CROSSING_TOLERANCE * (high - best)))
        if high >= upper:
            break
        low, high = high, min(best + 2.0 * (high - best), upper)
    return math.inf


def bounded_significance(ts: float, norms: int) -> float:
    """Standard deviations of TS for ``norms`` parameters whose null values are their bounds; the root of TS for one (Chernoff 1954).

    For several it depends on their correlations; this is the least that any of them allow, by p = [P(chi2_(n-1) > TS) + P(chi2_n > TS)] / 2
    (M. D. Perlman, Ann. Math. Statist. 40 (1969) 549).

    >>> bounded_significance(9.0, 1), round(bounded_significance(9.0, 2), 3)
    (3.0, 2.462)
    """
    if norms == 1 or not ts > 0.0:
        return math.sqrt(max(ts, 0.0))
    p = 0.5 * float(gammaincc(0.5 * (norms - 1), 0.5 * ts) + gammaincc(0.5 * norms, 0.5 * ts))
    return float(-ndtri_exp(math.log(p))) if p > 0.0 else math.inf


def curve_minimum(x: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """Position and height of the lowest point of the cubic spline through a curve; non-finite points are left out."""
    return _minimum(_spline(x, y))


def curve_interval(x: ArrayLike, y: ArrayLike, level: float, *, reference: float | None = None) -> tuple[float, float]:
    """Where the cubic spline through a curve first rises ``level`` above its minimum on either side.

    ``reference``: the height that counts as the minimum (default: the spline's own). A side on which the curve does not rise so far
    within its grid is ``-inf`` or ``inf``: open.
    """
    spline = _spline(x, y)
    position, height = _minimum(spline)
    roots = np.atleast_1d(spline.solve((height if reference is None else reference) + level, extrapolate=False))
    below, above = roots[roots <= position], roots[roots > position]
    return (float(below.max()) if below.size else -math.inf, float(above.min()) if above.size else math.inf)


def _spline(x: ArrayLike, y: ArrayLike) -> CubicSpline:
    x, y = np.asarray(x, float), np.asarray(y, float)
    finite = np.isfinite(y)
    if finite.sum() < 3:
        raise InputError(f"a likelihood curve needs at least 3 finite points, this one has {int(finite.sum())}; widen the grid")
    return CubicSpline(x[finite], y[finite])


def _minimum(spline: CubicSpline) -> tuple[float, float]:
    candidates = np.concatenate([spline.x, np.atleast_1d(spline.derivative().roots(extrapolate=False))])
    candidates = candidates[np.isfinite(candidates)]
    heights = spline(candidates)
    best = int(np.argmin(heights))
    return float(candidates[best]), float(heights[best])


@functools.lru_cache(maxsize=4096)
def poisson_interval(k: int, cl: float = ONE_SIGMA) -> tuple[float, float]:
    """Unified interval for the mean of a Poisson count ``k`` without background (Feldman and Cousins, PRD 57 (1998) 3873).

    The outermost means that accept ``k`` when counts are ordered by P(n|mu)/P(n|n); ``k = 0`` has the lower end 0 and a positive
    upper end. Raises InputError for a count that is not a whole number >= 0.

    >>> [round(end, 4) for end in poisson_interval(1)]
    [0.3679, 2.7505]
    """
    if k != int(k) or k < 0:
        raise InputError(f"a Poisson interval needs a whole count >= 0, not {k}; Asimov sets have no error bars")
    reach = float(ndtri(0.5 + cl / 2.0)) + 2.0  # of sqrt(mu) from sqrt(k): twice the Gaussian half width and more
    root = np.arange(max(math.sqrt(k) - reach, 0.0), math.sqrt(k) + reach, POISSON_STEP)
    inside = np.flatnonzero(_accepts(int(k), root**2, cl))
    first, last = int(inside[0]), int(inside[-1])
    lower = 0.0 if root[first] == 0.0 else _edge(int(k), cl, root[first - 1] ** 2, root[first] ** 2)
    return lower, _edge(int(k), cl, root[last + 1] ** 2, root[last] ** 2)


def _accepts(k: int, mu: NDArray[np.float64], cl: float) -> NDArray[np.bool_]:
    """Whether the acceptance region of each mean holds ``k``: the counts ranked before it have less than ``cl`` together.

    Counts further than twelve standard deviations from all means, and not at ``k``, have no probability.
    """
    fewest, most = (float(end) + sign * (12.0 * math.sqrt(float(end) + 1.0) + 12.0) for end, sign in ((mu.min(), -1.0), (mu.max(), 1.0)))
    first = min(max(int(fewest), 0), k)
    n = np.arange(first, max(int(most), k) + 1)[:, None]
    log_mu = np.log(np.maximum(mu, 1e-300))
    log_p = np.where(n > 0, n * log_mu, 0.0) - mu - gammaln(n + 1.0)
    log_best = np.where(n > 0, n * np.log(np.maximum(n, 1)), 0.0) - n - gammaln(n + 1.0)
    rank = log_p - log_best
    before = np.where(rank > rank[k - first], np.exp(log_p), 0.0).sum(axis=0)
    return before < cl


def _edge(k: int, cl: float, outside: float, inside: float) -> float:
    for _ in range(BISECTIONS):
        middle = 0.5 * (outside + inside)
        if _accepts(k, np.array([middle]), cl)[0]:
            inside = middle
        else:
            outside = middle
    return float(inside)
