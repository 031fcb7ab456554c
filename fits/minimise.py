"""Minimise a negative log-likelihood with iminuit and its analytic gradient: migrad, hesse, minos, and a second chance when that fails."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from iminuit import Minuit
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from fits.curvature import covariance, hessian
from fits.intervals import first_crossing
from fits.parameters import FitParameter

Array = NDArray[np.float64]
Start = Mapping[str, float]

BOUND_TOLERANCE = 1e-4  # a value this close to a bound (in units of max(1, |bound|)) counts as at the bound
JITTERED_STARTS = 3
JITTER = 0.2  # standard deviation of the jitter, relative to max(1, |start|)
PRESSING = 0.1  # slope at a bound, in units of the root of the curvature, above which -ln L counts as still falling there
OFF_BOUND = 1e-2  # a start keeps this distance from a bound, in units of max(1, |bound|)
MAX_CALLS = 4000
TOLERANCE = 1e-4  # migrad stops at a distance of 0.002 * TOLERANCE * 0.5 = 1e-7 in -ln L, some 5e-4 of an error


class Objective(Protocol):
    """What is minimised; ``NegativeLogLikelihood`` is one."""

    @property
    def parameters(self) -> tuple[FitParameter, ...]:
        """Names, starts and limits in the order of ``theta``."""
        ...

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """The function and its gradient (parameters,)."""
        ...


@dataclass(frozen=True)
class Minimum:
    """One minimum: ``values`` and ``errors`` by name, ``covariance`` (parameters, parameters), ``minos`` name -> (down < 0, up > 0).

    Fixed parameters have error and covariance zero. A parameter within 1e-4 of a bound is named in ``at_bound`` and its interval is one-sided:
    towards the bound it ends at the bound. Where -ln L still falls at the bound the errors of the others are those with it held, and its own error is
    the distance at which -ln L has risen by 0.5 with the others held. A MINOS distance that was not found is NaN. ``minima``: every valid minimum
    found (theta, nll).
    """

    names: tuple[str, ...]
    values: Mapping[str, float]
    errors: Mapping[str, float]
    covariance: Array
    minos: Mapping[str, tuple[float, float]]
    valid: bool
    reason: str
    at_bound: tuple[str, ...]
    nll: float
    edm: float
    fixed: frozenset[str] = frozenset()
    minima: tuple[tuple[Array, float], ...] = field(default=(), repr=False)
    starts_tried: int = 1
    calls: int = 0

    @property
    def theta(self) -> Array:
        """Values (parameters,) in the order of ``names``."""
        return np.array([self.values[name] for name in self.names])

    @property
    def correlation(self) -> Array:
        """Correlation matrix (parameters, parameters); zero rows for fixed parameters."""
        sigma = np.sqrt(np.diag(self.covariance))
        outer = np.outer(sigma, sigma)
        return np.divide(self.covariance, outer, out=np.zeros_like(outer), where=outer > 0)


def minimise(
    nll: Objective,
    *,
    starts: Start | Sequence[Start] | None = None,
    fixed: Mapping[str, float] | None = None,
    minos: Iterable[str] = (),
    steps: Mapping[str, float] | None = None,
    hesse: bool = True,
    seed: int = 0,
) -> Minimum:
    """Find the minimum of ``nll``.

    ``starts``: values by name that replace the parameters' own starts; a sequence means several starts, of which the best minimum is kept (all are
    in ``minima``). ``fixed``: parameters held at a value (besides those declared fixed). ``minos``: parameters whose interval is wanted; fixed ones
    are passed over; with any, a parameter that ends at its bound has a one-sided interval asked for or not. ``steps``: first step sizes by name,
    e.g. errors of a neighbouring fit. ``hesse=False`` leaves migrad's own covariance, and migrad looks after nothing but the minimum (strategy 0).
    When no start converges: simplex, then migrad of strategy 2, from the starts and from three jittered ones (``seed``); if that fails too the
    result has ``valid=False`` and its reason. Raises ``InputError`` for an unknown name or a start outside the bounds.
    """
    held = _held(nll.parameters, fixed or {})
    points = _starts(nll.parameters, starts, held)
    wanted = list(minos)
    _known(nll.parameters, [*wanted, *(steps or {})])
    tried = _attempts(nll, points, held, steps, 1 if hesse else 0, seed)
    best = min(tried, key=lambda attempt: (attempt.reason != "", attempt.value))
    valid = best.reason == ""
    if wanted and valid:
        wanted += [name for name in best.at_bound if name not in wanted]
    intervals = {name: best.interval(name) for name in wanted if name not in held} if valid else {}  # may find a better minimum: first of all
    return _minimum(nll.parameters, tried, best, intervals, hesse and valid)


def at_bound(parameter: FitParameter, value: float) -> bool:
    """Whether a value lies within 1e-4 (relative to max(1, |bound|)) of one of the parameter's bounds."""
    bounds = [bound for bound in (parameter.lower, parameter.upper) if math.isfinite(bound)]
    return any(abs(value - bound) <= BOUND_TOLERANCE * max(1.0, abs(bound)) for bound in bounds)


