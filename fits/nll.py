"""The negative log-likelihood of a model and counts, with priors and a policy for bins that no simulated event can explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest
from fits import likelihood as kernels
from fits.model import Model
from fits.parameters import FitParameter
from fits.priors import Prior

Array = NDArray[np.float64]
EmptyBins = Literal["refuse", "skip", "floor"]


class NegativeLogLikelihood:
    """``-ln L(theta)`` for fixed counts.

    ``parameters`` (default: the model's) carry starts, limits and priors; ``theta`` follows ``names``. ``empty_bins``: what to do with data in bins without
    simulation: ``refuse`` (InputError naming the bins), ``skip`` (leave them out, listed in ``dropped_bins``), ``floor`` (expectation 1e-9, with a warning).
    """

    def __init__(
        self,
        model: Model,
        counts: ArrayLike,
        likelihood: str = "poisson",
        *,
        parameters: Sequence[FitParameter] | None = None,
        empty_bins: EmptyBins = "refuse",
    ) -> None:
        self.model = model
        self.counts = np.asarray(counts, dtype=float)
        self.likelihood = likelihood
        self.parameters = tuple(parameters) if parameters is not None else model.parameters
        self.empty_bins = empty_bins
        self.names = model.names
        self.dropped_bins: tuple[str, ...] = ()
        self.priors: dict[str, Prior] = {one.name: one.prior for one in self.parameters if one.prior is not None}
        self._priors = [(i, one.prior) for i, one in enumerate(self.parameters) if one.prior is not None]
        if self.counts.shape != (model.n_bins,):
            raise InputError(f"counts have shape {self.counts.shape}, the model has {model.n_bins} bins; project both with the same axes")

    def value(self, theta: ArrayLike) -> float:
        """``-ln L`` with prior constants."""
        return self.value_and_gradient(theta)[0]

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Array]:
        """``-ln L`` and its gradient (parameters,)."""
        theta = np.asarray(theta, dtype=float)
        mu, dmu = self.model.mu_and_gradient(theta)
        nll, slope, _ = kernels.poisson(self.counts, mu)
        total, gradient = float(nll.sum()), dmu @ slope
        for i, prior in self._priors:
            total += prior.quadratic(theta[i]) + prior.constant
            gradient[i] += prior.gradient(theta[i])
        return total, gradient

    def parts(self, theta: ArrayLike) -> tuple[float, float, float]:
        """``(data, prior, prior_constant)``; their sum is ``value``."""
        theta = np.asarray(theta, dtype=float)
        quadratic = sum(prior.quadratic(theta[i]) for i, prior in self._priors)
        constant = sum(prior.constant for _, prior in self._priors)
        return self.value(theta) - quadratic - constant, float(quadratic), float(constant)

    def with_counts(self, counts: ArrayLike, prior_means: Mapping[str, float] | None = None) -> NegativeLogLikelihood:
        """The same likelihood for other counts and, for toys, other centres of the priors (by parameter name)."""
        means = prior_means or {}
        unknown = [name for name in means if name not in self.names]
        if unknown:
            raise InputError(f"prior_means: {unknown[0]!r} is not a parameter{nearest(unknown[0], self.names)}")
        moved = tuple(replace(one, prior=one.prior.around(means[one.name])) if one.prior and one.name in means else one for one in self.parameters)
        return NegativeLogLikelihood(self.model, counts, self.likelihood, parameters=moved, empty_bins=self.empty_bins)
