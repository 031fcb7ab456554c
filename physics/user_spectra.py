"""A user's own spectrum: either complete (``evaluate``) or just a flux, whose derivatives are then taken numerically."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from physics.spectra import Shape, ShapeParameter, Spectrum

Array = NDArray[np.float64]

STEP_X = 0.02  # in ln E: error of the five-point rules ~ h^4 l''''''/100, rounding of the second ~ 1e-16/h^2
STEP_THETA = 1.0e-3  # of max(|theta|, 1% of its range): error ~ step^2 l'''/6, rounding of the second derivative ~ 1e-16 ln(flux)/(step h^2)
FIRST = np.array([1.0, -8.0, 0.0, 8.0, -1.0]) / 12.0  # Abramowitz & Stegun 25.3.6
SECOND = np.array([-1.0, 16.0, -30.0, 16.0, -1.0]) / 12.0  # Abramowitz & Stegun 25.3.24
OFFSETS = np.arange(-2.0, 3.0)


class Flux(Protocol):
    """The least a user's class has to offer."""

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """The shape parameters."""
        ...

    def flux(self, energy_gev: Array, theta: Array) -> Array:
        """Positive flux at ``energy_gev`` (n,) in any unit; only its shape matters."""
        ...


@dataclass(frozen=True)
class NumericalSpectrum:
    """A spectrum from a function of energy, normalised to 1 at the pivot; all derivatives by central differences (relative error about 1e-7)."""

    source: Flux
    pivot_gev: float = 1.0e5

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """The user's parameters."""
        return tuple(self.source.parameters)

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """Shape at ``x``; raises ``InputError`` where the flux is not positive and finite."""
        theta = np.asarray(theta, dtype=float)
        l, p, q = self._expand(x, theta)  # noqa: E741
        slopes = np.empty((3, theta.size, x.size))
        for i, parameter in enumerate(self.parameters):
            step = STEP_THETA * max(
                abs(theta[i]), 1e-2 * (parameter.upper - parameter.lower) if np.isfinite(parameter.upper - parameter.lower) else 1.0
            )
            shift = np.zeros_like(theta)
            shift[i] = step
            high, low = self._expand(x, theta + shift), self._expand(x, theta - shift)
            slopes[:, i] = [(one - other) / (2.0 * step) for one, other in zip(high, low, strict=True)]
        return Shape(l, p, q, *slopes)

    def _expand(self, x: Array, theta: Array) -> tuple[Array, Array, Array]:
        """ln f and its first two derivatives in x."""
        grid = np.append((x[:, None] + STEP_X * OFFSETS).reshape(-1), 0.0)
        flux = np.asarray(self.source.flux(self.pivot_gev * np.exp(grid), theta), dtype=float)
        if flux.shape != grid.shape:
            raise InputError(
                f"{type(self.source).__name__}.flux returned shape {flux.shape} for energies of shape {grid.shape}; return one flux per energy"
            )
        if not (np.all(np.isfinite(flux)) and np.all(flux > 0)):
            bad = int(np.argmin(np.isfinite(flux) & (flux > 0)))
            values = ", ".join(f"{one.name}={value:g}" for one, value in zip(self.parameters, theta, strict=True))
            raise InputError(
                f"{type(self.source).__name__}.flux is {flux[bad]} at {self.pivot_gev * np.exp(grid[bad]):g} GeV ({values}); it must be positive "
                "for all parameters within their limits"
            )
        logs = np.log(flux)
        values = (logs[:-1] - logs[-1]).reshape(x.size, OFFSETS.size)
        return values[:, 2].copy(), values @ FIRST / STEP_X, values @ SECOND / STEP_X**2


def from_user(source: Any, *, pivot_gev: float = 1.0e5) -> Spectrum:
    """Check a user's object and return it as a spectrum.

    It needs ``parameters`` (a sequence of ``ShapeParameter``) and either ``evaluate(x, theta) -> Shape`` (used as it is) or
    ``flux(energy_gev, theta)``. Raises ``InputError`` saying what is missing.
    """
    name = type(source).__name__
    parameters = getattr(source, "parameters", None)
    if parameters is None or not all(isinstance(one, ShapeParameter) for one in parameters):
        raise InputError(f"spectrum {name}: 'parameters' must be a tuple of physics.spectra.ShapeParameter(name, start, lower, upper)")
    reserved = {"astro_norm", "atmos_norm"} & {one.name for one in parameters}
    if reserved:
        raise InputError(f"spectrum {name}: the name {sorted(reserved)[0]!r} belongs to the model; a spectrum has shape parameters only")
    if callable(getattr(source, "evaluate", None)):
        return source
    if callable(getattr(source, "flux", None)):
        return NumericalSpectrum(source, pivot_gev)
    raise InputError(f"spectrum {name}: give it a method flux(energy_gev, theta), or evaluate(x, theta) with derivatives")
