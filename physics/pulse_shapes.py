"""Shapes of a photomultiplier's pulse with area 1: two exponentials, sharp or smeared by a Gaussian, and everything about them in closed form.

A pulse that rises with tau_r and falls with tau_f >= tau_r from its onset at u = 0 is

    s(u) = (exp(-u / tau_f) - exp(-u / tau_r)) / (tau_f - tau_r)  for u >= 0,  integral 1.

An amplitude in front of the difference diverges where the two times meet. Mean rate ``beta`` and asymmetry ``eta`` do not,

    beta = (1 / tau_r + 1 / tau_f) / 2,   eta = ((tau_f - tau_r) / (tau_f + tau_r))^2 in [0, 1),

with x = beta u, z = eta x^2 and h(z) = sinh(sqrt z) / sqrt z:  s = beta (1 - eta) x exp(-x) h(z), analytic at eta = 0, where
s = u / tau^2 exp(-u / tau).

Times in ns, rates in 1/ns, s in 1/ns. Arguments broadcast against each other.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfc, erfcx

Array = NDArray[np.float64]

SERIES_BELOW = 1e-3  # z below which h and h' come from their series; the first term left out is z^3 / 5040
MEET_BELOW = 1e-6  # eta below which a difference of two exponentials is the derivative of one


def rates_of(tau_rise_ns: ArrayLike, tau_fall_ns: ArrayLike) -> tuple[Array, Array]:
    """Mean rate beta (1/ns) and asymmetry eta of two times (ns); their order does not matter."""
    rise, fall = np.asarray(tau_rise_ns, float), np.asarray(tau_fall_ns, float)
    return 0.5 * (1 / rise + 1 / fall), ((fall - rise) / (fall + rise)) ** 2


def times_of(beta_per_ns: ArrayLike, eta: ArrayLike) -> tuple[Array, Array]:
    """Rise and fall time (ns) of mean rate and asymmetry; inverse of :func:`rates_of`, rise <= fall.

    >>> times_of(*rates_of(0.93, 3.2))[1].round(12)
    np.float64(3.2)
    """
    beta, root = np.asarray(beta_per_ns, float), np.sqrt(np.asarray(eta, float))
    return 1 / (beta * (1 + root)), 1 / (beta * (1 - root))


def pulse(u_ns: ArrayLike, beta_per_ns: ArrayLike, eta: ArrayLike) -> Array:
    """s(u) of two exponentials, 0 before the onset."""
    x, decay_h, _ = _parts(u_ns, beta_per_ns, eta)
    return np.asarray(beta_per_ns, float) * (1 - np.asarray(eta, float)) * x * decay_h


def pulse_derivatives(u_ns: ArrayLike, beta_per_ns: ArrayLike, eta: ArrayLike) -> tuple[Array, Array, Array]:
    """Derivatives of s(t - c) by onset c, beta and eta, 0 before the onset (s has a kink there: the derivative by c is that from the right).

    With h' = dh/dz:  ds/dc = -beta^2 (1 - eta) exp(-x) [(1 - x) h + 2 z h'],  ds/dbeta = s / beta - (u / beta) ds/dc,
    ds/deta = -s / (1 - eta) + beta (1 - eta) x^3 exp(-x) h'.
    """
    beta, asymmetry = np.asarray(beta_per_ns, float), np.asarray(eta, float)
    x, decay_h, decay_slope = _parts(u_ns, beta, asymmetry)
    s = beta * (1 - asymmetry) * x * decay_h
    z = asymmetry * x**2
    inside = np.asarray(u_ns, float) >= 0
    by_onset = np.where(inside, -(beta**2) * (1 - asymmetry) * ((1 - x) * decay_h + 2 * z * decay_slope), 0.0)
    by_beta = (s - x / beta * by_onset) / beta
    by_eta = -s / (1 - asymmetry) + beta * (1 - asymmetry) * x**3 * decay_slope
    return by_onset, by_beta, by_eta


def area_fraction(u_ns: ArrayLike, beta_per_ns: ArrayLike, eta: ArrayLike) -> Array:
    """Share of the area between the onset and u: 1 - exp(-x) [cosh(sqrt z) + sinh(sqrt z) / sqrt eta], at eta = 0: 1 - exp(-x) (1 + x)."""
    x, decay_h, _ = _parts(u_ns, beta_per_ns, eta)
    root = np.sqrt(np.asarray(eta, float))
    decay_cosh = 0.5 * (np.exp(-x * (1 - root)) + np.exp(-x * (1 + root)))
    return 1 - decay_cosh - x * decay_h


def peak_time_ns(beta_per_ns: ArrayLike, eta: ArrayLike) -> Array:
    """Time of the maximum after the onset: ln(tau_f / tau_r) tau_r tau_f / (tau_f - tau_r), at eta = 0 the time constant itself.

    >>> float(peak_time_ns(*rates_of(0.93, 3.2)).round(5))
    1.62005
    """
    root = np.sqrt(np.asarray(eta, float))
    ratio = np.where(root > 1e-4, np.arctanh(root) / np.where(root > 0, root, 1), 1 + root**2 / 3)
    return ratio / np.asarray(beta_per_ns, float)


def smeared_pulse(u_ns: ArrayLike, beta_per_ns: ArrayLike, eta: ArrayLike, sigma_ns: ArrayLike) -> Array:
    """s convolved with a Gaussian of width ``sigma_ns`` > 0 (finite bandwidth, length of the flash): smooth in the onset.

    Area 1, mean tau_r + tau_f, variance tau_r^2 + tau_f^2 + sigma^2. With F(k) = exp(k^2 sigma^2 / 2 - k u) erfc((k sigma - u / sigma) / sqrt 2) / 2,
    the exponentially modified Gaussian of rate k divided by k, s = beta^2 (1 - eta) [F(k_f) - F(k_r)] / (k_r - k_f), k = 1 / tau.
    """
    u, sigma = np.asarray(u_ns, float), np.asarray(sigma_ns, float)
    beta, asymmetry = np.asarray(beta_per_ns, float), np.asarray(eta, float)
    half_gap = beta * np.sqrt(asymmetry)
    apart = _tail(u, beta - half_gap, sigma) - _tail(u, beta + half_gap, sigma)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(asymmetry > MEET_BELOW, apart / (2 * half_gap), _minus_slope_of_tail(u, beta, half_gap, sigma))
    return beta**2 * (1 - asymmetry) * slope


def _parts(u_ns: ArrayLike, beta_per_ns: ArrayLike, eta: ArrayLike) -> tuple[Array, Array, Array]:
    """x (0 before the onset), exp(-x) h and exp(-x) h', free of overflow."""
    beta, asymmetry = np.asarray(beta_per_ns, float), np.asarray(eta, float)
    x = beta * np.maximum(np.asarray(u_ns, float), 0.0)
    z = asymmetry * x**2
    series = z < SERIES_BELOW
    safe = np.where(series, 1.0, z)
    root = np.sqrt(safe)
    slow, fast = np.exp(-x + np.minimum(root, x)), np.exp(-x - root)
    decay = np.exp(-x)
    decay_h = np.where(series, decay * (1 + z / 6 + z**2 / 120), 0.5 * (slow - fast) / root)
    decay_slope = np.where(series, decay * (1 / 6 + z / 60 + z**2 / 1680), (0.5 * (slow + fast) - decay_h) / (2 * safe))
    return x, decay_h, decay_slope


