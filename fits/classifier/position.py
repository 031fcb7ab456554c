"""Does the recall of a class depend on where and what the event was?

Three tests for each class and variable: homogeneity of "correct" over equal-count bins (permutations within the class), the slope of a
logistic curve, and Kolmogorov-Smirnov of correct against wrong. All p-values of a result are corrected together (Holm).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, expit, xlogy
from scipy.stats import ks_2samp

from fits.classifier.binomial import ONE_SIGMA, Method, rates
from fits.classifier.confusion import homogeneity
from fits.classifier.multiple_tests import SIGNIFICANCE, detectable_difference, holm, permutation_p, permuted_counts
from fits.classifier.working_points import bin_number
from records.performance import PositionDependence, PositionTest

VARIABLES = ("r2", "y", "dwall", "towall", "cos_zenith", "azimuth", "evis", "nhits")
ANGLES = {"azimuth"}  # periodic: a slope in sine and cosine
EXACT_KS = 2000  # events up to which the exact distribution is used
NEWTON_STEPS, NEWTON_TOLERANCE = 50, 1e-10


@dataclasses.dataclass(frozen=True)
class Options:
    """How to test. ``edges``: variable -> bin edges in place of equal-count bins."""

    bins: int = 5
    permutations: int = 10_000
    seed: int = 0
    level: float = ONE_SIGMA
    method: Method = "clopper-pearson"
    edges: Mapping[str, Sequence[float]] = dataclasses.field(default_factory=dict)


def position_dependence(
    labels: ArrayLike, predictions: ArrayLike, columns: Mapping[str, ArrayLike], classes: Sequence[str], options: Options = Options()
) -> PositionDependence:
    """Test every class that has events against every variable of ``VARIABLES`` among the columns.

    ``labels`` and ``predictions`` (n,) are positions in ``classes``. The result does not depend on the order of events, nor on which other
    variables are tested, but for the correction.
    """
    truth, correct = np.asarray(labels), np.asarray(labels) == np.asarray(predictions)
    tests, detectable = [], {}
    for code, name in enumerate(classes):
        mine = truth == code
        if not mine.any():
            continue
        detectable[name] = detectable_difference(float(correct[mine].mean()), int(mine.sum()))
        for number, variable in enumerate(VARIABLES):
            if variable in columns:
                random = np.random.default_rng(np.random.SeedSequence(options.seed, spawn_key=(code, number)))
                tests.append(position_test(name, variable, np.asarray(columns[variable], float)[mine], correct[mine], options, random))
    corrected = _corrected(tests)
    return PositionDependence(corrected, options.permutations, options.seed, detectable, _sentence(corrected, detectable))


def position_test(
    name: str, variable: str, values: NDArray[np.float64], correct: NDArray[np.bool_], options: Options, random: np.random.Generator
) -> PositionTest:
    """The three tests of one class and variable, not yet corrected. Events where the variable is not finite are left out."""
    finite = np.isfinite(values)
    values, correct = values[finite], correct[finite]
    edges = np.asarray(options.edges[variable], float) if variable in options.edges else equal_count_edges(values, options.bins)
    bins = bin_number(values, edges)
    inside = bins >= 0
    total = np.bincount(bins[inside], minlength=len(edges) - 1)
    passed = np.bincount(bins[inside & correct], minlength=len(edges) - 1)
    chi2, degrees, p_asymptotic = homogeneity(np.array([passed, total - passed]))
    permuted = homogeneity_statistic(permuted_counts(total, int(passed.sum()), options.permutations, random), total)
    slope, slope_degrees = slope_ratio(values, correct, periodic=variable in ANGLES)
    ks, p_ks = _kolmogorov_smirnov(values, correct)
    return PositionTest(
        name=name,
        variable=variable,
        edges=edges.tolist(),
        recall=rates(passed, total, options.level, options.method),
        chi2=chi2,
        degrees_of_freedom=degrees,
        p_asymptotic=p_asymptotic,
        p_permutation=permutation_p(chi2, permuted),
        p_permutation_holm=math.nan,
        slope_ratio=slope,
        slope_degrees_of_freedom=slope_degrees,
        p_slope=float(chdtrc(slope_degrees, slope)),
        p_slope_holm=math.nan,
        ks=ks,
        p_ks=p_ks,
        p_ks_holm=math.nan,
    )


def equal_count_edges(values: ArrayLike, bins: int) -> NDArray[np.float64]:
    """Quantiles that split the values into ``bins`` equal parts; repeated quantiles of a discrete variable are merged.

    >>> equal_count_edges([0, 1, 2, 3, 4], 2).tolist()
    [0.0, 2.0, 4.0]
    """
    array = np.asarray(values, float)
    if array.size == 0:
        return np.array([0.0, 1.0])
    edges = np.unique(np.quantile(array, np.linspace(0.0, 1.0, bins + 1)))
    return edges if len(edges) > 1 else np.array([edges[0] - 0.5, edges[0] + 0.5])


def homogeneity_statistic(passed: NDArray, total: NDArray) -> NDArray[np.float64]:
    """Pearson's chi-square of passed against failed over bins for many sets at once: (sets, bins) -> (sets,); 0 if all or none pass."""
    used = total > 0
    n, k = total[used].astype(float), passed[..., used]
    fraction = k.sum(axis=-1, keepdims=True) / max(n.sum(), 1.0)
    variance = n * fraction * (1.0 - fraction)
    return np.divide((k - n * fraction) ** 2, variance, out=np.zeros(k.shape), where=variance > 0).sum(axis=-1)