class _Cached:
    """Value and gradient of one point, evaluated once: Minuit asks for them separately."""

    def __init__(self, nll: Objective) -> None:
        self._nll = nll
        self._point = b""
        self._value = math.nan
        self._gradient = np.empty(0)
        self.calls = 0

    def _at(self, theta: Array) -> None:
        point = theta.tobytes()
        if point != self._point:
            self._value, self._gradient = self._nll.value_and_gradient(theta)
            self._point = point
            self.calls += 1

    def value(self, theta: Array) -> float:
        """The function."""
        self._at(theta)
        return self._value

    def gradient(self, theta: Array) -> Array:
        """Its gradient (parameters,)."""
        self._at(theta)
        return self._gradient


class _Attempt:
    """One run of Minuit from one start."""

    def __init__(self, nll: Objective, start: Array, held: Mapping[str, float], steps: Mapping[str, float] | None) -> None:
        self.held = held
        self._nll = nll
        self._parameters = nll.parameters
        start = _off_bounds(nll.parameters, start, held)
        self._cached = _Cached(nll)
        self._minuit = Minuit(self._cached.value, start, grad=self._cached.gradient, name=[parameter.name for parameter in nll.parameters])
        self._minuit.errordef = Minuit.LIKELIHOOD
        self._minuit.tol = TOLERANCE
        for parameter, value in zip(nll.parameters, start, strict=True):
            self._minuit.limits[parameter.name] = (parameter.lower, parameter.upper)
            self._minuit.errors[parameter.name] = (steps or {}).get(parameter.name) or _step(parameter, float(value))
            self._minuit.fixed[parameter.name] = parameter.name in held
        self._names = [parameter.name for parameter in nll.parameters]
        self._free = np.array([name not in held for name in self._names])

    def migrad(self, strategy: int = 1) -> _Attempt:
        """Minimise, unless every parameter is held."""
        if self._free.any():
            self._minuit.strategy = strategy
            self._minuit.migrad(ncall=MAX_CALLS)
        return self

    def rescue(self) -> _Attempt:
        """Simplex, then migrad of strategy 2."""
        self._minuit.simplex(ncall=MAX_CALLS)
        return self.migrad(strategy=2)

    @property
    def theta(self) -> Array:
        """The end point (parameters,)."""
        return np.array(self._minuit.values)

    @property
    def value(self) -> float:
        """The function at the end point; infinity where it is not a number."""
        value = self._cached.value(self.theta)
        return float(value) if math.isfinite(value) else math.inf

    @property
    def at_bound(self) -> tuple[str, ...]:
        """Free parameters that ended at a bound."""
        values = zip(self._parameters, self.theta, strict=True)
        return tuple(one.name for one, value in values if one.name not in self.held and at_bound(one, value))

    @property
    def edm(self) -> float:
        """Estimated distance to the minimum in -ln L."""
        return float(self._minuit.fmin.edm) if self._minuit.fmin is not None else 0.0

    @property
    def calls(self) -> int:
        """Evaluations so far."""
        return self._cached.calls

    @property
    def reason(self) -> str:
        """Why the end point is not a minimum; empty when it is one."""
        if not np.all(np.isfinite(self.theta)):
            return "a parameter is not finite"
        if not math.isfinite(self.value):
            return "the likelihood is zero (data in a bin without expectation)"
        state = self._minuit.fmin
        if state is None or state.is_valid:  # None: nothing is free
            return ""
        if state.has_reached_call_limit:
            return f"migrad reached its call limit ({MAX_CALLS})"
        if state.is_above_max_edm:
            return f"migrad stopped far from the minimum (estimated distance {state.edm:.2g})"
        return "migrad did not converge"

    def uncertainty(self, hesse: bool) -> tuple[Array, Array]:
        """Errors (parameters,) and covariance (parameters, parameters), zero for what is fixed; from migrad unless ``hesse``."""
        given = self._minuit.covariance
        n = self._free.size
        matrix = np.full((n, n), np.nan) if given is None else np.array(given)
        matrix = np.where(np.outer(self._free, self._free), matrix, 0.0)
        if hesse and self._free.any():
            matrix = self._from_curvature(matrix)
        return np.sqrt(np.clip(np.diag(matrix), 0.0, None)), matrix

    def _from_curvature(self, fallback: Array) -> Array:
        """Covariance from the Hessian without parameters that press against their bounds, whose variance is that of the one-sided rise.

        Their curvature says nothing: left in, a norm of 0 where no event lies would be as uncertain as a parabola without minimum, and its neighbours
        with it. Where the rest still is not positive definite all parameters at bounds are left out.
        """
        theta = self.theta
        lower, upper = (np.array([getattr(parameter, side) for parameter in self._parameters]) for side in ("lower", "upper"))
        second = hessian(self._cached.gradient, theta, np.array(self._minuit.errors), lower, upper, self._free)
        bounded = np.array([name in self.at_bound for name in self._names])
        slope, curvature = np.abs(self._cached.gradient(theta)), np.maximum(np.diag(second), 0.0)
        pressing = bounded & (slope > PRESSING * np.sqrt(curvature))
        for usable in (self._free & ~pressing, self._free & ~bounded):
            matrix = covariance(second, usable)
            if matrix is not None:
                left_out = self._free & ~usable
                rise = np.divide(1.0, slope + np.sqrt(slope**2 + curvature), out=np.sqrt(np.diag(fallback)), where=slope + curvature > 0)
                matrix[left_out, left_out] = rise[left_out] ** 2  # slope d + curvature d^2/2 = 0.5
                return matrix
        return fallback

    def interval(self, name: str) -> tuple[float, float]:
        """MINOS distances (down, up); towards a limit that is reached first, the distance to the limit.

        Away from a bound at which the parameter lies, where MINOS may fail, the profile itself is followed.
        """
        minuit = self._minuit
        minuit.minos(name)
        error = minuit.merrors[name]
        if error.lower_new_min or error.upper_new_min:
            self.rescue()
            minuit.minos(name)
            error = minuit.merrors[name]
        low, high = minuit.limits[name]
        value = minuit.values[name]
        down = error.lower if error.lower_valid else low - value if error.at_lower_limit else math.nan
        up = error.upper if error.upper_valid else high - value if error.at_upper_limit else math.nan
        if name in self.at_bound:
            nearer_low = value - low <= high - value
            if math.isnan(down):
                down = low - value if nearer_low else -self._rise(name, -1.0, value - low)
            if math.isnan(up):
                up = self._rise(name, 1.0, high - value) if nearer_low else high - value
        return float(down), float(up)

    def _rise(self, name: str, sign: float, room: float) -> float:
        """Distance at which the profile has risen by 0.5, at most ``room``; NaN where a fit on the way does not converge."""
        i, lowest, point = self._names.index(name), self.value, self.theta

        def height(distance: float) -> float:
            moved = point.copy()
            moved[i] += sign * distance
            again = _Attempt(self._nll, moved, {**self.held, name: float(moved[i])}, None).migrad()
            if again.reason and math.isfinite(again.value):
                raise ArithmeticError(again.reason)
            return again.value - lowest - 0.5

        try:
            return min(first_crossing(height, 0.0, max(float(self._minuit.errors[name]), 1e-3), room), room)
        except ArithmeticError:
            return math.nan


