"""Flux of atmospheric muons at the surface: Gaisser's formula with an effective cosine, coefficients after Chirkin, hep-ph/0407078."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Chirkin, hep-ph/0407078: effective cosine of the zenith angle at production.
P1, P2, P3, P4, P5 = 0.102573, -0.068287, 0.958633, 0.0407253, 0.817285


def effective_cosine(cos_zenith: ArrayLike) -> Array:
    """Cosine of the zenith angle where the muon was made, on a curved earth."""
    c = np.asarray(cos_zenith, float)
    return np.sqrt((c**2 + P1**2 + P2 * c**P3 + P4 * c**P5) / (1 + P1**2 + P2 + P4))


def surface_flux(energy_gev: ArrayLike, cos_zenith: ArrayLike) -> Array:
    """Gaisser's flux of mu+ and mu- in GeV^-1 m^-2 s^-1 sr^-1.

    >>> (surface_flux([1e3, 1e4], [1.0, 0.5]) * [1e6, 1e10]).round(4).tolist()
    [1.3143, 6.1158]
    """
    energy, c = np.asarray(energy_gev, float), effective_cosine(cos_zenith)
    return 0.14e4 * energy**-2.7 * (1 / (1 + 1.1 * energy * c / 115) + 0.054 / (1 + 1.1 * energy * c / 850))
