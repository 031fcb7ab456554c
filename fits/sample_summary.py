"""Event table and cut flow of a data set -> its summary by particle."""

from __future__ import annotations

from collections.abc import Mapping

import hist
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import pearsonr, spearmanr

from records.samples import Distribution, ParticleSummary, SampleSummary

Array = NDArray[np.float64]

QUANTILES = (0.05, 0.16, 0.84, 0.95)
COLUMNS = ("particle", "energy", "nhits", "charge")


def sample_summary(dataset: str, columns: Mapping[str, ArrayLike], cutflow: hist.Hist | None = None) -> SampleSummary:
    """Summary of every particle with events. ``columns``: particle, energy (MeV), nhits, charge (p.e.), selected (bool; default: all).

    ``cutflow``: the processor's histogram (particle x cut).
    """
    table = {name: np.asarray(columns[name]) for name in COLUMNS}
    selected = np.asarray(columns.get("selected", np.ones(len(table["particle"]), bool)), bool)
    names, first = np.unique(table["particle"], return_index=True)
    particles = {}
    for name in names[np.argsort(first)]:
        mine = table["particle"] == name
        energy, nhits, charge = (table[column][mine].astype(float) for column in COLUMNS[1:])
        particles[str(name)] = ParticleSummary(
            n=int(mine.sum()), selected=int((mine & selected).sum()), zero_hit=int((nhits == 0).sum()), nhits=distribution(nhits),
            charge_pe=distribution(charge), pearson_nhits=correlation(energy, nhits, "pearson"),
            spearman_nhits=correlation(energy, nhits, "spearman"), pearson_charge=correlation(energy, charge, "pearson"),
            spearman_charge=correlation(energy, charge, "spearman"),
            cut_flow={} if cutflow is None else cuts(cutflow, str(name)),
        )  # fmt: skip
    return SampleSummary(dataset, particles)


def distribution(values: Array) -> Distribution:
    """Mean, its error, median and quantiles of the finite values.

    >>> distribution(np.arange(5.0)).median
    2.0
    """
    values = values[np.isfinite(values)]
    if not values.size:
        return Distribution(np.nan, np.nan, np.nan, {str(share): np.nan for share in QUANTILES})
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan
    quantiles = {str(share): float(value) for share, value in zip(QUANTILES, np.quantile(values, QUANTILES), strict=True)}
    return Distribution(float(values.mean()), error, float(np.median(values)), quantiles)


def correlation(x: Array, y: Array, kind: str) -> float:
    """Pearson's or Spearman's coefficient over the events where both are finite; NaN where one does not vary."""
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 2 or not np.ptp(x[known]) or not np.ptp(y[known]):
        return float("nan")
    return float((pearsonr if kind == "pearson" else spearmanr)(x[known], y[known]).statistic)


def cuts(cutflow: hist.Hist, particle: str) -> dict[str, int]:
    """Events of a particle after each cut; empty for a particle that the histogram does not know."""
    if particle not in list(cutflow.axes[0]):
        return {}
    return {str(cut): int(cutflow[particle, cut]) for cut in cutflow.axes[1]}
