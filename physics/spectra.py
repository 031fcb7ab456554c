"""Energy spectra of the astrophysical flux: ln of the shape, its slope and curvature, and their derivatives in the parameters.

A flux is ``Phi(E) = norm * f(E)``; ``norm`` is a parameter of the fit's model and ``f`` the *shape* described here as a function of
``x = ln(E / pivot)``. Folding with moments (specification diffuse 3.2) needs, at each true-energy node,

    l = ln f,    p = dl/dx,    q = d2l/dx2,    and dl/dtheta, dp/dtheta, dq/dtheta for every shape parameter theta.

``f`` is 1 at the pivot, except for the exponential cut-off, whose published form is ``(E/pivot)^-gamma exp(-E/E_c)``.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest
from physics.constants import FLUX_UNIT_PER_GEV_CM2_S_SR, PEV_TO_GEV

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ShapeParameter:
    """One parameter of a shape: name, start value, limits, unit."""

    name: str
    start: float
    lower: float
    upper: float
    unit: str = ""


@dataclass(frozen=True)
class Shape:
    """A shape at n nodes: ``l, p, q`` of shape (n,), and their derivatives ``dl, dp, dq`` of shape (number of parameters, n).

    A flux that is linear in its parameters and may vanish has a ``factor`` (n,) >= 0 with derivatives ``dfactor``: f = factor exp(l).
    """

    l: Array  # noqa: E741 (the letter of the specification)
    p: Array
    q: Array
    dl: Array
    dp: Array
    dq: Array
    factor: Array | None = None
    dfactor: Array | None = None

    @property
    def f(self) -> Array:
        """The shape itself (n,)."""
        return np.exp(self.l) if self.factor is None else self.factor * np.exp(self.l)


@runtime_checkable
class Spectrum(Protocol):
    """What a fit needs of a spectrum; a user's own class only has to look like this."""

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """The shape parameters in the order of ``theta``."""
        ...

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """The shape at ``x = ln(E/pivot)``, shape (n,), for ``theta``, shape (number of parameters,)."""
        ...


GAMMA = ShapeParameter("astro_gamma", 2.5, 1.0, 5.0)


@dataclass(frozen=True)
class PowerLaw:
    """``f = (E/pivot)^-gamma``.

    >>> PowerLaw().evaluate(np.array([1.0, 2.0]), np.array([2.5])).l
    array([-2.5, -5. ])
    """

    parameters: tuple[ShapeParameter, ...] = (GAMMA,)

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """Shape at ``x`` for ``theta = (gamma,)``."""
        gamma = theta[0]
        zero, minus_one = _constants(x.size)
        return Shape(-gamma * x, gamma * minus_one[0], zero[0], -x[None, :], minus_one, zero)


@dataclass(frozen=True)
class LogParabola:
    """``f = (E/pivot)^-(gamma + beta ln(E/pivot))``; the power law is beta = 0."""

    parameters: tuple[ShapeParameter, ...] = (GAMMA, ShapeParameter("beta", 0.0, -1.0, 1.0))

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """Shape at ``x`` for ``theta = (gamma, beta)``."""
        gamma, beta = theta
        one, zero = np.ones_like(x), np.zeros_like(x)
        return Shape(
            -(gamma + beta * x) * x,
            -gamma - 2.0 * beta * x,
            -2.0 * beta * one,
            np.stack([-x, -x * x]),
            np.stack([-one, -2.0 * x]),
            np.stack([zero, -2.0 * one]),
        )


@dataclass(frozen=True)
class ExponentialCutoff:
    """``f = (E/pivot)^-gamma exp(-E/E_c)`` with the parameter ``inverse_cutoff_per_pev = 1 PeV / E_c >= 0``.

    The inverse energy is fitted, not E_c or ln E_c: the power law is the ordinary point 0 of the range instead of infinity, where the likelihood is
    flat and a minimiser runs away; ln f is *linear* in it, so the likelihood is close to parabolic; and a test against the power law is a test at a
    boundary (half a chi2 with one degree of freedom). E_c of 10 TeV is 100.
    """

    pivot_gev: float = 1.0e5
    parameters: tuple[ShapeParameter, ...] = (GAMMA, ShapeParameter("inverse_cutoff_per_pev", 0.1, 0.0, 100.0, "1/PeV"))

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """Shape at ``x`` for ``theta = (gamma, inverse_cutoff_per_pev)``."""
        gamma, inverse = theta
        energy_pev = self.pivot_gev / PEV_TO_GEV * np.exp(x)
        t = energy_pev * inverse
        one, zero = np.ones_like(x), np.zeros_like(x)
        return Shape(-gamma * x - t, -gamma - t, -t, np.stack([-x, -energy_pev]), np.stack([-one, -energy_pev]), np.stack([zero, -energy_pev]))


