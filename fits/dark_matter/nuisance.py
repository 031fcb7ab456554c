"""What is known only roughly: the strength of the signal, by the errors of J factors and of the acceptance; and the total number of events.

With a common factor exp(spread z), z of the unit Gaussian, the likelihood of n expected events is L(n exp(spread z)) exp(-z^2 / 2) at its best z.
The fitted number and TS(0) are those of the likelihood without it; limits are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from data_info.dwarf_galaxies import Source
from fits.dark_matter.source_arrays import errors_dex
from fits.dark_matter.stack_fit import best_share, largest_share, log_likelihood, slope_and_curvature

Array = NDArray[np.float64]
Treatment = Literal["none", "total", "marginal", "per_source"]

MAX_STEPS = 60
SUMMIT_STEPS = 32  # pieces in which maxima are looked for
TOLERANCE = 1e-8  # of z, and relative of the total
LN10 = math.log(10.0)
jit = numba.njit(cache=True, nogil=True)


def common_spread(treatment: Treatment, share: ArrayLike, sources: Sequence[Source], acceptance: float = 0.0) -> float:
    """Standard deviation of the logarithm of the factor on the number of signal events that all sources have in common.

    ``share`` (J,) of the sources; their J factors' relative errors ln 10 (plus + minus) / 2 are independent, so that the total's variance is
    sum w^2 sigma^2. ``acceptance``: relative error of the acceptance, in quadrature; for none and marginal it is all there is.
    """
    if treatment in ("none", "marginal"):
        return acceptance
    plus, minus = errors_dex(sources)
    sigma = LN10 * 0.5 * (plus + minus)
    return float(math.hypot(acceptance, math.sqrt(((np.asarray(share) * sigma) ** 2).sum())))


def q_values(counts: ArrayLike, ratio: ArrayLike, numbers: ArrayLike, *, spread: float = 0.0, extended: bool = False) -> Array:
    """2 [ln L(n_hat) - ln L(n)] (G,) of hypotheses of ``numbers`` events, for ``counts`` (K,) in bins of ``ratio`` r (K,).

    Infinite where a hypothesis leaves a filled bin without expectation.
    """
    k, r = np.ascontiguousarray(counts, dtype=np.float64), np.ascontiguousarray(ratio, dtype=np.float64)
    tested = np.asarray(numbers, dtype=np.float64)
    values = np.empty(len(tested))
    total = float(k.sum())
    best = log_likelihood(k, r, best_share(k, r, largest_share(r), total))
    fill_q(k, r, total, best, tested, spread, extended, values)
    return values


@jit
def fill_q(counts, ratio, n_events, best, numbers, spread, extended, values):  # type: ignore[no-untyped-def]
    """Overwrite ``values`` (G,) by the q of ``numbers`` (G,); ``best``: ln L(n_hat) - ln L(0)."""
    for place in range(len(numbers)):
        values[place] = max(0.0, 2.0 * (best - profiled(counts, ratio, n_events, numbers[place], spread, extended)))


@jit
def profiled(counts: Array, ratio: Array, n_events: float, n: float, spread: float, extended: bool) -> float:
    """Maximum over z of ln L(n exp(spread z)) - z^2 / 2, minus ln L(0).

    For an n above the fit the function is concave between spread f l'(f), l' the slope of ln L in the share f, and 0. For one below, a strength near
    the nominal one and one near the fit may both be maxima: all are looked for and the highest counts.
    """
    if spread == 0.0 or n == 0.0:
        return log_ratio(counts, ratio, n_events, n, extended)
    highest = math.log(largest_share(ratio) * n_events / n) / spread
    start = min(0.0, highest)
    first, _ = _step(counts, ratio, n_events, n, spread, start)
    if first <= 0.0:
        z = _summit(counts, ratio, n_events, n, spread, first + start, start, start)  # the slope is spread f l' - z
    else:
        z = highest if start < 0.0 else _highest_summit(counts, ratio, n_events, n, spread, highest)
    return log_ratio(counts, ratio, n_events, n * math.exp(spread * z), extended) - 0.5 * z**2


@jit
def _highest_summit(counts: Array, ratio: Array, n_events: float, n: float, spread: float, highest: float) -> float:
    """z of the highest maximum above 0, for an n below the fit: no maximum lies beyond the fit, nor where z^2 / 2 exceeds what the fit gains."""
    share = best_share(counts, ratio, largest_share(ratio), n_events)
    gain = log_likelihood(counts, ratio, share) - log_likelihood(counts, ratio, n / n_events)
    end = min(highest, math.log(share * n_events / n) / spread, math.sqrt(2.0 * max(gain, 0.0)))
    best, best_value, rising = 0.0, -math.inf, True
    for place in range(1, SUMMIT_STEPS + 1):
        low, high = end * (place - 1) / SUMMIT_STEPS, end * place / SUMMIT_STEPS
        falls = _step(counts, ratio, n_events, n, spread, high)[0] < 0.0
        if rising and (falls or place == SUMMIT_STEPS):
            z = _summit(counts, ratio, n_events, n, spread, low, high, low) if falls else high
            value = log_likelihood(counts, ratio, n * math.exp(spread * z) / n_events) - 0.5 * z**2
            if value > best_value:
                best, best_value = z, value
        rising = not falls
    return best


@jit
def _summit(counts: Array, ratio: Array, n_events: float, n: float, spread: float, low: float, high: float, z: float) -> float:
    """The maximum between ``low``, where the function rises, and ``high``, where it falls: Newton's steps from z, halving what leaves the bracket."""
    for _ in range(MAX_STEPS):
        first, second = _step(counts, ratio, n_events, n, spread, z)
        if first > 0.0:
            low = z
        else:
            high = z
        step = z - first / second if second < 0.0 else low - 1.0
        if not low <= step <= high:
            step = 0.5 * (low + high)
        if abs(step - z) < TOLERANCE:
            return step
        z = step
    return z


@jit
def _step(counts: Array, ratio: Array, n_events: float, n: float, spread: float, z: float) -> tuple[float, float]:
    """First and second derivative in z of ln L(n exp(spread z)) - z^2 / 2."""
    share = n * math.exp(spread * z) / n_events
    slope, curvature = slope_and_curvature(counts, ratio, share)
    return spread * share * slope - z, spread**2 * (share * slope - share**2 * curvature) - 1.0


@jit
def log_ratio(counts: Array, ratio: Array, n_events: float, n: float, extended: bool) -> float:
    """ln L(n) - ln L(0) of n signal events; ``extended``: the number of all events is Poisson with a free mean M, and the share is n / M.

    Its best mean solves M = N - f sum_k k r / (1 + f r).
    """
    if not extended:
        return log_likelihood(counts, ratio, n / n_events)
    mean = n_events
    for _ in range(MAX_STEPS):
        slope, _ = slope_and_curvature(counts, ratio, n / mean)
        new = max(n_events - n / mean * slope, 0.5 * mean)
        if abs(new - mean) < TOLERANCE * mean:
            mean = new
            break
        mean = new
    return log_likelihood(counts, ratio, n / mean) + n_events * math.log(mean / n_events) - (mean - n_events)
