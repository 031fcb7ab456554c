"""Slow and obvious versions of charge spectra: sums over the number of photo-electrons in direct space, quadrature where there is no closed form."""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import quad
from scipy.special import erfcx
from scipy.stats import gamma, norm, poisson

SERIES = 60  # photo-electrons


def gauss_bins(edges: np.ndarray, q0: float, s0: float, mu: float, q1: float, delta: float) -> np.ndarray:
    """Probabilities of bins: Gaussians of mean Q0 + n Q1 and variance s0^2 + n (delta Q1)^2."""
    total = np.zeros(len(edges) - 1)
    for n in range(SERIES):
        total += poisson.pmf(n, mu) * np.diff(norm.cdf(edges, q0 + n * q1, math.sqrt(s0**2 + n * (delta * q1) ** 2)))
    return total


def gamma_bin(low: float, high: float, q0: float, s0: float, mu: float, q1: float, delta: float) -> float:
    """Probability of one bin: n gamma charges are a gamma variate of shape n / delta^2; the noise by quadrature."""
    total = poisson.pmf(0, mu) * (norm.cdf(high, q0, s0) - norm.cdf(low, q0, s0))
    top = high + 9 * s0
    for n in range(1, 25):
        shape = gamma(n / delta**2, scale=q1 * delta**2)
        value, _ = quad(
            lambda x, shape=shape: shape.pdf(x) * (norm.cdf(high - x, q0, s0) - norm.cdf(low - x, q0, s0)),
            max(low - 9 * s0, 0.0),
            top,
            epsabs=1e-13,
            limit=400,
        )
        total += poisson.pmf(n, mu) * value
    return total


def cut_gaussian(omega: float, x0: float, sg: float) -> complex:
    """Characteristic function of a Gaussian cut at zero, by quadrature."""
    share, top = norm.cdf(x0 / sg), x0 + 12 * sg
    parts = [quad(lambda x, f=f: norm.pdf(x, x0, sg) / share * f(omega * x), 0.0, top, epsabs=1e-13, limit=800)[0] for f in (math.cos, math.sin)]
    return complex(*parts)


def bellamy_density(q: np.ndarray, q0: float, s0: float, mu: float, q1: float, s1: float, w: float, a: float) -> np.ndarray:
    """Bellamy et al., NIM A 339 (1994) 468, exact convolution: sum_n Pois(n; mu) [(1 - w) N(q; Qn, sn) + w E_n(q)].

    E_n = (a/2) exp(a^2 sn^2/2 - a (q - Qn)) erfc((a sn^2 - (q - Qn)) / (sqrt2 sn)), here with the scaled erfc so that nothing overflows.
    """
    total = np.zeros_like(q)
    for n in range(SERIES):
        x, sn = q - q0 - n * q1, math.sqrt(s0**2 + n * s1**2)
        z = (a * sn**2 - x) / (math.sqrt(2) * sn)
        small = np.where(z > 0, 0.5 * a * np.exp(-0.5 * (x / sn) ** 2) * erfcx(np.maximum(z, 0.0)), 0.0)
        # exp(a^2 sn^2/2 - a x) erfc(z) = 2 exp(...) - exp(-x^2/(2 sn^2)) erfcx(-z)
        tail = a * np.exp(np.minimum(0.5 * (a * sn) ** 2 - a * x, 700.0)) - 0.5 * a * np.exp(-0.5 * (x / sn) ** 2) * erfcx(np.maximum(-z, 0.0))
        total += poisson.pmf(n, mu) * ((1 - w) * norm.pdf(x, 0, sn) + w * np.where(z > 0, small, tail))
    return total
