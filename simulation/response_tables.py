"""Functions of the surrogate HESE response shared by the tabulated response and the event generator.

Angle, energy kernel and topology as in the recipe of the specification (section 7, steps 1 to 4). They rest on ``data_info.hese_tables``.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr

from data_info.hese_tables import TRUE_CENTRES_GEV, TRUE_EDGES_GEV, HeseTables

Array = NDArray[np.float64]

CHANNELS = ("cascade", "track", "dcascade")
# P(channel | flavour), rows electron, muon, tau [convention, from the shapes of the release's detector tables].
TRACK_FRACTION = np.array([0.02, 0.70, 0.10])
DCASCADE_FRACTION = np.array([0.01, 0.01, 0.06])
CASCADE_SMEARING_RAD = np.deg2rad(8.0)  # Rayleigh parameter of the angle between true and reconstructed direction
TRACK_SMEARING_RAD = np.deg2rad(1.0)
TRACK_Y_MAX = 0.12  # largest log10(E_deposited / E_neutrino) of a track


def topology_fractions() -> dict[str, Array]:
    """P(channel | flavour) as channel -> (3,) for electron, muon, tau; the three channels sum to 1."""
    return {"cascade": 1.0 - TRACK_FRACTION - DCASCADE_FRACTION, "track": TRACK_FRACTION, "dcascade": DCASCADE_FRACTION}


def angular_shape(tables: HeseTables, energy_gev: ArrayLike) -> Array:
    """S(E, c): effective area in true cos zenith relative to its mean over the sky; shape (energies, 10), mean 1 in every row.

    Linear in ln E between the tabulated bin centres, constant outside them.
    """
    rows = tables.area_coszen_m2 / tables.area_coszen_m2.mean(axis=1, keepdims=True)
    log_centres = np.log(TRUE_CENTRES_GEV[tables.first_area_bin :])
    log_energy = np.log(np.asarray(energy_gev, dtype=np.float64))
    shape = np.stack([np.interp(log_energy, log_centres, column) for column in rows.T], axis=1)
    return shape / shape.mean(axis=1, keepdims=True)


def cascade_cdf(tables: HeseTables, j: int) -> PchipInterpolator:
    """Cumulative distribution of y = log10(E_deposited / e_j) for cascades of true-energy bin j: monotone cubic through the tabulated edges.

    Call it through ``np.clip(y, cdf.x[0], cdf.x[-1])``: the distribution is constant outside.
    """
    row = tables.cascade_migration[j - tables.first_migration_bin]
    cumulated = np.concatenate([[0.0], np.cumsum(row)]) / row.sum()
    return PchipInterpolator(np.log10(TRUE_EDGES_GEV / TRUE_CENTRES_GEV[j]), cumulated)


def _cascade(tables: HeseTables, j: int, y: Array) -> Array:
    cdf = cascade_cdf(tables, j)
    return cdf(np.clip(y, cdf.x[0], cdf.x[-1]))


def _track(tables: HeseTables, j: int, y: Array) -> Array:
    """Gaussian in y, truncated at 0.12: a track cannot deposit much more than the neutrino's energy."""
    bias, width = tables.track_bias[j - tables.first_area_bin], tables.track_width[j - tables.first_area_bin]
    return np.minimum(ndtr((y - bias) / width) / ndtr((TRACK_Y_MAX - bias) / width), 1.0)


def energy_kernel(tables: HeseTables, channel: str, energy_gev: ArrayLike, deposited_edges_gev: ArrayLike) -> Array:
    """K(b | E): probability of deposited-energy bin b for a neutrino energy E in GeV; shape (energies, bins).

    The cumulative distributions of the two nearest true-energy bins are averaged linearly in ln E; none below the first tabulated centre
    (47.3 TeV). Double cascades use the kernel of cascades.
    """
    cumulative = _track if channel == "track" else _cascade
    energy = np.asarray(energy_gev, dtype=np.float64)
    first, last = tables.first_migration_bin, len(TRUE_CENTRES_GEV) - 1
    position = np.interp(np.log(energy), np.log(TRUE_CENTRES_GEV), np.arange(len(TRUE_CENTRES_GEV)))
    kernel = np.zeros((len(energy), len(np.asarray(deposited_edges_gev)) - 1))
    for i in np.flatnonzero(energy >= TRUE_CENTRES_GEV[first]):
        j = int(np.clip(np.floor(position[i]), first, last - 1))
        upper = np.clip(position[i] - j, 0.0, 1.0)
        y = np.log10(np.asarray(deposited_edges_gev) / energy[i])
        kernel[i] = np.diff((1.0 - upper) * cumulative(tables, j, y) + upper * cumulative(tables, j + 1, y))
    return kernel


def zenith_smearing(edges: ArrayLike, sigma_rad: float = CASCADE_SMEARING_RAD, order: int = 200) -> Array:
    """R[a, b] = P(reconstructed cos zenith in bin b | true cos zenith uniform in bin a).

    The reconstructed direction lies at an angle psi from the true one, with the density psi/sigma^2 exp(-psi^2 / 2 sigma^2), at a uniform
    azimuth. Gauss-Legendre in cos zenith and in psi (to 8 sigma); the azimuth is integrated analytically: on the circle of radius psi,
    cos zenith' = cos psi cos zenith + sin psi sin zenith cos(azimuth).
    """
    edges = np.asarray(edges, dtype=np.float64)
    nodes, weights = np.polynomial.legendre.leggauss(order)
    psi = 4.0 * sigma_rad * (nodes + 1.0)
    density = weights * psi * np.exp(-0.5 * (psi / sigma_rad) ** 2)
    density /= density.sum()
    matrix = np.empty((len(edges) - 1, len(edges) - 1))
    for a, (low, high) in enumerate(itertools.pairwise(edges)):
        cosine = 0.5 * (low + high) + 0.5 * (high - low) * nodes[:, None]
        reach = np.sin(psi) * np.sqrt(1.0 - cosine**2)
        below = [1.0 - np.arccos(np.clip((edge - np.cos(psi) * cosine) / reach, -1.0, 1.0)) / np.pi for edge in edges[1:-1]]
        inside = np.diff(np.stack([np.zeros_like(reach), *below, np.ones_like(reach)]), axis=0)
        matrix[a] = np.einsum("bcp,c,p->b", inside, 0.5 * weights, density)
    return matrix
