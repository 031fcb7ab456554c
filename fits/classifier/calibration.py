"""Are probabilities what they say: reliability in equal-count bins, Brier score, log-loss, expected calibration error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fits.classifier.binomial import ONE_SIGMA, Method, rates
from records.performance import Calibration, ScoreQuality

BINS = 10
FLOOR = np.finfo(float).tiny


def calibration(
    name: str, probability: ArrayLike, is_class: ArrayLike, level: float = ONE_SIGMA, method: Method = "clopper-pearson", bins: int = BINS
) -> Calibration:
    """Reliability of one class: ``probability`` (n,) against ``is_class`` bool (n,), in ``bins`` bins of equal count.

    The Brier score is mean (p - y)^2 (G. Brier, Mon. Weather Rev. 78 (1950) 1); the expected calibration error is the mean over bins of
    |mean p - observed fraction|, weighted by counts.
    """
    p, truth = np.asarray(probability, float), np.asarray(is_class, bool)
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if part.size]
    means = np.array([p[part].mean() for part in parts])
    observed = rates([int(truth[part].sum()) for part in parts], [part.size for part in parts], level, method)
    gaps = np.abs(means - [one.value for one in observed])
    error = float(np.average(gaps, weights=[part.size for part in parts])) if parts else np.nan
    return Calibration(name, means.tolist(), observed, float(np.mean((p - truth) ** 2)), error)


def score_quality(
    softmax: NDArray[np.float64], labels: NDArray[np.int64], classes: Sequence[str], level: float = ONE_SIGMA, method: Method = "clopper-pearson"
) -> ScoreQuality:
    """Log-loss and Brier score of a whole softmax (n, classes), and the reliability of each class. A probability 0 counts as the smallest float."""
    chosen = softmax[np.arange(len(labels)), labels]
    truth = labels[:, None] == np.arange(len(classes))
    return ScoreQuality(
        log_loss=float(-np.log(np.maximum(chosen, FLOOR)).mean()),
        brier=float(((softmax - truth) ** 2).sum(axis=1).mean()),
        calibration=[calibration(name, softmax[:, column], truth[:, column], level, method) for column, name in enumerate(classes)],
    )
