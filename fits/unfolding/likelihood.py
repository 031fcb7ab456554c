"""Negative logarithm of the likelihood of counts g, with first and second derivatives in expectation mu and its variance v.

Arrays broadcast: g (bins,), mu and v (..., bins), so that many parameter vectors are evaluated at once. Constants are kept (ln g!), values
compare with other programs. Derivatives are of the profiled function where a statistic profiles a factor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from configs.errors import InputError, nearest
from fits.unfolding.gamma_ratio import log_gamma_ratio, ratio_derivatives

Array = NDArray[np.float64]

TINY = 1e-300  # expectation that stands for zero inside a logarithm
SMALLEST_RATIO = 1e-9  # v/mu below which ``say`` is Poisson to 1e-8 within four standard deviations; the form used here is exact above it


@dataclass(frozen=True)
class Slopes:
    """nll and its derivatives per bin: ``m`` and ``v`` first, ``mm``, ``mv`` and ``vv`` second."""

    nll: Array
    m: Array
    v: Array
    mm: Array
    mv: Array
    vv: Array


@dataclass(frozen=True)
class Statistic:
    """One likelihood: ``value(g, mu, v)`` per bin without ln g!, and ``slopes(g, mu, v)`` (whose nll lacks it too)."""

    value: Callable[[Array, Array, Array], Array]
    slopes: Callable[[Array, Array, Array], Slopes]
    needs_variance: bool


class Likelihood:
    """The statistic ``name`` (none, say, bb_lite) for fixed counts ``g`` (bins,). InputError for an unknown name."""

    def __init__(self, name: str, g: ArrayLike) -> None:
        if name not in STATISTICS:
            raise InputError(f"mc_stat {name!r} does not exist{nearest(name, STATISTICS)}")
        self.name = name
        self.g = np.asarray(g, dtype=float)
        self._statistic = STATISTICS[name]
        self._constant = gammaln(self.g + 1.0)
        self._total_constant = float(self._constant.sum())

    @property
    def needs_variance(self) -> bool:
        """Whether v enters."""
        return self._statistic.needs_variance

    def per_bin(self, mu: Array, v: Array) -> Array:
        """nll (..., bins); +inf where a bin with data expects nothing."""
        return self._value(mu, v) + self._constant

    def total(self, mu: Array, v: Array) -> Array:
        """nll summed over bins (...,)."""
        return self._value(mu, v).sum(axis=-1) + self._total_constant

    def _value(self, mu: Array, v: Array) -> Array:
        if mu.min() > 0:
            return self._statistic.value(self.g, mu, v)
        possible = self._statistic.value(self.g, np.where(mu > 0, mu, 1.0), v)
        impossible = np.where((self.g > 0) | (mu < 0), np.inf, 0.0)
        return np.where(mu > 0, possible, impossible)

    def slopes(self, mu: Array, v: Array) -> Slopes:
        """nll and derivatives, each of the shape of ``mu``. Expectations must be positive where g > 0."""
        found = self._statistic.slopes(self.g, np.maximum(mu, TINY), v)
        return Slopes(found.nll + self._constant, found.m, found.v, found.mm, found.mv, found.vv)


def _poisson(g: Array, mu: Array, v: Array) -> Array:
    """mu - g ln mu."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(g > 0, mu - g * np.log(mu), mu)


def _poisson_slopes(g: Array, mu: Array, v: Array) -> Slopes:
    zero = np.zeros_like(mu)
    return Slopes(_poisson(g, mu, v), 1.0 - g / mu, zero, g / mu**2, zero, zero)


