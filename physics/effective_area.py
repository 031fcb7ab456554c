"""What weighted simulation says of a detector: its effective area, and the livetime that its events are worth."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def effective_area_cm2(weight: ArrayLike, sindec_edges: ArrayLike, energy_edges_gev: ArrayLike, *, types: int = 2) -> Array:
    """Effective area of cells (sin dec, true energy) from the sums of their weights ow (GeV cm^2 sr): sum ow / (types dOmega dE).

    ``types``: kinds of neutrino in the sums; 2 gives the average of neutrinos and antineutrinos. Errors scale alike.

    >>> effective_area_cm2([[4.0 * math.pi]], [-1.0, 1.0], [10.0, 20.0]).tolist()
    [[0.05]]
    """
    solid_angle_sr = 2.0 * math.pi * np.diff(np.asarray(sindec_edges, dtype=np.float64))
    width_gev = np.diff(np.asarray(energy_edges_gev, dtype=np.float64))
    return np.asarray(np.asarray(weight, dtype=np.float64) / (types * np.outer(solid_angle_sr, width_gev)))


def effective_livetime_s(energy_gev: ArrayLike, rate_hz: ArrayLike, edges_gev: ArrayLike, *, pdg: ArrayLike | None = None, code: int = 14) -> Array:
    """Livetime (bins,) after which data would have the simulation's relative statistical error: sum w / sum w^2; NaN in empty bins.

    ``rate_hz``: weights w of the events. With ``pdg`` only those of type ``code`` count, antineutrinos among them.

    >>> effective_livetime_s([5.0, 6.0, 7.0], [0.1, 0.1, 0.2], [0.0, 10.0], pdg=[14, -14, 12]).round(9).tolist()
    [10.0]
    """
    energy, rate = np.asarray(energy_gev, dtype=np.float64), np.asarray(rate_hz, dtype=np.float64)
    kept = np.ones(len(energy), dtype=bool) if pdg is None else np.abs(np.asarray(pdg)) == abs(code)
    sums, squares = (np.histogram(energy[kept], edges_gev, weights=one)[0] for one in (rate[kept], rate[kept] ** 2))
    return np.divide(sums, squares, out=np.full(len(sums), np.nan), where=squares > 0.0)
