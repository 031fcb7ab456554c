"""Likelihoods with closed forms, with the interface of ``NegativeLogLikelihood``: a Poisson count and a Gaussian measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import gammaln

from fits.minimise import Minimum
from fits.parameters import FitParameter


@dataclass(frozen=True)
class Count:
    """One count with mean ``signal + background``; the only parameter is the signal, >= 0."""

    k: float
    background: float = 0.0
    parameters: tuple[FitParameter, ...] = (FitParameter("signal", (1.0,), 0.0, 1000.0),)
    names: tuple[str, ...] = ("signal",)
    priors: Mapping[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> np.ndarray:
        return np.array([self.k])

    @property
    def model(self) -> SimpleNamespace:
        return SimpleNamespace(expected=lambda theta: np.array([theta[0] + self.background]), flux=SimpleNamespace(norms=(), names=()))

    def value(self, theta: np.ndarray) -> float:
        mu = float(theta[0]) + self.background
        if self.k > 0 and mu <= 0:
            return np.inf
        return mu - (self.k * np.log(mu) if self.k else 0.0) + float(gammaln(self.k + 1))

    def value_and_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        mu = float(theta[0]) + self.background
        return self.value(theta), np.array([1.0 - self.k / mu if mu > 0 else (-np.inf if self.k else 1.0)])

    def with_counts(self, counts: np.ndarray, prior_means: Mapping[str, float] | None = None) -> Count:
        return Count(float(counts[0]), self.background)


def exact_fit(nll: Count, *, starts: Any = None, fixed: Mapping[str, float] | None = None, minos: Any = (), hesse: bool = True) -> Minimum:
    """The minimum of a count in closed form: signal = max(k - background, 0)."""
    best = (fixed or {}).get("signal", max(nll.k - nll.background, 0.0))
    value = nll.value(np.array([best]))
    error = float(np.sqrt(max(nll.k, 1.0)))
    at_bound = ("signal",) if best == 0.0 else ()
    return Minimum(("signal",), {"signal": best}, {"signal": error}, np.array([[error**2]]), {}, bool(np.isfinite(value)), "", at_bound, value, 0.0)
