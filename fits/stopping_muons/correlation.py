"""How well a quantity is reconstructed, from a histogram (``true``, ``reco``) of selected stopping events: medians, bands, weighted correlations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from records.stopping_muons import CorrelationSummary

Array = NDArray[np.float64]

BAND = (0.16, 0.5, 0.84)


def correlation_summary(correlation: Any) -> CorrelationSummary:
    """By true bin: median and 16/84 % of the reconstructed value, bias (median - centre) and resolution (half the band), in the quantity's unit.

    Quantiles are linear within a bin and count what lies beyond the axis: NaN where they fall there, and in true bins without events. Pearson's
    correlation is of bin centres in the coordinate in which bins are equal (of logarithms where they are), Spearman's of mean ranks, both weighted;
    what lies beyond an axis counts one bin outside it. InputError without events.
    """
    true, reco = (correlation.axes[name] for name in ("true", "reco"))
    cells = np.asarray(correlation.values(flow=True), float)[slice(*_inside(true))]
    first = _inside(reco)[0]
    everything = np.maximum(np.asarray(correlation.values(flow=True), float), 0.0)
    if not everything[slice(*_inside(true)), slice(*_inside(reco))].sum() > 0:
        raise InputError("correlation of true and reconstructed values: no event inside the axes; check the labels and the cuts")
    low, median, high = (_quantiles(cells, first, np.asarray(reco.edges, float), share) for share in BAND)
    x, y = _coordinate(true), _coordinate(reco)
    centres = _centres(np.asarray(true.edges, float))
    return CorrelationSummary(
        centres=centres.tolist(),
        median=median.tolist(),
        low=low.tolist(),
        high=high.tolist(),
        bias=(median - centres).tolist(),
        resolution=(0.5 * (high - low)).tolist(),
        pearson=_pearson(everything, x, y),
        spearman=_pearson(everything, _mean_rank(everything.sum(axis=1)), _mean_rank(everything.sum(axis=0))),
    )


def _inside(axis: Any) -> tuple[int, int]:
    """Bins in range among those with flow."""
    first = int(axis.traits.underflow)
    return first, first + len(axis)


def _quantiles(cells: Array, first: int, edges: Array, share: float) -> Array:
    """Quantile of each row; ``first``: bins below the axis."""
    counts = np.maximum(cells, 0.0)
    total = counts.sum(axis=1)
    reached = np.cumsum(counts, axis=1)
    found = np.full(len(cells), np.nan)
    for row in np.flatnonzero(total > 0):
        aim = share * total[row]
        bin_ = int(np.searchsorted(reached[row], aim, side="left")) - first
        if 0 <= bin_ < edges.size - 1:
            inside = counts[row, bin_ + first]
            found[row] = edges[bin_] + (1 - (reached[row, bin_ + first] - aim) / inside) * (edges[bin_ + 1] - edges[bin_])
    return found


def _logarithmic(edges: Array) -> bool:
    """Whether bins are more equal in the logarithm."""
    if edges[0] <= 0:
        return False
    spread = [float(np.ptp(np.diff(one)) / np.mean(np.diff(one))) for one in (edges, np.log(edges))]
    return spread[1] < spread[0]


def _centres(edges: Array) -> Array:
    return np.sqrt(edges[:-1] * edges[1:]) if _logarithmic(edges) else 0.5 * (edges[:-1] + edges[1:])


def _coordinate(axis: Any) -> Array:
    """Of each bin of an axis with its flow, in the coordinate in which bins are equal."""
    edges = np.asarray(axis.edges, float)
    values = np.log(_centres(edges)) if _logarithmic(edges) else _centres(edges)
    below, above = [2 * values[0] - values[1]] * axis.traits.underflow, [2 * values[-1] - values[-2]] * axis.traits.overflow
    return np.concatenate([below, values, above])


def _mean_rank(weight: Array) -> Array:
    """Mean rank of each bin's events."""
    return np.asarray(np.cumsum(weight) - 0.5 * weight, float)


def _pearson(cells: Array, x: Array, y: Array) -> float:
    weight = cells / cells.sum()
    along, across = weight.sum(axis=1), weight.sum(axis=0)
    dx, dy = x - along @ x, y - across @ y
    scale = np.sqrt((along @ dx**2) * (across @ dy**2))
    return float(dx @ weight @ dy / scale) if scale > 0 else float("nan")
