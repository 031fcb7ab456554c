"""Upper limits and intervals on the number of signal events, by four definitions, for one observation or for many pseudo-experiments at once.

``cls``: CL_s+b / (1 - CL_b) < 1 - CL with q~ (Read, J. Phys. G 28 (2002) 2693; Cowan et al., EPJC 71 (2011) 1554), from trials or asymptotic.
``fc``: n is accepted where q_n is below its quantile in trials of n (Feldman and Cousins, PRD 57 (1998) 3873). ``neyman``: the n at which a share
CL of the trials has a larger TS. ``profile``: where q_n has risen to the square of the one-sided quantile of the unit Gaussian.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtri

from fits.dark_matter.nuisance import q_values
from fits.dark_matter.stack_fit import fit

Array = NDArray[np.float64]
Method = Literal["cls", "fc", "neyman", "profile", "cls_asymptotic"]
Tail = Callable[[Array], Array]  # logarithm of the probability of a q or a larger one

ENOUGH_ABOVE = 100  # trials above a value, below which the tail is the asymptotic one that meets the trials there
NARROWEST, WIDEST = 1e-12, 1e8  # of sqrt(q_A): an infinite one belongs to a number of events that the background leaves no room for
IMPOSSIBLE = -1e300  # logarithm of a probability


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Fits of some counts: fitted numbers (M,), test statistics (M,), and q (M, G) at the numbers of the calibration."""

    n_hat: Array
    ts: Array
    q: Array

    def one_sided(self, n: Array) -> Array:
        """q~ (M, G): 0 where more events are fitted than tested."""
        return np.where(self.n_hat[:, None] <= n, self.q, 0.0)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Trials at numbers of events ``n`` (G,), rising from 0: fits (G, M), TS and q at their own n, q~ likewise; background trials; q_A.

    ``tails``: whether tails that trials do not reach may be continued by the asymptotic formulae.
    """

    n: Array
    n_hat: Array
    ts: Array
    q: Array
    q_one_sided: Array
    background: Outcomes
    q_expected: Array  # (G,) q_A: of the expected background counts
    tails: bool = True


@dataclass(frozen=True, eq=False)
class Limits:
    """Lower and upper ends (M,); an upper end is infinite where the largest tested number is not excluded."""

    low: Array
    up: Array


def limits(method: Method, calibration: Calibration, found: Outcomes, cl: float, *, at_least: float = -math.inf) -> Limits:
    """Limits of all ``found`` outcomes at confidence ``cl``. ``at_least``: TS below it count as it (``neyman``: the power constraint)."""
    if method == "fc":
        return _feldman_cousins(calibration, found, cl)
    if method == "neyman":
        up = _neyman(calibration, np.maximum(found.ts, at_least), cl)
    elif method == "profile":
        up = _last_crossing(calibration.n, math.sqrt(_one_sided_level(cl)) - np.sqrt(found.one_sided(calibration.n)))
    else:
        up = _cls(calibration, found, cl, asymptotic=method == "cls_asymptotic")
    return Limits(np.zeros(len(up)), up)


def _one_sided_level(cl: float) -> float:
    """Of q: 1.642 for 90 %."""
    return float(ndtri(cl)) ** 2


def profile_limit(counts: Array, ratio: Array, cl: float) -> float:
    """The profile limit of one set of counts; infinite where no number up to all events is excluded."""
    best, total = fit(counts, ratio).n_hat, float(counts.sum())
    level = _one_sided_level(cl)

    def excess(n: float) -> float:
        return float(min(q_values(counts, ratio, [n])[0], 1e9)) - level

    if excess(total) <= 0.0:
        return math.inf
    return float(brentq(excess, best, total))


def _cls(calibration: Calibration, found: Outcomes, cl: float, *, asymptotic: bool) -> Array:
    q = found.one_sided(calibration.n)
    background = calibration.background.one_sided(calibration.n)
    log_cls = np.zeros(q.shape)
    for place in range(1, len(calibration.n)):
        tails, at_n = AsymptoticTails(calibration.q_expected[place]), q[:, place]
        if asymptotic:
            with_signal, without = tails.with_signal(at_n), tails.without_signal(at_n)
        else:
            with_signal = _log_survival(at_n, calibration.q_one_sided[place], tails.with_signal if calibration.tails else None)
            without = _log_survival(at_n, background[:, place], tails.without_signal if calibration.tails else None)
        log_cls[:, place] = with_signal - np.maximum(without, IMPOSSIBLE)
    return _last_crossing(calibration.n, log_cls - math.log(1.0 - cl))


@dataclass(frozen=True)
class AsymptoticTails:
    """Logarithms of P(q~ >= q) for a tested number, from q of the background's expectation (Cowan et al., eqs. 65 and 67)."""

    q_expected: float

    def with_signal(self, q: Array) -> Array:
        """At the tested number."""
        return self._log_sf(q, 0.0)

    def without_signal(self, q: Array) -> Array:
        """On background."""
        return self._log_sf(q, min(math.sqrt(self.q_expected), WIDEST))

    def _log_sf(self, q: Array, shift: float) -> Array:
        width = min(max(math.sqrt(self.q_expected), NARROWEST), WIDEST)
        root = np.sqrt(q)
        beyond = (q + width**2) / (2.0 * width)
        return np.asarray(log_ndtr(shift - np.where(q <= self.q_expected, root, beyond)))