def slope_ratio(values: ArrayLike, correct: ArrayLike, *, periodic: bool = False) -> tuple[float, int]:
    """Twice the log-likelihood gained by a logistic slope in the variable over a constant, and its degrees of freedom.

    ``periodic``: sine and cosine of the variable instead (2 degrees). 0 where the variable or the answer does not vary.
    """
    x, y = np.asarray(values, float), np.asarray(correct, float)
    raw = np.column_stack([np.cos(x), np.sin(x)] if periodic else [x])
    spread = raw.std(axis=0) if len(x) else np.zeros(raw.shape[1])
    if not spread.all() or y.min() == y.max():
        return 0.0, raw.shape[1]
    design = np.column_stack([np.ones(len(x)), (raw - raw.mean(axis=0)) / spread])
    mean = y.mean()
    null = float(xlogy(y, mean).sum() + xlogy(1.0 - y, 1.0 - mean).sum())
    return max(2.0 * (logistic_log_likelihood(design, y) - null), 0.0), raw.shape[1]


def logistic_log_likelihood(design: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Largest log-likelihood of P(y=1) = 1/(1+exp(-design @ b)), by Newton steps that are halved until they rise.

    Where a class is separated the likelihood has its supremum at infinity; the value returned is within the tolerance of it.
    """

    def likelihood(b: NDArray) -> float:
        eta = design @ b
        return float((y * eta - np.logaddexp(0.0, eta)).sum())

    b = np.zeros(design.shape[1])
    value = likelihood(b)
    for _ in range(NEWTON_STEPS):
        p = expit(design @ b)
        information = (design * (p * (1.0 - p))[:, None]).T @ design
        step = np.linalg.lstsq(information, design.T @ (y - p), rcond=None)[0]
        scale = 1.0
        while (new := likelihood(b + scale * step)) < value and scale > 1e-6:
            scale *= 0.5
        gained = new - value
        if gained <= NEWTON_TOLERANCE:
            break
        b, value = b + scale * step, new
    return value


def _kolmogorov_smirnov(values: NDArray, correct: NDArray[np.bool_]) -> tuple[float, float]:
    """Distance between correct and wrong events, and its p-value; (0, 1) where one of them is empty."""
    right, wrong = values[correct], values[~correct]
    if min(right.size, wrong.size) == 0:
        return 0.0, 1.0
    result = ks_2samp(right, wrong, method="exact" if values.size <= EXACT_KS else "asymp")
    return float(result.statistic), float(result.pvalue)


def _corrected(tests: Sequence[PositionTest]) -> list[PositionTest]:
    """The same tests with Holm p-values over all three kinds together."""
    p = holm([value for test in tests for value in (test.p_permutation, test.p_slope, test.p_ks)]).reshape(-1, 3)
    return [
        dataclasses.replace(test, p_permutation_holm=float(row[0]), p_slope_holm=float(row[1]), p_ks_holm=float(row[2]))
        for test, row in zip(tests, p, strict=True)
    ]


def _sentence(tests: Sequence[PositionTest], detectable: Mapping[str, float]) -> str:
    if not tests:
        return "no variable to test"
    smallest = {(test.name, test.variable): min(test.p_permutation_holm, test.p_slope_holm, test.p_ks_holm) for test in tests}
    seen = [f"{name} on {variable} (p = {p:.2g})" for (name, variable), p in smallest.items() if p < SIGNIFICANCE]
    if seen:
        return f"recall depends on the event: {', '.join(seen)}, p-values corrected for {3 * len(tests)} tests"
    power = ", ".join(f"{name} {value:.2f}" for name, value in detectable.items())
    least = min(smallest.values())
    return (
        f"no dependence of recall seen in {3 * len(tests)} tests (smallest corrected p = {least:.2g}); differences between halves from these on are "
        f"found with 80 % power in a single test: {power}"
    )
