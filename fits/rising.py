"""The sum over j = 1..k of ln(mu + j r), also for non-integer k: ln of a rising product, with its derivatives, without loss of digits.

With z = mu/r + 1 the sum is k ln r + lnG(z+k) - lnG(z), which is its meaning for non-integer k (Asimov counts). The difference of two lnG cancels for
large z; there Stirling's series is used in u = k r/m, m = mu + r (so that m/r = z):

    F = k ln m + (k - 1/2) ln(1+u) - (k^2 r/m) h(u) + c(1/(z+k)) - c(1/z),   h(u) = (u - ln(1+u))/u^2,   c(w) = w/12 - w^3/360 + w^5/1260 - w^7/1680,

whose derivatives and limit r = 0 hold no division by r either (Abramowitz & Stegun 6.1.40; 6.3.18 for its derivative).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, psi

Array = NDArray[np.float64]

LARGEST_SUM = 64.0  # integer counts up to this are summed term by term
STIRLING_ABOVE = 32.0  # z from which the series is used: its first missing term, z^-9/1188, is 1e-17
SERIES_BELOW = 0.03  # u under which h is a series
H_COEFFICIENTS = 1.0 / np.arange(2.0, 14.0)  # h(u) = 1/2 - u/3 + u^2/4 - ...


class RisingProduct:
    """``ln prod_j (mu + j r)`` per bin for fixed counts: direct sums for small integers, lnG or Stirling's series for the rest."""

    def __init__(self, k: Array) -> None:
        direct = (k == np.floor(k)) & (k > 0) & (k <= LARGEST_SUM)
        self._bins = np.flatnonzero(direct)
        small = k[self._bins].astype(int)
        self._repeat = np.repeat(self._bins, small)  # the bin of each term
        self._j = np.concatenate([np.arange(1.0, n + 1.0) for n in small]) if small.size else np.empty(0)
        self._starts = np.cumsum(small) - small
        self._other = np.flatnonzero((k > 0) & ~direct)
        self._k_other = k[self._other]

    def __call__(self, mu: Array, r: Array) -> tuple[Array, Array, Array]:
        """Value, derivative in mu at fixed r, derivative in r at fixed mu; each (bins,), zero where k = 0."""
        total, in_mu, in_r = np.zeros_like(mu), np.zeros_like(mu), np.zeros_like(mu)
        if self._bins.size:
            terms = mu[self._repeat] + self._j * r[self._repeat]
            total[self._bins] = np.add.reduceat(np.log(terms), self._starts)
            in_mu[self._bins] = np.add.reduceat(1.0 / terms, self._starts)
            in_r[self._bins] = np.add.reduceat(self._j / terms, self._starts)
        if self._other.size:
            at = self._other
            total[at], in_mu[at], in_r[at] = _continuous(self._k_other, mu[at], r[at])
        return total, in_mu, in_r


def _continuous(k: Array, mu: Array, r: Array) -> tuple[Array, Array, Array]:
    """Value and derivatives for real k > 0."""
    series = mu >= (STIRLING_ABOVE - 1.0) * r
    if series.all():
        return _stirling(k, mu, r)
    parts = np.empty((3, k.size))
    parts[:, series] = _stirling(k[series], mu[series], r[series])
    gamma = ~series
    parts[:, gamma] = _gamma(k[gamma], mu[gamma], r[gamma])
    return parts[0], parts[1], parts[2]


def _gamma(k: Array, mu: Array, r: Array) -> tuple[Array, Array, Array]:
    z = mu / r + 1.0
    in_mu = (psi(z + k) - psi(z)) / r
    return k * np.log(r) + gammaln(z + k) - gammaln(z), in_mu, (k - mu * in_mu) / r


def _stirling(k: Array, mu: Array, r: Array) -> tuple[Array, Array, Array]:
    m = mu + r
    last = m + k * r
    u = k * r / m
    log = np.log1p(u)
    h = _h(u, log)
    w, w_last = r / m, r / last  # 1/z, 1/(z+k)
    dc, dc_last = _correction_slope(w), _correction_slope(w_last)
    value = k * np.log(m) + (k - 0.5) * log - k * k * w * h + _correction(w_last) - _correction(w)
    ratio = 1.0 - u * h  # ln(1+u)/u
    in_mu = k / m * ratio + 0.5 * k * r / (m * last) - dc_last * r / last**2 + dc * r / m**2
    in_r = mu * (k / m) ** 2 * h + k / m - 0.5 * k * mu / (m * last) + dc_last * mu / last**2 - dc * mu / m**2
    return value, in_mu, in_r


def _h(u: Array, log: Array) -> Array:
    """(u - ln(1+u))/u^2."""
    small = u < SERIES_BELOW
    series = np.asarray(np.polynomial.polynomial.polyval(-u, H_COEFFICIENTS), dtype=np.float64)
    if small.all():
        return series
    safe = np.where(small, 1.0, u)
    return np.where(small, series, (safe - log) / safe**2)


def _correction(w: Array) -> Array:
    """lnG(z) - [(z - 1/2) ln z - z + ln(2 pi)/2] for w = 1/z."""
    s = w * w
    return w * (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s / 1680)))


def _correction_slope(w: Array) -> Array:
    s = w * w
    return 1 / 12 - s * (1 / 120 - s * (1 / 252 - s / 240))