def _say(g: Array, mu: Array, v: Array) -> Array:
    """Effective likelihood: Argüelles, Schneider, Yuan, JHEP 06 (2019) 030, eq. 3.16.

    With r = v/mu and a = mu/r + 1:  -ln L = (a + g) ln(1 + r) - g ln r - [lnGamma(a + g) - lnGamma(a)] + ln g!.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.maximum(v / mu, SMALLEST_RATIO)
        a = mu / r + 1.0
        return (a + g) * np.log1p(r) - g * np.log(r) - log_gamma_ratio(a, g)


def _say_slopes(g: Array, mu: Array, v: Array) -> Slopes:
    r = np.maximum(v / mu, SMALLEST_RATIO)
    v = r * mu
    a = mu / r + 1.0
    d1, d2 = ratio_derivatives(a, g)
    # the function in (r, a) ...
    in_r = (a + g) / (1.0 + r) - g / r
    in_a = np.log1p(r) - d1
    rr = -(a + g) / (1.0 + r) ** 2 + g / r**2
    ra = 1.0 / (1.0 + r)
    # ... and (r, a) in (mu, v): r = v/mu, a = mu^2/v + 1
    r_m, r_v, a_m, a_v = -r / mu, 1.0 / mu, 2.0 / r, -1.0 / r**2
    r_mm, r_mv = 2.0 * r / mu**2, -1.0 / mu**2
    a_mm, a_mv, a_vv = 2.0 / v, -2.0 / (r * v), 2.0 / (r**2 * v)
    return Slopes(
        nll=(a + g) * np.log1p(r) - g * np.log(r) - log_gamma_ratio(a, g),
        m=in_r * r_m + in_a * a_m,
        v=in_r * r_v + in_a * a_v,
        mm=rr * r_m**2 + 2 * ra * r_m * a_m - d2 * a_m**2 + in_r * r_mm + in_a * a_mm,
        mv=rr * r_m * r_v + ra * (r_m * a_v + r_v * a_m) - d2 * a_m * a_v + in_r * r_mv + in_a * a_mv,
        vv=rr * r_v**2 + 2 * ra * r_v * a_v - d2 * a_v**2 + in_a * a_vv,
    )


def _bb_parts(g: Array, mu: Array, v: Array) -> tuple[Array, Array, Array]:
    """Profiled factor beta, relative variance D = v/mu^2 and t = (beta - 1)/D = g/beta - mu, without a division by D where it can be 0.

    beta solves beta^2 - (1 - mu D) beta - g D = 0 (Conway, arXiv:1103.0354, eq. 9-11).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = v / mu**2
        b = 1.0 - mu * relative
        root = np.sqrt(b * b + 4.0 * g * relative)
        beta = np.where(b >= 0, 0.5 * (b + root), 2.0 * g * relative / (root - b))
        t = np.where(beta > 0, g / beta - mu, -1.0 / relative)
    return beta, relative, t


def _bb_lite(g: Array, mu: Array, v: Array) -> Array:
    """mu beta - g ln(mu beta) + (beta - 1)^2 / (2 D) at the profiled beta."""
    beta, relative, t = _bb_parts(g, mu, v)
    with np.errstate(invalid="ignore", divide="ignore"):
        return mu * beta + 0.5 * relative * t * t - np.where(g > 0, g * np.log(mu * beta), 0.0)


def _bb_lite_slopes(g: Array, mu: Array, v: Array) -> Slopes:
    """Envelope theorem for the first derivatives, implicit function theorem on beta for the second."""
    beta, relative, t = _bb_parts(g, mu, v)
    inside = beta > 0  # else beta is held at 0: no data, and more expected than the simulation can tell from nothing
    with np.errstate(invalid="ignore", divide="ignore"):
        q = np.where(inside, g / beta**2, 0.0)
        follow = np.where(inside, 1.0 / (1.0 + relative * q), 0.0)  # 1 / (D F_bb)
        vv = np.where(inside, q * follow, 1.0 / relative) * t**2 / mu**4
    lean = 1.0 + 2.0 * t / mu
    return Slopes(
        nll=_bb_lite(g, mu, v),
        m=beta - g / mu + relative * t**2 / mu,
        v=-0.5 * (t / mu) ** 2,
        mm=g / mu**2 + relative * (t / mu) ** 2 - lean**2 * relative * follow,
        mv=-(t**2) / mu**3 + lean * t * follow / mu**2,
        vv=vv,
    )


STATISTICS: dict[str, Statistic] = {
    "none": Statistic(_poisson, _poisson_slopes, needs_variance=False),
    "say": Statistic(_say, _say_slopes, needs_variance=True),
    "bb_lite": Statistic(_bb_lite, _bb_lite_slopes, needs_variance=True),
}
