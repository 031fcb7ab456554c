"""Likelihoods of counts in bins: negative logarithm and its derivatives in the expectation and in its variance.

Each kernel takes counts ``k``, expectations ``mu`` and (where it uses them) variances ``s2`` of the expectation from the finite simulation, all of
shape (bins,), and returns ``(nll, dnll/dmu, dnll/ds2)`` per bin, ln k! included. A bin with ``k = mu = 0`` contributes nothing; ``k > 0`` with
``mu <= 0`` is +inf (and its derivatives are those at ``TINY``, pointing to larger mu).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from configs.errors import InputError, nearest
from fits.rising import RisingProduct

Array = NDArray[np.float64]
Kernel = tuple[Array, Array, Array]

TINY = 1.0e-30  # expectation at which the derivatives of an impossible bin are taken
SERIES_BELOW = 1.0e-3  # r under which g and g' are series: truncation r^5/6, cancellation of the closed form 1e-16/r


class Likelihood(Protocol):
    """A likelihood prepared for fixed counts."""

    def __call__(self, mu: Array, s2: Array) -> Kernel:
        """(nll, dnll/dmu, dnll/ds2) per bin."""
        ...


def poisson(k: ArrayLike, mu: ArrayLike) -> Kernel:
    """Poisson: ``mu - k ln mu + ln k!`` (k may be non-integer, as in an Asimov set)."""
    return _apply(Poisson, k, mu, 0.0)


def say(k: ArrayLike, mu: ArrayLike, s2: ArrayLike) -> Kernel:
    """Effective likelihood of Argüelles, Schneider, Yuan (arXiv:1901.04645, eq. 3.16 with a = 1, b = 0), evaluated without loss of digits.

    >>> float(say(3, 1.0, 1e-16)[0])  # the textbook form has no correct digit left here
    2.791759469228...
    """
    return _apply(Say, k, mu, s2)


def bb_lite(k: ArrayLike, mu: ArrayLike, s2: ArrayLike) -> Kernel:
    """Barlow-Beeston with one Gaussian factor f per bin (Conway, arXiv:1103.0354, eq. 9-11), f profiled analytically."""
    return _apply(BarlowBeestonLite, k, mu, s2)


class Poisson:
    """Poisson likelihood prepared for counts ``k``."""

    def __init__(self, k: Array) -> None:
        self._k = k
        self._seen = k > 0
        self._ln_factorial = gammaln(k + 1.0)

    def __call__(self, mu: Array, s2: Array) -> Kernel:
        """See ``poisson``; ``s2`` is ignored."""
        safe = np.where(mu > 0, mu, TINY)
        nll = mu - self._k * np.log(safe) + self._ln_factorial
        nll[self._seen & (mu <= 0)] = np.inf
        return nll, 1.0 - self._k / safe, np.zeros_like(mu)


class Say:
    """Effective likelihood prepared for counts ``k``: what depends on k alone is computed once.

    With r = s2/mu (specification diffuse 4.4):  ln L = -mu g(r) - (k+1) ln(1+r) + sum_{j=1..k} ln(mu + j r) - ln k!,  g(r) = ln(1+r)/r.
    """

    def __init__(self, k: Array) -> None:
        self._k = k
        self._seen = k > 0
        self._ln_factorial = gammaln(k + 1.0)
        self._product = RisingProduct(k)

    def __call__(self, mu: Array, s2: Array) -> Kernel:
        """See ``say``."""
        safe = np.where(mu > 0, mu, TINY)
        r = np.where(mu > 0, s2 / safe, 0.0)
        g, dg = _log_ratio(r)
        total, in_mu, in_r = self._product(safe, r)
        nll = mu * g + (self._k + 1.0) * np.log1p(r) - total + self._ln_factorial
        slope_r = safe * dg + (self._k + 1.0) / (1.0 + r) - in_r
        slope_s2 = slope_r / safe
        nll[self._seen & (mu <= 0)] = np.inf
        return nll, g - in_mu - r * slope_s2, np.where(mu > 0, slope_s2, 0.0)


class BarlowBeestonLite:
    """Barlow-Beeston-lite likelihood prepared for counts ``k``.

    f solves f^2 - (1 - mu v) f - k v = 0 with v = s2/mu^2, hence f - 1 = v t with t = k/f - mu, and the penalty (f-1)^2/(2v) = v t^2/2 needs no
    division by v: s2 = 0 is Poisson exactly.
    """

    def __init__(self, k: Array) -> None:
        self._k = k
        self._seen = k > 0
        self._ln_factorial = gammaln(k + 1.0)

    def __call__(self, mu: Array, s2: Array) -> Kernel:
        """See ``bb_lite``."""
        safe = np.where(mu > 0, mu, TINY)
        v = np.where(mu > 0, s2 / safe**2, 0.0)
        a = 1.0 - safe * v
        root = np.sqrt(a * a + 4.0 * self._k * v)
        with np.errstate(divide="ignore", invalid="ignore"):
            f = np.where(a >= 0, 0.5 * (a + root), 2.0 * self._k * v / (root - a))
            t = np.where(f > 0, self._k / f - safe, -1.0 / v)
        nll = f * mu - self._k * np.log(np.where(self._seen, f * safe, 1.0)) + 0.5 * v * t * t + self._ln_factorial
        nll[self._seen & (mu <= 0)] = np.inf
        return nll, f - self._k / safe + t * t * v / safe, np.where(mu > 0, -0.5 * (t / safe) ** 2, 0.0)


LIKELIHOODS: dict[str, type[Poisson] | type[Say] | type[BarlowBeestonLite]] = {"poisson": Poisson, "say": Say, "bb_lite": BarlowBeestonLite}
NEEDS_VARIANCE = ("say", "bb_lite")


def prepare(name: str, k: ArrayLike) -> Likelihood:
    """The likelihood ``name`` for counts ``k`` (bins,). Raises ``InputError`` for an unknown name, negative or non-finite counts."""
    if name not in LIKELIHOODS:
        raise InputError(f"likelihood {name!r} does not exist{nearest(name, LIKELIHOODS)}")
    counts = np.asarray(k, dtype=float)
    if not (np.all(np.isfinite(counts)) and np.all(counts >= 0)):
        raise InputError(f"counts must be finite and not negative; the smallest is {counts.min()}")
    return LIKELIHOODS[name](counts)


def _apply(kind: type[Poisson] | type[Say] | type[BarlowBeestonLite], k: ArrayLike, mu: ArrayLike, s2: ArrayLike) -> Kernel:
    """A kernel on anything that broadcasts; results have the broadcast shape."""
    arrays = np.broadcast_arrays(*(np.asarray(one, dtype=float) for one in (k, mu, s2)))
    flat = [one.reshape(-1) for one in arrays]
    nll, in_mu, in_s2 = kind(flat[0])(flat[1], flat[2])
    shape = arrays[0].shape
    return nll.reshape(shape), in_mu.reshape(shape), in_s2.reshape(shape)


def _log_ratio(r: Array) -> tuple[Array, Array]:
    """g(r) = ln(1+r)/r and its derivative, by series for small r."""
    small = r < SERIES_BELOW
    g = 1.0 - r * (1 / 2 - r * (1 / 3 - r * (1 / 4 - r * (1 / 5))))
    dg = -1 / 2 + r * (2 / 3 - r * (3 / 4 - r * (4 / 5 - r * (5 / 6))))
    if small.all():
        return g, dg
    large = np.where(small, 1.0, r)
    closed = np.log1p(large) / large
    return np.where(small, g, closed), np.where(small, dg, (1.0 / (1.0 + large) - closed) / large)
