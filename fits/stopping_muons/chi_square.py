"""Chi-square of a parametrised flux: r^T C^-1 r with the full covariance, and its minimum.

C is that of the model, not of what was measured. Errors that are relative (effective area, livetime, nuisances) are relative to the model:
covariances in proportion to measured values pull a fit below its data (D'Agostini, NIM A346 (1994) 306). Variances of counts and of simulation grow
with the model: bins that fluctuate down would else have the smallest errors. The model is that of the fit before, until it settles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve

from configs.errors import InputError
from fits.minimise import Minimum, minimise
from fits.parameters import FitParameter
from fits.stopping_muons.spectrum_models import SpectrumModel

Array = NDArray[np.float64]

COUNTED = ("statistical", "simulation")  # sources whose variance grows as the flux, as that of a count; that of all others as its square
ITERATIONS = 8
SETTLED = 1e-3  # of an error: a smaller change of the parameters ends the iteration


@dataclass(frozen=True, eq=False)
class Measured:
    """A flux (bins,) with covariances (bins, bins) by source, as measured; ``used`` (bins,): bins that a fit may use."""

    edges: Array
    flux: Array
    covariances: Mapping[str, Array]
    used: NDArray[np.bool_]

    @classmethod
    def of(cls, edges: ArrayLike, flux: ArrayLike, covariances: Mapping[str, ArrayLike], used: Sequence[bool] | None = None) -> Measured:
        """Checked: shapes, finite values, something to fit. Bins without a finite, positive flux and variance must not be used (InputError)."""
        values = np.asarray(flux, float)
        size = values.size
        matrices = {key: np.asarray(value, float) for key, value in covariances.items()}
        mask = np.ones(size, bool) if used is None else np.asarray(used, bool)
        edges = np.asarray(edges, float)
        wrong = [key for key, value in matrices.items() if value.shape != (size, size)]
        if edges.shape != (size + 1,) or mask.shape != (size,) or wrong or not matrices:
            raise InputError(f"flux of {size} bins: {edges.size} edges, {mask.size} flags, covariances {wrong or list(matrices)} of another size")
        total = np.sum(list(matrices.values()), axis=0)
        good = np.isfinite(values) & (values > 0) & np.isfinite(np.diag(total)) & (np.diag(total) > 0)
        if np.any(mask & ~good):
            bad = np.flatnonzero(mask & ~good)
            raise InputError(f"bins {bad.tolist()} have no positive flux with an error: leave them out (used), or merge them with their neighbours")
        return cls(edges, values, matrices, mask)

    def covariance(self, model: Array | None = None) -> Array:
        """Total (used, used) at a flux ``model`` (bins,) (default: as measured): counted sources times m/phi, all others times (m/phi)^2."""
        ratio = np.ones_like(self.flux) if model is None else np.divide(model, self.flux, out=np.ones_like(self.flux), where=self.used)
        powers = {key: ratio**0.5 if key in COUNTED else ratio for key in self.covariances}
        total = np.sum([value * np.outer(powers[key], powers[key]) for key, value in self.covariances.items()], axis=0)
        return np.asarray(total, float)[np.ix_(self.used, self.used)]


@dataclass(frozen=True, eq=False)
class ChiSquare:
    """Half of chi-square with priors, as an objective of ``fits.minimise``; ``reference`` (bins,): flux that relative errors refer to."""

    model: SpectrumModel
    measured: Measured
    reference: Array | None = None

    @property
    def parameters(self) -> tuple[FitParameter, ...]:
        """The model's."""
        return self.model.parameters

    @cached_property
    def _factor(self) -> tuple[Array, bool]:
        covariance = self.measured.covariance(self.reference)
        scale = np.sqrt(np.diag(covariance))
        try:
            factor, lower = cho_factor(covariance / np.outer(scale, scale))
        except np.linalg.LinAlgError:
            raise InputError("covariance of the flux is not positive definite: give the total of all sources, or merge bins") from None
        return np.asarray(factor * scale), bool(lower)  # upper triangular U: C = (U scale)^T (U scale)

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """At theta (parameters,)."""
        mean, slopes = self.model.average(theta)
        used = self.measured.used
        residual = (mean - self.measured.flux)[used]
        weighted = cho_solve(self._factor, residual)
        value, gradient = 0.5 * float(residual @ weighted), slopes[:, used] @ weighted
        for i, one in enumerate(self.parameters):
            if one.prior is not None:
                value += one.prior.quadratic(float(theta[i]))
                gradient[i] += one.prior.gradient(float(theta[i]))
        return value, gradient


def fit(model: SpectrumModel, measured: Measured, *, minos: bool = True) -> tuple[ChiSquare, Minimum]:
    """The chi-square with the covariance of its own minimum, and that minimum; ``minos``: intervals of the two parameters of interest."""
    of_interest = [one.name for one in model.parameters[:2]] if minos else []
    objective = ChiSquare(model, measured)
    found = minimise(objective, hesse=False)
    for _ in range(ITERATIONS):
        if not found.valid:
            break
        objective = replace(objective, reference=model.average(found.theta)[0])
        following = minimise(objective, starts=found.values, steps=_positive(found), hesse=False)
        errors = np.array([following.errors[name] or 1.0 for name in following.names])  # 0 where held
        moved = float(np.max(np.abs(following.theta - found.theta) / errors))
        found = following
        if moved < SETTLED:
            break
    return objective, minimise(objective, starts=found.values, minos=of_interest) if found.valid else found


def _positive(minimum: Minimum) -> dict[str, float]:
    """Errors that can be first steps."""
    return {name: error for name, error in minimum.errors.items() if np.isfinite(error) and error > 0}