def _attempts(
    nll: Objective, points: Sequence[Array], held: Mapping[str, float], steps: Mapping[str, float] | None, strategy: int, seed: int
) -> list[_Attempt]:
    """One attempt from each point; where none of them converges, a second chance from these points and from jittered ones besides."""
    tried = [_Attempt(nll, point, held, steps).migrad(strategy) for point in points]
    if any(attempt.reason == "" for attempt in tried):
        return tried
    again = [*points, *_jittered(nll.parameters, points[0], held, seed)]
    return tried + [_Attempt(nll, point, held, steps).rescue() for point in again]


def _off_bounds(parameters: Sequence[FitParameter], point: Array, held: Mapping[str, float]) -> Array:
    """A start moved a little inside its limits: on a limit the derivative in Minuit's transformed parameter vanishes and it does not leave."""
    moved = point.copy()
    for i, one in enumerate(parameters):
        room = 0.1 * (one.upper - one.lower)
        if one.name not in held and math.isfinite(one.lower):
            moved[i] = max(moved[i], one.lower + min(OFF_BOUND * max(1.0, abs(one.lower)), room))
        if one.name not in held and math.isfinite(one.upper):
            moved[i] = min(moved[i], one.upper - min(OFF_BOUND * max(1.0, abs(one.upper)), room))
    return moved


