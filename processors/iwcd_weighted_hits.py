"""Histograms of hits whose events have weights: every hit counts with the weight of its event, storage Weight throughout.

Filled by boost-histogram. Sums of weights agree to rounding, not to the last bit, however the events are divided.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import boost_histogram as bh
import hist
import numpy as np
from numpy.typing import NDArray

from physics.tank_geometry import PLACES
from processors.hit_features import PerHit
from processors.iwcd_histograms import Axes
from processors.iwcd_hits import Hits

Array = NDArray[np.float64]


def fill_weighted(
    axes: Mapping[str, Axes], hits: Hits, particle: NDArray[np.int64], time_zero_ns: Array, weight: Array, per_hit: PerHit | None, quantum_pe: float
) -> dict[str, hist.Hist]:
    """Every histogram of ``axes``; ``particle`` (position on the axis, negative: not filled), ``time_zero_ns`` and ``weight`` of each event.

    Charges count as multiples of ``quantum_pe``. Histograms of what hits lack stay empty.
    """
    kept = np.repeat(particle >= 0, hits.counts)
    first, of_hit = np.repeat(particle, hits.counts)[kept], np.repeat(weight, hits.counts)[kept]
    charge = np.rint(hits.charge[kept].astype(np.float64) / quantum_pe) * quantum_pe
    columns: dict[str, tuple[NDArray, Array]] = {"hit_charge": (hits.charge[kept].astype(np.float64), of_hit)}
    if hits.time_ns is not None:
        columns["hit_time"] = (hits.time_ns[kept].astype(np.float64) - np.repeat(time_zero_ns, hits.counts)[kept], of_hit)
    if hits.pmt is not None:
        pmt = hits.pmt[kept]
        columns |= {"occupancy": (pmt, of_hit), "occupancy_charge": (pmt, of_hit * charge)}
        columns |= {"place": (pmt % PLACES, of_hit), "place_charge": (pmt % PLACES, of_hit * charge)}
    if per_hit is not None:
        columns |= {"hit_residual": (_about_median(per_hit.residual_ns, hits.offsets)[kept], of_hit)}
        columns |= {"hit_angle": (per_hit.angle_deg[kept].astype(np.float64), of_hit * charge)}
    return {name: _filled(of_hist, first, *columns[name]) if name in columns else _empty(of_hist) for name, of_hist in axes.items()}


def _empty(axes: Axes) -> hist.Hist:
    return hist.Hist(*axes, storage=hist.storage.Weight())


def _filled(axes: Axes, particle: NDArray, values: NDArray, weight: Array) -> hist.Hist:
    found = _empty(axes)
    names: Any = axes[0]
    number: Any = bh.axis.Integer(0, len(names), underflow=False, overflow=False)  # in place of names, which would be one text for each hit
    values_axis: Any = axes[1]
    counted = bh.Histogram(number, values_axis, storage=bh.storage.Weight()).fill(particle, values, weight=weight)
    found.view(flow=True)[...] = counted.view(flow=True)
    return found


def _about_median(residual_ns: NDArray[np.float32], offsets: NDArray[np.int64]) -> Array:
    centred = residual_ns.astype(np.float64)
    for start, stop in pairwise(offsets):
        if stop > start:
            centred[start:stop] -= np.median(centred[start:stop])
    return centred
