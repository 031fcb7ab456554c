"""The negative log-likelihood of a model and counts, with priors and a policy for data in bins that no simulated event can explain."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from configs.errors import InputError, nearest
from fits.folding import pull_back, squared, vector
from fits.likelihood import NEEDS_VARIANCE, TINY, Likelihood, prepare
from fits.model import Model
from fits.official_model import OfficialModel
from fits.parameters import FitParameter
from fits.priors import Prior

Array = NDArray[np.float64]
EmptyBins = Literal["refuse", "skip", "floor"]
AnyModel = Model | OfficialModel
DataPart = Callable[[Array], tuple[float, Array]]  # theta -> value and gradient (parameters,)

FLOOR = 1.0e-9  # expectation of an empty bin under empty_bins: floor
NAMED_BINS = 5  # a message names at most so many


class NegativeLogLikelihood:
    """``-ln L(theta)`` for fixed counts; ``theta`` follows ``names``.

    ``parameters`` (default: the model's) carry starts, limits and priors. ``empty_bins``: what to do with data in bins that the model cannot reach
    (no simulated event): ``refuse`` (InputError naming them), ``skip`` (leave those events out) or ``floor`` (expectation 1e-9), both with a warning.
    ``dropped_bins`` names the bins concerned, ``n_dropped`` counts the events left out. ``counts`` are those of the likelihood, after skipping.
    """

    def __init__(
        self,
        model: AnyModel,
        counts: ArrayLike,
        likelihood: str = "poisson",
        *,
        parameters: Sequence[FitParameter] | None = None,
        empty_bins: EmptyBins = "refuse",
    ) -> None:
        self.model = model
        self.likelihood = likelihood
        self.empty_bins = empty_bins
        self._set_parameters(model.names, model.parameters if parameters is None else parameters)
        self.counts, offset, self.dropped_bins, self.n_dropped = _explainable(model, counts, empty_bins)
        kernel = prepare(likelihood, self.counts)
        if isinstance(model, OfficialModel):
            model.check(self.parameters)
            self._data: DataPart = _PulledBack(model, kernel, offset, likelihood in NEEDS_VARIANCE)
        elif likelihood in NEEDS_VARIANCE:
            self._data = _PerBin(model, kernel, offset)
        else:
            self._data = _MergedPoisson(model, self.counts, offset)

    def _set_parameters(self, names: tuple[str, ...], parameters: Sequence[FitParameter]) -> None:
        self.names, self.parameters = names, tuple(parameters)
        if tuple(one.name for one in self.parameters) != self.names:
            raise InputError(f"parameters {[one.name for one in self.parameters]} are not those of the model, {list(self.names)}")
        self.priors: dict[str, Prior] = {one.name: one.prior for one in self.parameters if one.prior is not None}
        self._priors = [(i, one.prior) for i, one in enumerate(self.parameters) if one.prior is not None]
        self._prior_constant = math.fsum(prior.constant for _, prior in self._priors)

    def value(self, theta: ArrayLike) -> float:
        """``-ln L``, prior constants included."""
        return self.value_and_gradient(theta)[0]

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Array]:
        """``-ln L`` and its gradient (parameters,). Data in a bin without expectation (all norms 0): +inf, with a gradient that points inside."""
        theta = np.asarray(theta, dtype=float)
        total, gradient = self._data(theta)
        for i, prior in self._priors:
            x = float(theta[i])
            total += prior.quadratic(x)
            gradient[i] += prior.gradient(x)
        return total + self._prior_constant, gradient

    def data_value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """The data part of ``-ln L``, without priors, and its gradient (parameters,)."""
        return self._data(theta)

    def parts(self, theta: ArrayLike) -> tuple[float, float, float]:
        """``(data, prior, prior_constant)``, whose sum is ``value``; only the sum may be compared with a published number that includes constants."""
        theta = np.asarray(theta, dtype=float)
        quadratic = math.fsum(prior.quadratic(float(theta[i])) for i, prior in self._priors)
        return self._data(theta)[0], quadratic, self._prior_constant

    def with_counts(self, counts: ArrayLike, prior_means: Mapping[str, float] | None = None) -> NegativeLogLikelihood:
        """The same likelihood for other counts and, for toys, other centres of the priors (by parameter name)."""
        moved = self._around(prior_means or {})
        return NegativeLogLikelihood(self.model, counts, self.likelihood, parameters=moved, empty_bins=self.empty_bins)

    def _around(self, means: Mapping[str, float]) -> tuple[FitParameter, ...]:
        """The parameters with other centres of their priors."""
        for name in means:
            if name not in self.priors:
                raise InputError(f"prior_means: {name!r} has no prior{nearest(name, self.priors) if self.priors else ''}")
        return tuple(replace(one, prior=one.prior.around(means[one.name])) if one.prior and one.name in means else one for one in self.parameters)


def _explainable(model: AnyModel, counts: ArrayLike, policy: EmptyBins) -> tuple[Array, Array | None, tuple[str, ...], float]:
    """Counts for the likelihood, an offset (bins,) of the expectation or None, names of unreachable bins with data, events left out."""
    if policy not in get_args(EmptyBins):
        raise InputError(f"empty_bins: {policy!r} is not a policy{nearest(policy, get_args(EmptyBins))}")
    given = np.array(counts, dtype=float)
    if given.shape != (model.n_bins,):
        raise InputError(f"counts have shape {given.shape}, the model has {model.n_bins} bins; project both with the same axes")
    lost = (given > 0) & ~model.reachable
    if not lost.any():
        return given, None, (), 0.0
    names = tuple(model.response.bins[i].label for i in np.flatnonzero(lost))
    events = float(given[lost].sum())
    listed = "; ".join(names[:NAMED_BINS]) + (f"; and {len(names) - NAMED_BINS} more" if len(names) > NAMED_BINS else "")
    found = f"{events:g} events lie in {len(names)} bins without any simulated event ({listed})"
    if policy == "refuse":
        raise InputError(f"{found}: the likelihood is zero whatever the parameters; use more simulation or wider bins, or empty_bins: skip or floor")
    if policy == "skip":
        warnings.warn(f"{found}: they are left out of the fit (empty_bins: skip)", stacklevel=4)
        return np.where(lost, 0.0, given), None, names, events
    warnings.warn(f"{found}: their expectation is set to {FLOOR:g} (empty_bins: floor)", stacklevel=4)
    return given, np.where(lost, FLOOR, 0.0), names, 0.0


class _MergedPoisson:
    """Poisson data part with all bins merged that hold no event: their terms add up to the total expectation (an identity, not an approximation).

    Rows: the sum of all bins, then each bin with counts; NLL = mu_total - sum k ln mu + sum ln k!. Columns: the folding's, then the background, so
    that mu = rows @ [norm w, atmos norm].
    """

    def __init__(self, model: Model, counts: Array, offset: Array | None) -> None:
        seen = counts > 0
        self._model = model
        self._k = counts[seen]
        self._ln_factorials = float(gammaln(self._k + 1.0).sum())
        self._rows = np.empty((self._k.size + 1, model.matrix.shape[1] + 1))
        self._rows[0, :-1], self._rows[0, -1] = model.total_row, model.background.sum()
        self._rows[1:, :-1], self._rows[1:, -1] = model.matrix[seen], model.background[seen]
        self._offset = None if offset is None else np.append(offset.sum(), offset[seen])

    def __call__(self, theta: Array) -> tuple[float, Array]:
        model = self._model
        weights, theta = model.weights(theta), model.flux.with_norm(theta)
        norm = theta[0]
        folding = vector(weights, model.n_moments)
        whole = np.empty(folding.size + 1)
        whole[:-1] = norm * folding
        whole[-1] = theta[-1]
        mu = self._rows @ whole
        if self._offset is not None:
            mu += self._offset
        each = mu[1:]
        impossible = each.size > 0 and np.minimum.reduce(each) <= 0
        if impossible:
            each = np.where(each > 0, each, TINY)
        slopes = np.ones(mu.size)
        slopes[1:] = -self._k / each
        back = slopes @ self._rows
        gradient = np.empty(theta.size)
        gradient[0] = back[:-1] @ folding
        gradient[1:-1] = norm * pull_back(weights, back[:-1], model.nodes)
        gradient[-1] = back[-1]
        value = math.inf if impossible else float(mu[0] - self._k @ np.log(each)) + self._ln_factorials
        return value, model.flux.without_norm(gradient)


class _PerBin:
    """Data part of a likelihood that needs the variance of every bin."""

    def __init__(self, model: Model, kernel: Likelihood, offset: Array | None) -> None:
        self._model = model
        self._kernel = kernel
        self._offset = 0.0 if offset is None else offset
        own, cross, self._constant = model.pair_matrices
        self._own = own
        self._both = np.vstack([model.matrix, cross])  # mu and the cross term fold with the same weights

    def __call__(self, theta: Array) -> tuple[float, Array]:
        model = self._model
        weights, theta = model.weights(theta), model.flux.with_norm(theta)
        norm, atmos = theta[0], theta[-1]
        weights_2 = squared(weights, model.nodes)
        astro, v1 = (self._both @ vector(weights, model.n_moments)).reshape(2, -1)
        v2 = self._own @ vector(weights_2, model.n_moments)
        mu = norm * astro + atmos * model.background + self._offset
        s2 = norm * (norm * v2 + 2.0 * atmos * v1) + atmos**2 * self._constant
        nll, in_mu, in_s2 = self._kernel(mu, np.maximum(s2, 0.0))
        gradient = np.empty(theta.size)
        gradient[0] = in_mu @ astro + 2.0 * (norm * (in_s2 @ v2) + atmos * (in_s2 @ v1))
        gradient[-1] = in_mu @ model.background + 2.0 * (norm * (in_s2 @ v1) + atmos * (in_s2 @ self._constant))
        slopes = np.concatenate([norm * in_mu, 2.0 * norm * atmos * in_s2]) @ self._both
        gradient[1:-1] = pull_back(weights, slopes, model.nodes) + norm**2 * pull_back(weights_2, in_s2 @ self._own, model.nodes)
        return float(nll.sum()), model.flux.without_norm(gradient)


class _PulledBack:
    """Data part of a model that knows the way back from mu and s2 to its parameters."""

    def __init__(self, model: OfficialModel, kernel: Likelihood, offset: Array | None, variance: bool) -> None:
        self._model, self._kernel, self._variance = model, kernel, variance
        self._offset = 0.0 if offset is None else offset
        if variance:
            model.require_variance()

    def __call__(self, theta: Array) -> tuple[float, Array]:
        point = self._model.at(theta, variance=self._variance)
        nll, in_mu, in_s2 = self._kernel(point.mu + self._offset, point.s2)
        return float(nll.sum()), self._model.pull_back(point, in_mu, in_s2 if self._variance else None)
