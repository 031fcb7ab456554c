"""From events to a flux with its covariance by source: phi_j = f_j / (area_j x livetime x solid angle x width_j)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.unfolding.map_fit import MapFit, covariance_of
from fits.unfolding.posterior import Posterior

if TYPE_CHECKING:
    from fits.unfolding.mcmc import Sample
    from fits.unfolding.problem import UnfoldingProblem

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Exposure:
    """What turns events into a flux, by bin in range.

    ``area_m2`` (bins,) with its relative covariance ``area_covariance`` (bins, bins); ``widths`` (bins,) in the unit of the truth;
    ``livetime_error_s`` is common to all bins.
    """

    area_m2: Array
    widths: Array
    livetime_s: float
    solid_angle_sr: float
    area_covariance: Array | None = None
    livetime_error_s: float = 0.0

    def __post_init__(self) -> None:
        size = np.shape(self.widths)
        covariance = size * 2 if self.area_covariance is None else np.shape(self.area_covariance)
        if np.shape(self.area_m2) != size or covariance != size * 2:
            raise InputError(f"exposure: {size[0]} widths, but areas {np.shape(self.area_m2)} and covariance {covariance}")
        if not (np.all(np.asarray(self.area_m2) > 0) and np.all(np.asarray(self.widths) > 0)):
            raise InputError("exposure: areas and widths must be positive in every bin")
        if not (self.livetime_s > 0 and self.solid_angle_sr > 0):
            raise InputError(f"exposure: livetime {self.livetime_s} s and solid angle {self.solid_angle_sr} sr must be positive")

    @property
    def events_per_flux(self) -> Array:
        """area x livetime x solid angle x width (bins,)."""
        return np.asarray(self.area_m2) * self.livetime_s * self.solid_angle_sr * np.asarray(self.widths)


@dataclass(frozen=True)
class Flux:
    """``flux`` (bins,) and its covariances by source; their sum is ``covariance``."""

    flux: Array
    covariances: Mapping[str, Array]

    @property
    def covariance(self) -> Array:
        """Sum over all sources."""
        total: Array = np.sum(list(self.covariances.values()), axis=0)
        return total

    def error(self, source: str | None = None) -> Array:
        """Standard deviation by bin, of one source or of all."""
        variance = np.diag(self.covariance if source is None else self.covariances[source])
        deviation: Array = np.sqrt(np.maximum(variance, 0.0))
        return deviation


def to_flux(problem: UnfoldingProblem, fit: MapFit | Sample, exposure: Exposure, *, extra: Mapping[str, Array] | None = None) -> Flux:
    """Flux of the bins in range. Sources: ``statistical``, ``simulation``, ``nuisances`` (from the fit), ``area``, ``livetime``, and ``extra``.

    ``extra``: relative covariances (bins, bins) of further sources. Shape of the response and area are independent to leading order, so nothing
    counts twice; a parameter that is a nuisance of the fit must not be in the area's covariance too.
    """
    inside, unit = problem.inside, exposure.events_per_flux
    if unit.shape != (problem.n_inside,):
        raise InputError(f"exposure: {unit.size} bins, the problem has {problem.n_inside} in range")
    flux = fit.f[inside] / unit
    product = np.outer(flux, flux)
    sources = {key: value[inside, inside] / np.outer(unit, unit) for key, value in fit_covariances(problem, fit).items()}
    if exposure.area_covariance is not None:
        sources["area"] = product * exposure.area_covariance
    if exposure.livetime_error_s > 0:
        sources["livetime"] = product * (exposure.livetime_error_s / exposure.livetime_s) ** 2
    for key, relative in (extra or {}).items():
        if np.shape(relative) != product.shape:
            raise InputError(f"extra covariance {key!r} has the shape {np.shape(relative)}, expected {product.shape}")
        sources[key] = product * np.asarray(relative)
    return Flux(flux, sources)


def fit_covariances(problem: UnfoldingProblem, fit: MapFit | Sample) -> dict[str, Array]:
    """Covariance of f (truth bins, truth bins) apart: ``statistical`` (counts and prior), ``simulation``, ``nuisances``; their sum is the fit's.

    By what the Hessian at the minimum lacks without the variance of the simulation, and with nuisances held.
    """
    best = fit if isinstance(fit, MapFit) else fit.map
    n, theta = problem.n, best.theta
    free = np.array([name not in best.at_bound for name in problem.names])
    parameters = np.arange(free.size) < n
    plain = Posterior(problem.replace(mc_stat="none")).expansion(theta).hessian
    held = covariance_of(Posterior(problem).expansion(theta).hessian, free & parameters)[0][:n, :n]
    exact = covariance_of(plain, free & parameters)[0][:n, :n]
    scale = np.outer(best.f, best.f)
    parts = {"statistical": exact * scale}
    if problem.mc_stat != "none":
        parts["simulation"] = (held - exact) * scale
    if free[n:].any():
        parts["nuisances"] = best.covariance - held * scale
    ratio = 1.0 if isinstance(fit, MapFit) else _adjust(fit.covariance, best.covariance)
    return {key: value * ratio for key, value in parts.items()}


def _adjust(sampled: Array, local: Array) -> Array:
    """Element-wise ratio of the sampled standard deviations to those of the Hessian, so that parts add up to the sampled variances."""
    wide = np.sqrt(np.diag(sampled) / np.diag(local))
    return np.outer(wide, wide)
