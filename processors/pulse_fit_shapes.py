"""Compiled pulse shapes: a pulse of area 1 and its derivatives at equally spaced samples. ``physics/pulse_shapes.py`` has them with formulas.

Equal spacing turns every exponential into a product, exp(-k (u + dt)) = exp(-k u) exp(-k dt),
so a shape costs a handful of ``exp`` however long it is.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHARP, SMEARED = 0, 1  # models; parameters are area, onset, beta, eta and, where smeared, sigma
AREA, ONSET, BETA, ETA, SIGMA = 0, 1, 2, 3, 4

MEET_BELOW = 1e-4  # eta below which the series in eta is the better way: above, differences of exponentials lose at most 1e-16 / eta
SMEARED_MEET = 1e-6  # the smeared pulse does not change below this eta: it differs from that of eta = 0 by as much
REACH_SIGMA = 9.0  # a Gaussian is 0 beyond
ERFC_FULL = 6.0  # at its negative erfc is 2 to all digits
ERFC_VANISHES = 20.0  # from here on by its asymptotic series (Abramowitz and Stegun 7.1.23), exact to 1e-13
ON_SAMPLE = 1e-9  # of a sample: closer, an onset lies on it


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fill_shape(model: int, parameters: Array, dt: float, scratch: Array, columns: Array, n: int) -> int:
    """Shape and derivatives of ``parameters`` (area, onset, beta, eta[, sigma]) in ``columns``; the first sample that is not 0 for certain."""
    onset, beta, eta = parameters[ONSET], parameters[BETA], parameters[ETA]
    if model == SMEARED:
        return fill_smeared(onset, beta, eta, parameters[SIGMA], dt, columns, n)
    first = min(max(math.ceil(onset / dt - ON_SAMPLE), 0), n)
    if first < n:
        rows = (columns[0, first:n], columns[1, first:n], columns[2, first:n], columns[3, first:n])
        if eta < MEET_BELOW:
            fill_meeting(first * dt - onset, beta, eta, dt, scratch[0, first:n], *rows)
        else:
            fill_apart(first * dt - onset, beta, eta, dt, scratch[0, first:n], scratch[1, first:n], *rows)
    return first


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fill_decay(first: float, factor: float, out: Array) -> None:
    """first factor^j by doubling: every pass is a multiplication of what is there, free of a chain of dependences."""
    n = len(out)
    out[0] = first
    done, power = 1, factor
    while done < n:
        for j in range(min(done, n - done)):
            out[done + j] = out[j] * power
        power *= power
        done *= 2


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fill_apart(
    u0: float, beta: float, eta: float, dt: float, falling: Array, rising: Array, shape: Array, by_onset: Array, by_beta: Array, by_eta: Array
) -> None:
    """From the two exponentials: s = K (e_f - e_r), K = beta (1 - eta) / (2 sqrt eta)."""
    root = math.sqrt(eta)
    slow, fast = beta * (1 - root), beta * (1 + root)
    fill_decay(math.exp(-slow * u0), math.exp(-slow * dt), falling)
    fill_decay(math.exp(-fast * u0), math.exp(-fast * dt), rising)
    scale = beta * (1 - eta) / (2 * root)
    log_slope = -1 / (1 - eta) - 1 / (2 * eta)
    per_beta = 1 / beta
    spread = scale * beta / (2 * root)
    for j in range(len(shape)):
        u = u0 + j * dt
        s = scale * (falling[j] - rising[j])
        slope = scale * (slow * falling[j] - fast * rising[j])
        shape[j] = s
        by_onset[j] = slope
        by_beta[j] = (s - u * slope) * per_beta
        by_eta[j] = log_slope * s + spread * u * (falling[j] + rising[j])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fill_meeting(u0: float, beta: float, eta: float, dt: float, decay: Array, shape: Array, by_onset: Array, by_beta: Array, by_eta: Array) -> None:
    """Where the two times are equal or nearly so, from the series of h in z = eta x^2."""
    fill_decay(math.exp(-beta * u0), math.exp(-beta * dt), decay)
    scale, per_beta = beta * (1 - eta), 1 / beta
    log_slope = 1 / (1 - eta)
    for j in range(len(shape)):
        u = u0 + j * dt
        x = beta * u
        z = eta * x * x
        h = 1 + z / 6 * (1 + z / 20 * (1 + z / 42))
        h_slope = 1 / 6 + z / 60 * (1 + z / 28 * (1 + z / 54))
        s = scale * x * decay[j] * h
        slope = -beta * scale * decay[j] * ((1 - x) * h + 2 * z * h_slope)
        shape[j] = s
        by_onset[j] = slope
        by_beta[j] = (s - u * slope) * per_beta
        by_eta[j] = -s * log_slope + scale * x * x * x * decay[j] * h_slope


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fill_smeared(onset: float, beta: float, given_eta: float, sigma: float, dt: float, columns: Array, n: int) -> int:
    """Convolved with a Gaussian: s = beta^2 (1 - eta) D, D = [F(k_f) - F(k_r)] / 2g, k = beta -+ g, g = beta sqrt eta, dF/du = G - k F."""
    eta = max(given_eta, SMEARED_MEET)
    gap = beta * math.sqrt(eta)
    slow, fast = beta - gap, beta + gap
    scale = beta * beta * (1 - eta)
    first = min(max(math.ceil((onset - REACH_SIGMA * sigma) / dt), 0), n)
    for j in range(first, n):
        u = j * dt - onset
        density = math.exp(-0.5 * (u / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi)) if u < REACH_SIGMA * sigma else 0.0
        of_slow, of_fast = tail(u, slow, sigma), tail(u, fast, sigma)
        by_slow = (slow * sigma * sigma - u) * of_slow - sigma * sigma * density  # dF/dk
        by_fast = (fast * sigma * sigma - u) * of_fast - sigma * sigma * density
        share = (of_slow - of_fast) / (2 * gap)  # D
        by_gap = -(by_slow + by_fast) / (2 * gap) - share / gap
        by_beta = (by_slow - by_fast) / (2 * gap) + by_gap * gap / beta
        once = (fast * of_fast - slow * of_slow) / (2 * gap)  # dD/du
        twice = (slow * slow * of_slow - fast * fast * of_fast) / (2 * gap) + density
        columns[0, j] = scale * share
        columns[1, j] = -scale * once
        columns[2, j] = 2 * beta * (1 - eta) * share + scale * by_beta
        columns[3, j] = -beta * beta * share + scale * by_gap * beta * beta / (2 * gap)
        columns[4, j] = scale * sigma * twice  # dD/d(sigma^2) = D'' / 2: a Gaussian spreads as heat does
    return first


@numba.njit(cache=True, nogil=True, error_model="numpy")
def tail(u: float, rate: float, sigma: float) -> float:
    """F(k) = exp(k^2 sigma^2 / 2 - k u) erfc(a) / 2, a = (k sigma - u / sigma) / sqrt 2."""
    a = (rate * sigma - u / sigma) / math.sqrt(2.0)
    if a < 0:
        share = 2.0 if a < -ERFC_FULL else math.erfc(a)
        return 0.5 * math.exp(0.5 * (rate * sigma) ** 2 - rate * u) * share
    gauss = -0.5 * (u / sigma) ** 2
    if a < ERFC_VANISHES:
        return 0.5 * math.exp(a * a + gauss) * math.erfc(a)
    y = 1 / (2 * a * a)
    return 0.5 * math.exp(gauss) / (a * math.sqrt(math.pi)) * (1 - y * (1 - 3 * y * (1 - 5 * y * (1 - 7 * y * (1 - 9 * y)))))
