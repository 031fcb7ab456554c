"""Unified intervals of one parameter with critical values from toys (Feldman and Cousins, PRD 57 (1998) 3873)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from fits.conditional import Minimiser, lowest, position, valleys
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.profiles import profiled
from fits.toys import Aux, Execute, Progress, counted, generator, throw
from records.results import FeldmanCousinsResult

Array = NDArray[np.float64]
FAILED_FIT = -1e-6  # a TS below this means that the free fit missed its minimum
EQUAL = 1e-5  # two TS of the same counts differ by less: ten times what two fits may miss of their minima


@dataclass(frozen=True)
class PointStudy:
    """Toys at one tested value: ``truth`` holds it with the nuisances profiled there; picklable, mapped over toy numbers."""

    nll: NegativeLogLikelihood
    parameter: str
    truth: Mapping[str, float]
    point: int
    seed: int | None
    aux: Aux = "thrown"
    fit: Minimiser = minimise

    def __call__(self, index: int) -> float:
        """TS of toy number ``index``; NaN when its fits failed twice."""
        toy = throw(self.nll, self.truth, generator(self.seed, "feldman_cousins", self.point, index), self.aux)
        return likelihood_ratio(toy, self.parameter, self.truth, fit=self.fit)


def likelihood_ratio(nll: NegativeLogLikelihood, parameter: str, near: Mapping[str, float], *, fit: Minimiser = minimise) -> float:
    """TS = 2 [NLL(value, profiled nuisances) - NLL(best)] of the value that ``near`` holds for ``parameter``.

    Both fits start at ``near``, in every valley.
    A negative TS is a failed free fit: it is tried again from the profiled point and from the model's starts. NaN when that does not
    help; the value is never floored.
    """
    held = lowest(nll, {parameter: near[parameter]}, near, fit=fit)
    free = fit(nll, starts=valleys(nll, near), hesse=False)
    if not free.valid or free.nll > held.nll - 0.5 * FAILED_FIT:
        free = min(fit(nll, starts=[held.values], hesse=False), fit(nll, hesse=False), key=lambda one: one.nll if one.valid else math.inf)
    ts = 2.0 * (held.nll - free.nll)
    return ts if held.valid and free.valid and ts >= FAILED_FIT else math.nan


def critical_value(ts: ArrayLike, cl: float) -> tuple[float, float]:
    """Smallest value below or at which a fraction ``cl`` of the toys lies, and its Monte-Carlo error.

    The error is half the distance of the order statistics one binomial standard deviation to either side. NaN toys are left out.
    """
    ordered = np.sort(np.asarray(ts, float)[~np.isnan(ts)])
    if ordered.size == 0:
        return math.nan, math.nan
    spread = math.sqrt(ordered.size * cl * (1.0 - cl))
    rank, low, high = (
        min(max(math.ceil(position) - 1, 0), ordered.size - 1) for position in (cl * ordered.size + step for step in (0.0, -spread, spread))
    )
    return float(ordered[rank]), float(0.5 * (ordered[high] - ordered[low]))


def accepted_interval(
    grid: ArrayLike, ts_data: ArrayLike, critical: ArrayLike, best: float, bounds: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[float, float]:
    """Outermost zeros of TS - critical value by linear interpolation on the grid, to which the best fit (TS = 0) is added.

    A value whose TS equals the critical one is accepted: with few events the TS of toys takes few values, and that of the data is one of them.
    A side that is still accepted at the grid's end is open (``-inf`` or ``inf``) unless the grid ends at the parameter's bound.
    """
    x, ts, c = (np.asarray(values, float) for values in (grid, ts_data, critical))
    if x[0] < best < x[-1]:
        at = int(np.searchsorted(x, best))
        c = np.insert(c, at, np.interp(best, x, c))
        x, ts = np.insert(x, at, best), np.insert(ts, at, 0.0)
    excess = np.where(np.abs(ts - c) <= EQUAL, 0.0, ts - c)
    inside = np.flatnonzero(excess <= 0.0)
    if inside.size == 0:
        raise InputError(
            f"Feldman-Cousins: no point of the grid [{x[0]:g}, {x[-1]:g}] is accepted and the best fit {best:g} lies outside it; move the grid"
        )
    first, last = int(inside[0]), int(inside[-1])
    low = _zero(x, excess, first, first - 1) if first > 0 else (bounds[0] if x[0] <= bounds[0] else -math.inf)
    high = _zero(x, excess, last, last + 1) if last < x.size - 1 else (bounds[1] if x[-1] >= bounds[1] else math.inf)
    return low, high


def _zero(x: Array, excess: Array, inside: int, outside: int) -> float:
    if not math.isfinite(excess[outside]):
        return float(x[inside])
    return float(x[inside] + (x[outside] - x[inside]) * excess[inside] / (excess[inside] - excess[outside]))


def feldman_cousins(
    nll: NegativeLogLikelihood,
    minimum: Minimum,
    parameter: str,
    grid: Sequence[float],
    *,
    toys: int,
    cl: Sequence[float],
    seed: int | None,
    aux: Aux = "thrown",
    fit: Minimiser = minimise,
    progress: Progress | None = None,
    execute: Execute = map,
) -> FeldmanCousinsResult:
    """Interval of one parameter at each confidence level of ``cl``.

    At each grid value the nuisances are profiled on the data, ``toys`` pseudo-experiments are thrown there and their TS gives the critical
    value; the interval is where the TS of the data does not exceed it. A point where the fit to the data or every toy fails is left out and
    named. Raises InputError for an unknown parameter, a grid that is not ascending, no seed, or fewer than 3 points.
    """
    one = nll.parameters[position(nll, parameter, "feldman_cousins")]
    asked = _ascending(parameter, grid)
    points = _profiled(nll, minimum, parameter, asked, fit)
    studies = [PointStudy(nll, parameter, point.truth, i, seed, aux, fit) for i, point in enumerate(points)]
    ts_toys = _thrown(studies, toys, progress, execute)
    kept = [i for i, ts in enumerate(ts_toys) if not np.isnan(ts).all()]
    _enough(len(kept), f"of {len(points)} points of {parameter}, {len(kept)} have a toy whose fits converged")
    values, ts_data = np.array([points[i].value for i in kept]), np.array([points[i].ts for i in kept])
    critical = {f"{level:g}": np.array([critical_value(ts_toys[i], level) for i in kept]) for level in cl}
    best, bounds = minimum.values[parameter], (one.lower, one.upper)
    return FeldmanCousinsResult(
        parameter=parameter,
        seed=seed if seed is not None else 0,
        n_toys=toys,
        grid=values.tolist(),
        ts_data=ts_data.tolist(),
        critical={label: pairs[:, 0].tolist() for label, pairs in critical.items()},
        critical_error={label: pairs[:, 1].tolist() for label, pairs in critical.items()},
        interval={label: accepted_interval(values, ts_data, pairs[:, 0], best, bounds) for label, pairs in critical.items()},
        n_failed=int(np.isnan(ts_toys).sum()),
        failed_points=sorted(set(asked.tolist()) - set(values.tolist())),
    )


@dataclass(frozen=True)
class _Point:
    """A tested value, all parameters with the nuisances profiled there on the data, and the TS of the data."""

    value: float
    truth: Mapping[str, float]
    ts: float


def _ascending(parameter: str, grid: Sequence[float]) -> Array:
    values = np.asarray(grid, float)
    if values.size < 3 or (np.diff(values) <= 0).any():
        raise InputError(f"feldman_cousins: the grid of {parameter} needs at least 3 ascending values, got {list(grid)}")
    return values


def _enough(kept: int, said: str) -> None:
    if kept < 3:
        raise InputError(f"feldman_cousins: {said}; at least 3 are needed, move the grid")


def _thrown(studies: Sequence[PointStudy], toys: int, progress: Progress | None, execute: Execute) -> list[list[float]]:
    """TS of the toys of every point; all points are asked for before the toys of the first are waited for."""
    asked = [execute(study, range(toys)) for study in studies]
    shifted = (None if progress is None else _shifted(progress, i * toys, toys * len(studies)) for i in range(len(studies)))
    return [counted(outcomes, toys, one) for outcomes, one in zip(asked, shifted, strict=True)]


def _profiled(nll: NegativeLogLikelihood, minimum: Minimum, parameter: str, grid: Array, fit: Minimiser) -> list[_Point]:
    """The data's profile at the values whose fit converged. Raises InputError when fewer than 3 do."""
    found = profiled(nll, minimum, parameter, grid, fit=fit)
    points = [
        _Point(float(value), held.values, 2.0 * (held.nll - minimum.nll))
        for value, held in zip(grid, found, strict=True)
        if held.valid or math.isinf(held.nll)  # infinite: no expectation explains the data there, a value that is not accepted
    ]
    _enough(len(points), f"of {len(grid)} fits with {parameter} held, {len(points)} converged")
    return points


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)