def _log_survival(q: Array, drawn: Array, tail: Tail | None) -> Array:
    """Logarithm of the share of ``drawn`` at or above ``q``; beyond the hundredth largest the ``tail``, where there is one, scaled to meet it."""
    ordered = np.sort(drawn)
    above = len(ordered) - np.searchsorted(ordered, q, side="left")
    share = np.log(np.maximum(above, 0.5) / len(ordered))
    if tail is None or len(ordered) < 2 * ENOUGH_ABOVE:
        return np.asarray(share)
    continued = math.log(ENOUGH_ABOVE / len(ordered)) + tail(q) - tail(ordered[-ENOUGH_ABOVE : -ENOUGH_ABOVE + 1])
    return np.asarray(np.where(above >= ENOUGH_ABOVE, share, continued))


def _feldman_cousins(calibration: Calibration, found: Outcomes, cl: float) -> Limits:
    excess = np.sqrt(critical_values(calibration, cl)) - np.sqrt(found.q)
    low = -_last_crossing(-calibration.n[::-1], excess[:, ::-1])  # minus infinite where 0 is accepted
    return Limits(np.maximum(low, 0.0), _last_crossing(calibration.n, excess))


def critical_values(calibration: Calibration, cl: float) -> Array:
    """Quantile (G,) of q in trials of each number."""
    return np.asarray(np.quantile(calibration.q, cl, axis=1))


def _neyman(calibration: Calibration, ts: Array, cl: float) -> Array:
    passing = np.stack([(len(one) - np.searchsorted(np.sort(one), ts, side="right")) / len(one) for one in calibration.ts], axis=1)
    count = calibration.ts.shape[1]
    probit = ndtri(np.clip(passing, 0.5 / count, 1.0 - 0.5 / count))
    return _last_crossing(calibration.n, float(ndtri(cl)) - probit)


def _last_crossing(n: Array, height: Array) -> Array:
    """The largest n (M,) at which ``height`` (M, G) falls through 0, by straight lines; infinite where the last height is above 0.

    An end that is never above 0 is the first n.
    """
    above = height > 0.0
    last = height.shape[1] - 1 - np.argmax(above[:, ::-1], axis=1)
    rows = np.arange(len(height))
    after = np.minimum(last + 1, height.shape[1] - 1)
    here, there = height[rows, last], height[rows, after]
    part = np.divide(here, here - there, out=np.zeros(len(height)), where=np.isfinite(there) & (here > there))
    crossing = n[last] + part * (n[after] - n[last])
    return np.where(above.any(axis=1), np.where(last == height.shape[1] - 1, math.inf, crossing), n[0])
