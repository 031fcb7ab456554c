"""The likelihood of the exercise and its obvious improvements, with a pass over all events for each evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np


def event_weights(x: np.ndarray, weights: Mapping[str, np.ndarray], theta: np.ndarray) -> np.ndarray:
    """norm a_astro (E/E0)^-(gamma - 2.5) + atmos a_atmosphere of every event; x = ln(E/100 TeV)."""
    norm, gamma, atmos = theta
    return norm * weights["astro"] * np.exp(-(gamma - 2.5) * x) + atmos * weights["atmosphere"]


def bin_mask_nll(counts: np.ndarray, masks: np.ndarray, x: np.ndarray, weights: Mapping[str, np.ndarray], theta: np.ndarray) -> float:
    """The exercise: one boolean mask over all events for each bin (made once), one sum over it in each evaluation."""
    w = event_weights(x, weights, theta)
    total = 0.0
    for k, mask in zip(counts, masks, strict=True):
        mu = w[mask].sum()
        if mu > 0:
            total += mu - k * math.log(mu) + math.lgamma(k + 1.0)
    return total


def bincount_nll_and_gradient(
    counts: np.ndarray, bins: np.ndarray, x: np.ndarray, weights: Mapping[str, np.ndarray], theta: np.ndarray
) -> tuple[float, np.ndarray]:
    """One numpy bincount over all events for mu and one for each derivative."""
    from scipy.special import gammaln

    norm, gamma, atmos = theta
    n = counts.size
    a = weights["astro"] * np.exp(-(gamma - 2.5) * x)
    astro, slope = np.bincount(bins, a, n), np.bincount(bins, -x * a, n)
    atmosphere = np.bincount(bins, weights["atmosphere"], n)
    mu = norm * astro + atmos * atmosphere
    seen = mu > 0
    ratio = 1.0 - np.divide(counts, mu, out=np.zeros(n), where=seen)
    value = float((mu - counts * np.log(np.where(seen, mu, 1.0)) + gammaln(counts + 1.0)).sum())
    return value, np.array([ratio @ astro, norm * (ratio @ slope), ratio @ atmosphere])


def variances(bins: np.ndarray, x: np.ndarray, weights: Mapping[str, np.ndarray], theta: np.ndarray, n: int) -> np.ndarray:
    """Sum of squared event weights in each bin."""
    return np.bincount(bins, event_weights(x, weights, theta) ** 2, n)
