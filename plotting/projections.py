"""From expectations in analysis bins to projections along one axis, with the uncertainty of the sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fits.bins import Bin
from fits.intervals import poisson_interval
from fits.model import Model
from fits.official_model import OfficialModel
from plotting.canvas import Array
from plotting.stack import Projection
from records.results import FitResult

ALL = "all"


@dataclass(frozen=True)
class Expectation:
    """What one model expects at one point of its parameters, in its bins.

    ``components``: name -> (bins,); ``gradient``: (parameters, bins); ``covariance``: (parameters, parameters) of the fit, null before it;
    ``variance``: (bins,) sum of squared weights of the simulation, null where the response knows none; ``counts``: (bins,) data or null.
    """

    bins: tuple[Bin, ...]
    components: Mapping[str, Array]
    gradient: Array
    covariance: Array | None = None
    variance: Array | None = None
    counts: Array | None = None

    @classmethod
    def of(cls, model: Model | OfficialModel, theta: ArrayLike, *, fit: FitResult | None = None, counts: ArrayLike | None = None) -> Expectation:
        """Evaluate ``model`` (in all its bins) at ``theta``; the covariance is that of ``fit``."""
        return cls(
            model.response.bins,
            model.components(theta),
            model.mu_and_gradient(theta)[1],
            None if fit is None else covariance(fit),
            model.variance(theta) if model.has_variance else None,
            None if counts is None else np.asarray(counts, float),
        )

    def channels(self, third_axis: str | None = None) -> list[str]:
        """Channels in the order of the bins; only those with more than one bin along ``third_axis`` if one is named."""
        names = list(dict.fromkeys(one.channel for one in self.bins))
        if third_axis is None:
            return names
        spans = {name: {one.third for one in self.bins if one.channel == name and one.third_axis == third_axis} for name in names}
        return [name for name in names if len(spans[name]) > 1]

    def along(self, axis: str, channels: list[str], title: str = "") -> Projection:
        """Sum everything but ``axis`` ("energy", "reco_coszen", "reco_length") over the bins of ``channels``.

        The band is the 68 % interval of the sum: the covariance of the fit propagated linearly, plus the simulation's own variance.
        """
        intervals = [self._interval(one, axis) if one.channel in channels else None for one in self.bins]
        edges = np.unique([end for interval in intervals if interval is not None for end in interval])
        rows = np.zeros((len(edges) - 1, len(self.bins)))
        for column, interval in enumerate(intervals):
            if interval is not None:
                rows[np.searchsorted(edges, interval[0]), column] = 1.0
        counts = None if self.counts is None else rows @ self.counts
        components = {name: rows @ values for name, values in self.components.items()}
        return Projection(edges, components, counts, None if counts is None else count_bars(counts), self._band(rows, components), title)

    def _interval(self, one: Bin, axis: str) -> tuple[float, float] | None:
        return one.energy_gev if axis == "energy" else one.third if one.third_axis == axis else None

    def _band(self, rows: Array, components: Mapping[str, Array]) -> tuple[Array, Array] | None:
        if self.covariance is None and self.variance is None:
            return None
        total = np.sum(list(components.values()), axis=0)
        variance = np.zeros(len(rows)) if self.variance is None else rows @ self.variance
        if self.covariance is not None:
            slopes = rows @ self.gradient.T
            variance = variance + np.einsum("bi,ij,bj->b", slopes, self.covariance, slopes)
        sigma = np.sqrt(np.maximum(variance, 0.0))
        return np.maximum(total - sigma, 0.0), total + sigma


def covariance(fit: FitResult) -> Array:
    """Covariance of a fit's parameters from its correlations and errors; fixed parameters have none."""
    errors = np.array([0.0 if one.fixed else one.error for one in fit.parameters.values()])
    return np.nan_to_num(np.asarray(fit.correlation, float)) * np.outer(np.nan_to_num(errors), np.nan_to_num(errors))


def count_bars(counts: ArrayLike) -> tuple[Array, Array]:
    """Ends of the 68.27 % unified interval of each count (Feldman-Cousins without background): a count of 0 has an upper end.

    >>> low, high = count_bars([0, 1])
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.0, 0.37], [1.29, 2.75])
    """
    ends = np.array([poisson_interval(round(count)) for count in np.asarray(counts, float)]).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]
