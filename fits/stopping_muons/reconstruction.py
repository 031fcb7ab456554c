"""Figures of merit of the selection: purity, efficiency and ROC of the stopping score; muons at entry by score cut. Errors from sums of w^2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from records.stopping_muons import Multiplicity, ScorePerformance

Array = NDArray[np.float64]

STOPPING, OTHER = "stopping", "other"  # classes of simulated events


def score_performance(score: Any) -> ScorePerformance:
    """Of a histogram (``score``, ``class``) of simulated events with variances; cuts are the lower edges of its bins.

    Purity is the stopping share of what passes, efficiency the passing share of what stops, the false-positive rate that of what does not stop. The
    area under the ROC curve counts events in the same bin as half. ``suggested_cut``: the largest product of purity and efficiency. A purity where
    nothing passes is NaN. InputError unless there are events of both classes.
    """
    edges = np.asarray(score.axes["score"].edges, float)
    stopping, other = (_with_last_flow(score[{"class": name}]) for name in (STOPPING, OTHER))
    if not (stopping[0].sum() > 0 and other[0].sum() > 0):
        raise InputError("stopping score: simulated events that stop and others are both needed; check is_stopping (labels) and the weights")
    passing, background = _above(stopping), _above(other)
    purity, purity_error = _share(passing, background)
    efficiency, efficiency_error = _share(passing, stopping.sum(axis=1, keepdims=True) - passing)
    auc, auc_error = _auc(stopping, other)
    product = np.nan_to_num(purity * efficiency, nan=-1.0)
    return ScorePerformance(
        cut=edges[:-1].tolist(),
        purity=purity.tolist(),
        purity_error=purity_error.tolist(),
        efficiency=efficiency.tolist(),
        efficiency_error=efficiency_error.tolist(),
        false_positive_rate=(background[0] / other[0].sum()).tolist(),
        auc=auc,
        auc_error=auc_error,
        suggested_cut=float(edges[int(np.argmax(product))]),
    )


def multiplicity(muons: Any) -> Multiplicity:
    """Shares of events with 1, 2, 3 ... muons at entry (last: as many as the axis ends with, or more) among those with score >= cut.

    ``muons``: histogram (``muons``, ``score_cut``) with variances, whose second axis holds the score interval of each event; its lower edges are the
    cuts. Shares where nothing passes are NaN.
    """
    cuts = np.asarray(muons.axes["score_cut"].edges, float)[:-1]
    cells = np.stack([muons.values(flow=True), muons.variances(flow=True)])
    cells = _merge_last(_without_underflow(cells, muons.axes["score_cut"], 2), muons.axes["score_cut"], 2)
    cells = _without_underflow(cells, muons.axes["muons"], 1)  # the overflow stays as the last share
    above = np.flip(np.cumsum(np.flip(cells, axis=2), axis=2), axis=2)
    share, error = _share(above, above.sum(axis=1, keepdims=True) - above)
    return Multiplicity(cuts.tolist(), share.T.tolist(), error.T.tolist())


def _with_last_flow(one: Any) -> Array:
    """Values and variances (2, bins); what overflows belongs to the last bin, as a score of exactly 1 does."""
    cells = np.stack([one.values(flow=True), one.variances(flow=True)])
    return _merge_last(_without_underflow(cells, one.axes[0], 1), one.axes[0], 1)


def _without_underflow(cells: Array, axis: Any, place: int) -> Array:
    return np.delete(cells, 0, axis=place) if axis.traits.underflow else cells


def _merge_last(cells: Array, axis: Any, place: int) -> Array:
    """The overflow added to the last bin."""
    if not axis.traits.overflow:
        return cells
    inside, over = np.split(cells, [-1], axis=place)
    index = [slice(None)] * cells.ndim
    index[place] = slice(-1, None)
    merged = inside.copy()
    merged[tuple(index)] += over
    return merged


def _above(cells: Array) -> Array:
    """Sums over each bin and all above (2, bins)."""
    return np.flip(np.cumsum(np.flip(cells, axis=1), axis=1), axis=1)


def _share(one: Array, rest: Array) -> tuple[Array, Array]:
    """one / (one + rest) with its error, of (values, variances) that are independent: var = ((1-p)^2 V_one + p^2 V_rest) / total^2."""
    total = one[0] + rest[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(total > 0, one[0] / total, np.nan)
        variance = ((1 - share) ** 2 * one[1] + share**2 * np.maximum(rest[1], 0.0)) / total**2
    return share, np.sqrt(variance)


def _auc(stopping: Array, other: Array) -> tuple[float, float]:
    """P(score of a stopping event > of another one) + half of ties, and its error from both samples (DeLong et al., Biometrics 44 (1988) 837)."""
    (w, s2), (v, t2) = stopping, other
    beaten = (np.cumsum(v) - 0.5 * v) / v.sum()  # share of others below a stopping event of each bin
    beating = 1.0 - (np.cumsum(w) - 0.5 * w) / w.sum()
    auc = float(w @ beaten / w.sum())
    variance = s2 @ (beaten - auc) ** 2 / w.sum() ** 2 + t2 @ (beating - auc) ** 2 / v.sum() ** 2
    return auc, float(np.sqrt(variance))
