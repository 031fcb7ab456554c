"""Energy spectra of the astrophysical flux: ln of the shape, its slope and curvature, and their derivatives in the parameters.

A flux is ``Phi(E) = norm * f(E)``; ``norm`` is a parameter of the fit's model and ``f`` the *shape* described here as a function of
``x = ln(E / pivot)``. Folding with moments (specification diffuse 3.2) needs, at each true-energy node,

    l = ln f,    p = dl/dx,    q = d2l/dx2,    and dl/dtheta, dp/dtheta, dq/dtheta for every shape parameter theta.

Power law, broken power law and table have ``f(pivot) = 1``; the log-parabola too; the exponential cut-off is ``(E/pivot)^-gamma exp(-E/E_c)``, as published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GEV_PER_PEV = 1.0e6


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
    """A shape at n nodes: ``l, p, q`` of shape (n,), and their derivatives ``dl, dp, dq`` of shape (number of parameters, n)."""

    l: Array  # noqa: E741 (the letter of the specification)
    p: Array
    q: Array
    dl: Array
    dp: Array
    dq: Array


@runtime_checkable
class Spectrum(Protocol):
    """What a fit needs of a spectrum; a user's own class only has to look like this."""

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """The shape parameters in the order of ``theta``."""
        ...

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """The shape at ``x = ln(E/pivot)``."""
        ...


def names(spectrum: Spectrum) -> tuple[str, ...]:
    """Names of the shape parameters in order."""
    return tuple(parameter.name for parameter in spectrum.parameters)


GAMMA = ShapeParameter("astro_gamma", 2.5, 1.0, 5.0)


@dataclass(frozen=True)
class PowerLaw:
    """``f = (E/pivot)^-gamma``.

    >>> PowerLaw().evaluate(np.array([0.0, 1.0]), np.array([2.5])).l
    array([-0. , -2.5])
    """

    parameters: tuple[ShapeParameter, ...] = (GAMMA,)

    def evaluate(self, x: Array, theta: Array) -> Shape:
        """Shape at ``x`` for ``theta = (gamma,)``."""
        gamma = theta[0]
        zero = np.zeros((1, x.size))
        return Shape(-gamma * x, np.full(x.size, -gamma), zero[0], -x[None, :], np.full((1, x.size), -1.0), zero)
