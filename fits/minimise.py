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
from fits.parameters import FitParameter

Array = NDArray[np.float64]
Start = Mapping[str, float]

BOUND_TOLERANCE = 1e-4  # a value this close to a bound (in units of max(1, |bound|)) counts as at the bound
JITTERED_STARTS = 3
JITTER = 0.2  # standard deviation of the jitter, relative to the step of the parameter's start
MAX_CALLS = 4000


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
    towards the bound it ends at the bound. ``minima``: every valid minimum found (theta, nll), the best among them being this one.
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

    ``starts``: values by name that replace the parameters' own starts; a sequence means several starts, of which the best minimum is kept (all are in
    ``minima``). ``fixed``: parameters held at a value (besides those declared fixed). ``minos``: parameters whose interval is wanted; fixed ones are passed
    over. ``steps``: first step sizes by name, e.g. errors of a neighbouring fit. ``hesse=False`` leaves migrad's own covariance (toys, scans).
    When no start converges: simplex, then migrad of strategy 2, from the start and from three jittered ones (``seed``); a failure returns
    ``valid=False`` with its reason. Raises ``InputError`` for an unknown name or a start outside the bounds.
    """
    held = _held(nll.parameters, fixed or {})
    points = _starts(nll.parameters, starts, held)
    _known(nll.parameters, [*minos, *(steps or {})])
    tried = [_migrad(_minuit(nll, point, held, steps)) for point in points]
    good = [fit for fit in tried if _reason(fit) == ""]
    if not good:
        tried += [_rescue(_minuit(nll, point, held, steps)) for point in [*points, *_jittered(nll.parameters, points[0], held, seed)]]
        good = [fit for fit in tried if _reason(fit) == ""]
    best = min(good or tried, key=lambda fit: fit.fval if math.isfinite(fit.fval or math.inf) else math.inf)
    if good and hesse:
        best.hesse()
    intervals = _intervals(best, [name for name in minos if name not in held]) if good else {}
    return _minimum(nll.parameters, best, held, intervals, good, len(tried))


class _Cached:
    """Value and gradient of one point, evaluated once: Minuit asks for them separately."""

    def __init__(self, nll: Objective) -> None:
        self._nll = nll
        self._point = b""
        self._value = math.nan
        self._gradient = np.empty(0)

    def _at(self, theta: Array) -> None:
        point = theta.tobytes()
        if point != self._point:
            self._value, self._gradient = self._nll.value_and_gradient(theta)
            self._point = point

    def value(self, theta: Array) -> float:
        self._at(theta)
        return self._value

    def gradient(self, theta: Array) -> Array:
        self._at(theta)
        return self._gradient


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
        choices = [(held.get(p.name, one.get(p.name)),) if p.name in held or p.name in one else p.starts for p in parameters]
        points += [np.array(point, dtype=float) for point in itertools.product(*choices)]
    for point in points:
        for parameter, value in zip(parameters, point, strict=True):
            if not parameter.lower <= value <= parameter.upper:
                raise InputError(
                    f"parameter {parameter.name}: start {value} lies outside its bounds [{parameter.lower}, {parameter.upper}]; change one of them"
                )
    return points


def _step(parameter: FitParameter, value: float) -> float:
    """First step: a tenth of the value, of the bounded range, or of 1."""
    if parameter.prior is not None and hasattr(parameter.prior, "sigma"):
        return float(parameter.prior.sigma)
    span = parameter.upper - parameter.lower
    return 0.1 * (abs(value) or (span if math.isfinite(span) else 1.0))


def _minuit(nll: Objective, point: Array, held: Mapping[str, float], steps: Mapping[str, float] | None) -> Minuit:
    cached = _Cached(nll)
    minuit = Minuit(cached.value, point, grad=cached.gradient, name=[parameter.name for parameter in nll.parameters])
    minuit.errordef = Minuit.LIKELIHOOD
    for parameter, value in zip(nll.parameters, point, strict=True):
        name = parameter.name
        minuit.limits[name] = (parameter.lower, parameter.upper)
        minuit.errors[name] = (steps or {}).get(name) or _step(parameter, float(value))
        minuit.fixed[name] = name in held
    return minuit


def _migrad(minuit: Minuit) -> Minuit:
    if minuit.nfit:
        minuit.migrad(ncall=MAX_CALLS)
    return minuit


def _rescue(minuit: Minuit) -> Minuit:
    minuit.strategy = 2
    minuit.simplex(ncall=MAX_CALLS)
    return minuit.migrad(ncall=MAX_CALLS)


def _jittered(parameters: Sequence[FitParameter], point: Array, held: Mapping[str, float], seed: int) -> list[Array]:
    random = np.random.default_rng(np.random.SeedSequence(seed))
    free = np.array([parameter.name not in held for parameter in parameters])
    lower = np.array([parameter.lower for parameter in parameters])
    upper = np.array([parameter.upper for parameter in parameters])
    scale = np.where(free, [JITTER * max(abs(value), 1.0) for value in point], 0.0)
    return [np.where(free, np.clip(point + scale * random.standard_normal(point.size), lower, upper), point) for _ in range(JITTERED_STARTS)]


def _reason(minuit: Minuit) -> str:
    """Why a fit is not to be used; empty when it is good."""
    if not minuit.nfit:
        return "" if math.isfinite(minuit._fcn(minuit.values)) else "the likelihood is not finite"
    state = minuit.fmin
    if state is None:
        return "migrad did not run"
    if not math.isfinite(state.fval):
        return "the likelihood is not finite"
    if not np.all(np.isfinite(minuit.values)):
        return "a parameter is not finite"
    if state.is_valid:
        return ""
    if state.has_reached_call_limit:
        return f"call limit reached ({MAX_CALLS})"
    if state.is_above_max_edm:
        return f"estimated distance to the minimum too large ({state.edm:.2g})"
    return "migrad did not converge"


def _intervals(minuit: Minuit, names: Sequence[str]) -> dict[str, tuple[float, float]]:
    for name in names:
        minuit.minos(name)
    found = {}
    for name in names:
        error = minuit.merrors[name]
        down = error.lower if error.lower_valid else minuit.limits[name][0] - minuit.values[name] if error.at_lower_limit else math.nan
        up = error.upper if error.upper_valid else minuit.limits[name][1] - minuit.values[name] if error.at_upper_limit else math.nan
        found[name] = (float(down), float(up))
    return found


def _at_bound(parameter: FitParameter, value: float) -> bool:
    bounds = [bound for bound in (parameter.lower, parameter.upper) if math.isfinite(bound)]
    return any(abs(value - bound) <= BOUND_TOLERANCE * max(1.0, abs(bound)) for bound in bounds)


def _minimum(
    parameters: Sequence[FitParameter],
    best: Minuit,
    held: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
    good: Sequence[Minuit],
    tried: int,
) -> Minimum:
    names = tuple(parameter.name for parameter in parameters)
    theta = [float(value) for value in best.values]
    n = len(names)
    covariance = np.array(best.covariance) if best.covariance is not None else np.full((n, n), np.nan)
    free = np.array([parameter.name not in held for parameter in parameters])
    return Minimum(
        names=names,
        values=dict(zip(names, theta, strict=True)),
        errors={name: 0.0 if name in held else float(error) for name, error in zip(names, best.errors, strict=True)},
        covariance=np.where(np.outer(free, free), covariance, 0.0),
        minos=intervals,
        valid=bool(good),
        reason=_reason(best),
        at_bound=tuple(p.name for p, value in zip(parameters, theta, strict=True) if p.name not in held and _at_bound(p, value)),
        nll=float(best.fval if best.fval is not None else best._fcn(best.values)),
        edm=float(best.fmin.edm) if best.fmin is not None else 0.0,
        fixed=frozenset(held),
        minima=tuple((np.array(fit.values), float(fit.fval if fit.fval is not None else math.nan)) for fit in good),
        starts_tried=tried,
        calls=int(best.nfcn),
    )
