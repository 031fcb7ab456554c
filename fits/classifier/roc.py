"""Separation of a signal from a background by a score: AUC with its error, ROC curve with bands, comparison of two scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, logsumexp, ndtr, ndtri
from scipy.stats import kstwo, rankdata

from configs.errors import InputError, TooFewEvents
from fits.classifier.binomial import ONE_SIGMA, Method, interval
from records.performance import RocCurve

CURVE_POINTS = 1000  # kept of a curve; the AUC always uses every event
FLOOR = 1e-300  # of a probability before its logarithm


def logit_score(softmax: ArrayLike, signal: Sequence[int], background: Sequence[int]) -> NDArray[np.float64]:
    """logit(D) of D = sum_S p / (sum_S p + sum_B p), from logarithms of the probabilities; (n, classes) -> (n,).

    Exact where D rounds to one. 0 (D = 1/2) where both sums are zero.

    >>> logit_score([[0.2, 0.6, 0.2]], [1], [0]).round(6).tolist()
    [1.098612]
    """
    logs = np.log(np.maximum(np.asarray(softmax, float), FLOOR))
    return logsumexp(logs[:, list(signal)], axis=1) - logsumexp(logs[:, list(background)], axis=1)


def need_both(signal: ArrayLike, background: ArrayLike, names: tuple[str, str]) -> None:
    """Raise InputError unless both classes have events."""
    there = [name for name, scores in zip(names, (signal, background), strict=True) if np.size(scores)]
    if len(there) < 2:
        raise TooFewEvents(f"a ROC curve needs both classes (found only {there[0] if there else 'none'}): {names[0]} against {names[1]}")


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve and its DeLong error; ``v10`` (signal) and ``v01`` (background) are the placements behind it."""

    value: float
    error: float
    v10: NDArray[np.float64]
    v01: NDArray[np.float64]


def auc(signal: ArrayLike, background: ArrayLike) -> Auc:
    """AUC = P(signal > background) + P(equal)/2 with DeLong's error (E. DeLong et al., Biometrics 44 (1988) 837), in O(n log n).

    Placements from midranks (X. Sun, W. Xu, IEEE Signal Process. Lett. 21 (2014) 1389). The error is NaN with fewer than two events of a
    class. Raises TooFewEvents where a class is empty.

    >>> result = auc([.9, .8, .4], [.7, .3, .2, .1])
    >>> round(result.value, 6), round(result.error, 6)
    (0.916667, 0.117851)
    """
    s, b = np.asarray(signal, float), np.asarray(background, float)
    need_both(s, b, ("signal", "background"))
    together = rankdata(np.concatenate([s, b]))
    v10 = (together[: len(s)] - rankdata(s)) / len(b)
    v01 = 1.0 - (together[len(s) :] - rankdata(b)) / len(s)
    if min(len(s), len(b)) < 2:
        return Auc(float(v10.mean()), math.nan, v10, v01)
    return Auc(float(v10.mean()), math.sqrt(v10.var(ddof=1) / len(s) + v01.var(ddof=1) / len(b)), v10, v01)


@dataclass(frozen=True)
class Comparison:
    """Difference of two AUCs on the same events, its error and two-sided p-value."""

    difference: float
    error: float
    p: float


def compare(first: Auc, second: Auc) -> Comparison:
    """Paired DeLong test of two scores on the same events in the same order; identical placements have p = 1."""
    if len(first.v10) != len(second.v10) or len(first.v01) != len(second.v01):
        raise InputError("a paired comparison of ROC curves needs the same events for both scores")
    variance = np.var(first.v10 - second.v10, ddof=1) / len(first.v10) + np.var(first.v01 - second.v01, ddof=1) / len(first.v01)
    difference, error = first.value - second.value, math.sqrt(float(variance))
    if error == 0.0:
        return Comparison(difference, 0.0, 1.0 if difference == 0.0 else 0.0)
    return Comparison(difference, error, 2.0 * math.exp(log_ndtr(-abs(difference) / error)))


