"""Upper limits of one parameter by the profile likelihood, and what they are expected to be without a signal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from fits.conditional import Minimiser, lowest, position, valleys
from fits.intervals import first_crossing, one_sided_level
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.toys import Aux, Execute, Progress, counted, generator, throw
from records.results import LimitResult

BANDS = ("-2", "-1", "0", "1", "2")  # standard deviations of the expected limit


class _NotConverged(ArithmeticError):
    """A fit with the parameter held did not converge: its NLL is too high, and a limit from it would be too low."""


def upper_limit(nll: NegativeLogLikelihood, minimum: Minimum, parameter: str, cl: float, *, fit: Minimiser = minimise) -> float:
    """Value above the best fit at which the profiled NLL has risen by half the squared one-sided quantile (1.642 / 2 at 90 %).

    The best fit respects the lower bound; for one that sits there 2 Delta NLL follows half a chi-square (Chernoff 1954; Cowan et al.,
    EPJC 71 (2011) 1554, section 3.6). Infinite when the curve does not rise so far below the parameter's upper bound, NaN when
    a fit on the way does not converge.
    """
    one = nll.parameters[position(nll, parameter, "upper limit")]
    level, best = one_sided_level(cl), minimum.values[parameter]
    start: Mapping[str, float] = minimum.values

    def height(value: float) -> float:
        nonlocal start
        found = lowest(nll, {parameter: value}, start, minimum.values, fit=fit)
        if not found.valid and math.isfinite(found.nll):
            raise _NotConverged(found.reason)
        start = found.values if found.valid else start
        return found.nll - minimum.nll - level

    step = max(minimum.errors[parameter], 1e-3 * max(abs(best), 1.0))
    try:
        return first_crossing(height, best, step, one.upper)
    except _NotConverged:
        return math.nan


@dataclass(frozen=True)
class LimitStudy:
    """Limits of pseudo-experiments thrown at ``truth``; picklable, mapped over toy numbers."""

    nll: NegativeLogLikelihood
    parameter: str
    cl: float
    truth: Mapping[str, float]
    seed: int | None
    aux: Aux = "thrown"
    fit: Minimiser = minimise

    def __call__(self, index: int) -> float:
        """Limit of toy number ``index``; NaN when its fit failed twice."""
        stream = self.nll.names.index(self.parameter)
        toy = throw(self.nll, self.truth, generator(self.seed, "limit", stream, index), self.aux)
        minimum = self.fit(toy, starts=valleys(toy, self.truth), hesse=False)
        if not minimum.valid:
            minimum = self.fit(toy, hesse=False)
        return upper_limit(toy, minimum, self.parameter, self.cl, fit=self.fit) if minimum.valid else math.nan


def limit(
    nll: NegativeLogLikelihood,
    minimum: Minimum,
    parameter: str,
    cl: float,
    *,
    expected_toys: int = 0,
    asimov: bool = False,
    seed: int | None = None,
    aux: Aux = "thrown",
    fit: Minimiser = minimise,
    progress: Progress | None = None,
    execute: Execute = map,
) -> LimitResult:
    """Observed upper limit and, from ``expected_toys`` toys without signal, the median and the one and two standard deviation bands.

    Without signal means: the parameter at its lower bound (or at 0 where it has none), nuisances profiled there on the data. Where fewer than
    half of those toys give a limit there is no expected one, and ``not_expected`` says so. ``asimov``: where no toys are wanted, the limit of the
    Asimov set without signal stands for the median (Cowan et al., EPJC 71 (2011) 1554).
    """
    one = nll.parameters[position(nll, parameter, "upper limit")]
    observed = upper_limit(nll, minimum, parameter, cl, fit=fit)
    expected, n_failed, missing = None, 0, ""
    null = one.lower if math.isfinite(one.lower) else 0.0
    if asimov and not expected_toys:
        truth = lowest(nll, {parameter: null}, minimum.values, fit=fit).values
        expected = {"0": _of_asimov(nll, truth, parameter, cl, fit)}
    if expected_toys:
        truth = lowest(nll, {parameter: null}, minimum.values, fit=fit).values
        study = LimitStudy(nll, parameter, cl, truth, seed, aux, fit)
        limits = np.array(counted(execute(study, range(expected_toys)), expected_toys, progress))
        n_failed = int(np.isnan(limits).sum())
        given = limits[~np.isnan(limits)]
        if given.size < 0.5 * expected_toys:
            missing = f"only {given.size} of {expected_toys} toys gave a limit; give {parameter} bounds or a prior"
        else:
            expected = _bands(given)
    return LimitResult(parameter, cl, "profile", observed, expected, one.unit, n_failed, missing)


def _of_asimov(nll: NegativeLogLikelihood, truth: Mapping[str, float], parameter: str, cl: float, fit: Minimiser) -> float:
    """Limit of the Asimov set at ``truth``; NaN where its fit does not converge."""
    counts = nll.model.expected([truth[name] for name in nll.names])
    asimov = nll.with_counts(counts, prior_means={name: truth[name] for name in nll.priors})
    minimum = fit(asimov, starts=[truth], hesse=False)
    return upper_limit(asimov, minimum, parameter, cl, fit=fit) if minimum.valid else math.nan


def _bands(limits: np.ndarray) -> dict[str, float]:
    return {band: float(np.quantile(limits, ndtr(float(band)))) for band in BANDS}