def _minimum(
    parameters: Sequence[FitParameter], tried: Sequence[_Attempt], best: _Attempt, minos: Mapping[str, tuple[float, float]], hesse: bool
) -> Minimum:
    errors, matrix = best.uncertainty(hesse)
    names, theta = [parameter.name for parameter in parameters], best.theta
    return Minimum(
        names=tuple(names),
        values=dict(zip(names, theta.tolist(), strict=True)),
        errors=dict(zip(names, errors.tolist(), strict=True)),
        covariance=matrix,
        minos=minos,
        valid=best.reason == "",
        reason=best.reason,
        at_bound=best.at_bound,
        nll=best.value,
        edm=best.edm,
        fixed=frozenset(best.held),
        minima=tuple((attempt.theta, attempt.value) for attempt in tried if attempt.reason == ""),
        starts_tried=len(tried),
        calls=sum(attempt.calls for attempt in tried),
    )


def _known(parameters: Sequence[FitParameter], names: Iterable[str]) -> None:
    known = [parameter.name for parameter in parameters]
    for name in names:
        if name not in known:
            raise InputError(f"{name!r} is not a parameter of this fit{nearest(name, known)}")


def _held(parameters: Sequence[FitParameter], fixed: Mapping[str, float]) -> dict[str, float]:
    _known(parameters, fixed)
    held = {parameter.name: parameter.start for parameter in parameters if parameter.fixed}
    return {**held, **{name: float(value) for name, value in fixed.items()}}


def _starts(parameters: Sequence[FitParameter], starts: Start | Sequence[Start] | None, held: Mapping[str, float]) -> list[Array]:
    """All combinations of the parameters' starts, or those given."""
    given: list[Start] = [{}] if starts is None else [starts] if isinstance(starts, Mapping) else list(starts)
    points = []
    for one in given:
        _known(parameters, one)
        choices = [(held[p.name],) if p.name in held else (one[p.name],) if p.name in one else p.starts for p in parameters]
        points += [np.array(point, dtype=float) for point in itertools.product(*choices)]
    for point in points:
        for parameter, value in zip(parameters, point, strict=True):
            if not parameter.lower <= value <= parameter.upper:
                raise InputError(
                    f"parameter {parameter.name}: start {value} lies outside its bounds [{parameter.lower}, {parameter.upper}]; change one of them"
                )
    return points


def _step(parameter: FitParameter, value: float) -> float:
    """First step: the prior's width, a tenth of the value, of the bounded range, or of 1."""
    sigma = getattr(parameter.prior, "sigma", None)
    if sigma is not None:
        return float(sigma)
    span = parameter.upper - parameter.lower
    return 0.1 * (abs(value) or (span if math.isfinite(span) else 1.0))


def _jittered(parameters: Sequence[FitParameter], point: Array, held: Mapping[str, float], seed: int) -> list[Array]:
    """Starts moved at random inside the bounds; what is held stays."""
    random = np.random.default_rng(np.random.SeedSequence(seed))
    scale = np.array([0.0 if p.name in held else JITTER * max(abs(value), 1.0) for p, value in zip(parameters, point, strict=True)])
    lower, upper = (np.array([getattr(parameter, side) for parameter in parameters]) for side in ("lower", "upper"))
    return [np.clip(point + scale * random.standard_normal(point.size), lower, upper) for _ in range(JITTERED_STARTS)]
