"""Do generated events have the hits of real ones: mean, median and spread of the number of hits in slices of energy, and its distribution.

Real events are known for electrons one by one, for the other particles by a published table (``data_info.iwcd_tables``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, chi2_contingency, ks_2samp

from configs.errors import TooFewEvents
from data_info.iwcd_tables import MEAN_HITS, SOURCE, HitsByEnergy, hits_by_energy
from records.generator import GeneratorResult, HitsComparison, ShapeTest

Array = NDArray[np.float64]

REAL_PARTICLE = "e-"  # whose real events are public one by one
FEWEST = 10  # generated events of a slice
SHAPE_BINS, SHAPE_BINS_ALL = 12, 40  # of a slice, of all energies
EXPECTED_AT_LEAST = 10  # events of a bin of the chi-square test, both samples together


def compare_hits(columns: Mapping[str, ArrayLike], real: Mapping[str, ArrayLike] | None = None) -> GeneratorResult:
    """Compare every particle that the table knows. ``columns``: particle, energy (total, MeV), nhits; ``real``: energy and nhits of electrons.

    Raises TooFewEvents where a slice has fewer than ten events of a particle.
    """
    particle, energy, nhits = (np.asarray(columns[name]) for name in ("particle", "energy", "nhits"))
    found = {}
    for name, table in hits_by_energy().items():
        mine = particle == name
        if mine.any():
            sample = energy[mine].astype(float), nhits[mine].astype(float)
            known = None if real is None or name != REAL_PARTICLE else (np.asarray(real["energy"], float), np.asarray(real["nhits"], float))
            found[name] = _compared(name, sample, table, known)
    if not found:
        raise TooFewEvents(f"generator: no particle of the published table ({', '.join(hits_by_energy())}) among the events")
    return GeneratorResult(found, SOURCE)


def slices_of(energy_mev: Array, table: HitsByEnergy) -> NDArray[np.int64]:
    """Number of the slice of each event: energy above the smallest of the sample; what lies above the last slice belongs to it."""
    return np.clip(np.searchsorted(table.low_mev, energy_mev - energy_mev.min(), side="right") - 1, 0, len(table.low_mev) - 1)


def _compared(name: str, sample: tuple[Array, Array], table: HitsByEnergy, real: tuple[Array, Array] | None) -> HitsComparison:
    energy, nhits = sample
    number = slices_of(energy, table)
    parts = [nhits[number == i] for i in range(len(table.low_mev))]
    if (fewest := min(map(len, parts))) < FEWEST:
        raise TooFewEvents(f"generator: a slice of energy has {fewest} events of {name}, {FEWEST} are needed; give more events")
    n, mean = np.array([len(one) for one in parts]), np.array([one.mean() for one in parts])
    spread = np.array([one.std(ddof=1) for one in parts])
    error, real_error = spread / np.sqrt(n), spread / np.sqrt(table.events)
    statistic = float(np.sum((mean - table.mean) ** 2 / (error**2 + real_error**2)))
    ratio = mean / table.mean
    shapes = [] if real is None else [shape_test(real[1][slices_of(real[0], table) == i], one) for i, one in enumerate(parts)]
    return HitsComparison(
        low_mev=table.low_mev.tolist(), high_mev=table.high_mev.tolist(), n_real=table.events.tolist(), mean_real=table.mean.tolist(),
        mean_real_error=real_error.tolist(), median_real=table.median.tolist(), q95_real=table.q95.tolist(), n=n.tolist(), mean=mean.tolist(),
        mean_error=error.tolist(), median=[float(np.median(one)) for one in parts], q95=[float(np.quantile(one, 0.95)) for one in parts],
        ratio=ratio.tolist(), ratio_error=(ratio * np.hypot(error / mean, real_error / table.mean)).tolist(), chi2=statistic,
        chi2_p=float(chi2.sf(statistic, len(n))), total_mean=float(nhits.mean()), total_mean_error=float(nhits.std(ddof=1) / np.sqrt(len(nhits))),
        total_mean_real=MEAN_HITS[name][0], total_mean_real_error=MEAN_HITS[name][1], zero_fraction=float(np.mean(nhits == 0)),
        largest_deviation=float(np.max(np.abs(ratio - 1.0))), shapes=shapes,
        shape=None if real is None else shape_test(real[1], nhits, SHAPE_BINS_ALL),
        zero_fraction_real=None if real is None else float(np.mean(real[1] == 0)),
    )  # fmt: skip


def shape_test(real: Array, generated: Array, bins: int = SHAPE_BINS) -> ShapeTest:
    """Both tests; equal bins up to the largest number of hits, for the chi-square joined until both samples have ten events in one."""
    edges = np.linspace(0.0, max(float(real.max()), float(generated.max())) + 1.0, bins + 1)
    counts = np.array([np.histogram(one, edges)[0] for one in (real, generated)], float)
    test = chi2_contingency(joined(counts), correction=False)
    ks = ks_2samp(real, generated)
    return ShapeTest(
        float(ks.statistic), float(ks.pvalue), float(test.statistic), int(test.dof), float(test.pvalue), edges.tolist(), *counts.tolist()
    )


def joined(counts: Array) -> Array:
    """Neighbouring bins (samples, bins) joined from the left until each holds ten events; the rest goes to the last.

    >>> joined(np.array([[4.0, 4.0, 9.0, 1.0], [4.0, 4.0, 9.0, 1.0]])).tolist()
    [[8.0, 10.0], [8.0, 10.0]]
    """
    starts, filled = [0], 0.0
    for place, total in enumerate(counts.sum(axis=0)):
        filled += total
        if filled >= EXPECTED_AT_LEAST:
            starts.append(place + 1)
            filled = 0.0
    starts = starts[:-1] if starts[-1] == counts.shape[1] or filled < EXPECTED_AT_LEAST else starts
    return np.add.reduceat(counts, starts, axis=1)
