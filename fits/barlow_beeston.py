"""Templates of finite statistics: a factor for every bin of every sample, minimised in closed form (R. Barlow, C. Beeston, CPC 77 (1993) 219).

In one bin: d data events; sample j expects gamma_j s_j, and its template's a_j events are a Poisson count with mean gamma_j tau_j. The minimum over
all gamma_j is known up to one number u = 1 - d/f, f the expectation: gamma_j = a_j / (tau_j + s_j u) (their equation 20), and u solves one
equation. What is left to Minuit are the few parameters of interest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

Array = NDArray[np.float64]
ITERATIONS = 200
PRECISION = 1e-13  # of ln r, r = d/f
SMALLEST = 1e-9  # expected events: no sample vanishes altogether


@dataclass(frozen=True)
class Profiled:
    """Minimum over all factors: ``nll`` above that of the saturated model, by bin; factors (samples, bins); expectation and ``u`` by bin."""

    nll: Array
    gamma: Array
    expected: Array
    u: Array

    @property
    def slope(self) -> Array:
        """Derivative of the summed ``nll`` by each s (samples, bins)."""
        return self.gamma * self.u


def profiled(counts: Array, expected: Array, events: Array, observed: Array | None = None) -> Profiled:
    """Minimum over the factors of all samples in all bins.

    ``counts``: data (bins,); ``expected``: s, events of each sample at factors 1 (samples, bins); ``events``: tau > 0, events in the templates;
    ``observed``: a, what the templates' counts are (pseudo-experiments vary it; default tau). Values >= 0.
    """
    s = np.maximum(expected, SMALLEST)
    a = events if observed is None else observed
    ratio, rest = _ratio(counts, s, events, a)
    u = 1.0 - ratio
    gamma = _factors(s, events, a, u)
    if rest.any():
        gamma = _with_rest(gamma, s, events, a, np.where(rest, counts / np.where(rest, ratio, 1.0) - (gamma * s).sum(axis=0), 0.0))
    f = (gamma * s).sum(axis=0)
    templates = (events * gamma - a + xlogy(a, a) - xlogy(a, events * gamma)).sum(axis=0)
    return Profiled(f - counts + xlogy(counts, counts) - xlogy(counts, f) + templates, gamma, f, u)


def exact(counts: Array, expected: Array) -> Profiled:
    """The same with templates that are exact: all factors 1."""
    f = np.maximum(expected, SMALLEST).sum(axis=0)
    return Profiled(f - counts + xlogy(counts, counts) - xlogy(counts, f), np.ones_like(expected), f, 1.0 - counts / f)


def _factors(s: Array, events: Array, a: Array, u: Array) -> Array:
    weight = events + s * u
    return np.divide(a, weight, out=np.zeros_like(weight), where=(a > 0) & (weight > 0))


def _with_rest(gamma: Array, s: Array, events: Array, a: Array, rest: Array) -> Array:
    """What the others cannot explain goes to the sample with an empty template that pays least for it (their section 5)."""
    first = np.argmax(np.where(a == 0, s / events, -np.inf), axis=0)
    columns = np.flatnonzero(rest > 0)
    filled = gamma.copy()
    filled[first[columns], columns] = rest[columns] / s[first[columns], columns]
    return filled


def _ratio(counts: Array, s: Array, events: Array, a: Array) -> tuple[Array, NDArray[np.bool_]]:
    """r = d/f from r F(1 - r) = d, F = sum s a / (tau + s (1 - r)); 0 without data. Newton in ln r, kept inside its bracket.

    Also where r is at the limit at which a sample with an empty template takes the rest.
    """
    pole = 1.0 + np.where(a > 0, events / s, np.inf).min(axis=0)  # F is infinite there
    limit = 1.0 + np.where(a == 0, events / s, np.inf).min(axis=0)  # an empty template takes the rest there
    high, low = np.log(np.minimum(pole, limit)), np.full(counts.shape, -60.0)
    start = np.log(np.maximum(counts, 1e-20)) - np.log((s * np.maximum(a, SMALLEST) / events).sum(axis=0))
    x = np.where(np.isfinite(high), np.minimum(start, high - 1e-3), start)
    active = counts > 0
    at_limit = active & (limit < pole) & (_equation(high, counts, s, events, a)[0] <= 0)
    active &= ~at_limit
    for _ in range(ITERATIONS):
        value, slope = _equation(x, counts, s, events, a)
        low, high = np.where(value <= 0, x, low), np.where(value > 0, x, high)
        step = x - value / slope
        inside = (step >= low) & (step <= high)
        following = np.where(inside, step, 0.5 * (low + high))
        moved = np.abs(following - x)
        x = np.where(active, following, x)
        if not np.any(active & (moved > PRECISION * (1.0 + np.abs(x)))):
            break
    return np.where(at_limit, limit, np.where(active, np.exp(x), 0.0)), at_limit


def _equation(x: Array, counts: Array, s: Array, events: Array, a: Array) -> tuple[Array, Array]:
    """x + ln F(1 - e^x) - ln d and its derivative by x; +inf at and beyond the pole."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        r = np.exp(x)
        weight = events + s * (1.0 - r)
        beyond = ((weight <= 0) & (a > 0)).any(axis=0)
        part = np.where(a > 0, s * a / weight, 0.0)
        total = part.sum(axis=0)
        value = x + np.log(total) - np.log(np.maximum(counts, 1e-300))
        slope = 1.0 + r * (part * s / weight).sum(axis=0) / total
    return np.where(beyond, np.inf, value), np.where(beyond | ~np.isfinite(slope), 1.0, slope)
