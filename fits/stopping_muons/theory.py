"""A predicted flux of muons at the surface, averaged over the accepted solid angle; its averages over bins of energy and of propagation length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from configs.errors import InputError
from fits.stopping_muons.targets import ENERGY, Target
from physics.atmospheric_muons import surface_flux
from physics.muon_range import TOY_ICE, EnergyLoss
from records.stopping_muons import TheorySpectrum

Array = NDArray[np.float64]

PIVOT_GEV = 1e3  # where a tilted flux stays as it is
NODES_IN_BIN = 12  # of Gauss and Legendre, for the average over one bin
NODES_IN_COSINE = 48
DEFAULT_ENERGIES_GEV = np.geomspace(10.0, 1e8, 701)  # steps of 2.3 %: interpolation is exact to 1e-7


@dataclass(frozen=True, eq=False)
class Theory:
    """Flux of mu+ and mu- in GeV^-1 m^-2 s^-1 sr^-1 at ``energy_gev`` (n,), ascending; ``error`` (n,) in the same unit, or None."""

    name: str
    energy_gev: Array
    flux: Array
    error: Array | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def _logarithm(self) -> PchipInterpolator:
        """ln flux in ln E by monotone cubics (Fritsch and Carlson, SIAM J. Numer. Anal. 17 (1980) 238): exact for a power law."""
        return PchipInterpolator(np.log(self.energy_gev), np.log(self.flux), extrapolate=False)

    @cached_property
    def _slope(self) -> PchipInterpolator:
        return self._logarithm.derivative()

    def at(self, energy_gev: ArrayLike) -> Array:
        """Flux at energies of any shape. InputError outside the table: nothing is extrapolated."""
        energy = np.asarray(energy_gev, float)
        self.covers(energy.min(), energy.max())
        return np.exp(self._logarithm(np.log(energy)))

    def index(self, energy_gev: ArrayLike) -> Array:
        """d ln flux / d ln E."""
        return np.asarray(self._slope(np.log(np.asarray(energy_gev, float))), float)

    def relative_error(self, energy_gev: ArrayLike) -> Array:
        """Error over flux, linear in ln E; 0 without errors."""
        x = np.log(np.asarray(energy_gev, float))
        return np.zeros(x.shape) if self.error is None else np.interp(x, np.log(self.energy_gev), self.error / self.flux)

    def covers(self, low_gev: float, high_gev: float) -> None:
        """InputError unless the table reaches from ``low_gev`` to ``high_gev``."""
        first, last = float(self.energy_gev[0]), float(self.energy_gev[-1])
        if not (first <= low_gev * (1 + 1e-12) and high_gev <= last * (1 + 1e-12)):
            raise InputError(
                f"{self.name}: column energy covers {first:.6g} ... {last:.6g} GeV, needed are {low_gev:.6g} ... {high_gev:.6g} GeV; "
                "nothing is extrapolated: give a longer table or narrower bins"
            )


def default_theory(cos_zenith_min: float) -> Theory:
    """The flux that the embedded example is generated with, averaged over cosines from ``cos_zenith_min`` to 1."""
    node, weight = leggauss(NODES_IN_COSINE)
    cosine = cos_zenith_min + (1 - cos_zenith_min) * (node + 1) / 2
    return Theory("Gaisser", DEFAULT_ENERGIES_GEV, surface_flux(DEFAULT_ENERGIES_GEV[:, None], cosine) @ weight / 2)


@dataclass(frozen=True, eq=False)
class BinNodes:
    """Points (bins, nodes) inside each bin and weights that add up to 1 in each: the average of a function over the bins."""

    edges: Array
    point: Array
    weight: Array

    @classmethod
    def of(cls, edges: ArrayLike) -> BinNodes:
        """Gauss and Legendre in the logarithm, in which steep spectra are nearly polynomials."""
        edges = np.asarray(edges, float)
        if edges.ndim != 1 or edges.size < 2 or not (np.all(edges > 0) and np.all(np.diff(edges) > 0)):
            raise InputError(f"bins of a spectrum: edges must be positive and ascend, found {edges}")
        node, weight = leggauss(NODES_IN_BIN)
        low, width = np.log(edges[:-1, None]), np.diff(np.log(edges))[:, None]
        point = np.exp(low + width * (node + 1) / 2)
        return cls(edges, point, weight / 2 * width * point / np.diff(edges)[:, None])

    def average(self, values: Array) -> Array:
        """Averages (..., bins) of values (..., bins, nodes)."""
        total: Array = (values * self.weight).sum(axis=-1)
        return total


def stopping_density(theory: Theory, length_m: ArrayLike, loss: EnergyLoss) -> Array:
    """Flux by propagation length, m^-1 m^-2 s^-1 sr^-1: Phi_E(E(L)) a e^{bL}, for losses without fluctuations."""
    return theory.at(loss.energy_gev(length_m)) * loss.gev_per_m(length_m)


def theory_spectrum(theory: Theory, target: Target, edges: Sequence[float] | Array, loss: EnergyLoss = TOY_ICE) -> TheorySpectrum:
    """Averages over bins of the target; errors of the table are common to all energies of a bin. InputError where the table does not reach."""
    nodes = BinNodes.of(edges)
    energy = nodes.point if target is ENERGY else loss.energy_gev(nodes.point)
    ends = nodes.edges if target is ENERGY else loss.energy_gev(nodes.edges)
    theory.covers(float(ends[0]), float(ends[-1]))
    flux = theory.at(energy) if target is ENERGY else stopping_density(theory, nodes.point, loss)
    error = nodes.average(flux * theory.relative_error(energy))
    return TheorySpectrum(theory.name, nodes.edges.tolist(), nodes.average(flux).tolist(), error.tolist(), target.flux_unit)
