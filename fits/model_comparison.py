"""Spectra beside each other: every wider model against the power law on the same data and on the same toys."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fits.fit_result import parameter_of
from fits.hypothesis import Comparison, ComparisonStudy, chi2_p_value, compare, free_parameters, hypothesis_test
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.spectrum_choice import AT_BOUNDARY, Embedding
from fits.toys import Execute, Progress
from records.diffuse_studies import ComparedModel

NO_TEST = {"ts": math.nan, "p_chi2": math.nan, "p_toys": math.nan, "p_toys_error": math.nan}


def null_model(nll: NegativeLogLikelihood, minimum: Minimum) -> ComparedModel:
    """The row of the power law itself, which has no test."""
    return _row(nll, minimum, NO_TEST, 0, 0)


def failed_model(nll: NegativeLogLikelihood, reason: str) -> ComparedModel:
    """The row of a spectrum that could not be compared."""
    return ComparedModel(False, reason, {}, free_parameters(nll), math.nan, math.nan, **NO_TEST, n_valid=0, n_failed=0)


def compared_model(
    null: NegativeLogLikelihood, minimum: Minimum, alternative: NegativeLogLikelihood, name: str, *,
    toys: int, seed: int, progress: Progress | None = None, execute: Execute = map,
) -> ComparedModel:  # fmt: skip
    """One wider spectrum with its test statistic over the null; p-values from chi-square and, with ``toys``, from toys of the null.

    Toys of one number are the same for every alternative. A failed fit leaves NaN.
    """
    study = ComparisonStudy(null, alternative, minimum.values, Embedding(name), seed)
    data = compare(null, alternative, embed=study.embed, start=minimum.values)
    wide = minimise(alternative, starts=[data.alternative.values]) if data.alternative.valid else data.alternative
    if math.isnan(data.ts):
        return _row(alternative, wide, NO_TEST, 0, 0)
    found, n_valid, n_failed = _tested(study, data, name, toys, progress, execute)
    return _row(alternative, wide, found, n_valid, n_failed)


def _tested(
    study: ComparisonStudy, data: Comparison, name: str, toys: int, progress: Progress | None, execute: Execute
) -> tuple[Mapping[str, float], int, int]:
    """Test statistic and p-values, toys with and without one."""
    boundary = name in AT_BOUNDARY
    if toys == 0:
        p_chi2 = chi2_p_value(data.ts, free_parameters(study.alternative) - free_parameters(study.null), boundary=boundary)
        return {**NO_TEST, "ts": data.ts, "p_chi2": p_chi2}, 0, 0
    found = hypothesis_test(study, data, toys, boundary=boundary, progress=progress, execute=execute)
    values = {"ts": found.ts, "p_chi2": found.p_chi2, "p_toys": found.p_toys, "p_toys_error": found.p_toys_error}
    return values, len(found.ts_toys), found.n_failed


def _row(nll: NegativeLogLikelihood, minimum: Minimum, test: Mapping[str, float], n_valid: int, n_failed: int) -> ComparedModel:
    n_free = free_parameters(nll)
    return ComparedModel(
        valid=minimum.valid,
        reason=minimum.reason,
        parameters={name: parameter_of(nll, minimum, i) for i, name in enumerate(nll.names)},
        n_free=n_free,
        nll=minimum.nll,
        aic=2.0 * (n_free + minimum.nll),
        n_valid=n_valid,
        n_failed=n_failed,
        **test,
    )
