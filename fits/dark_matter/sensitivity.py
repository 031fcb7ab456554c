"""How many events would be seen: thresholds of the test statistic, and the number of events at which enough pseudo-experiments pass one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtr, ndtri

from configs.errors import InputError

Array = NDArray[np.float64]
Passing = Callable[[float], tuple[int, int]]  # injected events -> trials above the threshold, all trials

ENOUGH_ABOVE = 100  # trials above a threshold that is taken as their quantile
ROUNDS = 6
NARROW = 0.35  # half-width of the later rounds' range, relative
FITTED = 2.0  # points within this factor of the first passing one are fitted
MOVES = 12  # of the range before it holds the crossing
STEPS = 100


@dataclass(frozen=True)
class Threshold:
    """A value of TS that background passes with probability ``p``; ``origin``: quantile of the trials, or tail fitted to them."""

    ts: float
    p: float
    origin: str


def threshold(ts: ArrayLike, p: float) -> Threshold:
    """The TS that background exceeds with probability ``p``, from the TS of background trials.

    With fewer than 100 trials above it, the tail of half a chi-square of one degree with the scale that the hundredth largest trial gives
    (Chernoff, Ann. Math. Stat. 25 (1954) 573). Raises ``InputError`` for fewer than 200 trials.
    """
    values = np.sort(np.asarray(ts, dtype=np.float64))
    if len(values) < 2 * ENOUGH_ABOVE:
        raise InputError(f"{len(values)} background trials are too few for a threshold; ask for {2 * ENOUGH_ABOVE} or more (trials.background)")
    if p * len(values) >= ENOUGH_ABOVE:
        return Threshold(float(np.quantile(values, 1.0 - p)), p, "trials")
    scale = values[-ENOUGH_ABOVE] / float(ndtri(ENOUGH_ABOVE / len(values))) ** 2
    return Threshold(float(scale * ndtri(p) ** 2), p, "fitted tail")


def median_threshold(ts: ArrayLike) -> Threshold:
    """The median TS of background trials: 0 where half of them fit no signal."""
    return Threshold(float(np.median(np.asarray(ts, dtype=np.float64))), 0.5, "trials")


@dataclass(frozen=True)
class Crossing:
    """The number of events at which a share ``target`` of the trials passes, with its statistical error, and the curve Phi(a + b n + c n^2).

    Infinite when no number up to the largest possible one is enough.
    """

    n: float
    error: float
    target: float
    points: list[float]
    fraction: list[float]
    trials: list[int]
    curve: tuple[float, float, float]


def search(passing: Passing, target: float, start: float, *, points: int = 9, error: float = 0.02, largest: float = math.inf) -> Crossing:
    """Find the crossing to a relative statistical ``error``: ``points`` numbers around ``start``, then around what was found, at most six times.

    The range moves where it does not hold the crossing; NaN when it never does. ``passing(n)`` must be the same whenever it is called with one n.
    """
    seen: dict[float, tuple[int, int]] = {}
    low, high = 0.3 * start, min(1.7 * start, largest)
    fitted = 0
    for _ in range(ROUNDS + MOVES):
        seen |= {n: passing(n) for n in np.linspace(low, high, points).tolist() if n not in seen}
        numbers = np.array(sorted(seen))
        above, of = np.array([seen[n] for n in numbers]).T
        share = above / of
        found = Crossing(math.nan, math.nan, target, numbers.tolist(), share.tolist(), of.tolist(), (math.nan,) * 3)
        if share.max() < target and high >= largest:
            return replace(found, n=math.inf)
        if share.max() < target:
            low, high = high, min(2.0 * high, largest)
            continue
        if share.min() > target:
            low, high = 0.2 * numbers[0], numbers[0]
            continue
        first, near = _first(numbers, share, target), fitted_points(numbers, share, target)
        curve, covariance = fit_curve(numbers[near], above[near], of[near])
        n, uncertainty = crossing(curve, covariance, target, first)
        fitted += 1
        if (first / FITTED < n < first * FITTED and uncertainty < error * n) or fitted == ROUNDS:
            return replace(found, n=n, error=uncertainty, curve=(float(curve[0]), float(curve[1]), float(curve[2])))
        low, high = (1.0 - NARROW) * first, min((1.0 + NARROW) * first, largest)
    return found


def fitted_points(points: ArrayLike, fraction: ArrayLike, target: float) -> NDArray[np.bool_]:
    """Which of the ``points`` the curve is fitted to: those within a factor of two of the first whose ``fraction`` reaches the target.

    >>> fitted_points([1.0, 4.0, 8.0, 20.0], [0.5, 0.8, 0.92, 1.0], 0.9).tolist()
    [False, True, True, False]
    """
    numbers, share = np.asarray(points, dtype=np.float64), np.asarray(fraction, dtype=np.float64)
    first = _first(numbers, share, target)
    return np.asarray((numbers >= first / FITTED) & (numbers <= first * FITTED) & bool((share >= target).any()))


def _first(numbers: Array, share: Array, target: float) -> float:
    return float(numbers[int(np.argmax(share >= target))])


def fit_curve(n: Array, above: ArrayLike, of: ArrayLike) -> tuple[Array, Array]:
    """The parabola eta(n) of the highest binomial likelihood with probabilities Phi(eta), and its covariance (Fisher scoring, n scaled to 1)."""
    k, total = np.asarray(above, dtype=np.float64), np.asarray(of, dtype=np.float64)
    scale = float(n.max())
    basis = np.stack([np.ones_like(n), n / scale, (n / scale) ** 2])
    eta = ndtri((k + 0.5) / (total + 1.0))
    weight = total * np.exp(-(eta**2)) + 1e-9
    theta = np.linalg.solve((basis * weight) @ basis.T, (basis * weight) @ eta)
    for _ in range(STEPS):
        eta = np.clip(theta @ basis, -8.0, 8.0)
        log_density = -0.5 * eta**2 - 0.5 * math.log(2.0 * math.pi)
        below, over = np.exp(log_density - log_ndtr(-eta)), np.exp(log_density - log_ndtr(eta))
        information = total * below * over
        step = np.linalg.solve((basis * information) @ basis.T + 1e-12 * np.eye(3), basis @ (k * over - (total - k) * below))
        theta = theta + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-9:
            break
    to_n = np.array([1.0, 1.0 / scale, 1.0 / scale**2])
    covariance = np.linalg.pinv((basis * information) @ basis.T)
    return theta * to_n, covariance * np.outer(to_n, to_n)


def crossing(curve: Array, covariance: Array, target: float, near: float) -> tuple[float, float]:
    """Where Phi(a + b n + c n^2) is ``target``: the solution closest to ``near``, and its error; where there is none, the straight line's."""
    a, b, c = curve - np.array([float(ndtri(target)), 0.0, 0.0])
    roots = np.roots([c, b, a]) if c != 0.0 else np.array([-a / b])
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0.0)]
    n = float(real[np.argmin(np.abs(real - near))]) if len(real) else near
    gradient = np.array([1.0, n, n**2])
    return n, float(math.sqrt(gradient @ covariance @ gradient) / max(abs(b + 2.0 * c * n), 1e-300))


def p_of_sigmas(sigmas: float) -> float:
    """One-sided probability of so many standard deviations."""
    return float(ndtr(-sigmas))
