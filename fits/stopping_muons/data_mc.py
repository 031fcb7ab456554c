"""Agreement of data and simulation in one observable: rates, chi-square, and the Kolmogorov and Smirnov test with effective numbers of events."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2 as chi2_distribution
from scipy.stats import kstwo

from configs.errors import InputError
from records.stopping_muons import DataMcAgreement

Array = NDArray[np.float64]


def data_mc_agreement(data: Any, simulation: Any, livetime_s: float, *, area_normalised: bool = False) -> DataMcAgreement:
    """Compare histograms of one axis: ``data`` in counts of ``livetime_s``, ``simulation`` in Hz with variances.

    chi2 = sum (d - m)^2/(s_d^2 + s_m^2) over bins where either has events; s_d^2 is the count, and the expected count where there is none.
    ``area_normalised`` scales the simulation to the data, which takes one degree of freedom. KS: n_eff = (sum w)^2/sum w^2 of both; binned, so its
    p-value is at least as large as that of the events. Rates count events beyond the axis too, the tests do not. InputError for other bins,
    a livetime that is not positive, or no events.
    """
    if not (math.isfinite(livetime_s) and livetime_s > 0):
        raise InputError(f"data and simulation: livetime {livetime_s} s must be positive")
    if not np.array_equal(data.axes[0].edges, simulation.axes[0].edges):
        raise InputError(f"data and simulation have other bins: {len(data.axes[0])} and {len(simulation.axes[0])}")
    counts, rate, squares = (np.asarray(one, float) for one in (data.values(), simulation.values(), simulation.variances()))
    if not (counts.sum() > 0 and rate.sum() > 0):
        raise InputError(
            f"data and simulation: {counts.sum():g} events and {rate.sum():g} Hz in {data.axes[0].label or data.axes[0].name}; check the cuts"
        )
    scale = counts.sum() / rate.sum() if area_normalised else livetime_s
    chi2, ndf = _chi2(counts, rate * scale, squares * scale**2)
    ndf -= int(area_normalised)
    distance, ks_p_value = _ks(counts, rate, squares)
    return DataMcAgreement(
        rate_data_hz=float(np.sum(data.values(flow=True))) / livetime_s,
        rate_mc_hz=float(np.sum(simulation.values(flow=True))),
        chi2=chi2,
        ndf=ndf,
        p_value=float(chi2_distribution.sf(chi2, ndf)) if ndf > 0 else math.nan,
        ks=distance,
        ks_p_value=ks_p_value,
        area_normalised=area_normalised,
    )


def _chi2(counts: Array, expected: Array, squares: Array) -> tuple[float, int]:
    variance = np.where(counts > 0, counts, np.maximum(expected, 0.0)) + squares
    used = variance > 0
    return float(np.sum((counts - expected)[used] ** 2 / variance[used])), int(used.sum())


def _ks(counts: Array, rate: Array, squares: Array) -> tuple[float, float]:
    """Largest distance of the cumulative distributions at bin edges, and its p-value for n_d n_m/(n_d + n_m) events."""
    distance = float(np.max(np.abs(np.cumsum(counts) / counts.sum() - np.cumsum(rate) / rate.sum())))
    n_data, n_simulated = counts.sum(), rate.sum() ** 2 / squares.sum()
    return distance, float(kstwo.sf(distance, max(1, round(n_data * n_simulated / (n_data + n_simulated)))))