@dataclass(frozen=True)
class BrokenPowerLaw:
    """Index gamma below the break and gamma_2 above it, continuous, 1 at the pivot. The break is fixed: put it on a node edge (``breakpoints``)."""

    break_gev: float = 3.0e5
    pivot_gev: float = 1.0e5
    parameters: tuple[ShapeParameter, ...] = (GAMMA, ShapeParameter("gamma_2", 3.0, 1.0, 7.0))

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """Shape at ``x`` for ``theta = (gamma, gamma_2)``."""
        x_break = math.log(self.break_gev / self.pivot_gev)
        below = np.minimum(x, x_break) - min(0.0, x_break)  # path length from the pivot on either side of the break
        above = np.maximum(x - x_break, 0.0) - max(-x_break, 0.0)
        low = (x < x_break).astype(float)
        zero = np.zeros_like(x)
        slopes = np.stack([-low, low - 1.0])
        lengths = np.stack([-below, -above])
        return Shape(theta @ lengths, theta @ slopes, zero, lengths, slopes, np.stack([zero, zero]))


@dataclass(frozen=True)
class FreeBreak:
    """A broken power law whose break is fitted as ``log10_break_gev``; the kink is rounded over ``width`` in ln E.

    In a configuration: ``model: {astro: class, class: physics.spectra.FreeBreak}``.

    ``dl/dx`` goes from -gamma to -gamma_2 as a logistic function of (x - x_break)/width (the smoothly broken power law of the literature). A sharp
    kink that moves through a node would make the folded expectation jump by the node's first moment; ``width`` = 0.06, half a node of 20 per decade,
    keeps it smooth and lies far below any energy resolution.
    """

    break_gev: float = 3.0e5
    pivot_gev: float = 1.0e5
    width: float = 0.06

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """Gamma, gamma_2 and the break."""
        return (
            GAMMA,
            ShapeParameter("gamma_2", 3.0, 1.0, 7.0),
            ShapeParameter("log10_break_gev", math.log10(self.break_gev), 4.7, 6.8, "log10(GeV)"),
        )

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """Shape at ``x`` for ``theta = (gamma, gamma_2, log10_break_gev)``."""
        gamma, gamma_2, log10_break = theta
        x_break = log10_break * math.log(10.0) - math.log(self.pivot_gev)
        u, pivot = (x - x_break) / self.width, -x_break / self.width
        above = self.width * (np.logaddexp(0.0, u) - np.logaddexp(0.0, pivot))  # path above the break from the pivot
        s, s_pivot = _logistic(u), float(_logistic(np.array(pivot)))
        ds = s * (1.0 - s) / self.width  # ds/dx = -ds/dx_break
        d2s = ds * (1.0 - 2.0 * s) / self.width
        step, to_break = gamma_2 - gamma, math.log(10.0)
        return Shape(
            -gamma * x - step * above,
            -gamma - step * s,
            -step * ds,
            np.stack([above - x, -above, step * (s - s_pivot) * to_break]),
            np.stack([s - 1.0, -s, step * ds * to_break]),
            np.stack([ds, -ds, step * d2s * to_break]),
        )


