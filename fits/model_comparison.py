"""Spectra beside each other: every other model against the fit's own on the same data and on the same toys."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fits.fit_result import parameter_of
from fits.hypothesis import Comparison, ComparisonStudy, chi2_p_value, compare, free_parameters, hypothesis_test
from fits.minimise import Minimum, minimise
from fits.nll import NegativeLogLikelihood
from fits.spectrum_choice import AT_BOUNDARY, Embedding, IntoSegments
from fits.toys import Execute, Progress
from records.diffuse_studies import ComparedModel

NO_TEST = {"ts": math.nan, "p_chi2": math.nan, "p_toys": math.nan, "p_toys_error": math.nan}


def null_model(nll: NegativeLogLikelihood, minimum: Minimum) -> ComparedModel:
    """The row of the fit's own spectrum, which has no test."""
    return _row(nll, minimum, NO_TEST, 0, 0)


def failed_model(nll: NegativeLogLikelihood, reason: str) -> ComparedModel:
    """The row of a spectrum that could not be compared."""
    return ComparedModel(False, reason, {}, free_parameters(nll), math.nan, math.nan, nested=True, **NO_TEST, n_valid=0, n_failed=0)


def compared_model(
    null: NegativeLogLikelihood, minimum: Minimum, alternative: NegativeLogLikelihood, embedding: Embedding | IntoSegments, *,
    toys: int, seed: int, progress: Progress | None = None, execute: Execute = map,
) -> ComparedModel:  # fmt: skip
    """One other spectrum with its test statistic over the null; p-values from chi-square and, with ``toys``, from toys of the null.

    Toys of one number are the same for every alternative. A failed fit leaves NaN. Segments do not hold the null: their test statistic may be
    negative and follows no chi-square (norms lie at their bounds too), so that their p-value comes from toys alone.
    """
    nested = isinstance(embedding, Embedding)
    study = ComparisonStudy(null, alternative, minimum.values, embedding, seed, nested=nested)
    data = compare(null, alternative, embed=study.embed, start=minimum.values, nested=nested)
    wide = minimise(alternative, starts=[data.alternative.values]) if data.alternative.valid else data.alternative
    if math.isnan(data.ts):
        return _row(alternative, wide, NO_TEST, 0, 0, nested=nested)
    boundary = isinstance(embedding, Embedding) and embedding.alternative in AT_BOUNDARY
    found, n_valid, n_failed = _tested(study, data, boundary, toys, progress, execute)
    return _row(alternative, wide, found, n_valid, n_failed, nested=nested)


def _tested(
    study: ComparisonStudy, data: Comparison, boundary: bool, toys: int, progress: Progress | None, execute: Execute
) -> tuple[Mapping[str, float], int, int]:
    """Test statistic and p-values, toys with and without one."""
    if toys == 0:
        degrees = free_parameters(study.alternative) - free_parameters(study.null)
        p_chi2 = chi2_p_value(data.ts, degrees, boundary=boundary) if study.nested else math.nan
        return {**NO_TEST, "ts": data.ts, "p_chi2": p_chi2}, 0, 0
    found = hypothesis_test(study, data, toys, boundary=boundary, progress=progress, execute=execute)
    values = {"ts": found.ts, "p_chi2": found.p_chi2, "p_toys": found.p_toys, "p_toys_error": found.p_toys_error}
    return values, len(found.ts_toys), found.n_failed


def _row(
    nll: NegativeLogLikelihood, minimum: Minimum, test: Mapping[str, float], n_valid: int, n_failed: int, *, nested: bool = True
) -> ComparedModel:
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
        nested=nested,
        **test,
    )
