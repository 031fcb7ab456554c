"""Efficiency at a fixed rejection of a background: one cut for all events, or one in each bin of a variable."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fits.classifier.binomial import ONE_SIGMA, Method, rates, weighted_rates
from fits.classifier.roc import need_both
from records.performance import Rate, RatesByBin, WorkingPoint

Mode = Literal["global", "per_bin"]

# Bins of the published performance curves (lbidulka/WatChMaL_ResNet_Analysis): column -> (width, first edge, last edge); null: the data's own.
BINS: dict[str, tuple[float, float | None, float | None]] = {
    "evis": (50.0, 0.0, None),
    "momentum": (50.0, 0.0, None),
    "towall": (50.0, 0.0, 1000.0),
    "dwall": (15.0, 0.0, 300.0),
    "cos_zenith": (0.1, -1.0, 1.0),
    "azimuth": (math.pi / 10.0, -math.pi, math.pi),
}


@dataclass(frozen=True)
class Scores:
    """Score (higher means signal) and event columns of one class; with a column ``weight`` events count with it."""

    score: NDArray[np.float64]
    columns: Mapping[str, NDArray]

    @property
    def weight(self) -> NDArray | None:
        """The weights of the events, where they have any."""
        return self.columns.get("weight")

    def take(self, chosen: NDArray) -> Scores:
        """Some of the events."""
        return Scores(self.score[chosen], {name: values[chosen] for name, values in self.columns.items()})


def cut_for_rejection(background: ArrayLike, rejection: float, weights: ArrayLike | None = None) -> float:
    """The lowest background score with at least ``rejection`` of the background at or below it; events pass strictly above.

    >>> cut_for_rejection([1, 2, 3, 4, 5], 0.8)
    4.0
    """
    return float(
        np.quantile(np.asarray(background, float), rejection, method="inverted_cdf", weights=None if weights is None else np.asarray(weights, float))
    )


def passing_rates(scores: Scores, cuts: NDArray, group: NDArray, level: float, method: Method) -> list[Rate]:
    """Fraction of the events of each group whose score is above the group's cut; with weights by Wilson at their effective number."""
    above = scores.score > cuts[group]
    if scores.weight is not None:
        return weighted_rates(above, scores.weight, group, len(cuts), level)
    return rates(np.bincount(group[above], minlength=len(cuts)), np.bincount(group, minlength=len(cuts)), level, method)


def bin_edges(variable: str, values: ArrayLike) -> NDArray[np.float64]:
    """Edges of the published binning of a variable; where an end is open the last bin holds the largest value.

    Raises ``KeyError`` for a variable without published bins.
    """
    width, first, last = BINS[variable]
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    start = 0.0 if first is None else first
    stop = last if last is not None else start + width * max(math.ceil((finite.max(initial=start) - start) / width), 1)
    return np.linspace(start, stop, round((stop - start) / width) + 1)


def bin_number(values: ArrayLike, edges: ArrayLike) -> NDArray[np.int64]:
    """Bin of each value; the last bin includes its upper edge; -1 outside and for NaN.

    >>> bin_number([0.0, 1.0, 2.0, 2.1], [0, 1, 2]).tolist()
    [0, 1, 1, -1]
    """
    array, borders = np.asarray(values, float), np.asarray(edges, float)
    number = np.searchsorted(borders, array, side="right") - 1
    number[array == borders[-1]] = len(borders) - 2
    return np.where((array >= borders[0]) & (array <= borders[-1]), number, -1)


def rates_by_bin(
    signal: Scores,
    background: Scores,
    variable: str,
    edges: ArrayLike,
    cut: float | None,
    rejection: float,
    level: float = ONE_SIGMA,
    method: Method = "clopper-pearson",
) -> RatesByBin:
    """Efficiency and mis-identification in bins of ``variable``; ``cut`` None: the cut that rejects as asked in each bin.

    A bin without background has no cut of its own (NaN) and no rates.
    """
    borders = np.asarray(edges, float)
    bins_s, bins_b = bin_number(signal.columns[variable], borders), bin_number(background.columns[variable], borders)
    size = len(borders) - 1
    cuts = np.full(size, math.nan if cut is None else cut)
    if cut is None:
        for number in np.unique(bins_b[bins_b >= 0]):
            inside = background.take(bins_b == number)
            cuts[number] = cut_for_rejection(inside.score, rejection, inside.weight)

    def passing(scores: Scores, bins: NDArray) -> list[Rate]:
        inside = (bins >= 0) & ~np.isnan(cuts[bins])
        return passing_rates(scores.take(inside), cuts, bins[inside], level, method)

    return RatesByBin(variable, borders.tolist(), cuts.tolist(), passing(signal, bins_s), passing(background, bins_b))


def working_point(
    signal: Scores,
    background: Scores,
    names: tuple[Sequence[str], str],
    rejection: float,
    mode: Mode = "global",
    level: float = ONE_SIGMA,
    method: Method = "clopper-pearson",
) -> WorkingPoint:
    """The cut that rejects a background as asked, its efficiency, and curves against every variable of ``BINS`` that both classes have."""
    need_both(signal.score, background.score, ("+".join(names[0]), names[1]))
    cut = cut_for_rejection(background.score, rejection, background.weight)
    curves = {}
    for variable in BINS:
        if variable in signal.columns and variable in background.columns:
            edges = bin_edges(variable, np.concatenate([signal.columns[variable], background.columns[variable]]))
            fixed = cut if mode == "global" else None
            curves[variable] = rates_by_bin(signal, background, variable, edges, fixed, rejection, level, method)
    efficiency, false = (passing_rates(one, np.array([cut]), np.zeros(len(one.score), int), level, method)[0] for one in (signal, background))
    return WorkingPoint(
        signal=list(names[0]),
        background=names[1],
        rejection=rejection,
        mode=mode,
        cut=cut,
        efficiency=efficiency,
        misidentification=false,
        curves=curves,
    )
