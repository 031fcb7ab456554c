"""Goodness of fit: the saturated Poisson statistic on all bins and on projections, with p-values from refitted toys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from configs.errors import InputError
from records.results import GoodnessOfFit

Projections = Mapping[str, NDArray[np.int64]]  # name -> number of the projected bin of every bin; -1: left out


def saturated(counts: ArrayLike, expected: ArrayLike) -> float:
    """2 sum(mu - k + k ln(k / mu)): twice the NLL above that of a model with mu = k (Baker and Cousins, NIM 221 (1984) 437, eq. 17).

    Infinite when a bin with events has no expectation.
    """
    k, mu = np.asarray(counts, float), np.asarray(expected, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(k > 0, k / mu, 1.0)
    return float(2.0 * (mu - k + xlogy(k, ratio)).sum())


def saturated_by_projection(counts: ArrayLike, expected: ArrayLike, projections: Projections) -> dict[str, float]:
    """The saturated statistic after summing bins of the same number, for each projection."""
    return {name: saturated(project(counts, groups), project(expected, groups)) for name, groups in projections.items()}


def project(values: ArrayLike, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums of ``values`` over bins of the same group number; group -1 is left out."""
    kept = groups >= 0
    sums = np.bincount(groups[kept], weights=np.asarray(values, float)[kept], minlength=int(groups.max()) + 1)
    return sums.astype(np.float64)


def p_value(observed: float, toys: ArrayLike) -> tuple[float, float]:
    """Fraction of toys at or above the observed value and its binomial error.

    Counts the data as one of the toys, (b + 1) / (n + 1), so that no finite number of toys claims p = 0 (Phipson and Smyth 2010).
    Where all toys lie above, the error is that of the other end, 1 / (n + 1): finitely many toys do not know p = 1 exactly either.
    NaN when the observed value is NaN (its fit failed). Raises InputError without toys.
    """
    values = np.asarray(toys, float)
    if values.size == 0:
        raise InputError("a p-value needs toys and none converged; look at the failures in the toy result, or ask for more toys")
    if np.isnan(observed):
        return float("nan"), float("nan")
    p = (1 + int((values >= observed).sum())) / (values.size + 1)
    spread = min(p, values.size / (values.size + 1))
    return p, float(np.sqrt(spread * (1.0 - spread) / values.size))


def goodness_of_fit(observed: Mapping[str, float], toys: Sequence[Mapping[str, float]], *, seed: int, n_failed: int) -> GoodnessOfFit:
    """P-values of the observed statistics from those of refitted toys (one mapping for each valid toy)."""
    by_projection = {name: [toy[name] for toy in toys] for name in observed}
    p = {name: p_value(observed[name], values) for name, values in by_projection.items()}
    return GoodnessOfFit(
        seed=seed,
        n_toys=len(toys) + n_failed,
        n_failed=n_failed,
        observed=dict(observed),
        p_value={name: value for name, (value, _) in p.items()},
        p_error={name: error for name, (_, error) in p.items()},
        toys=by_projection,
    )