def _tail(u: Array, rate: Array, sigma: Array) -> Array:
    """F(k); beyond the Gaussian's edge by erfc, before it by erfcx, so that neither overflows."""
    argument = (rate * sigma - u / sigma) / math.sqrt(2)
    late = 0.5 * np.exp(np.minimum(0.5 * (rate * sigma) ** 2 - rate * u, 700.0)) * erfc(np.minimum(argument, 1.0))
    early = 0.5 * np.exp(-0.5 * (u / sigma) ** 2) * erfcx(np.maximum(argument, 0.0))
    return np.where(argument < 0, late, early)


def _minus_slope_of_tail(u: Array, rate: Array, half_gap: Array, sigma: Array) -> Array:
    """-dF/dk at the mean rate, with the next term in the gap of the rates: [F(k - g) - F(k + g)] / 2g = -F' - g^2 F''' / 6 + O(g^4).

    From F' = (k sigma^2 - u) F - sigma^2 G, G the normal density of u.
    """
    tail = _tail(u, rate, sigma)
    lever = rate * sigma**2 - u
    density = sigma * np.exp(-0.5 * (u / sigma) ** 2) / math.sqrt(2 * math.pi)
    first = lever * tail - density
    second = sigma**2 * tail + lever * first
    third = 2 * sigma**2 * first + lever * second
    return -first - half_gap**2 / 6 * third
