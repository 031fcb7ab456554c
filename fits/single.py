"""The minimum over one free parameter: a zero of the derivative, found by safeguarded secant steps in a handful of evaluations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from fits.minimise import Minimum, at_bound
from fits.nll import NegativeLogLikelihood
from fits.parameters import FitParameter
from fits.priors import Gaussian

Array = NDArray[np.float64]
MAX_STEPS = 60
TOLERANCE = 1e-6  # of the parameter, relative to 1 + its value: the NLL, flat there, is then exact to 1e-11


def minimise_single(nll: NegativeLogLikelihood, held: Mapping[str, float], start: Mapping[str, float]) -> Minimum | None:
    """Minimum over the one parameter that is neither fixed nor in ``held``, from ``start``.

    None when more or fewer are free, when the likelihood is zero at the start, or when no zero of the derivative is bracketed: the caller
    then asks Minuit. For likelihoods with one minimum in the parameter, as those of a norm are.
    """
    free = [i for i, one in enumerate(nll.parameters) if one.name not in held and not one.fixed]
    if len(free) != 1:
        return None
    (i,) = free
    theta = np.array([held.get(one.name, one.start if one.fixed else start.get(one.name, one.start)) for one in nll.parameters])
    calls = 0

    def slope(value: float) -> float:
        nonlocal calls
        calls += 1
        theta[i] = value
        return float(nll.value_and_gradient(theta)[1][i])

    found = _zero(slope, float(theta[i]), nll.parameters[i])
    if found is None:
        return None
    theta[i], curvature = found
    value = nll.value(theta)
    return _minimum(nll, held, theta, i, curvature, value, calls) if math.isfinite(value) else None


def _zero(slope: Callable[[float], float], start: float, one: FitParameter) -> tuple[float, float] | None:
    """Zero of an increasing function inside the limits of ``one`` (or the limit that it lies beyond), and the function's derivative there."""
    low, high = one.lower, one.upper
    untried = {low, high}
    here, g = start, slope(start)
    if not math.isfinite(g):
        return None
    step = one.prior.sigma if isinstance(one.prior, Gaussian) else 0.1 * max(abs(start), 1.0)
    step *= -math.copysign(1.0, g)
    curvature = math.nan
    for _ in range(MAX_STEPS):
        if g == 0.0:
            return here, curvature
        low, high = (here, high) if g < 0 else (low, here)
        there = here + step
        if not low < there < high:
            end = high if g < 0 else low
            if end in untried:
                untried.remove(end)
                if slope(end) * g >= 0.0:  # still falling at the limit
                    return end, curvature
            there = 0.5 * (here + end)
        if abs(there - here) <= TOLERANCE * (1.0 + abs(here)):
            return there, curvature
        g_there = slope(there)
        curvature = (g_there - g) / (there - here)
        step = -g_there / curvature if curvature > 0 else -2.0 * abs(step) * math.copysign(1.0, g_there)
        here, g = there, g_there
    return None


def _minimum(nll: NegativeLogLikelihood, held: Mapping[str, float], theta: Array, i: int, curvature: float, value: float, calls: int) -> Minimum:
    error = 1.0 / math.sqrt(curvature) if curvature > 0 else math.nan
    covariance = np.zeros((theta.size, theta.size))
    covariance[i, i] = error**2
    one = nll.parameters[i]
    return Minimum(
        names=nll.names,
        values=dict(zip(nll.names, theta.tolist(), strict=True)),
        errors={name: error if name == one.name else 0.0 for name in nll.names},
        covariance=covariance,
        minos={},
        valid=True,
        reason="",
        at_bound=(one.name,) if at_bound(one, float(theta[i])) else (),
        nll=value,
        edm=0.0,
        fixed=frozenset(name for name in nll.names if name != one.name),
        minima=((theta.copy(), value),),
        calls=calls,
    )
