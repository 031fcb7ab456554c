"""The Poisson likelihood with the composition by flavour free: two parameters beside those of the fit.

The expectation is linear in the fractions, mu(theta, f) = sum_k f_k mu_k(theta) with mu_k that of a flux of flavour k alone (backgrounds come with
the sum of the fractions, 1). Coordinates f_e = u, f_mu = (1 - u) v, f_tau = (1 - u)(1 - v) cover the triangle smoothly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.likelihood import prepare
from fits.nll import AnyModel, NegativeLogLikelihood
from fits.parameters import FitParameter
from records.diffuse import Composition

Array = NDArray[np.float64]

FREE = ("flavour_e", "flavour_mu_of_rest")
NEARLY = 1.0e-9  # of the other flavours in a pure one: a bin that they alone reach stays reachable


@dataclass(frozen=True)
class FreeComposition:
    """An objective of ``fits.minimise``. ``models``: of pure e, mu, tau; ``of``: parameters of the fit with their priors; ``counts`` (bins,)."""

    models: tuple[AnyModel, AnyModel, AnyModel]
    counts: Array
    of: tuple[FitParameter, ...]

    @classmethod
    def made(cls, likelihoods: Callable[[Composition], NegativeLogLikelihood]) -> FreeComposition:
        """From the likelihood of any composition. Raises InputError for another likelihood than Poisson, and for one that leaves data out."""
        pure = [likelihoods(_pure(k)) for k in range(3)]
        if pure[0].likelihood != "poisson" or pure[0].dropped_bins:
            raise InputError("flavour_scan.toys: toys of a composition have the Poisson likelihood alone; set toys: 0, or likelihood: poisson")
        e, mu, tau = (one.model for one in pure)
        return cls((e, mu, tau), pure[0].counts, pure[0].parameters)

    @property
    def parameters(self) -> tuple[FitParameter, ...]:
        """Those of the fit, then u and v."""
        return (*self.of, FitParameter(FREE[0], (1 / 3,), 0.0, 1.0), FitParameter(FREE[1], (0.5,), 0.0, 1.0))

    @cached_property
    def _kernel(self) -> Callable[[Array, Array], tuple[Array, Array, Array]]:
        return prepare("poisson", self.counts)

    def __getstate__(self) -> dict[str, object]:
        """Without the kernel, which is made again from the counts."""
        return {name: value for name, value in vars(self).items() if name != "_kernel"}

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """-ln L with priors and their constants, and its gradient (parameters,)."""
        inner, (u, v) = theta[:-2], theta[-2:]
        fractions = np.array([u, (1.0 - u) * v, (1.0 - u) * (1.0 - v)])
        parts = [model.mu_and_gradient(inner) for model in self.models]
        mus, slopes = np.array([mu for mu, _ in parts]), np.array([slope for _, slope in parts])
        value, in_mu, _ = self._kernel(fractions @ mus, np.zeros(mus.shape[1]))
        by_flavour = mus @ in_mu
        gradient = np.append(np.tensordot(fractions, slopes, axes=1) @ in_mu, [by_flavour @ [1.0, -v, v - 1.0], by_flavour @ [0.0, 1.0 - u, u - 1.0]])
        total = float(value.sum())
        for i, one in enumerate(self.of):
            if one.prior is not None:
                total += one.prior.quadratic(float(theta[i])) + one.prior.constant
                gradient[i] += one.prior.gradient(float(theta[i]))
        return total, gradient

    def of_toy(self, toy: NegativeLogLikelihood) -> FreeComposition:
        """The same models with the counts and the auxiliary measurements of a pseudo-experiment."""
        return replace(self, counts=toy.counts, of=toy.parameters)


def as_start(values: Mapping[str, float], fractions: Composition) -> dict[str, float]:
    """Values of a fit and a composition as a start of the free one.

    >>> as_start({"astro_norm": 6.0}, (0.5, 0.125, 0.375))
    {'astro_norm': 6.0, 'flavour_e': 0.5, 'flavour_mu_of_rest': 0.25}
    """
    rest = fractions[1] + fractions[2]
    return {**values, FREE[0]: fractions[0], FREE[1]: fractions[1] / rest if rest > 0.0 else 0.5}


def composition_of(values: Mapping[str, float]) -> Composition:
    """The composition at a minimum of the free likelihood."""
    u, v = (values[name] for name in FREE)
    return u, (1.0 - u) * v, (1.0 - u) * (1.0 - v)


def _pure(k: int) -> Composition:
    e, mu, tau = (1.0 - 2.0 * NEARLY if i == k else NEARLY for i in range(3))
    return e, mu, tau
