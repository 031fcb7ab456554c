"""Composition of a sample by a template fit: nu_b = sum_g mu_g N_g T_gb(alpha) gamma_gb (specification 4.5, F1).

T are shapes of groups of particles from labelled events; gamma_gb are factors of every sample and bin, held by the template's statistics
(HistFactory's ``shapesys``; minimised in closed form, ``fits.barlow_beeston``); alpha is the light yield in standard deviations. Where two
groups look alike the likelihood is flat and bounded: then symmetric errors are withheld and profile intervals are the answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from scipy.stats import chi2

from fits import barlow_beeston
from fits.barlow_beeston import Profiled
from fits.intervals import curve_interval
from fits.minimise import Minimum, minimise
from fits.parameters import FitParameter
from fits.templates import Binned
from records.iwcd_fits import FittedBins, FractionsResult, ProfileCurve, Saturated
from records.value import Parameter

Array = NDArray[np.float64]

LIGHT_YIELD = "light_yield"
LARGEST = 10.0  # of mu
LARGEST_CORRELATION = 0.95  # of two groups with a symmetric error
LEVEL_68, LEVEL_95 = 0.5, 1.92  # Delta NLL of one parameter
GRID = 25  # points of a profile
SMALLEST_STEP = 0.02  # of mu
LBFGSB = {"ftol": 1e-13, "gtol": 1e-7}
NEAR_BEST = 1e-3  # of the range of a profile
SMALLEST_SHAPE = 1e-12


@dataclass(frozen=True)
class Composition:
    """The likelihood: an objective of ``fits.minimise``. Parameters: mu of each group, then ``light_yield`` where templates vary with it.

    ``observed`` and ``light_yield_measured``: the auxiliary measurements, which pseudo-experiments vary. ``template_errors=False``: all factors
    1 and no systematics. Its value is half of -2 ln of the ratio to the saturated model.
    """

    binned: Binned
    template_errors: bool = True
    observed: Array | None = None
    light_yield_measured: float = 0.0

    @property
    def varies(self) -> bool:
        """Whether the light yield is a parameter."""
        return self.template_errors and self.binned.up is not None

    @property
    def names(self) -> tuple[str, ...]:
        """Groups, then systematics."""
        return (*self.binned.groups, LIGHT_YIELD) if self.varies else self.binned.groups

    @cached_property
    def parameters(self) -> tuple[FitParameter, ...]:
        """Starts and limits in the order of ``names``."""
        norms = tuple(FitParameter(name, (1.0,), 0.0, LARGEST) for name in self.binned.groups)
        return (*norms, FitParameter(LIGHT_YIELD, (0.0,), -5.0, 5.0)) if self.varies else norms

    def at(self, theta: Array) -> tuple[Profiled, Array, Array]:
        """Bins at a point, with the expectation at factors 1 and mu 1 (groups, bins) and its derivative by alpha."""
        norms = theta[: len(self.binned.groups), None]
        shapes, slope = self._shapes(float(theta[-1])) if self.varies else (self.binned.shapes, np.zeros_like(self.binned.shapes))
        unit, slope = self.binned.unit * shapes, self.binned.unit * slope
        if not self.template_errors:
            return barlow_beeston.exact(self.binned.counts, norms * unit), unit, slope
        return barlow_beeston.profiled(self.binned.counts, norms * unit, self.binned.events, self.observed), unit, slope

    def value(self, theta: Array) -> float:
        """Minimum over the factors at a point."""
        return self.value_and_gradient(theta)[0]

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """Minimum over the factors at a point, and its gradient (envelope theorem: factors stay where they are)."""
        bins, unit, slope = self.at(theta)
        by_expectation = bins.slope
        gradient = (by_expectation * unit).sum(axis=1)
        value = float(bins.nll.sum())
        if self.varies:
            pull = float(theta[-1]) - self.light_yield_measured
            value += 0.5 * pull**2
            by_alpha = (by_expectation * theta[: len(self.binned.groups), None] * slope).sum() + pull
            gradient = np.append(gradient, by_alpha)
        return value, gradient

    def with_counts(self, counts: Array, observed: Array | None = None, light_yield_measured: float = 0.0) -> Composition:
        """The same templates with other data; the meaning of mu = 1 stays."""
        return replace(self, binned=_Rescaled(**{**vars(self.binned), "counts": counts}, fixed_unit=self.binned.unit), observed=observed,
                       light_yield_measured=light_yield_measured)  # fmt: skip

    def _shapes(self, alpha: float) -> tuple[Array, Array]:
        """Shapes at alpha and their derivative: linear beyond 1 sigma, a smooth polynomial within (HistFactory's interpolation code 4p)."""
        assert self.binned.up is not None
        assert self.binned.down is not None
        up, down = self.binned.up - self.binned.shapes, self.binned.shapes - self.binned.down
        if abs(alpha) >= 1.0:
            slope = up if alpha > 0 else down
            shift = alpha * slope
        else:
            odd, even = 0.5 * (up + down), (up - down) / 16.0
            shift = alpha * (odd + alpha * even * (15.0 + alpha**2 * (3.0 * alpha**2 - 10.0)))
            slope = odd + even * alpha * (30.0 + alpha**2 * (18.0 * alpha**2 - 40.0))
        shapes = self.binned.shapes + shift
        positive = shapes > SMALLEST_SHAPE
        return np.where(positive, shapes, SMALLEST_SHAPE), np.where(positive, slope, 0.0)


@dataclass(frozen=True)
class _Rescaled(Binned):
    """Other data in the bins of a fit, with its unit."""

    fixed_unit: float = 1.0

    @property
    def unit(self) -> float:
        return self.fixed_unit


@dataclass(frozen=True)
class Origin:
    """What a result says of where its numbers came from."""

    groups: Mapping[str, Sequence[str]]
    template_events: Mapping[str, float]
    truth: Mapping[str, float]
    seed: int
    notes: tuple[str, ...] = ()


def fit_composition(likelihood: Composition, origin: Origin) -> FractionsResult:
    """Fit, intervals and goodness of one sample. A fit that fails is a result with ``valid=False`` and its reason."""
    minimum = minimise(likelihood, seed=origin.seed)
    return composition_result(likelihood, minimum, origin, engine="native")


def composition_result(likelihood: Composition, minimum: Minimum, origin: Origin, *, engine: str) -> FractionsResult:
    """The result of a minimum, found by whatever program."""
    data, groups = likelihood.binned, likelihood.binned.groups
    withheld = _withheld(minimum, groups) if minimum.valid else ""
    profiles = {name: profile(likelihood, minimum, name) for name in groups} if minimum.valid else {}
    values, covariance = yields(likelihood, minimum)
    errors = np.full(len(groups), math.nan) if withheld else np.sqrt(np.diag(covariance))
    share, share_errors = _shares(values, covariance)
    systematics = minimum.names[len(groups) :]
    return FractionsResult(
        valid=minimum.valid,
        reason=minimum.reason,
        groups={name: list(members) for name, members in origin.groups.items()},
        yields={name: _yield(float(values[i]), float(errors[i]), profiles.get(name), name in minimum.at_bound) for i, name in enumerate(groups)},
        fractions={name: Parameter(share[i], math.nan if withheld else share_errors[i]) for i, name in enumerate(groups)},
        nuisances={name: Parameter(minimum.values[name], minimum.errors[name], unit="sigma", prior="gaussian(0, 1)") for name in systematics},
        names=list(minimum.names),
        correlation=minimum.correlation.tolist(),
        profiles=profiles,
        errors_withheld=withheld,
        condition_number=data.condition_number,
        goodness=saturated(likelihood, minimum),
        bins=fitted_bins(likelihood, minimum),
        template_events=dict(origin.template_events),
        n_observed=int(data.counts.sum()),
        n_outside=data.n_outside,
        engine=engine,
        template_errors=likelihood.template_errors,
        merged_bins=list(data.merged),
        truth=dict(origin.truth),
        notes=[*data.notes, *origin.notes],
        seed=origin.seed,
    )  # fmt: skip


def yields(likelihood: Composition, minimum: Minimum) -> tuple[Array, Array]:
    """Events of each group and their covariance."""
    n, unit = len(likelihood.binned.groups), likelihood.binned.unit
    return unit * minimum.theta[:n], unit**2 * minimum.covariance[:n, :n]


def saturated(likelihood: Composition, minimum: Minimum) -> Saturated:
    """Goodness of fit; factors and systematics bring a constraint each, so only the groups cost a degree of freedom."""
    degrees = len(likelihood.binned.counts) - len(likelihood.binned.groups)
    statistic = 2.0 * minimum.nll
    return Saturated(statistic, degrees, float(chi2.sf(statistic, degrees)) if degrees > 0 else math.nan)


def fitted_bins(likelihood: Composition, minimum: Minimum) -> FittedBins:
    """Data and expectation of each group in the fitted bins."""
    bins, unit, _ = likelihood.at(minimum.theta)
    groups = likelihood.binned.groups
    parts = minimum.theta[: len(groups), None] * unit * bins.gamma
    total = parts.sum(axis=0)
    pull = (likelihood.binned.counts - total) / np.sqrt(np.maximum(total, barlow_beeston.SMALLEST))
    by_group = dict(zip(groups, parts.tolist(), strict=True))
    return FittedBins(list(likelihood.binned.labels), likelihood.binned.counts.tolist(), by_group, pull.tolist())


def profile(likelihood: Composition, minimum: Minimum, name: str) -> ProfileCurve:
    """The likelihood along the yield of one group, from where it has risen by 1.92 (or its bound) to there on the other side."""
    unit, best = likelihood.binned.unit, minimum.values[name]
    held = likelihood.names.index(name)
    starts = (minimum.theta, np.array([one.start for one in likelihood.parameters]))  # groups that look alike make two valleys

    def height(mu: float) -> float:
        return min(_conditional(likelihood, np.insert(np.delete(start, held), held, mu), held) for start in starts) - minimum.nll

    low, high = (_end(height, best, sign * max(minimum.errors[name], SMALLEST_STEP)) for sign in (-1.0, 1.0))
    grid = np.linspace(low, high, GRID)
    x = np.sort(np.append(grid[np.abs(grid - best) > NEAR_BEST * (high - low)], best))
    delta = np.array([0.0 if mu == best else max(height(float(mu)), 0.0) for mu in x])
    intervals = [_closed(curve_interval(x, delta, level, reference=0.0), delta, level) for level in (LEVEL_68, LEVEL_95)]
    scaled = [(low * unit, high * unit) for low, high in intervals]
    return ProfileCurve((unit * x).tolist(), delta.tolist(), scaled[0], scaled[1])


def _conditional(likelihood: Composition, start: Array, held: int) -> float:
    """Minimum with one parameter held at its start. The others often end at their bounds: L-BFGS-B takes these as they are."""
    bounds = [(one.lower, one.upper) for one in likelihood.parameters]
    bounds[held] = (start[held], start[held])
    return float(scipy.optimize.minimize(likelihood.value_and_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds, options=LBFGSB).fun)


def _end(height: Callable[[float], float], best: float, step: float) -> float:
    """Where the profile has risen above its higher level, by growing steps, or the bound."""
    here = best
    while 0.0 < here + step < LARGEST:
        here += step
        if height(here) > LEVEL_95:
            return here
        step *= 1.5
    return 0.0 if step < 0 else LARGEST


def _closed(interval: tuple[float, float], delta: Array, level: float) -> tuple[float, float]:
    """An open side ends at the parameter's bound, where the curve ends below the level."""
    low, high = (float(end) for end in interval)
    return (0.0 if math.isinf(low) and delta[0] <= level else low, LARGEST if math.isinf(high) and delta[-1] <= level else high)


def _withheld(minimum: Minimum, groups: Sequence[str]) -> str:
    """Why no symmetric errors are given; empty where they are."""
    if bound := [name for name in groups if name in minimum.at_bound]:
        return f"{', '.join(bound)} at its bound"
    rho = np.abs(minimum.correlation[: len(groups), : len(groups)]) - np.eye(len(groups))
    i, j = np.unravel_index(int(np.argmax(rho)), rho.shape)
    if rho[i, j] > LARGEST_CORRELATION:
        return f"{groups[i]} and {groups[j]} cannot be told apart (correlation {minimum.correlation[i, j]:.3f})"
    return ""


def _yield(value: float, error: float, curve: ProfileCurve | None, bound: bool) -> Parameter:
    interval = None if curve is None else (curve.interval_68[0] - value, curve.interval_68[1] - value)
    return Parameter(float(value), float(error), interval, "events", at_bound=bound)


def _shares(values: Array, covariance: Array) -> tuple[list[float], list[float]]:
    """f_g = N_g / sum N and errors by propagation."""
    total = max(float(values.sum()), barlow_beeston.SMALLEST)
    share = values / total
    jacobian = (np.eye(len(values)) - share[:, None]) / total
    return share.tolist(), np.sqrt(np.clip(np.diag(jacobian @ covariance @ jacobian.T), 0.0, None)).tolist()
