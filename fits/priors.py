"""Priors (constraints) of parameters: quadratic part, constant of the normalised density, gradient, and how toys throw them.

``-ln density = quadratic(x) + constant``; the two are kept apart because published likelihoods differ in whether the constant is included
(specification diffuse 4.2, 4.4). Every prior stands for an auxiliary measurement of the parameter, so the lognormal has no Jacobian term.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from configs import diffuse
from configs.errors import InputError

HALF_LN_2PI = 0.5 * math.log(2.0 * math.pi)


class Prior(Protocol):
    """One constraint on one parameter."""

    @property
    def constant(self) -> float:
        """Constant part of -ln of the normalised density."""
        ...

    @property
    def centre(self) -> float:
        """The auxiliary measurement: mean, median or mode."""
        ...

    def quadratic(self, x: float) -> float:
        """The part of -ln density that depends on ``x``, zero at the centre."""
        ...

    def gradient(self, x: float) -> float:
        """Derivative of ``quadratic``."""
        ...

    def around(self, centre: float) -> Self:
        """The same prior around another centre."""
        ...

    def throw(self, truth: float, random: np.random.Generator) -> float:
        """A new auxiliary measurement of a true value."""
        ...

    def pull(self, x: float) -> float | None:
        """Distance from the centre in standard deviations; None where that has no meaning."""
        ...


def _positive(value: float, what: str) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InputError(
            f"{what} of a prior must be positive and finite, got {value!r}; to switch it off write prior: null, to fix a parameter fixed: true"
        )


def _finite(value: float, what: str) -> None:
    if not math.isfinite(value):
        raise InputError(f"{what} of a prior must be a finite number, got {value!r}; for no prior write prior: null")


@dataclass(frozen=True)
class Gaussian:
    """Normal density of mean ``mean`` and standard deviation ``sigma``.

    >>> round(Gaussian(1.0, 0.4).quadratic(1.4), 12)
    0.5
    """

    mean: float
    sigma: float

    def __post_init__(self) -> None:
        _finite(self.mean, "mean")
        _positive(self.sigma, "sigma")

    @property
    def constant(self) -> float:
        """``ln sigma + ln(2 pi)/2``."""
        return math.log(self.sigma) + HALF_LN_2PI

    @property
    def centre(self) -> float:
        """The mean."""
        return self.mean

    def quadratic(self, x: float) -> float:
        """``(x - mean)^2 / (2 sigma^2)``."""
        return 0.5 * ((x - self.mean) / self.sigma) ** 2

    def gradient(self, x: float) -> float:
        """Derivative of the quadratic part."""
        return (x - self.mean) / self.sigma**2

    def around(self, centre: float) -> Gaussian:
        """The same prior around another mean."""
        return replace(self, mean=centre)

    def throw(self, truth: float, random: np.random.Generator) -> float:
        """A new auxiliary measurement of a true value."""
        return float(random.normal(truth, self.sigma))

    def pull(self, x: float) -> float:
        """``(x - mean) / sigma``."""
        return (x - self.mean) / self.sigma


@dataclass(frozen=True)
class LogNormal:
    """``ln x`` is normal around ``ln median`` with standard deviation ``sigma``."""

    median: float
    sigma: float

    def __post_init__(self) -> None:
        _positive(self.median, "median")
        _positive(self.sigma, "sigma")

    @property
    def constant(self) -> float:
        """``ln sigma + ln(2 pi)/2``: the density of the auxiliary measurement ``ln median``."""
        return math.log(self.sigma) + HALF_LN_2PI

    @property
    def centre(self) -> float:
        """The median."""
        return self.median

    def quadratic(self, x: float) -> float:
        """``ln(x/median)^2 / (2 sigma^2)``; infinite for ``x <= 0``."""
        return 0.5 * self.pull(x) ** 2 if x > 0 else math.inf

    def gradient(self, x: float) -> float:
        """Derivative of the quadratic part."""
        return math.log(x / self.median) / (self.sigma**2 * x)

    def around(self, centre: float) -> LogNormal:
        """The same prior around another median."""
        return replace(self, median=centre)

    def throw(self, truth: float, random: np.random.Generator) -> float:
        """A new auxiliary measurement of a true value."""
        return float(truth * math.exp(random.normal(0.0, self.sigma)))

    def pull(self, x: float) -> float:
        """``ln(x/median) / sigma``."""
        return math.log(x / self.median) / self.sigma


@dataclass(frozen=True)
class Asymmetric:
    """Two halves of a normal density joined at the mode: ``down`` below it, ``up`` above it."""

    mode: float
    down: float
    up: float

    def __post_init__(self) -> None:
        _finite(self.mode, "mode")
        _positive(self.down, "lower sigma")
        _positive(self.up, "upper sigma")

    @property
    def constant(self) -> float:
        """``ln((down + up)/2) + ln(2 pi)/2``."""
        return math.log(0.5 * (self.down + self.up)) + HALF_LN_2PI

    @property
    def centre(self) -> float:
        """The mode."""
        return self.mode

    def _sigma(self, x: float) -> float:
        return self.down if x < self.mode else self.up

    def quadratic(self, x: float) -> float:
        """``(x - mode)^2 / (2 sigma^2)`` with the sigma of the side of ``x``."""
        return 0.5 * self.pull(x) ** 2

    def gradient(self, x: float) -> float:
        """Derivative of the quadratic part."""
        return (x - self.mode) / self._sigma(x) ** 2

    def around(self, centre: float) -> Asymmetric:
        """The same prior around another mode."""
        return replace(self, mode=centre)

    def throw(self, truth: float, random: np.random.Generator) -> float:
        """A new auxiliary measurement ``m`` such that ``truth - m`` follows the two-piece normal density."""
        below = random.random() < self.down / (self.down + self.up)
        size = abs(random.normal())
        return float(truth + self.down * size if below else truth - self.up * size)

    def pull(self, x: float) -> float:
        """``(x - mode) / sigma`` with the sigma of the side of ``x``."""
        return (x - self.mode) / self._sigma(x)


@dataclass(frozen=True)
class Flat:
    """Constant density between two bounds, which become limits of the minimiser."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise InputError(f"a flat prior needs low < high, got {self.low!r}, {self.high!r}")

    @property
    def constant(self) -> float:
        """``ln(high - low)``."""
        return math.log(self.high - self.low)

    @property
    def centre(self) -> float:
        """Midpoint of the bounds."""
        return 0.5 * (self.low + self.high)

    def quadratic(self, x: float) -> float:
        """Zero inside; outside is an error, because the limits belong to the minimiser (a silent infinity has no gradient)."""
        slack = 1e-9 * (self.high - self.low)
        if not self.low - slack <= x <= self.high + slack:
            raise InputError(f"parameter value {x!r} lies outside its flat prior [{self.low!r}, {self.high!r}]; give the minimiser these bounds")
        return 0.0

    def gradient(self, x: float) -> float:
        """Zero."""
        return 0.0

    def around(self, centre: float) -> Flat:
        """Unchanged: a flat prior has no auxiliary measurement."""
        return self

    def throw(self, truth: float, random: np.random.Generator) -> float:
        """The centre: nothing to throw."""
        return self.centre

    def pull(self, x: float) -> None:
        """A flat prior has no pull."""
        return