@dataclass(frozen=True)
class Points:
    """Cuts from high to low and the events strictly above each: the first cut is inf (nothing), the last -inf (everything)."""

    cut: NDArray[np.float64]
    signal_above: NDArray[np.int64]
    background_above: NDArray[np.int64]


def roc_points(signal: ArrayLike, background: ArrayLike) -> Points:
    """Every distinct step of the ROC curve; tied scores are one step."""
    s, b = np.sort(np.asarray(signal, float)), np.sort(np.asarray(background, float))
    cut = np.concatenate([[math.inf], np.unique(np.concatenate([s, b]))[::-1], [-math.inf]])
    return Points(cut, len(s) - np.searchsorted(s, cut, side="right"), len(b) - np.searchsorted(b, cut, side="right"))


def roc_curve(
    signal: ArrayLike, background: ArrayLike, names: tuple[Sequence[str], str], level: float = ONE_SIGMA, method: Method = "clopper-pearson"
) -> RocCurve:
    """ROC curve with pointwise intervals on both rates and the half widths of a simultaneous band.

    ``signal`` and ``background``: scores (n,), higher means signal. ``names``: signal classes, background class. A long curve is thinned
    to ``CURVE_POINTS`` steps of equal distance along it; the AUC uses every event.
    """
    need_both(signal, background, ("+".join(names[0]), names[1]))
    n_signal, n_background = np.size(signal), np.size(background)
    area, points = auc(signal, background), roc_points(signal, background)
    keep = _spread(points.signal_above / n_signal + points.background_above / n_background)
    above_s, above_b = points.signal_above[keep], points.background_above[keep]
    efficiency, misidentification = interval(above_s, n_signal, level, method), interval(above_b, n_background, level, method)
    band = simultaneous_half_widths(n_signal, n_background, level)
    return RocCurve(
        signal=list(names[0]),
        background=names[1],
        n_signal=n_signal,
        n_background=n_background,
        auc=area.value,
        auc_error=area.error,
        cut=points.cut[keep].tolist(),
        efficiency=(above_s / n_signal).tolist(),
        misidentification=(above_b / n_background).tolist(),
        efficiency_low=efficiency[0].tolist(),
        efficiency_high=efficiency[1].tolist(),
        misidentification_low=misidentification[0].tolist(),
        misidentification_high=misidentification[1].tolist(),
        band_efficiency=band[0],
        band_misidentification=band[1],
        binormal_efficiency_at_80=binormal_efficiency(area.value, 0.8),
    )


def _spread(distance: NDArray) -> NDArray[np.int64]:
    """First, last and at most CURVE_POINTS steps between, at equal distances along the curve."""
    wanted = np.linspace(distance[0], distance[-1], CURVE_POINTS)
    chosen = np.arange(len(distance)) if len(distance) <= CURVE_POINTS else np.unique(np.searchsorted(distance, wanted))
    return np.unique(np.concatenate([[0], chosen, [len(distance) - 1]]))


def simultaneous_half_widths(n_signal: int, n_background: int, level: float) -> tuple[float, float]:
    """Half widths in efficiency and mis-identification of a band that holds the whole curve (G. Campbell, Stat. Med. 13 (1994) 499).

    Two Kolmogorov-Smirnov bands, each at sqrt(level), so that both hold together at ``level``.
    """
    each = math.sqrt(level)
    return float(kstwo.ppf(each, n_signal)), float(kstwo.ppf(each, n_background))


def binormal_efficiency(area: float, rejection: float) -> float:
    """Efficiency at a rejection for two Gaussians of equal width with this AUC: Phi(sqrt(2) Phi^-1(AUC) + Phi^-1(1 - rejection)).

    >>> [round(binormal_efficiency(area, 0.8), 3) for area in (0.5418, 0.7184, 0.7390)]
    [0.244, 0.49, 0.525]
    """
    return float(ndtr(math.sqrt(2.0) * ndtri(area) + ndtri(1.0 - rejection)))
