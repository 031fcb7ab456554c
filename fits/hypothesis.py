"""Two models on the same data, nested as a rule: test statistic and its p-value from toys of the narrower one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from configs.errors import InputError
from fits.conditional import Minimiser, valleys
from fits.goodness import p_value
from fits.intervals import half_chi2_p_value
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.toys import Aux, Execute, Progress, counted, generator, throw

FAILED_FIT = -1e-6  # a TS below this means that the wider model missed its minimum
Embed = Callable[[Mapping[str, float]], Mapping[str, float]]  # values of the null -> the same spectrum's values in the alternative


@dataclass(frozen=True)
class Comparison:
    """Both fits to the same counts; ``ts`` = 2 (NLL of the null - NLL of the alternative), NaN when a fit failed."""

    ts: float
    null: Minimum
    alternative: Minimum


def compare(
    null: NegativeLogLikelihood,
    alternative: NegativeLogLikelihood,
    *,
    embed: Embed,
    start: Mapping[str, float] | None = None,
    nested: bool = True,
    fit: Minimiser = minimise,
) -> Comparison:
    """Fit both models. The wider one starts at its own starts and, when it comes out worse, at the null's minimum (``embed``).

    A TS below -1e-6 after that is a failure, never floored; of models that are not ``nested`` it may have either sign.
    """
    narrow = fit(null, starts=None if start is None else valleys(null, start), hesse=False)
    if not narrow.valid:
        narrow = fit(null, hesse=False)
    wide = fit(alternative, hesse=False)
    if not wide.valid or 2.0 * (narrow.nll - wide.nll) < 0.0:
        embedded = fit(alternative, starts=valleys(alternative, embed(narrow.values)), hesse=False)
        wide = min(wide, embedded, key=lambda one: one.nll if one.valid else math.inf)
    ts = 2.0 * (narrow.nll - wide.nll)
    believable = narrow.valid and wide.valid and (ts >= FAILED_FIT or not nested)
    return Comparison(ts if believable else math.nan, narrow, wide)


@dataclass(frozen=True)
class ComparisonStudy:
    """TS of pseudo-experiments of the null; picklable (with a picklable ``embed``), mapped over toy numbers."""

    null: NegativeLogLikelihood
    alternative: NegativeLogLikelihood
    truth: Mapping[str, float]
    embed: Embed
    seed: int | None
    aux: Aux = "thrown"
    fit: Minimiser = minimise
    nested: bool = True

    def __call__(self, index: int) -> float:
        """TS of toy number ``index``; NaN when a fit failed twice."""
        toy = throw(self.null, self.truth, generator(self.seed, "test", index), self.aux)
        centres = {name: prior.centre for name, prior in toy.priors.items() if name in self.alternative.names}
        same = self.alternative.with_counts(toy.counts, prior_means=centres)
        return compare(toy, same, embed=self.embed, start=self.truth, nested=self.nested, fit=self.fit).ts


@dataclass(frozen=True)
class ComparisonOutcome:
    """Numbers of a ``HypothesisTest``: TS of the data, of the toys (NaN: failed), p-values."""

    ts: float
    ts_toys: list[float]
    n_failed: int
    p_toys: float
    p_toys_error: float
    p_chi2: float
    degrees_of_freedom: int


def hypothesis_test(
    study: ComparisonStudy, data: Comparison, n: int, *, boundary: bool = False, progress: Progress | None = None, execute: Execute = map
) -> ComparisonOutcome:
    """P-value of the TS of the data from ``n`` toys at the null's best fit, beside that of chi-square (Wilks 1938).

    ``boundary``: the null is the edge of the alternative's range, so that the chi-square with one degree counts half (Chernoff 1954).
    There is none (NaN) for models that are not nested, whose toys are valid all the same. Without a valid toy there is no p-value from toys (NaN).
    Raises InputError when a nested alternative has no more free parameters than the null.
    """
    degrees = free_parameters(study.alternative) - free_parameters(study.null)
    if study.nested and degrees < 1:
        raise InputError("test: the alternative has no more free parameters than the fit's model; name a wider model (log_parabola, cutoff, ...)")
    toys = np.array(counted(execute(study, range(n)), n, progress))
    valid = toys[~np.isnan(toys)]
    p, error = p_value(data.ts, valid) if valid.size else (math.nan, math.nan)
    asymptotic = chi2_p_value(data.ts, degrees, boundary=boundary) if study.nested else math.nan
    return ComparisonOutcome(data.ts, valid.tolist(), n - valid.size, p, error, asymptotic, degrees)


def chi2_p_value(ts: float, degrees: int, *, boundary: bool = False) -> float:
    """Asymptotic p-value (Wilks 1938); at a ``boundary`` the chi-square with one degree counts half (Chernoff 1954). NaN for no TS."""
    if math.isnan(ts):
        return math.nan
    return half_chi2_p_value(ts) if boundary else float(chi2.sf(max(ts, 0.0), degrees))


def free_parameters(nll: NegativeLogLikelihood) -> int:
    """Number of parameters that a fit varies."""
    return sum(not one.fixed for one in nll.parameters)