def from_options(options: diffuse.Prior) -> Prior:
    """The prior that a configuration asks for."""
    if options.gaussian is not None:
        return Gaussian(*options.gaussian)
    if options.lognormal is not None:
        return LogNormal(*options.lognormal)
    if options.asymmetric is not None:
        return Asymmetric(*options.asymmetric)
    if options.flat is not None:
        return Flat(*options.flat)
    raise InputError("a prior has exactly one of gaussian, lognormal, asymmetric, flat")


def describe(prior: Prior | None) -> str | None:
    """A prior in words for tables and results.

    >>> describe(Gaussian(1.0, 0.4))
    'gaussian(1, 0.4)'
    """
    if prior is None:
        return None
    values = ", ".join(f"{value:g}" for value in vars(prior).values())
    return f"{type(prior).__name__.lower()}({values})"


def prior_sigma(prior: Prior | None, value: float) -> float:
    """Standard deviation of a prior in the parameter's own unit, on the side and at the place of ``value``; NaN where it has none."""
    if isinstance(prior, Gaussian):
        return prior.sigma
    if isinstance(prior, LogNormal):
        return prior.sigma * value  # d ln x = dx / x
    if isinstance(prior, Asymmetric):
        return prior.down if value < prior.mode else prior.up
    return math.nan
