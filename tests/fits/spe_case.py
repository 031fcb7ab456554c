"""Charge spectra thrown from a model, as histograms of the processor."""

from __future__ import annotations

import hist
import numpy as np
from scipy.stats import truncnorm

Q_REF = 3.0


def histogram(q: np.ndarray, q_ref: float = Q_REF, bins: int = 1200) -> hist.Hist:
    made = hist.Hist(hist.axis.Regular(bins, -q_ref, 5 * q_ref, name="charge", label="pC"), storage=hist.storage.Int64())
    return made.fill(q)


def charges(model: str, own: tuple[float, ...], mu: float, n: int, random: np.random.Generator) -> np.ndarray:
    """Charges without noise of ``n`` triggers; ``own``: as in ``fits.spe_models``, bellamy without its background."""
    count = random.poisson(mu, n)
    if model == "gamma":
        q1, delta = own
        return random.gamma(count / delta**2 + 1e-300, q1 * delta**2)
    if model in ("gauss", "bellamy"):
        q1, delta = own[:2]
        return count * q1 + np.sqrt(count) * delta * q1 * random.normal(size=n)
    p_e, a, x0, sg = own
    total = int(count.sum())
    low = random.random(total) < p_e
    one = np.where(low, random.exponential(a, total), truncnorm.rvs(-x0 / sg, np.inf, x0, sg, size=total, random_state=random))
    return np.bincount(np.repeat(np.arange(n), count), weights=one, minlength=n)


def background(model: str, own: tuple[float, ...], n: int, random: np.random.Generator) -> np.ndarray:
    if model != "bellamy":
        return np.zeros(n)
    w, a = own[2:]
    return np.where(random.random(n) < w, random.exponential(1 / a, n), 0.0)


def spectra(
    model: str, own: tuple[float, ...], *, seed: int, mu: float = 1.2, s0: float = 0.1, n: int = 10_000, q0: float = 0.0, q_ref: float = Q_REF
) -> tuple[hist.Hist, hist.Hist]:
    """Spectrum with light and pedestal, ``n`` triggers each."""
    random = np.random.default_rng(seed)
    led, off = (random.normal(q0, s0, n) + background(model, own, n, random) for _ in range(2))
    return histogram(led + charges(model, own, mu, n, random), q_ref), histogram(off, q_ref)


def saldanha_spectra(seed: int, mu: float = 1.2, s0: float = 0.25, n: int = 20_000) -> tuple[hist.Hist, hist.Hist]:
    """The toys of the specification: truncated Gaussian (1.6, 0.45), mean 1.6003."""
    return spectra("dossi", (0.0, 1.0, 1.6, 0.45), seed=seed, mu=mu, s0=s0, n=n)
