"""Parametrised fluxes averaged over bins, with their derivatives: by propagation length with effective losses, by energy tilted or as a power law.

Parameters are fitted in units in which they are of order one (``scales``); all are in ``parameters``, in the order of theta.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fits.parameters import FitParameter
from fits.priors import Gaussian
from fits.stopping_muons.theory import PIVOT_GEV, BinNodes, Theory
from physics.muon_range import EnergyLoss

Array = NDArray[np.float64]

PER_M = 1e-4  # b is fitted in units of 1e-4 /m
A_BOUNDS, A_START = (0.1, 0.5), 0.25  # GeV/m
B_BOUNDS, B_START = (1e-4, 1e-3), 3.5e-4  # per m
NORM_BOUNDS, TILT_BOUNDS, INDEX_BOUNDS = (1e-3, 1e3), (-2.0, 2.0), (1.0, 6.0)
INDEX_START = 3.5


class SpectrumModel(Protocol):
    """A flux with parameters, the first two of which are of interest."""

    @property
    def parameters(self) -> tuple[FitParameter, ...]:
        """In the order of theta, in fitted units."""
        ...

    @property
    def scales(self) -> Mapping[str, tuple[float, str]]:
        """Parameter -> (value of one fitted unit, its physical unit); 1 and none where absent."""
        ...

    @property
    def nodes(self) -> BinNodes:
        """The bins."""
        ...

    def average(self, theta: Array) -> tuple[Array, Array]:
        """Average over each bin (bins,) and its derivatives (parameters, bins)."""
        ...


@dataclass(frozen=True, eq=False)
class RangeModel:
    """N Phi(E(L)) (E(L)/TeV)^-dgamma a e^{bL}; ``norm_error`` and ``delta_gamma_error``: N ~ N(1, .), dgamma ~ N(0, .); None: held at 1 and 0."""

    theory: Theory
    nodes: BinNodes
    norm_error: float | None = None
    delta_gamma_error: float | None = None
    scales: Mapping[str, tuple[float, str]] = field(default_factory=lambda: {"a": (1.0, "GeV m^-1"), "b": (PER_M, "m^-1")})

    def __post_init__(self) -> None:
        low, high = (EnergyLoss(a, b).energy_gev(edge) for a, b, edge in zip(A_BOUNDS, B_BOUNDS, self.nodes.edges[[0, -1]], strict=True))
        self.theory.covers(float(low), float(high))

    @cached_property
    def parameters(self) -> tuple[FitParameter, ...]:
        """a, b (1e-4 /m), norm, delta_gamma."""
        low, high = (edge / PER_M for edge in B_BOUNDS)
        return (
            FitParameter("a", (A_START,), *A_BOUNDS),
            FitParameter("b", (B_START / PER_M,), low, high),
            _constrained("norm", 1.0, self.norm_error, NORM_BOUNDS),
            _constrained("delta_gamma", 0.0, self.delta_gamma_error, TILT_BOUNDS),
        )

    def average(self, theta: Array) -> tuple[Array, Array]:
        """By dE/da = E/a and dE/db = -E/b + a L e^{bL}/b."""
        a, b, norm, tilt = theta[0], theta[1] * PER_M, theta[2], theta[3]
        loss, length = EnergyLoss(a, b), self.nodes.point
        energy, per_m = loss.energy_gev(length), loss.gev_per_m(length)
        log_energy = np.log(energy / PIVOT_GEV)
        flux = norm * self.theory.at(energy) * np.exp(-tilt * log_energy) * per_m
        index = self.theory.index(energy) - tilt
        by_b = length + index * (per_m * length / energy - 1) / b
        slopes = np.stack([(1 + index) / a, by_b * PER_M, np.full_like(energy, 1 / norm), -log_energy])
        return self.nodes.average(flux), self.nodes.average(flux * slopes)


@dataclass(frozen=True, eq=False)
class TiltedModel:
    """N Phi(E) (E/TeV)^-dgamma."""

    theory: Theory
    nodes: BinNodes
    parameters: tuple[FitParameter, ...] = (
        FitParameter("norm", (1.0,), *NORM_BOUNDS),
        FitParameter("delta_gamma", (0.0,), *TILT_BOUNDS),
    )
    scales: Mapping[str, tuple[float, str]] = field(default_factory=dict)

    @cached_property
    def _reference(self) -> tuple[Array, Array]:
        self.theory.covers(float(self.nodes.edges[0]), float(self.nodes.edges[-1]))
        return self.theory.at(self.nodes.point), np.log(self.nodes.point / PIVOT_GEV)

    def average(self, theta: Array) -> tuple[Array, Array]:
        """The theory is evaluated once."""
        flux, log_energy = self._reference
        tilted = theta[0] * flux * np.exp(-theta[1] * log_energy)
        mean = self.nodes.average(tilted)
        return mean, np.stack([mean / theta[0], self.nodes.average(-tilted * log_energy)])


@dataclass(frozen=True, eq=False)
class PowerLawModel:
    """Phi0 (E/TeV)^-gamma; ``unit_flux``: what Phi0 is fitted in units of."""

    nodes: BinNodes
    unit_flux: float
    parameters: tuple[FitParameter, ...] = (
        FitParameter("phi0", (1.0,), *NORM_BOUNDS),
        FitParameter("gamma", (INDEX_START,), *INDEX_BOUNDS),
    )

    @property
    def scales(self) -> Mapping[str, tuple[float, str]]:
        """Phi0 is a flux."""
        return {"phi0": (self.unit_flux, "GeV^-1 m^-2 s^-1 sr^-1")}

    def average(self, theta: Array) -> tuple[Array, Array]:
        """Integrated over each bin, not taken at its centre."""
        log_energy = np.log(self.nodes.point / PIVOT_GEV)
        flux = theta[0] * self.unit_flux * np.exp(-theta[1] * log_energy)
        mean = self.nodes.average(flux)
        return mean, np.stack([mean / theta[0], self.nodes.average(-flux * log_energy)])


def _constrained(name: str, value: float, error: float | None, bounds: tuple[float, float]) -> FitParameter:
    prior = None if error is None else Gaussian(value, error)
    return FitParameter(name, (value,), *bounds, prior=prior, fixed=prior is None)
