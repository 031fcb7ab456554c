"""What a posterior (or toys) predicts for the counts of projections: bands of the expectation and of the counts, and a p-value.

The counts of a bin are a mixture of Poisson distributions, one for each sample of the parameters; its quantiles are exact sums, not throws. The
p-value is the share of samples whose thrown counts lie farther from their expectation than the data (saturated Poisson statistic; X.-L. Meng,
Ann. Statist. 22 (1994) 1142). With a posterior from the same data it is conservative: it crowds around one half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import poisson

from fits.bins import THIRD_AXES, Bin
from fits.goodness import saturated
from fits.minimise import Minimum
from fits.model import Model
from fits.official_model import OfficialModel
from fits.toys import generator
from records.diffuse_predictive import Predicted, PredictiveResult
from records.diffuse_studies import PosteriorResult
from records.results import ToysResult

Array = NDArray[np.float64]

MOST_SAMPLES = 1000  # more do not narrow the bands' own error
SHARE_68, SHARE_95 = 0.6827, 0.9545


def predictive(
    model: Model | OfficialModel,
    minimum: Minimum,
    found: PosteriorResult | ToysResult,
    counts: ArrayLike | None,
    axes: Sequence[str],
    seed: int | None,
) -> PredictiveResult:
    """Bands for the projections of ``axes``, of all topologies and (where topology is one of ``axes``) of each.

    ``model``: in all its bins; ``counts`` (bins,): data, None of an Asimov set; ``found``: samples of the posterior, or of toys their fitted values.
    Parameters that neither holds stay at the minimum.
    """
    posterior = isinstance(found, PosteriorResult)
    columns = found.samples if isinstance(found, PosteriorResult) else found.values
    samples = sampled(model.names, minimum.values, columns)
    expected = np.array([model.expected(theta) for theta in samples])
    random = generator(seed, "predictive")
    shown = {}
    for name, (axis, channels, edges, rows) in projections(model.response.bins, axes).items():
        observed = None if counts is None else rows @ np.asarray(counts, float)
        shown[name] = band(axis, channels, edges, expected @ rows.T, observed, random)
    return PredictiveResult("posterior" if posterior else "toys", len(samples), shown)


def sampled(names: Sequence[str], best: Mapping[str, float], columns: Mapping[str, Sequence[float]]) -> Array:
    """Samples (samples, parameters) in the order of ``names``, at most ``MOST_SAMPLES``, evenly taken."""
    length = len(next(iter(columns.values()), ()))
    table = np.column_stack([columns[name] if name in columns else np.full(length, best[name]) for name in names])
    return table[:: -(-length // MOST_SAMPLES)] if length else table


def projections(bins: Sequence[Bin], axes: Sequence[str]) -> dict[str, tuple[str, list[str], Array, Array]]:
    """Name -> (axis, channels, edges, rows (bins of the projection, bins)): ``energy``, ``energy.cascade``, ``reco_coszen``, ..."""
    found = {}
    for axis, channels in _channels(bins, axes).items():
        found[axis] = (axis, channels, *_rows(bins, axis, channels))
        if "topology" in axes and len(channels) > 1:
            found |= {f"{axis}.{name}": (axis, [name], *_rows(bins, axis, [name])) for name in channels}
    return found


def _channels(bins: Sequence[Bin], axes: Sequence[str]) -> dict[str, list[str]]:
    """Axis -> the channels that have more than one bin along it."""
    every = list(dict.fromkeys(one.channel for one in bins))
    wanted = {"energy": every} if "energy" in axes else {}
    for third in THIRD_AXES if "zenith" in axes else ():
        spans = {name: len({one.third for one in bins if one.channel == name and one.third_axis == third}) for name in every}
        wanted[third] = [name for name, length in spans.items() if length > 1]
    return {axis: channels for axis, channels in wanted.items() if channels}


def _rows(bins: Sequence[Bin], axis: str, channels: Sequence[str]) -> tuple[Array, Array]:
    """Edges, and which bins add to each bin of the projection."""
    intervals = [(one.energy_gev if axis == "energy" else one.third) if one.channel in channels else None for one in bins]
    edges = np.unique([interval for interval in intervals if interval is not None])
    rows = np.zeros((len(edges) - 1, len(bins)))
    for column, interval in enumerate(intervals):
        if interval is not None:
            rows[np.searchsorted(edges, interval[0]), column] = 1.0
    return edges, rows


def band(axis: str, channels: Sequence[str], edges: Array, mu: Array, observed: Array | None, random: np.random.Generator) -> Predicted:
    """One projection: ``mu`` (samples, bins)."""
    low, median, high = np.quantile(mu, [0.5 * (1.0 - SHARE_68), 0.5, 0.5 * (1.0 + SHARE_68)], axis=0)
    (low_68, high_68), (low_95, high_95) = (count_interval(mu, share) for share in (SHARE_68, SHARE_95))
    return Predicted(
        axis=axis, channels=list(channels), edges=edges.tolist(), median=median.tolist(), expected_low=low.tolist(), expected_high=high.tolist(),
        counts_68_low=low_68.tolist(), counts_68_high=high_68.tolist(), counts_95_low=low_95.tolist(), counts_95_high=high_95.tolist(),
        observed=[] if observed is None else observed.tolist(),
        p_value=float("nan") if observed is None else p_value(mu, observed, random),
    )  # fmt: skip


def count_interval(mu: Array, share: float) -> tuple[Array, Array]:
    """Smallest counts (bins,) at which the mixture of Poisson distributions with means ``mu`` (samples, bins) reaches (1 -+ share) / 2.

    >>> [end.tolist() for end in count_interval(np.array([[3.0]]), 0.6827)]
    [[1], [5]]
    """
    most = int(poisson.isf(1e-4, max(float(mu.max(initial=0.0)), 1e-9))) + 1
    numbers = np.arange(most + 1)
    cumulated = np.array([poisson.cdf(numbers[:, None], mu[:, i]).mean(axis=1) for i in range(mu.shape[1])])
    low, high = ((cumulated >= level).argmax(axis=1) for level in (0.5 * (1.0 - share), 0.5 * (1.0 + share)))
    return low, high


def p_value(mu: Array, observed: Array, random: np.random.Generator) -> float:
    """Share of the samples whose thrown counts are no closer to their expectation than ``observed`` (bins,)."""
    thrown = random.poisson(mu)
    return float(np.mean([saturated(own, one) >= saturated(observed, one) for own, one in zip(thrown, mu, strict=True)]))
