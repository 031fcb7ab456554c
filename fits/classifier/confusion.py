"""The confusion matrix of hard labels and what follows from it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, xlogy
from scipy.stats import fisher_exact

from fits.classifier.binomial import ONE_SIGMA, Method, rate, rates, weighted_rate, weighted_rates
from records.performance import Confusion, OneVersusRest, PairTable, Rate


def confusion_counts(labels: ArrayLike, predictions: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Events with true class i (row) predicted as class j (column), shape (classes, classes).

    >>> confusion_counts([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1, 1], [0, 1]]
    """
    flat = np.asarray(labels, np.int64) * n_classes + np.asarray(predictions, np.int64)
    return np.bincount(flat, minlength=n_classes**2).reshape(n_classes, n_classes)


def confusion(counts: ArrayLike, classes: Sequence[str], level: float = ONE_SIGMA, method: Method = "clopper-pearson") -> Confusion:
    """Everything that a confusion matrix tells, each fraction with its interval; NaN where a class has no events."""
    table = np.asarray(counts, np.int64)
    size, diagonal = len(classes), np.diagonal(table)
    true, predicted = table.sum(axis=1), table.sum(axis=0)
    recall, precision = rates(diagonal, true, level, method), rates(diagonal, predicted, level, method)
    seen = [one.value for one in recall if one.total > 0]

    def matrix(totals: NDArray) -> list[list[Rate]]:
        flat = rates(table, totals, level, method)
        return [flat[row * size : (row + 1) * size] for row in range(size)]

    return Confusion(
        classes=list(classes),
        counts=table.tolist(),
        recall=recall,
        precision=precision,
        recall_matrix=matrix(true[:, None]),
        precision_matrix=matrix(predicted[None, :]),
        f1=_divide(2.0 * diagonal, true + predicted).tolist(),
        accuracy=rate(int(diagonal.sum()), int(table.sum()), level, method),
        balanced_accuracy=float(np.mean(seen)) if seen else math.nan,
        kappa=cohen_kappa(table),
        mcc=matthews_correlation(table),
        mutual_information_bits=mutual_information_bits(table),
        pairs=[pair_table(table, classes, *pair) for pair in itertools.combinations(range(size), 2) if true[list(pair)].all()],
        one_versus_rest=[one_versus_rest(table, classes, index, level, method) for index in range(size) if 0 < true[index] < true.sum()],
    )


def weighted_confusion(found: Confusion, labels: ArrayLike, predictions: ArrayLike, weights: ArrayLike, level: float = ONE_SIGMA) -> Confusion:
    """``found`` (of the same events) with fractions of weight in place of fractions of events, by Wilson at the effective number of events.

    Counts, and what is computed from them (F1, kappa, tests), stay numbers of events.
    """
    true, predicted, size = np.asarray(labels, np.int64), np.asarray(predictions, np.int64), len(found.classes)

    def matrix(group: NDArray, other: NDArray) -> list[list[Rate]]:
        """Of the weight of each class in ``group``, the share that ``other`` puts into each class."""
        return [weighted_rates(other == code, weights, group, size, level) for code in range(size)]

    recall = weighted_rates(predicted == true, weights, true, size, level)
    seen = [one.value for one in recall if one.total > 0]
    return replace(
        found,
        recall=recall,
        precision=weighted_rates(predicted == true, weights, predicted, size, level),
        recall_matrix=[list(row) for row in zip(*matrix(true, predicted), strict=True)],
        precision_matrix=matrix(predicted, true),
        accuracy=weighted_rate(predicted == true, weights, level),
        balanced_accuracy=float(np.mean(seen)) if seen else math.nan,
    )


def cohen_kappa(table: NDArray) -> float:
    """Agreement beyond chance, (p_o - p_e) / (1 - p_e) (J. Cohen, Educ. Psychol. Meas. 20 (1960) 37)."""
    n = table.sum()
    by_chance = float((table.sum(axis=1) * table.sum(axis=0)).sum()) / n**2
    return float(_divide(np.trace(table) / n - by_chance, 1.0 - by_chance))


def matthews_correlation(table: NDArray) -> float:
    """Correlation of true and predicted class for any number of classes (J. Gorodkin, Comput. Biol. Chem. 28 (2004) 367); 0 if one is constant."""
    n, true, predicted = float(table.sum()), table.sum(axis=1).astype(float), table.sum(axis=0).astype(float)
    covariance = np.trace(table) * n - true @ predicted
    spread = math.sqrt((n**2 - predicted @ predicted) * (n**2 - true @ true))
    return float(covariance / spread) if spread > 0 else 0.0


def mutual_information_bits(table: NDArray) -> float:
    """Information on the true class in the predicted one, bits; 0 for a prediction that ignores the class."""
    joint = table / table.sum()
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    return max(float((xlogy(joint, joint) - xlogy(joint, product)).sum()), 0.0) / math.log(2.0)


def pair_table(table: NDArray, classes: Sequence[str], first: int, second: int) -> PairTable:
    """Two classes against their two predictions: odds ratio and Fisher's exact test; and their rows over all predictions: chi-square.

    The one-point AUC is (1 + TPR - FPR) / 2 of the second class against the first, among events predicted as one of the two.
    """
    square = table[np.ix_([first, second], [first, second])]
    chi2, degrees, p = homogeneity(table[[first, second]])
    share = _divide(square[:, 1], square.sum(axis=1))
    odds = square[0, 0] * square[1, 1], square[0, 1] * square[1, 0]
    return PairTable(
        classes=(classes[first], classes[second]),
        table=square.tolist(),
        odds_ratio=math.inf if odds[1] == 0 < odds[0] else float(_divide(*odds)),
        fisher_p=float(fisher_exact(square).pvalue),
        one_point_auc=float(0.5 * (1.0 + share[1] - share[0])),
        chi2=chi2,
        degrees_of_freedom=degrees,
        chi2_p=p,
    )


def one_versus_rest(table: NDArray, classes: Sequence[str], index: int, level: float, method: Method) -> OneVersusRest:
    """One class against all others together."""
    others = np.arange(len(classes)) != index
    hit = rate(int(table[index, index]), int(table[index].sum()), level, method)
    false = rate(int(table[others, index].sum()), int(table[others].sum()), level, method)
    return OneVersusRest(classes[index], hit, false, 0.5 * (1.0 + hit.value - false.value))


def homogeneity(table: NDArray) -> tuple[float, int, float]:
    """Pearson's chi-square that all rows have one distribution over the columns: statistic, degrees of freedom, asymptotic p-value.

    Rows and columns without entries do not count; with fewer than two of either there is nothing to test: (0, 0, 1).
    """
    used = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    degrees = (used.shape[0] - 1) * (used.shape[1] - 1)
    if degrees <= 0:
        return 0.0, 0, 1.0
    expected = used.sum(axis=1, keepdims=True) * used.sum(axis=0, keepdims=True) / used.sum()
    chi2 = float(((used - expected) ** 2 / expected).sum())
    return chi2, degrees, float(chdtrc(degrees, chi2))


def _divide(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    """Quotient, NaN where the denominator is zero."""
    top, bottom = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    return np.divide(top, bottom, out=np.full(top.shape, math.nan), where=bottom != 0)