@dataclass(frozen=True)
class Table:
    """A tabulated flux: cubic spline of ln Phi in ln E, normalised to 1 at the pivot; no shape parameters.

    ``energy_gev`` ascending and ``flux`` positive, at least 4 points; the pivot must lie inside. Nodes outside the table are refused, never
    extrapolated.
    """

    energy_gev: tuple[float, ...]
    flux: tuple[float, ...]
    pivot_gev: float = 1.0e5
    parameters: tuple[ShapeParameter, ...] = ()

    def __post_init__(self) -> None:
        energy, flux = np.asarray(self.energy_gev), np.asarray(self.flux)
        if energy.size != flux.size or energy.size < 4:
            raise InputError(f"a tabulated spectrum needs at least 4 pairs of energy and flux, got {energy.size} energies and {flux.size} fluxes")
        if not (np.all(np.isfinite(energy)) and np.all(energy > 0) and np.all(np.diff(energy) > 0)):
            raise InputError("a tabulated spectrum needs positive energies in GeV in ascending order")
        if not (np.all(np.isfinite(flux)) and np.all(flux > 0)):
            bad = int(np.argmin(np.isfinite(flux) & (flux > 0)))
            raise InputError(
                f"a tabulated spectrum needs positive fluxes (its logarithm is interpolated); row {bad} has {flux[bad]} at {energy[bad]:g} GeV"
            )
        if not energy[0] <= self.pivot_gev <= energy[-1]:
            raise InputError(
                f"pivot {self.pivot_gev:g} GeV lies outside the tabulated spectrum ({energy[0]:g}..{energy[-1]:g} GeV); "
                f"change pivot_gev{self._in_tev(self.pivot_gev, self.pivot_gev)}"
            )

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """Shape at ``x``; ``theta`` is empty. Raises ``InputError`` outside the table."""
        from scipy.interpolate import CubicSpline

        knots = np.log(np.asarray(self.energy_gev) / self.pivot_gev)
        slack = 1e-9
        if x.min() < knots[0] - slack or x.max() > knots[-1] + slack:
            low, high = self.pivot_gev * math.exp(x.min()), self.pivot_gev * math.exp(x.max())
            raise InputError(
                f"the tabulated spectrum covers {self.energy_gev[0]:g}..{self.energy_gev[-1]:g} GeV, the simulation's nodes lie at "
                f"{low:g}..{high:g} GeV; extend the table{self._in_tev(low, high)}"
            )
        spline = CubicSpline(knots, np.log(self.flux))
        none = np.empty((0, x.size))
        return Shape(spline(x) - float(spline(0.0)), spline(x, 1), spline(x, 2), none, none, none)

    def _in_tev(self, low: float, high: float) -> str:
        """Advice where the table would reach from ``low`` to ``high`` GeV, were its energies in TeV."""
        covers = 1e3 * self.energy_gev[0] <= low and high <= 1e3 * self.energy_gev[-1]
        return ", or multiply its energies by 1000 if they are in TeV" if covers else ""


@functools.cache
def _constants(n: int) -> tuple[Array, Array]:
    """Rows (1, n) of 0 and of -1, read-only: they are asked for in every evaluation of a fit."""
    zero, minus_one = np.zeros((1, n)), np.full((1, n), -1.0)
    zero.flags.writeable = minus_one.flags.writeable = False
    return zero, minus_one


def _logistic(u: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * u))


def named(kind: str, *, pivot_gev: float = 1.0e5, break_gev: float = 3.0e5) -> Spectrum:
    """The spectrum with a name of the configuration (``table`` and ``class`` need a file and are built by the fit stage).

    >>> [parameter.name for parameter in named("log_parabola").parameters]
    ['astro_gamma', 'beta']
    """
    if kind == "power_law":
        return PowerLaw()
    if kind == "log_parabola":
        return LogParabola()
    if kind == "cutoff":
        return ExponentialCutoff(pivot_gev)
    if kind == "broken_power_law":
        return BrokenPowerLaw(break_gev, pivot_gev)
    known = ["power_law", "log_parabola", "cutoff", "broken_power_law"]
    raise InputError(f"{kind!r} is not a spectrum{nearest(kind, known)}")


def flux_per_gev_cm2_s_sr(spectrum: Spectrum, energy_gev: ArrayLike, norm: float, theta: ArrayLike, *, pivot_gev: float = 1.0e5) -> Array:
    """Flux summed over six species at ``energy_gev`` (n,) for ``norm`` in 1e-18 GeV^-1 cm^-2 s^-1 sr^-1.

    >>> f"{flux_per_gev_cm2_s_sr(PowerLaw(), [1e5], 6.37, [2.87])[0]:.3g}"
    '6.37e-18'
    """
    x = np.log(np.atleast_1d(np.asarray(energy_gev, dtype=float)) / pivot_gev)
    return norm * FLUX_UNIT_PER_GEV_CM2_S_SR * spectrum.evaluate(x, np.asarray(theta, dtype=float)).f
